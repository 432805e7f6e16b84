/* gdbstub_priv.h - shared by the files of the gdb server. */
#ifndef CORE_DEBUG_GDBSTUB_PRIV_H
#define CORE_DEBUG_GDBSTUB_PRIV_H
#include "core/char/chardev.h"
#include "core/cpu/cpu.h"
#include "core/machine/machine.h"

/* Bytes between $ and #, as qSupported tells; and how much unread output makes the client's input wait. */
enum { GDB_PACKET = 16384, GDB_OUT_HIGH = 64 << 10 };
/* Numbers of errors, which no client tells apart: QEMU's. */
enum { GDB_BAD = 22 /* EINVAL */, GDB_FAULT = 14 /* EFAULT */ };
enum gdb_rx { RX_IDLE, RX_DATA, RX_ESCAPE, RX_SUM1, RX_SUM2 };
/* Bits of qqemu.sstep. */
enum { SSTEP_ENABLE = 1, SSTEP_NOIRQ = 2, SSTEP_NOTIMER = 4, SSTEP_ALL = 7 };
enum { SIG_INT = 2, SIG_QUIT = 3, SIG_ABORT = 6, SIG_TRAP = 5, SIG_STOP = 17 };

struct gdb_regs;
struct gdbstub {
	struct machine *m;
	struct chardev *chr;
	char *own_label;                /* of a chardev made for us, or NULL */
	struct listener listener;
	struct gdb_regs *regs;          /* layout; NULL until asked for */

	/* framing */
	enum gdb_rx rx;
	char in[GDB_PACKET + 1];        /* escapes undone */
	unsigned in_len;
	uint8_t sum, want;
	bool too_long, no_ack, next_no_ack;
	struct text out, last;          /* on its way to the chardev; the last packet, for a client that did not understand it */

	/* conversation */
	bool attached;                  /* a client is there and has not detached */
	bool waiting;                   /* it let the machine run and is owed a stop reply */
	bool busy;                      /* inside a packet */
	bool killed;                    /* by k: no last words */
	bool multiprocess, swbreak, hwbreak;
	bool phys;                      /* addresses are physical ones (qqemu.PhyMemMode) */
	unsigned sstep;
	unsigned cpu;                   /* of g, m, ...: set by Hg */
	unsigned run_cpu;               /* of c and s, and of a stop without a reason: set by Hc */
	unsigned next_listed;           /* thread list under way */
};

/* ---- gdbstub_packet.c ---- */
/* Bytes from the client: whole packets go to gdb_packet, ^C to gdb_interrupt. */
void gdb_bytes(struct gdbstub *s, const uint8_t *buf, unsigned len);
void gdb_framing_reset(struct gdbstub *s);
/* Queue a packet.  Bytes that have a meaning in the framing are escaped. */
void gdb_send(struct gdbstub *s, const char *data, size_t len);
void gdb_reply(struct gdbstub *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void gdb_error(struct gdbstub *s, int number);
static inline void gdb_ok(struct gdbstub *s) { gdb_reply(s, "OK"); }
void gdb_flush(struct gdbstub *s);
/* ---- words of packets ---- */
void gdb_hex_add(struct text *t, const void *buf, size_t len);
/* Two digits a byte, all of text; returns the number of bytes, -1 when it is none or more than size. */
int gdb_hex_bytes(const char *text, void *buf, size_t size);
/* Hexadecimal number at *p (at least a digit, at most 64 bits), which moves behind it. */
bool gdb_number(const char **p, uint64_t *v);
/* NUMBER followed by `then`, 0 = the end. */
bool gdb_number_then(const char **p, char then, uint64_t *v);
/* A thread-id.  *cpu: its vCPU, or -1 for all of them, -2 for any.  False: malformed, or no such thread. */
bool gdb_thread_id(const struct gdbstub *s, const char **p, int *cpu);
void gdb_put_thread(const struct gdbstub *s, unsigned cpu, struct text *t);

/* ---- gdbstub_commands.c ---- */
/* One packet, NUL-terminated. */
void gdb_packet(struct gdbstub *s, char *p, unsigned len);

/* ---- gdbstub_query.c: packets q and Q ---- */
void gdb_query(struct gdbstub *s, const char *p);
void gdb_set(struct gdbstub *s, const char *p);

/* ---- gdbstub_run.c ---- */
void gdb_attach(struct gdbstub *s);             /* a client has come: stop the machine */
void gdb_forget(struct gdbstub *s);             /* it has gone: breakpoints and steps go, the run state stays */
void gdb_detach(struct gdbstub *s);             /* it wants the machine to go on */
void gdb_need_stop(struct gdbstub *s);          /* before a packet is carried out */
void gdb_interrupt(struct gdbstub *s);
void gdb_machine_stopped(struct gdbstub *s);    /* EV_STOP */
void gdb_stop_reply(struct gdbstub *s);         /* to ?: where it stands */
/* Resume: a letter (c, s, r or 0 = stand still) for each vCPU. */
struct gdb_actions { char of[MAX_CPUS]; uint64_t start[MAX_CPUS], end[MAX_CPUS]; };
void gdb_resume(struct gdbstub *s, const struct gdb_actions *a);
void gdb_vcont(struct gdbstub *s, const char *p);

/* ---- gdbstub_regs.c ---- */
struct gdb_regs *gdb_regs_new(struct cpu *c);
void gdb_regs_free(struct gdb_regs *r);
/* The target description. */
const char *gdb_regs_xml(struct gdb_regs *r);
unsigned gdb_regs_count(const struct gdb_regs *r);
enum { GDB_REG_MAX = 16 };
/* Size in bytes, little-endian value in buf; 0: no such register. */
unsigned gdb_reg_get(const struct gdb_regs *r, struct cpu *c, unsigned n, uint8_t buf[GDB_REG_MAX]);
unsigned gdb_reg_size(const struct gdb_regs *r, unsigned n);
/* False: the CPU refuses the value. */
bool gdb_reg_set(const struct gdb_regs *r, struct cpu *c, unsigned n, const uint8_t *buf);
#endif
