/* options_devices.c - options about drives, displays, lines to the outside and files. */
#include "core/machine/options_priv.h"
#include "core/machine/machine.h"
#include "core/machine/text.h"
#include <stdlib.h>
#include <string.h>

OPTION_SETTER(option_set_display)
{
	size_t n = strcspn(arg, ",");
	const char *rest = arg + n;
	if (!strncmp(arg, "curses", n) && n == 6) {
		if (*rest && strncmp(rest, ",charset=", 9))
			return error_set(err, "-display %s: Parameter '%.*s' is unexpected", arg, (int)strcspn(rest + 1, "="), rest + 1);
		o->display = DISPLAY_CURSES;
	} else if (!strcmp(arg, "none")) {
		o->display = DISPLAY_NONE;
	} else {
		return error_set(err, "-display %s: Parameter 'type' does not accept value '%.*s'; accepted are curses and none", arg, (int)n, arg);
	}
	return true;
}

OPTION_SETTER(option_set_curses)
{
	o->display = DISPLAY_CURSES;
	return true;
}

/* What messages call a drive: the option as the user wrote it. */
static void name_drive(struct optlist *e, const char *option, const char *arg)
{
	free(e->text);
	if (asprintf(&e->text, "-%s %s", option, arg) < 0)
		abort();
}

/* -hda F and the like: an entry of `drives`; commas in the name are doubled so that the list parser gives them back. */
OPTION_SETTER(option_set_drive_alias)
{
	char *text = malloc(2 * strlen(arg) + strlen(r->extra) + 8), *p = text;
	const char *given = arg;
	if (!text)
		abort();
	p += sprintf(p, "%s,file=", r->extra);
	for (; *arg; arg++) {
		*p++ = *arg;
		if (*arg == ',')
			*p++ = ',';
	}
	*p = 0;
	name_drive(options_append(&o->drives, text, NULL, err), r->name, given);
	free(text);
	return true;
}

OPTION_SETTER(option_set_drive)
{
	name_drive(options_append(&o->drives, arg, NULL, err), "drive", arg);
	return true;
}

OPTION_SETTER(option_add_qmp)
{
	options_append(&o->qmps, arg, NULL, err);
	struct optlist *e = o->qmps;
	while (e->next)
		e = e->next;
	kv_free(e->kv);
	e->kv = r->extra ? kv_parse(r->extra, NULL, err) : NULL;
	return true;
}

OPTION_SETTER(option_set_dir)
{
	if (o->n_data_dirs == sizeof(o->data_dirs) / sizeof(o->data_dirs[0]))
		return error_set(err, "-L %s: at most 16 directories", arg);
	o->data_dirs[o->n_data_dirs++] = strdup(arg);
	return true;
}

OPTION_SETTER(option_set_echr)
{
	char *end;
	unsigned long v = strtoul(arg, &end, 0);
	if (*end || end == arg || v > 255)
		return error_set(err, "-echr %s: Bad argument to echr; a character number from 0 to 255 is expected", arg);
	o->echr = (uint8_t)v;
	return true;
}

OPTION_SETTER(option_set_log)
{
	if (log_parse_items(arg, &o->log_mask))
		return true;
	struct text t = { 0 };
	log_help(&t);
	error_set(err, "-d %s: unknown log item\n%s", arg, t.s);
	err->msg[strlen(err->msg) - 1] = 0;     /* the last line end is added by the caller */
	text_free(&t);
	return false;
}

OPTION_SETTER(option_set_gdb)
{
	return options_append(&o->gdbs, "tcp::1234", NULL, err);
}

OPTION_SETTER(option_set_vga)
{
	if (strcmp(arg, "std") && strcmp(arg, "none"))
		return error_set(err, "-vga %s: unknown vga type: %s; accepted are std and none", arg, arg);
	return options_append(&o->vgas, arg, NULL, err) != NULL;
}

/* -global DRIVER.PROP=VALUE, or driver=D,property=P,value=V */
OPTION_SETTER(option_add_global)
{
	int dot = (int)strcspn(arg, ".="), eq = (int)strcspn(arg, "=");
	char *text = NULL;
	if (arg[dot] == '.' && arg[eq] == '=' && dot && eq > dot + 1) {
		if (asprintf(&text, "driver=%.*s,property=%.*s,value=%s", dot, arg, eq - dot - 1, arg + dot + 1, arg + eq + 1) < 0)
			abort();
	}
	struct optlist *e = options_append(&o->globals, text ? text : arg, NULL, err);
	free(text);
	if (!kv_get(e->kv, "driver") || !kv_get(e->kv, "property") || !kv_get(e->kv, "value"))
		return error_set(err, "-global %s: DRIVER.PROPERTY=VALUE or driver=DRIVER,property=PROPERTY,value=VALUE is expected", arg);
	return true;
}

/* Networking is not part of the machine yet: say so rather than start a machine without the card that was asked for. */
OPTION_SETTER(option_set_net)
{
	if (!strcmp(arg, "none"))
		return true;
	return error_set(err, "-%s %s: this build has no network devices; only none is accepted", r->name, arg);
}

OPTION_SETTER(option_read_config)
{
	return config_read(o, arg, err);
}


/* Sound goes nowhere yet, and that is the one back end there is. */
OPTION_SETTER(option_add_audiodev)
{
	struct kv *kv;

	if (!kv_parse_either(arg, "driver", &kv, err))
		return error_prefix(err, "-audiodev %.200s: ", arg);
	const char *driver = kv_get(kv, "driver"), *id = kv_get(kv, "id");
	bool ok = true;
	if (!driver || !id)
		ok = error_set(err, "-audiodev %.200s: Parameter '%s' is missing", arg, driver ? "id" : "driver");
	else if (strcmp(driver, "none"))
		ok = error_set(err, "-audiodev %.200s: Parameter 'driver' does not accept value '%s'; accepted is none", arg, driver);
	for (const struct kv *k = kv; ok && k; k = k->next)
		if (strncmp(k->key, "in.", 3) && strncmp(k->key, "out.", 4)) {
			struct kv one = { k->key, k->val, NULL };
			ok = options_check_keys(&one, "audiodev", "-audiodev", err);
		}
	for (const struct optlist *l = o->audiodevs; ok && l; l = l->next)
		if (!strcmp(kv_get(l->kv, "id"), id))
			ok = error_set(err, "-audiodev %.200s: Duplicate ID '%s' for audiodev", arg, id);
	if (ok) {
		struct optlist *e = options_append(&o->audiodevs, "", NULL, err);
		e->kv = kv;
		return true;
	}
	kv_free(kv);
	return false;
}
