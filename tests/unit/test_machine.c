/* test_machine.c - address spaces, clock, state tables, option lists. */
#include "core/machine/machine.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct machine *bare(void)
{
	char *argv[] = { "vmux", "-accel", "qtest", "-m", "4", "-nodefaults", "-display", "none", NULL };
	bool done;
	int status;
	struct error err = { "" };
	struct options *o = options_parse(8, argv, &done, &status, &err);
	assert_non_null(o);
	struct machine *m = machine_new_bare(o, &err);
	assert_non_null(m);
	return m;
}

/* ---- spaces ------------------------------------------------------------------------------------------------------------------ */

static uint64_t echo_read(struct device *d, uint64_t off, unsigned size) { return off; }
static const struct io_ops echo_ops = { .read = echo_read, .min = 1, .max = 4 };
static const struct io_ops word_ops = { .read = echo_read, .min = 4, .max = 4 };

static void spaces_overlap_by_priority(void **state)
{
	struct machine *m = bare();
	struct error err;
	uint64_t ram = ram_alloc(&m->ram, "pc.ram", 1 << 20, &err);
	struct region r = { .name = "ram", .kind = REGION_RAM, .size = 1 << 20, .ram_addr = ram };
	struct region io = { .name = "io", .kind = REGION_IO, .base = 0x1000, .size = 0x100, .prio = 1, .ops = &echo_ops };
	struct region same = { .name = "same", .kind = REGION_IO, .base = 0x10f0, .size = 0x100, .prio = 1, .ops = &echo_ops };
	assert_true(space_map(&m->mem, &r, &err));
	assert_true(space_map(&m->mem, &io, &err));
	assert_false(space_map(&m->mem, &same, &err));
	assert_non_null(strstr(err.msg, "same"));
	assert_non_null(strstr(err.msg, "io"));
	space_write(&m->mem, 0xffc, 4, 0x11223344);
	assert_int_equal(space_read(&m->mem, 0xffc, 4), 0x11223344);
	assert_int_equal(space_read(&m->mem, 0x1020, 4), 0x20);
	/* across the edge: two bytes of RAM, then two of the device, each asked by byte */
	assert_int_equal(space_read(&m->mem, 0xffe, 4), 0x01001122);
	space_unmap(&m->mem, &io);
	assert_int_equal(space_read(&m->mem, 0x1020, 4), 0);
	/* holes read as ones and swallow writes */
	assert_int_equal(space_read(&m->mem, 0x200000, 2), 0xffff);
	space_write(&m->mem, 0x200000, 4, 1);
	machine_free(m);
}

static void spaces_follow_aliases(void **state)
{
	struct machine *m = bare();
	struct error err;
	struct region r = { .name = "ram", .kind = REGION_RAM, .size = 1 << 20, .ram_addr = ram_alloc(&m->ram, "pc.ram", 1 << 20, &err) };
	struct region rom = { .name = "rom", .kind = REGION_ROM, .base = 0xf0000, .size = 0x10000, .prio = 1,
		.ram_addr = ram_alloc(&m->ram, "rom", 0x10000, &err) };
	struct region shadow = { .name = "shadow", .kind = REGION_ALIAS, .base = 0xf8000, .size = 0x4000, .prio = 2, .alias_base = 0x8000 };
	assert_true(space_map(&m->mem, &r, &err) && space_map(&m->mem, &rom, &err));
	memset(m->ram.host + rom.ram_addr, 0x5a, 0x10000);
	assert_int_equal(space_read(&m->mem, 0xf8000, 1), 0x5a);
	space_write(&m->mem, 0xf8000, 1, 0);
	assert_int_equal(space_read(&m->mem, 0xf8000, 1), 0x5a);
	assert_true(space_map(&m->mem, &shadow, &err));
	space_write(&m->mem, 0xf8001, 1, 0x77);
	assert_int_equal(space_read(&m->mem, 0x8001, 1), 0x77);
	assert_int_equal(space_read(&m->mem, 0xfc000, 1), 0x5a);
	machine_free(m);
}

static void accesses_are_split_and_widened(void **state)
{
	struct machine *m = bare();
	struct error err;
	struct region a = { .name = "a", .base = 0x100, .size = 16, .ops = &echo_ops }, b = { .name = "b", .base = 0x200, .size = 16, .ops = &word_ops };
	assert_true(space_map(&m->io, &a, &err) && space_map(&m->io, &b, &err));
	assert_int_equal(space_read(&m->io, 0x104, 8), 0x0000000800000004);
	assert_int_equal(space_read(&m->io, 0x204, 1), 4);
	assert_int_equal(space_read(&m->io, 0x205, 1), 0);
	machine_free(m);
}

static void written_ram_is_marked(void **state)
{
	struct machine *m = bare();
	struct error err;
	uint64_t ram = ram_alloc(&m->ram, "pc.ram", 1 << 20, &err);
	struct region r = { .name = "ram", .kind = REGION_RAM, .size = 1 << 20, .ram_addr = ram };
	char buf[4];
	assert_true(space_map(&m->mem, &r, &err));
	assert_int_equal(m->ram.dirty[(ram + 0x3000) >> 12], 0);
	assert_true(space_write_buf(&m->mem, 0x2ffe, "abcd", 4));
	assert_int_not_equal(m->ram.dirty[(ram + 0x2000) >> 12], 0);
	assert_int_not_equal(m->ram.dirty[(ram + 0x3000) >> 12], 0);
	assert_false(space_read_buf(&m->mem, (1 << 20) - 2, buf, 4));
	assert_int_equal((uint8_t)buf[3], 0xff);
	machine_free(m);
}

/* ---- clock ------------------------------------------------------------------------------------------------------------------- */

struct tick { struct machine *m; struct timer t; int64_t at[4]; int n; };

static void tick(void *arg)
{
	struct tick *k = arg;
	k->at[k->n++] = clock_now(&k->m->clock);
	if (k->n < 3)
		timer_set(k->m, &k->t, k->at[k->n - 1] + 100);
}

static void stepped_clock_runs_timers_at_their_time(void **state)
{
	struct machine *m = bare();
	struct tick k = { .m = m };
	timer_init(&k.t, tick, &k);
	timer_set(m, &k.t, 50);
	clock_advance(&m->clock, 49);
	assert_int_equal(k.n, 0);
	clock_advance(&m->clock, 1000);
	assert_int_equal(k.n, 3);
	assert_int_equal(k.at[0], 50);
	assert_int_equal(k.at[2], 250);
	assert_int_equal(clock_now(&m->clock), 1000);
	timer_set(m, &k.t, 2000);
	timer_cancel(m, &k.t);
	assert_int_equal(clock_deadline(&m->clock), NO_DEADLINE);
	machine_free(m);
}

/* ---- state ------------------------------------------------------------------------------------------------------------------- */

struct inner { uint16_t x; uint8_t pad; bool on; };
struct outer { uint8_t a; uint32_t b[3]; uint64_t c; struct inner in[2]; uint8_t raw[5]; };
static const struct state_field inner_state[] = { STATE_U16(struct inner, x), STATE_BOOL(struct inner, on), STATE_END };
static const struct state_field outer_state[] = { STATE_U8(struct outer, a), STATE_ARRAY(struct outer, b, ST_U32), STATE_U64(struct outer, c),
	STATE_STRUCTS(struct outer, in, inner_state), STATE_BYTES(struct outer, raw), STATE_END };
static const struct state_field less_state[] = { STATE_U8(struct outer, a), STATE_END };

static void state_comes_back(void **state)
{
	struct outer o, p;
	memset(&o, 0, sizeof(o));
	memset(&p, 0, sizeof(p));
	o.a = 1;
	o.b[2] = 0xdeadbeef;
	o.c = UINT64_C(1) << 60;
	o.in[0].x = 7;
	o.in[0].on = true;
	o.in[1].x = 8;
	memcpy(o.raw, "abcde", 5);
	struct state_buf b = { 0 };
	struct error err;
	state_put(&b, "thing", 2, outer_state, &o);
	assert_true(state_get(&b, "thing", 2, outer_state, &p, &err));
	assert_memory_equal(&o, &p, sizeof(o));
	/* a reader that knows fewer fields skips the rest */
	b.pos = 0;
	p = (struct outer){ .c = 5 };
	assert_true(state_get(&b, "thing", 2, less_state, &p, &err));
	assert_int_equal(p.a, 1);
	assert_int_equal(p.c, 5);
	b.pos = 0;
	assert_false(state_get(&b, "other", 2, outer_state, &p, &err));
	b.pos = 0;
	assert_false(state_get(&b, "thing", 1, outer_state, &p, &err));
	assert_non_null(strstr(err.msg, "version 2"));
	state_buf_free(&b);
}

/* Every truncation is refused; every flipped bit is refused or read without harm. */
static void damaged_state_is_survived(void **state)
{
	struct outer o = { 1, { 2, 3, 4 }, 5, { { 7, 0, true }, { 8, 0, false } }, "abcd" }, p = { 0 };
	struct state_buf b = { 0 };
	struct error err;
	state_put(&b, "thing", 1, outer_state, &o);
	for (size_t n = 0; n < b.len; n++) {
		struct state_buf cut = { .data = memcpy(malloc(n + 1), b.data, n), .len = n };
		assert_false(state_get(&cut, "thing", 1, outer_state, &p, &err));
		state_buf_free(&cut);
		for (unsigned bit = 0; bit < 8; bit++) {
			struct state_buf bad = { .data = memcpy(malloc(b.len), b.data, b.len), .len = b.len };
			bad.data[n] ^= (uint8_t)(1 << bit);
			state_get(&bad, "thing", 1, outer_state, &p, &err);
			state_buf_free(&bad);
		}
	}
	state_buf_free(&b);
}

/* ---- options ----------------------------------------------------------------------------------------------------------------- */

static void lists_are_parsed(void **state)
{
	struct error err;
	uint64_t v;
	struct kv *kv = kv_parse("a,,b,server,nowait,path=x,,y=z,n=", "file", &err);
	assert_string_equal(kv_get(kv, "file"), "a,b");
	assert_string_equal(kv_get(kv, "server"), "on");
	assert_string_equal(kv_get(kv, "wait"), "off");
	assert_string_equal(kv_get(kv, "path"), "x,y=z");
	assert_string_equal(kv_get(kv, "n"), "");
	assert_null(kv_get(kv, "nowait"));
	kv_free(kv);
	assert_true(parse_size("1.5G", 1 << 20, &v) && v == UINT64_C(3) << 29);
	assert_true(parse_size("512", 1 << 20, &v) && v == UINT64_C(512) << 20);
	assert_true(parse_size("64k", 1, &v) && v == 65536);
	assert_true(parse_size("0x100", 1, &v) && v == 256);
	assert_false(parse_size("-1", 1, &v));
	assert_false(parse_size("1x", 1, &v));
	assert_false(parse_size("99999999999999999999", 1, &v));
}

static bool parses(struct error *err, int argc, char **argv)
{
	bool done;
	int status;
	err->msg[0] = 0;
	struct options *o = options_parse(argc, argv, &done, &status, err);
	assert_true(o || done || status == 1);
	options_free(o);
	return o != NULL;
}
#define PARSES(...) parses(&err, (int)(sizeof((char *[]){ "vmux", __VA_ARGS__ }) / sizeof(char *)), (char *[]){ "vmux", __VA_ARGS__, NULL })

static void bad_options_are_named(void **state)
{
	static char *const bad[][3] = {
		{ "-nosuch", "", "-nosuch" }, { "-m", "x", "-m x" }, { "-m", "1048576", "-m 1048576: at most 1023 GiB" }, { "-m", "size=2T", "at most 1023 GiB" }, { "-boot", "z", "'z'" }, { "-boot", "cc", "twice" }, { "-rtc", "base=x", "-rtc" },
		{ "-echr", "x", "-echr" }, { "-d", "nosuch", "nosuch" }, { "-display", "gtk", "gtk" }, { "-initrd", "f", "-kernel" },
		{ "-append", "f", "-kernel" }, { "-uuid", "1", "-uuid" }, { "-smp", "x", "-smp" }, { "-accel", "tcg,bogus=1", "bogus" }, { "-accel", "jit,thread=no", "thread" }, { "-accel", "jit,off=sse:foo", "foo" }, { "-accel", "jit,split-wx=off", "split-wx" }, { "-accel", "jit,tb-size=2000", "tb-size" },
		{ "-accel", "jit,tb-size=x", "tb-size" }, { "-accel", "interp,lockstep=5", "lockstep" }, { "-accel", "interp,count=on", "count" }, { "-accel", "jit,count=2", "count" }, { "-accel", "jit,one-insn-per-tb=maybe", "one-insn-per-tb" }, { "-accel", "thread=multi", "engine" }, { "-smp", "65", "at most 64" }, { "-smp", "4,dies=2", "dies=1" }, { "-icount", "auto", "shift=auto" }, { "-icount", "11", "Invalid shift value" }, { "-icount", "sleep=off", "Invalid shift value" },
		{ "-icount", "3,align=on", "align" }, { "-icount", "3,rr=record", "Invalid parameter 'rr'" }, { "-smp", "4,sockets=3", "product of the hierarchy" }, { "-smp", "4,maxcpus=2", "smp_cpus" }, { "-vga", "cirrus", "cirrus" },
		{ "-machine", "pc,nosuch=1", "nosuch" }, { "-net", "user", "network" }, { "-name", "a,b=c", "'b'" }, { "-global", "x", "-global" },
		{ "-overcommit", "cpu-pm=on", "cpu-pm=on is not supported" }, { "-overcommit", "x=on", "'x'" }, { "-msg", "timestamp=maybe", "'timestamp'" },
		{ "-audiodev", "none", "'id' is missing" }, { "-audiodev", "alsa,id=a", "'alsa'" }, { "-audiodev", "none,id=a,rate=1", "'rate'" },
		{ "-audiodev", "{\"driver\":\"none\"", "JSON parse error" }, { "-device", "{x", "JSON parse error" }, { "-blockdev", "{\"a\":null}", "'a'" } };
	struct error err;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		bool ok = *bad[i][1] ? PARSES("-display", "none", bad[i][0], bad[i][1]) : PARSES("-display", "none", bad[i][0]);
		if (ok || !strstr(err.msg, bad[i][2]))
			fail_msg("%s %s: '%s'", bad[i][0], bad[i][1], err.msg);
	}
	assert_false(PARSES("-m"));
	assert_non_null(strstr(err.msg, "requires an argument"));
	assert_true(PARSES("-msg", "timestamp=on,guest-name=on", "-overcommit", "mem-lock=off", "-audiodev", "{\"driver\":\"none\",\"id\":\"a\"}",
		"-audiodev", "none,id=b,out.frequency=44100", "-object", "{\"qom-type\":\"secret\",\"id\":\"s\",\"data\":\"a,b\"}"));
	assert_true(PARSES("-m", "256", "-boot", "order=dc,menu=on", "-rtc", "base=2020-01-02", "--no-reboot", "disk.img"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spaces_overlap_by_priority), cmocka_unit_test(spaces_follow_aliases), cmocka_unit_test(accesses_are_split_and_widened),
		cmocka_unit_test(written_ram_is_marked), cmocka_unit_test(stepped_clock_runs_timers_at_their_time), cmocka_unit_test(state_comes_back),
		cmocka_unit_test(damaged_state_is_survived), cmocka_unit_test(lists_are_parsed), cmocka_unit_test(bad_options_are_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
