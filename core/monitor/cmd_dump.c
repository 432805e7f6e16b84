/* cmd_dump.c - dump-guest-memory: an ELF core file with a segment a range of RAM and the registers of each CPU.
 *
 * Ref: System V ABI, AMD64 supplement, "Program Header"; the layout of NT_PRSTATUS is that of <sys/procfs.h>. */
#include "core/cpu/cpu.h"
#include "core/cpu/vcpu.h"
#include "core/machine/machine.h"
#include "core/monitor/commands.h"
#include "core/monitor/dump.h"
#include "core/monitor/internal.h"
#include <elf.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/procfs.h>
#include <sys/user.h>

enum { CHUNK = 1 << 16 };
/* As it stands in the file: the words of the status follow the name at once. */
struct __attribute__((packed)) note { Elf64_Nhdr head; char name[8]; struct elf_prstatus status; };

static bool is_memory(const struct flat_range *f)
{
	return f->r->kind == REGION_RAM || f->r->kind == REGION_ROM;
}

/* The part of range f that is wanted; false: none. */
static bool clip(const struct flat_range *f, uint64_t begin, uint64_t last, uint64_t *start, uint64_t *size)
{
	if (!is_memory(f) || f->end < begin || f->start > last)
		return false;
	*start = f->start > begin ? f->start : begin;
	*size = (f->end < last ? f->end : last) - *start + 1;
	return true;
}

static void fill_note(struct note *n, const struct cpu *c)
{
	struct user_regs_struct r = { .r15 = c->regs[R15], .r14 = c->regs[R14], .r13 = c->regs[R13], .r12 = c->regs[R12], .rbp = c->regs[RBP],
		.rbx = c->regs[RBX], .r11 = c->regs[R11], .r10 = c->regs[R10], .r9 = c->regs[R9], .r8 = c->regs[R8], .rax = c->regs[RAX],
		.rcx = c->regs[RCX], .rdx = c->regs[RDX], .rsi = c->regs[RSI], .rdi = c->regs[RDI], .orig_rax = c->regs[RAX], .rip = c->rip,
		.cs = c->seg[SEG_CS].sel, .eflags = cpu_get_eflags(c), .rsp = c->regs[RSP], .ss = c->seg[SEG_SS].sel,
		.fs_base = c->seg[SEG_FS].base, .gs_base = c->seg[SEG_GS].base, .ds = c->seg[SEG_DS].sel, .es = c->seg[SEG_ES].sel,
		.fs = c->seg[SEG_FS].sel, .gs = c->seg[SEG_GS].sel };

	n->head = (Elf64_Nhdr){ .n_namesz = 5, .n_descsz = sizeof(n->status), .n_type = NT_PRSTATUS };
	memcpy(n->name, "CORE", 5);
	n->status.pr_pid = (int)c->index + 1;
	memcpy(&n->status.pr_reg, &r, sizeof(r));
}

static bool write_headers(struct machine *m, FILE *f, uint64_t begin, uint64_t last, unsigned loads)
{
	Elf64_Ehdr eh = { .e_type = ET_CORE, .e_machine = EM_X86_64, .e_version = EV_CURRENT, .e_phoff = sizeof(eh), .e_ehsize = sizeof(eh),
		.e_phentsize = sizeof(Elf64_Phdr), .e_phnum = (uint16_t)(loads + 1) };
	uint64_t notes = sizeof(eh) + (loads + 1) * sizeof(Elf64_Phdr), size_of_notes = 0, start, size;

	for (unsigned i = 0; i < m->n_cpus; i++)
		size_of_notes += vcpu_present(m, i) ? sizeof(struct note) : 0;
	uint64_t at = notes + size_of_notes;
	memcpy(eh.e_ident, ELFMAG, SELFMAG);
	eh.e_ident[EI_CLASS] = ELFCLASS64;
	eh.e_ident[EI_DATA] = ELFDATA2LSB;
	eh.e_ident[EI_VERSION] = EV_CURRENT;
	Elf64_Phdr ph = { .p_type = PT_NOTE, .p_offset = notes, .p_filesz = size_of_notes, .p_memsz = size_of_notes };
	bool ok = fwrite(&eh, sizeof(eh), 1, f) == 1 && fwrite(&ph, sizeof(ph), 1, f) == 1;
	for (size_t i = 0; i < m->mem.n_flat; i++)
		if (clip(&m->mem.flat[i], begin, last, &start, &size)) {
			ph = (Elf64_Phdr){ .p_type = PT_LOAD, .p_offset = at, .p_vaddr = start, .p_paddr = start, .p_filesz = size, .p_memsz = size };
			ok = ok && fwrite(&ph, sizeof(ph), 1, f) == 1;
			at += size;
		}
	for (unsigned i = 0; i < m->n_cpus; i++) {
		struct note n = { 0 };
		if (!vcpu_present(m, i))
			continue;
		fill_note(&n, m->cpus[i]);
		ok = ok && fwrite(&n, sizeof(n), 1, f) == 1;
	}
	return ok;
}

static bool write_memory(struct machine *m, FILE *f, uint64_t start, uint64_t size)
{
	uint8_t *buf = malloc(CHUNK);
	bool ok = buf != NULL;

	for (uint64_t n; ok && size; start += n, size -= n) {
		n = size < CHUNK ? size : CHUNK;
		space_read_buf(&m->mem, start, buf, n);
		ok = fwrite(buf, 1, n, f) == n;
	}
	free(buf);
	return ok;
}

bool memory_dump(struct machine *m, const char *file, uint64_t begin, uint64_t length, struct error *err)
{
	uint64_t last = length ? begin + (length - 1) : UINT64_MAX, start, size;
	unsigned loads = 0;

	if (last < begin)
		return error_set(err, "Parameter 'length' expects a size that ends below 2^64");
	for (size_t i = 0; i < m->mem.n_flat; i++)
		loads += clip(&m->mem.flat[i], begin, last, &start, &size);
	if (!loads)
		return error_set(err, "Parameter 'begin' expects an address of memory");
	FILE *f = fopen(file, "wbe");
	if (!f)
		return error_set(err, "Could not open '%s': %s", file, strerror(errno));
	bool ok = write_headers(m, f, begin, last, loads);
	for (size_t i = 0; ok && i < m->mem.n_flat; i++)
		if (clip(&m->mem.flat[i], begin, last, &start, &size))
			ok = write_memory(m, f, start, size);
	ok = !fclose(f) && ok;
	m->monitors->dumped |= ok;
	return ok || error_set(err, "Could not write '%s': %s", file, strerror(errno));
}

HANDLER(cmd_dump)
{
	bool kdump = arg_flag(a, "zlib") || arg_flag(a, "lzo") || arg_flag(a, "snappy") || arg_flag(a, "windmp");

	if (arg_flag(a, "zlib") + arg_flag(a, "lzo") + arg_flag(a, "snappy") + arg_flag(a, "windmp") > 1)
		return error_set(err, "only one of '-z|-l|-s|-w' can be set");
	if (kdump)
		return error_set(err, "this build writes ELF core files only, without -z, -l, -s or -w");
	if (arg_flag(a, "paging"))
		return error_set(err, "this build writes physical memory only, without -p");
	if (arg_has(a, "begin") != arg_has(a, "length"))
		return error_set(err, "Parameter '%s' is missing", arg_has(a, "begin") ? "length" : "begin");
	mon_park(x->m);
	bool ok = memory_dump(x->m, arg_str(a, "filename"), (uint64_t)arg_int(a, "begin"), (uint64_t)arg_int(a, "length"), err);
	mon_unpark(x->m);
	return ok;
}

HANDLER(info_dump)
{
	text_printf(x->out, "Status: %s\n", x->m->monitors->dumped ? "completed" : "none");
	return true;
}
