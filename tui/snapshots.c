/* snapshots.c - see snapshots.h. */
#include "tui/snapshots.h"
#include "tui/app.h"
#include "tui/command.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SHOW_MS = 250 };
static const char *const words[] = { [VM_SNAPSHOT_SAVE] = "savevm", [VM_SNAPSHOT_LOAD] = "loadvm", [VM_SNAPSHOT_DELETE] = "delvm" };

/* ---- asking and waiting -------------------------------------------------------------------------------------------------------------- */

bool snapshots_ask(struct app *a, enum vm_snapshot_op op, const char *tag, const char *trigger)
{
	struct snapshots *s = &a->snapshots;
	struct error err;
	if (!vm_snapshot(a->vm, op, tag, &err)) {
		if (trigger)
			triggers_note(a, trigger, "snapshot", err.msg);
		app_error(a, "%s", err.msg);
		return false;
	}
	if (!trigger)
		command_log(a, strchr(tag, ' ') ? "%s \"%s\"" : *tag ? "%s %s" : "%s", words[op], tag);
	snprintf(s->trigger, sizeof s->trigger, "%s", trigger ? trigger : "");
	s->look_at = app_now_ms() + SHOW_MS;
	return true;
}

static void show_progress(struct app *a, const struct vm_snapshot_state *st)
{
	if (st->op == VM_SNAPSHOT_SAVE)
		app_message(a, "saving the machine ... %u%%", st->percent);
	else if (st->op == VM_SNAPSHOT_LOAD)
		app_message(a, "going back to %s ...", st->tag);
	else
		app_message(a, "deleting %s ...", st->tag);
}

static void show_end(struct app *a, const struct vm_snapshot_state *st)
{
	const char *trigger = a->snapshots.trigger;
	char text[VM_SNAPSHOT_TAG + 40];
	static const char *const ends[] = { [VM_SNAPSHOT_SAVE] = "kept as %s", [VM_SNAPSHOT_LOAD] = "the machine is as it was at %s", [VM_SNAPSHOT_DELETE] = "%s is deleted" };
	snprintf(text, sizeof text, ends[st->op], st->tag);
	if (*trigger)
		triggers_note(a, trigger, "snapshot", st->failed ? st->err.msg : text);
	if (st->failed)
		app_error(a, "%s", st->err.msg);
	else if (*trigger)
		app_message(a, "trigger %s: %s", trigger, text);
	else
		app_message(a, "%s", text);
}

void snapshots_work(struct app *a, int64_t now)
{
	struct snapshots *s = &a->snapshots;
	struct vm_snapshot_state st;
	if (!s->look_at)
		return;
	bool any = vm_snapshot_state(a->vm, &st);
	if (!any || !st.busy) {
		s->look_at = 0;
		if (any)
			show_end(a, &st);
	} else if (now >= s->look_at) {
		s->look_at = now + SHOW_MS;
		if (!a->message_until || !a->message_is_error)          /* a mistake stays its time: who asked for another one is to read it */
			show_progress(a, &st);
	}
}

/* ---- the monitor's words --------------------------------------------------------------------------------------------------------------- */

bool snapshots_command(struct app *a, const char *line)
{
	for (unsigned op = 0; op < sizeof words / sizeof *words; op++) {
		size_t n = strlen(words[op]);
		char tag[VM_SNAPSHOT_TAG];
		if (strncmp(line, words[op], n) || (line[n] && line[n] != ' '))
			continue;
		line += n + strspn(line + n, " ");
		size_t len = strlen(line);
		bool quoted = len > 1 && *line == '"' && line[len - 1] == '"';
		line += quoted;
		len -= quoted ? 2 : 0;
		if (len >= sizeof tag || (!len && op != VM_SNAPSHOT_SAVE) || memchr(line, '"', len) || memchr(line, '\\', len) || memchr(line, '|', len) ||
		    (!quoted && strchr(line, ' ')))
			return false;           /* the monitor says what is wrong with it */
		snprintf(tag, sizeof tag, "%.*s", (int)len, line);
		snapshots_ask(a, (enum vm_snapshot_op)op, tag, NULL);
		return true;
	}
	return false;
}

/* ---- menus ------------------------------------------------------------------------------------------------------------------------------ */

static void describe(const struct vm_snapshot_info *s, struct text *out)
{
	char date[32] = "";
	time_t when = (time_t)s->date;
	struct tm tm;
	if (localtime_r(&when, &tm))
		strftime(date, sizeof date, "%Y-%m-%d %H:%M:%S", &tm);
	unsigned long long ms = s->clock_ns / 1000000;
	text_printf(out, "%-20s %s  guest %llu.%03llu s  %llu MiB\n", s->tag, date, ms / 1000, ms % 1000, (unsigned long long)(s->size + (1 << 20) - 1) >> 20);
}

static const char *chosen(struct app *a) { return a->snapshots.list[a->snapshots.chosen].tag; }

static void confirmed(struct app *a, unsigned item)
{
	if (item == 1)
		snapshots_ask(a, VM_SNAPSHOT_DELETE, chosen(a), NULL);
}

static void ask_delete(struct app *a)
{
	char title[VM_SNAPSHOT_TAG + 20];
	snprintf(title, sizeof title, "Delete %.40s?", chosen(a));
	app_popup(a, menu_view_new(a, title, "no, keep it\nyes, delete it\n", 0, confirmed));
}

static void pick_what(struct app *a, unsigned item)
{
	if (item == 0)
		snapshots_ask(a, VM_SNAPSHOT_LOAD, chosen(a), NULL);
	else if (item == 1)
		ask_delete(a);
}

/* The first item is to take one. */
static void pick(struct app *a, unsigned item)
{
	if (!item) {
		snapshots_ask(a, VM_SNAPSHOT_SAVE, "", NULL);
		return;
	}
	a->snapshots.chosen = item - 1;
	app_popup(a, menu_view_new(a, chosen(a), "go back to it: memory, devices and disks\ndelete it\n", 0, pick_what));
}

static void pick_back(struct app *a, unsigned item)
{
	a->snapshots.chosen = item;
	snapshots_ask(a, VM_SNAPSHOT_LOAD, chosen(a), NULL);
}

static void pick_delete(struct app *a, unsigned item)
{
	a->snapshots.chosen = item;
	ask_delete(a);
}

static void open_menu(struct app *a, const char *title, const char *first, void (*picked)(struct app *a, unsigned item))
{
	struct snapshots *s = &a->snapshots;
	struct text t = { 0 };
	s->n = vm_snapshots(a->vm, s->list, SNAPSHOTS_LISTED);
	if (!s->n && !*first) {
		app_message(a, "there is no snapshot of this machine");
		return;
	}
	text_printf(&t, "%s", first);
	for (unsigned i = 0; i < s->n; i++)
		describe(&s->list[i], &t);
	app_popup(a, menu_view_new(a, title, t.s, 0, picked));
	text_free(&t);
}

void snapshots_menu(struct app *a) { open_menu(a, "Snapshots", "take one now\n", pick); }
void snapshots_menu_back(struct app *a) { open_menu(a, "Go back to", "", pick_back); }
void snapshots_menu_delete(struct app *a) { open_menu(a, "Delete a snapshot", "", pick_delete); }
