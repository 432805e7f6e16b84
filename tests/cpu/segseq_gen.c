/* segseq_gen.c - making a sequence: its instructions, segments and pages. */
#include "tests/cpu/segseq.h"
#include "core/cpu/engine.h"
#include "tests/cpu/diff.h"
#include "tests/cpu/guest.h"
#include <string.h>

struct gen { struct diff_rng r; struct seq *s; unsigned section; };

/* ---- making a sequence ------------------------------------------------------------------------------------------------------------------- */

static struct atom *new_atom(struct gen *g)
{
	struct atom *a = &g->s->atom[g->s->n];
	if (g->s->n < ATOMS - 1)
		g->s->n++;
	*a = (struct atom) { .section = (uint8_t)g->section };
	return a;
}
static void put(struct atom *a, unsigned v) { a->code[a->len++] = (uint8_t)v; }
static void put_n(struct atom *a, unsigned n, uint32_t v) { while (n--) put(a, v & 0xff), v >>= 8; }
static unsigned below(struct gen *g, unsigned n) { return diff_below(&g->r, n); }
static bool chance(struct gen *g, unsigned percent) { return diff_chance(&g->r, percent); }

/* A place in a segment: most often near its start, its end, or that of a page. */
static uint32_t place(struct gen *g)
{
	switch (below(g, 6)) {
	case 0: return below(g, 8);
	case 1: return (0xfff8 + below(g, 10)) & 0xffff;
	case 2: return 0x1000 * below(g, 16) + 0xff8 + below(g, 16);
	default: return below(g, 0x10000);
	}
}

/* Operand and address size prefixes by chance, and sometimes a segment's.  Returns the address size in bits. */
static unsigned prefixes(struct gen *g, struct atom *a, unsigned *osz)
{
	static const uint8_t segments[] = { 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65 };
	bool p66 = chance(g, 20), p67 = chance(g, 12);
	if (chance(g, 20))
		put(a, segments[below(g, 6)]);
	else if (g->s->mode == PROT32_FLAT && chance(g, 40))
		put(a, segments[4 + below(g, 2)]);
	if (p66)
		put(a, 0x66);
	if (p67)
		put(a, 0x67);
	*osz = p66 != g->s->code32 ? 4 : 2;
	return p67 != g->s->code32 ? 32 : 16;
}

/* AX, CX, DX, sometimes a pointer; never SP, nor BP, which stays a pointer. */
static unsigned pick(struct gen *g)
{
	static const uint8_t others[] = { 3, 6, 7 };
	return chance(g, 80) ? below(g, 3) : others[below(g, 3)];
}
static unsigned pick_byte(struct gen *g) { return below(g, 8); }

static void modrm(struct gen *g, struct atom *a, unsigned asz, unsigned reg, bool byte, bool mem)
{
	if (!mem && chance(g, 45)) {
		put(a, 0xc0 | reg << 3 | (byte ? pick_byte(g) : pick(g)));
		return;
	}
	unsigned mod = below(g, 3), rm = below(g, 8);
	if (asz == 32) {
		static const uint8_t base[] = { 0, 3, 5, 6, 7 };
		rm = base[below(g, 5)];
		if (chance(g, 30)) {
			put(a, mod << 6 | reg << 3 | 4);
			put(a, below(g, 4) << 6 | below(g, 8) << 3 | rm);
		} else {
			put(a, mod << 6 | reg << 3 | rm);
		}
		if (mod == 1)
			put(a, below(g, 256));
		else if (mod == 2 || rm == 5)
			put_n(a, 4, chance(g, 90) ? below(g, 0x200) - 0x100u : (uint32_t)diff_random(&g->r));
		return;
	}
	put(a, mod << 6 | reg << 3 | rm);
	if (mod == 1)
		put(a, below(g, 256));
	else if (mod == 2 || rm == 6)
		put_n(a, 2, place(g));
}

static void put_row(struct gen *g)
{
	struct atom *a = new_atom(g);
	unsigned osz, asz, op, n;
	bool lock = chance(g, 3);
	if (lock)
		put(a, 0xf0);
	asz = prefixes(g, a, &osz);
	switch (below(g, 24)) {
	case 0: case 1: case 2: case 3:
		op = below(g, 8) << 3 | below(g, 4);
		put(a, op), modrm(g, a, asz, op & 1 ? pick(g) : pick_byte(g), !(op & 1), lock);
		break;
	case 4: case 5:
		op = (const uint8_t[]) { 0x80, 0x81, 0x83 }[below(g, 3)];
		put(a, op), modrm(g, a, asz, below(g, 8), op == 0x80, lock), put_n(a, op == 0x81 ? osz : 1, (uint32_t)diff_random(&g->r));
		break;
	case 6: case 7: case 8: case 9:
		op = 0x86 + below(g, 6);
		put(a, op), modrm(g, a, asz, op & 1 ? pick(g) : pick_byte(g), !(op & 1), false);
		break;
	case 10:
		op = 0xc6 + below(g, 2);
		put(a, op), modrm(g, a, asz, 0, op == 0xc6, false), put_n(a, op == 0xc6 ? 1 : osz, (uint32_t)diff_random(&g->r));
		break;
	case 11:
		op = 0xfe + below(g, 2);
		put(a, op), modrm(g, a, asz, op == 0xff && chance(g, 20) ? 6 : below(g, 2), op == 0xfe, lock);
		break;
	case 12:
		op = 0xf6 + below(g, 2), n = below(g, 8);
		put(a, op), modrm(g, a, asz, n, op == 0xf6, false);
		if (n < 2)
			put_n(a, op == 0xf6 ? 1 : osz, (uint32_t)diff_random(&g->r));
		break;
	case 13:
		op = (const uint8_t[]) { 0xd0, 0xd1, 0xd2, 0xd3, 0xc0, 0xc1 }[below(g, 6)];
		put(a, op), modrm(g, a, asz, below(g, 8), !(op & 1), false);
		if (op < 0xd0)
			put(a, below(g, 34));
		break;
	case 14:
		op = (const uint8_t[]) { 0x69, 0x6b, 0x8d, 0x8d }[below(g, 4)];
		put(a, op), modrm(g, a, asz, pick(g), false, op == 0x8d);
		if (op != 0x8d)
			put_n(a, op == 0x6b ? 1 : osz, (uint32_t)diff_random(&g->r));
		break;
	case 15: case 16:
		op = (const uint8_t[]) { 0xaf, 0xb6, 0xb7, 0xbe, 0xbf, 0xa3, 0xab, 0xb3, 0xbb, 0xc0, 0xc1, 0xb0, 0xb1, 0xbc, 0xbd, 0xa5, 0xad }[below(g, 17)];
		put(a, 0x0f), put(a, op), modrm(g, a, asz, op == 0xc0 || op == 0xb0 ? pick_byte(g) : pick(g), op == 0xb0 || op == 0xc0 || op == 0xb6 || op == 0xbe, false);
		break;
	case 17:
		op = 0x40 + below(g, 16) + (chance(g, 50) ? 0x50 : 0);
		put(a, 0x0f), put(a, op), modrm(g, a, asz, op < 0x50 ? pick(g) : 0, op >= 0x90, false);
		break;
	case 18:
		put(a, 0xa0 + below(g, 4)), put_n(a, asz / 8, place(g));
		break;
	case 19:
		op = (const uint8_t[]) { 0x40, 0x48, 0x90, 0xb8, 0xb8 }[below(g, 5)], n = pick(g);
		put(a, op | n);
		if (op == 0xb8)
			put_n(a, osz, n >= 3 ? place(g) : (uint32_t)diff_random(&g->r));
		break;
	case 20:
		put(a, (const uint8_t[]) { 0x27, 0x2f, 0x37, 0x3f, 0x98, 0x99, 0xf5, 0xf8, 0xf9, 0xd7, 0x9e, 0x9f, 0xd6, 0xfc, 0xfd }[below(g, 15)]);
		break;
	case 21:
		a->len = 0;
		if (!g->s->code32)
			put(a, 0x66);
		put(a, 0xb9), put_n(a, 4, chance(g, 90) ? below(g, 30) : below(g, 3000));
		prefixes(g, a, &osz);
		if (chance(g, 60))
			put(a, 0xf2 + below(g, 2));
		put(a, (const uint8_t[]) { 0xa4, 0xa5, 0xa6, 0xa7, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf }[below(g, 10)]);
		break;
	case 22:
		op = (const uint8_t[]) { 0xd9, 0xdd, 0xdb, 0xdf, 0xd8 }[below(g, 5)];
		put(a, op), modrm(g, a, asz, (const uint8_t[]) { 0, 2, 3 }[below(g, 3)], false, true);
		break;
	default:
		put(a, 0x0f), put(a, (const uint8_t[]) { 0x10, 0x11, 0x58, 0x28, 0x6f, 0x7f, 0x2a, 0x29 }[below(g, 8)]), modrm(g, a, asz, below(g, 8), true, chance(g, 50));
		break;
	}
}

static void put_segment(struct gen *g)
{
	struct atom *a = new_atom(g);
	unsigned osz, asz = prefixes(g, a, &osz), n = below(g, 6);
	switch (below(g, 8)) {
	case 0: put(a, (const uint8_t[]) { 0x06, 0x0e, 0x16, 0x1e }[below(g, 4)]); break;
	case 1: put(a, 0x8c), modrm(g, a, asz, below(g, 6), false, false); break;
	case 2: put(a, chance(g, 50) ? 0xc4 : 0xc5), modrm(g, a, asz, pick(g), false, true); break;
	case 3: put(a, 0x8e), modrm(g, a, asz, (const uint8_t[]) { 0, 3, 4, 5 }[below(g, 4)], false, true); break;
	case 4:                                                         /* push; pop */
		put(a, (const uint8_t[]) { 0x06, 0x0e, 0x16, 0x1e }[below(g, 4)]), put(a, chance(g, 50) ? 0x07 : 0x1f);
		break;
	case 5:
		put(a, 0x0f), put(a, chance(g, 50) ? 0xa0 : 0xa8);
		break;
	default:                                                        /* mov ax, selector; mov sreg, ax */
		a->len = 0;
		if (g->s->mode == PROT32_FLAT && chance(g, 90))
			n = SEG_FS + below(g, 2);
		put(a, 0xb8), put_n(a, g->s->code32 ? 4 : 2, protected_mode(g->s) ? (below(g, SELECTORS) << 3 | (g->s->user ? 3u : 0u)) : below(g, 0x4000) + 0x1000u);
		put(a, 0x8e), put(a, 0xc0 | (n == SEG_CS || (n == SEG_SS && chance(g, 80)) ? SEG_DS : n) << 3);
		break;
	}
}

static void put_stack(struct gen *g)
{
	struct atom *a = new_atom(g);
	unsigned osz, asz = prefixes(g, a, &osz);
	switch (below(g, 15)) {
	case 0: case 1: put(a, 0x50 + below(g, 8)); break;
	case 2: case 3: put(a, 0x58 + (chance(g, 5) ? 4 : pick(g))); break;
	case 4: put(a, 0x68), put_n(a, osz, (uint32_t)diff_random(&g->r)); break;
	case 5: put(a, 0x6a), put(a, below(g, 256)); break;
	case 6: put(a, 0x9c); break;
	case 7: put(a, 0x9c), put(a, 0x9d); break;
	case 8: put(a, 0x60 + below(g, 2)); break;
	case 9: put(a, 0xc8), put_n(a, 2, below(g, 64)), put(a, below(g, 3)); break;
	case 10: put(a, 0xc9); break;
	case 11: put(a, 0x8f), modrm(g, a, asz, 0, false, true); break;
	case 12: put(a, 0xff), modrm(g, a, asz, 6, false, true); break;
	case 13:                                                        /* sp at an end */
		a->len = 0;
		put(a, 0xbc), put_n(a, g->s->code32 ? 4 : 2, chance(g, 60) ? below(g, 6) : 0xfffa + below(g, 6));
		break;
	default:
		a->len = 0;
		put(a, 0x68), put_n(a, g->s->code32 ? 4 : 2, (uint32_t)(diff_random(&g->r) & (FL_ARITH | (chance(g, 20) ? FL_DF : 0))) | 2 | FL_IF), put(a, 0x9d);
		break;
	}
}

static void aim(struct atom *a, int atom, int section, unsigned size, bool absolute)
{
	a->has_fix = true;
	a->fix = (struct fix) { .at = a->len, .size = (uint8_t)size, .to_section = (int8_t)section, .atom = (int16_t)atom, .absolute = absolute };
	put_n(a, size, 0);
}

/* Only forward, or to a later section: sequences end. */
static void put_branch(struct gen *g)
{
	struct seq *s = g->s;
	struct atom *a = new_atom(g);
	unsigned natural = s->code32 ? 4 : 2, size = natural, r = below(g, 3);
	int to = (int)s->n + 1 + (int)below(g, 3), section = -1;
	if (g->section + 1 < SECTIONS && chance(g, 60))
		section = (int)(g->section + 1 + below(g, SECTIONS - 1 - g->section));
	bool call = section >= 0;
	if (chance(g, 6))
		put(a, 0x66), size = 6 - size;
	switch (below(g, 8)) {
	case 0: case 1:
		if (call) {
			put(a, 0xe8), aim(a, to, section, size, false);
			break;
		}
		put(a, 0x0f), put(a, 0x80 + below(g, 16)), aim(a, to, -1, size, false);
		break;
	case 2:
		put(a, call && chance(g, 70) ? 0xe8 : 0xe9), aim(a, to, section, size, false);
		break;
	case 3:
		a->len = 0;
		put(a, 0xb8 | r), aim(a, to, section, natural, true);
		put(a, 0xff), put(a, 0xc0 | (call ? 2 : 4) << 3 | r);
		break;
	case 4:                                                         /* push; ret */
		a->len = 0;
		put(a, 0x68), aim(a, to, section >= 0 && chance(g, 10) ? section : -1, natural, true), put(a, 0xc3);
		break;
	case 5:                                                         /* push cs; call: it may return far */
		a->len = 0;
		put(a, 0x0e), put(a, call ? 0xe8 : 0xe9), aim(a, to, section, natural, false);
		break;
	case 6:
		put(a, 0xe0 + below(g, 4)), aim(a, to, -1, 1, false);
		break;
	default:
		a->len = 0;
		if (!protected_mode(s) && g->section < 2 && s->seg[SEG_CS].base && chance(g, 70)) {
			/* Far, to the last section, by another CS for the same place. */
			int32_t more = (int32_t)below(g, 0x40) - 0x20;
			put(a, chance(g, 50) ? 0x9a : 0xea), aim(a, 0, 2, 2, true), put_n(a, 2, s->seg[SEG_CS].sel + (uint32_t)more);
			a->fix.add = -16 * more;
		} else if (!protected_mode(s) && s->mode != VM86)
			put(a, 0xcd), put(a, IRET_VECTOR);
		else
			put(a, chance(g, 50) ? 0xfa : 0xfb);
		break;
	}
}

static void put_loop(struct gen *g)
{
	static const uint8_t body[][3] = { { 0x01, 0xd0, 2 }, { 0x11, 0xc2, 2 }, { 0x89, 0x07, 2 }, { 0x03, 0x07, 2 }, { 0x47, 0, 1 }, { 0x50, 0x5a, 2 }, { 0x88, 0x24, 2 } };
	unsigned wide = g->s->code32 ? 4 : 2;
	if (g->s->n + 6 >= ATOMS)
		return;
	struct atom *a = new_atom(g);
	put(a, 0xb9), put_n(a, wide, 2 + below(g, 20));
	int head = (int)g->s->n;
	for (unsigned n = 1 + below(g, 3); n--;) {
		const uint8_t *b = body[below(g, 7)];
		a = new_atom(g);
		if (b[0] == 0x88 && g->s->code32)
			b = body[0];
		put(a, b[0]);
		if (b[2] == 2)
			put(a, b[1]);
	}
	a = new_atom(g);
	if (chance(g, 50)) {
		put(a, 0xe2), aim(a, head, -1, 1, false);
	} else {
		put(a, 0x49), put(a, 0x75), aim(a, head, -1, 1, false);
	}
}

/* A constant that is loaded, or a store into it, by way of DS or CS. */
static void put_self(struct gen *g, bool victim)
{
	struct seq *s = g->s;
	struct atom *a = new_atom(g);
	if (victim) {
		put(a, 0xb8 | below(g, 3)), put_n(a, s->code32 ? 4 : 2, (uint32_t)diff_random(&g->r));
		a->victim = true;
		return;
	}
	if (!protected_mode(s))
		put(a, 0x2e);
	put(a, 0xc6), put(a, s->code32 ? 5 : 6);
	aim(a, VICTIM, -1, s->code32 ? 4 : 2, true);
	put(a, below(g, 256));
}

static void fill_section(struct gen *g, unsigned atoms)
{
	struct seq *s = g->s;
	unsigned first = s->n;
	while (s->n < first + atoms && s->n + 8 < ATOMS)
		switch (below(g, 20)) {
		case 0: case 1: case 2: case 3: put_branch(g); break;
		case 4: case 5: case 6: put_stack(g); break;
		case 7: case 8: put_segment(g); break;
		case 9: put_loop(g); break;
		case 10: put_self(g, chance(g, 50)); break;
		case 11: put_self(g, false), put_self(g, false), put_self(g, true); break;
		default: put_row(g); break;
		}
	struct atom *a = new_atom(g);
	if (!g->section)
		put(a, 0xf4);
	else if (chance(g, 8))
		put(a, 0xcb);
	else if (chance(g, 15))
		put(a, 0xc2), put_n(a, 2, below(g, 8));
	else
		put(a, 0xc3);
	for (unsigned n = first; n < s->n; n++)
		if (s->atom[n].has_fix && s->atom[n].fix.to_section < 0 && s->atom[n].fix.atom >= (int)s->n)
			s->atom[n].fix.atom = (int16_t)(s->n - 1);
}

/* Which victims stores hit: the next one most often, as soon it is executed. */
static void choose_victims(struct gen *g)
{
	struct seq *s = g->s;
	for (unsigned n = 0; n < s->n; n++) {
		struct atom *a = &s->atom[n];
		if (!a->has_fix || a->fix.atom != VICTIM)
			continue;
		unsigned from = chance(g, 70) ? n : below(g, s->n), k = 0;
		while (k < s->n && !s->atom[(from + k) % s->n].victim)
			k++;
		a->off = k == s->n;
		a->fix.atom = (int16_t)((from + k) % s->n);
	}
}

void seg_lay_out(struct seq *s)
{
	uint32_t at = 0;
	int first[SECTIONS] = { 0 };
	for (unsigned n = 0; n < s->n; n++) {
		struct atom *a = &s->atom[n];
		if (!n || a->section != s->atom[n - 1].section)
			at = s->section_at[a->section], first[a->section] = (int)n;
		a->at = at;
		at += a->off ? 0 : a->len;
	}
	for (unsigned n = 0; n < s->n; n++) {
		struct atom *a = &s->atom[n];
		const struct fix *f = &a->fix;
		if (!a->has_fix)
			continue;
		uint32_t v = s->atom[f->to_section >= 0 ? first[f->to_section] : f->atom].at;
		if (a->code[0] == 0xc6 || a->code[1] == 0xc6)
			v++;                            /* the constant */
		v += (uint32_t)f->add - (f->absolute ? 0 : a->at + f->at + f->size);
		memcpy(a->code + f->at, &v, f->size);
	}
}

/* ---- segments --------------------------------------------------------------------------------------------------------------------------- */

static uint64_t descriptor(uint32_t base, uint32_t limit, unsigned attr)
{
	if (limit > 0xfffff)
		attr |= ATTR_G, limit >>= 12;
	return (limit & 0xffff) | (uint64_t)(base & 0xffffff) << 16 | (uint64_t)(attr & 0xff) << 40 | (uint64_t)(limit >> 16 & 15) << 48 |
		(uint64_t)(attr >> 12 & 15) << 52 | (uint64_t)(base >> 24) << 56;
}
static struct segreg hidden(uint16_t sel, uint64_t d)
{
	uint32_t limit = (uint32_t)(d & 0xffff) | (uint32_t)(d >> 32 & 0xf0000), attr = (uint32_t)(d >> 40 & 0xf0ff);
	return (struct segreg) { .base = (d >> 16 & 0xffffff) | (d >> 56) << 24, .limit = attr & ATTR_G ? limit << 12 | 0xfff : limit, .sel = sel, .attr = (uint16_t)attr };
}

static uint32_t some_limit(struct gen *g)
{
	switch (below(g, 5)) {
	case 0: return 0x8000 + below(g, 0x8000);
	case 1: return 0x1000 * below(g, 16) + 0xff8 + below(g, 16);
	case 2: return g->s->code32 ? 0xfffff : 0xffff;
	default: return 0xffff;
	}
}

/* GDT: 1 system code, 2 system data, 3 TSS, 4 CS, 5 SS, 6 on data: writable, read-only, expand-down, readable code, not there. */
static void choose_protected(struct gen *g)
{
	struct seq *s = g->s;
	bool flat = s->mode == PROT16_FLAT || s->mode == PROT32_FLAT;
	unsigned dpl = s->user ? ATTR_DPL : 0, big = s->code32 ? ATTR_DB : 0, stack = s->mode == PROT32 || s->mode == PROT32_FLAT ? ATTR_DB : s->mode == PROT32_STACK16 ? 0 : chance(g, 15) ? ATTR_DB : 0;
	uint32_t code = flat ? 0 : 0x10000 + below(g, 0x1000);
	s->gdt[1] = descriptor(0, 0xffffffff, 0x9b | ATTR_DB);
	s->gdt[2] = descriptor(0, 0xffffffff, 0x93 | ATTR_DB);
	s->gdt[3] = descriptor(TSS, 0x67, 0x8b);
	s->gdt[4] = descriptor(code, flat ? 0xffffffff : chance(g, 30) ? some_limit(g) | 0xf000 : 0xffff, 0x9b | big | dpl);
	s->gdt[5] = descriptor(flat ? 0 : 0x20000 + below(g, 0x2000), flat ? 0xffffffff : some_limit(g), 0x93 | stack | dpl);
	for (unsigned n = 6; n < SELECTORS; n++) {
		static const uint8_t kinds[] = { 0x93, 0x93, 0x93, 0x93, 0x91, 0x97, 0x9b, 0x99, 0x13 };
		unsigned kind = kinds[n < 8 ? 0 : below(&*g, sizeof kinds)];
		s->gdt[n] = descriptor(flat && n < 8 ? 0 : n == 6 && chance(g, 30) ? code : 0x20000 + below(g, 0x20000), flat && n < 8 ? 0xffffffff : some_limit(g),
			kind | dpl | (chance(g, 50) ? ATTR_DB : 0));
	}
	unsigned rpl = s->user ? 3 : 0;
	static const uint8_t which[6] = { 6, 4, 5, 7, 8, 9 };
	for (unsigned n = 0; n < 6; n++) {
		unsigned k = n == SEG_DS && !flat ? 6 : which[n];
		s->seg[n] = hidden((uint16_t)(k << 3 | rpl), s->gdt[k]);
	}
}

static void choose_real(struct gen *g)
{
	struct seq *s = g->s;
	for (unsigned n = 0; n < 6; n++) {
		uint16_t sel = (uint16_t)(n == SEG_CS ? (chance(g, 40) ? 0x1000 : 0x1000 + below(g, 0x100)) : 0x2000 + below(g, 0x2000));
		s->seg[n] = (struct segreg) { .base = (uint64_t)sel << 4, .limit = 0xffff, .sel = sel, .attr = s->mode == VM86 ? 0xf3 : 0x93 };
		if (s->mode == LARGE && n != SEG_CS)
			s->seg[n].limit = 0x6ffff;
		if (s->mode == LARGE && chance(g, 10))
			s->seg[n].attr = 0x97;          /* expand-down, left from protected mode */
	}
	if (chance(g, 20))
		s->seg[SEG_DS] = s->seg[SEG_CS];
	if (s->mode == LARGE && chance(g, 40))
		s->seg[SEG_CS].attr = 0x93, s->seg[SEG_CS].limit = 0xffffffff;
	if (s->mode == LARGE && chance(g, 20))                          /* all flat */
		for (unsigned n = 0; n < 6; n++)
			s->seg[n] = (struct segreg) { .limit = 0xffffffff, .attr = 0x93 };
}

/* The system's pages are there; of the others some may not be written, are not there, or are clean. */
static void choose_pages(struct gen *g)
{
	struct seq *s = g->s;
	static const uint8_t kinds[] = { 0x67, 0x67, 0x67, 0x67, 0x67, 0x27, 0x07, 0x65, 0x05, 0x66, 0x63 };
	unsigned odd = chance(g, 50) ? 0 : sizeof kinds;
	s->paged = s->mode >= VM86 && s->mode != LARGE && chance(g, 50);
	s->wp = chance(g, 50);
	for (uint32_t n = 0; n < PAGES; n++)
		s->pages[n] = n << 12 | (n >= 8 && odd ? kinds[below(g, odd)] : 0x67);
}

void seg_generate(struct seq *s, uint64_t number)
{
	memset(s, 0, sizeof *s);
	struct gen made = { .r = { .s = number * UINT64_C(0x9e3779b97f4a7c15) + 1 }, .s = s }, *g = &made;
	s->mode = below(g, MODES);
	s->code32 = s->mode >= PROT32;
	s->user = s->mode == VM86 || (protected_mode(s) && chance(g, 40));
	if (protected_mode(s))
		choose_protected(g);
	else
		choose_real(g);
	choose_pages(g);
	bool flat = !s->seg[SEG_CS].base;
	uint32_t low = flat ? 0x9000 + 0x1000 * below(g, 6) : 0;
	s->section_at[0] = flat ? low + below(g, 0x800) : chance(g, 60) ? below(g, 0x40) : below(g, 0xd000);
	s->section_at[1] = flat ? 0xfe00 + below(g, 0x180) : s->section_at[0] > 0x300 && chance(g, 30) ? below(g, 0x20) : 0xf800 + below(g, 0x7c0);
	s->section_at[2] = s->section_at[0] + 0x900 + below(g, 0x700);
	for (unsigned n = 0; n < 8; n++)
		s->regs[n] = n == RBX || n == RBP || n == RSI || n == RDI ? place(g) | (chance(g, 10) ? diff_random(&g->r) & 0xffff0000 : 0) : (uint32_t)diff_random(&g->r);
	s->regs[RSP] = chance(g, 60) ? 0x4000 + below(g, 0x4000) : chance(g, 50) ? below(g, 8) : 0x1000 * below(g, 8) + below(g, 8);
	if (!(s->seg[SEG_SS].attr & ATTR_DB))
		s->regs[RSP] |= diff_random(&g->r) & 0xffff0000;
	s->flags = 2 | (uint32_t)(diff_random(&g->r) & FL_ARITH) | (chance(g, 50) ? FL_IOPL : 0);
	s->data_seed = diff_random(&g->r);
	for (g->section = 0; g->section < SECTIONS; g->section++)
		fill_section(g, g->section ? 2 + below(g, 8) : 4 + below(g, 30));
	choose_victims(g);
	seg_lay_out(s);
}
