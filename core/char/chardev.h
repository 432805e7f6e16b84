/* chardev.h - character back ends: one interface with back-pressure in both directions.
 *
 * A front end (UART, monitor, debug console, qtest) opens a chardev and exchanges bytes.  Everything runs with the machine lock held,
 * in the loop thread or (writes, accept_input) in a vCPU thread; nothing blocks.  A front end's callbacks are only called from the
 * loop thread and never from inside its own chardev_write or chardev_accept_input. */
#ifndef CORE_CHAR_CHARDEV_H
#define CORE_CHAR_CHARDEV_H
#include "core/machine/error.h"
#include "core/machine/options.h"
#include "core/machine/text.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct machine;
struct chardev;
enum chr_event { CHR_OPENED, CHR_CLOSED, CHR_BREAK, CHR_MUX_IN /* this front end got the input focus */, CHR_MUX_OUT,
	CHR_RESIZED /* chardev_size gives something else now */ };

/* Front end's half. */
struct chr_front {
	unsigned (*can_read)(void *arg);                         /* how many bytes it takes now; NULL: input is thrown away */
	void (*read)(void *arg, const uint8_t *buf, unsigned len);       /* len <= what can_read said */
	void (*can_write)(void *arg);                            /* after a short chardev_write: there is room again */
	void (*event)(void *arg, enum chr_event ev);
	void *arg;
	bool told_size;                                          /* its user, the guest, is told the terminal's size */
	bool trickles;                                           /* writes byte by byte: they may be collected for a millisecond */
	const char *name;                                        /* for the user of a mux: "COM1", "monitor"; or NULL */
	/* What its user sees on the current line (a prompt, a half-typed command): printed anew after another front end's lines.  Or NULL. */
	void (*redraw)(void *arg, struct text *out);
};

struct serial_params { unsigned baud, data_bits, stop_bits; char parity; /* 'N' 'E' 'O' 'M' 'S' */ };
enum { CHR_DTR = 1, CHR_RTS = 2, CHR_CTS = 4, CHR_DSR = 8, CHR_RI = 16, CHR_DCD = 32 };

/* Register accesses of a parallel port, for back ends that are one. */
enum chr_pp_op { CHR_PP_READ_DATA, CHR_PP_WRITE_DATA, CHR_PP_READ_STATUS, CHR_PP_READ_CONTROL, CHR_PP_WRITE_CONTROL, CHR_PP_EPP_READ_ADDR,
	CHR_PP_EPP_READ_DATA, CHR_PP_EPP_WRITE_ADDR, CHR_PP_EPP_WRITE_DATA };

/* Back end's half: one const table a kind, in one file a kind.  The kind's state (priv) begins with its struct chardev *, so that
 * chardev-change can hand it to the chardev it replaces. */
struct chardev_kind {
	const char *name;                                        /* "file", "socket" ... as -chardev spells it */
	const char *alias;                                       /* second spelling or NULL */
	const char *const *keys;                                 /* accepted parameters beside id, mux, logfile, logappend; or NULL */
	bool batch;                                              /* a write costs a system call: small ones in quick succession are collected */
	bool (*open)(struct chardev *c, const struct kv *kv, struct error *err);
	void (*close)(struct chardev *c);
	ssize_t (*write)(struct chardev *c, const uint8_t *buf, size_t len);     /* bytes taken; fewer = full, chr_can_write comes later */
	void (*accept_input)(struct chardev *c);                 /* front end has room again: deliver what was held back, by chr_post */
	void (*work)(struct chardev *c);                         /* loop thread, after chr_post */
	int (*take_fd)(struct chardev *c);                       /* a descriptor the peer passed, the caller's now; -1: none.  Or NULL */
	size_t (*pull)(struct chardev *c, uint8_t *buf, size_t len);     /* input that lies ready, at once; or NULL */
	void (*set_params)(struct chardev *c, const struct serial_params *p);
	void (*set_lines)(struct chardev *c, unsigned dtr_rts);
	unsigned (*get_lines)(struct chardev *c);                /* CTS, DSR, RI, DCD */
	void (*send_break)(struct chardev *c, bool on);
	bool (*pp_register)(struct chardev *c, enum chr_pp_op op, uint8_t *val);        /* a real parallel port; false: nothing answered */
	bool (*size)(struct chardev *c, unsigned *cols, unsigned *rows);                /* as chardev_size; or NULL */
};
extern const struct chardev_kind chardev_braille, chardev_file, chardev_msmouse, chardev_null, chardev_parport, chardev_pipe, chardev_pty,
	chardev_ringbuf, chardev_serial, chardev_socket, chardev_stdio, chardev_testdev, chardev_udp, chardev_vc, chardev_wctablet;
extern const struct chardev_kind *const chardev_kinds[];         /* NULL-terminated, chardev.c */

struct chardev {
	const struct chardev_kind *kind;
	struct machine *machine;
	char *label;                                             /* id */
	char *filename;                                          /* as info chardev prints it: "pty:/dev/pts/3" */
	bool opened;                                             /* a peer is there */
	struct chr_front front;                                  /* front.arg valid when attached */
	bool attached;
	struct chr_mux *mux;                                     /* mux=on: several front ends */
	struct chardev *mux_base_of;                             /* the mux chardev that sits on this one */
	int log_fd;                                              /* logfile=, -1 = none */
	/* Output that a full disk (or its like) refused, in bytes, and why the last time; the same for the log.  Shown by info chardev. */
	uint64_t lost, log_lost;
	int lost_errno, log_lost_errno;
	void *priv;                                              /* the kind's own state */
	struct chardev *next;
	/* private to chardev.c and batch.c */
	struct text out; unsigned out_timer; int64_t last_write_ns;      /* collected output, when it goes, when some last went */
	bool want_write;                                         /* the front end waits for can_write */
	bool announce;                                           /* the front end has to be told CHR_OPENED */
	bool posted, removed;
};

/* New back end from -chardev text or a parsed list (label from id=, kind from backend=).  Registered by its label. */
struct chardev *chardev_new(struct machine *m, const struct kv *kv, struct error *err);
/* The short form of -serial, -monitor ...: "file:x", "mon:stdio", "telnet::4444,server,nowait", "chardev:ID", "null".
 * *none is set (and NULL returned without error) for "none".  mon: makes a mux and attaches a monitor to it.  The message may be empty
 * when nothing is to be said beside the option's own line. */
struct chardev *chardev_new_short(struct machine *m, const char *label, const char *spec, bool *none, struct error *err);
/* The same for the command line: option is "-serial", "-parallel", "-monitor", "-qmp", "-debugcon", "-gdb" ...  The message is whole: its
 * first line says the option, hints follow, the option's own closing line is the last; only the first one lacks "PROG: ". */
struct chardev *chardev_from_option(struct machine *m, const char *option, const char *label, const char *spec, bool *none, struct error *err);
struct chardev *chardev_find(struct machine *m, const char *label);
/* Refuses one that is in use, or that a mux stands on. */
bool chardev_remove(struct machine *m, const char *label, struct error *err);
/* Replace the back end, keep label and front end.  The old one stays when the new one cannot be opened. */
bool chardev_change(struct machine *m, const char *label, const struct kv *kv, struct error *err);
/* Before loop_free; front ends may be gone already. */
void chardevs_free(struct machine *m);
/* For listing: first chardev, follow ->next (order of creation). */
struct chardev *chardev_first(struct machine *m);
/* The kinds, for -chardev help. */
void chardev_help(struct text *out);
/* Where notes like "char device redirected to /dev/pts/3 (label x)" go: a monitor's output, or NULL = stdout (start-up). */
void chardevs_say_to(struct machine *m, struct text *out);

/* Front end side.  Attach takes the (or with mux a further) front-end place; false: busy. */
bool chardev_attach(struct chardev *c, const struct chr_front *f, struct error *err);
void chardev_detach(struct chardev *c, void *arg);
/* Bytes taken (possibly fewer than len; then can_write follows). */
size_t chardev_write(struct chardev *c, void *front_arg, const uint8_t *buf, size_t len);
/* Input that lies ready, up to len bytes, in the caller's thread; 0: none, or it comes by read().  Then chardev_accept_input. */
size_t chardev_pull(struct chardev *c, uint8_t *buf, size_t len);
/* Room appeared in the front end. */
void chardev_accept_input(struct chardev *c, void *front_arg);
void chardev_set_params(struct chardev *c, const struct serial_params *p);
void chardev_set_lines(struct chardev *c, unsigned dtr_rts);
unsigned chardev_get_lines(struct chardev *c);
/* The oldest descriptor that the peer of a unix socket has passed (SCM_RIGHTS): the caller's now.  -1: there is none. */
int chardev_take_fd(struct chardev *c);
void chardev_send_break(struct chardev *c, bool on);     /* guest's UART sends a break */
/* How many columns and rows the terminal at the other end shows.  False: nobody knows (both 0).  CHR_RESIZED says when that changes. */
bool chardev_size(struct chardev *c, unsigned *cols, unsigned *rows);
/* Is a real parallel port behind it?  Then registers are accessed there. */
bool chardev_is_parport(struct chardev *c);
bool chardev_pp_register(struct chardev *c, enum chr_pp_op op, uint8_t *val);

/* Back end side; loop thread but for chr_post. */
unsigned chr_can_read(struct chardev *c);
void chr_deliver(struct chardev *c, const uint8_t *buf, unsigned len);
void chr_event(struct chardev *c, enum chr_event ev);
void chr_can_write(struct chardev *c);
void chr_post(struct chardev *c);                        /* any thread with the machine lock: kind->work from the loop, soon */
void chr_filename(struct chardev *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void chr_say(struct machine *m, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Start-up: the option that is being carried out, "-serial tcp:...,server", for lines on stderr. */
void chr_set_context(struct machine *m, const char *option, const char *arg);
const char *chr_context(struct machine *m);
/* len bytes of output could not be kept (of the log: of the copy in logfile=), because of error e.  Counted; the first time logged. */
void chr_lost(struct chardev *c, size_t len, int e, bool of_log);
bool chr_starting(struct machine *m);                    /* nothing runs yet: waiting for a peer is allowed */
/* key=on|off; absent leaves *out alone. */
bool chr_bool(const struct kv *kv, const char *key, bool *out, struct error *err);
/* Lists for kv parameters made by hand. */
bool chr_kv_add(struct kv **list, const char *key, const char *val);

/* The front end, or collected output, waits for room. */
static inline bool chr_has_more(const struct chardev *c) { return c->want_write || c->out.len; }

/* batch.c: output on its way to a kind that wants it in larger pieces. */
size_t chr_batch_write(struct chardev *c, const uint8_t *buf, size_t len);
bool chr_batch_flush(struct chardev *c);                         /* false: some is left, the kind is full */
void chr_batch_end(struct chardev *c);                           /* before the kind is closed: waits a moment for a slow reader */
void chr_batch_drop(struct chardev *c);

/* mux.c */
void chr_enlist(struct machine *m, struct chardev *c);           /* chardev.c: mux.c makes its chardevs itself */
struct chardev *chr_mux_new(struct machine *m, const char *label, struct chardev *base, struct error *err);
bool chr_mux_attach(struct chr_mux *x, const struct chr_front *f, struct error *err);
void chr_mux_detach(struct chr_mux *x, void *arg);
size_t chr_mux_write(struct chr_mux *x, void *arg, const uint8_t *buf, size_t len);
void chr_mux_accept_input(struct chr_mux *x, void *arg);
struct chardev *chr_mux_base(struct chr_mux *x);
bool chr_mux_in_use(const struct chr_mux *x);

/* chardev.c's own, seen by its neighbours through chr_shared(). */
struct chr_shared {
	struct vcs *vcs;                                 /* vc.c */
	struct chardev *stdio;                           /* the one that has stdin and stdout */
	struct tls_creds *tls;                           /* tls_*.c */
};
struct chr_shared *chr_shared(struct machine *m);
#endif
