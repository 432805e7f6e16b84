/* test_int_decode.c - the decoder: chosen encodings field by field, and random bytes against Zydis. */
#include "core/cpu/cpuid.h"
#include "core/cpu/decode.h"
#include "core/cpu/ops.h"
#include <Zydis/Zydis.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

enum { MODE64 = M_CS64 | M_CS32 | M_SS32 | M_PE | M_LMA | M_FLAT, MODE32 = M_CS32 | M_SS32 | M_PE | M_FLAT, MODE16 = M_PE };

static int setup(void **state) { *state = decoder_new(NULL); return *state == NULL; }
static int teardown(void **state) { decoder_free(*state); return 0; }

/* ---- chosen encodings ---------------------------------------------------------------------------------------------------------- */

struct want {
	unsigned mode;
	const char *name;
	uint8_t len, bytes[15];
	op_fn fn;
	uint8_t reg, rm, base, index, scale, sg;
	int64_t disp, imm;
};
#define B(...) { __VA_ARGS__ }
#define NOMEM REG_ZERO, REG_ZERO, 0, SEG_NULL
static const struct want wants[] = {
	{ MODE64, "add", 2, B(0x01, 0xd8), op_add_eg32_r, RBX, RAX, NOMEM, 0, 0 },
	{ MODE64, "add", 3, B(0x66, 0x01, 0xd8), op_add_eg16_r, RBX, RAX, NOMEM, 0, 0 },
	{ MODE64, "add", 3, B(0x4d, 0x01, 0xd8), op_add_eg64_r, R11, R8, NOMEM, 0, 0 },
	{ MODE64, "add", 2, B(0x00, 0xe0), op_add_eg8_r, 1, 0, NOMEM, 0, 0 },                      /* add al, ah */
	{ MODE64, "add", 3, B(0x40, 0x00, 0xe0), op_add_eg8_r, RSP * 8, 0, NOMEM, 0, 0 },          /* add al, spl */
	{ MODE64, "mov", 8, B(0x48, 0x8b, 0x84, 0xcb, 0x10, 0x00, 0x00, 0x80), op_mov_ge64_x, RAX, RM_MEM, RBX, RCX, 3, SEG_NULL, INT32_MIN + 0x10, 0 },
	{ MODE64, "mov", 7, B(0x48, 0x8b, 0x05, 0x10, 0x00, 0x00, 0x00), op_mov_ge64_b, RAX, RM_MEM, REG_BIP, REG_ZERO, 0, SEG_NULL, 0x10 + 7, 0 },
	{ MODE64, "mov", 10, B(0xc7, 0x05, 0x10, 0x00, 0x00, 0x00, 0x78, 0x56, 0x34, 0x12), op_mov_ei32_b, 0, RM_MEM, REG_BIP, REG_ZERO, 0, SEG_NULL, 0x1a, 0x12345678 },
	{ MODE64, "mov", 9, B(0x65, 0x48, 0x8b, 0x04, 0x25, 0x28, 0x00, 0x00, 0x00), op_mov_ge64_f, RAX, RM_MEM, REG_ZERO, REG_ZERO, 0, SEG_GS, 0x28, 0 },
	{ MODE64, "mov", 3, B(0x67, 0x8b, 0x03), op_mov_ge32_m, RAX, RM_MEM, RBX, REG_ZERO, 0, SEG_NULL, 0, 0 },
	{ MODE64, "mov", 5, B(0x41, 0x8b, 0x44, 0x24, 0x08), op_mov_ge32_b, RAX, RM_MEM, R12, REG_ZERO, 0, SEG_NULL, 8, 0 },
	{ MODE64, "mov", 4, B(0x8b, 0x44, 0x24, 0xfc), op_mov_ge32_b, RAX, RM_MEM, RSP, REG_ZERO, 0, SEG_NULL_SS, -4, 0 },
	{ MODE64, "mov", 10, B(0x48, 0xb8, 1, 2, 3, 4, 5, 6, 7, 8), op_mov_ei64_r, 0, RAX, NOMEM, 0, 0x0807060504030201 },
	{ MODE64, "mov", 9, B(0xa1, 1, 2, 3, 4, 5, 6, 7, 8), op_mov_ao32, 0, RAX, NOMEM, 0, 0x0807060504030201 },
	{ MODE64, "mov", 6, B(0x67, 0xa1, 1, 2, 3, 0x84), op_mov_ao32, 0, RAX, NOMEM, 0, 0x84030201 },
	{ MODE64, "add", 3, B(0x83, 0xc0, 0xff), op_add_ei32_r, 0, RAX, NOMEM, 0, -1 },
	{ MODE64, "push", 1, B(0x50), op_push_z64_s, 0, RAX, NOMEM, 0, 0 },
	{ MODE64, "push", 2, B(0x66, 0x50), op_push_z16_s, 0, RAX, NOMEM, 0, 0 },
	{ MODE64, "call", 5, B(0xe8, 0, 0, 0, 0), op_call_j64_s, 0, 0, NOMEM, 0, 5 },
	{ MODE64, "jz", 2, B(0x74, 0xfe), op_jz64, 0, 0, NOMEM, 0, 0 },
	{ MODE64, "nop", 1, B(0x90), op_nop, 0, 0, NOMEM, 0, 0 },
	{ MODE64, "xchg", 2, B(0x41, 0x90), op_xchg_eg32_r, RAX, R8, NOMEM, 0, 0 },
	{ MODE64, "tzcnt", 4, B(0xf3, 0x0f, 0xbc, 0xc1), op_tzcnt32_r, RAX, RCX, NOMEM, 0, 0 },
	{ MODE64, "bsf", 3, B(0x0f, 0xbc, 0xc1), op_bsf32_r, RAX, RCX, NOMEM, 0, 0 },
	{ MODE64, "andn", 5, B(0xc4, 0xe2, 0xf0, 0xf2, 0xc2), op_andn64_r, RAX, RDX, NOMEM, 0, RCX << 8 | 1 << 12 },
	{ MODE64, "enter", 4, B(0xc8, 0x34, 0x12, 0x05), op_enter64, 0, 0, NOMEM, 0, 0x51234 },
	{ MODE32, "inc", 1, B(0x41), op_inc_e32_r, 0, RCX, NOMEM, 0, 0 },
	{ MODE32, "mov", 6, B(0x8b, 0x05, 1, 2, 3, 4), op_mov_ge32_f, RAX, RM_MEM, REG_ZERO, REG_ZERO, 0, SEG_DS, 0x04030201, 0 },
	{ MODE32, "mov", 4, B(0x67, 0x8b, 0x42, 0xff), op_mov_ge32_m, RAX, RM_MEM, RBP, RSI, 0, SEG_SS, -1, 0 },
	{ MODE32, "mov", 3, B(0x64, 0x8b, 0x03), op_mov_ge32_m, RAX, RM_MEM, RBX, REG_ZERO, 0, SEG_FS, 0, 0 },
	{ MODE16, "mov", 4, B(0x8b, 0x1e, 0x34, 0x12), op_mov_ge16_m, RBX, RM_MEM, REG_ZERO, REG_ZERO, 0, SEG_DS, 0x1234, 0 },
	{ MODE16, "mov", 6, B(0x66, 0x67, 0x8b, 0x44, 0x8d, 0x04), op_mov_ge32_m, RAX, RM_MEM, RBP, RCX, 2, SEG_SS, 4, 0 },
	{ MODE16, "push", 3, B(0x68, 0x00, 0x80), op_push_i16, 0, 0, NOMEM, 0, -0x8000 },
};

static void chosen_encodings(void **state)
{
	for (unsigned n = 0; n < sizeof wants / sizeof wants[0]; n++) {
		const struct want *w = &wants[n];
		struct insn i;
		unsigned len = decode_insn(*state, w->mode, w->bytes, 15, 0, &i);
		assert_int_equal(len, w->len);
		assert_string_equal(op_rows[i.row].name, w->name);
		assert_ptr_equal(i.fn, w->fn);
		assert_int_equal(i.reg, w->reg);
		assert_int_equal(i.rm, w->rm);
		assert_int_equal(i.base, w->base);
		assert_int_equal(i.index, w->index);
		assert_int_equal(i.scale, w->scale);
		assert_int_equal(i.sg, w->sg);
		assert_int_equal(i.disp, w->disp);
		assert_int_equal(i.imm, w->imm);
	}
}

static void offsets_count_from_the_block(void **state)
{
	struct insn i;
	decode_insn(*state, MODE64, (const uint8_t[]) { 0x48, 0x8d, 0x05, 4, 0, 0, 0 }, 7, 100, &i);
	assert_int_equal(i.disp, 4 + 7 + 100);
	decode_insn(*state, MODE64, (const uint8_t[]) { 0xeb, 0x10 }, 2, 50, &i);
	assert_int_equal(i.imm, 0x10 + 2 + 50);
}

static void bytes_that_run_out(void **state)
{
	static const uint8_t code[] = { 0x66, 0x48, 0x81, 0x84, 0x8b, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 };   /* add [rbx+rcx*4+d], imm32: 13 bytes */
	struct insn i;
	for (unsigned n = 0; n < 13; n++)
		assert_int_equal(decode_insn(*state, MODE64, code, n, 0, &i), 0);
	assert_int_equal(decode_insn(*state, MODE64, code, 13, 0, &i), 13);
}

static void mode_decides_over_floating_point(void **state)
{
	static const uint8_t fnop[] = { 0xd9, 0xd0 }, movaps[] = { 0x0f, 0x28, 0xc1 }, vaddps[] = { 0xc5, 0xf0, 0x58, 0xc2 };
	struct insn i;
	decode_insn(*state, MODE64 | M_TS, fnop, 2, 0, &i);
	assert_ptr_equal(i.fn, op_no_device);
	decode_insn(*state, MODE64 | M_EM, fnop, 2, 0, &i);
	assert_ptr_equal(i.fn, op_no_device);
	decode_insn(*state, MODE64 | M_EM, movaps, 3, 0, &i);
	assert_ptr_equal(i.fn, op_undefined);
	decode_insn(*state, MODE64 | M_NOFXSR, movaps, 3, 0, &i);
	assert_ptr_equal(i.fn, op_undefined);
	decode_insn(*state, MODE64 | M_NOXSAVE, vaddps, 4, 0, &i);
	assert_ptr_equal(i.fn, op_undefined);
}

/* What a decoder without that feature makes of the bytes. */
static op_fn without(unsigned feature, const uint8_t *code, struct insn *i)
{
	uint32_t word[W_COUNT];
	memset(word, 0xff, sizeof word);
	word[feature >> 5] &= ~(1u << (feature & 31));
	struct decoder *d = decoder_new(word);
	assert_non_null(d);
	decode_insn(d, MODE64, code, 15, 0, i);
	decoder_free(d);
	return i->fn;
}
static void a_model_without_the_feature(void **state)
{
	static const uint8_t popcnt[15] = { 0xf3, 0x0f, 0xb8, 0xc1 }, tzcnt[15] = { 0xf3, 0x0f, 0xbc, 0xc1 }, cmov[15] = { 0x0f, 0x44, 0xc1 },
		paddd[15] = { 0x66, 0x0f, 0xfe, 0xc1 }, vpaddd[15] = { 0xc5, 0xf1, 0xfe, 0xc2 }, vpaddd256[15] = { 0xc5, 0xf5, 0xfe, 0xc2 };
	struct insn i;
	assert_ptr_equal(without(CF_POPCNT, popcnt, &i), op_undefined);
	assert_ptr_equal(without(CF_CMOV, cmov, &i), op_undefined);
	assert_ptr_equal(without(CF_SSE2, paddd, &i), op_undefined);
	assert_ptr_equal(without(CF_AVX2, vpaddd256, &i), op_undefined);
	without(CF_AVX2, vpaddd, &i);
	assert_string_equal(op_rows[i.row].name, "vpaddd");
	assert_ptr_equal(without(CF_BMI1, tzcnt, &i), op_bsf32_r);       /* the prefix means nothing to older processors */
	assert_ptr_equal(without(CF_POPCNT, tzcnt, &i), op_tzcnt32_r);
}

/* ---- random bytes ---------------------------------------------------------------------------------------------------------------- */

static uint64_t random64(uint64_t *x)
{
	*x ^= *x << 13, *x ^= *x >> 7, *x ^= *x << 17;
	return *x;
}

/* Zydis refuses what processors execute: MPX's hint space, and MOVBE with a redundant F3. */
static bool known_difference(const struct op_row *r)
{
	return r->fn[0] == op_nop || !strcmp(r->name, "movbe") || !strcmp(r->name, "ud0");
}

/* The feature that Zydis knows the instruction by, or -1 where it says nothing that we go by. */
static int zydis_feature(const ZydisDecodedInstruction *zi)
{
	static const struct { ZydisISASet set; enum cpuid_feature feature; } sets[] = {
		{ ZYDIS_ISA_SET_PENTIUMMMX, CF_MMX }, { ZYDIS_ISA_SET_CMOV, CF_CMOV }, { ZYDIS_ISA_SET_FCMOV, CF_CMOV },
		{ ZYDIS_ISA_SET_SSE, CF_SSE }, { ZYDIS_ISA_SET_SSE2, CF_SSE2 }, { ZYDIS_ISA_SET_SSE3, CF_SSE3 }, { ZYDIS_ISA_SET_SSSE3, CF_SSSE3 },
		{ ZYDIS_ISA_SET_SSE4, CF_SSE41 }, { ZYDIS_ISA_SET_SSE42, CF_SSE42 }, { ZYDIS_ISA_SET_AES, CF_AES }, { ZYDIS_ISA_SET_SHA, CF_SHA },
		{ ZYDIS_ISA_SET_FMA, CF_FMA }, { ZYDIS_ISA_SET_F16C, CF_F16C }, { ZYDIS_ISA_SET_AVX2, CF_AVX2 }, { ZYDIS_ISA_SET_AVX2GATHER, CF_AVX2 },
		{ ZYDIS_ISA_SET_BMI1, CF_BMI1 }, { ZYDIS_ISA_SET_BMI2, CF_BMI2 }, { ZYDIS_ISA_SET_MOVBE, CF_MOVBE }, { ZYDIS_ISA_SET_POPCNT, CF_POPCNT },
		{ ZYDIS_ISA_SET_LZCNT, CF_ABM }, { ZYDIS_ISA_SET_CMPXCHG16B, CF_CX16 }, { ZYDIS_ISA_SET_XSAVE, CF_XSAVE }, { ZYDIS_ISA_SET_RDRAND, CF_RDRAND },
	};
	for (unsigned n = 0; n < sizeof sets / sizeof sets[0]; n++)
		if (zi->meta.isa_set == sets[n].set)
			return (int)sets[n].feature;
	return -1;
}

static void random_bytes_against_zydis(void **state)
{
	static const struct { unsigned mode; ZydisMachineMode zm; ZydisStackWidth zs; } modes[] = {
		{ MODE64, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64 }, { MODE32, ZYDIS_MACHINE_MODE_LEGACY_32, ZYDIS_STACK_WIDTH_32 },
		{ MODE16, ZYDIS_MACHINE_MODE_LEGACY_16, ZYDIS_STACK_WIDTH_16 } };
	static const uint8_t prefixes[] = { 0x66, 0xf2, 0xf3, 0xf0, 0x67, 0x48, 0x4f, 0x0f, 0x0f, 0xc5, 0xc4, 0x65 };
	uint64_t x = 88172645463325252;
	for (unsigned n = 0; n < 400000; n++) {
		uint8_t b[16];
		for (unsigned k = 0; k < 16; k += 8) {
			uint64_t v = random64(&x);
			memcpy(b + k, &v, 8);
		}
		for (unsigned k = 0, count = random64(&x) % 4; k < count; k++)
			b[k] = prefixes[random64(&x) % sizeof prefixes];
		unsigned m = n % 3;
		ZydisDecoder z;
		ZydisDecodedInstruction zi;
		struct insn i;
		ZydisDecoderInit(&z, modes[m].zm, modes[m].zs);
		ZyanStatus zs = ZydisDecoderDecodeInstruction(&z, NULL, b, 15, &zi);
		bool zok = ZYAN_SUCCESS(zs);
		unsigned len = decode_insn(*state, modes[m].mode, b, 15, 0, &i);
		assert_true(len >= 1 && len <= 15);
		/* Registers that do not exist (CR1, segment register 6) are the handlers' business. */
		if (i.row == ROW_NONE || known_difference(&op_rows[i.row]) || zs == ZYDIS_STATUS_BAD_REGISTER)
			continue;
		if (!zok && (memchr(b, 0xf2, 4) || memchr(b, 0xf3, 4) || memchr(b, 0x66, 4)))
			continue;               /* it is stricter than processors about prefixes that mean nothing */
		if (!zok || zi.length != len)
			fail_msg("%s, mode %u: %u bytes, Zydis %d: %02x %02x %02x %02x %02x %02x %02x", op_rows[i.row].name, m, len,
				zok ? zi.length : -1, b[0], b[1], b[2], b[3], b[4], b[5], b[6]);
		bool only_256;
		int want = zydis_feature(&zi);
		if (want >= 0 && row_feature(&op_rows[i.row], &only_256) != want && strncmp(op_rows[i.row].name, "vbroadcasts", 11))
			fail_msg("%s: its feature is not that of %s", op_rows[i.row].name, ZydisISASetGetString(zi.meta.isa_set));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chosen_encodings), cmocka_unit_test(offsets_count_from_the_block), cmocka_unit_test(bytes_that_run_out),
		cmocka_unit_test(mode_decides_over_floating_point), cmocka_unit_test(a_model_without_the_feature), cmocka_unit_test(random_bytes_against_zydis),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
