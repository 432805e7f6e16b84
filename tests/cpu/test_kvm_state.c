/* test_kvm_state.c - all of a vCPU's saved state goes into the kernel and comes back: each field, those that wait to be delivered too, and from a machine
 * under one engine into one under another. */
#include "tests/cpu/sysrig.h"
#include "core/cpu/cpuid.h"
#include "core/cpu/mmu.h"
#include "core/kvm/kvm.h"
#include "core/machine/state.h"
#include "tests/dev/board.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <cmocka.h>

static void need_kvm(void)
{
	struct kvm_probe p;

	if (kvm_probe(&p) || p.mode[KVM_REAL] != KVM_REFUSES)
		return;
	printf("# SKIP %s\n", p.why);
	skip();
}

/* MSRs that are fields, with a value that is not the one after reset. */
static const struct { uint32_t msr; size_t at; uint64_t value; } msrs[] = {
#define M(n, field, v) { n, offsetof(struct cpu, field), v }
	M(0x174, sysenter_cs, 8), M(0x175, sysenter_esp, 0x1234), M(0x176, sysenter_eip, 0x5678), M(0x277, pat, UINT64_C(0x0001040600070406)), M(0x2ff, mtrr_def, 0xc06),
	M(0xc0000081, star, UINT64_C(0x0023001000000000)), M(0xc0000082, lstar, 0x7000), M(0xc0000083, cstar, 0x8000), M(0xc0000084, sfmask, 0x200),
	M(0xc0000102, kernel_gs_base, 0x9000), M(0xc0000103, tsc_aux, 5), M(0x3b, tsc_adjust, 7000), M(0x250, mtrr_fix[0], UINT64_C(0x0606060606060606)),
	M(0x258, mtrr_fix[1], UINT64_C(0x0505050505050505)), M(0x259, mtrr_fix[2], UINT64_C(0x0404040404040404)), M(0x268, mtrr_fix[3], 6), M(0x269, mtrr_fix[4], 5),
	M(0x26a, mtrr_fix[5], 4), M(0x26b, mtrr_fix[6], 1), M(0x26c, mtrr_fix[7], 0x0101), M(0x26d, mtrr_fix[8], 0x0606), M(0x26e, mtrr_fix[9], 0x0505), M(0x26f, mtrr_fix[10], 0x0404),
	M(0x200, mtrr_base[0], 0x100006), M(0x201, mtrr_mask[0], 0xff00800), M(0x206, mtrr_base[3], 0x200000), M(0x207, mtrr_mask[3], 0xfe00800),
	M(0x20e, mtrr_base[7], 0x400005), M(0x20f, mtrr_mask[7], 0xfc00800),
#undef M
};
enum { N_MSRS = sizeof msrs / sizeof msrs[0] };
static uint64_t *field(struct cpu *c, unsigned n) { return (uint64_t *)(void *)((char *)c + msrs[n].at); }

/* Others are ours, and stay in struct cpu. */
static bool kernel_has(struct cpu *c, uint32_t msr)
{
	struct { struct kvm_msrs head; struct kvm_msr_entry e[1]; } l = { .head.nmsrs = 1, .e[0].index = msr };
	return ioctl(kvm_of(c)->fd, KVM_GET_MSRS, &l) == 1;
}

static void fill(struct cpu *c)
{
	for (unsigned n = 0; n < 16; n++) {
		c->regs[n] = UINT32_C(0x01010101) * (n + 1);
		for (unsigned k = 0; k < 32; k++)
			c->ymm[n].u8[k] = (uint8_t)(cpu_has(c, CF_AVX) || k < 16 ? n * 16 + k : 0);
	}
	sysrig_fill_fpu(c);
	for (unsigned n = 0; n < 4; n++)
		c->dr[n] = 0x1000 * (n + 1u);
	c->dr[7] = 0x401;
	for (unsigned n = 0; n < N_MSRS; n++)
		*field(c, n) = msrs[n].value;
	c->cr2 = 0xabcdef;
	c->cr3 = 0x3000;
	c->rip = 0x1234;
	c->gdtr = (struct dtreg){ .base = 0x5000, .limit = 0x7f };
	c->idtr = (struct dtreg){ .base = 0x6000, .limit = 0x3ff };
	for (unsigned n = 0; n < 6; n++)
		c->seg[n].sel = (uint16_t)(0x100 * n + 0x10), c->seg[n].base = (uint64_t)c->seg[n].sel << 4;
	cpu_set_eflags(c, FL_CF | FL_OF | FL_IF | FL_DF | FL_AC);
	cpu_update_mode(c);
}

/* What the kernel holds meanwhile is wiped out here. */
static void wipe(struct cpu *c)
{
	for (unsigned n = 0; n < N_MSRS; n++)
		if (kernel_has(c, msrs[n].msr))
			*field(c, n) = 0;
	memset(c->regs, 0, 16 * sizeof c->regs[0]);
	memset(c->ymm, 0, sizeof c->ymm);
	memset(&c->fpu, 0, sizeof c->fpu);
	memset(c->seg, 0, 6 * sizeof c->seg[0]);
	memset(c->dr, 0, sizeof c->dr);
	c->gdtr = c->idtr = (struct dtreg){ 0 };
	c->cr0 = c->cr2 = c->cr3 = c->cr4 = c->efer = c->rip = c->mxcsr = 0;
	c->nmi_blocked = c->shadow = c->exc_pending = c->exc_vector = c->exc_has_err = 0;
	c->exc_err = 0;
	cpu_set_eflags(c, 0);
}

enum { VERSION = 1 };

static void put(struct cpu *c, struct state_buf *b)
{
	uint64_t offset = c->tsc_offset;

	cpu_saving(c);
	c->tsc_offset = 0;                      /* time goes on */
	c->pdpte[0] = c->pdpte[1] = c->pdpte[2] = c->pdpte[3] = 0;
	state_put(b, "cpu", VERSION, cpu_state, c);
	c->tsc_offset = offset;
}

/* Which field differs: by putting one of them after the other. */
static void compare(struct cpu *was, struct cpu *is)
{
	for (const struct state_field *f = cpu_state; f->type != ST_END; f++) {
		struct state_field one[2] = { *f, { .type = ST_END } };
		struct state_buf a = { 0 }, b = { 0 };
		state_put(&a, "cpu", 1, one, was);
		state_put(&b, "cpu", 1, one, is);
		if (a.len != b.len || memcmp(a.data, b.data, a.len))
			fail_msg("%s has changed", f->name);
		state_buf_free(&a);
		state_buf_free(&b);
	}
}

enum waits { NOTHING, NMI_BLOCKED, SHADOW, FAULT, PAGE_FAULT, N_WAITS };

static void every_field(void **state)
{
	need_kvm();
	for (enum waits w = NOTHING; w < N_WAITS; w++) {
		struct sysrig *r = sysrig_new("kvm");
		struct cpu *c = r->cpu, *was = malloc(sizeof *was);
		struct state_buf a = { 0 }, b = { 0 };
		assert_non_null(was);
		fill(c);
		c->nmi_blocked = w == NMI_BLOCKED;
		c->shadow = w == SHADOW;
		if (w == FAULT)
			cpu_raise_err(c, EXC_GP, 0x18);
		else if (w == PAGE_FAULT)
			cpu_raise_pf(c, 0xabcdef, 2);
		c->exc_addr = 0xabcdef;
		assert_true(kvm_load(c));
		kvm_sync(c);                            /* the kernel's own form of what has several */
		c->exc_addr = 0xabcdef;
		put(c, &a);
		memcpy(was, c, sizeof *c);
		assert_true(kvm_load(c));
		wipe(c);
		kvm_sync(c);
		put(c, &b);
		was->tsc_offset = c->tsc_offset;
		if (a.len != b.len || memcmp(a.data, b.data, a.len))
			compare(was, c);
		/* and that form is ours */
		assert_int_equal(c->rip, 0x1234);
		assert_int_equal(c->nmi_blocked, w == NMI_BLOCKED);
		assert_int_equal(c->shadow, w == SHADOW);
		assert_int_equal(c->exc_pending, w >= FAULT);
		if (w >= FAULT) {
			assert_int_equal(c->exc_vector, w == FAULT ? EXC_GP : EXC_PF);
			assert_int_equal(c->exc_err, w == FAULT ? 0x18 : 2);
		}
		for (unsigned n = 0; n < N_MSRS; n++)
			if (*field(c, n) != msrs[n].value)
				fail_msg("MSR %x is %llx", msrs[n].msr, (unsigned long long)*field(c, n));
		for (unsigned n = 0; n < 16; n++)
			assert_int_equal(c->regs[n], UINT32_C(0x01010101) * (n + 1));
		assert_int_equal(cpu_get_eflags(c), FL_CF | FL_OF | FL_IF | FL_DF | FL_AC | 2);
		state_buf_free(&a);
		state_buf_free(&b);
		free(was);
		sysrig_free(r);
	}
}

/* Saved under one engine, loaded under the other: the guest goes on and comes to the same end. */
static void saved_and_loaded(void **state)
{
	static const char *const way[][2] = { { "interp", "kvm" }, { "kvm", "interp" }, { "kvm", "kvm" }, { "jit", "kvm" } };
	/* 1: inc bx; add ax, bx; dec cx; jnz 1b; out f4h, al */
	static const uint8_t code[] = { 0x43, 0x01, 0xd8, 0x49, 0x75, 0xfa, 0xe6, 0xf4 };
	need_kvm();
	for (unsigned n = 0; n < sizeof way / sizeof way[0]; n++) {
		struct state_buf b = { 0 };
		struct error err = { "" };
		for (unsigned part = 0; part < 2; part++) {
			struct sysrig *r = sysrig_new(way[n][part]);
			struct cpu *c = r->cpu;
			memcpy(r->m->ram.host + r->ram.ram_addr + LOAD_AT, code, sizeof code);
			if (!part) {
				cpu_reset(c);
				c->seg[SEG_CS].sel = LOAD_AT >> 4;
				c->seg[SEG_CS].base = LOAD_AT;
				c->rip = 0;
				c->regs[RAX] = c->regs[RBX] = 0;
				c->regs[RCX] = 300;
				cpu_update_mode(c);
				for (unsigned k = 0; k < 40; k++)
					assert_int_equal(cpu_step(c), CPUEXIT_DEBUG);
				if (r->m->accel == &accel_kvm) {        /* through the kernel, too */
					assert_true(kvm_load(c));
					kvm_sync(c);
				}
				cpu_saving(c);
				state_put(&b, "cpu", VERSION, cpu_state, c);
			} else {
				if (!state_get(&b, "cpu", VERSION, cpu_state, c, &err) || !cpu_loaded(c, &err))
					fail_msg("%s", err.msg);
				assert_string_equal(sysrig_run(r), "exit");
				assert_int_equal(r->exit_code, 300 * 301 / 2 & 0xff);
				if (r->m->accel->sync)
					r->m->accel->sync(c);
				assert_int_equal(c->regs[RBX] & 0xffff, 300);
				assert_int_equal(c->regs[RAX] & 0xffff, 300 * 301 / 2);
			}
			sysrig_free(r);
		}
		state_buf_free(&b);
	}
}

/* ---- breakpoints --------------------------------------------------------------------------------------------------------------------------- */

/* What goes into debug registers, and what is left to the interpreter. */
static void planned_breakpoints(void **state)
{
	need_kvm();
	struct sysrig *r = sysrig_new("kvm");
	struct cpu *c = r->cpu;
	const struct kvm *k = r->m->engine_data;
	const __u64 *reg = kvm_of(c)->debug.arch.debugreg;
	bool all_modes = !*k->probe.why;

	assert_true(kvm_plan_debug(c));
	assert_int_equal(kvm_of(c)->debug.control, 0);
	for (unsigned n = 0; n < 4; n++)
		assert_true(break_set(r->m, n & 1 ? BREAK_HARD : BREAK_SOFT, 0x1000 + n, 1));
	assert_true(break_set(r->m, BREAK_HARD, 0x1000, 1));    /* twice at one address is one */
	assert_true(kvm_plan_debug(c));
	for (unsigned n = 0; n < 4; n++)
		assert_int_equal(reg[n], 0x1000 + n);
	assert_int_equal(reg[7], 0x24aa);                       /* four on code, GD */
	c->dr[7] = 0x401;                                       /* the guest's own */
	assert_false(kvm_plan_debug(c));
	c->dr[7] = 0x400;
	assert_true(break_set(r->m, BREAK_SOFT, 0x2000, 1));
	assert_false(kvm_plan_debug(c));
	break_clear_all(r->m);
	assert_true(break_set(r->m, BREAK_READ, 0x2000, 4));
	assert_false(kvm_plan_debug(c));
	break_clear_all(r->m);
	assert_true(break_set(r->m, BREAK_WRITE, 0x2002, 4));   /* not aligned */
	assert_false(kvm_plan_debug(c));
	break_clear_all(r->m);
	assert_true(break_set(r->m, BREAK_WRITE, 0x2000, 4));
	assert_true(break_set(r->m, BREAK_ACCESS, 0x3000, 8));
	assert_int_equal(kvm_plan_debug(c), all_modes);
	if (all_modes)
		assert_int_equal(reg[7], 0xbd240a);
	break_clear_all(r->m);
	sysrig_free(r);
}

/* ---- CPUID -------------------------------------------------------------------------------------------------------------------------------- */

/* The kernel has what the other engines tell: the same topology, caches and hypervisor. */
static void same_cpuid(void **state)
{
	static const char *const models[] = { "EPYC-Rome,check=off", "Skylake-Client,check=off,level=0x1f" };
	static const struct { uint32_t leaf, subs; } told[] = { { 2, 1 }, { 4, 5 }, { 0xb, 3 }, { 0x1f, 3 }, { 0x40000000, 1 }, { 0x80000005, 1 }, { 0x80000006, 1 },
		{ 0x80000008, 1 }, { 0x8000001d, 5 }, { 0x8000001e, 1 } };
	struct { struct kvm_cpuid2 head; struct kvm_cpuid_entry2 e[KVM_CPUID_MAX]; } t;

	need_kvm();
	for (unsigned n = 0; n < 2; n++) {
		char args[120];
		snprintf(args, sizeof args, "-accel kvm -m 16 -smp 12,sockets=2,cores=3,threads=2 -cpu %s", models[n]);
		struct machine *m = board_new(args);
		struct cpu *c = m->cpus[11];
		t.head.nent = KVM_CPUID_MAX;
		assert_int_equal(ioctl(kvm_of(c)->fd, KVM_GET_CPUID2, &t), 0);
		for (unsigned k = 0; k < sizeof told / sizeof told[0]; k++)
			for (uint32_t s = 0; s < told[k].subs; s++) {
				struct cpuid_result ours = cpu_cpuid(c, told[k].leaf, s);
				bool in_range = told[k].leaf <= c->cpuid->level || (told[k].leaf & 0x40000000) || (told[k].leaf >> 31 && told[k].leaf <= c->cpuid->xlevel), found = false;
				for (unsigned i = 0; i < t.head.nent; i++)
					if (t.e[i].function == told[k].leaf && (!(t.e[i].flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX) || t.e[i].index == s))
						found = !memcmp(&t.e[i].eax, &ours, sizeof ours);
				if (found != in_range)
					fail_msg("%s: leaf %#x, subleaf %u", models[n], told[k].leaf, s);
			}
		board_free(m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(every_field), cmocka_unit_test(saved_and_loaded), cmocka_unit_test(planned_breakpoints), cmocka_unit_test(same_cpuid) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
