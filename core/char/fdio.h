/* fdio.h - a pair of descriptors behind a chardev: non-blocking, back-pressure both ways, what a vanished peer sent last is kept. */
#ifndef CORE_CHAR_FDIO_H
#define CORE_CHAR_FDIO_H
#include "core/char/chardev.h"

enum { CHR_FDS_MAX = 16 };

/* Members of a kind's state; its first one, so that priv begins with the chardev. */
struct chr_fd {
	struct chardev *c;
	int in, out;                    /* -1: none; may be the same */
	bool socket;                    /* send() rather than write() */
	bool in_wait, out_wait;         /* the front end, the peer has no room */
	bool in_eof;                    /* nothing more will come */
	bool takes_fds;                 /* a unix socket: descriptors may come with the bytes */
	int passed[CHR_FDS_MAX]; unsigned n_passed;     /* oldest first */
	bool broken;                    /* a write failed: gone() follows from the loop */
	uint8_t *held; size_t held_len, held_pos;       /* input read ahead, or of a peer that hung up before the front end took it */
	size_t held_break;                              /* in front of which of its bytes a break came; SIZE_MAX: none */
	/* telnet, or NULL: takes the protocol out of what came, in place, and returns the new length; *break_at: where in it a break came,
	 * else -1. */
	unsigned (*decode)(struct chr_fd *f, uint8_t *buf, unsigned len, int *break_at);
	/* TLS, or NULL: as read() and write(). */
	ssize_t (*recv)(struct chr_fd *f, uint8_t *buf, size_t len);
	ssize_t (*send)(struct chr_fd *f, const uint8_t *buf, size_t len);
	bool (*flush)(struct chr_fd *f);        /* before can_write: protocol bytes that wait; false: no room yet.  Or NULL */
	/* The peer hung up, or its half of the stream ended.  Loop thread.  May stop and close. */
	void (*gone)(struct chr_fd *f);
};
/* Take over in and out (they become non-blocking) and watch them. */
void chr_fd_start(struct chr_fd *f, struct chardev *c, int in, int out);
/* Stop watching; the caller closes the descriptors.  Held input stays for the front end. */
void chr_fd_stop(struct chr_fd *f);
void chr_fd_free(struct chr_fd *f);             /* stop, and drop what is held */
/* Bytes taken.  Without an open peer everything is taken and lost. */
size_t chr_fd_write(struct chr_fd *f, const uint8_t *buf, size_t len);
/* Write what waits in t and keep the rest.  True: nothing is left. */
bool chr_fd_drain(struct chr_fd *f, struct text *t);
void chr_fd_accept(struct chr_fd *f);           /* for accept_input */
void chr_fd_work(struct chr_fd *f);             /* for work */
/* As above but for use as the ops of a kind whose priv is or begins with a struct chr_fd. */
ssize_t chr_fd_op_write(struct chardev *c, const uint8_t *buf, size_t len);
void chr_fd_op_accept(struct chardev *c);
void chr_fd_op_work(struct chardev *c);
int chr_fd_op_take(struct chardev *c);
size_t chr_fd_op_pull(struct chardev *c, uint8_t *buf, size_t len);
#endif
