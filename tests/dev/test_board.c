/* test_board.c - all devices of the board together: reset, saved state, and random accesses everywhere. */
#include "core/block/block.h"
#include "tests/dev/board.h"
#include <stdio.h>
#include <time.h>

static const char all_devices[] = "-m 16 -device isa-debug-exit -device pc-testdev -device pci-testdev -device virtio-serial-pci -chardev null,id=v "
	"-device virtconsole,chardev=v -device virtserialport,name=fuzz";

/* Same names, slots and numbers as users know them from QEMU. */
static void paths(void **state)
{
	static const struct { const char *path, *name; } known[] = {
		{ "/machine/unattached/device[2]", "i440FX" }, { "/machine/unattached/device[3]", "PIIX3" },
		{ "/machine/unattached/device[6]", "isa-i8259" }, { "/machine/unattached/device[8]", "VGA" },
		{ "/machine/unattached/device[9]", "hpet" }, { "/machine/unattached/device[10]", "mc146818rtc" },
		{ "/machine/unattached/device[11]", "isa-pit" }, { "/machine/fw_cfg", "fw_cfg_io" }, { "/machine/i440fx", "i440FX-pcihost" } };
	struct machine *m = board_new("-m 16");

	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
		struct device *d = device_find(m, known[i].path);
		assert_non_null(d);
		assert_string_equal(d->desc->name, known[i].name);
	}
	board_free(m);
}

static unsigned le32(const uint8_t *p)
{
	return p[0] | p[1] << 8 | p[2] << 16 | (unsigned)p[3] << 24;
}

/* Which field of which device lies at offset `at` (layout as core/machine/state.c writes it). */
static void name_of(const struct state_buf *b, size_t at, char *out, size_t size)
{
	for (size_t pos = 0; pos < b->len;) {
		const uint8_t *sec = b->data + pos + 4;
		size_t body = pos + 4 + 1 + sec[0] + 8, end = body + le32(b->data + body - 4);
		if (at >= end) {
			pos = end;
			continue;
		}
		for (size_t f = body; f < end && b->data[f];) {
			const uint8_t *field = b->data + f;
			size_t next_field = f + 1 + field[0] + 9 + le32(field + 1 + field[0] + 5);
			if (at < next_field) {
				snprintf(out, size, "%.*s: %.*s, byte %zu,", sec[0], sec + 1, field[0], field + 1, at - (f + 1 + field[0] + 9));
				return;
			}
			f = next_field;
		}
		break;
	}
	snprintf(out, size, "offset %zu", at);
}

static void expect_equal(const struct state_buf *a, const struct state_buf *b)
{
	char where[600];

	assert_int_equal(a->len, b->len);
	for (size_t i = 0; i < a->len; i++)
		if (a->data[i] != b->data[i]) {
			name_of(a, i, where, sizeof where);
			fail_msg("%s differs: %02x, then %02x", where, a->data[i], b->data[i]);
		}
}

/* Into the machine itself after a reset, and into another one of the same make. */
static void check_save_load_save(struct machine *m)
{
	struct state_buf a = { 0 }, b = { 0 }, c = { 0 };
	struct error err = { "" };
	struct machine *other = board_new(all_devices);

	machine_save_devices(m, &a);
	machine_reset(m, RESET_SYSTEM);
	a.pos = 0;
	if (!machine_load_devices(m, &a, &err))
		fail_msg("%s", err.msg);
	machine_save_devices(m, &b);
	expect_equal(&a, &b);
	clock_set(&other->clock, clock_now(&m->clock));
	a.pos = 0;
	if (!machine_load_devices(other, &a, &err))
		fail_msg("%s", err.msg);
	machine_save_devices(other, &c);
	expect_equal(&a, &c);
	state_buf_free(&a);
	state_buf_free(&b);
	state_buf_free(&c);
	board_free(other);
}

static void save_after_reset(void **state)
{
	struct machine *m = board_new(all_devices);

	check_save_load_save(m);
	board_free(m);
}

/* What a reset leaves is what power-on left. */
static void reset_is_complete(void **state)
{
	struct machine *m = board_new("-m 16 -rtc base=2020-01-01,clock=vm");
	struct state_buf a = { 0 }, b = { 0 };

	machine_save_devices(m, &a);
	machine_reset(m, RESET_SYSTEM);
	machine_save_devices(m, &b);
	expect_equal(&a, &b);
	state_buf_free(&a);
	state_buf_free(&b);
	board_free(m);
}

/* ---- random accesses ----------------------------------------------------------------------------------------------------------- */

struct rng { uint64_t s; };
static uint64_t next(struct rng *r)
{
	r->s ^= r->s << 13;
	r->s ^= r->s >> 7;
	r->s ^= r->s << 17;
	return r->s;
}

/* Values that mean something more often than noise does. */
static uint64_t value(struct rng *r)
{
	uint64_t v = next(r);

	switch (next(r) % 4) {
	case 0:  return v & 0xff;
	case 1:  return UINT64_C(1) << (v & 63);
	case 2:  return v % 2 ? 0 : UINT64_MAX;
	default: return v;
	}
}

static void one_access(struct machine *m, struct rng *r)
{
	bool io = next(r) % 2;
	struct space *s = io ? &m->io : &m->mem;
	const struct flat_range *f = &s->flat[next(r) % s->n_flat];
	uint64_t addr = f->start + next(r) % (f->end - f->start + 1);
	unsigned size = 1u << next(r) % (io ? 3 : 4);

	if (f->r->kind != REGION_IO && f->r->kind != REGION_ROM && next(r) % 64)
		return;                         /* RAM is dull */
	if (io && addr + size > 0xae08 && addr < 0xae0c)
		return;                         /* ejects cards: the saved state would be that of another machine */
	if (addr > s->limit - size)
		return;
	if (next(r) % 3)
		space_write(s, addr, size, value(r));
	else
		space_read(s, addr, size);
}

/* Ports alone hardly ever address a configuration register: help. */
static void one_config_access(struct machine *m, struct rng *r)
{
	static const uint8_t functions[] = { DEVFN(0, 0), DEVFN(1, 0), DEVFN(1, 1), DEVFN(1, 3), DEVFN(2, 0), DEVFN(3, 0), DEVFN(4, 0) };
	unsigned devfn = functions[next(r) % sizeof functions], size = 1u << next(r) % 3, off = (unsigned)next(r) & 0xff & ~(size - 1);

	if (next(r) % 2)
		off %= 0x40;
	if (next(r) % 3)
		cfg_write(m, devfn, off, size, (uint32_t)value(r));
	else
		cfg_read(m, devfn, off, size);
}

static void run_random(uint64_t seed, double seconds)
{
	struct machine *m = board_new(all_devices);
	struct rng r = { seed * UINT64_C(0x9e3779b97f4a7c15) | 1 };
	clock_t end = clock() + (clock_t)(seconds * CLOCKS_PER_SEC);

	while (clock() < end) {
		for (int i = 0; i < 2000; i++)
			one_access(m, &r);
		for (int i = 0; i < 20; i++)
			one_config_access(m, &r);
		board_step(m, (int64_t)(next(&r) % 200000));
		drive_drain(m);
		if (next(&r) % 64 == 0)
			machine_reset(m, RESET_SYSTEM);
	}
	drive_drain(m);
	check_save_load_save(m);
	board_free(m);
}

/* VMUX_FUZZ_SECONDS makes it longer, VMUX_FUZZ_SEED repeats a run. */
static void random_accesses(void **state)
{
	const char *seconds = getenv("VMUX_FUZZ_SECONDS"), *seed = getenv("VMUX_FUZZ_SEED");
	double total = seconds ? atof(seconds) : 4;
	uint64_t first = seed ? strtoull(seed, NULL, 0) : 1;

	for (uint64_t i = 0; i < 4; i++) {
		print_message("# seed %llu\n", (unsigned long long)(first + i));
		run_random(first + i, total / 4);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(paths), cmocka_unit_test(save_after_reset), cmocka_unit_test(reset_is_complete),
	                                    cmocka_unit_test(random_accesses) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
