/* qmp_options.c - query-command-line-options: the table of the options' parameters, with those of each kind of back end. */
#include "core/char/chardev.h"
#include "core/machine/options.h"
#include "core/monitor/qmp_handlers.h"
#include <stdio.h>
#include <string.h>

static bool listed(const json_t *list, const char *name)
{
	json_t *o;
	size_t i;

	json_array_foreach(list, i, o)
		if (!strcmp(json_string_value(json_object_get(o, "name")), name))
			return true;
	return false;
}

static void add(json_t *list, const char *name, const char *type)
{
	if (!listed(list, name))
		json_array_append_new(list, json_pack("{s:s, s:s}", "name", name, "type", type));
}

/* The kinds keep lists of names, of which these are no texts. */
static const char *backend_type(const char *name)
{
	static const char *const numbers[] = { "to", "reconnect", "width", "height", "cols", "rows", NULL }, *const switches[] = { "append", "signal", "server",
		"wait", "nodelay", "delay", "telnet", "websocket", "tn3270", "ipv4", "ipv6", "abstract", "tight", NULL };

	for (const char *const *n = numbers; *n; n++)
		if (!strcmp(*n, name))
			return "number";
	for (const char *const *n = switches; *n; n++)
		if (!strcmp(*n, name))
			return "boolean";
	return strcmp(name, "size") ? "string" : "size";
}

static json_t *parameters(const char *option, const char *keys)
{
	json_t *list = json_array();
	const char *name;
	char text[64], type;
	size_t len;

	while (options_next_key(&keys, &name, &len, &type)) {
		snprintf(text, sizeof(text), "%.*s", (int)len, name);
		add(list, text, type == 'b' ? "boolean" : type == 'n' ? "number" : type == 's' ? "size" : "string");
	}
	if (!strcmp(option, "chardev"))
		for (const struct chardev_kind *const *k = chardev_kinds; *k; k++)
			for (const char *const *p = (*k)->keys; p && *p; p++)
				add(list, *p, backend_type(*p));
	return list;
}

QMP_HANDLER(qmp_query_options)
{
	const char *want = qmp_str(a, "option"), *name, *keys;
	json_t *list = json_array();

	for (unsigned i = 0; options_keys(i, &name, &keys); i++)
		if (!want || !strcmp(want, name))
			json_array_append_new(list, json_pack("{s:o, s:s}", "parameters", parameters(name, keys), "option", name));
	if (!want || json_array_size(list))
		return list;
	json_decref(list);
	return qmp_done(error_set(err, "invalid option name: %s", want));
}
