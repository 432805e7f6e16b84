/* config.c - option files of -readconfig and -writeconfig: [group "id"] lines and key = "value" lines under them. */
#include "core/machine/options.h"
#include "core/machine/text.h"
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Groups and the options that they stand for. */
static const struct { const char *group, *option; } groups[] = {
	{ "machine", "machine" }, { "accel", "accel" }, { "memory", "m" }, { "smp-opts", "smp" },
	{ "name", "name" }, { "rtc", "rtc" }, { "boot-opts", "boot" }, { "drive", "drive" },
	{ "chardev", "chardev" }, { "mon", "mon" }, { "device", "device" }, { "global", "global" },
	{ "netdev", "netdev" }, { "object", "object" }, { "fw_cfg", "fw_cfg" }, { "icount", "icount" } };
enum { N_GROUPS = sizeof(groups) / sizeof(groups[0]) };

static void add_quoted(struct text *t, const char *s)
{
	for (; *s; s++)
		text_printf(t, "%s%c", *s == ',' ? "," : "", *s);
}

/* ---- reading ---------------------------------------------------------------------------------------------------------------------------- */

struct reader { struct options *o; const char *file; unsigned line, at; int group; struct text arg; };

/* The group that has ended becomes an option. */
static bool finish_group(struct reader *r, struct error *err)
{
	bool ok = true;

	if (r->group >= 0 && r->arg.len)
		ok = options_apply(r->o, groups[r->group].option, r->arg.s, err) || error_prefix(err, "%s:%u: ", r->file, r->at);
	text_free(&r->arg);
	r->group = -1;
	return ok;
}

static bool start_group(struct reader *r, char *line, struct error *err)
{
	char name[64], id[128] = "";
	int n = 0;

	if (!finish_group(r, err))
		return false;
	if ((sscanf(line, "[%63[a-zA-Z0-9_-] \"%127[^\"]\"]%n", name, id, &n) != 2 || !n) && (*id = 0, sscanf(line, "[%63[a-zA-Z0-9_-]]%n", name, &n) != 1 || !n))
		return error_set(err, "%s:%u: parse error", r->file, r->line);
	for (int i = 0; i < N_GROUPS; i++)
		if (!strcmp(groups[i].group, name))
			r->group = i;
	if (r->group < 0)
		return error_set(err, "%s:%u: There is no option group '%s'", r->file, r->line, name);
	r->at = r->line;
	if (*id)
		text_printf(&r->arg, "id=%s", id);
	return true;
}

static bool read_line(struct reader *r, char *line, struct error *err)
{
	char key[64], *value;
	int n = 0;

	if (*line == '[')
		return start_group(r, line, err);
	if (sscanf(line, " %63[a-zA-Z0-9_.-] = \"%n", key, &n) != 1 || !n)
		return error_set(err, "%s:%u: parse error", r->file, r->line);
	value = line + n;
	char *end = strrchr(value, '"');
	if (!end || end[1])
		return error_set(err, "%s:%u: parse error", r->file, r->line);
	if (r->group < 0)
		return error_set(err, "%s:%u: no group defined", r->file, r->line);
	*end = 0;
	text_printf(&r->arg, "%s%s=", r->arg.len ? "," : "", key);
	add_quoted(&r->arg, value);
	return true;
}

bool config_read(struct options *o, const char *file, struct error *err)
{
	struct reader r = { .o = o, .file = file, .group = -1 };
	FILE *in = fopen(file, "re");
	char *line = NULL;
	size_t cap = 0;
	bool ok = true;

	if (!in)
		return error_set(err, "-readconfig %s: Could not open '%s': %s", file, file, strerror(errno));
	for (ssize_t n; ok && (n = getline(&line, &cap, in)) >= 0;) {
		r.line++;
		while (n && isspace((unsigned char)line[n - 1]))
			line[--n] = 0;
		char *p = line + strspn(line, " \t");
		if (*p && *p != '#')
			ok = read_line(&r, p, err);
	}
	ok = ok && finish_group(&r, err);
	text_free(&r.arg);
	free(line);
	fclose(in);
	return ok;
}

/* ---- writing ---------------------------------------------------------------------------------------------------------------------------- */

static void write_list(FILE *out, const char *group, const struct optlist *l)
{
	for (; l; l = l->next) {
		const char *id = kv_get(l->kv, "id");
		fprintf(out, id ? "[%s \"%s\"]\n" : "[%s]\n", group, id);
		for (const struct kv *k = l->kv; k; k = k->next)
			if (strcmp(k->key, "id"))
				fprintf(out, "  %s = \"%s\"\n", k->key, k->val);
		fputc('\n', out);
	}
}

bool config_write(const struct options *o, const char *file, struct error *err)
{
	bool to_stdout = !strcmp(file, "-");
	FILE *out = to_stdout ? stdout : fopen(file, "we");

	if (!out)
		return error_set(err, "-writeconfig %s: Could not open '%s': %s", file, file, strerror(errno));
	fprintf(out, "# vmux config file\n\n[machine]\n  type = \"%s\"\n", o->machine ? o->machine : "pc");
	if (o->accel)
		fprintf(out, "  accel = \"%s\"\n", o->accel);
	fprintf(out, "\n[memory]\n  size = \"%lluM\"\n\n", (unsigned long long)(o->ram_bytes >> 20));
	if (o->icount.on)
		fprintf(out, "[icount]\n  shift = \"%u\"\n  sleep = \"%s\"\n\n", o->icount.shift, o->icount.sleep ? "on" : "off");
	if (o->name)
		fprintf(out, "[name]\n  guest = \"%s\"\n\n", o->name);
	if (o->boot_order)
		fprintf(out, "[boot-opts]\n  order = \"%s\"\n\n", o->boot_order);
	write_list(out, "drive", o->drives);
	write_list(out, "chardev", o->chardevs);
	write_list(out, "mon", o->mons);
	write_list(out, "device", o->devices);
	write_list(out, "global", o->globals);
	write_list(out, "fw_cfg", o->fw_cfg);
	bool bad = ferror(out) || fflush(out);
	if (!to_stdout)
		bad |= fclose(out) != 0;
	return !bad || error_set(err, "-writeconfig %s: Could not write '%s': %s", file, file, strerror(errno));
}
