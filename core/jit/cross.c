/* cross.c - the instruction behind a block that lies in two pages.
 *
 * Blocks end with their page, and the interpreter decodes such an instruction anew each time it comes by.  Here it becomes the last one of the
 * block in front of it.  Its beginning is the block's like all other bytes; before it is executed, translated code looks whether the next page is
 * mapped to be executed, and compares the rest of its bytes with those that were translated, wherever that page is now: so nobody has to be told
 * of a change of the second page.  If anything is different, or not known, the dispatcher is asked, which is a jump to the instruction. */
#include "core/jit/emit.h"
#include "core/machine/machine.h"

enum { INSN_MAX = 15, CODE_OFF = TLB_CODE * (int)sizeof(struct tlb_entry), JNE = 0x85, CMP = 7 };

/* Registers that stay in the host's are loaded by ways out that only instructions of the block have. */
static bool suits(const struct ji *i)
{
	return i->in.row != ROW_NONE && !(op_rows[i->in.row].attr & (A_X87 | A_MMX | A_SSE | A_AVX | A_STR));
}

unsigned em_find_crosser(struct em *e, struct ji *is, unsigned n, const uint8_t *code)
{
	struct cpu *c = e->c;
	const struct ji *last = &is[n - 1];
	unsigned pos = last->in.off + last->in.len, left = PAGE_SIZE - e->page_off - pos;
	uint8_t bytes[INSN_MAX];
	if (!e->code64 || last->ends || n == BLOCK_MAX || left - 1 >= INSN_MAX - 1 || family_off(e, FAM_CROSS) || family_off(e, FAM_LINK) ||
		c->machine->accel_conf.one_insn)
		return n;
	uint64_t next = (c->regs[REG_BIP] & PAGE_MASK) + PAGE_SIZE;
	const struct tlb_entry *t = tlb_code_slot(c, next);
	if (t->tag_x != next)
		return n;
	memcpy(bytes, code + pos, left);
	memcpy(bytes + left, (const uint8_t *)(uintptr_t)(next + t->addend), INSN_MAX - left);
	struct ji *i = &is[n];
	*i = (struct ji) { .slot = SLOT_CROSS };
	if (decode_insn(jit_decoder(c), c->mode, bytes, left, pos, &i->in) || decode_insn(jit_decoder(c), c->mode, bytes, INSN_MAX, pos, &i->in) <= left || !suits(i))
		return n;
	jit_number(i, n);
	e->cross.off = e->page_off + pos;
	e->cross.idx = n;
	e->cross.n = i->in.len - left;
	memcpy(e->cross.rest, bytes + left, e->cross.n);
	return n + 1;
}

void em_cross_guard(struct em *e, const struct ji *i)
{
	uint8_t *out[1 + INSN_MAX];
	unsigned n_out = 0, size;
	em_flags_clobber(e, i->live_in);
	em_load_target(e, PAGE_SIZE, true);
	em_rr(e, (struct enc) { .op = 0x8b, .size = 4, .reg = H_T1 }, H_T0);
	em_rr(e, (struct enc) { .op = 0xc1, .size = 4, .reg = 5 }, H_T1), em8(e, PAGE_SHIFT - 5);
	em_rr(e, (struct enc) { .op = 0x81, .size = 4, .reg = 4 }, H_T1), em32(e, (TLB_CODE - 1) << 5);
	em_env(e, (struct enc) { .op = 0x03, .size = 8, .reg = H_T1 }, offsetof(struct cpu, tlb));
	em_rm(e, (struct enc) { .op = 0x3b, .size = 8, .reg = H_T0 }, H_T1, NO_REG, 0, CODE_OFF + (int)offsetof(struct tlb_entry, tag_x));
	out[n_out++] = em_jcc(e, JNE);
	em_rm(e, (struct enc) { .op = 0x03, .size = 8, .reg = H_T0 }, H_T1, NO_REG, 0, CODE_OFF + (int)offsetof(struct tlb_entry, addend));
	for (unsigned at = 0; at < e->cross.n; at += size) {
		uint32_t v = 0;
		size = e->cross.n - at >= 4 ? 4 : e->cross.n - at >= 2 ? 2 : 1;
		memcpy(&v, e->cross.rest + at, size);
		em_rm(e, (struct enc) { .op = size == 1 ? 0x80 : 0x81, .size = size, .reg = CMP, .digit = true }, H_T0, NO_REG, 0, (int32_t)at);
		for (unsigned k = 0; k < size; k++)
			em8(e, v >> 8 * k & 0xff);
		out[n_out++] = em_jcc(e, JNE);
	}
	em_part(e, true);
	for (unsigned k = 0; k < n_out; k++)
		em_patch(out[k], e->p);
	em_leave_from(e, SLOT_CROSS, 0);
	em_part(e, false);
}
