/* args.c - the arguments of an HMP command, read by the types its row names. */
#include "core/cpu/cpu.h"
#include "core/debug/expr.h"
#include "core/machine/machine.h"
#include "core/monitor/internal.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { WORD_MAX = 4096 };

static const struct mon_arg *find(const struct mon_args *a, const char *name)
{
	for (unsigned i = 0; i < a->n; i++)
		if (!strcmp(a->a[i].name, name))
			return a->a[i].present ? &a->a[i] : NULL;
	return NULL;
}

bool arg_has(const struct mon_args *a, const char *name)  { return find(a, name) != NULL; }
bool arg_flag(const struct mon_args *a, const char *name) { return find(a, name) != NULL; }
struct mon_fmt arg_fmt(const struct mon_args *a)          { return a->fmt; }

int64_t arg_int(const struct mon_args *a, const char *name)
{
	const struct mon_arg *x = find(a, name);
	return x ? x->num : 0;
}

const char *arg_str(const struct mon_args *a, const char *name)
{
	const struct mon_arg *x = find(a, name);
	return x ? x->str : NULL;
}

void mon_args_free(struct mon_args *a)
{
	for (unsigned i = 0; i < a->n; i++)
		free(a->a[i].str);
	a->n = 0;
}

static void blanks(const char **p)
{
	while (isspace((unsigned char)**p))
		(*p)++;
}

static bool quoted(const char **p, char *buf, size_t size, struct error *err)
{
	static const char from[] = "nr\\'\"", to[] = "\n\r\\'\"";
	size_t n = 0;

	for ((*p)++; **p && **p != '"'; (*p)++) {
		char c = **p;
		if (c == '\\') {
			c = *++*p;
			const char *e = c ? strchr(from, c) : NULL;
			if (!e)
				return error_set(err, "unsupported escape code: '\\%c'", c);
			c = to[e - from];
		}
		if (n + 1 < size)
			buf[n++] = c;
	}
	buf[n] = 0;
	if (**p != '"')
		return error_set(err, "unterminated string");
	(*p)++;
	return true;
}

bool mon_word(const char **p, char *buf, size_t size, struct error *err)
{
	size_t n = 0;

	err->msg[0] = 0;
	blanks(p);
	*buf = 0;
	if (**p == '"')
		return quoted(p, buf, size, err);
	for (; **p && !isspace((unsigned char)**p); (*p)++)
		if (n + 1 < size)
			buf[n++] = **p;
	buf[n] = 0;
	return n > 0;
}

static bool parse_word(struct mon_arg *a, const struct mon_cmd *cmd, char type, const char **p, struct error *err)
{
	char *buf = malloc(WORD_MAX);
	struct error why;

	if (!buf)
		abort();
	if (!mon_word(p, buf, WORD_MAX, &why)) {
		free(buf);
		return error_set(err, "%s%s%s: %s expected", why.msg, *why.msg ? "\n" : "", cmd->name,
			type == 'F' ? "filename" : type == 'B' ? "block device name" : "string");
	}
	a->str = buf;
	a->present = true;
	return true;
}

static bool parse_rest(struct mon_arg *a, const struct mon_cmd *cmd, const char **p, struct error *err)
{
	blanks(p);
	if (!**p)
		return error_set(err, "%s: string expected", cmd->name);
	a->str = strdup(*p);
	a->present = a->str != NULL;
	*p += strlen(*p);
	return true;
}

/* "/4xw": what is not said stays as it was. */
static bool parse_fmt(struct monitor *mon, struct mon_fmt *f, const char **p, struct error *err)
{
	char format = 0;
	int size = 0;
	unsigned long count = 1;

	blanks(p);
	if (**p == '/') {
		(*p)++;
		if (isdigit((unsigned char)**p))
			count = strtoul(*p, (char **)p, 10);
		for (;; (*p)++) {
			if (**p && strchr("oduxic", **p))
				format = **p;
			else if (**p == 'b' || **p == 'h' || **p == 'w' || **p == 'g')
				size = **p == 'b' ? 1 : **p == 'h' ? 2 : **p == 'w' ? 4 : 8;
			else
				break;
		}
		if (**p && !isspace((unsigned char)**p))
			return error_set(err, "invalid char in format: '%c'", **p);
	}
	if (format)
		mon->format = format;
	f->format = mon->format;
	if (size && f->format != 'i')
		mon->size = size;
	f->size = f->format == 'i' ? 0 : mon->size;
	f->count = count > 1 << 20 ? 1 << 20 : (int)count;
	return true;
}

static bool parse_number(struct mon_arg *a, const struct mon_cmd *cmd, char type, bool file_follows, const struct cpu *cpu, const char **p, struct error *err)
{
	blanks(p);
	if (!expr_eval(p, cpu, file_follows, &a->num, err))
		return false;
	if (type == 'i' && (a->num >> 32))
		return error_set(err, "'%s' has failed: integer is for 32-bit values", cmd->name);
	if (type == 'M') {
		if (a->num < 0 || a->num > INT64_MAX >> 20)
			return error_set(err, a->num < 0 ? "enter a positive value" : "'%s' has failed: too large a size", cmd->name);
		a->num <<= 20;
	}
	a->present = true;
	return true;
}

static bool parse_switch(struct mon_arg *a, const char **p, struct error *err)
{
	char buf[8];
	struct error why;

	if (!mon_word(p, buf, sizeof(buf), &why) || (strcmp(buf, "on") && strcmp(buf, "off")))
		return error_set(err, "Expected 'on' or 'off'");
	a->num = !strcmp(buf, "on");
	a->present = true;
	return true;
}

static bool parse_bytes(struct mon_arg *a, const char **p, struct error *err)
{
	char buf[64];
	struct error why;
	uint64_t v;

	if (!mon_word(p, buf, sizeof(buf), &why) || !parse_size(buf, 1 << 20, &v))
		return error_set(err, "invalid size");
	a->num = (int64_t)v;
	a->present = true;
	return true;
}

/* Flags come before the other arguments; one that another row position takes is left for it. */
static bool parse_flag(struct mon_arg *a, const struct mon_cmd *cmd, char letter, bool word, const char **p, struct error *err)
{
	blanks(p);
	if (**p != '-')
		return true;
	if ((*p)[1] == letter && (!(*p)[2] || isspace((unsigned char)(*p)[2]))) {
		a->present = true;
		*p += 2;
		return !word || parse_word(a, cmd, 's', p, err);
	}
	for (const char *s = strchr(cmd->args, '-'); s; s = strchr(s + 1, '-'))
		if (s[1] == (*p)[1])
			return true;
	return error_set(err, "%s: unsupported option -%c", cmd->name, (*p)[1]);
}

static bool parse_one(struct monitor *mon, const struct mon_cmd *cmd, const char *spec, const struct cpu *cpu, struct mon_args *out, const char **p,
	struct error *err)
{
	struct mon_arg *a = &out->a[out->n++];
	size_t name = strcspn(spec, ":");
	const char *type = spec + name + 1, *next = strchr(spec, ',');
	bool optional = next ? next[-1] == '?' : spec[strlen(spec) - 1] == '?';

	snprintf(a->name, sizeof(a->name), "%.*s", (int)name, spec);
	if (*type == '-')
		return parse_flag(a, cmd, type[1], type[2] == 's', p, err);
	blanks(p);
	if (optional && !**p)
		return true;
	switch (*type) {
	case 's': case 'F': case 'B': return parse_word(a, cmd, *type, p, err);
	case 'S': return parse_rest(a, cmd, p, err);
	case '/': return parse_fmt(mon, &out->fmt, p, err);
	case 'b': return parse_switch(a, p, err);
	case 'o': return parse_bytes(a, p, err);
	default:
		return parse_number(a, cmd, *type, next && !strncmp(next, ",filename:", 10), cpu, p, err);
	}
}

bool mon_parse_args(struct monitor *mon, const struct mon_cmd *cmd, const char *line, unsigned cpu, struct mon_args *out, struct error *err)
{
	struct machine *m = mon->m;
	const struct cpu *c = cpu < m->n_cpus ? m->cpus[cpu] : NULL;

	memset(out, 0, sizeof(*out));
	for (const char *spec = cmd->args; spec && *spec && out->n < MON_ARGS_MAX;) {
		if (!parse_one(mon, cmd, spec, c, out, &line, err))
			return false;
		spec += strcspn(spec, ",");
		spec += *spec == ',';
	}
	blanks(&line);
	if (*line)
		return error_set(err, "%s: extraneous characters at the end of line", cmd->name);
	return true;
}
