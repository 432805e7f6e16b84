/* vc.h - text consoles (chardev kind "vc"): the front end's half.
 *
 * Two rings of bytes a console, one producer and one consumer each: guest or monitor -> UI, UI -> guest or monitor.  The ring to the UI
 * gives back-pressure (chardev_write takes less when it is full); the UI drains it whatever its terminal does. */
#ifndef CORE_CHAR_VC_H
#define CORE_CHAR_VC_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
struct machine;
struct chardev;

/* Consoles in order of creation.  Machine lock held.  The memory of a console that was removed stays until the machine ends. */
unsigned vc_count(struct machine *m);
struct chardev *vc_at(struct machine *m, unsigned n);
void vc_size(const struct chardev *c, unsigned *cols, unsigned *rows);           /* as asked for by vc:80Cx24C; 0 = any */
void vc_resize(struct chardev *c, unsigned cols, unsigned rows);                 /* what the UI gives it: the front end is told, CHR_RESIZED */

/* UI thread, without the machine lock.  Read: bytes printed since; after taking some from a full ring the writer is told (loop_post).
 * Write: bytes typed; returns how many found room; they are delivered by the loop as the front end takes them. */
size_t vc_read(struct chardev *c, uint8_t *buf, size_t len);
size_t vc_write(struct chardev *c, const uint8_t *buf, size_t len);
bool vc_readable(const struct chardev *c);                                       /* any thread */

/* fn is called (any thread, at most once between two vc_ack) when a console has bytes to read, room for more typing, or the list of
 * consoles changes.  Until someone has asked for that, consoles keep the newest output only and never hold the guest back. */
void vc_set_wake(struct machine *m, void (*fn)(void *arg), void *arg);
void vc_ack(struct machine *m);

/* For core/char and the monitor. */
struct vcs;
void vcs_free(struct vcs *s);
unsigned vc_cols(const struct chardev *c);                                       /* shown width; 0 unknown or not a vc */
#endif
