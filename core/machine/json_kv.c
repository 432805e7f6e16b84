/* json_kv.c - option arguments written as JSON: the same key=value list that the short spelling gives. */
#include "core/machine/options.h"
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_DEPTH = 8, MAX_KEY = 256 };

static bool add(struct kv **out, const char *key, const json_t *v, unsigned depth, struct error *err);

static bool add_members(struct kv **out, const char *key, const json_t *v, unsigned depth, struct error *err)
{
	char name[MAX_KEY];
	const char *member;
	json_t *inner;
	size_t i;

	if (depth == MAX_DEPTH)
		return error_set(err, "Parameter '%.200s' is nested too deeply", key);
	json_object_foreach((json_t *)v, member, inner) {
		if (snprintf(name, sizeof(name), "%s%s%s", key, *key ? "." : "", member) >= MAX_KEY)
			return error_set(err, "Parameter '%.200s' is unexpected", name);
		if (!add(out, name, inner, depth, err))
			return false;
	}
	json_array_foreach(v, i, inner) {
		if (snprintf(name, sizeof(name), "%s.%zu", key, i) >= MAX_KEY)
			return error_set(err, "Parameter '%.200s' is unexpected", name);
		if (!add(out, name, inner, depth, err))
			return false;
	}
	return true;
}

static bool add(struct kv **out, const char *key, const json_t *v, unsigned depth, struct error *err)
{
	char number[40];

	if (json_is_object(v) || json_is_array(v))
		return add_members(out, key, v, depth + 1, err);
	if (json_is_string(v))
		kv_append(out, key, json_string_value(v));
	else if (json_is_boolean(v))
		kv_append(out, key, json_is_true(v) ? "on" : "off");
	else if (json_is_integer(v)) {
		snprintf(number, sizeof(number), "%" JSON_INTEGER_FORMAT, json_integer_value(v));
		kv_append(out, key, number);
	} else
		return error_set(err, "Invalid parameter type for '%.200s', expected: string", key);
	return true;
}

bool kv_from_json(const struct json_t *o, struct kv **out, struct error *err)
{
	*out = NULL;
	if (add_members(out, "", o, 0, err))
		return true;
	kv_free(*out);
	*out = NULL;
	return false;
}

bool kv_parse_either(const char *text, const char *implied_key, struct kv **out, struct error *err)
{
	json_error_t why;

	if (*text != '{') {
		*out = kv_parse(text, implied_key, err);
		return true;
	}
	json_t *o = json_loads(text, JSON_REJECT_DUPLICATES, &why);
	if (!o)
		return error_set(err, "JSON parse error, %s", why.text);
	bool ok = kv_from_json(o, out, err);
	json_decref(o);
	return ok;
}
