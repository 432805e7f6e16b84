/* test_sys_cpuid.c - CPU models, features and messages of -cpu; threads: running, parking, sleeping in HLT. */
#include "core/cpu/cpuid.h"
#include "core/cpu/vcpu.h"
#include "core/machine/machine.h"
#include "core/machine/text.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

static struct machine *bare(void)
{
	char *argv[] = { "vmux", "-m", "4", "-nodefaults", "-display", "none", NULL };
	struct error err = { "" };
	bool done;
	int status;
	struct options *o = options_parse(6, argv, &done, &status, &err);
	assert_non_null(o);
	struct machine *m = machine_new_bare(o, &err);
	assert_non_null(m);
	return m;
}

static void message(struct machine *m, const char *spec, const char *want)
{
	struct error err = { "" };
	assert_null(cpu_create(m, 0, spec, &err));
	assert_string_equal(err.msg, want);
}

static void messages(void **s)
{
	struct machine *m = bare();
	message(m, "nosuch", "unable to find CPU model 'nosuch'");
	message(m, "", "-cpu option cannot be empty");
	message(m, "host", "CPU model 'host' requires KVM or HVF");
	message(m, "core2duo,+nosuch", "Property 'core2duo-x86_64-cpu.nosuch' not found");
	message(m, "qemu64,nosuch=1", "can't apply global qemu64-x86_64-cpu.nosuch=1: Property 'qemu64-x86_64-cpu.nosuch' not found");
	message(m, "max,nx=perhaps", "-cpu max,nx=perhaps: on or off is accepted");
	message(m, "max,family=x", "-cpu max,family=x: a number from 0 to 270 is accepted");
	message(m, "max,vendor=me", "-cpu max,vendor=me: the vendor is a text of 12 characters, as GenuineIntel");
	machine_free(m);
}

static struct cpu *make(struct machine *m, const char *spec)
{
	struct error err = { "" };
	struct cpu *c = cpu_create(m, 0, spec, &err);
	if (!c)
		fail_msg("%s: %s", spec, err.msg);
	return c;
}

static void vendor_of(struct cpu *c, char v[13])
{
	struct cpuid_result r = cpu_cpuid(c, 0, 0);
	memcpy(v, &r.ebx, 4);
	memcpy(v + 4, &r.edx, 4);
	memcpy(v + 8, &r.ecx, 4);
	v[12] = 0;
}

static void models(void **s)
{
	struct machine *m = bare();
	char vendor[13];
	for (const struct cpu_model *k = cpu_models; k->name; k++) {    /* each can be made, quietly */
		char spec[64];
		snprintf(spec, sizeof spec, "%s,check=off", k->name);
		cpu_destroy(make(m, spec));
	}
	struct cpu *c = make(m, NULL);
	vendor_of(c, vendor);
	assert_string_equal(vendor, "AuthenticAMD");
	assert_int_equal(cpu_cpuid(c, 1, 0).eax, 0x00060fb1);           /* family 15, model 107, stepping 1 */
	assert_true(cpu_has(c, CF_LM) && cpu_has(c, CF_NX) && cpu_has(c, CF_PCID) && cpu_has(c, CF_INVPCID) && cpu_has(c, CF_PDPE1GB));
	cpu_destroy(c);

	c = make(m, "core2duo,check=off,+nx,-sse4.2,stepping=3,model-id=A test");
	vendor_of(c, vendor);
	assert_string_equal(vendor, "GenuineIntel");
	assert_int_equal(cpu_cpuid(c, 1, 0).eax, 0x000006f3);
	assert_true(cpu_has(c, CF_NX));
	struct cpuid_result b = cpu_cpuid(c, 0x80000002, 0);
	assert_memory_equal(&b, "A test", 6);
	cpu_destroy(c);

	c = make(m, "486,check=off");
	assert_false(cpu_has(c, CF_PAE));
	assert_int_equal(cpu_cpuid(c, 1, 0).eax >> 8 & 15, 4);
	cpu_destroy(c);
	c = make(m, "qemu64,hypervisor=off,lahf_lm=off,sse4_1=off");
	assert_false(cpu_has(c, CF_HYPERVISOR));
	assert_int_equal(cpu_cpuid(c, 1, 0).ecx >> 19 & 1, 0);
	assert_int_equal(cpu_cpuid(c, 0x80000001, 0).ecx & 1, 0);
	cpu_destroy(c);

	struct text t = { 0 };
	cpu_help(&t);
	assert_non_null(strstr(t.s, "x86 qemu64 "));
	assert_non_null(strstr(t.s, "Recognized CPUID flags:"));
	text_free(&t);
	machine_free(m);
}

static void is(struct cpu *c, uint32_t leaf, uint32_t sub, uint32_t eax, uint32_t ebx, uint32_t ecx, uint32_t edx)
{
	struct cpuid_result r = cpu_cpuid(c, leaf, sub), want = { eax, ebx, ecx, edx };
	if (memcmp(&r, &want, sizeof r))
		fail_msg("CPUID %#x/%u: %08x %08x %08x %08x", leaf, sub, r.eax, r.ebx, r.ecx, r.edx);
}

/* SDM 2, CPUID, leaf 04H: type 4-0, level 7-5, 8 = initializes itself, ids that share it - 1 in 25-14, of cores - 1 in 31-26; line - 1, ways - 1 in
 * 31-22; sets - 1; 0 = WBINVD not shared, 1 = inclusive, 2 = complex.  Leaves 0BH and 1FH: shift; processors; level, its kind in 15-8; x2APIC id. */
static void caches_of_intel(void **s)
{
	struct machine *m = bare();
	m->opt->sockets = 2, m->opt->cores = 3, m->opt->threads = 2;
	struct cpu *c = make(m, "Skylake-Client,check=off,level=0x1f");
	c->apic_id = 13;                /* second socket, core 2, thread 1 */
	is(c, 2, 0, 0x0000ff01, 0, 0, 0);
	is(c, 4, 0, 3u << 26 | 1 << 14 | 0x121, 7 << 22 | 63, 63, 1);           /* 32 KB, 8 ways, of a core */
	is(c, 4, 1, 3u << 26 | 1 << 14 | 0x122, 7 << 22 | 63, 63, 1);
	is(c, 4, 2, 3u << 26 | 1 << 14 | 0x143, 15 << 22 | 63, 4095, 1);        /* 4 MB, 16 ways */
	is(c, 4, 3, 3u << 26 | 7 << 14 | 0x163, 15 << 22 | 63, 16383, 6);       /* 16 MB, 16 ways, of the package */
	is(c, 4, 4, 0, 0, 0, 0);
	for (uint32_t leaf = 0xb; leaf <= 0x1f; leaf += 0x14) {
		is(c, leaf, 0, 1, 2, 1 << 8, 13);
		is(c, leaf, 1, 3, 6, 2 << 8 | 1, 13);
		is(c, leaf, 2, 0, 0, 2, 13);
	}
	is(c, 0x80000005, 0, 0, 0, 0, 0);
	is(c, 0x80000006, 0, 0, 0, 4096 << 16 | 8 << 12 | 64, 0);
	cpu_destroy(c);
	c = make(m, "Skylake-Client,check=off,l3-cache=off");
	is(c, 4, 3, 0, 0, 0, 0);
	struct cpuid_result highest = cpu_cpuid(c, 0xd, 0);
	is(c, 0x1f, 0, highest.eax, highest.ebx, highest.ecx, highest.edx);
	cpu_destroy(c);
	c = make(m, "pentium3,check=off");
	is(c, 2, 0, 1, 0, 0x4d, 0x002c3049);
	cpu_destroy(c);
	message(m, "max,l3-cache=some", "-cpu max,l3-cache=some: on or off is accepted");
	machine_free(m);
}

/* APM 3, E.4.5: KB 31-24, ways 23-16, lines of a tag 15-8, line 7-0; E.4.6: L2 KB 31-16, L3 in 512 KB 31-18, ways 15-12, 8 = 16 and 6 = 8;
 * E.4.15: as Intel's leaf 4, without cores; E.4.16: id; threads of a core - 1 in 15-8, core; node. */
static void caches_of_amd(void **s)
{
	struct machine *m = bare();
	m->opt->sockets = 2, m->opt->cores = 3, m->opt->threads = 2;
	struct cpu *c = make(m, "qemu64");
	is(c, 2, 0, 0, 0, 0, 0);
	is(c, 4, 0, 0, 0, 0, 0);
	is(c, 0x80000005, 0, 0x01ff01ff, 0x01ff01ff, 0x40020140, 0x40020140);
	is(c, 0x80000006, 0, 0, 0x42004200, 2048u << 16 | 0x8140, 32 << 18 | 0x8140);
	is(c, 0x8000001d, 0, 0, 0, 0, 0);
	cpu_destroy(c);
	c = make(m, "EPYC,check=off");
	c->apic_id = 13;
	is(c, 0x80000005, 0, 0x01ff01ff, 0x01ff01ff, 0x20080140, 0x40040140);
	is(c, 0x80000006, 0, 0, 0x42004200, 512 << 16 | 0x6140, 16 << 18 | 0x8140);
	is(c, 0x8000001d, 0, 1 << 14 | 0x121, 7 << 22 | 63, 63, 1);
	is(c, 0x8000001d, 1, 1 << 14 | 0x122, 3 << 22 | 63, 255, 1);
	is(c, 0x8000001d, 2, 1 << 14 | 0x143, 7 << 22 | 63, 1023, 2);
	is(c, 0x8000001d, 3, 5 << 14 | 0x163, 15 << 22 | 63, 8191, 6);
	is(c, 0x8000001d, 4, 0, 0, 0, 0);
	is(c, 0x8000001e, 0, 13, 1 << 8 | 2, 1, 0);
	cpu_destroy(c);
	c = make(m, "EPYC-Milan,check=off");
	is(c, 0x8000001d, 3, 5 << 14 | 0x163, 15 << 22 | 63, 32767, 6);
	cpu_destroy(c);
	c = make(m, "EPYC,check=off,topoext=off,l3-cache=off");
	is(c, 0x8000001d, 0, 0, 0, 0, 0);
	is(c, 0x8000001e, 0, 0, 0, 0, 0);
	is(c, 0x80000006, 0, 0, 0x42004200, 512 << 16 | 0x6140, 0);
	cpu_destroy(c);
	machine_free(m);
}

/* The counter begins at 0 with each reset, and IA32_TSC_ADJUST too: what is in it then, Linux takes for a fault of the firmware.  Afterwards they move together. */
static void time_stamp(void **s)
{
	enum { TSC = 0x10, TSC_ADJUST = 0x3b };
	struct machine *m = bare();
	struct cpu *c = make(m, NULL);
	uint64_t v;

	clock_set(&m->clock, 5000);
	cpu_reset(c);
	assert_true(cpu_rdmsr(c, TSC, &v));
	assert_int_equal(v, 0);
	assert_true(cpu_rdmsr(c, TSC_ADJUST, &v));
	assert_int_equal(v, 0);
	clock_set(&m->clock, 6000);
	assert_true(cpu_wrmsr(c, TSC, 50000));
	assert_true(cpu_rdmsr(c, TSC_ADJUST, &v));
	assert_int_equal(v, 49000);
	assert_true(cpu_wrmsr(c, TSC_ADJUST, 0));
	assert_true(cpu_rdmsr(c, TSC, &v));
	assert_int_equal(v, 1000);
	cpu_destroy(c);
	c = make(m, "qemu64,tsc-adjust=off");
	cpu_reset(c);
	assert_false(cpu_rdmsr(c, TSC_ADJUST, &v));
	assert_false(cpu_wrmsr(c, TSC_ADJUST, 0));
	cpu_destroy(c);
	machine_free(m);
}

/* ---- threads ---- */

enum { COUNTER = 0x800 };
/* inc dword [800h]; jmp */
static const uint8_t counting[] = { 0x66, 0xff, 0x06, 0x00, 0x08, 0xeb, 0xf9 };
/* hlt; inc dword [800h]; jmp */
static const uint8_t sleeping[] = { 0xf4, 0x66, 0xff, 0x06, 0x00, 0x08, 0xeb, 0xf8 };

struct bench { struct machine *m; struct region ram; };

/* Guest memory, read while the guest writes it: nothing orders the two, as on any two processors. */
__attribute__((no_sanitize("thread"), noinline)) static uint32_t counter(struct bench *b)
{
	return *(volatile uint32_t *)(void *)(b->m->ram.host + b->ram.ram_addr + COUNTER);
}

static void start(struct bench *b, const uint8_t *code, size_t n)
{
	struct error err = { "" };
	b->m = bare();
	if (!b->m->accel->init(b->m, &err))
		fail_msg("%s", err.msg);
	machine_lock(b->m);
	b->ram = (struct region){ .name = "ram", .kind = REGION_RAM, .size = 1 << 20, .ram_addr = ram_alloc(&b->m->ram, "ram", 1 << 20, &err) };
	assert_true(space_map(&b->m->mem, &b->ram, &err));
	memcpy(b->m->ram.host + b->ram.ram_addr, code, n);
	/* NMI: vector 2 at 8: IRET at 900h */
	memcpy(b->m->ram.host + b->ram.ram_addr + 8, "\x00\x09\x00\x00", 4);
	b->m->ram.host[b->ram.ram_addr + 0x900] = 0xcf;
	struct cpu *c = b->m->cpus[0];
	cpu_reset(c);
	c->seg[SEG_CS].sel = 0;
	c->seg[SEG_CS].base = 0;
	c->rip = 0;
	c->regs[RSP] = 0x7000;
	cpu_update_mode(c);
	assert_true(b->m->accel->start_vcpus(b->m, &err));
	clock_run(&b->m->clock);
}

static void finish(struct bench *b)
{
	machine_unlock(b->m);
	b->m->accel->stop_vcpus(b->m);
	machine_lock(b->m);
	space_unmap(&b->m->mem, &b->ram);
	machine_unlock(b->m);
	machine_free(b->m);
}

/* Wait, machine unlocked, until the counter is beyond n. */
static bool reaches(struct bench *b, uint32_t n)
{
	machine_unlock(b->m);
	bool ok = false;
	for (int k = 0; k < 90000 && !(ok = counter(b) > n); k++)
		usleep(1000);
	machine_lock(b->m);
	return ok;
}

static void wait_halted(struct bench *b)
{
	machine_unlock(b->m);
	while (b->m->cpus[0]->run_state != CPU_HALTED)
		usleep(100);
	machine_lock(b->m);
}

static void park_and_resume(void **s)
{
	struct bench b;
	start(&b, counting, sizeof counting);
	assert_null(vcpu_current(b.m));
	assert_int_equal(counter(&b), 0);              /* threads start parked */
	for (int n = 0; n < 100; n++) {
		uint32_t before = counter(&b);
		vcpu_resume_all(b.m);
		assert_true(reaches(&b, before));
		vcpu_park_all(b.m);
		assert_true(vcpu_all_parked(b.m));
		before = counter(&b);
		assert_true(b.m->cpus[0]->rip < sizeof counting);
		vcpu_park_all(b.m);                     /* again: nothing happens */
		assert_int_equal(counter(&b), before);
	}
	assert_true(vcpu_thread_id(b.m->cpus[0]) > 0);
	finish(&b);
}

static void halted_costs_nothing(void **s)
{
	struct bench b;
	start(&b, sleeping, sizeof sleeping);
	vcpu_resume_all(b.m);
	for (uint32_t n = 0; n < 50; n++) {             /* each NMI wakes it once */
		wait_halted(&b);
		cpu_request(b.m->cpus[0], REQ_NMI);
		assert_true(reaches(&b, n));
	}
	wait_halted(&b);
	machine_unlock(b.m);
	struct timespec t0, t1;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t0);
	usleep(200 * 1000);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t1);
	machine_lock(b.m);
	double used = (double)(t1.tv_sec - t0.tv_sec) + (double)(t1.tv_nsec - t0.tv_nsec) / 1e9;
	assert_true(used < 0.02);
	assert_int_equal(counter(&b), 50);
	cpu_request(b.m->cpus[0], REQ_INTR);            /* IF is clear: goes on sleeping */
	vcpu_park_all(b.m);                             /* a halted CPU parks too */
	assert_true(vcpu_all_parked(b.m));
	assert_int_equal(counter(&b), 50);
	assert_int_equal(b.m->cpus[0]->run_state, CPU_HALTED);
	finish(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages),
		cmocka_unit_test(models), cmocka_unit_test(caches_of_intel), cmocka_unit_test(caches_of_amd),
		cmocka_unit_test(time_stamp),
		cmocka_unit_test(park_and_resume),
		cmocka_unit_test(halted_costs_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
