/* test_kvm.c - the KVM engine: the choice of an engine, state between struct cpu and the kernel, the assembly guests of tests/cpu/sys, engines
 * that take turns.  What this host's KVM cannot do is skipped and said. */
#include "tests/cpu/sysrig.h"
#include "core/cpu/cpuid.h"
#include "core/cpu/vcpu.h"
#include "core/kvm/kvm.h"
#include "core/machine/text.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static const struct kvm_probe *probe(void **state) { return *state; }
static bool usable(const struct kvm_probe *p) { return p->mode[KVM_REAL] != KVM_REFUSES && !*p->why; }
static bool runs(const struct kvm_probe *p)
{
	for (enum kvm_mode m = 0; m < KVM_MODES; m++)
		if (p->mode[m] == KVM_REFUSES)
			return false;
	return true;
}
static void need_kvm(void **state)
{
	if (runs(probe(state)))
		return;
	printf("# SKIP %s\n", probe(state)->why);
	skip();
}

/* ---- choosing --------------------------------------------------------------------------------------------------------------------------- */

static struct machine *machine_with(const char *accel, struct error *err)
{
	char *argv[] = { "vmux", "-m", "4", "-nodefaults", "-display", "none", "-machine", NULL, NULL };
	char word[64];
	bool done;
	int status;
	snprintf(word, sizeof word, "pc,accel=%s", accel);
	argv[7] = word;
	struct options *o = options_parse(8, argv, &done, &status, err);
	return o ? machine_new_bare(o, err) : NULL;
}

static void choice(void **state)
{
	const struct kvm_probe *p = probe(state);
	struct error err = { "" };
	struct machine *m = machine_with("kvm:jit", &err);

	assert_non_null(m);
	assert_string_equal(m->accel->name, usable(p) ? "kvm" : "jit");
	assert_int_equal(*m->accel_why != 0, !usable(p));
	machine_free(m);
	m = machine_with("kvm", &err);
	if (runs(p)) {
		assert_non_null(m);
		assert_string_equal(m->accel->name, "kvm");
		machine_free(m);
	} else {
		assert_null(m);
		assert_non_null(strstr(err.msg, "-accel kvm: "));
	}
	assert_null(machine_with("kvm:fast", &err));
	m = machine_with("interp:kvm", &err);
	assert_string_equal(m->accel->name, "interp");
	assert_string_equal(m->accel_why, "");
	machine_free(m);
}

/* Without -accel: kvm, jit, interp, the first that is as fast as it should be. */
static void choice_of_nobody(void **state)
{
	const struct kvm_probe *p = probe(state);
	char *argv[] = { "vmux", "-m", "16", "-nodefaults", "-display", "none", NULL };
	struct error err = { "" };
	bool done;
	int status;
	struct options *o = options_parse(6, argv, &done, &status, &err);
	struct machine *m = o ? machine_new(o, &err) : NULL;

	if (!m)
		fail_msg("%s", err.msg);
	assert_string_equal(m->accel->name, usable(p) ? "kvm" : "jit");
	assert_int_equal(!strstr(m->accel_why, "kvm is not used: "), usable(p));
	machine_free(m);
}

/* ---- state ------------------------------------------------------------------------------------------------------------------------------ */

static void fill(struct sysrig *r, bool wide)
{
	struct cpu *c = r->cpu;
	for (unsigned n = 0; n < 16; n++) {
		c->regs[n] = UINT64_C(0x1111111111111111) * (n + 1) & (wide ? ~UINT64_C(0) : 0xffffffff);
		for (unsigned k = 0; k < 32; k++)
			c->ymm[n].u8[k] = (uint8_t)(n * 32 + k);
	}
	sysrig_fill_fpu(c);
	c->dr[0] = 0x1000, c->dr[1] = 0x2000, c->dr[2] = 0x3000, c->dr[3] = 0x4000, c->dr[7] = 0x400;
	c->sysenter_cs = 8, c->sysenter_esp = 0x1234, c->sysenter_eip = 0x5678;
	c->star = UINT64_C(0x0023001000000000), c->lstar = 0x7000, c->cstar = 0x8000, c->sfmask = 0x200, c->kernel_gs_base = 0x9000;
	c->tsc_aux = 5;
	c->mtrr_def = 0xc06;
	c->mtrr_fix[3] = UINT64_C(0x0606060606060606);
	c->cr2 = 0xabcdef;
	r->tpr = 5;
	c->gdtr = (struct dtreg){ .base = 0x5000, .limit = 0x7f };
	c->idtr = (struct dtreg){ .base = 0x6000, .limit = 0x3ff };
	cpu_set_eflags(c, FL_CF | FL_OF | FL_IF | FL_DF | FL_ID);
}

static void make_long(struct cpu *c, uint8_t *ram)
{
	const uint64_t tables[3] = { 0x21000 | 7, 0x22000 | 7, 0x87 };
	for (unsigned n = 0; n < 3; n++)
		memcpy(ram + 0x20000 + n * 0x1000, &tables[n], 8);
	c->cr3 = 0x20000;
	c->cr4 = CR4_PAE | CR4_OSFXSR | CR4_OSXSAVE;
	c->efer = EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE;
	c->cr0 = CR0_PE | CR0_PG | CR0_ET | CR0_NE | CR0_WP;
	c->seg[SEG_CS] = (struct segreg){ .limit = 0xffffffff, .sel = 0x33, .attr = ATTR_P | ATTR_S | ATTR_DPL | ATTR_L | ATTR_G | 11 };
	for (unsigned n = 0; n < 6; n++)
		if (n != SEG_CS)
			c->seg[n] = (struct segreg){ .limit = 0xffffffff, .sel = 0x2b, .attr = ATTR_P | ATTR_S | ATTR_DPL | ATTR_DB | ATTR_G | 3 };
	c->seg[SEG_FS].base = UINT64_C(0x7fff00001000);
	c->seg[SEG_TR] = (struct segreg){ .base = 0x3000, .limit = 0x67, .sel = 0x40, .attr = ATTR_P | 11 };
	c->cpl = 3;
	cpu_update_mode(c);
}

/* Into the kernel and back: the same. */
static void round_trip(void **state)
{
	need_kvm(state);
	for (int wide = 0; wide < 2; wide++) {
		struct sysrig *r = sysrig_new("kvm");
		struct cpu *c = r->cpu, *was = malloc(sizeof *was);
		assert_non_null(was);
		if (wide)
			make_long(c, r->m->ram.host + r->ram.ram_addr);
		fill(r, wide);
		memcpy(was, c, sizeof *c);
		assert_true(kvm_load(c));
		memset(c->regs, 0, 16 * sizeof c->regs[0]);
		memset(c->ymm, 0, sizeof c->ymm);
		memset(&c->fpu, 0, sizeof c->fpu);
		c->cr0 = c->cr2 = c->cr3 = c->cr4 = c->efer = c->rip = c->star = c->lstar = c->sysenter_eip = c->mtrr_def = 0;
		kvm_sync(c);
		assert_memory_equal(c->regs, was->regs, 16 * sizeof c->regs[0]);
		assert_memory_equal(c->ymm, was->ymm, sizeof c->ymm);
		assert_memory_equal(&c->fpu, &was->fpu, sizeof c->fpu);
		assert_memory_equal(c->seg, was->seg, SEG_COUNT * sizeof c->seg[0]);
		assert_memory_equal(c->dr, was->dr, 4 * sizeof c->dr[0]);
		assert_int_equal(c->mxcsr, was->mxcsr);
		assert_int_equal(cpu_get_eflags(c), cpu_get_eflags(was));
		assert_int_equal(c->mode, was->mode);
		assert_int_equal(c->cpl, was->cpl);
		for (unsigned n = 0; n < 2; n++) {
			struct dtreg x = n ? c->idtr : c->gdtr, y = n ? was->idtr : was->gdtr;
			assert_true(x.base == y.base && x.limit == y.limit);
		}
#define SAME(f) do { if (c->f != was->f) fail_msg("%s: %llx, was %llx", #f, (unsigned long long)c->f, (unsigned long long)was->f); } while (0)
		SAME(rip); SAME(cr0); SAME(cr2); SAME(cr3); SAME(cr4); SAME(efer); SAME(xcr0); SAME(star); SAME(lstar); SAME(cstar); SAME(sfmask);
		SAME(kernel_gs_base); SAME(sysenter_cs); SAME(sysenter_esp); SAME(sysenter_eip); SAME(mtrr_def); SAME(mtrr_fix[3]); SAME(pat);
		assert_int_equal(r->tpr, 5);
		free(was);
		sysrig_free(r);
	}
}

/* ---- guests ------------------------------------------------------------------------------------------------------------------------------ */

enum { PATIENCE_MS = 60000, PATIENCE_SLOW_MS = 8000 };

/* In its own thread, as in a machine. */
static const char *run_threaded(struct sysrig *r, int ms)
{
	struct error err = { "" };
	struct cpu *c = r->cpu;
	const char *end = "ran away";

	if (!r->m->accel->start_vcpus(r->m, &err))
		fail_msg("%s", err.msg);
	machine_lock(r->m);
	vcpu_resume_all(r->m);
	machine_unlock(r->m);
	for (int n = 0; n < ms; n++) {
		if (__atomic_load_n(&r->exit_code, __ATOMIC_ACQUIRE) >= 0)
			end = "exit";
		else if (atomic_load(&c->run_state) == CPU_SHUTDOWN)
			end = "triple fault";
		else if (r->m->state == RUN_INTERNAL_ERROR)
			end = "internal error";
		else {
			usleep(1000);
			continue;
		}
		break;
	}
	machine_lock(r->m);
	vcpu_park_all(r->m);
	machine_unlock(r->m);
	r->m->accel->stop_vcpus(r->m);
	return end;
}

/* Where the processor runs the guest every case must hold; where the kernel emulates, its slips are only told. */
static void guest(void **state, const char *name, const char *ending, unsigned at_least)
{
	const struct kvm_probe *p = probe(state);
	bool strict = usable(p);
	need_kvm(state);
	struct sysrig *r = sysrig_new("kvm");
	sysrig_load(r, name);
	const char *end = run_threaded(r, strict ? PATIENCE_MS : PATIENCE_SLOW_MS);
	unsigned ok = 0, bad = 0;
	for (char *line = strtok(r->text, "\n"); line; line = strtok(NULL, "\n")) {
		bool good = !strncmp(line, "ok ", 3);
		ok += good;
		bad += !good;
		if (!good && strict)
			printf("# %s: %s\n", name, line);
	}
	printf("# %s%s: %u cases right, %u wrong, ended by %s at %04x:%llx, %llu exits, %llu instructions interpreted\n", strict ? "" : "the kernel emulates ",
		name, ok, bad, end, r->cpu->seg[SEG_CS].sel, (unsigned long long)r->cpu->rip, (unsigned long long)kvm_of(r->cpu)->exits,
		(unsigned long long)kvm_of(r->cpu)->stepped);
	sysrig_free(r);
	if (strict) {
		assert_string_equal(end, ending);
		assert_int_equal(bad, 0);
		assert_true(ok >= at_least);
	}
}
static void real_mode(void **s)       { guest(s, "real16", "exit", 10); }
static void protected_mode(void **s)  { guest(s, "prot32", "exit", 150); }
static void paging(void **s)          { guest(s, "paging", "exit", 80); }
static void tasks(void **s)           { guest(s, "tasks", "exit", 30); }
static void vm86(void **s)            { guest(s, "vm86", "exit", 50); }
static void triple_fault(void **s)    { guest(s, "triple", "triple fault", 6); }
static void long_mode(void **s)       { guest(s, "long64", "exit", 150); }

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(choice), cmocka_unit_test(choice_of_nobody), cmocka_unit_test(round_trip), cmocka_unit_test(real_mode), cmocka_unit_test(protected_mode), cmocka_unit_test(paging),
		cmocka_unit_test(tasks), cmocka_unit_test(vm86), cmocka_unit_test(triple_fault), cmocka_unit_test(long_mode),
	};
	struct kvm_probe p;
	static const char *const words[] = { "works", "slow", "refuses" };

	kvm_probe(&p);
	for (enum kvm_mode m = 0; m < KVM_MODES; m++)
		printf("# %s: %s, %u ns\n", kvm_mode_text(m), words[p.mode[m]], p.ns[m]);
	struct CMUnitTest with[sizeof tests / sizeof tests[0]];
	memcpy(with, tests, sizeof tests);
	for (size_t n = 0; n < sizeof tests / sizeof tests[0]; n++)
		with[n].initial_state = &p;
	return cmocka_run_group_tests(with, NULL, NULL);
}
