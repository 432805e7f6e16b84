/* backends.c - from options to back ends. */
#include "core/machine/backends.h"
#include "core/block/block.h"
#include "core/block/node.h"
#include "core/char/chardev.h"
#include "core/machine/machine.h"
#include "core/machine/objects.h"
#include "core/machine/report.h"
#include "core/monitor/monitor.h"
#include <string.h>

/* Words without a value, and old names of kinds, still work. */
static void warn_of_old_words(struct machine *m, const struct optlist *o)
{
	static const char *const renamed[][2] = { { "tty", "serial" }, { "parport", "parallel" } };
	const char *kind = kv_get(o->kv, "backend"), *at = strchr(o->text, ',');

	for (; at; at = strchr(at, ',')) {
		size_t n = strcspn(++at, ",=");
		bool off = n > 2 && !strncmp(at, "no", 2) && strncmp(at, "nodelay", n);
		if (at[n] == '=' || !n) {       /* a value may hold ",," for a comma */
			for (at += n; *at && (*at != ',' || at[1] == ','); at += *at == ',' ? 2 : 1)
				;
			continue;
		}
		report(m->opt, "-chardev %s: warning: short-form boolean option '%.*s' deprecated\nPlease use %.*s=%s instead", o->text,
			(int)n, at, (int)(off ? n - 2 : n), at + 2 * off, off ? "off" : "on");
	}
	for (unsigned i = 0; kind && i < 2; i++)
		if (!strcmp(kind, renamed[i][0]))
			report(m->opt, "-chardev %s: warning: The alias '%s' is deprecated, use '%s' instead", o->text, renamed[i][0], renamed[i][1]);
}

static bool create_named(struct machine *m, struct error *err)
{
	for (struct optlist *o = m->opt->chardevs; o; o = o->next) {
		chr_set_context(m, "-chardev", o->text);
		warn_of_old_words(m, o);
		if (!chardev_new(m, o->kv, err))
			return error_prefix(err, "-chardev %s: ", o->text);
	}
	return true;
}

/* A redirection option: make the back end `label` from its short form.  *out stays NULL for "none". */
static bool create_short(struct machine *m, const char *option, const char *label, const char *spec, struct chardev **out, struct error *err)
{
	bool none = false;
	*out = chardev_from_option(m, option, label, spec, &none, err);
	return *out || none;
}

static bool create_monitors(struct machine *m, struct error *err)
{
	char label[32];
	int n = 0;
	for (struct optlist *o = m->opt->monitors; o; o = o->next) {
		struct chardev *c;
		snprintf(label, sizeof(label), "compat_monitor%d", n++);
		if (!create_short(m, "-monitor", label, o->text, &c, err))
			return false;
		if (c && !monitor_attach(m, c, false, false, err))
			return error_prefix(err, "-monitor %s: ", o->text);
	}
	for (struct optlist *o = m->opt->qmps; o; o = o->next) {
		struct chardev *c;
		bool pretty = kv_get(o->kv, "pretty") != NULL;
		snprintf(label, sizeof(label), "compat_monitor%d", n++);
		if (!create_short(m, pretty ? "-qmp-pretty" : "-qmp", label, o->text, &c, err))
			return false;
		if (c && !monitor_attach(m, c, true, pretty, err))
			return error_prefix(err, "-qmp %s: ", o->text);
	}
	return true;
}

static bool attach_mons(struct machine *m, struct error *err)
{
	for (struct optlist *o = m->opt->mons; o; o = o->next) {
		const char *id = kv_get(o->kv, "chardev"), *mode = kv_get(o->kv, "mode");
		bool pretty = false, control = mode && !strcmp(mode, "control");
		if (!options_check_keys(o->kv, "mon", "-mon", err) || !kv_bool(o->kv, "pretty", &pretty, "-mon", err))
			return false;
		if (!id)
			return error_set(err, "-mon %s: Parameter 'chardev' is missing", o->text);
		if (mode && !control && strcmp(mode, "readline"))
			return error_set(err, "-mon %s: Parameter 'mode' does not accept value '%s'", o->text, mode);
		if (pretty && !control)
			return error_set(err, "-mon %s: 'pretty' is not compatible with HMP monitors", o->text);
		struct chardev *c = chardev_find(m, id);
		if (!c)
			return error_set(err, "-mon %s: chardev \"%s\" not found", o->text, id);
		if (!monitor_attach(m, c, control, pretty, err))
			return error_prefix(err, "-mon %s: ", o->text);
	}
	return true;
}

static bool create_ports(struct machine *m, struct error *err)
{
	char label[32];
	int n = 0;
	for (struct optlist *o = m->opt->serials; o; o = o->next, n++) {
		struct chardev *c;
		snprintf(label, sizeof(label), "serial%d", n);
		if (!create_short(m, "-serial", label, o->text, &c, err))
			return false;
		if (n < 4)
			m->serial_chr[n] = c;
	}
	n = 0;
	for (struct optlist *o = m->opt->parallels; o; o = o->next, n++) {
		if (n == 3)
			return error_set(err, "-parallel %s: too many parallel ports", o->text);
		snprintf(label, sizeof(label), "parallel%d", n);
		if (!create_short(m, "-parallel", label, o->text, &m->parallel_chr[n], err))
			return false;
	}
	for (struct optlist *o = m->opt->debugcons; o; o = o->next)
		if (!create_short(m, "-debugcon", "debugcon", o->text, &m->debugcon_chr, err))
			return false;
	return true;
}

bool backends_create(struct machine *m, struct error *err)
{
	for (struct optlist *o = m->opt->blockdevs; o; o = o->next)
		if (!node_new(m, o->kv, err))
			return error_prefix(err, "-blockdev %.300s: ", o->text);
	for (struct optlist *o = m->opt->drives; o; o = o->next)
		if (!drive_new(m, o->kv, err))
			return error_prefix(err, "%s: ", o->text);
	return objects_create(m, err) && create_named(m, err) && create_monitors(m, err) && create_ports(m, err) && attach_mons(m, err);
}

bool backends_check(struct machine *m, struct error *err)
{
	for (struct optlist *o = m->opt->globals; o; o = o->next)
		if (!device_find_desc(kv_get(o->kv, "driver")))
			report(m->opt, "warning: global %s.%s has invalid class name", kv_get(o->kv, "driver"),
				kv_get(o->kv, "property"));
	for (struct drive *d = drive_first(m); d; d = d->next)
		if (d->interface != IF_NONE && !d->dev && d->file)
			return error_set(err, "-drive file=%s: machine type does not support if=%s,bus=%d,unit=%d", d->file,
				d->interface == IF_IDE ? "ide" : d->interface == IF_FLOPPY ? "floppy" : d->interface == IF_SCSI ? "scsi" :
				"virtio", d->bus, d->unit);
	return true;
}
