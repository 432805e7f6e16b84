/* internal.h - shared by the files of core/monitor. */
#ifndef CORE_MONITOR_INTERNAL_H
#define CORE_MONITOR_INTERNAL_H
#include "core/char/chardev.h"
#include "core/monitor/monitor.h"
#include "core/monitor/readline.h"
#include <stddef.h>

struct plug_ops;
struct qmp;
struct watch;
struct monitor {
	struct machine *m;
	struct chardev *chr;            /* NULL: the one behind monitor_run_line */
	struct readline *line;          /* HMP */
	struct qmp *qmp;                /* QMP */
	struct text out;                /* on its way to the chardev, line ends already CR LF */
	/* taken from the chardev, not carried out yet; small: a client that floods gets a share of the loop, not the loop */
	uint8_t typed[256]; unsigned typed_at, typed_len;
	unsigned cpu;                   /* set by `cpu` */
	char format; int size;          /* sticky formats of x, xp, print, i */
	char *history;                  /* file in which what is typed here is kept, or NULL */
	bool focused, greeted;          /* of a mux: has the input; has shown its banner */
	struct monitor *next;
};
struct monitors { struct monitor *first; struct monitor anonymous; unsigned mouse_buttons; char watchdog_action[16]; bool dumped; struct watch *watches;
	const struct plug_ops *plug; void *plug_arg;    /* plug.h */
	const struct cpu_plug_ops *cpu_plug; void *cpu_plug_arg;
	struct chardev *asking;         /* of the QMP command that is being carried out */ };

enum { MON_ARGS_MAX = 10 };
struct mon_arg { char name[24]; bool present; int64_t num; char *str; };
struct mon_args { struct mon_arg a[MON_ARGS_MAX]; unsigned n; struct mon_fmt fmt; };

/* args.c: read the arguments of cmd at line.  False: err is the complaint (without the Try line). */
bool mon_parse_args(struct monitor *mon, const struct mon_cmd *cmd, const char *line, unsigned cpu, struct mon_args *out, struct error *err);
void mon_args_free(struct mon_args *a);
/* One word, quotes undone.  False: none there, or (with a message) malformed. */
bool mon_word(const char **p, char *buf, size_t size, struct error *err);

/* hmp.c */
/* Run one line.  False: what was printed tells why the command did not. */
bool hmp_run(struct monitor *mon, const char *line, unsigned cpu, struct text *out);
/* Is word one of "name|alias"? */
bool mon_name_is(const char *names, const char *word, size_t len);
const struct mon_cmd *mon_find(const struct mon_cmd *table, const char *word, size_t len);
void hmp_help(const char *name, struct text *out);

/* monitor.c: add to what goes to the chardev. */
void monitor_print(struct monitor *mon, const char *s, size_t len);     /* LF becomes CR LF */
void monitor_flush(struct monitor *mon);
void monitor_run_filtered(struct monitor *mon, const char *line, struct text *out);     /* "COMMAND | /regex/" */
void monitor_go_on(struct monitor *mon);                                /* what made the monitor wait is over */

/* Registers may be looked at between these two (the vCPUs stand still). */
void mon_park(struct machine *m);
void mon_unpark(struct machine *m);

/* qmp.c */
struct qmp *qmp_new(struct monitor *mon, bool pretty);
void qmp_free(struct qmp *q);
void qmp_opened(struct qmp *q);
void qmp_closed(struct qmp *q);
void qmp_input(struct qmp *q, const uint8_t *buf, unsigned len);
bool qmp_waiting(const struct qmp *q);                  /* a command has not been answered yet: take no more input */
#endif
