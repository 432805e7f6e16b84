/* gdbstub_regs.c - registers as gdb numbers them, and the target description made from the same table.
 *
 * The order is QEMU's (its x86-64 target has the same numbers up to mxcsr), so that scripts and front ends that know it find what they
 * look for; the names and features are gdb's.  Outside 64-bit code general registers are shown cut to 32 bits.  A CPU model
 * without long mode is an i386 to gdb.  Ref: "Debugging with GDB", appendix G.5.6 i386 features. */
#include "core/debug/gdbstub_priv.h"
#include "core/cpu/fpstate.h"
#include "core/cpu/mmu.h"
#include "core/cpu/sys.h"
#include <stdlib.h>
#include <string.h>

enum reg_kind { REG_GPR, REG_RIP, REG_FLAGS, REG_SEG, REG_BASE, REG_KGS, REG_CR, REG_EFER, REG_ST, REG_FPU, REG_XMM, REG_MXCSR, REG_YMMH };
enum { ONLY_32 = 1, ONLY_64 = 2, ONLY_AVX = 4, WIDE = 8 /* four bytes on an i386 */, FEATURE = 16 /* begins one: the name is it */ };
/* count registers, NAME or NAME with %u from `first` on; arg is that of the first. */
struct row { const char *name; uint8_t count, first, kind, arg, size, when; const char *type; };

static const struct row rows[] = {
	{ "core", 0, 0, 0, 0, 0, FEATURE, NULL },
	{ "rax", 1, 0, REG_GPR, RAX, 8, ONLY_64, "int64" }, { "rbx", 1, 0, REG_GPR, RBX, 8, ONLY_64, "int64" },
	{ "rcx", 1, 0, REG_GPR, RCX, 8, ONLY_64, "int64" }, { "rdx", 1, 0, REG_GPR, RDX, 8, ONLY_64, "int64" },
	{ "rsi", 1, 0, REG_GPR, RSI, 8, ONLY_64, "int64" }, { "rdi", 1, 0, REG_GPR, RDI, 8, ONLY_64, "int64" },
	{ "rbp", 1, 0, REG_GPR, RBP, 8, ONLY_64, "data_ptr" }, { "rsp", 1, 0, REG_GPR, RSP, 8, ONLY_64, "data_ptr" },
	{ "r%u", 8, 8, REG_GPR, R8, 8, ONLY_64, "int64" },
	{ "eax", 1, 0, REG_GPR, RAX, 4, ONLY_32, "int32" }, { "ecx", 1, 0, REG_GPR, RCX, 4, ONLY_32, "int32" },
	{ "edx", 1, 0, REG_GPR, RDX, 4, ONLY_32, "int32" }, { "ebx", 1, 0, REG_GPR, RBX, 4, ONLY_32, "int32" },
	{ "esp", 1, 0, REG_GPR, RSP, 4, ONLY_32, "data_ptr" }, { "ebp", 1, 0, REG_GPR, RBP, 4, ONLY_32, "data_ptr" },
	{ "esi", 1, 0, REG_GPR, RSI, 4, ONLY_32, "int32" }, { "edi", 1, 0, REG_GPR, RDI, 4, ONLY_32, "int32" },
	{ "rip", 1, 0, REG_RIP, 0, 8, ONLY_64, "code_ptr" }, { "eip", 1, 0, REG_RIP, 0, 4, ONLY_32, "code_ptr" },
	{ "eflags", 1, 0, REG_FLAGS, 0, 4, 0, "eflags_t" },
	{ "cs", 1, 0, REG_SEG, SEG_CS, 4, 0, "int32" }, { "ss", 1, 0, REG_SEG, SEG_SS, 4, 0, "int32" },
	{ "ds", 1, 0, REG_SEG, SEG_DS, 4, 0, "int32" }, { "es", 1, 0, REG_SEG, SEG_ES, 4, 0, "int32" },
	{ "fs", 1, 0, REG_SEG, SEG_FS, 4, 0, "int32" }, { "gs", 1, 0, REG_SEG, SEG_GS, 4, 0, "int32" },
	{ "segments", 0, 0, 0, 0, 0, FEATURE, NULL },
	{ "fs_base", 1, 0, REG_BASE, SEG_FS, 8, WIDE, "int" }, { "gs_base", 1, 0, REG_BASE, SEG_GS, 8, WIDE, "int" },
	{ "system", 0, 0, 0, 0, 0, FEATURE, NULL },
	{ "k_gs_base", 1, 0, REG_KGS, 0, 8, WIDE, "int" },
	{ "cr0", 1, 0, REG_CR, 0, 8, WIDE, "cr0_t" }, { "cr2", 1, 0, REG_CR, 2, 8, WIDE, "int" },
	{ "cr3", 1, 0, REG_CR, 3, 8, WIDE, "cr3_t" }, { "cr4", 1, 0, REG_CR, 4, 8, WIDE, "cr4_t" },
	{ "cr8", 1, 0, REG_CR, 8, 8, WIDE, "int" }, { "efer", 1, 0, REG_EFER, 0, 8, WIDE, "efer_t" },
	{ "core", 0, 0, 0, 0, 0, FEATURE, NULL },
	{ "st%u", 8, 0, REG_ST, 0, 10, 0, "i387_ext" },
	{ "fctrl", 1, 0, REG_FPU, 0, 4, 0, "int" }, { "fstat", 1, 0, REG_FPU, 1, 4, 0, "int" },
	{ "ftag", 1, 0, REG_FPU, 2, 4, 0, "int" }, { "fiseg", 1, 0, REG_FPU, 3, 4, 0, "int" },
	{ "fioff", 1, 0, REG_FPU, 4, 4, 0, "int" }, { "foseg", 1, 0, REG_FPU, 5, 4, 0, "int" },
	{ "fooff", 1, 0, REG_FPU, 6, 4, 0, "int" }, { "fop", 1, 0, REG_FPU, 7, 4, 0, "int" },
	{ "sse", 0, 0, 0, 0, 0, FEATURE, NULL },
	{ "xmm%u", 8, 0, REG_XMM, 0, 16, 0, "vec128" }, { "xmm%u", 8, 8, REG_XMM, 8, 16, ONLY_64, "vec128" },
	{ "mxcsr", 1, 0, REG_MXCSR, 0, 4, 0, "mxcsr_t" },
	{ "avx", 0, 0, 0, 0, 0, FEATURE | ONLY_AVX, NULL },
	{ "ymm%uh", 8, 0, REG_YMMH, 0, 16, ONLY_AVX, "uint128" }, { "ymm%uh", 8, 8, REG_YMMH, 8, 16, ONLY_AVX | ONLY_64, "uint128" },
};
enum { N_ROWS = sizeof(rows) / sizeof(rows[0]), REGS_MAX = 96 };

/* Bits of a flags type, "NAME bit" or "NAME from-to". */
static const struct { const char *type, *feature; uint8_t size; const char *fields; } flag_types[] = {
	{ "eflags_t", "core", 4, "ID 21,VIP 20,VIF 19,AC 18,VM 17,RF 16,NT 14,IOPL 12-13,OF 11,DF 10,IF 9,TF 8,SF 7,ZF 6,AF 4,PF 2,CF 0" },
	{ "cr0_t", "system", 8, "PG 31,CD 30,NW 29,AM 18,WP 16,NE 5,ET 4,TS 3,EM 2,MP 1,PE 0" },
	{ "cr3_t", "system", 8, "PDBR 12-63,PCID 0-11" },
	{ "cr4_t", "system", 8, "PKE 22,SMAP 21,SMEP 20,OSXSAVE 18,PCIDE 17,FSGSBASE 16,SMXE 14,VMXE 13,LA57 12,UMIP 11,OSXMMEXCPT 10,OSFXSR 9,PCE 8,"
		"PGE 7,MCE 6,PAE 5,PSE 4,DE 3,TSD 2,PVI 1,VME 0" },
	{ "efer_t", "system", 8, "TCE 15,FFXSR 14,LMSLE 13,SVME 12,NXE 11,LMA 10,LME 8,SCE 0" },
	{ "mxcsr_t", "sse", 4, "IE 0,DE 1,ZE 2,OE 3,UE 4,PE 5,DAZ 6,IM 7,DM 8,ZM 9,OM 10,UM 11,PM 12,FZ 15" },
};

struct gdb_regs {
	bool wide, avx;                 /* long mode; ymm */
	unsigned n;
	struct { const struct row *row; uint8_t k; } reg[REGS_MAX];
	struct text xml;
};

/* ---- layout ---- */

static bool has_row(const struct gdb_regs *r, const struct row *w)
{
	return !((w->when & ONLY_32 && r->wide) || (w->when & ONLY_64 && !r->wide) || (w->when & ONLY_AVX && !r->avx));
}

struct gdb_regs *gdb_regs_new(struct cpu *c)
{
	struct gdb_regs *r = calloc(1, sizeof(*r));

	if (!r)
		abort();
	r->wide = cpu_cpuid(c, 0x80000001, 0).edx >> 29 & 1;
	r->avx = cpu_cpuid(c, 1, 0).ecx >> 28 & 1;
	for (const struct row *w = rows; w < rows + N_ROWS; w++)
		for (unsigned k = 0; has_row(r, w) && k < w->count; k++, r->n++) {
			r->reg[r->n].row = w;
			r->reg[r->n].k = (uint8_t)k;
		}
	return r;
}

void gdb_regs_free(struct gdb_regs *r)
{
	if (!r)
		return;
	text_free(&r->xml);
	free(r);
}

unsigned gdb_regs_count(const struct gdb_regs *r) { return r->n; }

static unsigned row_size(const struct gdb_regs *r, const struct row *w) { return w->when & WIDE && !r->wide ? 4 : w->size; }
unsigned gdb_reg_size(const struct gdb_regs *r, unsigned n) { return n < r->n ? row_size(r, r->reg[n].row) : 0; }

/* ---- target description ---- */

static void put_flag_types(struct gdb_regs *r, const char *feature)
{
	for (unsigned n = 0; n < sizeof(flag_types) / sizeof(flag_types[0]); n++) {
		if (strcmp(flag_types[n].feature, feature))
			continue;
		unsigned size = flag_types[n].size == 8 && !r->wide ? 4 : flag_types[n].size;
		text_printf(&r->xml, "<flags id=\"%s\" size=\"%u\">\n", flag_types[n].type, size);
		for (const char *p = flag_types[n].fields; p; p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL) {
			char name[16];
			unsigned from, to;
			if (sscanf(p, "%15s %u-%u", name, &from, &to) == 2)
				to = from;
			if (to >= 8 * size)
				to = 8 * size - 1;
			text_printf(&r->xml, "<field name=\"%s\" start=\"%u\" end=\"%u\"/>\n", name, from, to);
		}
		text_printf(&r->xml, "</flags>\n");
	}
}

static void put_vector_types(struct gdb_regs *r)
{
	static const struct { const char *id, *type, *field; unsigned count; } v[] = { { "v4f", "ieee_single", "v4_float", 4 },
		{ "v2d", "ieee_double", "v2_double", 2 }, { "v16i8", "int8", "v16_int8", 16 }, { "v8i16", "int16", "v8_int16", 8 },
		{ "v4i32", "int32", "v4_int32", 4 }, { "v2i64", "int64", "v2_int64", 2 } };

	for (unsigned n = 0; n < sizeof(v) / sizeof(v[0]); n++)
		text_printf(&r->xml, "<vector id=\"%s\" type=\"%s\" count=\"%u\"/>\n", v[n].id, v[n].type, v[n].count);
	text_printf(&r->xml, "<union id=\"vec128\">\n");
	for (unsigned n = 0; n < sizeof(v) / sizeof(v[0]); n++)
		text_printf(&r->xml, "<field name=\"%s\" type=\"%s\"/>\n", v[n].field, v[n].id);
	text_printf(&r->xml, "<field name=\"uint128\" type=\"uint128\"/>\n</union>\n");
}

static void put_reg(struct gdb_regs *r, unsigned n)
{
	const struct row *w = r->reg[n].row;
	unsigned bits = 8 * row_size(r, w), number = w->first + r->reg[n].k;
	const char *before = strchr(w->name, '%'), *type = w->type;

	text_printf(&r->xml, "<reg name=\"");
	if (before)
		text_printf(&r->xml, "%.*s%u%s", (int)(before - w->name), w->name, number, before + 2);
	else
		text_printf(&r->xml, "%s", w->name);
	if (w->when & WIDE && !strcmp(type, "int"))
		type = bits == 64 ? "int64" : "int32";
	text_printf(&r->xml, "\" bitsize=\"%u\" type=\"%s\" regnum=\"%u\"%s/>\n", bits, type, n,
		w->kind == REG_FPU ? " group=\"float\"" : w->kind == REG_MXCSR ? " group=\"vector\"" : "");
}

/* The rows of `feature`, wherever they stand. */
static void put_feature(struct gdb_regs *r, const char *feature)
{
	const char *in = "";
	unsigned n = 0;

	/* gdb 13 dies of segment bases in an i386. */
	bool own = !strcmp(feature, "system") || (!strcmp(feature, "segments") && !r->wide);
	text_printf(&r->xml, "<feature name=\"org.%s.%s\">\n", own ? "vmux" : "gnu.gdb.i386", feature);
	put_flag_types(r, feature);
	if (!strcmp(feature, "sse"))
		put_vector_types(r);
	for (const struct row *w = rows; w < rows + N_ROWS; w++) {
		if (!has_row(r, w))
			continue;
		if (w->when & FEATURE)
			in = w->name;
		for (unsigned k = 0; k < w->count; k++, n++)
			if (!strcmp(in, feature))
				put_reg(r, n);
	}
	text_printf(&r->xml, "</feature>\n");
}

const char *gdb_regs_xml(struct gdb_regs *r)
{
	if (r->xml.len)
		return r->xml.s;
	text_printf(&r->xml, "<?xml version=\"1.0\"?>\n<!DOCTYPE target SYSTEM \"gdb-target.dtd\">\n<target>\n<architecture>%s</architecture>\n",
		r->wide ? "i386:x86-64" : "i386");
	put_feature(r, "core");
	put_feature(r, "sse");
	put_feature(r, "segments");
	if (r->avx)
		put_feature(r, "avx");
	put_feature(r, "system");
	text_printf(&r->xml, "</target>\n");
	return r->xml.s;
}

/* ---- values ---- */

/* Full tag word: 0 valid, 1 zero, 2 special, 3 empty (SDM 1, 8.1.7). */
static uint16_t tag_word(const struct cpu *c)
{
	unsigned w = 0;

	for (unsigned n = 0; n < 8; n++) {
		const struct fpreg *f = &c->fpu.fpr[n];
		unsigned exp = f->se & 0x7fff, tag = 2;
		if (!(c->fpu.tag >> n & 1))
			tag = 3;
		else if (!exp && !f->mant)
			tag = 1;
		else if (exp && exp != 0x7fff && f->mant >> 63)
			tag = 0;
		w |= tag << 2 * n;
	}
	return (uint16_t)w;
}

static uint32_t fpu_get(struct cpu *c, unsigned which)
{
	switch (which) {
	case 0:  return c->fpu.cw;
	case 1:  return x87_get_sw(c);
	case 2:  return tag_word(c);
	case 3:  return c->fpu.ip_sel;
	case 4:  return (uint32_t)c->fpu.ip;
	case 5:  return c->fpu.dp_sel;
	case 6:  return (uint32_t)c->fpu.dp;
	default: return c->fpu.opcode;
	}
}

static uint64_t cr_get(struct cpu *c, unsigned n)
{
	switch (n) {
	case 0:  return c->cr0;
	case 2:  return c->cr2;
	case 3:  return c->cr3;
	case 4:  return c->cr4;
	default: return c->apic_ops ? c->apic_ops->get_tpr(c->apic) : 0;
	}
}

static uint64_t word_get(struct cpu *c, const struct row *w, unsigned arg)
{
	switch (w->kind) {
	case REG_GPR:   return c->mode & M_CS64 ? c->regs[arg] : arg < R8 ? (uint32_t)c->regs[arg] : 0;
	case REG_RIP:   return c->mode & M_CS64 ? c->rip : (uint32_t)c->rip;
	case REG_FLAGS: return cpu_get_eflags(c);
	case REG_SEG:   return c->seg[arg].sel;
	case REG_BASE:  return c->seg[arg].base;
	case REG_KGS:   return c->kernel_gs_base;
	case REG_CR:    return cr_get(c, arg);
	case REG_EFER:  return c->efer;
	case REG_FPU:   return fpu_get(c, arg);
	default:        return mxcsr_get(c);
	}
}

unsigned gdb_reg_get(const struct gdb_regs *r, struct cpu *c, unsigned n, uint8_t buf[GDB_REG_MAX])
{
	if (n >= r->n)
		return 0;
	const struct row *w = r->reg[n].row;
	unsigned arg = w->arg + r->reg[n].k, size = row_size(r, w);

	if (w->kind == REG_ST) {
		const struct fpreg *f = &c->fpu.fpr[(c->fpu.top + arg) & 7];
		memcpy(buf, &f->mant, 8);
		memcpy(buf + 8, &f->se, 2);
	} else if (w->kind == REG_XMM || w->kind == REG_YMMH) {
		memcpy(buf, c->ymm[arg].x[w->kind == REG_YMMH].u8, 16);
	} else {
		uint64_t v = word_get(c, w, arg);
		memcpy(buf, &v, size);
	}
	return size;
}

/* ---- setting ---- */

/* The chips' wires belong to running guest code. */
static void fpu_set(struct cpu *c, unsigned which, uint32_t v)
{
	void (*ferr)(void *arg, int level) = c->ferr;

	c->ferr = NULL;
	switch (which) {
	case 0: x87_set_cw(c, (uint16_t)v); break;
	case 1: x87_set_sw(c, (uint16_t)v); break;
	case 2:
		c->fpu.tag = 0;
		for (unsigned n = 0; n < 8; n++)
			c->fpu.tag |= (uint8_t)(((v >> 2 * n & 3) != 3) << n);
		break;
	case 3: c->fpu.ip_sel = (uint16_t)v; break;
	case 4: c->fpu.ip = v; break;
	case 5: c->fpu.dp_sel = (uint16_t)v; break;
	case 6: c->fpu.dp = v; break;
	case 7: c->fpu.opcode = v & 0x7ff; break;
	}
	c->ferr = ferr;
}

/* The descriptor of sel, without faults or side effects. */
static bool find_descriptor(struct cpu *c, uint16_t sel, uint64_t *d)
{
	bool ldt = sel & SEL_TI;
	uint64_t base = ldt ? c->seg[SEG_LDTR].base : c->gdtr.base, limit = ldt ? c->seg[SEG_LDTR].limit : c->gdtr.limit, phys;
	uint8_t b[8];

	if ((sel | 7u) > limit)
		return false;
	for (unsigned n = 0; n < 8; n++)
		if (!mmu_translate_debug(c, base + (sel & ~7u) + n, &phys) || !space_read_buf(&c->machine->mem, phys, &b[n], 1))
			return false;
	memcpy(d, b, 8);
	return true;
}

/* The hidden part follows as a load would have it; rights are not checked. */
static bool seg_set(struct cpu *c, unsigned sr, uint16_t sel)
{
	struct segreg *s = &c->seg[sr];
	uint64_t d;

	if (s->sel == sel)
		return true;
	if (!cpu_protected(c)) {
		s->sel = sel;
		s->base = (uint64_t)sel << 4;
	} else if (sel_null(sel)) {
		if (sr == SEG_CS)
			return false;
		*s = (struct segreg){ .sel = sel };
	} else {
		if (!find_descriptor(c, sel, &d))
			return false;
		*s = desc_to_seg(sel, d);
		if (sr == SEG_CS)
			c->cpl = sel & SEL_RPL;
	}
	cpu_update_mode(c);
	return true;
}

/* As a MOV or WRMSR would have it. */
static bool system_set(struct cpu *c, const struct row *w, unsigned arg, uint64_t v)
{
	bool ok;

	if (w->kind == REG_CR && arg == 2) {
		c->cr2 = v;
		return true;
	}
	if (w->kind == REG_CR && arg == 8) {
		if (v > 15 || !c->apic_ops)
			return !v;
		machine_unlock(c->machine);             /* it takes the lock itself */
		c->apic_ops->set_tpr(c->apic, (uint8_t)v);
		machine_lock(c->machine);
		return true;
	}
	uint8_t pending = c->exc_pending;
	c->mmu->lock_held = true;
	ok = w->kind == REG_EFER ? cpu_wrmsr_efer(c, v) : cr_write(c, arg, v);
	c->mmu->lock_held = false;
	c->exc_pending = pending;       /* a refusal raised #GP */
	cpu_update_mode(c);
	return ok;
}

static bool word_set(struct cpu *c, const struct row *w, unsigned arg, uint64_t v)
{
	switch (w->kind) {
	case REG_GPR:
		if (c->mode & M_CS64)
			c->regs[arg] = v;
		else if (arg < R8)
			c->regs[arg] = (c->regs[arg] & ~UINT64_C(0xffffffff)) | (uint32_t)v;
		return true;
	case REG_RIP:
		c->rip = c->mode & M_CS64 ? v : (uint32_t)v;
		c->exc_pending = 0;     /* it was the old place's */
		return true;
	case REG_FLAGS:
		cpu_set_eflags(c, (uint32_t)v);
		return true;
	case REG_SEG:   return seg_set(c, arg, (uint16_t)v);
	case REG_BASE:
		c->seg[arg].base = v;
		cpu_update_mode(c);
		return true;
	case REG_KGS:
		c->kernel_gs_base = v;
		return true;
	case REG_FPU:
		fpu_set(c, arg, (uint32_t)v);
		return true;
	case REG_MXCSR:
		if (v & ~(uint64_t)MXCSR_VALID)
			return false;
		mxcsr_set(c, (uint32_t)v);
		return true;
	default:        return system_set(c, w, arg, v);
	}
}

bool gdb_reg_set(const struct gdb_regs *r, struct cpu *c, unsigned n, const uint8_t *buf)
{
	const struct row *w = r->reg[n].row;
	unsigned arg = w->arg + r->reg[n].k;
	uint8_t now[GDB_REG_MAX];
	uint64_t v = 0;

	/* G writes all back, mostly as they were: what is shown cut must not lose its upper half by that. */
	if (!memcmp(now, buf, gdb_reg_get(r, c, n, now)))
		return true;
	if (w->kind == REG_ST) {
		struct fpreg *f = &c->fpu.fpr[(c->fpu.top + arg) & 7];
		memcpy(&f->mant, buf, 8);
		memcpy(&f->se, buf + 8, 2);
		return true;
	}
	if (w->kind == REG_XMM || w->kind == REG_YMMH) {
		memcpy(c->ymm[arg].x[w->kind == REG_YMMH].u8, buf, 16);
		return true;
	}
	memcpy(&v, buf, row_size(r, w));
	return word_set(c, w, arg, v);
}
