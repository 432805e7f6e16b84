/* qmp_check.c - types of the machine protocol as text, and values held against them. */
#include "core/monitor/qmp.h"
#include <stdio.h>
#include <string.h>

bool qmp_flag(const struct qmp_cmd *c, const char *flag)
{
	const char *at = strstr(c->flags, flag);
	size_t n = strlen(flag);

	return at && (at == c->flags || at[-1] == ' ') && (!at[n] || at[n] == ' ');
}

bool qmp_works(const struct qmp_cmd *c)
{
	return !qmp_flag(c, "absent") && (c->run || !c->answer || *c->answer > *NO_COMMAND || *c->answer < *GENERIC);
}

const struct qmp_type *qmp_find_type(const char *name, size_t len)
{
	for (const struct qmp_type *t = qmp_types; t->name; t++)
		if (!strncmp(t->name, name, len) && !t->name[len])
			return t;
	return NULL;
}

bool qmp_next_member(const char **spec, struct qmp_member *out)
{
	const char *s = *spec;

	if (!s || !*s)
		return false;
	size_t n = strcspn(s, "?:");
	if (!s[n])                              /* the name of a type */
		return false;
	snprintf(out->name, sizeof(out->name), "%.*s", (int)n, s);
	out->optional = s[n] == '?';
	out->type = s + n + 1 + out->optional;
	out->type_len = strcspn(out->type, ",");
	*spec = out->type + out->type_len;
	*spec += **spec == ',';
	return true;
}

bool qmp_next_word(const char **list, const char **word, size_t *len)
{
	if (!*list || !**list)
		return false;
	*word = *list;
	*len = strcspn(*list, "|,");
	*list += *len;
	*list = **list == '|' ? *list + 1 : "";
	return true;
}

static bool is(const char *type, size_t len, const char *name) { return strlen(name) == len && !strncmp(type, name, len); }

static bool wrong(struct error *err, const char *path, const char *expected)
{
	return error_set(err, "Invalid parameter type for '%s', expected: %s", path, expected);
}

/* Among the words "a|b|c" of length len? */
static bool check_word(const char *words, size_t len, const json_t *v, const char *path, struct error *err)
{
	const char *got = json_string_value(v), *name = strrchr(path, '.'), *word, *list = words;
	size_t n;

	if (!got)
		return wrong(err, path, "string");
	while (list < words + len && qmp_next_word(&list, &word, &n))
		if (strlen(got) == n && !strncmp(got, word, n))
			return true;
	return error_set(err, "Parameter '%s' does not accept value '%.200s'", name ? name + 1 : path, got);
}

static bool check_members(const char *spec, const char *more, const json_t *v, bool open, const char *path, struct error *err);

static bool check_union(const struct qmp_type *t, const json_t *v, const char *path, struct error *err)
{
	const char *list = t->variants, *word, *tag = json_string_value(json_object_get(v, t->tag));
	size_t n;

	for (const char *spec = t->spec; tag && qmp_next_word(&list, &word, &n);) {
		size_t name = strcspn(word, "=");
		if (strlen(tag) != name || strncmp(tag, word, name))
			continue;
		const struct qmp_type *extra = qmp_find_type(word + name + 1, n - name - 1);
		return check_members(spec, extra ? extra->spec : "", v, false, path, err);
	}
	return check_members(t->spec, "", v, true, path, err);      /* complains about the tag */
}

static bool check_value(const char *type, size_t len, const json_t *v, const char *path, struct error *err);

/* One of several types: the one that fits the value's kind. */
static bool check_alternate(const struct qmp_type *t, const json_t *v, const char *path, struct error *err)
{
	const char *list = t->spec, *word;
	size_t n;

	while (qmp_next_word(&list, &word, &n)) {
		const struct qmp_type *o = qmp_find_type(word, n);
		bool object = o && o->kind != QMP_ENUM;
		if (object == json_is_object(v) && (object || json_is_string(v)))
			return check_value(word, n, v, path, err);
	}
	return wrong(err, path, t->name);
}

static bool check_value(const char *type, size_t len, const json_t *v, const char *path, struct error *err)
{
	char name[256];
	size_t i;
	json_t *e;

	if (is(type, len, "any"))
		return true;
	if (is(type, len, "str"))
		return json_is_string(v) || wrong(err, path, "string");
	if (is(type, len, "int"))
		return json_is_integer(v) || wrong(err, path, "integer");
	if (is(type, len, "number"))
		return json_is_number(v) || wrong(err, path, "number");
	if (is(type, len, "bool"))
		return json_is_boolean(v) || wrong(err, path, "boolean");
	if (*type == '[') {
		if (!json_is_array(v))
			return wrong(err, path, "array");
		json_array_foreach(v, i, e) {
			snprintf(name, sizeof(name), "%.200s[%zu]", path, i);
			if (!check_value(type + 1, len - 2, e, name, err))
				return false;
		}
		return true;
	}
	const struct qmp_type *t = qmp_find_type(type, len);
	if (!t)
		return check_word(type, len, v, path, err);
	if (t->kind == QMP_ENUM)
		return check_word(t->spec, strlen(t->spec), v, path, err);
	if (t->kind == QMP_ALTERNATE)
		return check_alternate(t, v, path, err);
	if (!json_is_object(v))
		return wrong(err, path, "object");
	return t->kind == QMP_UNION ? check_union(t, v, path, err) : check_members(t->spec, "", v, false, path, err);
}

static bool has_member(const char *spec, const char *name)
{
	struct qmp_member m;

	while (qmp_next_member(&spec, &m))
		if (!strcmp(m.name, name))
			return true;
	return false;
}

/* spec and more: the members of an object and of its variant. */
static bool check_members(const char *spec, const char *more, const json_t *v, bool open, const char *path, struct error *err)
{
	struct qmp_member m;
	const char *key;
	char name[256];
	json_t *x;

	for (int part = 0; part < 2; part++)
		for (const char *s = part ? more : spec; qmp_next_member(&s, &m);) {
			x = json_object_get(v, m.name);
			snprintf(name, sizeof(name), "%.180s%s%s", path, *path ? "." : "", m.name);
			if (!x && !m.optional)
				return error_set(err, "Parameter '%s' is missing", name);
			if (x && !check_value(m.type, m.type_len, x, name, err))
				return false;
		}
	json_object_foreach((json_t *)v, key, x)
		if (!open && !has_member(spec, key) && !has_member(more, key))
			return error_set(err, "Parameter '%.180s%s%.60s' is unexpected", path, *path ? "." : "", key);
	return true;
}

bool qmp_check(const char *spec, const json_t *args, bool open, struct error *err)
{
	const struct qmp_type *t = qmp_find_type(spec, strlen(spec));

	return t ? check_value(spec, strlen(spec), args, "", err) : check_members(spec, "", args, open, "", err);
}

const char *qmp_members(const struct qmp_cmd *c)
{
	const struct qmp_type *t = qmp_find_type(c->args, strlen(c->args));

	return t ? t->spec : c->args;
}

bool qmp_fits(const char *type, const json_t *value, struct error *err)
{
	return *type ? check_value(type, strlen(type), value, "return", err) :
		json_is_object(value) && !json_object_size(value) ? true : wrong(err, "return", "empty object");
}
