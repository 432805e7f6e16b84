/* board.c - the whole board "pc" without a guest CPU. */
#include "tests/dev/board.h"
#include <stdio.h>

static struct machine *create(const char *args, struct error *err)
{
	char *argv[64] = { "vmux", "-display", "none", "-accel", "qtest" }, *text = strdup(args), *save = NULL;
	int argc = strstr(args, "-accel") ? 3 : 5, status;
	bool done;

	for (char *w = strtok_r(text, " ", &save); w && argc < 63; w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	struct options *o = options_parse(argc, argv, &done, &status, err);
	struct machine *m = o ? machine_new(o, err) : NULL;
	free(text);
	return m;
}

struct machine *board_new(const char *args)
{
	struct error err = { "" };
	struct machine *m = create(args, &err);

	if (!m)
		fail_msg("%s", err.msg);
	machine_lock(m);
	return m;
}

void board_free(struct machine *m)
{
	machine_unlock(m);
	machine_free(m);
}

const char *board_error(const char *args, struct error *err)
{
	err->msg[0] = 0;
	assert_null(create(args, err));
	return err->msg;
}

struct device *board_device(struct machine *m, const char *name)
{
	for (struct device *d = m->devices; d; d = d->all_next)
		if (!strcmp(d->desc->name, name))
			return d;
	fail_msg("there is no %s", name);
	return NULL;
}

void out8(struct machine *m, uint16_t port, uint8_t v)   { space_write(&m->io, port, 1, v); }
void out16(struct machine *m, uint16_t port, uint16_t v) { space_write(&m->io, port, 2, v); }
void out32(struct machine *m, uint16_t port, uint32_t v) { space_write(&m->io, port, 4, v); }
uint8_t  in8(struct machine *m, uint16_t port)  { return (uint8_t)space_read(&m->io, port, 1); }
uint16_t in16(struct machine *m, uint16_t port) { return (uint16_t)space_read(&m->io, port, 2); }
uint32_t in32(struct machine *m, uint16_t port) { return (uint32_t)space_read(&m->io, port, 4); }
void     poke32(struct machine *m, uint64_t addr, uint32_t v) { space_write(&m->mem, addr, 4, v); }
uint32_t peek32(struct machine *m, uint64_t addr) { return (uint32_t)space_read(&m->mem, addr, 4); }
void     poke8(struct machine *m, uint64_t addr, uint8_t v) { space_write(&m->mem, addr, 1, v); }
uint8_t  peek8(struct machine *m, uint64_t addr) { return (uint8_t)space_read(&m->mem, addr, 1); }
void     board_step(struct machine *m, int64_t ns) { clock_advance(&m->clock, clock_now(&m->clock) + ns); }

uint32_t cfg_read(struct machine *m, unsigned devfn, unsigned off, unsigned size)
{
	out32(m, 0xcf8, 0x80000000u | devfn << 8 | (off & ~3u));
	return (uint32_t)space_read(&m->io, 0xcfc + (off & 3), size);
}

void cfg_write(struct machine *m, unsigned devfn, unsigned off, unsigned size, uint32_t v)
{
	out32(m, 0xcf8, 0x80000000u | devfn << 8 | (off & ~3u));
	space_write(&m->io, 0xcfc + (off & 3), size, v);
}
