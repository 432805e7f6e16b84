/* qmp_options.c - query-command-line-options: the options' own syntax texts, taken apart. */
#include "core/machine/options.h"
#include "core/monitor/qmp_handlers.h"
#include <stdio.h>
#include <string.h>

static bool is_name(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_'; }

static const char *value_type(const char *value)
{
	if (!strncmp(value, "on", 2) && !is_name(value[2]))
		return "boolean";
	if (*value == 'N' && !is_name(value[1]))
		return strncmp(value, "N[K", 3) ? "number" : "size";
	return "string";
}

/* Each "name=" of "-boot [order=]LETTERS[,once=LETTERS][,menu=on|off]". */
static json_t *parameters(const char *syntax)
{
	json_t *list = json_array();
	char name[48];

	for (const char *eq = strchr(syntax, '='); eq; eq = strchr(eq + 1, '=')) {
		const char *s = eq, *value = eq + 1 + (eq[1] == ']');
		while (s > syntax && is_name(s[-1]))
			s--;
		snprintf(name, sizeof(name), "%.*s", (int)(eq - s), s);
		if (*name >= 'a' && strcmp(name, "prop") && strcmp(name, "feat"))  /* those stand for any name */
			json_array_append_new(list, json_pack("{s:s, s:s}", "name", name, "type", value_type(value)));
	}
	return list;
}

QMP_HANDLER(qmp_query_options)
{
	const char *want = qmp_str(a, "option"), *name, *syntax;
	json_t *list = json_array();

	for (unsigned i = 0; options_row(i, &name, &syntax); i++) {
		json_t *p = parameters(syntax);
		if (json_array_size(p) && (!want || !strcmp(want, name)))
			json_array_append_new(list, json_pack("{s:O, s:s}", "parameters", p, "option", name));
		json_decref(p);
	}
	if (!want || json_array_size(list))
		return list;
	json_decref(list);
	return qmp_done(error_set(err, "invalid option name: %s", want));
}
