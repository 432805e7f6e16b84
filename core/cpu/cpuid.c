/* cpuid.c - making a CPU model from -cpu, and the CPUID instruction.  Ref: SDM 2, CPUID; APM 3, appendix E. */
#include "core/cpu/cpuid.h"
#include "core/cpu/cpuid_cache.h"
#include "core/cpu/fp.h"
#include "core/cpu/mmu.h"
#include "core/cpu/topology.h"
#include "core/machine/machine.h"
#include "core/machine/text.h"
#include <cpuid.h>
#include <stdlib.h>
#include <string.h>

/* ---- -cpu MODEL,property... ---- */

/* What the default model offers beyond QEMU's qemu64: whatever makes guests faster here or spares them work-arounds for flaws this
 * processor does not have. */
static const char default_extras[] =
	"vme pni pclmulqdq ssse3 fma cx16 pcid sse4.1 sse4.2 movbe popcnt aes xsave avx f16c rdrand fsgsbase bmi1 avx2 smep bmi2 erms invpcid "
	"rdseed adx clflushopt clwb sha-ni umip rdpid fsrm spec-ctrl arch-capabilities xsaveopt xsavec xgetbv1 arat pdpe1gb rdtscp abm "
	"3dnowprefetch invtsc rdctl-no ibrs-all skip-l1dfl-vmentry ssb-no mds-no pschange-mc-no taa-no sbdr-ssdp-no fbsdp-no psdp-no bhi-no "
	"gds-no rfds-no x2apic tsc-adjust xsaveerptr";

static const struct cpu_model *find_model(const char *name)
{
	for (const struct cpu_model *m = cpu_models; m->name; m++)
		if (!strcmp(m->name, name))
			return m;
	return NULL;
}

static void add_features(uint32_t *word, const char *list)
{
	char name[32];
	while (*list) {
		size_t n = strcspn(list, " ");
		if (n && n < sizeof(name)) {
			memcpy(name, list, n);
			name[n] = 0;
			int f = cpu_feature_find(name);
			if (f >= 0)
				word[f >> 5] |= 1u << (f & 31);
		}
		list += n + strspn(list + n, " ");
	}
}

struct choice {
	const char *model;              /* as the user wrote it */
	uint32_t wanted[W_COUNT], removed[W_COUNT];
	bool check, enforce;
};

static bool not_found(const struct choice *ch, const char *prop, const char *val, struct error *err)
{
	if (!val)
		return error_set(err, "Property '%s-x86_64-cpu.%s' not found", ch->model, prop);
	return error_set(err, "can't apply global %s-x86_64-cpu.%s=%s: Property '%s-x86_64-cpu.%s' not found", ch->model, prop, val, ch->model, prop);
}

static bool parse_bool(const char *val, bool *out)
{
	bool on = !strcmp(val, "on") || !strcmp(val, "yes") || !strcmp(val, "true") || !strcmp(val, "y");
	*out = on;
	return on || !strcmp(val, "off") || !strcmp(val, "no") || !strcmp(val, "false") || !strcmp(val, "n");
}

/* Properties that are numbers or text. */
static bool set_value(struct cpuid_table *t, const struct choice *ch, const char *key, const char *val, bool *known, struct error *err)
{
	static const char *const accepted[] = { "migratable", "kvm", "pmu", "host-cache-info", "host-phys-bits", "phys-bits",
		"tsc-frequency", "min-level", "min-xlevel", "full-cpuid-auto-level", "vmware-cpuid-freq", "x-force-features" };
	*known = true;
	if (!strcmp(key, "vendor")) {
		if (strlen(val) != 12)
			return error_set(err, "-cpu %s,vendor=%s: the vendor is a text of 12 characters, as GenuineIntel", ch->model, val);
		memcpy(t->vendor, val, 13);
		return true;
	}
	if (!strcmp(key, "l3-cache")) {
		bool on;
		if (!parse_bool(val, &on))
			return error_set(err, "-cpu %s,l3-cache=%s: on or off is accepted", ch->model, val);
		t->no_l3 = !on;
		return true;
	}
	if (!strcmp(key, "model-id")) {
		snprintf(t->brand, sizeof(t->brand), "%s", val);
		return true;
	}
	for (unsigned n = 0; n < sizeof(accepted) / sizeof(accepted[0]); n++)
		if (!strcmp(key, accepted[n]))
			return true;
	struct { const char *name; unsigned *p; uint64_t max; } num[] = {
		{ "family", &t->family, 0xff + 0xf }, { "model", &t->model, 0xff }, { "stepping", &t->stepping, 0xf },
		{ "level", &t->level, 0x7fffffff }, { "xlevel", &t->xlevel, 0xffffffff },
	};
	for (unsigned n = 0; n < sizeof(num) / sizeof(num[0]); n++) {
		if (strcmp(key, num[n].name))
			continue;
		char *end;
		uint64_t v = strtoull(val, &end, 0);
		if (!*val || *end || v > num[n].max)
			return error_set(err, "-cpu %s,%s=%s: a number from 0 to %llu is accepted", ch->model, key, val, (unsigned long long)num[n].max);
		*num[n].p = (unsigned)v;
		return true;
	}
	*known = false;
	return true;
}

static void want(struct choice *ch, int f, bool on)
{
	uint32_t bit = 1u << (f & 31);
	ch->wanted[f >> 5] = on ? ch->wanted[f >> 5] | bit : ch->wanted[f >> 5] & ~bit;
	ch->removed[f >> 5] = on ? ch->removed[f >> 5] & ~bit : ch->removed[f >> 5] | bit;
}

static bool apply_property(struct cpuid_table *t, struct choice *ch, char *p, struct error *err)
{
	char *val = strchr(p, '=');
	bool known = true, on;
	if (*p == '+' || *p == '-') {
		int f = cpu_feature_find(p + 1);
		if (f < 0)
			return not_found(ch, p + 1, NULL, err);
		want(ch, f, *p == '+');
		return true;
	}
	if (val)
		*val++ = 0;
	const char *text = val ? val : "on";
	bool is_check = !strcmp(p, "check") || !strcmp(p, "enforce");
	int f = is_check ? -1 : cpu_feature_find(p);
	if (is_check || f >= 0) {
		if (!parse_bool(text, &on))
			return error_set(err, "-cpu %s,%s=%s: on or off is accepted", ch->model, p, text);
		if (f >= 0)
			want(ch, f, on);
		else if (*p == 'c')
			ch->check = on;
		else
			ch->enforce = on;
		return true;
	}
	if (!set_value(t, ch, p, text, &known, err))
		return false;
	return known || not_found(ch, p, text, err);
}

/* What the interpreter implements and the machine's engine has. */
static void implemented(const struct cpu *c, uint32_t word[W_COUNT])
{
	const struct accel_ops *accel = c->machine ? c->machine->accel : NULL;
	cpu_features_implemented(word);
	if (accel && accel->limit_features)
		accel->limit_features(c->machine, word);
}

/* Drop what is not implemented; say so, as QEMU does. */
static bool filter(const struct cpu *c, struct cpuid_table *t, const struct choice *ch, struct error *err)
{
	uint32_t have[W_COUNT];
	bool missing = false;
	implemented(c, have);
	for (unsigned f = 0; f < W_COUNT * 32; f++) {
		unsigned w = f >> 5;
		uint32_t bit = 1u << (f & 31);
		if (!(t->word[w] & bit) || (have[w] & bit))
			continue;
		t->word[w] &= ~bit;
		if (cpu_feature_name(f) && (ch->check || ch->enforce)) {
			missing = true;
			fprintf(stderr, "vmux: warning: interpreter doesn't support requested feature: %s.%s [bit %u]\n",
				cpu_word_name(w), cpu_feature_name(f), f & 31);
		}
	}
	/* With several CPUs MWAIT goes on at once (ops_system_far.c), so that a guest which idles by it would keep the host busy: only who asks by name gets it. */
	const struct options *o = c->machine ? c->machine->opt : NULL;
	if (o && (o->smp > 1 || o->maxcpus > 1) && !(ch->wanted[W_1_ECX] & 1u << (CF_MONITOR & 31)))
		t->word[W_1_ECX] &= ~(1u << (CF_MONITOR & 31));
	if (missing && ch->enforce)
		return error_set(err, "-cpu %s: the interpreter doesn't support the requested features, and enforce is on", ch->model);
	return true;
}

/* The host's own name and numbers: APM 3, appendix E.3; SDM 2, CPUID. */
static void name_as_host(struct cpuid_table *t)
{
	uint32_t r[4], max;
	__cpuid(0, max, r[0], r[1], r[2]);
	memcpy(t->vendor, &r[0], 4), memcpy(t->vendor + 4, &r[2], 4), memcpy(t->vendor + 8, &r[1], 4);
	__cpuid(1, r[0], r[1], r[2], r[3]);
	t->stepping = r[0] & 15;
	t->model = (r[0] >> 4 & 15) | (r[0] >> 12 & 0xf0);
	t->family = (r[0] >> 8 & 15) + ((r[0] >> 8 & 15) == 15 ? r[0] >> 20 & 0xff : 0);
	__cpuid(0x80000000, max, r[1], r[2], r[3]);
	for (uint32_t n = 0; n < 3 && max >= 0x80000004; n++) {
		__cpuid(0x80000002 + n, r[0], r[1], r[2], r[3]);
		memcpy(t->brand + 16 * n, r, 16);
	}
}

static bool identify(struct cpu *c, struct cpuid_table *t, const struct choice *ch, struct error *err)
{
	bool host = !strcmp(ch->model, "host");
	const struct cpu_model *m = find_model(host ? "max" : ch->model);
	if (host && (!c->machine || c->machine->accel != &accel_kvm))
		return error_set(err, "CPU model 'host' requires KVM or HVF");
	if (!m)
		return error_set(err, "unable to find CPU model '%s'", ch->model);
	if (m->alias_of)
		m = find_model(m->alias_of);
	c->model = m;
	t->family = m->family;
	t->model = m->model;
	t->stepping = m->stepping;
	t->level = m->level;
	t->xlevel = m->xlevel;
	snprintf(t->vendor, sizeof(t->vendor), "%s", m->vendor);
	snprintf(t->brand, sizeof(t->brand), "%s", m->brand);
	if (host)
		name_as_host(t);
	return true;
}

/* The model's own features.  "max" has all there is, qemu64 more than its list. */
static void model_features(const struct cpu *c, const struct choice *ch, uint32_t *word)
{
	uint32_t have[W_COUNT];
	implemented(c, have);
	bool all = !strcmp(ch->model, "max") || !strcmp(ch->model, "host");
	add_features(word, c->model->features);
	if (!strcmp(ch->model, "qemu64"))
		add_features(word, default_extras);
	for (unsigned w = 0; w < W_COUNT; w++) {
		if (all)
			word[w] |= have[w];
		if (all || !strncmp(ch->model, "qemu", 4))      /* QEMU's own lists name what only its engines have */
			word[w] &= have[w];
	}
	add_features(word, "hypervisor");
	if (c->machine && c->machine->opt && c->machine->opt->smp > 1)
		add_features(word, "ht");
	else
		word[CF_HT >> 5] &= ~(1u << (CF_HT & 31));
}

bool cpuid_select(struct cpu *c, const char *spec, struct error *err)
{
	struct choice ch = { .check = true };
	struct cpuid_table *t = calloc(1, sizeof(*t));
	char *text = strdup(spec ? spec : "qemu64"), *save = NULL;
	bool ok = false;
	if (!t || !text) {
		error_set(err, "out of memory");
		goto out;
	}
	char *word = strtok_r(text, ",", &save);
	if (!word) {
		error_set(err, "-cpu option cannot be empty");
		goto out;
	}
	ch.model = word;
	if (!identify(c, t, &ch, err))
		goto out;
	model_features(c, &ch, t->word);
	while ((word = strtok_r(NULL, ",", &save)))
		if (!apply_property(t, &ch, word, err))
			goto out;
	for (unsigned w = 0; w < W_COUNT; w++)
		t->word[w] = (t->word[w] | ch.wanted[w]) & ~ch.removed[w];
	if (!filter(c, t, &ch, err))
		goto out;
	if (t->word[W_7_EBX] | t->word[W_7_ECX] | t->word[W_7_EDX] && t->level < 7)
		t->level = 7;
	if (cpu_feature_find("xsave") >= 0 && (t->word[W_1_ECX] >> 26 & 1) && t->level < 0xd)
		t->level = 0xd;
	if ((t->word[W_81_EDX] | t->word[W_81_ECX]) && t->xlevel < 0x80000008)
		t->xlevel = 0x80000008;
	if ((t->word[CF_TOPOEXT >> 5] >> (CF_TOPOEXT & 31) & 1) && t->xlevel < 0x8000001e)
		t->xlevel = 0x8000001e;
	c->cpuid = t;
	t = NULL;
	ok = true;
out:
	free(text);
	free(t);
	return ok;
}

void cpu_help(struct text *out)
{
	text_printf(out, "Available CPUs:\n");
	for (const struct cpu_model *m = cpu_models; m->name; m++) {
		if (m->alias_of)
			text_printf(out, "x86 %-26s(alias of %s)\n", m->name, m->alias_of);
		else
			text_printf(out, "x86 %-26s%s\n", m->name, m->brand);
	}
	text_printf(out, "\nRecognized CPUID flags:\n");
	unsigned col = 0;
	for (unsigned f = 0; f < W_COUNT * 32; f++) {
		const char *name = cpu_feature_name(f);
		if (!name)
			continue;
		unsigned len = (unsigned)strlen(name) + 1;
		if (col + len > 76) {
			text_printf(out, "\n");
			col = 0;
		}
		text_printf(out, "%s%s", col ? " " : "  ", name);
		col += len;
	}
	text_printf(out, "\n");
}

/* ---- the instruction ---- */

static uint32_t signature(const struct cpuid_table *t)
{
	unsigned fam = t->family > 15 ? 15 : t->family, ext = t->family > 15 ? t->family - 15 : 0;
	return t->stepping | (t->model & 15) << 4 | fam << 8 | (t->model >> 4) << 16 | ext << 20;
}

static uint32_t text4(const char *s) { uint32_t v; memcpy(&v, s, 4); return v; }

static struct topology topology(const struct cpu *c) { return topology_of(c->machine ? c->machine->opt : NULL); }
/* Logical processors of a package. */
static unsigned in_package(const struct cpu *c) { struct topology t = topology(c); return t.cores * t.threads; }

static struct cpuid_result leaf_1(const struct cpu *c)
{
	const struct cpuid_table *t = c->cpuid;
	struct cpuid_result r = { .eax = signature(t), .ecx = t->word[W_1_ECX], .edx = t->word[W_1_EDX] };
	r.ebx = c->apic_id << 24 | in_package(c) << 16 | 8 << 8;         /* CLFLUSH works on 8 * 8 bytes */
	if (c->cr4 & CR4_OSXSAVE)
		r.ecx |= 1u << (CF_OSXSAVE & 31);
	if (c->apic_ops) {                      /* the feature follows IA32_APIC_BASE.EN: SDM 3, 10.4.3 */
		uint64_t base;
		if (c->apic_ops->rdmsr(c->apic, 0x1b, &base) && !(base & 1u << 11))
			r.edx &= ~(1u << (CF_APIC & 31));
	}
	return r;
}

static struct cpuid_result leaf_7(const struct cpu *c, uint32_t sub)
{
	const uint32_t *w = c->cpuid->word;
	if (sub == 0)
		return (struct cpuid_result){ .ebx = w[W_7_EBX], .ecx = w[W_7_ECX], .edx = w[W_7_EDX] };
	return (struct cpuid_result){ 0 };
}

/* Extended topology: threads of a core, then all of a package. */
static struct cpuid_result leaf_b(const struct cpu *c, uint32_t sub)
{
	struct topology t = topology(c);
	struct cpuid_result r = { .ecx = sub & 0xff, .edx = c->apic_id };
	if (sub == 0) {
		r.eax = topology_core_shift(&t);
		r.ebx = t.threads;
		r.ecx |= 1 << 8;
	} else if (sub == 1) {
		r.eax = topology_socket_shift(&t);
		r.ebx = in_package(c);
		r.ecx |= 2 << 8;
	}
	return r;
}

static struct cpuid_result leaf_d(const struct cpu *c, uint32_t sub)
{
	bool avx = cpu_has(c, CF_AVX);
	uint32_t all = XCR0_X87 | XCR0_SSE | (avx ? XCR0_AVX : 0);
	if (!cpu_has(c, CF_XSAVE))
		return (struct cpuid_result){ 0 };
	if (sub == 0)
		return (struct cpuid_result){ .eax = all, .ebx = c->xcr0 & XCR0_AVX ? XSAVE_SIZE_AVX : XSAVE_SIZE_SSE, .ecx = avx ? XSAVE_SIZE_AVX : XSAVE_SIZE_SSE };
	if (sub == 1)
		return (struct cpuid_result){ .eax = c->cpuid->word[W_D_1_EAX], .ebx = c->xcr0 & XCR0_AVX ? XSAVE_SIZE_AVX : XSAVE_SIZE_SSE };
	if (sub == 2 && avx)
		return (struct cpuid_result){ .eax = XSAVE_SIZE_AVX - XSAVE_OFFSET_AVX, .ebx = XSAVE_OFFSET_AVX };
	return (struct cpuid_result){ 0 };
}

static struct cpuid_result basic_leaf(struct cpu *c, uint32_t leaf, uint32_t sub)
{
	const struct cpuid_table *t = c->cpuid;
	switch (leaf) {
	case 0:
		return (struct cpuid_result){ t->level, text4(t->vendor), text4(t->vendor + 8), text4(t->vendor + 4) };
	case 1:
		return leaf_1(c);
	case 2:
		return cpuid_leaf_2(c);
	case 4:
		return cpuid_is_amd(t) ? (struct cpuid_result){ 0 } : cpuid_leaf_4(c, sub);
	case 6:
		return (struct cpuid_result){ .eax = t->word[W_6_EAX] };
	case 7:
		return leaf_7(c, sub);
	case 0xb:
		return leaf_b(c, sub);
	case 0x1f:                              /* has levels between cores and packages, too, but there are none */
		return cpuid_is_amd(t) ? (struct cpuid_result){ 0 } : leaf_b(c, sub);
	case 0xd:
		return leaf_d(c, sub);
	default:
		return (struct cpuid_result){ 0 };
	}
}

/* Bits of leaf 1 EDX that AMD repeats in 80000001h. */
enum { AMD_ALIASES = 0x0183f3ff };

/* Extended APIC id, core and node: a package is a node. */
static struct cpuid_result leaf_8000001e(const struct cpu *c)
{
	struct topology t = topology(c);
	unsigned core = topology_core_shift(&t), socket = topology_socket_shift(&t);

	if (!cpu_has(c, CF_TOPOEXT))
		return (struct cpuid_result){ 0 };
	return (struct cpuid_result){ .eax = c->apic_id, .ebx = (t.threads - 1) << 8 | (c->apic_id >> core & ((1u << (socket - core)) - 1)),
		.ecx = c->apic_id >> socket & 0xff };
}

static struct cpuid_result extended_leaf(struct cpu *c, uint32_t leaf, uint32_t sub)
{
	const struct cpuid_table *t = c->cpuid;
	struct cpuid_result r = { 0 };
	switch (leaf) {
	case 0x80000000:
		r = (struct cpuid_result){ t->xlevel, text4(t->vendor), text4(t->vendor + 8), text4(t->vendor + 4) };
		break;
	case 0x80000001:
		r = (struct cpuid_result){ .eax = signature(t), .ecx = t->word[W_81_ECX], .edx = t->word[W_81_EDX] };
		if (cpuid_is_amd(t))
			r.edx |= t->word[W_1_EDX] & AMD_ALIASES;
		if (in_package(c) > 1 && cpuid_is_amd(t))
			r.ecx |= 2;                     /* CmpLegacy: the count of leaf 1 means cores */
		break;
	case 0x80000002: case 0x80000003: case 0x80000004:
		memcpy(&r, t->brand + (leaf - 0x80000002) * 16, 16);
		break;
	case 0x80000005:
		r = cpuid_leaf_80000005(c);
		break;
	case 0x80000006:
		r = cpuid_leaf_80000006(c);
		break;
	case 0x80000007:
		r.edx = t->word[W_87_EDX];
		break;
	case 0x80000008:
		r.eax = PHYS_BITS | (cpu_has(c, CF_LM) ? 48 : 32) << 8;
		r.ebx = t->word[W_88_EBX];
		if (in_package(c) > 1) {
			struct topology p = topology(c);
			r.ecx = (in_package(c) - 1) | topology_socket_shift(&p) << 12;
		}
		break;
	case 0x8000001d:
		r = cpuid_leaf_8000001d(c, sub);
		break;
	case 0x8000001e:
		r = leaf_8000001e(c);
		break;
	default:
		break;
	}
	return r;
}

struct cpuid_result cpu_cpuid(struct cpu *c, uint32_t leaf, uint32_t sub)
{
	const struct cpuid_table *t = c->cpuid;
	if (leaf >> 16 == 0x4000 && cpu_has(c, CF_HYPERVISOR)) {
		static const char us[] = "VMUXVMUXVMUX";
		return leaf == 0x40000000 ? (struct cpuid_result){ leaf, text4(us), text4(us + 4), text4(us + 8) } : (struct cpuid_result){ 0 };
	}
	if (leaf >= 0x80000000) {
		if (leaf <= t->xlevel)
			return extended_leaf(c, leaf, sub);
	} else if (leaf <= t->level) {
		return basic_leaf(c, leaf, sub);
	}
	/* Out of range: the highest basic leaf on Intel's processors, zeros on AMD's. */
	return cpuid_is_amd(t) ? (struct cpuid_result){ 0 } : basic_leaf(c, t->level, sub);
}
