/* cmd_fds.c - descriptors that clients pass, and objects made while the machine runs, at both faces of the monitor. */
#include "core/machine/fds.h"
#include "core/machine/objects.h"
#include "core/monitor/commands.h"
#include "core/monitor/internal.h"
#include "core/monitor/qmp_handlers.h"
#include <ctype.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

/* ---- descriptors -------------------------------------------------------------------------------------------------------------------- */

/* The descriptor that came with the message of the monitor on c. */
static int received(struct chardev *c, struct error *err)
{
	int fd = c ? chardev_take_fd(c) : -1;

	if (fd < 0)
		error_set(err, "No file descriptor supplied via SCM_RIGHTS");
	return fd;
}

/* QEMU keeps names that begin with a digit for descriptors by number. */
static bool getfd(struct machine *m, struct chardev *c, const char *name, struct error *err)
{
	int fd = received(c, err);

	if (fd < 0)
		return false;
	if (isdigit((unsigned char)*name) || !*name) {
		close(fd);
		return error_set(err, "Parameter 'fdname' expects a name not starting with a digit");
	}
	fds_name(m, name, fd);
	return true;
}

static bool closefd(struct machine *m, const char *name, struct error *err)
{
	int fd = fds_take(m, name, err);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

HANDLER(cmd_getfd)   { return getfd(x->m, x->mon->chr, arg_str(a, "name"), err); }
HANDLER(cmd_closefd) { return closefd(x->m, arg_str(a, "name"), err); }
QMP_HANDLER(qmp_getfd)   { return qmp_done(getfd(m, m->monitors->asking, qmp_str(a, "fdname"), err)); }
QMP_HANDLER(qmp_closefd) { return qmp_done(closefd(m, qmp_str(a, "fdname"), err)); }

QMP_HANDLER(qmp_add_fd)
{
	int64_t set = json_object_get(a, "fdset-id") ? qmp_num(a, "fdset-id") : -1;

	if (json_object_get(a, "fdset-id") && (set < 0 || set > INT32_MAX))
		return qmp_done(error_set(err, "Parameter 'fdset-id' expects a non-negative value"));
	int fd = received(m->monitors->asking, err);
	return fd < 0 ? NULL : json_pack("{s:i, s:i}", "fdset-id", fds_add(m, (int)set, qmp_str(a, "opaque"), fd), "fd", fd);
}

QMP_HANDLER(qmp_remove_fd)
{
	int64_t set = qmp_num(a, "fdset-id"), fd = json_object_get(a, "fd") ? qmp_num(a, "fd") : -1;

	if (set < 0 || set > INT32_MAX || fd > INT32_MAX)
		return qmp_done(error_set(err, "File descriptor named 'fdset-id:%" PRId64 "' not found", set));
	return qmp_done(fds_remove(m, (int)set, (int)fd, err));
}

QMP_HANDLER(qmp_query_fdsets)
{
	json_t *list = json_array(), *set;

	for (struct passed_fd *p = m->fds; p; p = p->next) {
		size_t i;
		json_t *fds = NULL, *one = json_pack("{s:i}", "fd", p->fd);
		if (p->opaque)
			json_object_set_new(one, "opaque", qmp_text(p->opaque, strlen(p->opaque)));
		json_array_foreach(list, i, set)
			if (json_integer_value(json_object_get(set, "fdset-id")) == p->set)
				fds = json_object_get(set, "fds");
		if (p->set >= 0 && !fds)
			json_array_append_new(list, json_pack("{s:i, s:[o]}", "fdset-id", p->set, "fds", one));
		else if (p->set >= 0)
			json_array_append_new(fds, one);
		else
			json_decref(one);
	}
	return list;
}

/* ---- objects -------------------------------------------------------------------------------------------------------------------------- */

HANDLER(cmd_object_add)
{
	struct kv *kv = kv_parse(arg_has(a, "args") ? arg_str(a, "args") : "", "qom-type", err);
	const char *type = kv_get(kv, "qom-type");

	if (!type || (strcmp(type, "help") && strcmp(type, "?")))
		return kv ? object_add(x->m, kv, err) : *err->msg ? false : error_set(err, "Parameter 'qom-type' is missing");
	kv_free(kv);
	text_printf(x->out, "List of user creatable objects:\n");
	for (const char *const *t = object_types; *t; t++)
		text_printf(x->out, "  %s\n", *t);
	return true;
}

HANDLER(cmd_object_del) { return object_del(x->m, arg_str(a, "id"), err); }

QMP_HANDLER(qmp_object_add)
{
	struct kv *kv;

	return kv_from_json(a, &kv, err) ? qmp_done(object_add(m, kv, err)) : NULL;
}

QMP_HANDLER(qmp_object_del) { return qmp_done(object_del(m, qmp_str(a, "id"), err)); }
