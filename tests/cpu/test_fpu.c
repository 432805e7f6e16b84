/* test_fpu.c - what the host differential cannot reach: faults by CR0, CR4 and XCR0, reporting of x87 exceptions, and the layouts
 * of the state-saving instructions. */
#include "tests/cpu/diff.h"
#include "core/cpu/exec.h"
#include "core/cpu/fp.h"
#include "core/cpu/fpstate.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* Instructions of the tests; memory operands are at [rax]. */
#define CODE(...) (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ })
#define FLD1      CODE(0xd9, 0xe8)
#define FLDZ      CODE(0xd9, 0xee)
#define FDIVP     CODE(0xde, 0xf9)
#define FNSTSW_AX CODE(0xdf, 0xe0)
#define FNCLEX    CODE(0xdb, 0xe2)
#define FNINIT    CODE(0xdb, 0xe3)
#define FWAIT     CODE(0x9b)
#define PADDB_MM  CODE(0x0f, 0xfc, 0xc1)
#define EMMS      CODE(0x0f, 0x77)
#define ADDPS     CODE(0x0f, 0x58, 0xc1)
#define DIVPS     CODE(0x0f, 0x5e, 0xc1)
#define LDMXCSR   CODE(0x0f, 0xae, 0x10)
#define FXSAVE    CODE(0x0f, 0xae, 0x00)
#define FXSAVE64  CODE(0x48, 0x0f, 0xae, 0x00)
#define FXRSTOR   CODE(0x0f, 0xae, 0x08)
#define FXRSTOR64 CODE(0x48, 0x0f, 0xae, 0x08)
#define XSAVE     CODE(0x0f, 0xae, 0x20)
#define XSAVEOPT  CODE(0x0f, 0xae, 0x30)
#define XSAVEC    CODE(0x0f, 0xc7, 0x20)
#define XRSTOR    CODE(0x0f, 0xae, 0x28)
#define XGETBV    CODE(0x0f, 0x01, 0xd0)
#define XSETBV    CODE(0x0f, 0x01, 0xd1)

struct fixture { struct diff_emu *e; struct cpu *c; uint8_t *data; };

static int setup(void **state)
{
	static struct fixture f;
	f.e = diff_emu_new();
	f.c = diff_emu_cpu(f.e);
	f.data = diff_emu_data(f.e);
	f.c->regs[RAX] = DIFF_DATA;
	diff_emu_exec(f.e, FNINIT);
	*state = &f;
	return 0;
}
static int teardown(void **state)
{
	diff_emu_free(((struct fixture *)*state)->e);
	return 0;
}
static uint32_t get32(const uint8_t *p) { uint32_t v; memcpy(&v, p, 4); return v; }
static uint64_t get64(const uint8_t *p) { uint64_t v; memcpy(&v, p, 8); return v; }
static uint16_t get16(const uint8_t *p) { uint16_t v; memcpy(&v, p, 2); return v; }
static void set32(uint8_t *p, uint32_t v) { memcpy(p, &v, 4); }
static void set64(uint8_t *p, uint64_t v) { memcpy(p, &v, 8); }

/* ---- faults by control registers ---------------------------------------------------------------------------------------------------- */

static void task_switched_gives_nm(void **state)
{
	struct fixture *f = *state;
	f->c->cr0 |= CR0_TS;
	assert_int_equal(diff_emu_exec(f->e, FLD1), EXC_NM);
	assert_int_equal(diff_emu_exec(f->e, PADDB_MM), EXC_NM);
	assert_int_equal(diff_emu_exec(f->e, ADDPS), EXC_NM);
	assert_int_equal(diff_emu_exec(f->e, LDMXCSR), EXC_NM);
	assert_int_equal(diff_emu_exec(f->e, FXSAVE), EXC_NM);
	assert_int_equal(diff_emu_exec(f->e, XSAVE), EXC_NM);
	assert_int_equal(diff_emu_exec(f->e, FWAIT), EXC_NM);
	f->c->cr0 &= ~(uint64_t)CR0_MP;
	assert_int_equal(diff_emu_exec(f->e, FWAIT), -1);
	assert_int_equal(diff_emu_exec(f->e, FLD1), EXC_NM);
}

static void emulation_gives_nm_or_ud(void **state)
{
	struct fixture *f = *state;
	f->c->cr0 |= CR0_EM;
	assert_int_equal(diff_emu_exec(f->e, FLD1), EXC_NM);
	assert_int_equal(diff_emu_exec(f->e, PADDB_MM), EXC_UD);
	assert_int_equal(diff_emu_exec(f->e, ADDPS), EXC_UD);
	assert_int_equal(diff_emu_exec(f->e, FXSAVE), EXC_NM);
}

static void sse_wants_osfxsr(void **state)
{
	struct fixture *f = *state;
	f->c->cr4 &= ~(uint64_t)CR4_OSFXSR;
	assert_int_equal(diff_emu_exec(f->e, ADDPS), EXC_UD);
	assert_int_equal(diff_emu_exec(f->e, LDMXCSR), EXC_UD);
	assert_int_equal(diff_emu_exec(f->e, PADDB_MM), -1);
	assert_int_equal(diff_emu_exec(f->e, FXSAVE), -1);
}

static void xsave_wants_osxsave(void **state)
{
	struct fixture *f = *state;
	f->c->cr4 &= ~(uint64_t)CR4_OSXSAVE;
	assert_int_equal(diff_emu_exec(f->e, XSAVE), EXC_UD);
	assert_int_equal(diff_emu_exec(f->e, XRSTOR), EXC_UD);
	assert_int_equal(diff_emu_exec(f->e, XGETBV), EXC_UD);
	f->c->regs[RCX] = 0;
	assert_int_equal(diff_emu_exec(f->e, XSETBV), EXC_UD);
}

static void simd_exception_is_xm_or_ud(void **state)
{
	struct fixture *f = *state;
	f->c->mxcsr = MXCSR_INIT & ~0x200u;             /* divide by zero unmasked */
	for (unsigned n = 0; n < 4; n++) {
		f->c->ymm[0].x[0].f32[n] = 1.0f;
		f->c->ymm[1].x[0].f32[n] = 0.0f;
	}
	assert_int_equal(diff_emu_exec(f->e, DIVPS), EXC_XM);
	assert_true(f->c->ymm[0].x[0].f32[0] == 1.0f);
	assert_int_equal(f->c->mxcsr & MXCSR_FLAGS, 4);
	f->c->cr4 &= ~(uint64_t)CR4_OSXMMEXCPT;
	assert_int_equal(diff_emu_exec(f->e, DIVPS), EXC_UD);
	f->c->mxcsr = MXCSR_INIT;
	assert_int_equal(diff_emu_exec(f->e, DIVPS), -1);
	assert_int_equal(f->c->ymm[0].x[0].u32[3], 0x7f800000);
}

/* ---- x87 exceptions -------------------------------------------------------------------------------------------------------------------- */

/* 1 / 0 with zero divide unmasked. */
static void make_pending(struct fixture *f)
{
	f->c->fpu.cw = 0x37b;
	f->c->fp_live = 0;
	assert_int_equal(diff_emu_exec(f->e, FLD1), -1);
	assert_int_equal(diff_emu_exec(f->e, FLDZ), -1);
	assert_int_equal(diff_emu_exec(f->e, FDIVP), -1);
	assert_int_equal(f->c->fpu.sw & 0x8084, 0x8084);
}

static void pending_exception_is_mf(void **state)
{
	struct fixture *f = *state;
	make_pending(f);
	assert_int_equal(diff_emu_exec(f->e, FNSTSW_AX), -1);
	assert_int_equal(f->c->regs[RAX] & 0xb084, 0xb084);     /* TOP is 6: nothing was popped */
	f->c->regs[RAX] = DIFF_DATA;
	assert_int_equal(diff_emu_exec(f->e, FLD1), EXC_MF);
	assert_int_equal(diff_emu_exec(f->e, FWAIT), EXC_MF);
	assert_int_equal(diff_emu_exec(f->e, PADDB_MM), EXC_MF);
	assert_int_equal(diff_emu_exec(f->e, EMMS), EXC_MF);
	assert_int_equal(diff_emu_exec(f->e, ADDPS), -1);
	assert_int_equal(diff_emu_exec(f->e, FNCLEX), -1);
	assert_int_equal(diff_emu_exec(f->e, FWAIT), -1);
}

static void set_level(void *arg, int level) { *(int *)arg = level; }

/* With CR0.NE clear the error goes to the board, and the next waiting instruction does not get done until it is answered. */
static void pending_exception_is_ferr(void **state)
{
	struct fixture *f = *state;
	int wire = 0;
	f->c->ferr = set_level;
	f->c->ferr_arg = &wire;
	f->c->cr0 &= ~(uint64_t)CR0_NE;
	make_pending(f);
	assert_int_equal(wire, 1);
	assert_int_equal(diff_emu_exec(f->e, FWAIT), -1);
	assert_int_equal(f->c->rip, DIFF_CODE);
	f->c->ignne = 1;
	assert_int_equal(diff_emu_exec(f->e, FWAIT), -1);
	assert_int_equal(f->c->rip, DIFF_CODE + 1);
	assert_int_equal(diff_emu_exec(f->e, FNCLEX), -1);
	assert_int_equal(wire, 0);
	assert_int_equal(f->c->ignne, 0);
}

/* ---- FNSTENV by mode --------------------------------------------------------------------------------------------------------------------- */

static void environment_has_four_forms(void **state)
{
	struct fixture *f = *state;
	uint8_t buf[28];
	f->c->fpu.ip = 0x12345;
	f->c->fpu.ip_sel = 0x1000;
	f->c->fpu.dp = 0x6789a;
	f->c->fpu.dp_sel = 0x2000;
	f->c->fpu.opcode = 0x5d1;
	assert_int_equal(x87_env_save(f->c, buf, false), 28);
	assert_int_equal(get32(buf), 0xffff037f);
	assert_int_equal(get32(buf + 8), 0xffffffff);
	assert_int_equal(get32(buf + 12), 0x12345);
	assert_int_equal(get32(buf + 16), 0x05d11000);
	assert_int_equal(get32(buf + 24) & 0xffff, 0x2000);
	assert_int_equal(x87_env_save(f->c, buf, true), 14);
	assert_int_equal(get16(buf + 6), 0x2345);
	assert_int_equal(get16(buf + 8), 0x1000);
	/* real mode: linear addresses, 0x22345 and 0x8789a */
	f->c->cr0 &= ~(uint64_t)CR0_PE;
	x87_env_save(f->c, buf, true);
	assert_int_equal(get16(buf + 6), 0x2345);
	assert_int_equal(get16(buf + 8), 0x25d1);
	assert_int_equal(get16(buf + 12), 0x8000);
	x87_env_save(f->c, buf, false);
	assert_int_equal(get32(buf + 16), 0x25d1);
	assert_int_equal(get32(buf + 24), 0x8000);
	f->c->fpu.ip = 0;
	x87_env_load(f->c, buf, false);
	assert_int_equal(f->c->fpu.ip, 0x22345);
	assert_int_equal(f->c->fpu.opcode, 0x5d1);
}

/* ---- FXSAVE -------------------------------------------------------------------------------------------------------------------------------- */

static void fill_state(struct fixture *f)
{
	struct cpu *c = f->c;
	diff_emu_exec(f->e, FNINIT);
	diff_emu_exec(f->e, FLDZ);
	diff_emu_exec(f->e, FLD1);
	c->fpu.ip = 0x123456789abc;
	c->fpu.ip_sel = 0x33;
	c->fpu.dp = 0xfedcba987654;
	c->fpu.dp_sel = 0x2b;
	c->fpu.opcode = 0x1e8;
	c->mxcsr = 0x1fa1;
	for (unsigned n = 0; n < 16; n++)
		for (unsigned k = 0; k < 4; k++)
			c->ymm[n].u64[k] = 0x1000 * n + k + 1;
	memset(f->data, 0xee, 2048);
}

static void fxsave_layout(void **state)
{
	struct fixture *f = *state;
	uint8_t *d = f->data;
	fill_state(f);
	assert_int_equal(diff_emu_exec(f->e, FXSAVE), -1);
	assert_int_equal(get16(d), 0x37f);
	assert_int_equal(get16(d + 2), 6 << 11);
	assert_int_equal(d[4], 0xc0);
	assert_int_equal(get16(d + 6), 0x1e8);
	assert_int_equal(get32(d + 8), 0x56789abc);
	assert_int_equal(get16(d + 12), 0x33);
	assert_int_equal(get32(d + 16), 0xba987654);
	assert_int_equal(get16(d + 20), 0x2b);
	assert_int_equal(get32(d + 24), 0x1fa1);
	assert_int_equal(get32(d + 28), 0xffff);
	assert_int_equal(get64(d + 32), UINT64_C(1) << 63);
	assert_int_equal(get16(d + 40), 0x3fff);
	assert_int_equal(get64(d + 48), 0);
	assert_int_equal(get64(d + 160 + 15 * 16), 0xf001);
	assert_int_equal(d[416], 0xee);                 /* left to software */
	assert_int_equal(diff_emu_exec(f->e, FXSAVE64), -1);
	assert_int_equal(get64(d + 8), 0x123456789abc);
	assert_int_equal(get64(d + 16), 0xfedcba987654);
}

static void fxrstor_round_trip(void **state)
{
	struct fixture *f = *state;
	static struct fpu before;
	fill_state(f);
	diff_emu_exec(f->e, FXSAVE64);
	before = f->c->fpu;
	before.ip_sel = before.dp_sel = 0;              /* not in the 64-bit form */
	diff_emu_exec(f->e, FNINIT);
	f->c->ymm[7].u64[0] = 0;
	f->c->mxcsr = MXCSR_INIT;
	assert_int_equal(diff_emu_exec(f->e, FXRSTOR64), -1);
	assert_memory_equal(&f->c->fpu, &before, sizeof before);
	assert_int_equal(f->c->ymm[7].u64[0], 0x7001);
	assert_int_equal(f->c->ymm[7].u64[2], 0x7003);          /* AVX halves are not its */
	assert_int_equal(f->c->mxcsr, 0x1fa1);
	set32(f->data + 24, 0x10000);
	assert_int_equal(diff_emu_exec(f->e, FXRSTOR), EXC_GP);
	f->c->regs[RAX] = DIFF_DATA + 8;
	assert_int_equal(diff_emu_exec(f->e, FXSAVE), EXC_GP);
	assert_int_equal(diff_emu_exec(f->e, FXRSTOR), EXC_GP);
	f->c->regs[RAX] = DIFF_DATA + DIFF_DATA_RW - 64;        /* runs into a read-only page: nothing is written */
	set64(f->data + DIFF_DATA_RW - 64, 0x1122334455667788);
	assert_int_equal(diff_emu_exec(f->e, FXSAVE), EXC_PF);
	assert_int_equal(get64(f->data + DIFF_DATA_RW - 64), 0x1122334455667788);
}

/* ---- XSAVE ----------------------------------------------------------------------------------------------------------------------------------- */

/* The mask is in EDX:EAX, so these take their area at [rcx]. */
static void want(struct fixture *f, uint32_t mask)
{
	f->c->regs[RDX] = 0;
	f->c->regs[RAX] = mask;
	f->c->regs[RCX] = DIFF_DATA;
}
#define XSAVE_C    CODE(0x48, 0x0f, 0xae, 0x21)
#define XSAVEOPT_C CODE(0x48, 0x0f, 0xae, 0x31)
#define XSAVEC_C   CODE(0x48, 0x0f, 0xc7, 0x21)
#define XRSTOR_C   CODE(0x48, 0x0f, 0xae, 0x29)

static void xsave_writes_what_is_asked(void **state)
{
	struct fixture *f = *state;
	uint8_t *d = f->data;
	f->c->xcr0 = 7;
	fill_state(f);
	set64(d + 512, 0);
	want(f, 2);
	assert_int_equal(diff_emu_exec(f->e, XSAVE_C), -1);
	assert_int_equal(get16(d), 0xeeee);
	assert_int_equal(get32(d + 24), 0x1fa1);
	assert_int_equal(get64(d + 160 + 16), 0x1001);
	assert_int_equal(get64(d + 512), 2);
	assert_int_equal(d[576], 0xee);
	want(f, 0xffffffff);
	assert_int_equal(diff_emu_exec(f->e, XSAVE_C), -1);
	assert_int_equal(get16(d), 0x37f);
	assert_int_equal(get64(d + 512), 7);
	assert_int_equal(get64(d + 576 + 16), 0x1003);
	assert_int_equal(d[832], 0xee);
}

static void xsave_variants_skip_initial_state(void **state)
{
	struct fixture *f = *state;
	uint8_t *d = f->data;
	f->c->xcr0 = 7;
	fill_state(f);
	diff_emu_exec(f->e, FNINIT);
	set64(d + 512, 1);
	want(f, 7);
	assert_int_equal(diff_emu_exec(f->e, XSAVEOPT_C), -1);
	assert_int_equal(get64(d + 512), 6);            /* x87 is in its initial state: not written */
	assert_int_equal(get16(d), 0xeeee);
	set64(d + 520, 0);
	assert_int_equal(diff_emu_exec(f->e, XSAVEC_C), -1);
	assert_int_equal(get64(d + 512), 6);
	assert_int_equal(get64(d + 520), UINT64_C(1) << 63 | 7);
}

static void xrstor_checks_and_initialises(void **state)
{
	struct fixture *f = *state;
	uint8_t *d = f->data;
	f->c->xcr0 = 7;
	fill_state(f);
	want(f, 7);
	memset(d + 512, 0, 64);
	assert_int_equal(diff_emu_exec(f->e, XSAVE_C), -1);
	set64(d + 512, 1 | 4);                          /* SSE: initial */
	assert_int_equal(diff_emu_exec(f->e, XRSTOR_C), -1);
	assert_int_equal(f->c->ymm[3].u64[0], 0);
	assert_int_equal(f->c->ymm[3].u64[2], 0x3003);
	assert_int_equal(f->c->fpu.tag, 0xc0);
	set64(d + 512, 0);
	assert_int_equal(diff_emu_exec(f->e, XRSTOR_C), -1);
	assert_int_equal(f->c->ymm[3].u64[2], 0);
	assert_int_equal(f->c->fpu.tag, 0);
	assert_int_equal(f->c->fpu.cw, 0x37f);
	set64(d + 512, 8);                              /* not in XCR0 */
	assert_int_equal(diff_emu_exec(f->e, XRSTOR_C), EXC_GP);
	set64(d + 512, 3);
	set64(d + 528, 1);                              /* reserved */
	assert_int_equal(diff_emu_exec(f->e, XRSTOR_C), EXC_GP);
	set64(d + 528, 0);
	set64(d + 520, UINT64_C(1) << 63 | 1);          /* compact, but SSE present without its place */
	assert_int_equal(diff_emu_exec(f->e, XRSTOR_C), EXC_GP);
	f->c->regs[RCX] += 32;
	assert_int_equal(diff_emu_exec(f->e, XRSTOR_C), EXC_GP);
}

static void xsetbv_accepts_only_what_is_there(void **state)
{
	struct fixture *f = *state;
	bool avx = cpu_impl_features() & IMPL_AVX;
	static const struct { uint32_t v; bool ok; } cases[] = { { 1, true }, { 3, true }, { 0, false }, { 2, false }, { 5, false }, { 0x19, false } };
	f->c->regs[RCX] = f->c->regs[RDX] = 0;
	f->c->regs[RAX] = 3;
	assert_int_equal(diff_emu_exec(f->e, XSETBV), EXC_GP);  /* CPL 3 */
	f->c->cpl = 0;
	for (unsigned n = 0; n < sizeof cases / sizeof cases[0]; n++) {
		f->c->regs[RAX] = cases[n].v;
		assert_int_equal(diff_emu_exec(f->e, XSETBV), cases[n].ok ? -1 : EXC_GP);
		assert_int_equal(f->c->xcr0, cases[n].ok ? cases[n].v : 3);
	}
	f->c->regs[RAX] = 7;
	assert_int_equal(diff_emu_exec(f->e, XSETBV), avx ? -1 : EXC_GP);
	f->c->regs[RCX] = 1;
	assert_int_equal(diff_emu_exec(f->e, XSETBV), EXC_GP);
	f->c->regs[RCX] = 2;
	assert_int_equal(diff_emu_exec(f->e, XGETBV), EXC_GP);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(task_switched_gives_nm), T(emulation_gives_nm_or_ud), T(sse_wants_osfxsr), T(xsave_wants_osxsave), T(simd_exception_is_xm_or_ud),
		T(pending_exception_is_mf), T(pending_exception_is_ferr), T(environment_has_four_forms), T(fxsave_layout), T(fxrstor_round_trip),
		T(xsave_writes_what_is_asked), T(xsave_variants_skip_initial_state), T(xrstor_checks_and_initialises), T(xsetbv_accepts_only_what_is_there),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	setenv("VMUX_TEST_JIT", "1", 1);         /* once more, translated from the first run on */
	return failed + cmocka_run_group_tests(tests, NULL, NULL);
}
