/* qmp_schema.c - query-qmp-schema: the protocol's tables as data.  Types but the built-in ones go by numbers, arrays by "[TYPE]". */
#include "core/monitor/qmp_handlers.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Types as they are found; the number is the name.  What is still to be described comes after `done`. */
struct schema { json_t *list; struct { const char *text; size_t len; } *types; size_t n, cap, done; };

static const struct { const char *type, *name, *json; } builtins[] = { { "str", "str", "string" }, { "int", "int", "int" },
	{ "number", "number", "number" }, { "bool", "bool", "boolean" }, { "any", "any", "value" } };
enum { N_BUILTINS = sizeof(builtins) / sizeof(builtins[0]) };

/* Number of a type: the text of an object's members, or a name or words. */
static size_t intern(struct schema *s, const char *text, size_t len)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->types[i].len == len && !strncmp(s->types[i].text, text, len))
			return i;
	if (s->n == s->cap) {
		s->cap = s->cap ? s->cap * 2 : 256;
		s->types = realloc(s->types, s->cap * sizeof(*s->types));
		if (!s->types)
			abort();
	}
	s->types[s->n].text = text;
	s->types[s->n].len = len;
	return s->n++;
}

static void type_name(struct schema *s, const char *type, size_t len, char *buf, size_t size)
{
	char inner[28];

	for (size_t i = 0; i < N_BUILTINS; i++)
		if (strlen(builtins[i].type) == len && !strncmp(builtins[i].type, type, len)) {
			snprintf(buf, size, "%s", builtins[i].name);
			return;
		}
	if (*type == '[') {
		type_name(s, type + 1, len - 2, inner, sizeof(inner));
		intern(s, type, len);
		snprintf(buf, size, "[%s]", inner);
	} else {
		snprintf(buf, size, "%zu", intern(s, type, len));
	}
}

static void add(struct schema *s, const char *name, const char *meta, json_t *o)
{
	json_object_set_new(o, "name", json_string(name));
	json_object_set_new(o, "meta-type", json_string(meta));
	json_array_append_new(s->list, o);
}

static json_t *members(struct schema *s, const char *spec)
{
	json_t *list = json_array();
	struct qmp_member m;
	char type[32];

	while (qmp_next_member(&spec, &m)) {
		type_name(s, m.type, m.type_len, type, sizeof(type));
		json_t *o = json_pack("{s:s, s:s}", "name", m.name, "type", type);
		if (m.optional)
			json_object_set_new(o, "default", json_null());
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *words(const char *spec, size_t len)
{
	json_t *names = json_array(), *objects = json_array();
	const char *list = spec, *word;
	size_t n;

	while (list < spec + len && qmp_next_word(&list, &word, &n)) {
		json_array_append_new(names, json_stringn(word, n));
		json_array_append_new(objects, json_pack("{s:o}", "name", json_stringn(word, n)));
	}
	return json_pack("{s:o, s:o}", "members", objects, "values", names);
}

static json_t *choices(struct schema *s, const char *list)
{
	json_t *out = json_array();
	const char *word;
	char type[32];
	size_t n;

	while (qmp_next_word(&list, &word, &n)) {
		type_name(s, word, n, type, sizeof(type));
		json_array_append_new(out, json_pack("{s:s}", "type", type));
	}
	return out;
}

static json_t *variants(struct schema *s, const char *list)
{
	json_t *out = json_array();
	const char *word;
	char type[32];
	size_t n;

	while (qmp_next_word(&list, &word, &n)) {
		size_t name = strcspn(word, "=");
		const struct qmp_type *t = qmp_find_type(word + name + 1, n - name - 1);
		type_name(s, t ? t->name : "", t ? strlen(t->name) : 0, type, sizeof(type));
		json_array_append_new(out, json_pack("{s:o, s:s}", "case", json_stringn(word, name), "type", type));
	}
	return out;
}

static void describe(struct schema *s, size_t n)
{
	const char *text = s->types[n].text;
	size_t len = s->types[n].len;
	const struct qmp_type *t = qmp_find_type(text, len);
	char name[32], inner[28];

	snprintf(name, sizeof(name), "%zu", n);
	if (*text == '[') {
		type_name(s, text + 1, len - 2, inner, sizeof(inner));
		snprintf(name, sizeof(name), "[%s]", inner);
		add(s, name, "array", json_pack("{s:s}", "element-type", inner));
	} else if (t && t->kind == QMP_ENUM) {
		add(s, name, "enum", words(t->spec, strlen(t->spec)));
	} else if (t && t->kind == QMP_ALTERNATE) {
		add(s, name, "alternate", json_pack("{s:o}", "members", choices(s, t->spec)));
	} else if (t) {
		json_t *o = json_pack("{s:o}", "members", members(s, t->spec));
		if (t->kind == QMP_UNION) {
			json_object_set_new(o, "tag", json_string(t->tag));
			json_object_set_new(o, "variants", variants(s, t->variants));
		}
		add(s, name, "object", o);
	} else if (!len || memchr(text, ':', len)) {
		add(s, name, "object", json_pack("{s:o}", "members", members(s, text)));
	} else {
		add(s, name, "enum", words(text, len));
	}
}

static json_t *features(const struct qmp_cmd *c)
{
	static const char *const known[] = { "unstable", "deprecated", "json-cli", "json-cli-hotplug" };
	json_t *list = json_array();

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (qmp_flag(c, known[i]))
			json_array_append_new(list, json_string(known[i]));
	return list;
}

json_t *qmp_schema(void)
{
	struct schema s = { .list = json_array() };
	char arg[32], ret[32];

	intern(&s, "", 0);                      /* the empty object is type 0 */
	for (const struct qmp_cmd *c = qmp_commands; c->name; c++) {
		if (!qmp_works(c))
			continue;
		json_t *extra = features(c);
		type_name(&s, c->args, strlen(c->args), arg, sizeof(arg));
		if (*c->args)                   /* members, not a type's name */
			snprintf(arg, sizeof(arg), "%zu", intern(&s, c->args, strlen(c->args)));
		type_name(&s, c->ret, strlen(c->ret), ret, sizeof(ret));
		json_t *o = json_pack("{s:s, s:s}", "arg-type", arg, "ret-type", ret);
		if (qmp_flag(c, "oob"))
			json_object_set_new(o, "allow-oob", json_true());
		if (json_array_size(extra))
			json_object_set(o, "features", extra);
		json_decref(extra);
		add(&s, c->name, "command", o);
	}
	for (const struct qmp_event *e = qmp_events; e->name; e++) {
		snprintf(arg, sizeof(arg), "%zu", intern(&s, e->data, strlen(e->data)));
		add(&s, e->name, "event", json_pack("{s:s}", "arg-type", arg));
	}
	for (; s.done < s.n; s.done++)
		describe(&s, s.done);
	for (size_t i = 0; i < N_BUILTINS; i++)
		add(&s, builtins[i].name, "builtin", json_pack("{s:s}", "json-type", builtins[i].json));
	free(s.types);
	return s.list;
}
