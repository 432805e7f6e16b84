/* monitor.h - one table of commands; HMP and QMP are two faces of it.
 *
 * A row names its arguments with types; the parser checks them before the handler runs.  Handlers run in the loop thread with the
 * machine lock held. */
#ifndef CORE_MONITOR_MONITOR_H
#define CORE_MONITOR_MONITOR_H
#include "core/machine/error.h"
#include "core/machine/text.h"
#include <stdbool.h>
#include <stdint.h>

struct machine;
struct monitor;
struct chardev;

/* Argument types, with the letters of the args string ("name:type,name:type?"):
 *   s string word   F file name   B block device   S rest of line   i 32-bit integer expression   l 64-bit expression
 *   M MiB, not negative   o size with suffix (default MiB)   b on|off   / format as in x /4xw   -X flag   -Xs flag with a word
 *   ? after the type = optional */
struct mon_args;
int64_t     arg_int(const struct mon_args *a, const char *name);
const char *arg_str(const struct mon_args *a, const char *name);        /* NULL when absent */
bool        arg_has(const struct mon_args *a, const char *name);
bool        arg_flag(const struct mon_args *a, const char *name);
struct mon_fmt { int count; char format; int size; };                   /* sticky as QEMU keeps it; size 0 for format i */
struct mon_fmt arg_fmt(const struct mon_args *a);

struct mon_ctx { struct machine *m; struct monitor *mon; struct text *out; unsigned cpu; };
struct mon_cmd {
	const char *name;               /* "quit|q" */
	const char *args;
	const char *params;             /* as help shows them: "[-f] device" */
	const char *help;               /* in our own words */
	/* Text to ctx->out.  False: err is printed as "Error: MSG" (or bare when it starts with '\1'; nothing when it is empty). */
	bool (*run)(struct mon_ctx *ctx, const struct mon_args *a, struct error *err);
	const char *complete;           /* kinds of words of the arguments, in order, by blanks: device model block chardev ringbuf backend info
	                                 * command file snapshot key onoff qompath migcap migparam watchdog; NULL none */
	const char *absent;             /* instead of run: what is said while this machine has nothing of the kind; %s: the first word given */
	const char *qmp;                /* the machine protocol's commands for it, by blanks; "" none */
};
extern const struct mon_cmd mon_commands[], mon_infos[];                /* end with name NULL */

struct monitors *monitors_new(struct machine *m);
void monitors_free(struct machine *m);
/* Attach an HMP monitor to a chardev (readline over bytes, CR LF), or with control a QMP one. */
struct monitor *monitor_attach(struct machine *m, struct chardev *c, bool control, bool pretty, struct error *err);
/* Is c's front end a monitor?  (For the UI: which consoles take monitor lines.) */
bool monitor_owns(struct machine *m, const struct chardev *c);
/* One line without a chardev: for the UI's palette and human-monitor-command.  Lines of out end in LF. */
void monitor_run_line(struct machine *m, const char *line, unsigned cpu, struct text *out);
/* The same for the workstation, whose lines may end in "| /regex/" (keep lines that match) or "| !/regex/" (drop them). */
void monitor_run_command(struct machine *m, const char *line, struct text *out);
/* What the last word of the line may become, one a line. */
void monitor_complete_line(struct machine *m, const char *line, struct text *out);
#endif
