/* cmd_memory.c - commands that look at memory and ports. */
#include "core/cpu/cpu.h"
#include "core/debug/disas.h"
#include "core/machine/machine.h"
#include "core/monitor/commands.h"
#include "core/monitor/dump.h"
#include "core/monitor/internal.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

enum { GUEST_PAGE = 4096 };

static struct cpu *chosen_cpu(const struct mon_ctx *x)
{
	return x->cpu < x->m->n_cpus ? x->m->cpus[x->cpu] : NULL;
}

/* Virtual memory of c, or physical memory (c NULL).  False when a part is not there. */
static bool read_memory(struct machine *m, struct cpu *c, uint64_t addr, uint8_t *buf, size_t len)
{
	while (len) {
		uint64_t phys = addr;
		size_t n = GUEST_PAGE - (addr & (GUEST_PAGE - 1));
		n = n < len ? n : len;
		if (c && !mmu_translate_debug(c, addr, &phys))
			return false;
		if (!space_read_buf(&m->mem, phys, buf, n))
			return false;
		buf += n;
		addr += n;
		len -= n;
	}
	return true;
}

/* ---- print, x, xp ------------------------------------------------------------------------------------------------------------------ */

static void print_char(struct text *out, uint64_t c)
{
	switch (c) {
	case '\'': text_printf(out, "'\\''"); break;
	case '\\': text_printf(out, "'\\\\'"); break;
	case '\n': text_printf(out, "'\\n'"); break;
	case '\r': text_printf(out, "'\\r'"); break;
	default:
		text_printf(out, c >= 32 && c <= 126 ? "'%c'" : "'\\x%02x'", (int)c);
	}
}

HANDLER(cmd_print)
{
	uint64_t v = (uint64_t)arg_int(a, "val");

	switch (arg_fmt(a).format) {
	case 'o': text_printf(x->out, "%#" PRIo64, v); break;
	case 'x': text_printf(x->out, "%#" PRIx64, v); break;
	case 'u': text_printf(x->out, "%" PRIu64, v); break;
	case 'c': print_char(x->out, v); break;
	default:  text_printf(x->out, "%" PRId64, (int64_t)v); break;
	}
	text_printf(x->out, "\n");
	return true;
}

static void print_unit(struct text *out, char format, unsigned size, uint64_t v)
{
	switch (format) {
	case 'o': text_printf(out, " %#*" PRIo64, (int)(size * 8 + 2) / 3, v); break;
	case 'x': text_printf(out, " 0x%0*" PRIx64, (int)size * 2, v); break;
	case 'c': text_printf(out, " "); print_char(out, v); break;
	default:  text_printf(out, " %*" PRIu64, (int)(size * 8 * 10 + 32) / 33, v); break;
	}
}

static void dump(struct mon_ctx *x, struct cpu *c, struct mon_fmt f, uint64_t addr)
{
	unsigned unit = f.format == 'c' ? 1 : (unsigned)f.size, line = unit == 1 ? 8 : 16;
	uint64_t left = (uint64_t)f.count * (unsigned)f.size;
	uint8_t buf[16];

	while (left) {
		unsigned n = left < line ? (unsigned)left : line;
		text_printf(x->out, "%016" PRIx64 ":", addr);
		if (!read_memory(x->m, c, addr, buf, n)) {
			text_printf(x->out, " Cannot access memory\n");
			return;
		}
		for (unsigned i = 0; i + unit <= n; i += unit) {
			uint64_t v = 0;
			memcpy(&v, buf + i, unit);
			print_unit(x->out, f.format, unit, v);
		}
		text_printf(x->out, "\n");
		addr += n;
		left -= n;
	}
}

/* Bytes of an instruction, eight a line; its text stands on the first. */
static void print_insn(struct text *out, uint64_t addr, const uint8_t *code, unsigned n, const char *insn)
{
	for (unsigned at = 0; at < n; at += 8) {
		text_printf(out, "0x%08" PRIx64 ": ", addr + at);
		for (unsigned i = at; i < at + 8; i++)
			if (i < n)
				text_printf(out, " %02x", code[i]);
			else if (!at)
				text_printf(out, "   ");
		text_printf(out, at ? "\n" : "  %s\n", insn);
	}
}

static void disassemble(struct mon_ctx *x, struct cpu *c, bool phys, int count, uint64_t addr)
{
	unsigned bits = !c ? 16 : c->mode & M_CS64 ? 64 : c->mode & M_CS32 ? 32 : 16;

	while (count-- > 0) {
		uint8_t code[15];
		unsigned have = 0;
		char insn[256], byte[32];
		while (have < sizeof(code) && read_memory(x->m, phys ? NULL : c, addr + have, code + have, 1))
			have++;
		unsigned n = have ? disas_one(code, have, addr, bits, insn, sizeof(insn)) : 0;
		if (!n && have < sizeof(code)) {        /* the rest may be beyond the end of memory */
			text_printf(x->out, "0x%08" PRIx64 ": unable to read memory\n", addr);
			return;
		}
		if (!n)
			snprintf(byte, sizeof(byte), "%-8s 0x%02x", ".byte", code[0]);
		print_insn(x->out, addr, code, n ? n : 1, n ? insn : byte);
		addr += n ? n : 1;
	}
}

static bool examine(struct mon_ctx *x, const struct mon_args *a, bool phys)
{
	struct mon_fmt f = arg_fmt(a);
	struct cpu *c = chosen_cpu(x);

	if (!c && !phys) {
		text_printf(x->out, "this machine has no CPU\n");
		return true;
	}
	mon_park(x->m);
	if (f.format == 'i')
		disassemble(x, c, phys, f.count, (uint64_t)arg_int(a, "addr"));
	else
		dump(x, phys ? NULL : c, f, (uint64_t)arg_int(a, "addr"));
	mon_unpark(x->m);
	return true;
}

HANDLER(cmd_x)  { return examine(x, a, false); }
HANDLER(cmd_xp) { return examine(x, a, true); }

/* ---- ports ---------------------------------------------------------------------------------------------------------------------------- */

HANDLER(cmd_i)
{
	unsigned size = (unsigned)arg_fmt(a).size, port = arg_int(a, "addr") & 0xffff;
	unsigned access = size == 2 || size == 4 ? size : size ? 1 : 4;

	if (arg_has(a, "index")) {              /* an index register, then the data register behind it */
		space_write(&x->m->io, port, 1, arg_int(a, "index") & 0xff);
		port = (port + 1) & 0xffff;
	}
	text_printf(x->out, "port%c[0x%04x] = 0x%0*" PRIx64 "\n", access == 2 ? 'w' : access == 4 ? 'l' : 'b', port, (int)(size ? size : 4) * 2,
		space_read(&x->m->io, port, access));
	return true;
}

HANDLER(cmd_o)
{
	unsigned size = (unsigned)arg_fmt(a).size;

	space_write(&x->m->io, arg_int(a, "addr") & 0xffff, size == 2 || size == 4 ? size : 1, (uint64_t)arg_int(a, "val"));
	return true;
}

/* ---- whole ranges --------------------------------------------------------------------------------------------------------------------- */

HANDLER(cmd_sum)
{
	uint64_t addr = (uint64_t)arg_int(a, "addr"), left = (uint64_t)arg_int(a, "size");
	uint16_t sum = 0;
	uint8_t buf[GUEST_PAGE];

	while (left) {
		size_t n = left < sizeof(buf) ? left : sizeof(buf);
		space_read_buf(&x->m->mem, addr, buf, n);
		for (size_t i = 0; i < n; i++)
			sum = (uint16_t)((uint16_t)(sum >> 1 | sum << 15) + buf[i]);
		addr += n;
		left -= n;
	}
	text_printf(x->out, "%05d\n", sum);
	return true;
}

bool memory_save(struct machine *m, struct cpu *c, uint64_t addr, uint64_t size, const char *name, struct error *err)
{
	uint64_t at = addr, left = size;
	uint8_t buf[GUEST_PAGE];
	FILE *f = fopen(name, "wbe");
	bool ok = true;

	if (!f)
		return error_set(err, "Could not open '%s': %s", name, strerror(errno));
	while (ok && left) {
		size_t n = left < sizeof(buf) ? left : sizeof(buf);
		if (!read_memory(m, c, at, buf, n) && c)
			ok = error_set(err, "Invalid addr 0x%016" PRIx64 "/size %" PRId64 " specified", addr, (int64_t)size);
		else if (fwrite(buf, 1, n, f) != n)
			ok = error_set(err, "Could not write '%s': %s", name, strerror(errno));
		at += n;
		left -= n;
	}
	if (fclose(f) && ok)
		ok = error_set(err, "Could not write '%s': %s", name, strerror(errno));
	return ok;
}

static bool save(struct mon_ctx *x, const struct mon_args *a, struct cpu *c, struct error *err)
{
	return memory_save(x->m, c, (uint64_t)arg_int(a, "addr"), (uint64_t)arg_int(a, "size"), arg_str(a, "filename"), err);
}

HANDLER(cmd_memsave)
{
	struct cpu *c = chosen_cpu(x);

	if (!c)
		return error_set(err, "this machine has no CPU");
	mon_park(x->m);
	bool ok = save(x, a, c, err);
	mon_unpark(x->m);
	return ok;
}

HANDLER(cmd_pmemsave) { return save(x, a, NULL, err); }

/* Where RAM at addr lies in this process, and the block's name. */
static void *host_address(struct machine *m, uint64_t addr, const char **name, struct error *err)
{
	const struct flat_range *f = space_find(&m->mem, addr);

	*name = "ram";
	if (!f || (f->r->kind != REGION_RAM && f->r->kind != REGION_ROM)) {
		error_set(err, f ? "\1Memory at address 0x%" PRIx64 " is not RAM" : "\1No memory is mapped at address 0x%" PRIx64, addr);
		return NULL;
	}
	uint64_t at = f->r->ram_addr + f->off + (addr - f->start);
	for (const struct ram_block *b = m->ram.blocks; b; b = b->next)
		if (at >= b->ram_addr && at - b->ram_addr < b->size)
			*name = b->name;
	return m->ram.host + at;
}

HANDLER(cmd_gpa2hva)
{
	const char *name;
	void *host = host_address(x->m, (uint64_t)arg_int(a, "addr"), &name, err);

	if (host)
		text_printf(x->out, "Host virtual address for 0x%" PRIx64 " (%s) is %p\n", (uint64_t)arg_int(a, "addr"), name, host);
	return host != NULL;
}

/* Ref: the kernel's documentation, admin-guide/mm/pagemap: bits 0-54 frame, bit 63 present; the frame is 0 for those who may not know. */
HANDLER(cmd_gpa2hpa)
{
	const uint64_t frame_bits = (UINT64_C(1) << 55) - 1, present = UINT64_C(1) << 63, addr = (uint64_t)arg_int(a, "addr");
	const char *name;
	uint8_t *host = host_address(x->m, addr, &name, err);
	uint64_t page_size = (uint64_t)sysconf(_SC_PAGESIZE), entry = 0;

	if (!host)
		return false;
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return error_set(err, "\1Cannot open /proc/self/pagemap: %s", strerror(errno));
	ssize_t n = pread(fd, &entry, sizeof(entry), (off_t)((uintptr_t)host / page_size * sizeof(entry)));
	close(fd);
	if (n != sizeof(entry) || !(entry & present) || !(entry & frame_bits))
		return error_set(err, n == sizeof(entry) && !(entry & present) ? "\1Page not present" : "\1The kernel does not tell physical addresses to this user");
	text_printf(x->out, "Host physical address for 0x%" PRIx64 " (%s) is 0x%" PRIx64 "\n", addr, name,
		(entry & frame_bits) * page_size + (uintptr_t)host % page_size);
	return true;
}

HANDLER(cmd_gva2gpa)
{
	struct cpu *c = chosen_cpu(x);
	uint64_t phys = 0;

	mon_park(x->m);
	if (c && mmu_translate_debug(c, (uint64_t)arg_int(a, "addr"), &phys))
		text_printf(x->out, "gpa: %#" PRIx64 "\n", phys);
	else
		text_printf(x->out, "Unmapped\n");
	mon_unpark(x->m);
	return true;
}
