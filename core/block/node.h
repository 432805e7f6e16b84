/* node.h - named images (-blockdev, blockdev-add): a file, and what reads it; drives take one as their medium.
 *
 * Drivers: file and host_device (a file of this computer), raw (another node, or a part of it), null-co and null-aio (zeroes that
 * keep nothing).  A node has at most one user: the node that lies on it, or the drive whose medium it is.  Machine lock held. */
#ifndef CORE_BLOCK_NODE_H
#define CORE_BLOCK_NODE_H
#include "core/block/format.h"
#include "core/machine/options.h"

struct machine;
struct drive;
enum { NODE_NAME = 32 };                                 /* bytes with the zero */
struct node {
	struct machine *machine;
	char name[NODE_NAME];
	const char *driver;
	struct image *image;                             /* what reads and writes it */
	bool implicit;                                   /* given inside its parent's description: goes with it */
	struct node *below;                              /* raw: what it lies on */
	struct node *parent;                             /* its user, or */
	struct drive *drive;                             /* its user */
	struct node *next;
};

/* Make a node, and those described inside it, of key=value pairs; node-name= is needed.  The message has no prefix. */
struct node *node_new(struct machine *m, const struct kv *kv, struct error *err);
/* Close it and what was described inside it.  Error: it is in use, or there is none of that name. */
bool node_delete(struct machine *m, const char *name, struct error *err);
struct node *node_find(struct machine *m, const char *name);
struct node *node_first(struct machine *m);              /* newest first */
/* A drive takes the node as its medium (nobody may have it), or lets go of it. */
bool node_take(struct node *n, struct drive *d, struct error *err);
void node_release(struct node *n);
void node_info(const struct node *n, bool verbose, struct text *out);   /* its paragraph of info block -n */
void nodes_free(struct machine *m);
/* Names of the drivers, NULL-terminated. */
extern const char *const node_drivers[];

/* passthrough.c: images that lie on others or on nothing. */
extern const struct image_format format_window, format_null;
/* [offset, offset + size) of `below`, which stays its owner's; size UINT64_MAX: all that is there. */
struct image *image_window(struct image *below, const struct image_opts *o, uint64_t offset, uint64_t size, struct error *err);
struct image *image_null(const struct image_opts *o, uint64_t size);
#endif
