/* objects.c - making and removing user-creatable objects. */
#include "core/machine/objects.h"
#include "core/char/chardev.h"
#include "core/char/tls.h"
#include "core/machine/machine.h"
#include "core/machine/memdev.h"
#include "core/machine/secret.h"
#include <stdlib.h>
#include <string.h>

const char *const object_types[] = { "authz-simple", "memory-backend-file", "memory-backend-memfd", "memory-backend-ram", "secret", "tls-creds-anon",
	"tls-creds-psk", "tls-creds-x509", NULL };

static bool check_authz(const struct kv *kv, struct error *err)
{
	static const char *const keys[] = { "qom-type", "id", "identity", NULL };

	for (int k = 1; keys[k]; k++)
		if (!kv_get(kv, keys[k]))
			return error_set(err, "Parameter '%s' is missing", keys[k]);
	return kv_only(kv, keys, "authz-simple", err);
}

static bool make(struct machine *m, const struct kv *kv, struct error *err)
{
	const char *type = kv_get(kv, "qom-type");
	struct memdev d;

	if (!type)
		return error_set(err, "Parameter 'qom-type' is missing");
	if (!strcmp(type, "authz-simple"))
		return check_authz(kv, err);
	if (memdev_is_type(type))
		return memdev_parse(kv, &d, err);
	if (!strcmp(type, "secret"))
		return secret_check(kv, err);
	if (!strncmp(type, "tls-creds-", 10) && (!strcmp(type + 10, "x509") || !strcmp(type + 10, "psk") || !strcmp(type + 10, "anon")))
		return tls_creds_new(m, kv, err);
	return error_set(err, "Parameter 'qom-type' does not accept value '%s'", type);
}

bool objects_create(struct machine *m, struct error *err)
{
	for (struct optlist *o = m->opt->objects; o; o = o->next) {
		const char *id = kv_get(o->kv, "id");
		for (struct optlist *p = m->opt->objects; p != o && id; p = p->next)
			if (!strcmp(kv_get(p->kv, "id"), id))
				return error_set(err, "-object %s: Duplicate ID '%s' for object", o->text, id);
		if (!make(m, o->kv, err))
			return error_prefix(err, "-object %s: ", o->text);
	}
	return true;
}

bool object_add(struct machine *m, struct kv *kv, struct error *err)
{
	const char *id = kv_get(kv, "id");
	struct optlist **end = &m->opt->objects, *o;
	bool ok = id || error_set(err, "Parameter 'id' is missing");

	for (; *end; end = &(*end)->next)
		if (ok && !strcmp(kv_get((*end)->kv, "id"), id))
			ok = error_set(err, "attempt to add duplicate property '%s' to object (type 'container')", id);
	if (ok && make(m, kv, err)) {
		if (!(o = calloc(1, sizeof(*o))) || !(o->text = strdup(id)))
			abort();
		o->kv = kv;
		*end = o;
		return true;
	}
	kv_free(kv);
	return false;
}

bool object_del(struct machine *m, const char *id, struct error *err)
{
	struct optlist **p = &m->opt->objects;

	while (*p && strcmp(kv_get((*p)->kv, "id"), id))
		p = &(*p)->next;
	struct optlist *o = *p;
	if (!o)
		return error_set(err, "object '%s' not found", id);
	const char *type = kv_get(o->kv, "qom-type");
	bool used = memdev_is_type(type) && m->opt->memory_backend && !strcmp(m->opt->memory_backend, id);
	if (used || (!strncmp(type, "tls-creds-", 10) && !tls_creds_remove(m, id)))
		return error_set(err, "object '%s' is in use, can not be deleted", id);
	*p = o->next;
	kv_free(o->kv);
	free(o->text);
	free(o);
	return true;
}

const struct kv *object_find(struct machine *m, const char *qom_type, const char *id)
{
	for (struct optlist *o = m->opt ? m->opt->objects : NULL; o; o = o->next)
		if (!strcmp(kv_get(o->kv, "qom-type"), qom_type) && !strcmp(kv_get(o->kv, "id"), id))
			return o->kv;
	return NULL;
}
