/* monitor-doc.c - print docs/monitor.md from the monitor's tables.  `make docs` runs it; the lint test compares. */
#include "core/monitor/commands.h"
#include "core/monitor/qmp_handlers.h"
#include <stdio.h>
#include <string.h>

static const char intro[] =
	"# The monitor\n\n"
	"This page is written by `make docs` from the tables in `core/monitor/*.def`; change those.\n\n"
	"The monitor is QEMU's: a pane of the workstation (Ctrl-a c), `-monitor DEV`, or `-mon chardev=ID`. Several may be open at once. Machines talk\n"
	"to the machine protocol (QMP) on `-qmp DEV`, `-qmp-pretty DEV` or `-mon chardev=ID,mode=control[,pretty=on]`.\n\n"
	"    vmux -monitor unix:/tmp/mon,server,nowait -qmp unix:/tmp/qmp,server,nowait disk.img\n"
	"    socat -,raw,echo=0 UNIX:/tmp/mon\n\n"
	"## Typing\n\n"
	"Lines are edited as in a shell (arrows, Ctrl-A, Ctrl-E, Ctrl-W, Ctrl-R; Tab completes commands, devices, drives, paths and files), the last 64\n"
	"are kept. Numbers are expressions: `+ - * / % & | ^ ~`, parentheses, `0x` hex, leading `0` octal, `'c'` a character, `$eax`, `$pc`, `$cs` ... a\n"
	"register of the chosen CPU. `x /10i $pc` disassembles, `p /x 1+2` prints; count, format (`x d u o c i`) and size (`b h w g`) stand after the\n"
	"slash, format and size stay for the next time. Text with blanks stands in double quotes.\n\n"
	"In the workstation a line may end in a filter: `info qtree | /addr =/` keeps the lines that match the regular expression, `info mtree | !/ram/`\n"
	"drops them.\n\n"
	"What this build has not got answers with one sentence that says so; such commands are marked with a dagger (†).\n";

static void code(const char *s) { printf("`%s`", s); }

/* No handler, or one that only says what is missing. */
static bool is_absent(const struct mon_cmd *c)
{
	bool (*const sorry[])(struct mon_ctx *, const struct mon_args *, struct error *) = { cmd_aer, cmd_block_absent, cmd_drive_absent, cmd_block_passwd,
		cmd_client_migrate_info, cmd_cpu_add, cmd_hostfwd, cmd_mce, cmd_migrate, cmd_migrate_capability, cmd_migrate_continue,
		cmd_migrate_parameter, cmd_nbd_add, cmd_nbd_start, cmd_netdev_add, cmd_nothing, cmd_password, cmd_qemu_io, cmd_singlestep, cmd_sync_profile,
		cmd_wavcapture, info_migrate_capabilities, info_stats, info_trace_events };

	for (size_t i = 0; i < sizeof(sorry) / sizeof(sorry[0]); i++)
		if (c->run == sorry[i])
			return true;
	return !c->run;
}

static void rows(const char *title, const char *lead, const struct mon_cmd *table)
{
	printf("\n## %s\n\n", title);
	for (const struct mon_cmd *c = table; c->name; c++) {
		printf("- `%s%s%s%s`%s: %s", lead, c->name, *c->params ? " " : "", c->params, is_absent(c) ? "†" : "", c->help);
		if (*c->qmp) {
			printf(" (QMP: ");
			for (const char *s = c->qmp; *s; s += strcspn(s, " "), s += strspn(s, " "))
				printf("%s`%.*s`", s == c->qmp ? "" : ", ", (int)strcspn(s, " "), s);
			printf(")");
		}
		printf("\n");
	}
}

static void spec(const char *s)
{
	struct qmp_member m;
	bool first = true;

	while (qmp_next_member(&s, &m)) {
		printf("%s%s%s: %.*s", first ? "" : ", ", m.name, m.optional ? "?" : "", (int)m.type_len, m.type);
		first = false;
	}
}

static void commands(void)
{
	printf("\n## Commands of the machine protocol\n\n"
		"`{\"execute\": NAME, \"arguments\": {...}, \"id\": ANY}` is answered by `{\"return\": ..., \"id\": ANY}` or `{\"error\": {\"class\": ..., \"desc\": ...},\n"
		"\"id\": ANY}`, after `qmp_capabilities` has been sent once. An argument with `?` may be left out. `query-qmp-schema` gives the same as data, but for the\n"
		"commands marked †, which can only fail.\n\n");
	for (const struct qmp_cmd *c = qmp_commands; c->name; c++) {
		bool absent = !qmp_works(c) || c->run == qmp_rx_filter || c->run == qmp_migrate_set_capabilities;
		bool named = qmp_find_type(c->args, strlen(c->args));
		printf("- `%s %s", c->name, named ? "" : "{");
		if (named)
			printf("%s`%s", c->args, absent ? "†" : "");
		else
			spec(c->args);
		if (!named)
			printf("%s}`%s", qmp_flag(c, "open") ? ", ..." : "", absent ? "†" : "");
		if (*c->ret) {
			printf(" gives ");
			code(c->ret);
		}
		printf(": %s%s%s%s\n", c->help, qmp_flag(c, "oob") ? "; may be sent out of band (`exec-oob`)" : "", qmp_flag(c, "unstable") ? "; may change" : "",
			qmp_flag(c, "deprecated") ? "; old" : "");
	}
}

static void events(void)
{
	printf("\n## Events of the machine protocol\n\n");
	for (const struct qmp_event *e = qmp_events; e->name; e++) {
		printf("- `%s {", e->name);
		spec(e->data);
		printf("}`: %s%s\n", e->help, e->pause_ms ? "; at most one a second" : "");
	}
}

static void types(void)
{
	printf("\n## Types of the machine protocol\n\n");
	for (const struct qmp_type *t = qmp_types; t->name; t++) {
		printf("- **%s**: ", t->name);
		if (t->kind == QMP_ENUM) {
			code(t->spec);
		} else {
			printf("`{");
			spec(t->spec);
			printf("}`");
		}
		if (t->kind == QMP_UNION)
			printf(", and by `%s`: `%s`", t->tag, t->variants);
		printf("\n");
	}
}

int main(void)
{
	fputs(intro, stdout);
	rows("Commands", "", mon_commands);
	rows("What `info` shows", "info ", mon_infos);
	commands();
	events();
	types();
	return 0;
}
