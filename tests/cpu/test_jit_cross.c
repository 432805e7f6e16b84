/* test_jit_cross.c - instructions that lie in two pages, translated with the block in front of them: all kinds, split at each byte, beside the
 * interpreter; and a second page that is overwritten, mapped elsewhere or taken away. */
#include "core/jit/jit.h"
#include "tests/cpu/guest.h"
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

enum { PAGES = 0x400000, NEXT = PAGES + 0x1000, FRAMES = 0x500000, SECOND = 0x508000, THIRD = 0x50a000, ALIAS = 0x410000, LOOPS = 20, ROUNDS = 6 };

struct kind { const char *name; uint8_t before[4], n_before, insn[12], len, behind[6], n_behind; };
static const struct kind kinds[] = {
	{ "add rax, imm32", { 0 }, 0, { 0x48, 0x05, 1, 2, 3, 4 }, 6, { 0 }, 0 },
	{ "adc eax, imm32", { 0xf9 }, 1, { 0x15, 9, 0, 0, 0x80 }, 5, { 0 }, 0 },
	{ "mov rax, [rsi+disp32]", { 0 }, 0, { 0x48, 0x8b, 0x86, 8, 1, 0, 0 }, 7, { 0 }, 0 },
	{ "add [rsi+disp32], ecx", { 0 }, 0, { 0x01, 0x8e, 0, 1, 0, 0 }, 6, { 0 }, 0 },
	{ "lock xadd [rsi+disp32], eax", { 0 }, 0, { 0xf0, 0x0f, 0xc1, 0x86, 0, 1, 0, 0 }, 8, { 0 }, 0 },
	{ "mov r9, imm64", { 0 }, 0, { 0x49, 0xb9, 1, 2, 3, 4, 5, 6, 7, 0x88 }, 10, { 0x4c, 0x01, 0xc8 }, 3 },
	{ "imul r9, [rsi+disp32], imm32", { 0 }, 0, { 0x4c, 0x69, 0x8e, 8, 1, 0, 0, 0xff, 0xff, 3, 0 }, 11, { 0x4c, 0x31, 0xc8 }, 3 },
	{ "shl eax, 5", { 0xff, 0xc0 }, 2, { 0xc1, 0xe0, 5 }, 3, { 0 }, 0 },
	{ "jnz", { 0xf6, 0xc1, 1 }, 3, { 0x0f, 0x85, 2, 0, 0, 0 }, 6, { 0xff, 0xc0 }, 2 },
	{ "jmp", { 0 }, 0, { 0xe9, 2, 0, 0, 0 }, 5, { 0xff, 0xc0 }, 2 },
	{ "call", { 0 }, 0, { 0xe8, 0, 0, 0, 0 }, 5, { 0x58 }, 1 },
	{ "push imm32", { 0 }, 0, { 0x68, 1, 2, 3, 4 }, 5, { 0x58 }, 1 },
	{ "ret imm16", { 0x57 }, 1, { 0xc2, 0, 0 }, 3, { 0 }, 0 },
	{ "jmp rdi", { 0 }, 0, { 0x3e, 0xff, 0xe7 }, 3, { 0 }, 0 },
	{ "div dword [rsi+disp32]", { 0x31, 0xd2 }, 2, { 0xf7, 0xb6, 0x10, 1, 0, 0 }, 6, { 0 }, 0 },
	{ "mov cr3, rax", { 0x0f, 0x20, 0xd8 }, 3, { 0x0f, 0x22, 0xd8 }, 3, { 0 }, 0 },
	{ "movups xmm0, [rsi+disp32]", { 0 }, 0, { 0x0f, 0x10, 0x86, 0, 1, 0, 0 }, 7, { 0x0f, 0x7e, 0xc0 }, 3 },
	{ "rep stosb", { 0x31, 0xc9 }, 2, { 0xf3, 0xaa }, 2, { 0x89, 0xe9 }, 2 },
	{ "cpuid", { 0x31, 0xc0, 0x53 }, 3, { 0x0f, 0xa2 }, 2, { 0x5b, 0x89, 0xe9 }, 3 },
	{ "inc dword gs:[disp32]", { 0 }, 0, { 0x65, 0xff, 0x04, 0x25, 0, 2, 0, 0 }, 8, { 0 }, 0 },
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

/* l: inc ebx; BEFORE; the instruction, `left` bytes of it in the first page; BEHIND; pushfq; pop rdx; xor r12, rdx; dec ebp; mov ecx, ebp; jnz l; hlt.
 * Returns where l is. */
static uint64_t load(struct guest *g, const struct kind *k, unsigned left)
{
	static const uint8_t end[] = { 0x9c, 0x5a, 0x49, 0x31, 0xd4, 0xff, 0xcd, 0x89, 0xe9, 0x0f, 0x85 };
	uint8_t code[64], *p = code;
	*p++ = 0xff, *p++ = 0xc3;
	memcpy(p, k->before, k->n_before), p += k->n_before;
	unsigned at = (unsigned)(p - code);
	memcpy(p, k->insn, k->len), p += k->len;
	memcpy(p, k->behind, k->n_behind), p += k->n_behind;
	memcpy(p, end, sizeof end), p += sizeof end;
	int32_t back = (int32_t)(code - p - 4);
	memcpy(p, &back, 4), p += 4;
	*p++ = 0xf4;
	unsigned first = at + left, n = (unsigned)(p - code);
	guest_load(g, FRAMES + 0x1000 - first, code, first);
	guest_load(g, SECOND, code + first, n - first);
	g->c->regs[RDI] = NEXT + k->len - left;
	return NEXT - first;
}

static struct guest *new_guest(unsigned jit)
{
	struct guest *g = guest_new(GUEST_LONG64);
	guest_map(g, PAGES, FRAMES, true, true);
	guest_map(g, NEXT, SECOND, true, true);
	guest_map(g, ALIAS, SECOND, true, true);
	assert_true(engine_set_jit(g->c, jit ? 3 : 0));         /* not before the second page has been seen */
	return g;
}

struct outcome { uint64_t regs[16], icount, data[3]; int vector; };
static void run(struct guest *g, uint64_t rip, struct outcome *out)
{
	uint64_t rdi = g->c->regs[RDI];
	memset(g->mem + GUEST_DATA, 0x11, 0x400);
	memset(g->c->regs, 0, 16 * sizeof g->c->regs[0]);
	g->c->regs[RSI] = GUEST_DATA;
	g->c->regs[RSP] = GUEST_STACK;
	g->c->regs[RBP] = g->c->regs[RCX] = LOOPS;
	g->c->regs[RDI] = rdi;
	g->c->seg[SEG_GS].base = GUEST_DATA;
	g->c->icount = 0;
	assert_int_equal(guest_run(g, rip), CPUEXIT_HALT);
	*out = (struct outcome) { .icount = g->c->icount, .vector = guest_vector(g) };
	memcpy(out->regs, g->c->regs, sizeof out->regs);
	memcpy(&out->data[0], g->mem + GUEST_DATA + 0x100, 16);
	memcpy(&out->data[2], g->mem + GUEST_DATA + 0x200, 8);
}

static void all_kinds_at_all_bytes(void **state)
{
	struct guest *g[2] = { new_guest(0), new_guest(1) };
	struct outcome want, got;
	for (unsigned k = 0; k < KINDS; k++)
		for (unsigned left = 1; left < kinds[k].len; left++) {
			load(g[0], &kinds[k], left);
			uint64_t rip = load(g[1], &kinds[k], left);
			run(g[0], rip, &want);
			assert_int_equal(want.vector, -1);
			assert_int_equal(want.regs[RBX], LOOPS);
			for (int round = 0; round < ROUNDS; round++) {
				g[1]->c->regs[RDI] = NEXT + kinds[k].len - left;
				run(g[1], rip, &got);
				if (memcmp(&got, &want, sizeof want))
					print_message("%s, %u bytes in the first page, round %d\n", kinds[k].name, left, round);
				assert_memory_equal(&got, &want, sizeof want);
			}
		}
	guest_free(g[0]);
	guest_free(g[1]);
}

/* mov eax, imm32 with three bytes in the first page. */
static const struct kind mov = { "mov eax, imm32", { 0 }, 0, { 0xb8, 0x78, 0x56, 0x34, 0x12 }, 5, { 0x01, 0xc7 }, 2 };

static void sums_to(struct guest *g, uint64_t rip, uint32_t each)
{
	struct outcome out;
	for (int round = 0; round < ROUNDS; round++) {
		g->c->regs[RDI] = 0;
		run(g, rip, &out);
		assert_int_equal(out.vector, -1);
		assert_int_equal(out.regs[RDI], (uint32_t)(each * LOOPS));
	}
}

static void the_second_page_changes(void **state)
{
	struct guest *g = new_guest(1);
	uint8_t copy[64];
	struct jit_counters before, after;
	uint64_t rip = load(g, &mov, 3);
	sums_to(g, rip, 0x12345678);
	jit_get_counters(engine_jit(g->c), &before);
	sums_to(g, rip, 0x12345678);
	jit_get_counters(engine_jit(g->c), &after);
	assert_in_range(after.out[JIT_OUT_LINK] - before.out[JIT_OUT_LINK], 0, LOOPS);          /* it is translated */
	/* Nobody is told; each byte is looked at each time. */
	g->mem[SECOND + 1] = 0x99;
	sums_to(g, rip, 0x99345678);
	g->mem[SECOND + 1] = 0x12;
	sums_to(g, rip, 0x12345678);
	g->mem[SECOND] = 0x77;
	sums_to(g, rip, 0x12775678);
	static const uint8_t high[] = { 0xaa, 0xbb };
	guest_load(g, SECOND, high, 2);
	sums_to(g, rip, 0xbbaa5678);
	memcpy(copy, g->mem + SECOND, sizeof copy);
	copy[1] = 0xcc;
	guest_load(g, THIRD, copy, sizeof copy);
	guest_map(g, NEXT, THIRD, true, true);
	sums_to(g, rip, 0xccaa5678);
	guest_map(g, NEXT, SECOND, true, true);
	sums_to(g, rip, 0xbbaa5678);
	/* The first page has the opcode. */
	static const uint8_t to_ecx = 0xb9;
	guest_load(g, FRAMES + 0xffd, &to_ecx, 1);
	sums_to(g, rip, 0);
	guest_free(g);
}

/* mov [r13], cl directly before it: what it stores is what is executed. */
static void the_second_page_is_written_right_before(void **state)
{
	struct guest *g = new_guest(1);
	struct kind k = mov;
	static const uint8_t store[] = { 0x41, 0x88, 0x4d, 0x00 };
	memcpy(k.before, store, k.n_before = sizeof store);
	uint64_t rip = load(g, &k, 3);
	for (int round = 0; round < ROUNDS; round++) {
		uint32_t want = 0;
		for (uint32_t n = LOOPS; n; n--)
			want += 0x12005678 | n << 16;
		memset(g->c->regs, 0, 16 * sizeof g->c->regs[0]);
		g->c->regs[RSP] = GUEST_STACK;
		g->c->regs[RBP] = g->c->regs[RCX] = LOOPS;
		g->c->regs[R13] = ALIAS;
		assert_int_equal(guest_run(g, rip), CPUEXIT_HALT);
		assert_int_equal(guest_vector(g), -1);
		assert_int_equal((uint32_t)g->c->regs[RDI], want);
	}
	guest_free(g);
}

static uint64_t pushed(const struct guest *g, unsigned n)
{
	uint64_t v;
	memcpy(&v, g->mem + g->c->regs[RSP] + 8 * n, 8);
	return v;
}

static void the_second_page_is_taken_away(void **state)
{
	struct guest *g = new_guest(1);
	struct outcome out;
	uint64_t rip = load(g, &mov, 3);
	sums_to(g, rip, 0x12345678);
	guest_map(g, NEXT, SECOND, false, true);
	run(g, rip, &out);
	assert_int_equal(out.vector, EXC_PF);
	assert_int_equal(g->c->cr2, NEXT);
	assert_int_equal(pushed(g, 1), NEXT - 3);
	assert_int_equal(out.icount, 1 + 1);                    /* and the HLT of the stub */
	guest_map(g, NEXT, SECOND, true, true);
	sums_to(g, rip, 0x12345678);
	guest_free(g);
}

/* RSP is what the pushes in front have made of it. */
static void it_is_taken_away_behind_pushes(void **state)
{
	static const struct kind k = { "push r15", { 0x51, 0x50 }, 2, { 0x41, 0x57 }, 2, { 0x41, 0x5f, 0x58, 0x59 }, 4 };
	struct guest *g = new_guest(1);
	struct outcome out;
	uint64_t rip = load(g, &k, 1);
	for (int round = 0; round < ROUNDS; round++)
		run(g, rip, &out);
	assert_int_equal(out.vector, -1);
	guest_map(g, NEXT, SECOND, false, true);
	run(g, rip, &out);
	assert_int_equal(out.vector, EXC_PF);
	assert_int_equal(pushed(g, 1), NEXT - 1);
	assert_int_equal(pushed(g, 4), GUEST_STACK - 16);
	guest_free(g);
}

/* The block in front is translated while the second page has never been there: nothing is known of the bytes that lie in it. */
static void the_second_page_was_never_there(void **state)
{
	struct guest *g = new_guest(1);
	struct outcome out;
	static const uint8_t code[] = { 0xff, 0xc3, 0xff, 0xcd, 0x75, 0xfa, 0xb8, 0x78, 0x56 };        /* l: inc ebx; dec ebp; jnz l; mov eax, */
	guest_map(g, NEXT, SECOND, false, true);
	guest_load(g, FRAMES + 0x1000 - sizeof code, code, sizeof code);
	for (int round = 0; round < ROUNDS; round++) {
		run(g, NEXT - sizeof code, &out);
		assert_int_equal(out.vector, EXC_PF);
		assert_int_equal(g->c->cr2, NEXT);
		assert_int_equal(pushed(g, 1), NEXT - 3);
		assert_int_equal(out.regs[RBX], LOOPS);
	}
	guest_free(g);
}

static void its_operand_faults(void **state)
{
	struct guest *g = new_guest(1);
	struct outcome out;
	guest_map(g, 0x420000, FRAMES, false, true);
	uint64_t rip = load(g, &kinds[2], 4);
	for (int round = 0; round < ROUNDS; round++)
		run(g, rip, &out);
	guest_map(g, GUEST_DATA, GUEST_DATA, false, true);
	g->c->regs[RSP] = GUEST_STACK;
	g->c->regs[RBP] = LOOPS;
	g->c->regs[RSI] = 0x420000;
	g->c->icount = 0;
	assert_int_equal(guest_run(g, rip), CPUEXIT_HALT);
	assert_int_equal(guest_vector(g), EXC_PF);
	assert_int_equal(g->c->cr2, 0x420108);
	assert_int_equal(pushed(g, 1), NEXT - 4);
	assert_int_equal(g->c->icount, 1 + 1);
	guest_free(g);
}

int main(void)
{
#define T(f) cmocka_unit_test(f)
	const struct CMUnitTest tests[] = {
		T(all_kinds_at_all_bytes), T(the_second_page_changes), T(the_second_page_is_written_right_before), T(the_second_page_is_taken_away), T(it_is_taken_away_behind_pushes),
		T(the_second_page_was_never_there), T(its_operand_faults),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
