/* test_jit_segments.c - random sequences of 16-bit code, and of code in segments that are not flat, interpreted and translated from the same start:
 * real mode, also with large segments, virtual-8086 mode, 16- and 32-bit protected mode at CPL 0 and 3.  Segments begin anywhere and end close by,
 * addresses and stacks lie at their ends and wrap, code lies at both ends of its segment, jumps from one to the other, and stores into itself.
 *
 * Settings from the environment: VMUX_SEG_SECONDS (of CPU time), VMUX_SEG_SEED (number of the first sequence; a failure names its own), VMUX_SEG_COUNT. */
#include "core/cpu/engine.h"
#include "core/jit/jit.h"
#include "tests/cpu/diff.h"
#include "tests/cpu/guest.h"
#include <Zydis/Zydis.h>
#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#ifdef VMUX_SANITIZED
enum { SECONDS = 5 };
#else
enum { SECONDS = 6 };
#endif
enum mode { REAL, LARGE /* real mode, limits of 4 GB */, VM86, PROT16, PROT16_FLAT, PROT32, PROT32_STACK16, MODES };
static const char *const mode_names[MODES] = { "real mode", "real mode, large segments", "virtual-8086 mode", "16-bit protected mode", "16-bit protected mode, flat",
	"32-bit protected mode in segments", "32-bit protected mode, 16-bit stack" };

/* Physical and linear: what is restored and compared, tables of the system, and its stack at CPL 0. */
enum { WINDOW = 0x8000, WINDOW_END = 0x60000, FAR_END = 0x200000, TABLES = 0x300000, PAGES = 1024, GDT = 0x1000, TSS = 0x1800, IRET = 0x5000, SYS_STACK = 0x7000, ATOMS = 90, SECTIONS = 3, ATOM_BYTES = 24,
	MAX_INSNS = 30000, RESUMES = 8, VICTIM = -1000, STOPS = 300, SELECTORS = 12, IRET_VECTOR = 0x30, HLT = 0xf4 /* half of all bytes, so that who gets lost soon stops */ };

struct fix { uint8_t at, size; int8_t to_section; int16_t atom; bool absolute; int32_t add; };
struct atom { uint8_t code[ATOM_BYTES], len, section; bool off, victim, has_fix; struct fix fix; uint32_t at /* rip */; };
struct seq {
	enum mode mode;
	bool user, code32, paged, wp;
	unsigned n;
	struct atom atom[ATOMS];
	uint32_t section_at[SECTIONS];
	struct segreg seg[6];
	uint64_t gdt[SELECTORS], regs[8], data_seed;
	uint32_t pages[PAGES];          /* entries of the page table, one to one */
	uint32_t flags;
};
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
static bool protected_mode(const struct seq *s) { return s->mode >= PROT16; }

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

static void lay_out(struct seq *s)
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
	bool flat = s->mode == PROT16_FLAT;
	unsigned dpl = s->user ? ATTR_DPL : 0, big = s->code32 ? ATTR_DB : 0, stack = s->mode == PROT32 ? ATTR_DB : s->mode == PROT32_STACK16 ? 0 : chance(g, 15) ? ATTR_DB : 0;
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

static void generate(struct gen *g, struct seq *s, uint64_t number)
{
	memset(s, 0, sizeof *s);
	*g = (struct gen) { .r = { .s = number * UINT64_C(0x9e3779b97f4a7c15) + 1 }, .s = s };
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
	lay_out(s);
}

/* ---- running ----------------------------------------------------------------------------------------------------------------------------- */

struct side { struct guest *g; };
struct rig {
	struct side side[2];            /* [0] interprets, [1] translates */
	uint8_t image[WINDOW_END], data[WINDOW_END];
	uint64_t data_seed;
	pthread_t thread;
	pthread_mutex_t lock;           /* running */
	struct cpu *running;
	bool noisy;
	_Atomic bool quit;
	uint64_t insns, stops, faults, runaways;
};
struct stop { enum cpu_exit why; bool ran_away, lost /* cannot be compared */; int vector; uint64_t rip, icount, frame[6]; };

static void *make_noise(void *arg)
{
	struct rig *rig = arg;
	struct diff_rng r = { .s = 1 };
	while (!atomic_load(&rig->quit)) {
		struct timespec t = { .tv_nsec = 50000 + diff_below(&r, 300000) };
		nanosleep(&t, NULL);
		pthread_mutex_lock(&rig->lock);
		if (rig->running) {
			unsigned kind = rig->noisy ? diff_below(&r, 4) : 0;
			if (kind == 1)
				engine_flush(rig->running);
			if (kind == 2)
				cpu_request(rig->running, REQ_TLB);
			cpu_request(rig->running, REQ_STOP);
		}
		pthread_mutex_unlock(&rig->lock);
	}
	return NULL;
}
static void set_running(struct rig *rig, struct cpu *c, bool noisy)
{
	pthread_mutex_lock(&rig->lock);
	rig->running = c;
	rig->noisy = noisy;
	pthread_mutex_unlock(&rig->lock);
}

static void set_registers(struct cpu *c, const struct seq *s)
{
	memset(c->regs, 0, 16 * sizeof c->regs[0]);
	memcpy(c->regs, s->regs, sizeof s->regs);
	memcpy(c->seg, s->seg, sizeof s->seg);
	c->cr0 = CR0_ET | CR0_NE | (protected_mode(s) || s->mode == VM86 ? CR0_PE : 0) | (s->paged ? CR0_PG : 0) | (s->wp ? CR0_WP : 0);
	c->cpl = s->user ? 3 : 0;
	cpu_set_eflags(c, s->flags | (s->mode == VM86 ? FL_VM : 0));
	cpu_update_mode(c);
}

static void make_image(struct rig *rig, const struct seq *s)
{
	if (rig->data_seed != s->data_seed) {
		struct diff_rng r = { .s = rig->data_seed = s->data_seed };
		for (unsigned n = 0; n < WINDOW_END; n += 8) {
			uint64_t v = diff_random(&r), which = diff_random(&r);
			for (unsigned k = 0; k < 8; k++)
				rig->data[n + k] = which >> 4 * k & 4 ? HLT : (uint8_t)(v >> 8 * k);
		}
	}
	memcpy(rig->image, rig->data, WINDOW_END);
	uint64_t gates[2] = { 0, 0 };
	for (unsigned v = 0; v < 32; v++) {
		uint32_t to = GUEST_STUBS + v * 16;
		gates[0] = (to & 0xffff) | 8 << 16 | UINT64_C(0x8e00) << 32;
		memcpy(rig->image + GUEST_IDT + v * 8, gates, 8);
		rig->image[to] = 0xf4;
		memcpy(rig->image + v * 4, &(uint32_t) { to }, 4);
	}
	memcpy(rig->image + IRET_VECTOR * 4, &(uint32_t) { IRET }, 4);
	rig->image[IRET] = 0xcf;
	memcpy(rig->image + GDT, s->gdt, sizeof s->gdt);
	memset(rig->image + TSS, 0, 0x68);
	memcpy(rig->image + TSS + 4, &(uint32_t) { SYS_STACK }, 4);
	memcpy(rig->image + TSS + 8, &(uint32_t) { 0x10 }, 4);
	for (unsigned n = 0; n < s->n; n++) {
		const struct atom *a = &s->atom[n];
		for (unsigned k = 0; k < a->len && !a->off; k++)
			rig->image[(s->seg[SEG_CS].base + a->at + k) % WINDOW_END] = a->code[k];
	}
}

static void set_start(struct rig *rig, struct guest *g, const struct seq *s)
{
	struct cpu *c = g->c;
	for (unsigned n = 0; n < WINDOW_END; n += PAGE_SIZE)
		for (unsigned k = n; memcmp(g->mem + n, rig->image + n, PAGE_SIZE) && k < n + PAGE_SIZE; k += 64)
			if (memcmp(g->mem + k, rig->image + k, 64))
				guest_load(g, k, rig->image + k, 64);
	memset(g->mem + TABLES, 0, PAGE_SIZE);
	memcpy(g->mem + TABLES, &(uint32_t) { (TABLES + PAGE_SIZE) | 7 }, 4);
	memcpy(g->mem + TABLES + PAGE_SIZE, s->pages, sizeof s->pages);
	c->cr3 = TABLES;
	c->cr2 = 0;
	c->cr4 = CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_OSXSAVE;
	c->gdtr = (struct dtreg) { GDT, SELECTORS * 8 - 1 };
	c->idtr = (struct dtreg) { protected_mode(s) || s->mode == VM86 ? GUEST_IDT : 0, 0x3ff };
	c->seg[SEG_TR] = (struct segreg) { .base = TSS, .limit = 0x67, .sel = 0x18, .attr = 0x8b };
	c->seg[SEG_LDTR] = (struct segreg) { 0 };
	set_registers(c, s);
	mmu_flush(c, true);
	c->exc_pending = c->shadow = c->nmi_blocked = 0;
	c->cur = NULL;
	c->dr6_pending = 0;
	memset(c->ymm, 0, sizeof c->ymm);
	memset(&c->fpu, 0, sizeof c->fpu);
	c->fpu.cw = 0x37f;
	c->mxcsr = 0x1f80;
	c->fp_live = 0;
	c->icount = 0;
	c->rip = s->section_at[0];
}

static bool has_error(int v) { return v == 8 || (v >= 10 && v <= 14) || v == 17; }

/* The frame of an exception; its arithmetic flags may be dead ones and are taken out of memory. */
static void read_frame(struct side *side, const struct seq *s, struct stop *st)
{
	struct cpu *c = side->g->c;
	bool real = s->mode <= LARGE;
	unsigned size = real ? 2 : 4, first = real ? 0 : has_error(st->vector), n = first + 3;
	uint64_t mask = c->mode & M_SS32 ? 0xffffffff : 0xffff;
	for (unsigned k = 0; k < n; k++)
		for (unsigned b = 0; b < size; b++) {
			uint64_t at = (uint32_t)(c->seg[SEG_SS].base + (((c->regs[RSP] + k * size) & mask) + b));
			if (at >= GUEST_RAM)
				continue;
			if (k == first + 2)
				side->g->mem[at] &= (uint8_t)(~(uint32_t)FL_ARITH >> 8 * b);
			st->frame[k] |= (uint64_t)side->g->mem[at] << 8 * b;
		}
}

/* Stopped in the middle of a repeated string instruction, which may have overwritten itself: then it is another one when it goes on. */
static bool in_string(const struct guest *g)
{
	uint64_t phys;
	for (unsigned n = 0; n < 5; n++)
		if (mmu_translate_debug(g->c, (uint32_t)(g->c->seg[SEG_CS].base + g->c->rip + n), &phys) && phys < GUEST_RAM && (g->mem[phys] & 0xfe) == 0xf2)
			return true;
	return false;
}

static struct stop run_side(struct rig *rig, unsigned k, const struct seq *s)
{
	struct side *side = &rig->side[k];
	struct cpu *c = side->g->c;
	struct stop st = { .vector = -1 };
	atomic_store(&c->run_state, CPU_RUNNING);
	set_running(rig, c, k == 1);
	unsigned stops = 0;
	do {
		st.why = cpu_run(c);
		if (st.why == CPUEXIT_REQUEST)
			cpu_clear(c, REQ_STOP), st.lost |= in_string(side->g) || ++stops == STOPS;
		st.ran_away = c->icount > MAX_INSNS;
	} while (st.why == CPUEXIT_REQUEST && !st.ran_away && !st.lost);
	set_running(rig, NULL, false);
	cpu_clear(c, REQ_STOP | REQ_TLB);
	st.ran_away |= c->icount > MAX_INSNS;
	if (st.ran_away || st.lost)
		return st;
	uint64_t at = c->rip - 1 - GUEST_STUBS;
	if (st.why == CPUEXIT_HALT && !c->seg[SEG_CS].base && at < 32 * 16 && at % 16 == 0)
		st.vector = (int)at / 16;
	st.rip = c->rip;
	st.icount = c->icount;
	if (st.vector >= 0)
		read_frame(side, s, &st);
	return st;
}

static bool equal(const char *what, uint64_t a, uint64_t b, char *why, size_t size)
{
	if (a != b && !*why)
		snprintf(why, size, "%s: interpreted %" PRIx64 ", translated %" PRIx64, what, a, b);
	return a == b;
}

static bool same(struct rig *rig, const struct stop *x, const struct stop *y, char *why, size_t size)
{
	static const char *const names[8] = { "eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi" };
	const struct cpu *a = rig->side[0].g->c, *b = rig->side[1].g->c;
	bool ok = equal("kind of exit", x->why, y->why, why, size) && equal("vector", (uint64_t)x->vector, (uint64_t)y->vector, why, size);
	for (unsigned n = 0; n < 6 && ok; n++)
		ok = equal("exception frame", x->frame[n], y->frame[n], why, size);
	ok = ok && equal("rip", x->rip, y->rip, why, size);
	if (ok && x->why == CPUEXIT_TRIPLE_FAULT)       /* it may have pushed dead flags */
		return true;
	for (unsigned n = 0; n < 8 && ok; n++)
		ok = equal(names[n], a->regs[n], b->regs[n], why, size);
	uint32_t mask = x->vector >= 0 ? ~(uint32_t)FL_ARITH : ~0u;
	ok = ok && equal("flags", cpu_get_eflags(a) & mask, cpu_get_eflags(b) & mask, why, size) && equal("instructions", x->icount, y->icount, why, size);
	for (unsigned n = 0; n < 6 && ok; n++)
		ok = equal("selector", a->seg[n].sel, b->seg[n].sel, why, size) && equal("base", a->seg[n].base, b->seg[n].base, why, size) &&
			equal("limit", a->seg[n].limit, b->seg[n].limit, why, size) && equal("rights", a->seg[n].attr, b->seg[n].attr, why, size);
	ok = ok && equal("x87 top", a->fpu.top, b->fpu.top, why, size) && equal("x87 ip", a->fpu.ip, b->fpu.ip, why, size) &&
		equal("x87 cs", a->fpu.ip_sel, b->fpu.ip_sel, why, size) && equal("x87 dp", a->fpu.dp, b->fpu.dp, why, size) &&
		equal("x87 ds", a->fpu.dp_sel, b->fpu.dp_sel, why, size) && equal("vectors", memcmp(a->ymm, b->ymm, sizeof a->ymm) != 0, 0, why, size);
	ok = ok && equal("cr2", a->cr2, b->cr2, why, size) &&
		equal("page tables", memcmp(rig->side[0].g->mem + TABLES, rig->side[1].g->mem + TABLES, 2 * PAGE_SIZE) != 0, 0, why, size);
	if (ok && memcmp(rig->side[0].g->mem, rig->side[1].g->mem, WINDOW_END)) {
		uint32_t n = 0;
		char name[40];
		while (rig->side[0].g->mem[n] == rig->side[1].g->mem[n])
			n++;
		snprintf(name, sizeof name, "memory at %x", n);
		return equal(name, rig->side[0].g->mem[n], rig->side[1].g->mem[n], why, size);
	}
	return ok;
}

/* Go on behind the atom that faulted. */
static bool resume(struct rig *rig, const struct seq *s, const struct stop *st)
{
	uint64_t rip = st->frame[s->mode > LARGE && has_error(st->vector)], cs = st->frame[1 + (s->mode > LARGE && has_error(st->vector))];
	for (unsigned n = 0; n + 1 < s->n && (uint16_t)cs == s->seg[SEG_CS].sel; n++) {
		const struct atom *a = &s->atom[n];
		if (a->off || rip < a->at || rip >= a->at + a->len || s->atom[n + 1].section != a->section)
			continue;
		for (unsigned k = 0; k < 2; k++) {
			set_registers(rig->side[k].g->c, s);
			rig->side[k].g->c->rip = s->atom[n + 1].at;
		}
		return true;
	}
	return false;
}

/* What lies beyond the window is written to by both in the same way, unless they were stopped on the way. */
static void forget_far(struct rig *rig)
{
	uint8_t hlt[PAGE_SIZE];
	memset(hlt, HLT, sizeof hlt);
	for (unsigned k = 0; k < 2; k++)
		for (unsigned n = WINDOW_END; n < FAR_END; n += PAGE_SIZE)
			if (memcmp(rig->side[k].g->mem + n, hlt, PAGE_SIZE))
				guest_load(rig->side[k].g, n, hlt, PAGE_SIZE);
}

static bool run_once(struct rig *rig, const struct seq *s, char *why, size_t size)
{
	make_image(rig, s);
	for (unsigned k = 0; k < 2; k++)
		set_start(rig, rig->side[k].g, s);
	for (unsigned turn = 0;; turn++) {
		struct stop x = run_side(rig, 0, s), y = run_side(rig, 1, s);
		rig->stops++;
		if (x.ran_away || y.ran_away || x.lost || y.lost) {
			rig->runaways++;
			forget_far(rig);
			return x.lost || y.lost || equal("ran away", x.ran_away, y.ran_away, why, size);
		}
		if (!same(rig, &x, &y, why, size)) {
			forget_far(rig);
			return false;
		}
		rig->insns += x.icount;
		if (x.vector < 0 || turn == RESUMES || !resume(rig, s, &x))
			return true;
		rig->faults++;
	}
}

static bool run_seq(struct rig *rig, const struct seq *s, unsigned hot, char *why, size_t size)
{
	struct cpu *c = rig->side[1].g->c;
	*why = 0;
	bool ok = engine_set_jit(c, hot) && engine_jit(c);
	assert(ok);
	jit_set_exact(engine_jit(c));
	for (unsigned n = 0; n < 3; n++)
		if (!run_once(rig, s, why, size))
			return false;
	return true;
}

/* ---- reports ------------------------------------------------------------------------------------------------------------------------------ */

static void make_small(struct rig *rig, struct seq *s, unsigned hot)
{
	char why[200];
	for (bool changed = true; changed;) {
		changed = false;
		for (unsigned n = 0; n + 1 < s->n; n++) {
			if (s->atom[n].off)
				continue;
			s->atom[n].off = true;
			lay_out(s);
			bool failed = false;
			for (unsigned k = 0; k < 3 && !failed; k++)
				failed = !run_seq(rig, s, hot, why, sizeof why);
			changed |= failed;
			s->atom[n].off = failed;
		}
	}
	lay_out(s);
}

static void print_seq(const struct seq *s)
{
	print_message("%s, CPL %u, flags %x%s%s\n", mode_names[s->mode], s->user ? 3 : 0, s->flags, s->paged ? ", paged" : "", s->wp ? ", CR0.WP" : "");
	for (unsigned n = 0; n < 6; n++)
		print_message("  segment %u: %04x base %" PRIx64 " limit %x rights %x\n", n, s->seg[n].sel, s->seg[n].base, s->seg[n].limit, s->seg[n].attr);
	for (unsigned n = 0; n < 8; n++)
		print_message("  r%u=%" PRIx64, n, s->regs[n]);
	print_message("\n");
	for (unsigned n = 0; n < s->n; n++) {
		const struct atom *a = &s->atom[n];
		for (unsigned k = 0; k < a->len && !a->off;) {
			ZydisDisassembledInstruction d;
			bool ok = ZYAN_SUCCESS(ZydisDisassembleIntel(s->code32 ? ZYDIS_MACHINE_MODE_LEGACY_32 : ZYDIS_MACHINE_MODE_LEGACY_16, a->at + k, a->code + k, a->len - k, &d));
			char bytes[40] = "";
			unsigned len = ok ? d.info.length : 1;
			for (unsigned b = 0; b < len; b++)
				snprintf(bytes + 3 * b, sizeof bytes - 3 * b, "%02x ", a->code[k + b]);
			print_message("  %u %05x  %-36s %s\n", a->section, a->at + k, bytes, ok ? d.text : "?");
			k += len;
		}
	}
}

static uint64_t setting(const char *name, uint64_t otherwise)
{
	const char *v = getenv(name);
	return v ? strtoull(v, NULL, 0) : otherwise;
}

static void sequences_in_segments_do_the_same_translated(void **state)
{
	static struct rig rig;
	static struct seq s;
	struct gen g;
	char why[200];
	unsigned failures = 0;
	uint64_t first = setting("VMUX_SEG_SEED", 1), number = first, count = setting("VMUX_SEG_COUNT", UINT64_MAX);
	clock_t limit = (clock_t)setting("VMUX_SEG_SECONDS", SECONDS) * CLOCKS_PER_SEC, t0 = clock();
	struct jit_counters j;
	uint64_t native = 0, stepped = 0;
	for (unsigned k = 0; k < 2; k++)
		rig.side[k].g = guest_new(GUEST_REAL);
	forget_far(&rig);
	pthread_mutex_init(&rig.lock, NULL);
	assert_false(pthread_create(&rig.thread, NULL, make_noise, &rig));
	for (; number - first < count && failures < 3 && clock() - t0 < limit; number++) {
		unsigned hot = number % 4 ? 1 : 2;
		generate(&g, &s, number);
		if (!run_seq(&rig, &s, hot, why, sizeof why)) {
			failures++;
			print_message("sequence %" PRIu64 " (translated after %u runs): %s\n", number, hot, why);
			make_small(&rig, &s, hot);
			run_seq(&rig, &s, hot, why, sizeof why);
			print_message("made small: %s\n", *why ? why : "equal");
			print_seq(&s);
		}
		jit_get_counters(engine_jit(rig.side[1].g->c), &j);
		native = j.native, stepped = j.stepped;
	}
	atomic_store(&rig.quit, true);
	pthread_join(rig.thread, NULL);
	print_message("%" PRIu64 " sequences in %.1f s: %" PRIu64 " instructions, %" PRIu64 " stops, %" PRIu64 " faults gone on from, %" PRIu64 " ran away; translated %" PRIu64
		" native, %" PRIu64 " by the interpreter; %u differ\n", number - first, (double)(clock() - t0) / CLOCKS_PER_SEC, rig.insns, rig.stops, rig.faults, rig.runaways,
		native, stepped, failures);
	for (unsigned k = 0; k < 2; k++)
		guest_free(rig.side[k].g);
	pthread_mutex_destroy(&rig.lock);
	assert_int_equal(failures, 0);
	assert_true(native > stepped);
}

/* A loop that stores beside its code, which it does natively, and in the same round into it, which must show at once. */
static void stores_into_code_and_beside_it(void **state)
{
	static const uint8_t code[] = {
		0xb9, 0xe8, 0x03,                       /* mov cx, 1000 */
		0x31, 0xdb,                             /* xor bx, bx */
		0x2e, 0x89, 0x1e, 0x00, 0x08,           /* l: mov cs:[800h], bx */
		0x2e, 0x88, 0x0e, 0x10, 0x01,           /* mov cs:[v + 1], cl */
		0xb8, 0x00, 0x02,                       /* v: mov ax, 200h + the byte */
		0x01, 0xc3,                             /* add bx, ax */
		0xe2, 0xef,                             /* loop l */
		0xf4 };
	uint16_t bx = 0;
	for (unsigned n = 1000; n; n--)
		bx = (uint16_t)(bx + 0x200 + (n & 0xff));
	for (unsigned into = 0; into < 2; into++) {
		struct guest *g = guest_new(GUEST_REAL);
		struct jit_counters j;
		assert_true(engine_set_jit(g->c, 1) && engine_jit(g->c));
		uint8_t b[sizeof code];
		memcpy(b, code, sizeof b);
		if (!into)
			b[13] = 0x20, b[14] = 0x08;     /* elsewhere: 820h */
		guest_load(g, 0x20000 + 0x100, b, sizeof b);
		g->c->seg[SEG_CS] = (struct segreg) { .base = 0x20000, .limit = 0xffff, .sel = 0x2000, .attr = 0x93 };
		cpu_update_mode(g->c);
		assert_int_equal(guest_run(g, 0x100), CPUEXIT_HALT);
		assert_int_equal(g->c->regs[RBX], into ? bx : (uint16_t)(1000 * 0x200));
		jit_get_counters(engine_jit(g->c), &j);
		assert_true(into || j.misses < 20);
		guest_free(g);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(stores_into_code_and_beside_it), cmocka_unit_test(sequences_in_segments_do_the_same_translated) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
