/* test_int_engine.c - blocks, links and the run loop: self-modifying code, page crossing, faults, repeats, single steps, requests. */
#include "core/cpu/mem.h"
#include "tests/cpu/guest.h"
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static int setup(void **state) { *state = guest_new(GUEST_LONG64); return 0; }
static int setup_real(void **state) { *state = guest_new(GUEST_REAL); return 0; }
static int teardown(void **state) { guest_free(*state); return 0; }

static uint64_t stack_at(struct guest *g, unsigned n)
{
	uint64_t v;
	memcpy(&v, g->mem + g->c->regs[RSP] + n * 8, 8);
	return v;
}

/* ---- self-modifying code ------------------------------------------------------------------------------------------------------ */

static void store_into_the_running_block(void **state)
{
	struct guest *g = *state;
	for (int round = 0; round < 3; round++) {
		guest_code(g, GUEST_CODE,
			0xc6, 0x05, 0x01, 0x00, 0x00, 0x00, 0x22,       /* mov byte [rip+1], 22h */
			0xb0, 0x11,                                     /* mov al, 11h */
			0xf4);
		g->c->icount = 0;
		assert_int_equal(guest_run(g, GUEST_CODE), CPUEXIT_HALT);
		assert_int_equal(g->c->regs[RAX] & 0xff, 0x22);
		assert_int_equal(g->c->icount, 3);
	}
}

static void code_that_changes_every_time_round(void **state)
{
	struct guest *g = *state;
	guest_code(g, GUEST_CODE,
		0xb9, 0xe8, 0x03, 0x00, 0x00,                   /* mov ecx, 1000 */
		0x31, 0xdb,                                     /* xor ebx, ebx */
		0xb8, 0x00, 0x00, 0x00, 0x00,                   /* l: mov eax, 0        (imm at +8) */
		0x01, 0xc3,                                     /* add ebx, eax */
		0xff, 0x05, 0xf4, 0xff, 0xff, 0xff,             /* inc dword [rip-12]   (the imm) */
		0xff, 0xc9,                                     /* dec ecx */
		0x75, 0xef,                                     /* jnz l */
		0xf4);
	g->c->icount = 0;
	assert_int_equal(guest_run(g, GUEST_CODE), CPUEXIT_HALT);
	assert_int_equal(guest_vector(g), -1);
	assert_int_equal(g->c->regs[RBX], 999 * 1000 / 2);
	assert_int_equal(g->c->icount, 2 + 1000 * 5 + 1);
}

static void indirect_call_of_code_that_changes(void **state)
{
	struct guest *g = *state;
	guest_code(g, GUEST_CODE,
		0xb9, 0xe8, 0x03, 0x00, 0x00,                   /* mov ecx, 1000 */
		0x31, 0xdb,                                     /* xor ebx, ebx */
		0x48, 0x8d, 0x35, 0x0c, 0x00, 0x00, 0x00,       /* lea rsi, [f] */
		0xff, 0xd6,                                     /* l: call rsi */
		0x01, 0xc3,                                     /* add ebx, eax */
		0xff, 0x46, 0x01,                               /* inc dword [rsi+1]   (the imm of f) */
		0xff, 0xc9,                                     /* dec ecx */
		0x75, 0xf5,                                     /* jnz l */
		0xf4,
		0xb8, 0x00, 0x00, 0x00, 0x00, 0xc3);            /* f: mov eax, 0; ret */
	g->c->icount = 0;
	assert_int_equal(guest_run(g, GUEST_CODE), CPUEXIT_HALT);
	assert_int_equal(g->c->regs[RBX], 999 * 1000 / 2);
	assert_int_equal(g->c->icount, 3 + 1000 * 7 + 1);
}

static void data_beside_code_stays_writable(void **state)
{
	struct guest *g = *state;
	guest_code(g, GUEST_CODE,
		0xb9, 0x64, 0x00, 0x00, 0x00,                   /* mov ecx, 100 */
		0xff, 0x05, 0x00, 0x01, 0x00, 0x00,             /* l: inc dword [rip+100h] */
		0xe2, 0xf8,                                     /* loop l */
		0xf4);
	assert_int_equal(guest_run(g, GUEST_CODE), CPUEXIT_HALT);
	assert_int_equal(g->mem[GUEST_CODE + 11 + 0x100], 100);
}

/* A page is written some thousand times while it is no code, gets its write tag back, and is code again. */
static void code_that_becomes_data_and_code_again(void **state)
{
	struct guest *g = *state;
	const struct tlb_entry *t = tlb_slot(g->c, GUEST_DATA);
	guest_code(g, GUEST_CODE,
		0xbf, 0x00, 0x00, 0x10, 0x00,                   /* mov edi, GUEST_DATA */
		0x89, 0x77, 0x01,                               /* l: mov [rdi+1], esi */
		0x83, 0xc6, 0x01,                               /* add esi, 1 */
		0xff, 0xc9,                                     /* dec ecx */
		0x75, 0xf6,                                     /* jnz l */
		0xc6, 0x47, 0x05, 0xf4,                         /* mov byte [rdi+5], hlt */
		0xc6, 0x07, 0xb8,                               /* mov byte [rdi], mov eax, imm32 */
		0xff, 0xe7);                                    /* jmp rdi */
	for (unsigned n = 1; n < 2000; n += n < 20 || (n > 240 && n < 270) ? 1 : 97) {
		g->c->regs[RCX] = n;
		g->c->regs[RSI] = n << 8;
		assert_int_equal(guest_run(g, GUEST_CODE), CPUEXIT_HALT);
		assert_int_equal(g->c->regs[RAX], (n << 8) + n - 1);
		assert_false(tlb_tag_set(t->tag_w));
	}
	guest_code(g, GUEST_CODE + 22, 0xf4, 0xf4);             /* not to be run any more */
	g->c->regs[RCX] = 2000;
	assert_int_equal(guest_run(g, GUEST_CODE), CPUEXIT_HALT);
	assert_true(tlb_tag_set(t->tag_w));
}

/* ---- pages --------------------------------------------------------------------------------------------------------------------------- */

static void instruction_across_pages(void **state)
{
	struct guest *g = *state;
	static const uint8_t mov[] = { 0xb8, 0x78, 0x56, 0x34, 0x12, 0xf4 };    /* mov eax, 12345678h; hlt */
	static const uint8_t other[] = { 0xbb, 0xaa, 0xf4 };
	guest_map(g, 0x400000, 0x500000, true, true);
	guest_map(g, 0x401000, 0x503000, true, true);           /* not contiguous in memory */
	guest_load(g, 0x500ffd, mov, 3);
	guest_load(g, 0x503000, mov + 3, 3);
	guest_run(g, 0x400ffd);
	assert_int_equal(g->c->regs[RAX], 0x12345678);
	guest_load(g, 0x503000, other, 3);
	guest_run(g, 0x400ffd);
	assert_int_equal(g->c->regs[RAX], 0xaabb5678);
	guest_load(g, 0x504000, mov + 3, 3);
	guest_map(g, 0x401000, 0x504000, true, true);
	guest_run(g, 0x400ffd);
	assert_int_equal(g->c->regs[RAX], 0x12345678);
}

static void fetch_fault_names_the_second_page(void **state)
{
	struct guest *g = *state;
	guest_map(g, 0x400000, 0x500000, true, true);
	guest_map(g, 0x401000, 0x501000, false, true);
	guest_code(g, 0x500ff9, 0x90, 0x90, 0x90, 0x90, 0xb8, 0x78, 0x56);
	g->c->icount = 0;
	guest_run(g, 0x400ff9);
	assert_int_equal(guest_vector(g), EXC_PF);
	assert_int_equal(g->c->cr2, 0x401000);
	assert_int_equal(stack_at(g, 1), 0x400ffd);             /* rip of the instruction, not of the page */
	assert_int_equal(g->c->icount, 4 + 1);                  /* and the HLT of the stub */
}

static void jump_to_a_page_that_is_mapped_elsewhere_now(void **state)
{
	struct guest *g = *state;
	guest_map(g, 0x400000, 0x500000, true, true);
	guest_map(g, 0x401000, 0x501000, true, true);
	guest_code(g, 0x500000, 0xb9, 0x05, 0x00, 0x00, 0x00, 0xe9, 0xf6, 0x0f, 0x00, 0x00);   /* mov ecx, 5; jmp 401000 */
	guest_code(g, 0x501000, 0xb8, 0x01, 0x00, 0x00, 0x00, 0xe2, 0xf9, 0xf4);                /* mov eax, 1; loop $-5; hlt */
	guest_code(g, 0x502000, 0xb8, 0x02, 0x00, 0x00, 0x00, 0xe2, 0xf9, 0xf4);
	for (int round = 0; round < 3; round++) {
		guest_map(g, 0x401000, 0x501000, true, true);
		guest_run(g, 0x400000);
		assert_int_equal(g->c->regs[RAX], 1);
		guest_map(g, 0x401000, 0x502000, true, true);
		guest_run(g, 0x400000);
		assert_int_equal(g->c->regs[RAX], 2);
	}
}

static void indirect_jump_to_a_page_that_is_mapped_elsewhere_now(void **state)
{
	struct guest *g = *state;
	guest_map(g, 0x400000, 0x500000, true, true);
	guest_code(g, 0x500000, 0xb9, 0x05, 0x00, 0x00, 0x00, 0xbe, 0x00, 0x10, 0x40, 0x00, 0xff, 0xe6);        /* mov ecx, 5; mov esi, 401000h; jmp rsi */
	guest_code(g, 0x501000, 0xb8, 0x01, 0x00, 0x00, 0x00, 0xff, 0xc9, 0x74, 0x02, 0xff, 0xe6, 0xf4);        /* mov eax, 1; dec ecx; jz $+4; jmp rsi; hlt */
	guest_code(g, 0x502000, 0xb8, 0x02, 0x00, 0x00, 0x00, 0xff, 0xc9, 0x74, 0x02, 0xff, 0xe6, 0xf4);
	for (int round = 0; round < 6; round++) {
		guest_map(g, 0x401000, round & 1 ? 0x502000 : 0x501000, true, true);
		guest_run(g, 0x400000);
		assert_int_equal(g->c->regs[RAX], round & 1 ? 2 : 1);
	}
}

static void one_page_at_two_addresses(void **state)
{
	struct guest *g = *state;
	guest_map(g, 0x400000, 0x500000, true, true);
	guest_map(g, 0x600000, 0x500000, true, true);
	guest_code(g, 0x500000, 0x48, 0x8d, 0x05, 0x00, 0x00, 0x00, 0x00, 0xe9, 0x00, 0x00, 0x00, 0x00, 0x48, 0x8d, 0x1d, 0, 0, 0, 0, 0xf4);
	guest_run(g, 0x400000);                                 /* lea rax, [rip]; jmp $+5; lea rbx, [rip]; hlt */
	assert_int_equal(g->c->regs[RAX], 0x400007);
	assert_int_equal(g->c->regs[RBX], 0x400013);
	guest_run(g, 0x600000);
	assert_int_equal(g->c->regs[RAX], 0x600007);
	assert_int_equal(g->c->regs[RBX], 0x600013);
}

/* ---- faults -------------------------------------------------------------------------------------------------------------------------- */

static void fault_in_mid_block_is_precise(void **state)
{
	struct guest *g = *state;
	guest_code(g, GUEST_CODE, 0x31, 0xc0, 0x31, 0xd2, 0x31, 0xc9, 0xf7, 0xf1, 0x90, 0xf4);     /* xor eax/edx/ecx; div ecx; nop; hlt */
	g->c->icount = 0;
	guest_run(g, GUEST_CODE);
	assert_int_equal(guest_vector(g), EXC_DE);
	assert_int_equal(stack_at(g, 0), GUEST_CODE + 6);
	assert_int_equal(g->c->icount, 3 + 1);
}

static void expect_vector(struct guest *g, const uint8_t *code, size_t len, int vector)
{
	guest_load(g, GUEST_CODE, code, len);
	g->c->regs[RSP] = GUEST_STACK;
	guest_run(g, GUEST_CODE);
	assert_int_equal(guest_vector(g), vector);
	assert_int_equal(stack_at(g, vector == EXC_GP), GUEST_CODE);
}
#define EXPECT(g, vector, ...) do { static const uint8_t c_[] = { __VA_ARGS__ }; expect_vector(g, c_, sizeof c_, vector); } while (0)
static void illegal_encodings(void **state)
{
	struct guest *g = *state;
	EXPECT(g, EXC_UD, 0x0f, 0x0b);                          /* ud2 */
	EXPECT(g, EXC_UD, 0xf0, 0x90);                          /* lock nop */
	EXPECT(g, EXC_UD, 0xf0, 0x01, 0xc0);                    /* lock add eax, eax */
	EXPECT(g, EXC_UD, 0xf0, 0x03, 0x00);                    /* lock add eax, [rax] */
	EXPECT(g, EXC_UD, 0x06);                                /* push es in 64-bit code */
	EXPECT(g, EXC_UD, 0x8d, 0xc0);                          /* lea eax, eax */
	EXPECT(g, EXC_UD, 0x66, 0xc4, 0xe2, 0x78, 0xf2, 0xc0);  /* 66 before VEX */
	EXPECT(g, EXC_GP, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x90);
}

static void runs_off_the_end_of_a_real_mode_segment(void **state)
{
	struct guest *g = *state;
	memset(g->mem + 0xfff0, 0x90, 16);
	guest_run(g, 0xfff0);
	assert_int_equal(guest_vector(g), EXC_GP);
}

static void real_mode_code_runs(void **state)
{
	struct guest *g = *state;
	guest_code(g, 0x7c00,
		0x31, 0xc0, 0x8e, 0xd8, 0x8e, 0xc0,             /* xor ax, ax; mov ds, ax; mov es, ax */
		0xb9, 0x10, 0x00, 0xbe, 0x00, 0x80, 0xbf, 0x00, 0x90,   /* mov cx, 16; mov si, 8000h; mov di, 9000h */
		0xfc, 0xf3, 0xa4,                               /* cld; rep movsb */
		0xe8, 0x01, 0x00,                               /* call f */
		0xf4,
		0x40, 0xc3);                                    /* f: inc ax; ret */
	for (int n = 0; n < 16; n++)
		g->mem[0x8000 + n] = (uint8_t)(n + 1);
	assert_int_equal(guest_run(g, 0x7c00), CPUEXIT_HALT);
	assert_memory_equal(g->mem + 0x8000, g->mem + 0x9000, 16);
	assert_int_equal(g->c->regs[RAX] & 0xffff, 1);
	assert_int_equal(g->c->rip, 0x7c16);
}

/* ---- repeats ----------------------------------------------------------------------------------------------------------------------- */

static void repeat_faults_half_way(void **state)
{
	struct guest *g = *state;
	struct cpu *c = g->c;
	guest_map(g, 0x401000, 0x501000, true, true);
	guest_map(g, 0x402000, 0x502000, false, true);
	guest_code(g, GUEST_CODE, 0xf3, 0xa4, 0xf4);            /* rep movsb; hlt */
	c->regs[RSI] = GUEST_DATA;
	c->regs[RDI] = 0x401f00;
	c->regs[RCX] = 0x1000;
	memset(g->mem + GUEST_DATA, 0xa5, 0x1000);
	guest_run(g, GUEST_CODE);
	assert_int_equal(guest_vector(g), EXC_PF);
	assert_int_equal(c->cr2, 0x402000);
	assert_int_equal(c->regs[RDI], 0x402000);
	assert_int_equal(c->regs[RSI], GUEST_DATA + 0x100);
	assert_int_equal(c->regs[RCX], 0xf00);
	assert_int_equal(stack_at(g, 1), GUEST_CODE);
	guest_map(g, 0x402000, 0x502000, true, true);
	guest_run(g, GUEST_CODE);
	assert_int_equal(c->regs[RCX], 0);
	assert_int_equal(g->mem[0x502eff], 0xa5);
	assert_int_equal(g->mem[0x502f00], 0);
}

static void repeat_overlapping_copies_the_pattern(void **state)
{
	struct guest *g = *state;
	guest_code(g, GUEST_CODE, 0xf3, 0xa4, 0xf4);
	memcpy(g->mem + GUEST_DATA, "abc", 3);
	g->c->regs[RSI] = GUEST_DATA;
	g->c->regs[RDI] = GUEST_DATA + 3;
	g->c->regs[RCX] = 9000;
	guest_run(g, GUEST_CODE);
	for (unsigned n = 0; n < 9003; n++)
		assert_int_equal(g->mem[GUEST_DATA + n], "abc"[n % 3]);
}

static void repeat_backwards(void **state)
{
	struct guest *g = *state;
	guest_code(g, GUEST_CODE, 0xfd, 0xf3, 0x48, 0xa5, 0xfc, 0xf4);  /* std; rep movsq; cld; hlt */
	for (unsigned n = 0; n < 1024; n++)
		((uint64_t *)(g->mem + GUEST_DATA))[n] = n;
	g->c->regs[RSI] = GUEST_DATA + 1023 * 8;
	g->c->regs[RDI] = GUEST_DATA + 1024 * 8;
	g->c->regs[RCX] = 1024;
	guest_run(g, GUEST_CODE);
	for (unsigned n = 0; n < 1024; n++)
		assert_int_equal(((uint64_t *)(g->mem + GUEST_DATA))[n + 1], n);
}

static void compare_and_scan_stop_in_time(void **state)
{
	struct guest *g = *state;
	struct cpu *c = g->c;
	guest_code(g, GUEST_CODE, 0xf2, 0xae, 0xf4);            /* repne scasb */
	memset(g->mem + GUEST_DATA, 'x', 10000);
	g->mem[GUEST_DATA + 7000] = 0;
	c->regs[RAX] = 0;
	c->regs[RDI] = GUEST_DATA;
	c->regs[RCX] = 20000;
	guest_run(g, GUEST_CODE);
	assert_int_equal(c->regs[RDI], GUEST_DATA + 7001);
	assert_int_equal(c->regs[RCX], 20000 - 7001);
	assert_true(cpu_get_eflags(c) & FL_ZF);
	guest_code(g, GUEST_CODE, 0xf3, 0xa6, 0xf4);            /* repe cmpsb */
	memcpy(g->mem + GUEST_DATA + 0x10000, g->mem + GUEST_DATA, 10000);
	g->mem[GUEST_DATA + 0x10000 + 5000] = 'a';
	c->regs[RSI] = GUEST_DATA;
	c->regs[RDI] = GUEST_DATA + 0x10000;
	c->regs[RCX] = 10000;
	guest_run(g, GUEST_CODE);
	assert_int_equal(c->regs[RCX], 10000 - 5001);
	assert_false(cpu_get_eflags(c) & (FL_ZF | FL_CF));
}

/* ---- single steps -------------------------------------------------------------------------------------------------------------------- */

static void trap_flag_steps(void **state)
{
	struct guest *g = *state;
	struct cpu *c = g->c;
	guest_code(g, GUEST_CODE, 0x90, 0xf3, 0xa4, 0x90, 0xf4);        /* nop; rep movsb; nop; hlt */
	c->regs[RSI] = GUEST_DATA;
	c->regs[RDI] = GUEST_DATA + 64;
	c->regs[RCX] = 3;
	static const uint64_t stops[] = { 1, 1, 1, 3, 4 };      /* after the nop, then once an iteration */
	uint64_t at = GUEST_CODE;
	for (unsigned n = 0; n < 5; n++) {
		c->regs[RSP] = GUEST_STACK;
		cpu_set_eflags(c, FL_TF | 2);
		guest_run(g, at);
		assert_int_equal(guest_vector(g), EXC_DB);
		at = stack_at(g, 0);
		assert_int_equal(at, GUEST_CODE + stops[n]);
		assert_true(stack_at(g, 2) & FL_TF);
	}
	assert_int_equal(c->regs[RCX], 0);
}

static void debugger_steps_one_instruction(void **state)
{
	struct guest *g = *state;
	guest_code(g, GUEST_CODE, 0xff, 0xc0, 0xff, 0xc0, 0xeb, 0xfa);  /* l: inc eax; inc eax; jmp l */
	g->c->rip = GUEST_CODE;
	g->c->icount = 0;
	for (unsigned n = 0; n < 3; n++) {
		assert_int_equal(cpu_step(g->c), CPUEXIT_DEBUG);
		assert_int_equal(g->c->rip, GUEST_CODE + (n + 1) % 3 * 2);
	}
	assert_int_equal(g->c->regs[RAX], 2);
	assert_int_equal(g->c->icount, 3);
}

/* ---- other threads ------------------------------------------------------------------------------------------------------------------ */

static void *patch_the_spin(void *arg)
{
	struct guest *g = arg;
	while (*(volatile uint8_t *)&g->mem[GUEST_DATA] == 0)
		;
	guest_code(g, GUEST_CODE + 7, 0xf4);
	return NULL;
}
static void dma_into_code_is_seen(void **state)
{
	struct guest *g = *state;
	pthread_t t;
	guest_code(g, GUEST_CODE, 0xfe, 0x04, 0x25, 0x00, 0x00, 0x10, 0x00, 0xeb, 0xfe);       /* inc byte [GUEST_DATA]; jmp $ */
	g->mem[GUEST_DATA] = 0;
	pthread_create(&t, NULL, patch_the_spin, g);
	assert_int_equal(guest_run(g, GUEST_CODE), CPUEXIT_HALT);
	pthread_join(t, NULL);
	assert_int_equal(g->c->rip, GUEST_CODE + 8);
}

static void *ask_to_stop(void *arg)
{
	struct guest *g = arg;
	while (*(volatile uint8_t *)&g->mem[GUEST_DATA] == 0)
		;
	cpu_request(g->c, REQ_STOP);
	return NULL;
}
static void request_stops_a_loop(void **state)
{
	struct guest *g = *state;
	pthread_t t;
	g->mem[GUEST_DATA] = 0;
	guest_code(g, GUEST_CODE, 0xfe, 0x04, 0x25, 0x00, 0x00, 0x10, 0x00, 0xeb, 0xf7);       /* l: inc byte [GUEST_DATA]; jmp l */
	pthread_create(&t, NULL, ask_to_stop, g);
	assert_int_equal(guest_run(g, GUEST_CODE), CPUEXIT_REQUEST);
	pthread_join(t, NULL);
	assert_true(g->c->rip == GUEST_CODE || g->c->rip == GUEST_CODE + 7);
}

/* ---- random sequences: whole blocks (fusion, dropped flags, links) must end as single steps do ---------------------------------- */

static uint64_t random64(uint64_t *x)
{
	*x ^= *x << 13, *x ^= *x >> 7, *x ^= *x << 17;
	return *x;
}
static unsigned put(uint8_t *p, const uint8_t *bytes, unsigned n) { memcpy(p, bytes, n); return n; }

/* One instruction on rax..rdi without rsp, or memory at [rsi + small]; a forward branch over at most 15 bytes now and then. */
static unsigned random_insn(uint64_t *x, uint8_t *p)
{
	static const uint8_t alu[] = { 0x01, 0x03, 0x09, 0x0b, 0x11, 0x13, 0x19, 0x1b, 0x21, 0x23, 0x29, 0x2b, 0x31, 0x33, 0x39, 0x3b, 0x85, 0x89, 0x8b };
	static const uint8_t regs[] = { 0, 1, 2, 3, 7 };
	unsigned n = 0, kind = random64(x) % 12;
	uint8_t a = regs[random64(x) % 5], b = regs[random64(x) % 5];
	if (kind < 10 && random64(x) % 2)
		p[n++] = 0x48;
	switch (kind) {
	case 0: case 1: case 2:         /* op reg, reg; op with memory */
		p[n++] = alu[random64(x) % sizeof alu];
		if (random64(x) % 3) {
			p[n++] = (uint8_t)(0xc0 | a << 3 | b);
		} else {
			p[n++] = (uint8_t)(0x46 | a << 3);
			p[n++] = (uint8_t)(random64(x) & 0x78);
		}
		return n;
	case 3: case 4:                 /* op reg, imm8 */
		p[n++] = 0x83;
		p[n++] = (uint8_t)(0xc0 | (random64(x) & 7) << 3 | a);
		p[n++] = (uint8_t)random64(x);
		return n;
	case 5: {                       /* shift or rotate by imm8 */
		p[n++] = 0xc1;
		p[n++] = (uint8_t)(0xc0 | (random64(x) & 7) << 3 | a);
		p[n++] = (uint8_t)random64(x) % 3;
		return n;
	}
	case 6:                         /* inc, dec */
		p[n++] = 0xff;
		p[n++] = (uint8_t)(0xc0 | (random64(x) & 1) << 3 | a);
		return n;
	case 7:                         /* imul */
		n += put(p + n, (const uint8_t[]) { 0x0f, 0xaf, (uint8_t)(0xc0 | a << 3 | b) }, 3);
		return n;
	case 8:                         /* cmov, setcc of any condition */
		if (random64(x) % 2)
			return n + put(p + n, (const uint8_t[]) { 0x0f, (uint8_t)(0x40 | (random64(x) & 15)), (uint8_t)(0xc0 | a << 3 | b) }, 3);
		return n + put(p + n, (const uint8_t[]) { 0x0f, (uint8_t)(0x90 | (random64(x) & 15)), (uint8_t)(0xc0 | (a & 3)) }, 3);
	case 9:                         /* cmp or test of a byte or with an immediate, for the branch behind */
		p[n++] = 0xf6;
		p[n++] = 0x46;
		p[n++] = (uint8_t)(random64(x) & 0x78);
		p[n++] = (uint8_t)random64(x);
		return n;
	case 10:                        /* compare and branch */
		n += put(p, (const uint8_t[]) { 0x48, 0x39, (uint8_t)(0xc0 | a << 3 | b) }, 3);
		/* fall through */
	default:
		p[n++] = (uint8_t)(0x70 | (random64(x) & 15));
		p[n++] = (uint8_t)(random64(x) & 1 ? 0 : 2);    /* to the next, or over the two bytes below */
		p[n++] = 0xf7;
		p[n++] = (uint8_t)(0xd8 | a);                   /* neg */
		return n;
	}
}
static void set_start(struct guest *g, uint64_t seed)
{
	struct cpu *c = g->c;
	for (unsigned n = 0; n < 8; n++)
		if (n != RSP)
			c->regs[n] = random64(&seed) >> (random64(&seed) & 63);
	c->regs[RSI] = GUEST_DATA;
	for (unsigned n = 0; n < 256; n++)
		g->mem[GUEST_DATA + n] = (uint8_t)random64(&seed);
	cpu_set_eflags(c, (uint32_t)random64(&seed) & FL_ARITH);
	c->icount = 0;
}
static void blocks_end_as_single_steps_do(void **state)
{
	struct guest *g = *state;
	struct cpu *c = g->c;
	uint64_t x = 4101842887655102017;
	for (unsigned round = 0; round < 20000; round++) {
		uint8_t code[600], data[256];
		unsigned len = 0, count = 5 + random64(&x) % 40;
		while (count--)
			len += random_insn(&x, code + len);
		code[len++] = 0xf4;
		guest_load(g, GUEST_CODE, code, len);
		uint64_t seed = random64(&x);
		set_start(g, seed);
		assert_int_equal(guest_run(g, GUEST_CODE), CPUEXIT_HALT);
		uint64_t regs[16], icount = c->icount;
		uint32_t flags = cpu_get_eflags(c);
		memcpy(regs, c->regs, sizeof regs);
		memcpy(data, g->mem + GUEST_DATA, sizeof data);
		set_start(g, seed);
		c->rip = GUEST_CODE;
		atomic_store(&c->run_state, CPU_RUNNING);
		while (atomic_load(&c->run_state) == CPU_RUNNING)
			cpu_step(c);
		assert_memory_equal(regs, c->regs, sizeof regs);
		assert_memory_equal(data, g->mem + GUEST_DATA, sizeof data);
		assert_int_equal(flags, cpu_get_eflags(c));
		assert_int_equal(icount, c->icount);
	}
}

/* REX.W does not make a byte shift count modulo 64: by 32 it leaves the flags as the instruction before made them. */
static void byte_shift_by_32_keeps_flags(void **state)
{
	struct guest *g = *state;
	guest_code(g, GUEST_CODE,
		0x0d, 0xfe, 0xff, 0xff, 0xff,                   /* or eax, -2 */
		0x4e, 0xc0, 0x6d, 0xff, 0x20,                   /* shr byte [rbp-1], 32 */
		0x4c, 0xc0, 0xe2, 0x60,                         /* shl dl, 96 */
		0xf4);
	g->c->regs[RAX] = 0;
	g->c->regs[RBP] = GUEST_DATA;
	cpu_set_eflags(g->c, 2);
	assert_int_equal(guest_run(g, GUEST_CODE), CPUEXIT_HALT);
	assert_int_equal(cpu_get_eflags(g->c) & FL_ARITH, FL_SF);
}

/* ---- calls --------------------------------------------------------------------------------------------------------------------------- */

static void calls_of_all_kinds_return(void **state)
{
	struct guest *g = *state;
	guest_code(g, GUEST_CODE,
		0xe8, 0x17, 0x00, 0x00, 0x00,                   /* call f */
		0x48, 0x8d, 0x1d, 0x10, 0x00, 0x00, 0x00,       /* lea rbx, [f] */
		0xff, 0xd3,                                     /* call rbx */
		0x53,                                           /* push rbx */
		0xff, 0x14, 0x24,                               /* call [rsp] */
		0x5b,                                           /* pop rbx */
		0x6a, 0x07, 0xe8, 0x05, 0x00, 0x00, 0x00,       /* push 7; call h */
		0xf4, 0x90,
		0xff, 0xc0, 0xc3,                               /* f: inc eax; ret */
		0xc2, 0x08, 0x00);                              /* h: ret 8 */
	g->c->regs[RAX] = 0;
	assert_int_equal(guest_run(g, GUEST_CODE), CPUEXIT_HALT);
	assert_int_equal(guest_vector(g), -1);
	assert_int_equal(g->c->regs[RAX], 3);
	assert_int_equal(g->c->regs[RSP], GUEST_STACK);
	assert_int_equal(g->c->rip, GUEST_CODE + 0x1b);
}

/* ---- one place, two CS:IP ---------------------------------------------------------------------------------------------------------------- */

static void set_cs(struct guest *g, uint32_t base, uint32_t limit)
{
	struct segreg *cs = &g->c->seg[SEG_CS];
	cs->base = base;
	cs->limit = limit;
	cs->sel = g->c->cr0 & CR0_PE ? cs->sel : (uint16_t)(base >> 4);
	cpu_update_mode(g->c);
}
/* Code at FIRST, which has been run as part of a segment that goes on, is run as the end of one: rbx tells what came next, or the vector + 100. */
enum { FIRST = 0x207f0, GOES_ON = 0x18000, ENDS = 0x10800 /* 64 KB */, MARKS = 0x20 /* from FIRST */ };
static unsigned run_by_another_cs(struct guest *g, const uint8_t *code, size_t len, uint32_t limit)
{
	static const uint8_t on[] = { 0x66, 0xbb, 1, 0, 0, 0, 0xf4 }, round[] = { 0x66, 0xbb, 2, 0, 0, 0, 0xf4 };     /* mov ebx, n; hlt */
	uint8_t nops[0x40];
	memset(nops, 0x90, sizeof nops);
	guest_load(g, FIRST, nops, sizeof nops);
	guest_load(g, FIRST, code, len);
	guest_load(g, FIRST + MARKS, on, sizeof on);
	guest_load(g, (FIRST + MARKS - ENDS) % 0x10000 + ENDS, round, sizeof round);
	for (unsigned n = 0; n < 3; n++) {
		set_cs(g, GOES_ON, 0xffff);
		g->c->regs[RBX] = 0;
		assert_int_equal(guest_run(g, FIRST - GOES_ON), CPUEXIT_HALT);
		assert_int_equal(g->c->regs[RBX], 1);
	}
	set_cs(g, ENDS, limit);
	g->c->regs[RBX] = 0;
	assert_int_equal(guest_run(g, FIRST - ENDS), CPUEXIT_HALT);
	return guest_vector(g) >= 0 ? 100 + (unsigned)guest_vector(g) : (unsigned)g->c->regs[RBX];
}

static void links_end_where_another_cs_does(void **state)
{
	static const uint8_t jump[] = { 0xeb, MARKS - 2 }, wide_jump[] = { 0x66, 0xe9, MARKS - 6, 0, 0, 0 }, on[] = { 0x90 },
		branch[] = { 0x39, 0xc0, 0x74, MARKS - 4 } /* cmp ax, ax; jz */, two_steps[] = { 0xeb, 0x06, [8] = 0xeb, MARKS - 10 };
	struct guest *g = *state;
	assert_int_equal(run_by_another_cs(g, jump, sizeof jump, 0xffff), 2);
	assert_int_equal(run_by_another_cs(g, branch, sizeof branch, 0xffff), 2);
	assert_int_equal(run_by_another_cs(g, two_steps, sizeof two_steps, 0xffff), 2);
	assert_int_equal(run_by_another_cs(g, wide_jump, sizeof wide_jump, 0xffff), 113);
	assert_int_equal(run_by_another_cs(g, on, sizeof on, 0xffff), 113);
	assert_int_equal(run_by_another_cs(g, on, sizeof on, 0xfff4), 113);
	assert_int_equal(run_by_another_cs(g, jump, sizeof jump, 0xfff1), 2);
	assert_int_equal(run_by_another_cs(g, jump, sizeof jump, 0xfff0), 113);
	assert_int_equal(run_by_another_cs(g, two_steps, sizeof two_steps, 0xfff8), 113);
	assert_int_equal(run_by_another_cs(g, on, sizeof on, 0x1ffff), 1);
	assert_int_equal(run_by_another_cs(g, jump, sizeof jump, 0x1ffff), 2);
}

/* In the 4 KB in which a segment begins a jump back leads to its end. */
static void links_do_not_lead_to_before_another_cs(void **state)
{
	static const uint8_t back[] = { 0xeb, 0xee }, wide_back[] = { 0x66, 0xe9, 0xea, 0xff, 0xff, 0xff };
	static const uint8_t before[] = { 0x66, 0xbb, 1, 0, 0, 0, 0xf4 }, end[] = { 0x66, 0xbb, 2, 0, 0, 0, 0xf4 };
	enum { START = 0x20808, BASE = 0x20800 };
	struct guest *g = *state;
	for (unsigned wide = 0; wide < 2; wide++) {
		guest_load(g, START - 16, before, sizeof before);
		guest_load(g, BASE + 0xfff8, end, sizeof end);
		guest_load(g, START, wide ? wide_back : back, wide ? sizeof wide_back : sizeof back);
		for (unsigned n = 0; n < 3; n++) {
			set_cs(g, GOES_ON, 0xffff);
			assert_int_equal(guest_run(g, START - GOES_ON), CPUEXIT_HALT);
			assert_int_equal(g->c->regs[RBX], 1);
		}
		set_cs(g, BASE, 0xffff);
		assert_int_equal(guest_run(g, START - BASE), CPUEXIT_HALT);
		assert_int_equal(guest_vector(g), wide ? 13 : -1);
		assert_int_equal(g->c->regs[RBX], wide ? 1 : 2);
	}
}

int main(void)
{
#define T(f)  cmocka_unit_test_setup_teardown(f, setup, teardown)
#define TR(f) cmocka_unit_test_setup_teardown(f, setup_real, teardown)
	const struct CMUnitTest tests[] = {
		T(store_into_the_running_block), T(code_that_changes_every_time_round), T(indirect_call_of_code_that_changes), T(data_beside_code_stays_writable),
		T(code_that_becomes_data_and_code_again),
		T(instruction_across_pages), T(fetch_fault_names_the_second_page), T(jump_to_a_page_that_is_mapped_elsewhere_now), T(indirect_jump_to_a_page_that_is_mapped_elsewhere_now),
		T(one_page_at_two_addresses), T(fault_in_mid_block_is_precise), T(illegal_encodings), TR(runs_off_the_end_of_a_real_mode_segment),
		TR(real_mode_code_runs), T(repeat_faults_half_way), T(repeat_overlapping_copies_the_pattern), T(repeat_backwards),
		T(compare_and_scan_stop_in_time), T(trap_flag_steps), T(debugger_steps_one_instruction), T(dma_into_code_is_seen),
		T(request_stops_a_loop), T(blocks_end_as_single_steps_do), T(byte_shift_by_32_keeps_flags), T(calls_of_all_kinds_return),
		TR(links_end_where_another_cs_does), TR(links_do_not_lead_to_before_another_cs),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	setenv("VMUX_TEST_JIT", "1", 1);         /* once more, translated from the first run on */
	return failed + cmocka_run_group_tests(tests, NULL, NULL);
}
