/* chardev.c - the registry of character back ends, and what lies between a front end and its back end. */
#include "core/char/chardev.h"
#include "core/char/tls.h"
#include "core/char/vc.h"
#include "core/machine/machine.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const struct chardev_kind *const chardev_kinds[] = { &chardev_braille, &chardev_file, &chardev_msmouse, &chardev_null, &chardev_parport,
	&chardev_pipe, &chardev_pty, &chardev_ringbuf, &chardev_serial, &chardev_socket, &chardev_stdio, &chardev_testdev, &chardev_udp,
	&chardev_vc, &chardev_wctablet, NULL };

struct chardevs {
	struct chardev *first, **end;
	struct chardev *removed;                /* unlinked, freed when the loop has run what was posted for them */
	struct text *say;
	char *context;
	struct chr_shared shared;
};

static struct chardevs *registry(struct machine *m)
{
	if (!m->chardevs) {
		m->chardevs = calloc(1, sizeof(*m->chardevs));
		if (!m->chardevs)
			abort();
		m->chardevs->end = &m->chardevs->first;
		signal(SIGPIPE, SIG_IGN);       /* a peer that goes away is an error of write() */
		signal(SIGXFSZ, SIG_IGN);       /* and so is a file that has its largest size */
	}
	return m->chardevs;
}

struct chr_shared *chr_shared(struct machine *m) { return &registry(m)->shared; }
struct chardev *chardev_first(struct machine *m) { return registry(m)->first; }
void chardevs_say_to(struct machine *m, struct text *out) { registry(m)->say = out; }
bool chr_starting(struct machine *m) { return !registry(m)->say; }
const char *chr_context(struct machine *m) { return registry(m)->context ? registry(m)->context : ""; }

void chr_set_context(struct machine *m, const char *option, const char *arg)
{
	free(registry(m)->context);
	if (asprintf(&registry(m)->context, "%s %s", option, arg) < 0)
		abort();
}

void chr_say(struct machine *m, const char *fmt, ...)
{
	char line[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (registry(m)->say) {
		text_printf(registry(m)->say, "%s\n", line);
		return;
	}
	printf("%s\n", line);
	fflush(stdout);
}

void chr_filename(struct chardev *c, const char *fmt, ...)
{
	va_list ap;

	free(c->filename);
	va_start(ap, fmt);
	if (vasprintf(&c->filename, fmt, ap) < 0)
		abort();
	va_end(ap);
}

bool chr_bool(const struct kv *kv, const char *key, bool *out, struct error *err)
{
	static const char *const yes[] = { "on", "yes", "true", "y" }, *const no[] = { "off", "no", "false", "n" };
	const char *v = kv_get(kv, key);

	if (!v)
		return true;
	for (unsigned i = 0; i < 4; i++)
		if (!strcmp(v, yes[i]) || !strcmp(v, no[i])) {
			*out = !strcmp(v, yes[i]);
			return true;
		}
	return error_set(err, "Parameter '%s' expects 'on' or 'off'", key);
}

bool chr_kv_add(struct kv **list, const char *key, const char *val)
{
	struct kv *n = calloc(1, sizeof(*n));

	if (n && (n->key = strdup(key)) && (n->val = strdup(val))) {
		while (*list)
			list = &(*list)->next;
		*list = n;
		return true;
	}
	abort();
}

/* ---- life -------------------------------------------------------------------------------------------------------------------- */

static const struct chardev_kind *find_kind(const char *name)
{
	for (const struct chardev_kind *const *k = chardev_kinds; *k; k++)
		if (!strcmp((*k)->name, name) || ((*k)->alias && !strcmp((*k)->alias, name)))
			return *k;
	return NULL;
}

void chardev_help(struct text *out)
{
	text_printf(out, "Available chardev backend types: \n");
	for (const struct chardev_kind *const *k = chardev_kinds; *k; k++)
		text_printf(out, "  %s\n", (*k)->name);
}

static bool check_keys(const struct chardev_kind *k, const struct kv *kv, struct error *err)
{
	static const char *const common[] = { "backend", "id", "mux", "logfile", "logappend", NULL };

	for (; kv; kv = kv->next) {
		bool known = false;
		for (const char *const *p = common; *p && !known; p++)
			known = !strcmp(*p, kv->key);
		for (const char *const *p = k->keys; p && *p && !known; p++)
			known = !strcmp(*p, kv->key);
		if (!known)
			return error_set(err, "Invalid parameter '%s'", kv->key);
	}
	return true;
}

static bool open_log(struct chardev *c, const struct kv *kv, struct error *err)
{
	const char *path = kv_get(kv, "logfile");
	bool append = false;

	if (!chr_bool(kv, "logappend", &append, err))
		return false;
	if (!path)
		return true;
	c->log_fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | (append ? O_APPEND : O_TRUNC), 0666);
	if (c->log_fd < 0)
		return error_set(err, "Could not create '%s': %s", path, strerror(errno));
	return true;
}

static void chardev_destroy(struct chardev *c)
{
	chr_batch_drop(c);
	if (c->log_fd >= 0)
		close(c->log_fd);
	free(c->label);
	free(c->filename);
	free(c);
}

/* A chardev of its own, not yet registered. */
static struct chardev *open_kind(struct machine *m, const char *label, const struct kv *kv, struct error *err)
{
	const char *backend = kv_get(kv, "backend");
	const struct chardev_kind *k = backend ? find_kind(backend) : NULL;

	if (!k) {
		error_set(err, backend ? "'%s' is not a valid char driver name" : "chardev: backend type not specified", backend);
		return NULL;
	}
	if (!check_keys(k, kv, err))
		return NULL;
	struct chardev *c = calloc(1, sizeof(*c));
	if (!c || !(c->label = strdup(label)))
		abort();
	c->log_fd = -1;
	c->machine = m;
	c->kind = k;
	chr_filename(c, "%s", k->name);
	if (open_log(c, kv, err) && k->open(c, kv, err))
		return c;
	chardev_destroy(c);
	return NULL;
}

void chr_enlist(struct machine *m, struct chardev *c)
{
	struct chardevs *r = registry(m);

	*r->end = c;
	r->end = &c->next;
}

struct chardev *chardev_new(struct machine *m, const struct kv *kv, struct error *err)
{
	const char *id = kv_get(kv, "id");
	bool mux = false;

	if (!id) {
		error_set(err, "chardev: no id specified");
		return NULL;
	}
	if (!chr_bool(kv, "mux", &mux, err))
		return NULL;
	if (!identifier_ok(id)) {
		static const char what[] = "Parameter 'id' expects an identifier\n"
			"Identifiers consist of letters, digits, '-', '.', '_', starting with a letter.";
		if (!chr_starting(m))
			chr_say(m, "%s", what);
		error_set(err, "%s", chr_starting(m) ? what : "Parsing chardev args failed");
		return NULL;
	}
	if (chardev_find(m, id)) {
		error_set(err, chr_starting(m) ? "Duplicate ID '%s' for chardev" : "attempt to add duplicate property '%s' to object (type 'container')", id);
		return NULL;
	}
	char base_id[256];
	snprintf(base_id, sizeof(base_id), "%s%s", id, mux ? "-base" : "");
	struct chardev *c = open_kind(m, base_id, kv, err);
	if (!c)
		return NULL;
	chr_enlist(m, c);
	return mux ? chr_mux_new(m, id, c, err) : c;
}

struct chardev *chardev_find(struct machine *m, const char *label)
{
	for (struct chardev *c = chardev_first(m); c; c = c->next)
		if (!strcmp(c->label, label))
			return c;
	return NULL;
}

static void bury(void *arg)
{
	struct chardev *c = arg;

	for (struct chardev **p = &registry(c->machine)->removed; *p; p = &(*p)->next)
		if (*p == c) {
			*p = c->next;
			chardev_destroy(c);
			return;
		}
}

/* Close and unlink.  Work already posted for it must find it: it is freed by a later post. */
static void drop(struct machine *m, struct chardev *c)
{
	struct chardevs *r = registry(m);

	chr_batch_end(c);
	c->kind->close(c);
	c->removed = true;
	for (struct chardev **p = &r->first; *p; p = &(*p)->next)
		if (*p == c) {
			*p = c->next;
			if (r->end == &c->next)
				r->end = p;
			break;
		}
	c->next = r->removed;
	r->removed = c;
	/* A console's name may be in use by the front end's thread at this moment: it stays until the machine ends. */
	if (m->loop && c->kind != &chardev_vc)
		loop_post(m->loop, bury, c);
}

bool chardev_remove(struct machine *m, const char *label, struct error *err)
{
	struct chardev *c = chardev_find(m, label);

	if (!c)
		return error_set(err, "Chardev '%s' not found", label);
	if (c->attached || c->mux_base_of || (c->mux && chr_mux_in_use(c->mux)))
		return error_set(err, "Chardev '%s' is busy", label);
	struct chardev *base = c->mux ? chr_mux_base(c->mux) : NULL;
	drop(m, c);
	if (base)
		drop(m, base);
	return true;
}

bool chardev_change(struct machine *m, const char *label, const struct kv *kv, struct error *err)
{
	struct chardev *c = chardev_find(m, label);

	if (!c)
		return error_set(err, "Chardev '%s' does not exist", label);
	if (c->mux || c->mux_base_of)
		return error_set(err, "Mux device hotswap not supported yet");
	struct chardev *n = open_kind(m, label, kv, err);
	if (!n)
		return false;
	chr_batch_end(c);
	c->kind->close(c);
	c->kind = n->kind;
	c->priv = n->priv;
	if (c->priv)
		*(struct chardev **)c->priv = c;
	int log = c->log_fd;
	c->log_fd = n->log_fd;
	n->log_fd = log;
	char *name = c->filename;
	c->filename = n->filename;
	n->filename = name;
	c->opened = n->opened;
	c->announce = c->attached;
	n->kind = &chardev_null;        /* closing it again must not touch what has moved */
	n->priv = NULL;
	drop(m, n);
	chr_post(c);
	if (c->want_write)
		chr_can_write(c);
	return true;
}

void chardevs_free(struct machine *m)
{
	struct chardevs *r = m->chardevs;

	if (!r)
		return;
	/* A mux before what it stands on. */
	for (struct chardev *c = r->first; c; c = c->next)
		if (c->mux)
			c->kind->close(c);
	for (struct chardev *c = r->first; c; c = c->next)
		if (!c->removed && !c->mux) {
			chr_batch_end(c);
			c->kind->close(c);
		}
	while (r->first) {
		struct chardev *c = r->first;
		r->first = c->next;
		chardev_destroy(c);
	}
	while (r->removed)
		bury(r->removed);
	vcs_free(r->shared.vcs);
	tls_creds_free(r->shared.tls);
	free(r->context);
	free(r);
	m->chardevs = NULL;
}

/* ---- front end's side -------------------------------------------------------------------------------------------------------- */

bool chardev_attach(struct chardev *c, const struct chr_front *f, struct error *err)
{
	if (c->mux)
		return chr_mux_attach(c->mux, f, err);
	if (c->attached || c->mux_base_of)
		return error_set(err, "Device '%s' is in use", c->label);
	c->front = *f;
	c->attached = true;
	c->announce = true;
	chr_post(c);
	return true;
}

void chardev_detach(struct chardev *c, void *arg)
{
	if (c->mux) {
		chr_mux_detach(c->mux, arg);
		return;
	}
	if (c->attached && c->front.arg == arg) {
		c->attached = false;
		c->want_write = false;
		memset(&c->front, 0, sizeof(c->front));
	}
}

void chr_lost(struct chardev *c, size_t len, int e, bool of_log)
{
	uint64_t *count = of_log ? &c->log_lost : &c->lost;

	if (!*count)
		log_printf(c->machine, "chardev %s: %s is losing output: %s\n", c->label, of_log ? "its log" : "it", strerror(e));
	*count += len;
	*(of_log ? &c->log_lost_errno : &c->lost_errno) = e;
}

static void log_bytes(struct chardev *c, const uint8_t *buf, size_t len)
{
	while (len) {
		ssize_t n = write(c->log_fd, buf, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {           /* a full disk loses log, not the guest */
			chr_lost(c, len, n ? errno : ENOSPC, true);
			return;
		}
		buf += n;
		len -= (size_t)n;
	}
}

size_t chardev_write(struct chardev *c, void *front_arg, const uint8_t *buf, size_t len)
{
	if (c->mux)
		return chr_mux_write(c->mux, front_arg, buf, len);
	ssize_t n = c->kind->batch ? (ssize_t)chr_batch_write(c, buf, len) : c->kind->write ? c->kind->write(c, buf, len) : (ssize_t)len;
	if (n < 0)
		n = 0;
	c->want_write = (size_t)n < len;
	if (n > 0 && c->log_fd >= 0)
		log_bytes(c, buf, (size_t)n);
	return (size_t)n;
}

void chardev_accept_input(struct chardev *c, void *front_arg)
{
	if (c->mux)
		chr_mux_accept_input(c->mux, front_arg);
	else if (c->kind->accept_input)
		c->kind->accept_input(c);
}

size_t chardev_pull(struct chardev *c, uint8_t *buf, size_t len) { return c->kind->pull && !c->announce ? c->kind->pull(c, buf, len) : 0; }

static struct chardev *base_of(struct chardev *c) { return c->mux ? chr_mux_base(c->mux) : c; }

void chardev_set_params(struct chardev *c, const struct serial_params *p)
{
	c = base_of(c);
	if (c->kind->set_params)
		c->kind->set_params(c, p);
}

void chardev_set_lines(struct chardev *c, unsigned dtr_rts)
{
	c = base_of(c);
	if (c->kind->set_lines)
		c->kind->set_lines(c, dtr_rts);
}

unsigned chardev_get_lines(struct chardev *c)
{
	c = base_of(c);
	/* A back end without modem lines looks like a cable that is plugged in. */
	return c->kind->get_lines ? c->kind->get_lines(c) : CHR_CTS | CHR_DSR | CHR_DCD;
}

int chardev_take_fd(struct chardev *c)
{
	c = base_of(c);
	return c->kind->take_fd ? c->kind->take_fd(c) : -1;
}

void chardev_send_break(struct chardev *c, bool on)
{
	c = base_of(c);
	if (c->kind->send_break)
		c->kind->send_break(c, on);
}

bool chardev_size(struct chardev *c, unsigned *cols, unsigned *rows)
{
	c = base_of(c);
	*cols = *rows = 0;
	if (c->kind->size && c->kind->size(c, cols, rows) && *cols && *rows && *cols <= UINT16_MAX && *rows <= UINT16_MAX)
		return true;
	*cols = *rows = 0;
	return false;
}

bool chardev_is_parport(struct chardev *c) { return base_of(c)->kind->pp_register; }

bool chardev_pp_register(struct chardev *c, enum chr_pp_op op, uint8_t *val)
{
	c = base_of(c);
	return c->kind->pp_register && c->kind->pp_register(c, op, val);
}

/* ---- back end's side --------------------------------------------------------------------------------------------------------- */

unsigned chr_can_read(struct chardev *c)
{
	if (!c->attached)
		return 0;
	return c->front.can_read ? c->front.can_read(c->front.arg) : 4096;
}

void chr_deliver(struct chardev *c, const uint8_t *buf, unsigned len)
{
	if (c->attached && c->front.read && len)
		c->front.read(c->front.arg, buf, len);
}

void chr_event(struct chardev *c, enum chr_event ev)
{
	if (ev == CHR_OPENED || ev == CHR_CLOSED) {
		c->opened = ev == CHR_OPENED;
		c->announce = false;
		if (ev == CHR_CLOSED)
			chr_batch_drop(c);
	}
	if (c->attached && c->front.event)
		c->front.event(c->front.arg, ev);
}

void chr_can_write(struct chardev *c)
{
	if (!chr_batch_flush(c) || !c->want_write)
		return;
	c->want_write = false;
	if (c->attached && c->front.can_write)
		c->front.can_write(c->front.arg);
}

static void run_work(void *arg)
{
	struct chardev *c = arg;

	c->posted = false;
	if (c->removed)
		return;
	if (c->announce && c->attached) {
		c->announce = false;
		if (c->opened)
			chr_event(c, CHR_OPENED);
		if (c->kind->accept_input)      /* what came before there was anyone to read it */
			c->kind->accept_input(c);
	}
	if (c->kind->work)
		c->kind->work(c);
}

void chr_post(struct chardev *c)
{
	if (c->posted || !c->machine->loop)
		return;
	c->posted = true;
	loop_post(c->machine->loop, run_work, c);
}

/* ---- the command line's wording ----------------------------------------------------------------------------------------------- */

static void closing_line(const char *option, const char *spec, char *out, size_t size)
{
	if (!strcmp(option, "-serial") || !strcmp(option, "-parallel"))
		snprintf(out, size, "could not connect %s device to character backend '%s'", option + 1, spec);
	else if (!strcmp(option, "-debugcon"))
		snprintf(out, size, "invalid character backend '%s'", spec);
	else if (!strcmp(option, "-gdb"))
		*out = 0;
	else
		snprintf(out, size, "parse error: %s", spec);
}

/* hint: a second sentence of the message, which stands alone. */
static void add_line(struct machine *m, struct error *err, size_t *used, const char *line, bool hint)
{
	const char *prog = m->opt && m->opt->prog ? m->opt->prog : "vmux";

	if (*used >= sizeof(err->msg))
		return;
	if (hint)
		*used += (size_t)snprintf(err->msg + *used, sizeof(err->msg) - *used, "\n%s", line);
	else
		*used += (size_t)snprintf(err->msg + *used, sizeof(err->msg) - *used, "%s%s%s%s: %s", *used ? "\n" : "", *used ? prog : "",
			*used ? ": " : "", chr_context(m), line);
}

struct chardev *chardev_from_option(struct machine *m, const char *option, const char *label, const char *spec, bool *none, struct error *err)
{
	struct error why = { "" };
	char last[512], *line, *save = NULL;
	size_t used = 0;

	chr_set_context(m, option, spec);
	struct chardev *c = chardev_new_short(m, label, spec, none, &why);
	if (c || *none)
		return c;
	closing_line(option, spec, last, sizeof(last));
	err->msg[0] = 0;
	for (line = strtok_r(why.msg, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		add_line(m, err, &used, line, used);
	if (*last)
		add_line(m, err, &used, last, false);
	return NULL;
}
