/* bytes.c - host instructions as bytes.  Ref: SDM 2, chapter 2. */
#include "core/jit/emit.h"

void em8(struct em *e, unsigned v) { *e->p++ = (uint8_t)v; }
void em32(struct em *e, uint32_t v) { memcpy(e->p, &v, 4); e->p += 4; }
void em64(struct em *e, uint64_t v) { memcpy(e->p, &v, 8); e->p += 8; }
void em_patch(uint8_t *rel32, const uint8_t *to)
{
	int32_t d = (int32_t)(to - (rel32 + 4));
	memcpy(rel32, &d, 4);
}
void em_rel32(struct em *e, const uint8_t *to)
{
	em_patch(e->p, to);
	e->p += 4;
}

/* An instruction with these registers: r9 may not be what it was. */
static void forget_delta(struct em *e, unsigned reg, unsigned rm)
{
	if (reg == H_T0 || rm == H_T0)
		e->delta = 0;
}

static void prefixes(struct em *e, const struct enc *x, unsigned rex, bool byte_rm)
{
	if (x->lock)
		em8(e, 0xf0);
	if (x->size == 2)
		em8(e, 0x66);
	if (x->prefix)
		em8(e, x->prefix);
	if (x->size == 8)
		rex |= 8;
	if (rex || byte_rm)
		em8(e, 0x40 | rex);
	if (x->op > 0xff)
		em8(e, x->op >> 8);
	em8(e, x->op & 0xff);
}

/* Byte registers 4-7 are SPL.. with a REX prefix; 0x10 + n means AH.. (n = 0-3), which must not have one. */
enum { HIGH = 0x10 };
void em_rr(struct em *e, struct enc x, unsigned rm)
{
	forget_delta(e, x.reg, rm);
	bool byte_rex = (x.size == 1 && !x.digit && x.reg >= 4 && x.reg < 8) || ((x.size == 1 || x.byte_rm) && rm >= 4 && rm < 8);
	unsigned reg = x.reg & HIGH ? (x.reg & 3) + 4 : x.reg, r = rm & HIGH ? (rm & 3) + 4 : rm;
	prefixes(e, &x, (reg >> 3 & 1) << 2 | (r >> 3 & 1), byte_rex);
	em8(e, 0xc0 | (reg & 7) << 3 | (r & 7));
}

/* ModRM and what follows it: no displacement means none, index may be NO_REG. */
static void modrm_mem(struct em *e, unsigned reg, unsigned base, unsigned index, unsigned scale, int32_t disp)
{
	unsigned mod = base == NO_REG ? 0 : !disp && (base & 7) != RBP ? 0 : disp == (int8_t)disp ? 1 : 2;
	reg = (reg & 7) << 3;
	if (index == NO_REG && base != NO_REG && (base & 7) != RSP) {
		em8(e, mod << 6 | reg | (base & 7));
	} else {
		em8(e, mod << 6 | reg | 4);
		em8(e, scale << 6 | (index == NO_REG ? 4 : index & 7) << 3 | (base == NO_REG ? 5 : base & 7));
	}
	if (mod == 1)
		em8(e, (uint8_t)disp);
	else if (mod == 2 || base == NO_REG)
		em32(e, (uint32_t)disp);
}

void em_rm(struct em *e, struct enc x, unsigned base, unsigned index, unsigned scale, int32_t disp)
{
	forget_delta(e, x.reg, NO_REG);
	unsigned rex = (x.reg >> 3 & 1) << 2 | (base != NO_REG ? base >> 3 & 1 : 0) | (index != NO_REG ? (index >> 3 & 1) << 1 : 0);
	prefixes(e, &x, rex, x.size == 1 && !x.digit && x.reg >= 4 && x.reg < 8);
	modrm_mem(e, x.reg, base, index, scale, disp);
}

/* VEX bits that stand for register bits are inverted. */
static void opcode_bytes(struct em *e, const struct opcode *o, unsigned reg, unsigned index, unsigned rm)
{
	static const uint8_t prefix[4] = { 0, 0x66, 0xf3, 0xf2 };
	if (o->vex) {
		em8(e, 0xc4);
		em8(e, (reg & 8 ? 0 : 0x80) | (index & 8 ? 0 : 0x40) | (rm & 8 ? 0 : 0x20) | o->map);
		em8(e, o->w << 7 | (~(unsigned)o->vvvv & 15) << 3 | o->l << 2 | o->pp);
	} else {
		unsigned rex = o->w << 3 | (reg & 8) >> 1 | (index & 8) >> 2 | rm >> 3;
		if (o->o16)
			em8(e, 0x66);
		if (o->pp)
			em8(e, prefix[o->pp]);
		if (rex || o->rex)
			em8(e, 0x40 | rex);
		em8(e, 0x0f);
		if (o->map > 1)
			em8(e, o->map == 2 ? 0x38 : 0x3a);
	}
	em8(e, o->op);
}
void em_opcode(struct em *e, const struct opcode *o, unsigned reg, unsigned rm)
{
	forget_delta(e, reg, rm);
	opcode_bytes(e, o, reg, 0, rm);
}
void em_opcode_mem(struct em *e, struct opcode o, unsigned reg, struct mem_op m)
{
	forget_delta(e, reg, NO_REG);
	opcode_bytes(e, &o, reg, m.index == NO_REG ? 0 : m.index, m.base);
	modrm_mem(e, reg, m.base, m.index, 0, m.disp);
}

void em_env_operand(struct em *e, unsigned reg, uint32_t off, unsigned imm)
{
	em8(e, (reg & 7) << 3 | 5);
	e->env_behind = e->p + 4 + imm;
	em32(e, (uint32_t)((uintptr_t)e->c + off - (uintptr_t)jit_rx(e->j, e->env_behind)));
}

/* Bytes of the immediate that an instruction has behind its memory operand. */
static unsigned immediate_size(const struct enc *x)
{
	enum { TEST = 2 /* and above: no immediate */ };
	unsigned whole = x->size == 2 ? 2 : 4;
	switch (x->op) {
	case 0x6b: case 0x80: case 0x83: case 0xc0: case 0xc1: case 0xc6: case 0x0fa4: case 0x0fac: case 0x0fba:
		return 1;
	case 0x69: case 0x81: case 0xc7:
		return whole;
	case 0xf6:
		return x->reg < TEST;
	case 0xf7:
		return x->reg < TEST ? whole : 0;
	default:
		return 0;
	}
}

void em_env(struct em *e, struct enc x, uint32_t off)
{
	forget_delta(e, x.reg, NO_REG);
	prefixes(e, &x, (x.reg >> 3 & 1) << 2, x.size == 1 && !x.digit && x.reg >= 4 && x.reg < 8);
	em_env_operand(e, x.reg, off, immediate_size(&x));
}
void em_load_env(struct em *e, unsigned host, uint32_t off) { em_env(e, (struct enc) { .op = 0x8b, .size = 8, .reg = host }, off); }
void em_store_env(struct em *e, unsigned host, uint32_t off) { em_env(e, (struct enc) { .op = 0x89, .size = 8, .reg = host }, off); }
void em_imm64(struct em *e, unsigned host, uint64_t v)
{
	forget_delta(e, host, NO_REG);
	if (v <= UINT32_MAX) {
		if (host & 8)
			em8(e, 0x41);
		em8(e, 0xb8 | (host & 7));
		em32(e, (uint32_t)v);
		return;
	}
	em8(e, 0x48 | (host >> 3 & 1));
	em8(e, 0xb8 | (host & 7));
	em64(e, v);
}
void em_mov(struct em *e, unsigned to, unsigned from) { em_rr(e, (struct enc) { .op = 0x8b, .size = 8, .reg = to }, from); }

unsigned em_use(struct em *e, unsigned guest, unsigned temp)
{
	if (!in_env(guest))
		return host_of(guest);
	em_load_env(e, temp, ENV_REG(guest));
	return temp;
}

/* ---- flags: rax is saved in r10 meanwhile ------------------------------------------------------------------------------------------ */

void em_flags_to_mem(struct em *e)
{
	if (e->flags_mem)
		return;
	em_mov(e, H_T1, RAX);
	em8(e, 0x9f);                                   /* lahf */
	em8(e, 0x0f), em8(e, 0x90), em8(e, 0xc0);       /* seto al */
	em_env(e, (struct enc) { .op = 0x89, .size = 2, .reg = RAX }, offsetof(struct cpu, flags16));
	em_mov(e, RAX, H_T1);
	e->flags_mem = true;
}

void em_flags_to_host(struct em *e)
{
	if (e->flags_host)
		return;
	em_mov(e, H_T1, RAX);
	em_env(e, (struct enc) { .op = 0x0fb7, .size = 4, .reg = RAX }, offsetof(struct cpu, flags16));
	em8(e, 0x04), em8(e, 0x7f);                     /* add al, 7fh: overflows when al is 1 */
	em8(e, 0x9e);                                   /* sahf */
	em_mov(e, RAX, H_T1);
	e->flags_host = true;
}

void em_flags_clobber(struct em *e, unsigned live)
{
	if (live && e->flags_host)
		em_flags_to_mem(e);
	e->flags_host = false;
}

/* ---- jumps, and room for them ---------------------------------------------------------------------------------------------------------
 * Intel's Skylake and its kin decode all that lies in 32 bytes anew each time when a jump, or what is fused with it, crosses their end or
 * touches it.  Ref: Intel, Mitigations for Jump Conditional Code Erratum, 2.1. */

enum { WINDOW = 32 };

static void put_nop(struct em *e, unsigned n)
{
	enum { LONGEST = 9 };
	static const uint8_t nop[LONGEST][LONGEST] = { { 0x90 }, { 0x66, 0x90 }, { 0x0f, 0x1f, 0 }, { 0x0f, 0x1f, 0x40, 0 }, { 0x0f, 0x1f, 0x44, 0, 0 },
		{ 0x66, 0x0f, 0x1f, 0x44, 0, 0 }, { 0x0f, 0x1f, 0x80, 0, 0, 0, 0 }, { 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0 }, { 0x66, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0 } };
	for (; n > LONGEST; n--)
		em8(e, 0x66);
	memcpy(e->p, nop[n - 1], n);
	e->p += n;
}

/* Bytes missing until `bytes` more, `before` further on, are all right. */
static unsigned missing(const struct em *e, unsigned before, unsigned bytes)
{
	unsigned at = (unsigned)(((uintptr_t)e->p + before) % WINDOW);
	return e->cold || !(e->j->host_has & HOST_JCC) || at + bytes < WINDOW ? 0 : WINDOW - at;
}
static void put_nops(struct em *e, unsigned n)
{
	enum { NOP_MAX = 11 };
	for (unsigned part; n; n -= part)
		put_nop(e, part = n < NOP_MAX ? n : NOP_MAX);
}
void em_room(struct em *e, unsigned bytes) { put_nops(e, missing(e, 0, bytes)); }
void em_room_behind(struct em *e, unsigned before, unsigned bytes) { put_nops(e, missing(e, before, bytes)); }
void em_room_for_kill(struct em *e)
{
	if (!e->cold && e->p < e->entry + JMP_SIZE)
		put_nops(e, (unsigned)(e->entry + JMP_SIZE - e->p));
}

void em_room_wide(struct em *e, unsigned prefix, unsigned before, unsigned bytes)
{
	enum { INSN_MAX = 15, NOP_MAX = 11 };
	unsigned n = missing(e, before, bytes), room = INSN_MAX - before;
	if (n > room) {
		unsigned part = n - room > NOP_MAX ? n - room : n < NOP_MAX ? n : NOP_MAX;
		put_nops(e, part);
		n -= part;
	}
	while (n--)
		em8(e, prefix);
}

uint8_t *em_jcc(struct em *e, unsigned op)
{
	em_room(e, JCC_SIZE);
	em8(e, 0x0f), em8(e, op), em32(e, 0);
	return e->p - 4;
}
uint8_t *em_jmp(struct em *e)
{
	em_room(e, JMP_SIZE);
	em8(e, 0xe9), em32(e, 0);
	return e->p - 4;
}
uint8_t *em_poll(struct em *e)
{
	em_room_wide(e, 0x3e, CMP_ENV_SIZE, JCC_SIZE);
	em_env(e, (struct enc) { .op = 0x83, .size = 4, .reg = 7 }, offsetof(struct cpu, attention)), em8(e, 0);
	return em_jcc(e, 0x85);
}

void em_room_jcc(struct em *e)
{
	uint8_t kept[WINDOW];
	size_t n = e->fusible.behind == e->p ? (size_t)(e->p - e->fusible.at) : 0;
	if (n + JCC_SIZE >= WINDOW)
		n = 0;
	memcpy(kept, e->p - n, n);
	e->p -= n;
	em_room(e, (unsigned)n + JCC_SIZE);
	memcpy(e->p, kept, n);
	e->p += n;
}
