/* test_jit_jump.c - control flow of translated code: returns that match no call, deep recursion, code and mappings that change between a
 * call and its return. */
#include "core/cpu/engine.h"
#include "core/jit/jit.h"
#include "tests/cpu/guest.h"
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static int setup(void **state)
{
	struct guest *g = guest_new(GUEST_LONG64);
	*state = g;
	return engine_set_jit(g->c, 1) ? 0 : -1;
}
static int teardown(void **state) { guest_free(*state); return 0; }

static void halts_with(struct guest *g, uint64_t rip, unsigned reg, uint64_t want)
{
	for (int round = 0; round < 4; round++) {       /* interpreted, translated, linked */
		g->c->regs[RSP] = GUEST_STACK;
		assert_int_equal(guest_run(g, rip), CPUEXIT_HALT);
		assert_int_equal(guest_vector(g), -1);
		assert_int_equal(g->c->regs[reg], want);
	}
}

static void recursion_deeper_than_the_return_stack(void **state)
{
	struct guest *g = *state;
	guest_code(g, GUEST_CODE,
		0xb9, 0x00, 0x75, 0x00, 0x00,                   /* mov ecx, 7500h */
		0x31, 0xc0,                                     /* xor eax, eax */
		0xe8, 0x01, 0x00, 0x00, 0x00,                   /* call f */
		0xf4,
		0xff, 0xc9,                                     /* f: dec ecx */
		0x74, 0x05,                                     /* jz out */
		0xe8, 0xf7, 0xff, 0xff, 0xff,                   /* call f */
		0xff, 0xc0,                                     /* out: inc eax */
		0xc3);
	g->c->regs[RSP] = 0x800000;
	for (int round = 0; round < 4; round++) {
		g->c->regs[RSP] = 0x800000;
		g->c->icount = 0;
		assert_int_equal(guest_run(g, GUEST_CODE), CPUEXIT_HALT);
		assert_int_equal(g->c->regs[RAX], 0x7500);
		assert_int_equal(g->c->icount, 4 + 0x7500 * 5 - 1);
	}
}

/* Frames are skipped, as longjmp does; then a return address is changed; then one is pushed. */
static void returns_that_match_no_call(void **state)
{
	struct guest *g = *state;
	guest_code(g, GUEST_CODE,
		0x31, 0xc0,                                     /* xor eax, eax */
		0xb9, 0x64, 0x00, 0x00, 0x00,                   /* mov ecx, 100 */
		0xe8, 0x19, 0x00, 0x00, 0x00,                   /* l: call a */
		0x83, 0xc0, 0x01,                               /* add eax, 1 */
		0xe8, 0x25, 0x00, 0x00, 0x00,                   /* call d */
		0xf4,                                           /* hlt: d skips it */
		0x83, 0xc0, 0x02,                               /* add eax, 2 */
		0x48, 0x8d, 0x1d, 0x02, 0x00, 0x00, 0x00,       /* lea rbx, [m] */
		0x53,                                           /* push rbx */
		0xc3,                                           /* ret */
		0xff, 0xc9,                                     /* m: dec ecx */
		0x75, 0xe2,                                     /* jnz l */
		0xf4,
		0xe8, 0x01, 0x00, 0x00, 0x00,                   /* a: call b */
		0xf4,
		0xe8, 0x01, 0x00, 0x00, 0x00,                   /* b: call c */
		0xf4,
		0x48, 0x83, 0xc4, 0x10,                         /* c: add rsp, 16 */
		0xc3,                                           /* ret: to behind l */
		0x48, 0xff, 0x04, 0x24,                         /* d: inc qword [rsp] */
		0xc3);
	/* displacements that the comments name */
	g->mem[GUEST_CODE + 8] = 0x26 - 0x0c;
	g->mem[GUEST_CODE + 16] = 0x37 - 0x14;
	halts_with(g, GUEST_CODE, RAX, 300);
}

static void code_behind_the_call_is_overwritten(void **state)
{
	struct guest *g = *state;
	guest_code(g, GUEST_CODE,
		0xb9, 0x0a, 0x00, 0x00, 0x00,                   /* mov ecx, 10 */
		0x31, 0xdb,                                     /* xor ebx, ebx */
		0xe8, 0x0c, 0x00, 0x00, 0x00,                   /* l: call f */
		0xb8, 0x00, 0x00, 0x00, 0x00,                   /* mov eax, 0   (imm at +13) */
		0x01, 0xc3,                                     /* add ebx, eax */
		0xff, 0xc9,                                     /* dec ecx */
		0x75, 0xf0,                                     /* jnz l */
		0xf4,
		0x90, 0x90,
		0xff, 0x05, 0xed, 0xff, 0xff, 0xff,             /* f: inc dword [imm] */
		0xc3);
	g->mem[GUEST_CODE + 8] = 0x1a - 0x0c;
	uint32_t at = 13 - 0x20;
	memcpy(g->mem + GUEST_CODE + 0x1c, &at, 4);
	uint32_t zero = 0;
	for (int round = 0; round < 4; round++) {
		guest_load(g, GUEST_CODE + 13, &zero, 4);
		g->c->regs[RSP] = GUEST_STACK;
		assert_int_equal(guest_run(g, GUEST_CODE), CPUEXIT_HALT);
		assert_int_equal(g->c->regs[RBX], 55);
	}
}

/* f in another page is mapped elsewhere, and so is its caller, while f runs. */
static void mappings_change_between_call_and_return(void **state)
{
	struct guest *g = *state;
	static const uint8_t caller[] = {
		0xe8, 0xfb, 0x0f, 0x00, 0x00,                   /* call page + 1000h */
		0xb8, 0x01, 0x00, 0x00, 0x00,                   /* mov eax, 1 */
		0xf4 };
	static const uint8_t f[] = { 0x0f, 0x22, 0xdb, 0xc3 };          /* mov cr3, rbx; ret */
	static const uint8_t plain[] = { 0x90, 0x90, 0x90, 0xc3 };
	guest_map(g, 0x400000, 0x500000, true, true);
	guest_map(g, 0x401000, 0x501000, true, true);
	guest_load(g, 0x500000, caller, sizeof caller);
	guest_load(g, 0x510000, caller, sizeof caller);
	g->mem[0x510006] = 2;
	guest_load(g, 0x501000, plain, sizeof plain);
	halts_with(g, 0x400000, RAX, 1);
	guest_load(g, 0x501000, f, sizeof f);
	g->c->regs[RBX] = GUEST_TABLES;
	halts_with(g, 0x400000, RAX, 1);
	/* the tables say something new by the time f loads CR3 */
	for (int round = 0; round < 4; round++) {
		guest_map(g, 0x400000, 0x500000, true, true);
		g->c->regs[RSP] = GUEST_STACK;
		guest_run(g, 0x400000);
		assert_int_equal(g->c->regs[RAX], 1);
		guest_map(g, 0x400000, 0x510000, true, true);
		guest_run(g, 0x400000);
		assert_int_equal(g->c->regs[RAX], 2);
	}
}

/* Two pages with code at the same place of the cache by address, and a jump that goes to each in turn. */
static void indirect_jumps_between_pages(void **state)
{
	struct guest *g = *state;
	static const uint8_t target[] = { 0x83, 0xc0, 0x01, 0xc3 };     /* add eax, 1; ret */
	guest_code(g, GUEST_CODE,
		0xb9, 0xe8, 0x03, 0x00, 0x00,                   /* mov ecx, 1000 */
		0x31, 0xc0,                                     /* xor eax, eax */
		0xbe, 0x00, 0x00, 0x40, 0x00,                   /* mov esi, 400000h */
		0xbf, 0x00, 0x00, 0x00, 0x01,                   /* mov edi, 1000000h */
		0xff, 0xd6,                                     /* l: call rsi */
		0x48, 0x87, 0xf7,                               /* xchg rsi, rdi */
		0xe2, 0xf9,                                     /* loop l */
		0xf4);
	guest_load(g, 0x400000, target, sizeof target);
	guest_load(g, 0x1000000, target, sizeof target);
	g->mem[0x1000002] = 2;
	halts_with(g, GUEST_CODE, RAX, 1500);
}

/* The same code in two places, with others in the next page; one is where an immediate does not reach. */
static void calls_out_of_a_page_in_two_places(void **state)
{
	struct guest *g = *state;
	static const uint64_t places[] = { 0x400000, 0x410000, 0x123456780000 };
	static const uint8_t target[] = { 0x83, 0xc0, 0x01, 0xc3 };     /* add eax, 1; ret */
	guest_code(g, 0x500ff0,
		0xb9, 0x64, 0x00, 0x00, 0x00,                   /* mov ecx, 100 */
		0xe8, 0x07, 0x00, 0x00, 0x00,                   /* l: call 1001h */
		0xff, 0xc9,                                     /* dec ecx */
		0x75, 0xf7,                                     /* jnz l */
		0xf4);
	for (unsigned n = 0; n < 3; n++) {
		guest_map(g, places[n], 0x500000, true, true);
		guest_map(g, places[n] + 0x1000, 0x510000 + 0x1000 * n, true, true);
		guest_load(g, 0x510001 + 0x1000 * n, target, sizeof target);
		g->mem[0x510003 + 0x1000 * n] = (uint8_t)(n + 1);
	}
	for (unsigned round = 0; round < 30; round++) {
		unsigned n = round % 7 % 3;
		g->c->regs[RAX] = 0;
		g->c->regs[RSP] = GUEST_STACK;
		assert_int_equal(guest_run(g, places[n] + 0xff0), CPUEXIT_HALT);
		assert_int_equal(guest_vector(g), -1);
		assert_int_equal(g->c->regs[RAX], 100 * (n + 1));
	}
	/* Two of them change places. */
	guest_map(g, places[0] + 0x1000, 0x511000, true, true);
	guest_map(g, places[1] + 0x1000, 0x510000, true, true);
	for (unsigned n = 0; n < 2; n++) {
		g->c->regs[RAX] = 0;
		assert_int_equal(guest_run(g, places[n] + 0xff0), CPUEXIT_HALT);
		assert_int_equal(g->c->regs[RAX], 100 * (2 - n));
	}
}

/* More often than jumps to other pages are linked. */
static void mappings_change_all_the_time(void **state)
{
	struct guest *g = *state;
	guest_map(g, 0x400000, 0x500000, true, true);
	guest_map(g, 0x401000, 0x501000, true, true);
	guest_code(g, 0x500ff0,
		0xe8, 0x0b, 0x00, 0x00, 0x00,                   /* l: call 1000h */
		0xff, 0xc9,                                     /* dec ecx */
		0x75, 0xf7,                                     /* jnz l */
		0xf4);
	guest_code(g, 0x501000, 0x0f, 0x22, 0xdb, 0xff, 0xc0, 0xc3);    /* mov cr3, rbx; inc eax; ret */
	for (unsigned round = 0; round < 2; round++) {
		g->c->regs[RAX] = 0;
		g->c->regs[RBX] = GUEST_TABLES;
		g->c->regs[RCX] = 50000;
		g->c->regs[RSP] = GUEST_STACK;
		assert_int_equal(guest_run(g, 0x400ff0), CPUEXIT_HALT);
		assert_int_equal(g->c->regs[RAX], 50000);
	}
}

/* Flags look dead because of what two jumps lead to; then it becomes something that reads them. */
static void flags_behind_jumps(void **state)
{
	enum { FIRST = 0x400100, SECOND = 0x400280, LAST = 0x400500 };
	struct guest *g = *state;
	static const uint8_t add[] = { 0x01, 0xd8, 0xe9, 0x79, 0x01, 0, 0 };            /* add eax, ebx; jmp SECOND */
	static const uint8_t jump[] = { 0xe9, 0x7b, 0x02, 0, 0 };                       /* jmp LAST */
	static const uint8_t clear[] = { 0x31, 0xd2, 0x90, 0xf4 };                      /* xor edx, edx; nop; hlt */
	static const uint8_t carry[] = { 0x0f, 0x92, 0xc2, 0xf4 };                      /* setc dl; hlt */
	guest_load(g, FIRST, add, sizeof add);
	guest_load(g, SECOND, jump, sizeof jump);
	for (int n = 0; n < 3; n++) {
		for (uint64_t with = 0; with < 2; with++) {
			guest_load(g, LAST, with ? carry : clear, sizeof clear);
			g->c->regs[RAX] = with ? UINT32_MAX : 0;
			g->c->regs[RBX] = 1;
			g->c->regs[RDX] = 7;
			assert_int_equal(guest_run(g, FIRST), CPUEXIT_HALT);
			assert_int_equal(guest_vector(g), -1);
			assert_int_equal(g->c->regs[RDX], with);
		}
	}
}

/* ---- loops that are left when somebody asks ---------------------------------------------------------------------------------------- */

static void *ask_to_stop(void *arg)
{
	struct guest *g = arg;
	while (!*(volatile uint8_t *)(g->mem + GUEST_DATA))
		sched_yield();
	cpu_request(g->c, REQ_STOP);
	return NULL;
}

/* Three jumps in as many pages, each of them forward: the last one over the end of the 32-bit address space. */
static void forward_round_the_address_space(void **state)
{
	enum { DIRECTORY = 0x300000, A = 0x10000, B = 0x55565000, PSE_PAGE = 0x87 /* present, writable, user, 4 MB */ };
	static const uint8_t a[] = { 0xfe, 0x05, 0x00, 0x00, 0x10, 0x00, 0xe9, 0xf5, 0x4f, 0x55, 0x55 };       /* inc byte [GUEST_DATA]; jmp B */
	static const uint8_t b[] = { 0xe9, 0xfb, 0x4f, 0x55, 0x55 };                                            /* jmp B + 55555000h */
	static const uint8_t c[] = { 0xe9, 0xfb, 0x5f, 0x55, 0x55 };                                            /* jmp A */
	struct guest *g = guest_new(GUEST_PROT32);
	uint32_t map[][2] = { { 0, PSE_PAGE }, { B >> 22, 0x400000 | PSE_PAGE }, { 0xaaaba000u >> 22, 0x800000 | PSE_PAGE } };
	pthread_t t;
	assert_true(engine_set_jit(g->c, 1));
	for (unsigned n = 0; n < 3; n++)
		memcpy(g->mem + DIRECTORY + 4 * map[n][0], &map[n][1], 4);
	guest_load(g, A, a, sizeof a);
	guest_load(g, 0x400000 + (B & 0x3fffff), b, sizeof b);
	guest_load(g, 0x800000 + (0xaaaba000u & 0x3fffff), c, sizeof c);
	g->c->cr3 = DIRECTORY;
	g->c->cr4 |= CR4_PSE;
	g->c->cr0 |= CR0_PG;
	mmu_flush(g->c, true);
	cpu_update_mode(g->c);
	pthread_create(&t, NULL, ask_to_stop, g);
	assert_int_equal(guest_run(g, A), CPUEXIT_REQUEST);
	pthread_join(t, NULL);
	assert_int_equal(guest_vector(g), -1);
	guest_free(g);
}

static void put_far_jump(struct guest *g, uint64_t at, unsigned n, uint64_t to)
{
	uint8_t code[16];
	int32_t by = (int32_t)(to - (at + n + 5));
	memset(code, n == 4 ? 0x99 /* cdq: one byte of the host's */ : 0x90 /* none */, n);
	code[n] = 0xe9;
	memcpy(code + n + 1, &by, 4);
	guest_load(g, at, code, n + 5);
}

/* A block of little more than a jump to another page dies, and who finds it by its address gets to its successor, also when what that jump had
 * learnt is dropped then. */
static void jumps_to_other_pages_die(void **state)
{
	enum { A = GUEST_CODE + 0x100, B = GUEST_CODE, LAST = GUEST_CODE + 0x400, FAR = GUEST_CODE + 2 * PAGE_SIZE, OTHER = FAR + PAGE_SIZE };
	struct guest *g = *state;
	jit_set_counting(engine_jit(g->c), false);              /* which would make it long */
	guest_code(g, FAR, 0xb9, 1, 0, 0, 0, 0xf4);             /* mov ecx, 1; hlt */
	guest_code(g, OTHER, 0xb9, 2, 0, 0, 0, 0xf4);
	guest_code(g, B, 0x48, 0xc7, 0xc0, A & 0xff, A >> 8 & 0xff, A >> 16 & 0xff, 0, 0xff, 0xe0);     /* mov rax, A; jmp rax */
	for (unsigned n = 0; n < 5; n++) {
		put_far_jump(g, A, n, FAR);
		halts_with(g, A, RCX, 1);
		halts_with(g, B, RCX, 1);
		guest_code(g, LAST + 64 * n, 0x90, 0xf4);       /* its room is not the last */
		halts_with(g, LAST + 64 * n, RCX, 1);
		put_far_jump(g, A, n, OTHER);
		halts_with(g, B, RCX, 2);
		mmu_flush(g->c, true);
		halts_with(g, B, RCX, 2);
	}
}

/* A function is patched between two runs: what is made of it lies where the code before did. */
static void patched_code_takes_no_more_room(void **state)
{
	enum { F = GUEST_CODE + 0x100, ROUNDS = 200 };
	struct guest *g = *state;
	struct jit_counters early, late;
	guest_code(g, GUEST_CODE,
		0x31, 0xc0,                                     /* xor eax, eax */
		0xff, 0xd1,                                     /* call rcx */
		0xff, 0xd1,                                     /* call rcx */
		0xf4);
	guest_code(g, F,
		0x05, 0x00, 0x00, 0x00, 0x00,                   /* add eax, imm32 */
		0x01, 0x03,                                     /* add [rbx], eax */
		0xc3);
	for (uint32_t k = 0; k < ROUNDS; k++) {
		guest_load(g, F + 1, &k, sizeof k);
		guest_load(g, GUEST_DATA, &(uint32_t) { 0 }, 4);
		g->c->regs[RBX] = GUEST_DATA;
		g->c->regs[RCX] = F;
		g->c->regs[RSP] = GUEST_STACK;
		assert_int_equal(guest_run(g, GUEST_CODE), CPUEXIT_HALT);
		assert_int_equal(g->c->regs[RAX], 2 * k);
		assert_memory_equal(g->mem + GUEST_DATA, &(uint32_t) { 3 * k }, 4);
		if (k == ROUNDS / 2)
			jit_get_counters(engine_jit(g->c), &early);
	}
	jit_get_counters(engine_jit(g->c), &late);
	assert_true(late.killed > early.killed && late.blocks > early.blocks);
	assert_true(late.code_bytes < early.code_bytes + 64);   /* numbers differ in size */
}

/* Where nobody counts, what was not counted is not taken back. */
static void refused_targets_are_not_uncounted(void **state)
{
	struct guest *g = *state;
	guest_code(g, GUEST_CODE,
		0x48, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0x10,          /* mov rax, 1000000000000000h */
		0xff, 0xe0);                                    /* jmp rax */
	jit_set_counting(engine_jit(g->c), false);
	for (int round = 0; round < 10; round++) {
		g->c->regs[RSP] = GUEST_STACK;
		g->c->icount = 0;
		assert_int_equal(guest_run(g, GUEST_CODE), CPUEXIT_HALT);
		assert_int_equal(guest_vector(g), EXC_GP);
		assert_in_range(g->c->icount, 1, 10);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forward_round_the_address_space),
		cmocka_unit_test_setup_teardown(recursion_deeper_than_the_return_stack, setup, teardown),
		cmocka_unit_test_setup_teardown(returns_that_match_no_call, setup, teardown),
		cmocka_unit_test_setup_teardown(code_behind_the_call_is_overwritten, setup, teardown),
		cmocka_unit_test_setup_teardown(mappings_change_between_call_and_return, setup, teardown),
		cmocka_unit_test_setup_teardown(indirect_jumps_between_pages, setup, teardown),
		cmocka_unit_test_setup_teardown(calls_out_of_a_page_in_two_places, setup, teardown),
		cmocka_unit_test_setup_teardown(mappings_change_all_the_time, setup, teardown),
		cmocka_unit_test_setup_teardown(flags_behind_jumps, setup, teardown),
		cmocka_unit_test_setup_teardown(jumps_to_other_pages_die, setup, teardown),
		cmocka_unit_test_setup_teardown(patched_code_takes_no_more_room, setup, teardown),
		cmocka_unit_test_setup_teardown(refused_targets_are_not_uncounted, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
