/* qtest.c - the device-test protocol: an engine that runs no guest, and the line protocol that pokes devices and steps the clock.
 *
 * One command a line; each is answered by "OK", "OK VALUE" or "FAIL reason".  "IRQ raise N" and "IRQ lower N" come unasked once wires
 * are intercepted.  Commands and answers are those that QEMU's own device tests speak. */
#include "core/char/chardev.h"
#include "core/machine/machine.h"
#include "core/machine/text.h"
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_MAX_BYTES = 4 << 20, MAX_WORDS = 8 };       /* a line may carry a megabyte of hex */

struct qtest {
	struct machine *m;
	struct chardev *chr;
	struct text line, out;
	FILE *log;
	struct device *tapped;
	bool tap_output;
};

static void flush_out(struct qtest *q)
{
	size_t n = chardev_write(q->chr, q, (const uint8_t *)q->out.s, q->out.len);
	memmove(q->out.s, q->out.s + n, q->out.len - n);
	q->out.len -= n;
}

static void reply(struct qtest *q, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void reply(struct qtest *q, const char *fmt, ...)
{
	char *s = NULL;
	va_list ap;
	va_start(ap, fmt);
	int n = vasprintf(&s, fmt, ap);
	va_end(ap);
	if (n < 0)
		abort();
	if (q->log)
		fprintf(q->log, "[S] %.200s\n", s);
	text_add(&q->out, s, (size_t)n);
	text_add(&q->out, "\n", 1);
	free(s);
	flush_out(q);
}

/* ---- commands: each gets its words, words[0] being its own name -------------------------------------------------------------------- */

struct qtest_cmd { const char *name; int min_words; void (*run)(struct qtest *q, char **w, uint64_t *v); };

static unsigned size_of(char letter)
{
	return letter == 'b' ? 1 : letter == 'w' ? 2 : letter == 'l' ? 4 : 8;
}

static void cmd_out(struct qtest *q, char **w, uint64_t *v)
{
	space_write(&q->m->io, v[1] & 0xffff, size_of(w[0][3]), v[2]);
	reply(q, "OK");
}

static void cmd_in(struct qtest *q, char **w, uint64_t *v)
{
	reply(q, "OK 0x%04" PRIx64, space_read(&q->m->io, v[1] & 0xffff, size_of(w[0][2])));
}

static void cmd_write_unit(struct qtest *q, char **w, uint64_t *v)
{
	space_write(&q->m->mem, v[1], size_of(w[0][5]), v[2]);
	reply(q, "OK");
}

static void cmd_read_unit(struct qtest *q, char **w, uint64_t *v)
{
	reply(q, "OK 0x%016" PRIx64, space_read(&q->m->mem, v[1], size_of(w[0][4])));
}

static void cmd_read(struct qtest *q, char **w, uint64_t *v)
{
	if (!v[2] || v[2] > LINE_MAX_BYTES / 2) {
		reply(q, "FAIL length must be 1 to %d", LINE_MAX_BYTES / 2);
		return;
	}
	uint8_t *buf = malloc(v[2]);
	char *hex = malloc(v[2] * 2 + 1);
	if (!buf || !hex)
		abort();
	space_read_buf(&q->m->mem, v[1], buf, v[2]);
	for (uint64_t i = 0; i < v[2]; i++)
		sprintf(hex + 2 * i, "%02x", buf[i]);
	reply(q, "OK 0x%s", hex);
	free(buf);
	free(hex);
}

static int nibble(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static void cmd_write(struct qtest *q, char **w, uint64_t *v)
{
	const char *hex = w[3];
	size_t n = strlen(hex);
	if (n < 3 || strncmp(hex, "0x", 2) || n % 2 || !v[2] || v[2] > LINE_MAX_BYTES / 2) {
		reply(q, "FAIL data must be 0x and pairs of hex digits");
		return;
	}
	uint8_t *buf = calloc(1, v[2]);
	if (!buf)
		abort();
	for (size_t i = 0; i < v[2] && 2 * i + 3 < n; i++)
		buf[i] = (uint8_t)((nibble(hex[2 * i + 2]) & 15) << 4 | (nibble(hex[2 * i + 3]) & 15));
	space_write_buf(&q->m->mem, v[1], buf, v[2]);
	free(buf);
	reply(q, "OK");
}

static void cmd_memset(struct qtest *q, char **w, uint64_t *v)
{
	uint8_t block[4096];
	memset(block, (int)v[3], sizeof(block));
	for (uint64_t at = 0; at < v[2] && at < UINT64_C(1) << 32;) {
		size_t n = v[2] - at < sizeof(block) ? v[2] - at : sizeof(block);
		space_write_buf(&q->m->mem, v[1] + at, block, n);
		at += n;
	}
	reply(q, "OK");
}

static void cmd_clock_step(struct qtest *q, char **w, uint64_t *v)
{
	struct clock *k = &q->m->clock;
	int64_t target = w[1] ? clock_now(k) + (int64_t)(v[1] & INT64_MAX) : clock_deadline(k);
	if (target != NO_DEADLINE && target >= clock_now(k))
		clock_advance(k, target);
	reply(q, "OK %" PRIi64, clock_now(k));
}

static void cmd_clock_set(struct qtest *q, char **w, uint64_t *v)
{
	clock_advance(&q->m->clock, (int64_t)(v[1] & INT64_MAX));
	reply(q, "OK %" PRIi64, clock_now(&q->m->clock));
}

static void tap(void *arg, unsigned n, int level)
{
	reply(arg, "IRQ %s %u", level ? "raise" : "lower", n);
}

static struct device *find_by_path(struct qtest *q, const char *path)
{
	struct device *d = device_find(q->m, path);
	for (struct device *i = q->m->devices; !d && i; i = i->all_next)
		if (!strcmp(i->desc->name, path))
			d = i;
	return d;
}

static void cmd_intercept(struct qtest *q, char **w, uint64_t *v)
{
	struct device *d = find_by_path(q, w[1]);
	bool output = !strcmp(w[0], "irq_intercept_out");
	if (!d) {
		reply(q, "FAIL Unknown device %s", w[1]);
		return;
	}
	if (q->tapped && (q->tapped != d || q->tap_output != output)) {
		reply(q, "FAIL IRQ intercept already enabled");
		return;
	}
	q->tapped = d;
	q->tap_output = output;
	*(output ? &d->tap_out : &d->tap_in) = (struct device_tap){ .fn = tap, .arg = q };
	reply(q, "OK");
}

static void cmd_set_irq(struct qtest *q, char **w, uint64_t *v)
{
	struct device *d = find_by_path(q, w[1]);
	if (!d || !d->desc->gpio_in) {
		reply(q, "FAIL Unknown device %s, or it has no inputs", w[1]);
		return;
	}
	d->desc->gpio_in(d, (unsigned)v[3], (int)v[4]);
	reply(q, "OK");
}

static void cmd_endianness(struct qtest *q, char **w, uint64_t *v)
{
	reply(q, "OK little");
}

static const struct qtest_cmd cmds[] = {
	{ "outb", 3, cmd_out }, { "outw", 3, cmd_out }, { "outl", 3, cmd_out }, { "inb", 2, cmd_in }, { "inw", 2, cmd_in }, { "inl", 2, cmd_in },
	{ "writeb", 3, cmd_write_unit }, { "writew", 3, cmd_write_unit }, { "writel", 3, cmd_write_unit }, { "writeq", 3, cmd_write_unit },
	{ "readb", 2, cmd_read_unit }, { "readw", 2, cmd_read_unit }, { "readl", 2, cmd_read_unit }, { "readq", 2, cmd_read_unit },
	{ "read", 3, cmd_read }, { "write", 4, cmd_write }, { "memset", 4, cmd_memset }, { "clock_step", 1, cmd_clock_step },
	{ "clock_set", 2, cmd_clock_set }, { "irq_intercept_in", 2, cmd_intercept }, { "irq_intercept_out", 2, cmd_intercept },
	{ "set_irq_in", 5, cmd_set_irq }, { "endianness", 1, cmd_endianness },
};

static void run_line(struct qtest *q, char *line)
{
	char *words[MAX_WORDS + 1] = { 0 }, *save = NULL;
	uint64_t values[MAX_WORDS + 1] = { 0 };
	int n = 0;
	if (q->log)
		fprintf(q->log, "[R] %.200s\n", line);
	for (char *w = strtok_r(line, " \t\r", &save); w && n < MAX_WORDS; w = strtok_r(NULL, " \t\r", &save)) {
		values[n] = strtoull(w, NULL, 0);
		words[n++] = w;
	}
	if (!n)
		return;
	for (size_t i = 0; i < sizeof(cmds) / sizeof(cmds[0]); i++) {
		if (strcmp(words[0], cmds[i].name))
			continue;
		if (n < cmds[i].min_words)
			reply(q, "FAIL %s needs %d arguments", words[0], cmds[i].min_words - 1);
		else
			cmds[i].run(q, words, values);
		return;
	}
	reply(q, "FAIL Unknown command '%s'", words[0]);
}

/* ---- the line on the chardev -------------------------------------------------------------------------------------------------------- */

static unsigned q_can_read(void *arg)
{
	return 4096;
}

static void q_read(void *arg, const uint8_t *buf, unsigned len)
{
	struct qtest *q = arg;
	for (unsigned i = 0; i < len; i++) {
		if (buf[i] != '\n') {
			if (q->line.len < LINE_MAX_BYTES)
				text_add(&q->line, (const char *)&buf[i], 1);
			continue;
		}
		text_add(&q->line, "", 0);
		run_line(q, q->line.s);
		q->line.len = 0;
	}
}

static void q_can_write(void *arg)
{
	flush_out(arg);
}

static void q_event(void *arg, enum chr_event ev)
{
	struct qtest *q = arg;
	if (ev == CHR_OPENED)
		q->line.len = q->out.len = 0;
}

static bool qtest_init(struct machine *m, struct error *err)
{
	struct optlist *o = m->opt->qtests;
	bool none = false;
	if (!o)
		return true;
	struct qtest *q = calloc(1, sizeof(*q));
	if (!q)
		abort();
	m->qtest = q;
	q->m = m;
	q->chr = chardev_new_short(m, "qtest", o->text, &none, err);
	if (!q->chr)
		return none || error_prefix(err, "-qtest %s: ", o->text);
	if (m->opt->qtest_log && !(q->log = fopen(m->opt->qtest_log, "we")))
		return error_set(err, "-qtest-log %s: %s", m->opt->qtest_log, strerror(errno));
	if (q->log)
		setvbuf(q->log, NULL, _IOLBF, 0);
	const struct chr_front f = { .can_read = q_can_read, .read = q_read, .can_write = q_can_write, .event = q_event, .arg = q };
	return chardev_attach(q->chr, &f, err);
}

static void qtest_stop(struct machine *m)
{
	struct qtest *q = m->qtest;
	if (!q)
		return;
	if (q->chr)
		chardev_detach(q->chr, q);
	if (q->log)
		fclose(q->log);
	text_free(&q->line);
	text_free(&q->out);
	free(q);
	m->qtest = NULL;
}

const struct accel_ops accel_qtest = { .name = "qtest", .runs_guest = false, .init = qtest_init, .stop_vcpus = qtest_stop };
