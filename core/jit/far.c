/* far.c - direct jumps of a kernel to other pages.
 *
 * Code does not know where it is mapped, so what lies in another page is found by address (jump.c).  A kernel's code stays where it is, though:
 * so the first time such a jump is made, its site learns this page's address, the target's, and the target's code, and from then on compares the
 * first and goes there, which is less than half as much as a look into the cache, and needs no data but the page.  What sites have learnt holds as
 * long as what is in the cache of CPL 0; then they ask again.
 *
 *      cmp qword [page], imm32         11 bytes; `jmp ask` as long as the site has nothing to go by
 *      jne look                        6
 *      mov qword [page], imm32         11
 *      jmp target                      5
 *      look, out of line: as jump.c does it
 *      ask, out of line: leave, so that the site is linked */
#include "core/jit/emit.h"

enum { PAGE_OFF = offsetof(struct cpu, jit.page), CMP_SIZE = 11, MOV_IMM = CMP_SIZE + 6 + 7, JMP = CMP_SIZE + 6 + 11, SITE_SIZE = JMP + 5, SPEND_MAX = 1 << 16 };

/* Where jumps go that cannot, or need not any more, be linked. */
static void jump_at(uint8_t *site, const uint8_t *to)
{
	site[0] = 0xe9;
	em_patch(site + 1, to);
}

static void put_cmp(struct em *e, uint32_t page)
{
	em_env(e, (struct enc) { .op = 0x81, .size = 8, .reg = 7 }, PAGE_OFF);
	em32(e, page);
}

/* Flags are in memory or dead. */
bool em_far(struct em *e, int64_t target, bool poll)
{
	if (e->user || !e->code64 || family_off(e, FAM_FAR) || family_off(e, FAM_LINK))
		return false;
	uint8_t *asked = poll ? em_poll(e) : NULL;
	em_room_for_kill(e);
	em_room_behind(e, JMP, JMP_SIZE);
	em_room_behind(e, CMP_SIZE, JCC_SIZE);          /* which leaves room for the other */
	uint8_t *site = e->p;
	put_cmp(e, 0);
	em8(e, 0x0f), em8(e, 0x85), em32(e, 0);
	em_env(e, (struct enc) { .op = 0xc7, .size = 8, .reg = 0 }, PAGE_OFF), em32(e, 0);
	em8(e, 0xe9), em32(e, 0);
	struct jit_exit *x = jit_new_exit(e, EXIT_FAR);
	bool was = e->cold;
	em_part(e, true);
	x->off = (int32_t)target;
	x->patch = site;
	x->look = (int32_t)(e->p - site);
	em_patch(site + CMP_SIZE + 2, e->p);
	if (asked)
		em_patch(asked, e->p);
	em_load_target(e, target, false);
	em_jump(e, poll, true);
	x->ask = (int32_t)(e->p - site);
	em_imm64(e, H_T1, (uintptr_t)x);
	em8(e, 0xe9);
	em_rel32(e, e->j->leave);
	em_part(e, was);
	jump_at(site, site + x->ask);
	return true;
}

static bool fits(uint64_t page) { return page == (uint64_t)(int32_t)page; }

/* x was left by, at the current page, for rip, which b is at. */
void far_link(struct jit *j, struct jit_exit *x, uint64_t rip, const struct block *b)
{
	struct jit_env *v = &j->c->jit;
	uint8_t *site = x->patch;
	uint64_t page = rip & PAGE_MASK;
	if (!fits(v->page) || !fits(page) || j->n_far == FAR_MAX || j->far_spent > SPEND_MAX) {
		jump_at(site, site + x->look);
		return;
	}
	uint32_t there = (uint32_t)page;
	memcpy(site + MOV_IMM, &there, 4);
	em_patch(site + JMP + 1, b->jit->entry);
	struct em e = { .j = j, .c = j->c, .p = site };
	put_cmp(&e, (uint32_t)v->page);
	j->far[j->n_far++] = x;
	jit_note_page(v, rip);
}

/* What they have learnt may not be true any more.  Where that happens all the time, it is not learnt again. */
void far_unlink(struct jit *j)
{
	for (unsigned n = 0; n < j->n_far; n++)
		jump_at(j->far[n]->patch, j->far[n]->patch + j->far[n]->ask);
	j->far_spent += j->n_far;
	j->n_far = 0;
}

void far_forget(struct jit *j, const struct jit_exit *first)
{
	unsigned kept = 0;
	for (unsigned n = 0; n < j->n_far; n++)
		if (j->far[n] < first)
			j->far[kept++] = j->far[n];
	j->n_far = kept;
}
