/* command.c - see command.h. */
#include "tui/command.h"
#include "tui/actions.h"
#include "tui/pages.h"
#include "tui/panes.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOG_MOST = 64 << 10 };

void command_log(struct app *a, const char *fmt, ...)
{
	struct text *t = &a->command_log;
	char line[400];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	if (t->len > LOG_MOST) {                /* the older half goes, at a line's end */
		char *half = strchr(t->s + t->len / 2, '\n');
		size_t gone = half ? (size_t)(half + 1 - t->s) : t->len;
		memmove(t->s, t->s + gone, t->len - gone + 1);
		t->len -= gone;
	}
	text_printf(t, "%10.3f  %s\n", (double)a->st.virtual_ns / 1e9, line);
}

void command_monitor(struct app *a, const char *line, const char *title)
{
	struct text t = { 0 };
	command_log(a, "%s", line);
	vm_monitor(a->vm, line, &t);
	while (t.len && (t.s[t.len - 1] == '\n' || t.s[t.len - 1] == '\r'))
		t.s[--t.len] = 0;
	if (!t.len)
		app_message(a, "%s: done", line);
	else if (strchr(t.s, '\n') || t.len > (size_t)a->cols)
		app_popup(a, pager_view_new(a, title, t.s));
	else
		app_message(a, "%s", t.s);
	text_free(&t);
}

static void set_command(struct app *a, const char *args)
{
	char name[32] = "", value[512] = "";
	struct error err;
	sscanf(args, "%31s %511[^\n]", name, value);
	if (!app_set(a, name, value, &err))
		app_error(a, "%s", err.msg);
}

/* Commands with a word of their own after them; without one they say what they want.  False: none of these. */
static bool word_command(struct app *a, const char *line)
{
	static const struct { const char *word; void (*run)(struct app *a, const char *args); } commands[] = {
		{ "set", set_command }, { "log", channel_log_command }, { "record", record_command }, { "macro", page_macro }, { "layout", panes_load }, { "save-layout", panes_save },
	};
	size_t n = strcspn(line, " ");
	for (unsigned i = 0; i < sizeof commands / sizeof *commands; i++)
		if (strlen(commands[i].word) == n && !strncmp(line, commands[i].word, n) && (line[n] || strcmp(commands[i].word, "record"))) {
			commands[i].run(a, line + n + strspn(line + n, " "));
			return true;
		}
	return false;
}

void command_run(struct app *a, const char *typed)
{
	char buf[PROMPT_MAX * 4 + 1], *line = buf;
	snprintf(buf, sizeof buf, "%s", typed);
	for (size_t n = strlen(buf); n && buf[n - 1] == ' '; )
		buf[--n] = 0;
	line += strspn(line, " ");
	if (!*line)
		return;
	if (word_command(a, line))
		return;
	size_t len = strcspn(line, " ");
	for (unsigned i = 0; i < ACT_COUNT; i++)
		if (strlen(actions[i].name) == len && !strncmp(actions[i].name, line, len)) {
			int arg = atoi(line + len);
			if ((i == ACT_SELECT || i == ACT_SELECT_ALT) && arg < 1)
				app_error(a, "%s needs a number from 1 on", actions[i].name);
			else
				action_run(a, (enum action_id)i, arg);
			return;
		}
	if (!snapshots_command(a, line))
		command_monitor(a, line, line);
}

void command_complete(struct app *a, const char *line, struct text *out)
{
	size_t len = strlen(line);
	line += strspn(line, " ");
	if (!strchr(line, ' '))
		for (unsigned i = 0; i < ACT_COUNT; i++)
			if (!strncmp(actions[i].name, line, strlen(line)))
				text_printf(out, "%s\n", actions[i].name);
	if (len || !out->len)
		vm_monitor_complete(a->vm, line, out);
}
