/* qmp_chardev.c - handlers about character back ends. */
#include "core/char/chardev.h"
#include "core/char/ringbuf.h"
#include "core/machine/base64.h"
#include "core/monitor/qmp_handlers.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

QMP_HANDLER(qmp_query_chardev)
{
	json_t *list = json_array();

	for (struct chardev *c = chardev_first(m); c; c = c->next)
		json_array_append_new(list, json_pack("{s:s, s:o, s:b}", "label", c->label, "filename", qmp_text(c->filename, strlen(c->filename)),
			"frontend-open", c->attached || c->mux));
	return list;
}

QMP_HANDLER(qmp_query_backends)
{
	json_t *list = json_array();

	for (const struct chardev_kind *const *k = chardev_kinds; *k; k++)
		json_array_append_new(list, json_pack("{s:s}", "name", (*k)->name));
	json_array_append_new(list, json_pack("{s:s}", "name", "memory"));
	return list;
}

/* ---- making ------------------------------------------------------------------------------------------------------------------------- */

/* A member of the JSON form as the option of -chardev: the same name unless listed. */
static void add_member(struct kv **kv, const char *key, const json_t *v)
{
	static const struct { const char *json, *option; } renamed[] = { { "out", "path" }, { "in", "input-path" }, { "device", "path" }, { "str", "fd" } };
	char number[32];

	for (size_t i = 0; i < sizeof(renamed) / sizeof(renamed[0]); i++)
		if (!strcmp(key, renamed[i].json))
			key = renamed[i].option;
	if (json_is_string(v))
		chr_kv_add(kv, key, json_string_value(v));
	else if (json_is_boolean(v))
		chr_kv_add(kv, key, json_is_true(v) ? "on" : "off");
	else if (json_is_integer(v)) {
		snprintf(number, sizeof(number), "%" JSON_INTEGER_FORMAT, json_integer_value(v));
		chr_kv_add(kv, key, number);
	}
}

/* addr, remote, local: {type, data: {...}}. */
static void add_address(struct kv **kv, const char *member, const json_t *address)
{
	const char *key;
	json_t *v;

	json_object_foreach(json_object_get(address, "data"), key, v)
		if (!strcmp(member, "local") && (!strcmp(key, "host") || !strcmp(key, "port")))
			add_member(kv, !strcmp(key, "host") ? "localaddr" : "localport", v);
		else if (strcmp(key, "numeric") && strcmp(key, "keep-alive") && strcmp(key, "mptcp"))
			add_member(kv, key, v);
}

static struct kv *backend_kv(const json_t *backend, const char *id)
{
	const char *type = qmp_str(backend, "type"), *key;
	struct kv *kv = NULL;
	json_t *v;

	chr_kv_add(&kv, "backend", strcmp(type, "memory") ? type : "ringbuf");  /* its old name */
	if (id)
		chr_kv_add(&kv, "id", id);
	/* a server waits for its client unless told otherwise, but not while the machine runs */
	if (!strcmp(type, "socket") && !json_object_get(json_object_get(backend, "data"), "server"))
		chr_kv_add(&kv, "server", "on");
	if (!strcmp(type, "socket") && !json_object_get(json_object_get(backend, "data"), "wait") &&
	    !json_is_false(json_object_get(json_object_get(backend, "data"), "server")))
		chr_kv_add(&kv, "wait", "off");
	json_object_foreach(json_object_get(backend, "data"), key, v)
		if (json_is_object(v))
			add_address(&kv, key, v);
		else
			add_member(&kv, key, v);
	return kv;
}

static json_t *made(const struct chardev *c, const json_t *backend)
{
	const char *path = strncmp(c->filename, "pty:", 4) ? c->filename : c->filename + 4;

	return strcmp(qmp_str(backend, "type"), "pty") ? json_object() : json_pack("{s:s}", "pty", path);
}

QMP_HANDLER(qmp_chardev_add)
{
	const json_t *backend = json_object_get(a, "backend");

	if (chardev_find(m, qmp_str(a, "id")))
		return qmp_done(error_set(err, "Chardev with id '%s' already exists", qmp_str(a, "id")));
	struct kv *kv = backend_kv(backend, qmp_str(a, "id"));
	struct chardev *c = chardev_new(m, kv, err);

	kv_free(kv);
	return c ? made(c, backend) : NULL;
}

QMP_HANDLER(qmp_chardev_change)
{
	const json_t *backend = json_object_get(a, "backend");
	struct kv *kv = backend_kv(backend, NULL);
	bool ok = chardev_change(m, qmp_str(a, "id"), kv, err);

	kv_free(kv);
	return ok ? made(chardev_find(m, qmp_str(a, "id")), backend) : NULL;
}

QMP_HANDLER(qmp_chardev_del) { return qmp_done(chardev_remove(m, qmp_str(a, "id"), err)); }

QMP_HANDLER(qmp_send_break)
{
	struct chardev *c = chardev_find(m, qmp_str(a, "id"));

	if (!c)
		return qmp_done(error_set(err, "Chardev '%s' not found", qmp_str(a, "id")));
	chr_event(c->mux ? chr_mux_base(c->mux) : c, CHR_BREAK);
	return json_object();
}

/* ---- ring buffers ------------------------------------------------------------------------------------------------------------------- */

static struct chardev *ringbuf(struct machine *m, const char *id, struct error *err)
{
	struct chardev *c = chardev_find(m, id);

	if (c && chr_is_ringbuf(c))
		return c;
	error_set(err, c ? "%s is not a ringbuf device" : GENERIC "Device '%s' not found", id);
	return NULL;
}

static bool wants_base64(const json_t *a) { return qmp_str(a, "format") && !strcmp(qmp_str(a, "format"), "base64"); }

QMP_HANDLER(qmp_ringbuf_write)
{
	struct chardev *c = ringbuf(m, qmp_str(a, "device"), err);
	const char *data = qmp_str(a, "data");
	size_t len = strlen(data);

	if (!c)
		return NULL;
	if (!wants_base64(a))
		return qmp_done(chr_ringbuf_write(c, (const uint8_t *)data, len, err));
	uint8_t *bytes = malloc(len + 1);
	if (!bytes)
		abort();
	bool ok = base64_decode(data, bytes, &len);
	if (ok)
		ok = chr_ringbuf_write(c, bytes, len, err);
	else
		error_set(err, "Base64 data '%.100s' is not valid", data);
	free(bytes);
	return qmp_done(ok);
}

QMP_HANDLER(qmp_ringbuf_read)
{
	enum { AT_ONCE = 1 << 20 };
	struct chardev *c = ringbuf(m, qmp_str(a, "device"), err);
	int64_t size = qmp_num(a, "size");

	if (!c)
		return NULL;
	if (size <= 0)
		return qmp_done(error_set(err, "size must be greater than zero"));
	size = size > AT_ONCE ? AT_ONCE : size;
	uint8_t *buf = malloc((size_t)size);
	if (!buf)
		abort();
	size_t n = chr_ringbuf_read(c, buf, (size_t)size);
	json_t *v;
	if (wants_base64(a)) {
		char *s = base64_encode(buf, n);
		v = json_string(s);
		free(s);
	} else {
		v = qmp_text((const char *)buf, n);
	}
	free(buf);
	return v;
}
