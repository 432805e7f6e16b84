/* test_chardev_mux.c - the mux's focus and orders, and text consoles' rings. */
#include "core/char/vc.h"
#include "tests/unit/rig.h"
#include <unistd.h>

static int setup(void **state) { *state = rig_new(); return 0; }
static int teardown(void **state) { rig_free(*state); return 0; }

/* ---- mux: seen through a vc as its base ------------------------------------------------------------------------------------------ */

struct mux_rig { struct rig *r; struct chardev *mux, *base; struct text seen; };

static void drain(struct mux_rig *x)
{
	uint8_t buf[512];
	size_t n;
	while ((n = vc_read(x->base, buf, sizeof(buf))))
		text_add(&x->seen, (const char *)buf, n);
}

static bool saw(struct mux_rig *x, const char *s)
{
	drain(x);
	return x->seen.len && memmem(x->seen.s, x->seen.len, s, strlen(s));
}

static void type(struct mux_rig *x, const char *s) { assert_int_equal(vc_write(x->base, (const uint8_t *)s, strlen(s)), strlen(s)); }

static void make(struct mux_rig *x, struct rig *r, const char *spec, struct probe *p)
{
	memset(x, 0, sizeof(*x));
	x->r = r;
	x->mux = rig_chardev_probe(r, "serial0", spec, p);
	x->base = chardev_find(r->m, "serial0-base");
	assert_non_null(x->base);
	assert_string_equal(x->mux->filename, "mux");
	assert_string_equal(x->base->filename, "vc");
}

static void mon_shares_the_line(void **state)
{
	struct mux_rig x;
	struct probe p = { .room = 1000 };
	make(&x, *state, "mon:vc", &p);
	RIG_WAIT(x.r, p.events.len == 2);
	assert_memory_equal(p.events.s, "oi", 2);               /* the device has the focus; no banner yet */
	type(&x, "guest");
	RIG_WAIT(x.r, probe_has(&p, "guest"));
	assert_false(saw(&x, "monitor"));
	type(&x, "\1c");
	RIG_WAIT(x.r, saw(&x, "(qemu) "));
	assert_true(saw(&x, "monitor - type 'help' for more information\r\n(qemu) "));
	RIG_WAIT(x.r, p.events.len == 3 && p.events.s[2] == 'u');
	type(&x, "info name\r");
	x.seen.len = 0;
	RIG_WAIT(x.r, saw(&x, "\r\n(qemu) "));
	/* output of the guest comes through whoever has the focus, but whole lines only, and above what is being typed */
	x.seen.len = 0;
	type(&x, "info na");
	RIG_WAIT(x.r, saw(&x, "info na"));
	x.seen.len = 0;
	assert_int_equal(probe_write(x.r, &p, "ti", 2), 2);
	assert_int_equal(probe_write(x.r, &p, "ck\r\ntock\r\nmore", 14), 14);
	assert_true(saw(&x, "\r\033[Ktick\r\ntock\r\n\r(qemu) info na"));
	assert_false(saw(&x, "more"));
	type(&x, "me\r");
	RIG_WAIT(x.r, saw(&x, "unnamed") || saw(&x, "\r\n(qemu) "));
	type(&x, "\1cback");
	RIG_WAIT(x.r, saw(&x, "more\r\n[input goes to serial0]\r\n"));
	RIG_WAIT(x.r, probe_has(&p, "back"));
	RIG_WAIT(x.r, !probe_has(&p, "info"));
	type(&x, "\1\1\1b\1q\1h");                              /* itself, break, nothing, help */
	RIG_WAIT(x.r, saw(&x, "C-a C-a  sends C-a"));
	assert_true(saw(&x, "\n\rC-a h    print this help\n\rC-a x    exit emulator\n\r"));
	RIG_WAIT(x.r, probe_has(&p, "\1") && memchr(p.events.s, 'b', p.events.len));
	type(&x, "\1x");
	RIG_WAIT(x.r, saw(&x, "QEMU: Terminated\n\r"));
	RIG_WAIT(x.r, x.r->m->quitting);
	assert_int_equal(x.r->m->exit_status, 0);
	probe_detach(x.r, &p);
	text_free(&x.seen);
}

static void focus_cycles_over_four(void **state)
{
	struct mux_rig x;
	struct probe p[5] = { { .room = 1000 }, { .room = 1000 }, { .room = 1000 }, { .room = 1000 }, { .room = 1000 } };
	struct error err = { "" };
	struct rig *r = *state;
	machine_lock(r->m);
	struct kv *kv = kv_parse("vc,id=serial0,mux=on", "backend", &err);
	assert_non_null(chardev_new(r->m, kv, &err));
	kv_free(kv);
	machine_unlock(r->m);
	memset(&x, 0, sizeof(x));
	x.r = r;
	x.mux = chardev_find(r->m, "serial0");
	x.base = chardev_find(r->m, "serial0-base");
	for (int i = 0; i < 4; i++)
		probe_attach(r, &p[i], x.mux);
	machine_lock(r->m);
	assert_false(chardev_attach(x.mux, &(struct chr_front){ .arg = &x }, &err));
	assert_string_equal(err.msg, "Device 'serial0' is in use");
	assert_false(chardev_attach(x.base, &(struct chr_front){ .arg = &x }, &err));
	assert_false(chardev_remove(r->m, "serial0", &err));
	assert_false(chardev_remove(r->m, "serial0-base", &err));
	machine_unlock(r->m);
	type(&x, "3\1c0\1c1\1c2\1c33\1c");
	RIG_WAIT(r, probe_has(&p[3], "33"));
	assert_true(probe_has(&p[0], "0") && probe_has(&p[1], "1") && probe_has(&p[2], "2"));
	/* one that takes nothing holds only its own input back */
	probe_room(r, &p[0], 0);
	type(&x, "late\1cone");
	RIG_WAIT(r, probe_has(&p[1], "one"));
	assert_false(probe_has(&p[0], "late"));
	probe_room(r, &p[0], 2);
	RIG_WAIT(r, probe_has(&p[0], "la"));
	probe_room(r, &p[0], 20);
	RIG_WAIT(r, probe_has(&p[0], "late"));
	for (int i = 0; i < 4; i++)
		probe_detach(r, &p[i]);
	machine_lock(r->m);
	assert_true(chardev_remove(r->m, "serial0", &err));
	assert_null(chardev_first(r->m));
	machine_unlock(r->m);
	text_free(&x.seen);
}

static void stamps_and_another_escape(void **state)
{
	struct mux_rig x;
	struct probe p = { .room = 1000 };
	struct rig *r = *state;
	r->m->opt->echr = 20;
	make(&x, r, "mon:vc", &p);
	RIG_WAIT(r, p.events.len == 2);
	type(&x, "\1\024t\024h");
	RIG_WAIT(r, saw(&x, "C-t C-t  sends C-t"));
	assert_true(probe_has(&p, "\1"));
	x.seen.len = 0;
	probe_write(r, &p, "end\nfirst\nsecond", 16);
	assert_true(saw(&x, "end\n[00:00:00.000] first\n[00:00:00.000] second"));
	probe_detach(r, &p);
	text_free(&x.seen);
}

/* ---- vc ------------------------------------------------------------------------------------------------------------------------------- */

static _Atomic unsigned wakes;
static void on_wake(void *arg) { (*(_Atomic unsigned *)arg)++; }

static void consoles_in_order(void **state)
{
	struct rig *r = *state;
	unsigned cols, rows;
	struct chardev *a = rig_chardev(r, "compat_monitor0", "vc"), *b = rig_chardev(r, "serial0", "vc:80Cx24C"), *c = rig_chardev(r, "parallel0", "vc:640x480");
	machine_lock(r->m);
	assert_int_equal(vc_count(r->m), 3);
	assert_ptr_equal(vc_at(r->m, 0), a);
	assert_ptr_equal(vc_at(r->m, 1), b);
	assert_ptr_equal(vc_at(r->m, 2), c);
	assert_null(vc_at(r->m, 3));
	vc_size(b, &cols, &rows);
	assert_int_equal(cols, 80);
	assert_int_equal(rows, 24);
	vc_size(c, &cols, &rows);
	assert_int_equal(cols, 80);
	assert_int_equal(rows, 30);
	assert_true(chardev_remove(r->m, "serial0", NULL));
	assert_ptr_equal(vc_at(r->m, 1), c);
	machine_unlock(r->m);
	uint8_t buf[4];
	assert_int_equal(vc_read(b, buf, 4), 0);                /* removed, but still safe to touch */
	assert_int_equal(vc_write(b, buf, 4), 0);
	vc_resize(b, 1, 1);
}

/* The pane's size goes to the front end, also through a mux; it is told once, when it has changed. */
static void on_resized(void *arg, enum chr_event ev) { if (ev == CHR_RESIZED) (*(_Atomic unsigned *)arg)++; }

static void the_size_of_a_pane(void **state)
{
	struct rig *r = *state;
	_Atomic unsigned told = 0;
	unsigned cols, rows;
	struct chardev *plain = rig_chardev(r, "plain", "vc"), *null = rig_chardev(r, "nothing", "null");
	const struct chr_front f = { .event = on_resized, .arg = (void *)&told };

	machine_lock(r->m);
	assert_true(chardev_attach(plain, &f, NULL));
	assert_false(chardev_size(plain, &cols, &rows));
	assert_int_equal(cols, 0);
	assert_false(chardev_size(null, &cols, &rows));
	vc_resize(plain, 100, 31);
	machine_unlock(r->m);
	RIG_WAIT(r, told == 1);
	machine_lock(r->m);
	assert_true(chardev_size(plain, &cols, &rows));
	assert_int_equal(cols, 100);
	assert_int_equal(rows, 31);
	vc_resize(plain, 100, 31);
	vc_resize(plain, 90, 31);
	machine_unlock(r->m);
	RIG_WAIT(r, told == 2);
	machine_lock(r->m);
	chardev_detach(plain, (void *)&told);
	machine_unlock(r->m);
}

/* A producer and a consumer in two threads: every byte arrives once, in order. */
struct flow { struct chardev *c; size_t total, got; bool ok; };
static void *reader(void *arg)
{
	struct flow *f = arg;
	uint8_t buf[777];
	f->ok = true;
	while (f->got < f->total) {
		size_t n = vc_read(f->c, buf, sizeof(buf));
		if (!n)
			rig_nap();
		for (size_t i = 0; i < n; i++, f->got++)
			f->ok &= buf[i] == (uint8_t)(f->got * 7 + f->got / 1000);
	}
	return NULL;
}

static void nothing_is_lost_to_a_slow_pane(void **state)
{
	struct rig *r = *state;
	struct probe p = { .room = 100 };
	struct flow f = { .total = 2 << 20 };
	pthread_t t;
	vc_set_wake(r->m, on_wake, &wakes);
	f.c = rig_chardev(r, "serial0", "vc");
	probe_attach(r, &p, f.c);
	pthread_create(&t, NULL, reader, &f);
	uint8_t block[500];
	for (size_t sent = 0; sent < f.total;) {
		size_t n = f.total - sent < sizeof(block) ? f.total - sent : sizeof(block);
		for (size_t i = 0; i < n; i++)
			block[i] = (uint8_t)((sent + i) * 7 + (sent + i) / 1000);
		unsigned before = p.writable;
		size_t took = probe_write(r, &p, block, n);
		sent += took;
		if (took < n)
			RIG_WAIT(r, p.writable > before);
	}
	pthread_join(t, NULL);
	assert_true(f.ok);
	assert_true(wakes > 0);
	probe_detach(r, &p);
}

static void typing_waits_for_the_device(void **state)
{
	struct rig *r = *state;
	struct probe p = { 0 };
	struct chardev *c = rig_chardev(r, "serial0", "vc");
	uint8_t block[1000];
	size_t sent = 0;
	vc_set_wake(r->m, on_wake, &wakes);
	probe_attach(r, &p, c);
	memset(block, 'k', sizeof(block));
	for (size_t n; (n = vc_write(c, block, sizeof(block)));)
		sent += n;                                      /* until it says that there is no room */
	assert_true(sent >= 1000);
	unsigned before = wakes;
	vc_ack(r->m);
	for (size_t want = 0; want < sent; ) {
		want = want + 16 < sent ? want + 16 : sent;
		probe_room(r, &p, 16);
		RIG_WAIT(r, p.got.len == want);
	}
	assert_true(wakes > before);                            /* told that there is room again */
	probe_detach(r, &p);
}

static void without_a_front_end_the_newest_stays(void **state)
{
	struct rig *r = *state;
	struct probe p = { 0 };
	struct chardev *c = rig_chardev(r, "serial0", "vc");
	static uint8_t big[200000];
	char line[32];
	probe_attach(r, &p, c);
	for (int i = 0; i < 20000; i++) {
		int n = snprintf(line, sizeof(line), "line %d\n", i);
		assert_int_equal(probe_write(r, &p, line, (size_t)n), n);
	}
	assert_int_equal(probe_write(r, &p, big, sizeof(big)), sizeof(big));
	assert_int_equal(probe_write(r, &p, "the end", 7), 7);
	size_t n = 0, got;
	while ((got = vc_read(c, big + n, sizeof(big) - n)))
		n += got;
	assert_true(n >= 32 << 10 && n <= 64 << 10);
	assert_memory_equal(big + n - 7, "the end", 7);
	probe_detach(r, &p);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = { T(mon_shares_the_line), T(focus_cycles_over_four), T(stamps_and_another_escape), T(the_size_of_a_pane), T(consoles_in_order),
		T(nothing_is_lost_to_a_slow_pane), T(typing_waits_for_the_device), T(without_a_front_end_the_newest_stays) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
