/* block.h - disk images and the drives guests see.  Requests are asynchronous: workers do the I/O, completions arrive in the loop
 * thread with the machine lock held. */
#ifndef CORE_BLOCK_BLOCK_H
#define CORE_BLOCK_BLOCK_H
#include "core/machine/error.h"
#include "core/machine/options.h"
#include "core/machine/text.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

struct machine;
struct device;
struct drive;
struct image;
struct node;
struct throttle;
enum { BLOCK_SECTOR = 512 };
enum drive_if { IF_NONE, IF_IDE, IF_FLOPPY, IF_SCSI, IF_VIRTIO };
enum block_op { BLOCK_READ, BLOCK_WRITE, BLOCK_FLUSH, BLOCK_DISCARD };
/* What to do when the host reports an error: tell the guest, pretend it worked, or stop the machine and try again at `cont`
 * (ENOSPC: stop only when the host's disk is full, else report). */
enum error_policy { ON_ERROR_REPORT, ON_ERROR_IGNORE, ON_ERROR_ENOSPC, ON_ERROR_STOP };

struct block_req {
	enum block_op op;
	uint64_t offset;                                 /* bytes */
	uint64_t length;                                 /* BLOCK_DISCARD: bytes; otherwise the sum of the iov */
	struct iovec *iov; int niov;                     /* host memory: buffers of the device or pinned guest RAM */
	void (*done)(struct block_req *r, int result);   /* loop thread, machine lock; 0 or -errno */
	void *arg;
	/* private to request.c */
	struct drive *drive;
	struct image *image;
	struct block_req *next;
	uint64_t bytes;
	int64_t started_ns;
	int result;
	uint8_t state;
};

struct drive_stats { uint64_t ops, bytes, time_ns; };

struct drive {
	struct machine *machine;
	char *id;                                        /* "ide0-hd0", "ide1-cd0", "floppy0", or id=; "" when a device made it for itself */
	bool anonymous;                                  /* so, and it goes with the device */
	enum drive_if interface; int bus, unit;
	bool cdrom, readonly;                            /* readonly: of the medium */
	bool removable, has_tray;                        /* set by the device that takes the drive */
	bool locked, tray_open;
	char *file;                                      /* NULL: no medium */
	const char *format;
	char node[32];                                   /* node name of the medium, "#block123" or the name the user chose */
	struct node *medium;                             /* node.h; NULL: the drive opened the image itself */
	uint64_t size;                                   /* bytes of the medium, a multiple of BLOCK_SECTOR */
	struct image *image;
	struct device *dev;                              /* the device that uses it, or NULL */
	/* Set by the device.  medium_changed: the medium went or came (the tray opened or closed).  eject_requested: the monitor asks the
	 * guest to let go of a locked medium. */
	void (*medium_changed)(void *arg, bool loaded);
	void (*eject_requested)(void *arg, bool force);
	void (*resized)(void *arg);                      /* size has changed under the device's feet */
	void *change_arg;
	struct drive_stats rd, wr, flush;
	int64_t last_ns;                                 /* host time of the last completion, 0 = none */
	unsigned in_flight;                              /* with the workers, or done but not yet told */
	enum error_policy werror, rerror;
	bool failed;                                     /* the machine was stopped because of it */
	char *cache;                                     /* cache= word: "writeback" ... */
	struct throttle *throttle;                       /* throttle.h; NULL: no limits */
	struct image_opts *opts;                         /* kept for `change` */
	struct drive *next;
	bool activity;                                   /* set by requests; the status line clears it */
};

/* Make a drive from one -drive.  Checks every key; locks the image as QEMU does.  The message carries no "-drive ...:" prefix. */
struct drive *drive_new(struct machine *m, const struct kv *kv, struct error *err);
/* An empty drive (no medium): what a PC has without any option, "ide1-cd0" and "floppy0". */
struct drive *drive_new_empty(struct machine *m, enum drive_if i, int bus, int unit, bool cdrom, struct error *err);
/* A device's own drive, without a name: empty, or with a node as its medium (an error when somebody has it).  The device gives it back with
 * drive_forget when it goes; that does nothing for other drives and NULL. */
struct drive *drive_new_anonymous(struct machine *m, struct node *n, struct error *err);
void drive_forget(struct drive *d);
struct drive *drive_find(struct machine *m, const char *id);
struct drive *drive_by_node(struct machine *m, const char *node);    /* whose medium has this node name */
struct drive *drive_at(struct machine *m, enum drive_if i, int bus, int unit);
struct drive *drive_first(struct machine *m);
/* After the board and all -device: a drive that was meant for a place the machine does not have is an error. */
bool drives_all_used(struct machine *m, struct error *err);
void drive_delete(struct drive *d);                      /* not in use by a device */
void blocks_free(struct machine *m);

/* A device takes the drive, or lets go of it. */
bool drive_attach(struct drive *d, struct device *dev, struct error *err);
void drive_detach(struct drive *d);
bool drive_loaded(const struct drive *d);                /* a medium is in and the tray is closed */
bool drive_writethrough(const struct drive *d);          /* every write reaches the medium before it completes */
void drive_set_writethrough(struct drive *d, bool on);
bool drive_discards(const struct drive *d);              /* discard=unmap */

/* Queue a request.  The iov must stay valid until done.  Without a medium the result is -ENOMEDIUM, past its end -EIO; both
 * also arrive through done, never inside drive_submit. */
void drive_submit(struct drive *d, struct block_req *r);
/* Take a request back: done is not called any more.  Waits for the worker when it is being carried out. */
void drive_cancel(struct drive *d, struct block_req *r);
/* Read at once, in the caller's thread: for what a device wants to know when it is made.  0 or -errno. */
int drive_read_now(struct drive *d, uint64_t offset, void *buf, size_t len);
/* Wait until nothing is in flight (machine lock held; completions run inside): reset, stop, save, quit.  Requests held back by the
 * error policy stay held. */
void drive_drain(struct machine *m);
/* The same, but what throttling holds back stays there.  Under -icount completions run only here and in drive_drain. */
void drive_finish(struct machine *m);
/* Any thread: would drive_finish have something to do? */
bool drive_busy(struct machine *m);

/* Machine standing still: requests that come now are not begun before the machine goes on; until they are let through again. */
void drives_hold(struct machine *m, bool on);

/* Monitor: put in another medium; take it out.  format NULL = probe; readonly -1 keeps, 0 wants it writable, 1 read-only. */
bool drive_change(struct drive *d, const char *file, const char *format, int readonly, struct error *err);
bool drive_eject(struct drive *d, bool force, struct error *err);
/* Monitor: a node becomes the medium of an empty drive whose tray, if it has one, is open. */
bool drive_insert_node(struct drive *d, struct node *n, struct error *err);
/* Monitor: another size, in bytes, of the image; the device is told through `resized`. */
bool drive_resize(struct drive *d, uint64_t size, struct error *err);
/* Monitor's and events' name of a drive: its own or that of its device; never empty while a device has it. */
const char *drive_label(const struct drive *d);
/* Monitor: write what snapshot=on collected into the image. */
bool drive_has_overlay(const struct drive *d);
bool drive_commit(struct drive *d, struct error *err);
/* Device: the guest moved the tray or (un)locked the door. */
void drive_set_tray(struct drive *d, bool open);
void drive_set_locked(struct drive *d, bool locked);

/* Lines of `info block` (one paragraph; verbose adds the image's data) and `info blockstats`. */
void drive_info(const struct drive *d, bool verbose, struct text *out);
void drive_info_node(const struct drive *d, bool verbose, struct text *out);      /* of info block -n, for a medium the drive opened itself */
void drive_info_stats(const struct drive *d, struct text *out);
#endif
