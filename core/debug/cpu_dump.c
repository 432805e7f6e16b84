/* cpu_dump.c - registers of a parked vCPU, in the form of `info registers`. */
#include "core/debug/cpu_dump.h"
#include "core/cpu/cpu.h"
#include "core/cpu/debugreg.h"
#include "core/machine/machine.h"
#include <inttypes.h>

/* The upper word of the descriptor the segment register was loaded from (SDM 3, "Segment Descriptors"). */
static uint32_t descriptor_word(const struct segreg *s)
{
	uint32_t raw = s->attr & ATTR_G ? s->limit >> 12 : s->limit;

	return (uint32_t)(s->attr & 0xff) << 8 | (uint32_t)(s->attr & 0xf000) << 8 | (raw & 0xf0000);
}

static const char *system_type(unsigned type, bool lma)
{
	static const char *const names[2][16] = {
		{ "Reserved", "TSS16-avl", "LDT", "TSS16-busy", "CallGate16", "TaskGate", "IntGate16", "TrapGate16", "Reserved", "TSS32-avl", "Reserved",
		  "TSS32-busy", "CallGate32", "Reserved", "IntGate32", "TrapGate32" },
		{ "<hiword>", "Reserved", "LDT", "Reserved", "Reserved", "Reserved", "Reserved", "Reserved", "Reserved", "TSS64-avl", "Reserved",
		  "TSS64-busy", "CallGate64", "Reserved", "IntGate64", "TrapGate64" } };
	return names[lma][type];
}

static void segment(const struct cpu *c, const char *name, const struct segreg *s, struct text *out)
{
	bool lma = cpu_long(c);
	unsigned type = s->attr & ATTR_TYPE;

	text_printf(out, c->mode & M_CS64 ? "%-3s=%04x %016" PRIx64 " %08x %08x" : "%-3s=%04x %08" PRIx64 " %08x %08x", name, s->sel, s->base, s->limit,
		descriptor_word(s));
	if ((c->cr0 & CR0_PE) && (s->attr & ATTR_P)) {
		text_printf(out, " DPL=%d ", (s->attr & ATTR_DPL) >> 5);
		if (!(s->attr & ATTR_S))
			text_printf(out, "%s", system_type(type, lma));
		else if (type & 8)
			text_printf(out, "%s [%c%c%c]", s->attr & ATTR_L ? "CS64" : s->attr & ATTR_DB ? "CS32" : "CS16", type & 4 ? 'C' : '-',
				type & 2 ? 'R' : '-', type & 1 ? 'A' : '-');
		else
			text_printf(out, "%s [%c%c%c]", s->attr & ATTR_DB || lma ? "DS  " : "DS16", type & 4 ? 'E' : '-', type & 2 ? 'W' : '-',
				type & 1 ? 'A' : '-');
	}
	text_printf(out, "\n");
}

static void general(const struct cpu *c, struct text *out)
{
	static const struct { const char *name; uint8_t reg; } order[] = { { "AX", RAX }, { "BX", RBX }, { "CX", RCX }, { "DX", RDX }, { "SI", RSI },
		{ "DI", RDI }, { "BP", RBP }, { "SP", RSP } };
	uint32_t fl = cpu_get_eflags(c);
	bool wide = c->mode & M_CS64;

	for (unsigned i = 0; i < 8; i++)
		if (wide)
			text_printf(out, "R%s=%016" PRIx64 "%c", order[i].name, c->regs[order[i].reg], i % 4 == 3 ? '\n' : ' ');
		else
			text_printf(out, "E%s=%08" PRIx32 "%c", order[i].name, (uint32_t)c->regs[order[i].reg], i % 4 == 3 ? '\n' : ' ');
	for (unsigned i = R8; wide && i <= R15; i++)
		text_printf(out, "R%-2d=%016" PRIx64 "%c", i, c->regs[i], i % 4 == 3 ? '\n' : ' ');
	if (wide)
		text_printf(out, "RIP=%016" PRIx64 " RFL=%08x", c->rip, fl);
	else
		text_printf(out, "EIP=%08" PRIx32 " EFL=%08x", (uint32_t)c->rip, fl);
	text_printf(out, " [%c%c%c%c%c%c%c] CPL=%d II=%d A20=%d SMM=%d HLT=%d\n", fl & FL_DF ? 'D' : '-', fl & FL_OF ? 'O' : '-', fl & FL_SF ? 'S' : '-',
		fl & FL_ZF ? 'Z' : '-', fl & FL_AF ? 'A' : '-', fl & FL_PF ? 'P' : '-', fl & FL_CF ? 'C' : '-', c->cpl, c->shadow != 0,
		!c->a20_mask_on, c->in_smm, c->run_state != CPU_RUNNING);
}

static void floating(const struct cpu *c, struct text *out)
{
	const struct fpu *f = &c->fpu;
	unsigned n = c->mode & M_CS64 ? 16 : 8;
	bool avx = (c->cr4 & CR4_OSXSAVE) && (c->xcr0 & 4);

	text_printf(out, "FCW=%04x FSW=%04x [ST=%d] FTW=%02x MXCSR=%08x\n", f->cw, (f->sw & ~0x3800u) | (unsigned)(f->top & 7) << 11, f->top & 7, f->tag, c->mxcsr);
	for (unsigned i = 0; i < 8; i++)
		text_printf(out, "FPR%d=%016" PRIx64 " %04x%c", i, f->fpr[i].mant, f->fpr[i].se, i % 2 ? '\n' : ' ');
	for (unsigned i = 0; i < n; i++) {
		const uint64_t *q = c->ymm[i].u64;
		if (avx)
			text_printf(out, "YMM%02d=%016" PRIx64 " %016" PRIx64 " %016" PRIx64 " %016" PRIx64 "\n", i, q[3], q[2], q[1], q[0]);
		else
			text_printf(out, "XMM%02d=%016" PRIx64 " %016" PRIx64 "%c", i, q[1], q[0], i % 2 ? '\n' : ' ');
	}
}

void cpu_dump_registers(const struct cpu *c, struct text *out)
{
	static const struct { const char *name; uint8_t seg; } segs[] = { { "ES", SEG_ES }, { "CS", SEG_CS }, { "SS", SEG_SS }, { "DS", SEG_DS },
		{ "FS", SEG_FS }, { "GS", SEG_GS }, { "LDT", SEG_LDTR }, { "TR", SEG_TR } };
	bool wide = c->mode & M_CS64;

	general(c, out);
	for (unsigned i = 0; i < sizeof(segs) / sizeof(segs[0]); i++)
		segment(c, segs[i].name, &c->seg[segs[i].seg], out);
	text_printf(out, wide ? "GDT=     %016" PRIx64 " %08x\n" : "GDT=     %08" PRIx64 " %08x\n", c->gdtr.base, c->gdtr.limit);
	text_printf(out, wide ? "IDT=     %016" PRIx64 " %08x\n" : "IDT=     %08" PRIx64 " %08x\n", c->idtr.base, c->idtr.limit);
	text_printf(out, wide ? "CR0=%08" PRIx64 " CR2=%016" PRIx64 " CR3=%016" PRIx64 " CR4=%08" PRIx64 "\n" :
		"CR0=%08" PRIx64 " CR2=%08" PRIx64 " CR3=%08" PRIx64 " CR4=%08" PRIx64 "\n", c->cr0, c->cr2, c->cr3, c->cr4);
	for (unsigned i = 0; i < 4; i++)
		text_printf(out, "DR%d=%016" PRIx64 " ", i, c->dr[i]);
	text_printf(out, "\nDR6=%016" PRIx64 " DR7=%016" PRIx64 "\nEFER=%016" PRIx64 "\n", c->dr[6] | DR6_FIXED, c->dr[7], c->efer);
	floating(c, out);
}
