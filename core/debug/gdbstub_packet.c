/* gdbstub_packet.c - $data#sum: taking packets apart and putting them together, and the words in them. */
#include "core/debug/gdbstub_priv.h"
#include "core/cpu/vcpu.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- out ---- */

void gdb_flush(struct gdbstub *s)
{
	if (!s->out.len)
		return;
	size_t n = chardev_write(s->chr, s, (const uint8_t *)s->out.s, s->out.len);
	memmove(s->out.s, s->out.s + n, s->out.len - n);
	s->out.len -= n;
}

static bool special(char c) { return c == '$' || c == '#' || c == '}' || c == '*'; }

void gdb_send(struct gdbstub *s, const char *data, size_t len)
{
	uint8_t sum = 0;
	char tail[8];

	s->last.len = 0;
	text_add(&s->last, "$", 1);
	for (size_t i = 0; i < len; i++) {
		char esc[2] = { '}', (char)(data[i] ^ 0x20) };
		const char *from = special(data[i]) ? esc : &data[i];
		size_t n = special(data[i]) ? 2 : 1;
		text_add(&s->last, from, n);
		for (size_t k = 0; k < n; k++)
			sum = (uint8_t)(sum + (uint8_t)from[k]);
	}
	snprintf(tail, sizeof(tail), "#%02x", sum);
	text_add(&s->last, tail, 3);
	text_add(&s->out, s->last.s, s->last.len);
	gdb_flush(s);
}

void gdb_reply(struct gdbstub *s, const char *fmt, ...)
{
	char buf[512];
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	gdb_send(s, buf, n < 0 ? 0 : n < (int)sizeof(buf) ? (size_t)n : sizeof(buf) - 1);
}

void gdb_error(struct gdbstub *s, int number) { gdb_reply(s, "E%02d", number); }

/* ---- in ---- */

static int digit(char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1; }

void gdb_framing_reset(struct gdbstub *s)
{
	s->rx = RX_IDLE;
	s->in_len = 0;
	s->out.len = s->last.len = 0;
	s->no_ack = s->next_no_ack = false;
}

static void begin(struct gdbstub *s)
{
	s->rx = RX_DATA;
	s->in_len = s->sum = 0;
	s->too_long = false;
}

static void keep(struct gdbstub *s, uint8_t b)
{
	if (s->in_len < GDB_PACKET)
		s->in[s->in_len++] = (char)b;
	else
		s->too_long = true;
}

/* The checksum is complete. */
static void complete(struct gdbstub *s)
{
	s->rx = RX_IDLE;
	if (s->want != s->sum) {
		if (!s->no_ack)
			text_add(&s->out, "-", 1);
		return;
	}
	if (!s->no_ack)
		text_add(&s->out, "+", 1);
	s->in[s->in_len] = 0;
	if (s->too_long)
		gdb_error(s, GDB_BAD);
	else
		gdb_packet(s, s->in, s->in_len);
	s->no_ack |= s->next_no_ack;
}

static void idle(struct gdbstub *s, uint8_t b)
{
	if (b == '$')
		begin(s);
	else if (b == 3)
		gdb_interrupt(s);
	else if (b == '-' && !s->no_ack)
		text_add(&s->out, s->last.s ? s->last.s : "", s->last.len);
}

/* A $ inside a packet starts a new one: what was sent before was cut off. */
static void byte(struct gdbstub *s, uint8_t b)
{
	switch (s->rx) {
	case RX_IDLE:
		idle(s, b);
		break;
	case RX_DATA:
		if (b == '#') {
			s->rx = RX_SUM1;
			break;
		}
		if (b == '$') {
			begin(s);
			break;
		}
		s->sum = (uint8_t)(s->sum + b);
		if (b == '}')
			s->rx = RX_ESCAPE;
		else
			keep(s, b);
		break;
	case RX_ESCAPE:
		s->sum = (uint8_t)(s->sum + b);
		keep(s, b ^ 0x20);
		s->rx = RX_DATA;
		break;
	case RX_SUM1:
	case RX_SUM2:
		if (digit((char)b) < 0) {
			s->rx = RX_IDLE;
			if (!s->no_ack)
				text_add(&s->out, "-", 1);
			break;
		}
		s->want = (uint8_t)(s->want << 4 | digit((char)b));
		if (s->rx == RX_SUM2)
			complete(s);
		else
			s->rx = RX_SUM2;
		break;
	}
}

void gdb_bytes(struct gdbstub *s, const uint8_t *buf, unsigned len)
{
	for (unsigned i = 0; i < len; i++)
		byte(s, buf[i]);
	gdb_flush(s);
}

/* ---- words ---- */

void gdb_hex_add(struct text *t, const void *buf, size_t len)
{
	static const char digits[] = "0123456789abcdef";

	for (const uint8_t *p = buf; len--; p++) {
		char two[2] = { digits[*p >> 4], digits[*p & 15] };
		text_add(t, two, 2);
	}
}

int gdb_hex_bytes(const char *text, void *buf, size_t size)
{
	size_t n = strlen(text);

	if (n % 2 || n / 2 > size)
		return -1;
	for (size_t i = 0; i < n; i += 2) {
		int hi = digit(text[i]), lo = digit(text[i + 1]);
		if (hi < 0 || lo < 0)
			return -1;
		((uint8_t *)buf)[i / 2] = (uint8_t)(hi << 4 | lo);
	}
	return (int)(n / 2);
}

bool gdb_number(const char **p, uint64_t *v)
{
	unsigned n = 0;

	for (*v = 0; digit(**p) >= 0; ++*p, n++) {
		if (*v >> 60)
			return false;
		*v = *v << 4 | (unsigned)digit(**p);
	}
	return n;
}

bool gdb_number_then(const char **p, char then, uint64_t *v)
{
	if (!gdb_number(p, v) || **p != then)
		return false;
	*p += then != 0;
	return true;
}

/* -1, or a number. */
static bool id(const char **p, int64_t *v)
{
	uint64_t u;

	if (!strncmp(*p, "-1", 2)) {
		*p += 2;
		*v = -1;
		return true;
	}
	if (!gdb_number(p, &u) || u > INT32_MAX)
		return false;
	*v = (int64_t)u;
	return true;
}

/* pPID.TID, pPID = all threads of it, TID; 0 is any, -1 all.  The machine is process 1. */
bool gdb_thread_id(const struct gdbstub *s, const char **p, int *cpu)
{
	int64_t pid = 1, tid = -1;

	if (**p == 'p') {
		++*p;
		if (!id(p, &pid))
			return false;
		if (**p == '.') {
			++*p;
			if (!id(p, &tid))
				return false;
		}
	} else if (!id(p, &tid)) {
		return false;
	}
	*cpu = tid > 0 ? (int)tid - 1 : tid ? -1 : -2;
	return pid <= 1 && (tid <= 0 || vcpu_present(s->m, tid - 1));
}

void gdb_put_thread(const struct gdbstub *s, unsigned cpu, struct text *t)
{
	text_printf(t, s->multiprocess ? "p01.%02x" : "%02x", cpu + 1);
}
