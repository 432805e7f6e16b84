/* emit_bits.c - division, bit scans and counts, BMI, byte swaps in memory, CRC32, fences.  Ref: SDM 2. */
#include "core/jit/emit.h"

enum { R = 1, W = 2, RW = 3 };

/* ---- division ---------------------------------------------------------------------------------------------------------------------------
 * The host must not raise #DE: what might is the interpreter's. */

/* Unsigned, the quotient fits when the divisor is above the upper half. */
static void guard_unsigned(struct em *e, const struct ji *i)
{
	em_rr(e, (struct enc) { .op = 0x3b, .size = i->size, .reg = RDX }, H_T0);       /* cmp rdx, r9 */
	em_jump_out(e, 0x83, STUB_STEP, i);
}

/* Signed: it does when the upper half only repeats the lower one's sign and the divisor is neither 0 nor -1, which is the rule. */
static void guard_signed(struct em *e, const struct ji *i)
{
	em_rm(e, (struct enc) { .op = 0x8d, .size = 8, .reg = H_T1 }, H_T0, NO_REG, 0, 1);
	em_rr(e, (struct enc) { .op = 0x83, .size = i->size, .reg = 7 }, H_T1), em8(e, 1);      /* cmp r10, 1 */
	em_jump_out(e, 0x86, STUB_STEP, i);
	em_mov(e, H_T1, RAX);
	em_rr(e, (struct enc) { .op = 0xc1, .size = i->size, .reg = 7 }, H_T1), em8(e, i->size * 8 - 1);        /* sar */
	em_rr(e, (struct enc) { .op = 0x3b, .size = i->size, .reg = H_T1 }, RDX);
	em_jump_out(e, 0x85, STUB_STEP, i);
}

/* Flags stay as they were. */
static bool emit_division(struct em *e, const struct ji *i, bool is_signed)
{
	unsigned first = e->n_stubs;
	em_flags_clobber(e, i->live_in);
	if (i->in.rm == RM_MEM) {
		em_mem(e, (struct enc) { .op = 0x8b, .size = i->size, .reg = H_T0 }, em_memory(e, i, i->size, false));
	} else if (in_env(i->in.rm)) {
		em_load_env(e, H_T0, ENV_REG(i->in.rm));
	} else {
		em_mov(e, H_T0, host_of(i->in.rm));
	}
	if (is_signed)
		guard_signed(e, i);
	else
		guard_unsigned(e, i);
	em_rr(e, (struct enc) { .op = 0xf7, .size = i->size, .reg = is_signed ? 7 : 6 }, H_T0);
	em_close_stubs(e, first, i);
	return true;
}

/* ---- two or three registers, one of them perhaps memory --------------------------------------------------------------------------------- */

struct bits { struct opcode o; uint8_t reg, rm, vvvv, esize, needs; bool has_vvvv; };

/* How operands are used.  What a count of zero or the operand size leaves of a destination makes it a source, too. */
static bool describe(const struct em *e, const struct ji *i, struct bits *b)
{
	const struct op_row *r = i->row;
	unsigned op = r->opcode;
	bool vex = r->map >= V0F, w = vex ? e->code64 && (i->in.imm >> 12 & 1) : i->size == 8;
	*b = (struct bits) { .o = { .vex = vex, .w = w, .o16 = !vex && i->size == 2, .pp = r->match >> 32 & 0x600 ? r->match >> 9 & 3 : 0, .op = (uint8_t)op },
		.reg = W, .rm = R, .vvvv = R, .esize = i->size, .needs = HOST_BMI };
	b->o.map = (uint8_t)(vex ? r->map - V0F + 1 : r->map);
	if (vex) {
		b->esize = w ? 8 : 4;
		b->has_vvvv = true;
		if (r->map == V3A)                      /* rorx */
			b->has_vvvv = false;
		else if (op == 0xf6)                    /* mulx */
			b->vvvv = W;
		else if (op == 0xf3)                    /* blsr and its kin: the digit in reg, the destination in vvvv */
			b->reg = 0, b->vvvv = W;
		return true;
	}
	if (r->map == TWO) {
		b->reg = RW;
		if (op == 0xb8)
			b->needs = HOST_SSE42;
		else if (!b->o.pp)
			b->needs = 0;
		return op == 0xb8 || op == 0xbc || op == 0xbd;
	}
	if (r->map != T38)
		return false;
	switch (op) {
	case 0xf0: case 0xf1:
		if (b->o.pp == 3) {                     /* crc32 */
			b->reg = RW;
			b->esize = op == 0xf0 ? 1 : i->size;
			b->needs = HOST_SSE42;
			return true;
		}
		b->o.pp = 0;                            /* movbe */
		b->reg = op == 0xf0 ? RW : R;
		b->rm = op == 0xf0 ? R : W;
		return true;
	case 0xf6:                                      /* adcx, adox */
		b->o.o16 = false;
		b->esize = w ? 8 : 4;
		b->reg = RW;
		b->needs = HOST_ADX;
		return true;
	default: return false;
	}
}

/* Host register for a guest's: itself, or `temp`, loaded if it is read. */
static unsigned take(struct em *e, unsigned guest, unsigned temp, unsigned use)
{
	if (!in_env(guest))
		return host_of(guest);
	if (use & R)
		em_load_env(e, temp, ENV_REG(guest));
	return temp;
}
static void give(struct em *e, unsigned guest, unsigned host, unsigned use)
{
	if (in_env(guest) && (use & W))
		em_store_env(e, host, ENV_REG(guest));
}

static void set_byte(struct em *e, unsigned condition, unsigned reg) { em8(e, 0x41), em8(e, 0x0f), em8(e, 0x90 | condition), em8(e, 0xc0 | (reg & 7)); }
/* BSF and BSR give ZF, TZCNT and LZCNT CF, too; the others, which the host changes in its own way, stay as they are in memory.  r9 and r10 are lost. */
static void keep_all_but(struct em *e, bool carry)
{
	enum { C = 2, Z = 4 };
	set_byte(e, Z, H_T0);
	if (carry)
		set_byte(e, C, H_T1);
	em_rr(e, (struct enc) { .op = 0xc0, .size = 1, .reg = 4, .digit = true }, H_T0), em8(e, 6);
	if (carry)
		em_rr(e, (struct enc) { .op = 0x0a, .size = 1, .reg = H_T0 }, H_T1);
	em_env(e, (struct enc) { .op = 0x80, .size = 4, .reg = 4 }, offsetof(struct cpu, flags_ah)), em8(e, 0xff & ~(FL_ZF | (carry ? FL_CF : 0)));
	em_env(e, (struct enc) { .op = 0x08, .size = 4, .reg = H_T0 }, offsetof(struct cpu, flags_ah));
	e->flags_host = false;
}

static bool emit_bits(struct em *e, const struct ji *i)
{
	struct bits b;
	bool mem = i->in.rm == RM_MEM;
	if (!describe(e, i, &b) || (b.needs & ~e->j->host_has))
		return false;
	unsigned second = i->in.imm >> 8 & 15, first = e->n_stubs, rm_guest = !mem && b.esize == 1 ? i->in.rm >> 3 : i->in.rm;
	bool byte_reg = !mem && b.esize == 1;
	/* Flags that the manual leaves undefined are the interpreter's, when anything looks at them. */
	bool merge = i->live_out & i->row->fl_undefined, scan = !b.o.vex && b.o.map == 1 && !b.o.pp, count = !b.o.vex && b.o.map == 1 && b.o.pp && b.o.op != 0xb8;
	if ((byte_reg && (i->in.rm & 1)) || (merge && !scan && !count))
		return false;
	unsigned needs = i->reads | (i->writes ? i->live_out & ~(unsigned)i->writes : 0);
	struct mem_op m = { 0 };
	if (mem)
		m = em_memory(e, i, b.esize, b.rm & W);
	if (merge)
		em_flags_to_mem(e);
	else if (needs)
		em_flags_to_host(e);
	unsigned rm = mem ? 0 : take(e, rm_guest, H_T0, b.rm);
	if (b.has_vvvv)
		b.o.vvvv = (uint8_t)take(e, second, H_T1, b.vvvv);
	/* A destination may take the place of a source: mulx has two, and r9 is free once it is read. */
	unsigned reg_temp = b.has_vvvv && in_env(second) ? H_T0 : H_T1;
	unsigned reg = b.reg ? take(e, i->in.reg, reg_temp, b.reg) : i->row->match >> 3 & 7;
	b.o.rex = byte_reg && rm >= 4 && rm < 8;
	if (mem) {
		em_opcode_mem(e, b.o, reg, m);
	} else {
		em_opcode(e, &b.o, reg, rm);
		em8(e, 0xc0 | (reg & 7) << 3 | (rm & 7));
	}
	if (b.o.vex && b.o.map == 3)
		em8(e, (uint8_t)i->in.imm);
	if (b.has_vvvv && b.vvvv & W)
		give(e, second, b.o.vvvv, W);
	if (b.reg)
		give(e, i->in.reg, reg, b.reg);
	if (merge)
		keep_all_but(e, count);
	else if (i->writes)
		em_flags_written(e);
	if (mem)
		em_close_stubs(e, first, i);
	return true;
}

bool em_bits(struct em *e, const struct ji *i)
{
	const struct op_row *r = i->row;
	unsigned digit = r->match >> 3 & 7;
	if (i->in.fn == op_undefined || (r->attr & (A_X87 | A_MMX | A_SSE | A_AVX)))
		return false;
	if (r->map == ONE)
		return r->opcode == 0xf7 && digit >= 6 && emit_division(e, i, digit == 7);
	if (r->map == TWO && r->opcode == 0xae && i->in.fn == op_fence) {
		em8(e, 0x0f), em8(e, 0xae), em8(e, 0xc0 | digit << 3);
		return true;
	}
	return emit_bits(e, i);
}
