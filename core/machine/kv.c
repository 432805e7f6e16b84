/* kv.c - key=value lists as QEMU's options write them. */
#include "core/machine/options.h"
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Copy up to the next single comma (",," is a comma) into a new string; *p ends behind that comma or at the end. */
static char *take_value(const char **p)
{
	char *out = malloc(strlen(*p) + 1), *o = out;
	if (!out)
		abort();
	for (; **p; (*p)++) {
		if (**p == ',') {
			if ((*p)[1] != ',')
				break;
			(*p)++;
		}
		*o++ = **p;
	}
	*o = 0;
	if (**p == ',')
		(*p)++;
	return out;
}

static struct kv *kv_add(struct kv ***end, char *key, char *val)
{
	struct kv *k = calloc(1, sizeof(*k));
	if (!k)
		abort();
	k->key = key;
	k->val = val;
	**end = k;
	*end = &k->next;
	return k;
}

struct kv *kv_parse(const char *text, const char *implied_key, struct error *err)
{
	struct kv *list = NULL, **end = &list;
	const char *p = text;
	for (bool first = true; *p; first = false) {
		size_t n = strcspn(p, "=,");
		if (p[n] == '=') {
			char *key = strndup(p, n);
			p += n + 1;
			kv_add(&end, key, take_value(&p));
		} else if (first && implied_key) {
			kv_add(&end, strdup(implied_key), take_value(&p));
		} else {
			char *word = take_value(&p);
			if (!*word) {
				free(word);
				continue;
			}
			if (!strncmp(word, "no", 2) && word[2] && strcmp(word, "node") && strcmp(word, "node-name") && strcmp(word, "nodelay")) {
				kv_add(&end, strdup(word + 2), strdup("off"));
				free(word);
			} else {
				kv_add(&end, word, strdup("on"));
			}
		}
	}
	return list;
}

void kv_append(struct kv **list, const char *key, const char *val)
{
	while (*list)
		list = &(*list)->next;
	kv_add(&list, strdup(key), strdup(val));
}

bool identifier_ok(const char *id)
{
	if (!isalpha((unsigned char)*id))
		return false;
	for (; *id; id++)
		if (!isalnum((unsigned char)*id) && !strchr("-._", *id))
			return false;
	return true;
}

void kv_free(struct kv *kv)
{
	while (kv) {
		struct kv *next = kv->next;
		free(kv->key);
		free(kv->val);
		free(kv);
		kv = next;
	}
}

const char *kv_get(const struct kv *kv, const char *key)
{
	const char *v = NULL;
	for (; kv; kv = kv->next)
		if (!strcmp(kv->key, key))
			v = kv->val;
	return v;
}

bool kv_bool(const struct kv *kv, const char *key, bool *out, const char *who, struct error *err)
{
	const char *v = kv_get(kv, key);
	if (!v)
		return true;
	if (strcmp(v, "on") && strcmp(v, "off") && strcmp(v, "yes") && strcmp(v, "no") && strcmp(v, "true") && strcmp(v, "false"))
		return error_set(err, "%s: Parameter '%s' expects 'on' or 'off'", who, key);
	*out = *v == 'y' || *v == 't' || !strcmp(v, "on");
	return true;
}

bool kv_u64(const struct kv *kv, const char *key, uint64_t *out, const char *who, struct error *err)
{
	const char *v = kv_get(kv, key);
	char *end;
	if (!v)
		return true;
	errno = 0;
	uint64_t n = strtoull(v, &end, 0);
	if (!isdigit((unsigned char)*v) || *end || errno)
		return error_set(err, "%s: Parameter '%s' expects a number", who, key);
	*out = n;
	return true;
}

bool parse_size(const char *s, uint64_t unit, uint64_t *out)
{
	static const char suffix[] = "bkmgtpe";
	char *end;
	if (!isdigit((unsigned char)*s))
		return false;
	errno = 0;
	if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X')) {
		uint64_t v = strtoull(s, &end, 16);
		if (errno || *end)
			return false;
		*out = v;
		return true;
	}
	uint64_t whole = strtoull(s, &end, 10);
	double frac = 0;
	if (errno)
		return false;
	if (*end == '.') {
		const char *f = end;
		frac = strtod(f, &end);
		if (end == f)
			return false;
	}
	if (*end) {
		const char *at = strchr(suffix, tolower((unsigned char)*end));
		if (!at || end[1])
			return false;
		unit = UINT64_C(1) << (10 * (at - suffix));
	}
	double all = ((double)whole + frac) * (double)unit;
	if (all >= 18446744073709549568.0)
		return false;
	*out = whole * unit + (uint64_t)(frac * (double)unit);
	return true;
}

bool kv_size(const struct kv *kv, const char *key, uint64_t unit, uint64_t *out, const char *who, struct error *err)
{
	const char *v = kv_get(kv, key);
	if (!v || parse_size(v, unit, out))
		return true;
	return error_set(err, "%s: Parameter '%s' expects a non-negative number below 2^64\nOptional suffix k, M, G, T, P or E means kilo-, "
		"mega-, giga-, tera-, peta-\nand exabytes, respectively.", who, key);
}

bool kv_only(const struct kv *kv, const char *const *allowed, const char *who, struct error *err)
{
	for (; kv; kv = kv->next) {
		const char *const *a = allowed;
		while (*a && strcmp(*a, kv->key))
			a++;
		if (!*a)
			return error_set(err, "%s: Invalid parameter '%s'", who, kv->key);
	}
	return true;
}
