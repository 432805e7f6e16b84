/* complete.c - what the last word of a monitor line may become. */
#include "core/block/block.h"
#include "core/block/node.h"
#include "core/char/ringbuf.h"
#include "core/machine/input.h"
#include "core/machine/machine.h"
#include "core/machine/snapstore.h"
#include "core/monitor/internal.h"
#include "core/monitor/names.h"
#include "core/monitor/qmp.h"
#include "core/monitor/qom.h"
#include <ctype.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct found { const char *word; size_t len; char **list; size_t n, cap; };

static void offer(struct found *f, const char *s, size_t n)
{
	if (n < f->len || strncmp(s, f->word, f->len))
		return;
	if (f->n == f->cap) {
		f->cap = f->cap ? f->cap * 2 : 32;
		f->list = realloc(f->list, f->cap * sizeof(*f->list));
		if (!f->list)
			abort();
	}
	f->list[f->n++] = strndup(s, n);
}

static void offer_names(struct found *f, const struct mon_cmd *table)
{
	for (; table->name; table++)
		for (const char *s = table->name; *s; s += strcspn(s, "|"), s += *s == '|')
			offer(f, s, strcspn(s, "|"));
}

static void offer_files(struct found *f)
{
	const char *slash = strrchr(f->word, '/');
	char dir[4096], path[8192];
	struct dirent *e;
	struct stat st;

	snprintf(dir, sizeof(dir), "%.*s", slash ? (int)(slash - f->word + 1) : 0, f->word);
	DIR *d = opendir(*dir ? dir : ".");
	if (!d)
		return;
	while ((e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s%s", dir, e->d_name);
		if (!stat(path, &st) && S_ISDIR(st.st_mode))
			strncat(path, "/", sizeof(path) - strlen(path) - 1);
		offer(f, path, strlen(path));
	}
	closedir(d);
}

/* The last of "ctrl-alt-del". */
static void offer_keys(struct found *f)
{
	const char *dash = strrchr(f->word, '-');
	char combo[256];
	int head = dash ? (int)(dash - f->word + 1) : 0;

	for (const struct key_name *k = key_names; k->name; k++) {
		snprintf(combo, sizeof(combo), "%.*s%s", head, f->word, k->name);
		offer(f, combo, strlen(combo));
	}
}

static void offer_list(struct found *f, const char *const *names)
{
	for (; *names; names++)
		offer(f, *names, strlen(*names));
}

/* ---- "driver,prop=value,...": the last part of it ------------------------------------------------------------------------------------ */

/* The list before its last comma, the key and, behind "=", the value that is being typed. */
struct part { const char *head; int head_len; char first[64], key[64]; bool in_value; };

static struct part last_part(const char *word)
{
	const char *comma = strrchr(word, ','), *eq = comma ? strchr(comma, '=') : NULL;
	struct part p = { .head = word, .head_len = comma ? (int)(comma - word + 1) : 0, .in_value = eq };

	snprintf(p.first, sizeof(p.first), "%.*s", (int)strcspn(word, ","), word);
	if (eq)
		snprintf(p.key, sizeof(p.key), "%.*s", (int)(eq - comma - 1), comma + 1);
	return p;
}

static void offer_part(struct found *f, const struct part *p, const char *text, size_t len, const char *end)
{
	char buf[512];
	int n = p->in_value ? snprintf(buf, sizeof(buf), "%.*s%s=%.*s%s", p->head_len, p->head, p->key, (int)len, text, end) :
		snprintf(buf, sizeof(buf), "%.*s%.*s%s", p->head_len, p->head, (int)len, text, end);

	if (n > 0 && (size_t)n < sizeof(buf))
		offer(f, buf, (size_t)n);
}

static void offer_text(struct found *f, const struct part *p, const char *text) { offer_part(f, p, text, strlen(text), p->in_value ? "" : "="); }

static void offer_buses(struct machine *m, struct found *f, const struct part *p, const char *type)
{
	for (struct device *d = m->devices; d; d = d->all_next)
		for (struct bus *b = d->buses; b; b = b->next)
			if (!strcmp(b->type, type))
				offer_text(f, p, b->name);
}

static void offer_drives(struct machine *m, struct found *f, const struct part *p)
{
	for (struct drive *d = drive_first(m); d; d = d->next)
		if (*d->id && !d->dev)
			offer_text(f, p, d->id);
	for (struct node *n = node_first(m); n; n = n->next)
		if (!n->parent && !n->drive)
			offer_text(f, p, n->name);
}

static void offer_values(struct machine *m, struct found *f, const struct part *p, const struct prop *prop)
{
	switch (prop->type) {
	case PROP_BOOL:
		offer_text(f, p, "off");
		offer_text(f, p, "on");
		break;
	case PROP_ENUM:
		for (const char *const *v = prop->values; *v; v++)
			offer_text(f, p, *v);
		break;
	case PROP_CHARDEV:
		for (struct chardev *c = chardev_first(m); c; c = c->next)
			offer_text(f, p, c->label);
		break;
	case PROP_DRIVE:
		offer_drives(m, f, p);
		break;
	default:
		break;
	}
}

static void offer_model(struct machine *m, struct found *f)
{
	struct part p = last_part(f->word);
	const struct device_desc *desc = p.head_len ? device_find_desc(p.first) : NULL;

	for (const struct device_desc *const *d = device_descs; !p.head_len && *d; d++)
		if ((*d)->user_creatable)
			offer(f, (*d)->name, strlen((*d)->name));
	if (!desc)
		return;
	for (const struct prop *prop = desc->props; prop && prop->type != PROP_END; prop++)
		if (!p.in_value)
			offer_text(f, &p, prop->name);
		else if (!strcmp(prop->name, p.key))
			offer_values(m, f, &p, prop);
	if (p.in_value && !strcmp(p.key, "bus"))
		offer_buses(m, f, &p, desc->bus);
	for (const char *const *k = (const char *const[]){ "bus", "id", NULL }; !p.in_value && *k; k++)
		offer_text(f, &p, *k);
	if (!p.in_value)
		offer_part(f, &p, "help", 4, "");
}

static void offer_backend(struct found *f)
{
	struct part p = last_part(f->word);

	for (const struct chardev_kind *const *k = chardev_kinds; *k; k++) {
		if (!p.head_len)
			offer(f, (*k)->name, strlen((*k)->name));
		for (const char *const *key = (*k)->keys; p.head_len && !p.in_value && !strcmp(p.first, (*k)->name) && key && *key; key++)
			offer_text(f, &p, *key);
	}
	for (const char *const *k = (const char *const[]){ "id", "logappend", "logfile", "mux", NULL }; p.head_len && !p.in_value && *k; k++)
		offer_text(f, &p, *k);
}

/* Objects: the machine protocol's description of their types says what they take. */
static void offer_object(struct found *f)
{
	const struct qmp_type *t = qmp_find_type("ObjectOptions", strlen("ObjectOptions"));
	const char *list = t->variants, *word;
	struct part p = last_part(f->word);
	struct qmp_member member;
	size_t n;

	while (qmp_next_word(&list, &word, &n)) {
		size_t name = strcspn(word, "=");
		const struct qmp_type *own = qmp_find_type(word + name + 1, n - name - 1);
		if (!p.head_len)
			offer(f, word, name);
		else if (!p.in_value && strlen(p.first) == name && !strncmp(p.first, word, name))
			for (const char *s = own->spec; qmp_next_member(&s, &member);)
				offer_text(f, &p, member.name);
	}
	if (p.head_len && !p.in_value)
		offer_text(f, &p, "id");
}

static void offer_snapshots(struct machine *m, struct found *f)
{
	char place[PATH_MAX];
	unsigned n = 0;
	struct snapshot_info *list = snapstore_place(m, place, NULL) ? snapstore_list(place, &n) : NULL;

	for (unsigned i = 0; i < n; i++)
		offer(f, list[i].tag, strlen(list[i].tag));
	free(list);
}

static void offer_kind(struct machine *m, struct found *f, const char *kind)
{
	if (!strcmp(kind, "device")) {
		for (struct device *d = m->devices; d; d = d->all_next)
			if (d->id)
				offer(f, d->id, strlen(d->id));
	} else if (!strcmp(kind, "model")) {
		offer_model(m, f);
	} else if (!strcmp(kind, "object")) {
		offer_object(f);
	} else if (!strcmp(kind, "objectid")) {
		for (const struct optlist *o = m->opt ? m->opt->objects : NULL; o; o = o->next)
			offer(f, kv_get(o->kv, "id"), strlen(kv_get(o->kv, "id")));
	} else if (!strcmp(kind, "block")) {
		for (struct drive *d = drive_first(m); d; d = d->next)
			if (*d->id)
				offer(f, d->id, strlen(d->id));
		for (struct node *n = node_first(m); n; n = n->next)
			offer(f, n->name, strlen(n->name));
	} else if (!strcmp(kind, "chardev") || !strcmp(kind, "ringbuf")) {
		for (struct chardev *c = chardev_first(m); c; c = c->next)
			if (*kind == 'c' || chr_is_ringbuf(c))
				offer(f, c->label, strlen(c->label));
	} else if (!strcmp(kind, "backend")) {
		offer_backend(f);
	} else if (!strcmp(kind, "command")) {
		offer_names(f, mon_commands);
	} else if (!strcmp(kind, "info")) {
		offer_names(f, mon_infos);
	} else if (!strcmp(kind, "file")) {
		offer_files(f);
	} else if (!strcmp(kind, "snapshot")) {
		offer_snapshots(m, f);
	} else if (!strcmp(kind, "key")) {
		offer_keys(f);
	} else if (!strcmp(kind, "qompath")) {
		struct qom_tree *t = qom_build(m);
		for (size_t i = 0; i < t->n; i++)
			offer(f, t->nodes[i].path, strlen(t->nodes[i].path));
		qom_free(t);
	} else if (!strcmp(kind, "migcap")) {
		offer_list(f, names_migrate_capabilities);
	} else if (!strcmp(kind, "migparam")) {
		offer_list(f, names_migrate_parameters);
	} else if (!strcmp(kind, "watchdog")) {
		offer_list(f, names_watchdog_actions);
	} else if (!strcmp(kind, "onoff")) {
		offer(f, "on", 2);
		offer(f, "off", 3);
	}
}

static int compare(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

/* The kind of word number n (0 = first) in "block file". */
static bool kind_at(const char *kinds, unsigned n, char *out, size_t size)
{
	for (; kinds && *kinds; kinds += strcspn(kinds, " "), kinds += strspn(kinds, " "))
		if (!n--) {
			snprintf(out, size, "%.*s", (int)strcspn(kinds, " "), kinds);
			return true;
		}
	return false;
}

void monitor_complete_line(struct machine *m, const char *line, struct text *out)
{
	struct found f = { .word = line + strlen(line) };
	const struct mon_cmd *cmd = NULL;
	char kind[16] = "command";
	unsigned words = 0;
	bool in_info = false, any = true;

	while (f.word > line && !isspace((unsigned char)f.word[-1]))
		f.word--;
	f.len = strlen(f.word);
	for (const char *p = line; p < f.word;) {
		size_t n = strcspn(p, " \t");
		if (n && p + n <= f.word) {
			if (!words++) {
				cmd = mon_find(mon_commands, p, n);
			} else if (words == 2 && cmd && mon_name_is(cmd->name, "info", 4)) {
				cmd = mon_find(mon_infos, p, n);
				in_info = true;
			} else if (*p == '-') {
				words--;        /* flags do not count */
			}
		}
		p += n + strspn(p + n, " \t");
	}
	if (words)
		any = cmd && kind_at(cmd->complete, words - 1 - in_info, kind, sizeof(kind));
	if (any)
		offer_kind(m, &f, kind);
	if (f.n)
		qsort(f.list, f.n, sizeof(*f.list), compare);
	for (size_t i = 0; i < f.n; i++) {
		if (!i || strcmp(f.list[i], f.list[i - 1]))
			text_printf(out, "%s\n", f.list[i]);
	}
	for (size_t i = 0; i < f.n; i++)
		free(f.list[i]);
	free(f.list);
}
