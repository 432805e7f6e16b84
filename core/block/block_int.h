/* block_int.h - shared by request.c, drive.c and options.c; nobody else looks in here. */
#ifndef CORE_BLOCK_BLOCK_INT_H
#define CORE_BLOCK_BLOCK_INT_H
#include "core/block/block.h"
#include "core/block/format.h"
#include "core/block/throttle.h"
#include "core/machine/machine.h"

enum { MAX_WORKERS = 8 };
struct req_list { struct block_req *head, **end; };

struct blocks {
	struct machine *machine;
	struct drive *drives, **drives_end;
	struct node *nodes;                     /* node.h; newest first */
	struct listener listener;
	bool holding;                           /* requests are held from the start (drives_hold) */
	unsigned none_count;                    /* names of drives without id=: "none0" ... */
	unsigned node_count;                    /* names of media: "#block100" ... */
	struct req_list held;                   /* failed, to be tried again when the machine goes on; machine lock */

	pthread_mutex_t lock;                   /* guards all below */
	pthread_cond_t work, finished;
	struct req_list queue, done;
	unsigned outstanding;                   /* queued, running or done but not told */
	unsigned n_threads, n_idle;
	pthread_t threads[MAX_WORKERS];
	bool posted;                            /* the loop has been asked to look at `done` */
	bool quitting;
};

struct blocks *blocks_get(struct machine *m);   /* made at first use */
void blocks_start(struct blocks *b);
void blocks_stop(struct blocks *b);             /* join the workers, forget held requests */
void drive_quiesce(struct drive *d);            /* wait for the drive's requests; they stay held if they fail */

/* drive_opts.c: what one -drive says, checked. */
struct drive_opts {
	const char *file, *format, *id, *cache;
	enum drive_if interface;
	int bus, unit, index;                   /* -1: not given */
	bool cdrom;
	enum error_policy werror, rerror;
	struct image_opts image;
	uint64_t limits[N_LIMITS];
};
bool drive_opts_parse(struct drive_opts *o, const struct kv *kv, bool snapshot, struct error *err);
extern const char *const drive_if_names[];
unsigned drive_units_per_bus(enum drive_if i);  /* 0: one bus without limit */
#endif
