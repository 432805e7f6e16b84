/* cmd_qom.c - the tree of objects at the prompt. */
#include "core/monitor/commands.h"
#include "core/monitor/internal.h"
#include "core/monitor/qom.h"
#include <stdlib.h>
#include <string.h>

HANDLER(cmd_qom_list)
{
	json_t *list = qom_list(x->m, arg_has(a, "path") ? arg_str(a, "path") : "/", err), *p;
	size_t i;

	json_array_foreach(list, i, p)
		text_printf(x->out, "%s (%s)\n", json_string_value(json_object_get(p, "name")), json_string_value(json_object_get(p, "type")));
	json_decref(list);
	return list != NULL;
}

HANDLER(cmd_qom_get)
{
	json_t *v = qom_get(x->m, arg_str(a, "path"), arg_str(a, "property"), err);
	char *s = v ? json_dumps(v, JSON_ENCODE_ANY | JSON_INDENT(4)) : NULL;

	if (s)
		text_printf(x->out, "%s\n", s);
	free(s);
	json_decref(v);
	return v != NULL;
}

HANDLER(cmd_qom_set)
{
	if (arg_flag(a, "json")) {
		json_error_t why;
		json_t *v = json_loads(arg_str(a, "value"), JSON_DECODE_ANY, &why);
		if (!v)
			return error_set(err, "JSON parse error, invalid keyword or value '%.100s'", arg_str(a, "value"));
		json_decref(v);
	}
	return qom_set(x->m, arg_str(a, "path"), arg_str(a, "property"), err);
}

static int by_leaf(const void *a, const void *b)
{
	return strcmp(qom_leaf(*(const struct qom_node *const *)a), qom_leaf(*(const struct qom_node *const *)b));
}

static void print_tree(const struct qom_tree *t, const struct qom_node *n, int indent, struct text *out)
{
	const struct qom_node **below = calloc(t->n, sizeof(*below));
	size_t count = 0;

	if (!below)
		abort();
	text_printf(out, "%*s/%s (%s)\n", indent, "", qom_leaf(n), n->type);
	for (size_t i = 0; i < t->n; i++)
		if (qom_is_child(n, &t->nodes[i]))
			below[count++] = &t->nodes[i];
	qsort(below, count, sizeof(*below), by_leaf);
	for (size_t i = 0; i < count; i++)
		print_tree(t, below[i], indent + 2, out);
	free(below);
}

HANDLER(info_qom_tree)
{
	const char *path = arg_has(a, "path") ? arg_str(a, "path") : "/machine";
	struct qom_tree *t = qom_build(x->m);
	const struct qom_node *n = qom_find(t, path, err);

	if (n)
		print_tree(t, n, 0, x->out);
	else
		text_printf(x->out, "Path '%s' could not be resolved.\n", path);
	qom_free(t);
	return true;
}
