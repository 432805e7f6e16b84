/* hmp.c - from a typed line to a command, and the words for what went wrong. */
#include "core/cpu/vcpu.h"
#include "core/machine/machine.h"
#include "core/monitor/internal.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

bool mon_name_is(const char *names, const char *word, size_t len)
{
	for (const char *s = names;; s += strcspn(s, "|") + 1) {
		size_t n = strcspn(s, "|");
		if (n == len && !strncmp(s, word, n))
			return true;
		if (!s[n])
			return false;
	}
}

const struct mon_cmd *mon_find(const struct mon_cmd *table, const char *word, size_t len)
{
	for (; table->name; table++)
		if (mon_name_is(table->name, word, len))
			return table;
	return NULL;
}

void mon_park(struct machine *m)
{
	if (m->accel && m->accel->runs_guest && m->state == RUN_RUNNING)
		vcpu_park_all(m);
}

void mon_unpark(struct machine *m)
{
	if (m->accel && m->accel->runs_guest && m->state == RUN_RUNNING && !m->quitting)
		vcpu_resume_all(m);
}

/* ---- help -------------------------------------------------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
	return strcmp((*(const struct mon_cmd *const *)a)->name, (*(const struct mon_cmd *const *)b)->name);
}

static void usage(const char *lead, const struct mon_cmd *c, struct text *out)
{
	text_printf(out, "%s%s %s -- %s\n", lead, c->name, c->params, c->help);
}

static void list(const char *lead, const struct mon_cmd *table, struct text *out)
{
	const struct mon_cmd *rows[256];
	size_t n = 0;

	for (; table->name && n < sizeof(rows) / sizeof(rows[0]); table++)
		rows[n++] = table;
	qsort(rows, n, sizeof(rows[0]), by_name);
	for (size_t i = 0; i < n; i++)
		usage(lead, rows[i], out);
}

void hmp_help(const char *name, struct text *out)
{
	const char *lead = "";
	const struct mon_cmd *table = mon_commands, *c;

	if (!name || !*name) {
		list("", mon_commands, out);
		return;
	}
	if (!strcmp(name, "log")) {
		usage("", mon_find(mon_commands, "log", 3), out);
		log_help(out);
		return;
	}
	size_t n = strcspn(name, " \t");
	const char *rest = name + n + strspn(name + n, " \t");
	if (n == 4 && !strncmp(name, "info", 4)) {
		if (!*rest) {
			list("info ", mon_infos, out);
			return;
		}
		lead = "info ";
		table = mon_infos;
		name = rest;
		n = strcspn(name, " \t");
	}
	if ((c = mon_find(table, name, n)))
		usage(lead, c, out);
	else
		text_printf(out, "unknown command: '%s%s'\n", lead, name);
}

/* ---- running ----------------------------------------------------------------------------------------------------------------------- */

static const char *skip(const char *p)
{
	while (isspace((unsigned char)*p))
		p++;
	return p;
}

/* A command's name ends at a blank or at the "/" of a format: p/x. */
static size_t name_length(const char *p)
{
	size_t n = 0;

	while (p[n] && p[n] != '/' && !isspace((unsigned char)p[n]))
		n++;
	return n;
}

/* %s of the row is the first word of the arguments. */
static void say_absent(const struct mon_cmd *cmd, const struct mon_args *a, struct text *out)
{
	const char *word = "";

	for (unsigned i = a->n; i--;)
		if (a->a[i].str)
			word = a->a[i].str;
	for (const char *s = cmd->absent; *s; s++)
		if (s[0] == '%' && s[1] == 's') {
			text_add(out, word, strlen(word));
			s++;
		} else {
			text_add(out, s, 1);
		}
}

/* True: what was printed is the command's own output. */
static bool call(struct monitor *mon, const struct mon_cmd *cmd, const char *args, const char *typed, size_t typed_len, unsigned cpu, struct text *out)
{
	struct mon_args a;
	bool done = false;
	struct error err = { "" };
	bool registers = strchr(args, '$') != NULL;

	if (registers)
		mon_park(mon->m);
	bool parsed = mon_parse_args(mon, cmd, args, cpu, &a, &err);
	if (registers)
		mon_unpark(mon->m);
	if (!parsed) {
		text_printf(out, "%s\nTry \"help %.*s\" for more information\n", err.msg, (int)typed_len, typed);
	} else if (!cmd->run) {
		say_absent(cmd, &a, out);
	} else {
		struct mon_ctx ctx = { .m = mon->m, .mon = mon, .out = out, .cpu = cpu };
		chardevs_say_to(mon->m, out);
		done = cmd->run(&ctx, &a, &err);
		if (!done && *err.msg)
			text_printf(out, "%s%s\n", *err.msg == '\1' ? "" : "Error: ", err.msg + (*err.msg == '\1'));
		chardevs_say_to(mon->m, NULL);
	}
	mon_args_free(&a);
	return done;
}

bool hmp_run(struct monitor *mon, const char *line, unsigned cpu, struct text *out)
{
	const char *start = skip(line), *p = start;
	size_t n = name_length(p);
	const struct mon_cmd *cmd = mon_find(mon_commands, p, n);

	if (!*start)
		return true;
	p += n;
	if (cmd && mon_name_is(cmd->name, "info", 4) && *skip(p)) {
		p = skip(p);
		n = name_length(p);
		cmd = mon_find(mon_infos, p, n);
		p += n;
	}
	if (cmd)
		return call(mon, cmd, p, start, (size_t)(p - start), cpu, out);
	text_printf(out, "unknown command: '%.*s'\n", (int)(p - start), start);
	return false;
}

void monitor_run_line(struct machine *m, const char *line, unsigned cpu, struct text *out)
{
	if (m->monitors)
		hmp_run(&m->monitors->anonymous, line, cpu, out);
}
