/* gdbstub.c - the gdb server's life and its chardev. */
#include "core/debug/gdbstub.h"
#include "core/debug/gdbstub_priv.h"
#include <stdlib.h>
#include <string.h>

/* ---- the chardev ---- */

static unsigned can_read(void *arg)
{
	struct gdbstub *s = arg;
	return s->m->quitting || s->out.len > GDB_OUT_HIGH ? 0 : 512;
}

static void read_bytes(void *arg, const uint8_t *buf, unsigned len) { gdb_bytes(arg, buf, len); }

static void can_write(void *arg)
{
	struct gdbstub *s = arg;
	gdb_flush(s);
	if (s->out.len <= GDB_OUT_HIGH)
		chardev_accept_input(s->chr, s);
}

static void event(void *arg, enum chr_event ev)
{
	struct gdbstub *s = arg;
	if (ev == CHR_OPENED)
		gdb_attach(s);
	else if (ev == CHR_CLOSED)
		gdb_forget(s);
	else if (ev == CHR_BREAK)
		gdb_interrupt(s);
}

static void on_machine(void *arg, enum machine_event ev, const char *detail_json)
{
	if (ev == EV_STOP)
		gdb_machine_stopped(arg);
}

/* ---- life ---- */

/* The server needs no waiting for its client, and answers at once. */
static char *whole_spec(const char *device)
{
	char *spec;
	if (asprintf(&spec, "%s%s", device, strncmp(device, "tcp:", 4) ? "" : ",wait=off,nodelay=on,server=on") < 0)
		abort();
	return spec;
}

bool gdbstub_start(struct machine *m, const char *device, struct error *err)
{
	gdbstub_stop(m);
	if (!strcmp(device, "none"))
		return true;
	if (!m->accel->runs_guest || !m->n_cpus)
		return error_set(err, "gdbstub: meaningless to attach gdb to a machine without any CPU.");
	bool none = false;
	char *spec = whole_spec(device);
	struct chardev *c = chardev_new_short(m, "gdb", spec, &none, err);
	free(spec);
	if (!c)
		return false;
	struct gdbstub *s = calloc(1, sizeof(*s));
	if (!s)
		abort();
	*s = (struct gdbstub){ .m = m, .chr = c, .sstep = SSTEP_ALL, .listener = { .fn = on_machine, .arg = s } };
	if (strncmp(device, "chardev:", 8))
		s->own_label = strdup(c->label);
	const struct chr_front f = { .can_read = can_read, .read = read_bytes, .can_write = can_write, .event = event, .arg = s, .name = "gdb" };
	if (!chardev_attach(c, &f, err)) {
		if (s->own_label)
			chardev_remove(m, s->own_label, NULL);
		free(s->own_label);
		free(s);
		return false;
	}
	machine_listen(m, &s->listener);
	m->gdb = s;
	return true;
}

bool gdbstub_create(struct machine *m, struct error *err)
{
	for (struct optlist *o = m->opt->gdbs; o; o = o->next) {
		struct error why = { "" };
		chr_set_context(m, "-gdb", o->text);
		if (!gdbstub_start(m, o->text, &why))
			return error_set(err, "-gdb %s: %s", o->text, *why.msg ? why.msg : "there is no such chardev");
	}
	return true;
}

void gdbstub_stop(struct machine *m)
{
	struct gdbstub *s = m->gdb;
	if (!s)
		return;
	m->gdb = NULL;
	if (s->attached && m->quitting && !s->killed)
		gdb_reply(s, "W%02x", (unsigned)m->exit_status & 0xff);
	gdb_forget(s);
	machine_unlisten(m, &s->listener);
	chardev_detach(s->chr, s);
	if (s->own_label)
		chardev_remove(m, s->own_label, NULL);
	free(s->own_label);
	gdb_regs_free(s->regs);
	text_free(&s->out);
	text_free(&s->last);
	free(s);
}

bool gdbstub_busy(const struct machine *m) { return m->gdb && m->gdb->busy; }
