/* test_jit_room.c - where translated code has its jumps on hosts with Intel's erratum on jumps: none that is run often crosses the end of 32 bytes or
 * touches it, nor does what the host may fuse with it; and where the code itself lies. */
#include "core/cpu/accel_conf.h"
#include "core/cpu/engine.h"
#include "core/jit/emit.h"
#include "tests/cpu/guest.h"
#include <Zydis/Zydis.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <cmocka.h>

enum { WINDOW = 32, SHIFTS = 40, APART = 0x200, ROUNDS = 5 };

/* A loop with accesses that are checked singly and together, jumps that are fused and not, a call, a return, a jump through a register and one to another
 * page; behind `shift` instructions of one byte, so that all of it comes to lie everywhere. */
static void put_program(struct guest *g, uint64_t at, unsigned shift)
{
	static const uint8_t first[] = { 0xb9, ROUNDS, 0, 0, 0,         /* mov ecx, */
		0xbb, 0, 0, 0x10, 0 };                                  /* mov ebx, GUEST_DATA */
	static const uint8_t rest[] = {
		0x8b, 0x03, 0x01, 0x43, 0x08,                           /* mov eax, [rbx]; add [rbx + 8], eax */
		0x48, 0x8b, 0x53, 0x10, 0x89, 0x42, 0x04,               /* mov rdx, [rbx + 10h]; mov [rdx + 4], eax */
		0x39, 0xc8, 0x74, 0x02, 0xff, 0xc6,                     /* cmp eax, ecx; je; inc esi */
		0x3b, 0x43, 0x18, 0x77, 0x02, 0xff, 0xc7,               /* cmp eax, [rbx + 18h]; ja; inc edi */
		0xe8, 0x11, 0, 0, 0,                                    /* call f */
		0xc1, 0xe0, 0x03, 0x75, 0x02, 0xff, 0xc6,               /* shl eax, 3; jne; inc esi */
		0x48, 0x8d, 0x05, 0x07, 0, 0, 0, 0xff, 0xe0,            /* lea rax, [next]; jmp rax */
		0xf4,                                                   /* out: hlt */
		0x55, 0x5d, 0xc3,                                       /* f: push rbp; pop rbp; ret */
		0x90,
		0xe9, 0xff, 0x0f, 0, 0,                                 /* next: jmp to the next page */
	};
	uint8_t code[APART], back[] = { 0xff, 0xc9, 0x0f, 0x85, 0, 0, 0, 0, 0xe9, 0, 0, 0, 0 };        /* dec ecx; jne loop; jmp out */
	size_t n = 0, loop, behind;
	memcpy(code, first, sizeof first), n += sizeof first;
	loop = n;
	memset(code + n, 0x98, shift), n += shift;                      /* cwde */
	memcpy(code + n, rest, sizeof rest), n += sizeof rest;
	behind = n - 1 + PAGE_SIZE;
	int32_t to_loop = (int32_t)(loop - (behind + 8)), to_out = (int32_t)(n - sizeof rest + 46 - (behind + sizeof back));
	memcpy(back + 4, &to_loop, 4);
	memcpy(back + 9, &to_out, 4);
	guest_load(g, at, code, n);
	guest_load(g, at + behind, back, sizeof back);
}

static bool may_fuse(const ZydisDecodedInstruction *i)
{
	switch (i->mnemonic) {
	case ZYDIS_MNEMONIC_CMP: case ZYDIS_MNEMONIC_TEST: case ZYDIS_MNEMONIC_ADD: case ZYDIS_MNEMONIC_SUB: case ZYDIS_MNEMONIC_AND: case ZYDIS_MNEMONIC_INC:
	case ZYDIS_MNEMONIC_DEC:
		return !((i->attributes & ZYDIS_ATTRIB_HAS_MODRM) && i->raw.modrm.mod != 3 && i->raw.imm[0].size);     /* memory and immediate do not */
	default:
		return false;
	}
}

static bool only_filler(const uint8_t *p, const uint8_t *end)
{
	while (p < end && (!*p || *p == 0xcc))
		p++;
	return p == end;
}

/* Jumps of a block. */
static unsigned look_at_block(const uint8_t *p, const uint8_t *end)
{
	ZydisDecoder decoder;
	ZydisDecodedInstruction i, last = { 0 };
	unsigned jumps = 0;
	assert_true(ZYAN_SUCCESS(ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64)));
	for (; !only_filler(p, end); p += i.length, last = i) {
		assert_true(ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(&decoder, NULL, p, (ZyanUSize)(end - p), &i)));
		ZydisInstructionCategory what = i.meta.category;
		if (what != ZYDIS_CATEGORY_COND_BR && what != ZYDIS_CATEGORY_UNCOND_BR && what != ZYDIS_CATEGORY_CALL && what != ZYDIS_CATEGORY_RET)
			continue;
		const uint8_t *from = what == ZYDIS_CATEGORY_COND_BR && may_fuse(&last) ? p - last.length : p;
		if ((uintptr_t)from % WINDOW + (size_t)(p + i.length - from) >= WINDOW)
			fail_msg("a jump of %u bytes, with what is in front of it %u, at %u of 32", i.length, (unsigned)(p + i.length - from), (unsigned)((uintptr_t)from % WINDOW));
		jumps++;
	}
	return jumps;
}

static void no_jump_at_the_end_of_32_bytes(void **state)
{
	struct guest *g = guest_new(GUEST_LONG64);
	(void)state;
	assert_true(engine_set_jit(g->c, 1));
	struct jit *j = engine_jit(g->c);
	j->host_has |= HOST_JCC;
	memcpy(g->mem + GUEST_DATA + 0x10, &(uint64_t) { GUEST_DATA + 0x2000 }, 8);
	for (unsigned n = 0; n < SHIFTS; n++) {
		uint64_t at = GUEST_CODE + n * (2 * PAGE_SIZE + APART);
		jit_set_counting(j, n & 1);
		put_program(g, at, n);
		for (unsigned round = 0; round < ROUNDS; round++) {
			g->c->regs[RSP] = GUEST_STACK;
			assert_int_equal(guest_run(g, at), CPUEXIT_HALT);
			assert_int_equal(guest_vector(g), -1);
			assert_int_equal(g->c->regs[RCX], 0);
		}
	}
	unsigned jumps = 0;
	for (unsigned n = 0; n < j->n_blocks; n++)
		jumps += look_at_block(j->blocks[n].entry, n + 1 < j->n_blocks ? j->blocks[n + 1].entry : j->rw + j->used);
	assert_true(jumps > 10 * SHIFTS);
	guest_free(g);
}

/* The first room that the host would give lies above so much other memory that the CPU is out of reach from there. */
static void code_lies_near_its_cpu(void **state)
{
	enum { ABOVE = 128 << 20, SMALL = 1 << 20, SMALL_MAX = 1 << 14, FLAGS = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE };
	const size_t between = (size_t)8 << 30;
	static uint8_t *small[SMALL_MAX];
	unsigned n = 0;
	(void)state;
	void *above = mmap(NULL, ABOVE, PROT_NONE, FLAGS, -1, 0), *other = mmap(NULL, between, PROT_NONE, FLAGS, -1, 0);
	assert_true(above != MAP_FAILED && other != MAP_FAILED);
	do {
		assert_true(n < SMALL_MAX);
		small[n] = mmap(NULL, SMALL, PROT_NONE, FLAGS, -1, 0);
	} while (small[n++] > (uint8_t *)other);
	struct guest *g = guest_new(GUEST_LONG64);
	munmap(above, ABOVE);
	guest_code(g, GUEST_CODE, 0x41, 0xb9, 5, 0, 0, 0, 0x4d, 0x89, 0xca, 0xf4);       /* mov r9d, 5; mov r10, r9; hlt */
	for (unsigned most = 0; most < 2; most++) {
		g->m->accel_conf.tb_size = most ? ACCEL_TB_MAX : 0;
		assert_true(engine_set_jit(g->c, 0) && engine_set_jit(g->c, 1));
		const struct jit *j = engine_jit(g->c);
		intptr_t first = (intptr_t)j->rx - (intptr_t)(g->c + 1), last = first + (intptr_t)(sizeof *g->c + j->size);
		assert_true(first == (int32_t)first && last == (int32_t)last);
		g->c->regs[10] = 0;
		assert_int_equal(guest_run(g, GUEST_CODE), CPUEXIT_HALT);
		assert_int_equal(g->c->regs[10], 5);
	}
	guest_free(g);
	munmap(other, between);
	while (n--)
		munmap(small[n], SMALL);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(no_jump_at_the_end_of_32_bytes), cmocka_unit_test(code_lies_near_its_cpu) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
