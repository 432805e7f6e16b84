/* cpuid_cache.c - caches, as the leaves of both makers tell them, and who shares them.
 *
 * Sizes are QEMU's for the same models, but for one.  Ref: SDM 2, CPUID, leaves 02H and 04H; APM 3, E.4.5, E.4.6 (80000005h, 80000006h), E.4.15 (8000001Dh). */
#include "core/cpu/cpuid_cache.h"
#include "core/cpu/cpuid.h"
#include "core/cpu/topology.h"
#include "core/machine/machine.h"
#include <string.h>

enum { DATA = 1, CODE = 2, UNIFIED = 3, LINE = 64, SELF_INITIALIZING = 1 << 8 };
/* EDX of leaves 4 and 8000001Dh. */
enum { NO_WBINVD_SHARING = 1, INCLUSIVE = 2, COMPLEX_INDEX = 4 };
enum { CACHES = 4 /* L1 data, L1 code, L2, L3 */ };

struct cache { uint8_t type, level, ways, edx; uint32_t sets; };
#define OWN NO_WBINVD_SHARING
static const struct cache intel[CACHES] = { { DATA, 1, 8, OWN, 64 }, { CODE, 1, 8, OWN, 64 }, { UNIFIED, 2, 16, OWN, 4096 },
	{ UNIFIED, 3, 16, INCLUSIVE | COMPLEX_INDEX, 16384 } };
static const struct cache amd[CACHES] = { { DATA, 1, 2, OWN, 512 }, { CODE, 1, 2, OWN, 512 }, { UNIFIED, 2, 16, 0, 512 },
	{ UNIFIED, 3, 16, INCLUSIVE | COMPLEX_INDEX, 16384 } };
/* The default model's and "max": an L2 of 2 MB instead of QEMU's 512 KB.  glibc copies blocks of up to that size by REP MOVS, which is as fast here as on the
 * host, while its loops of vector moves have each access checked. */
static const struct cache ours[CACHES] = { { DATA, 1, 2, OWN, 512 }, { CODE, 1, 2, OWN, 512 }, { UNIFIED, 2, 16, 0, 2048 },
	{ UNIFIED, 3, 16, INCLUSIVE | COMPLEX_INDEX, 16384 } };
/* Families 17h and 19h: "Naples", "Rome", "Milan". */
static const struct cache naples[CACHES] = { { DATA, 1, 8, OWN, 64 }, { CODE, 1, 4, OWN, 256 }, { UNIFIED, 2, 8, INCLUSIVE, 1024 },
	{ UNIFIED, 3, 16, INCLUSIVE | COMPLEX_INDEX, 8192 } };
static const struct cache rome[CACHES] = { { DATA, 1, 8, OWN, 64 }, { CODE, 1, 8, OWN, 64 }, { UNIFIED, 2, 8, INCLUSIVE, 1024 },
	{ UNIFIED, 3, 16, INCLUSIVE | COMPLEX_INDEX, 16384 } };
static const struct cache milan[CACHES] = { { DATA, 1, 8, OWN, 64 }, { CODE, 1, 8, OWN, 64 }, { UNIFIED, 2, 8, INCLUSIVE, 1024 },
	{ UNIFIED, 3, 16, INCLUSIVE | COMPLEX_INDEX, 32768 } };
#undef OWN

static struct topology topology(const struct cpu *c) { return topology_of(c->machine ? c->machine->opt : NULL); }

static const struct cache *caches_of(const struct cpu *c)
{
	static const struct { const char *model; const struct cache *caches; } special[] = {
		{ "EPYC-Milan", milan }, { "EPYC-Rome", rome }, { "EPYC", naples }, { "Dhyana", naples }, { "qemu64", ours }, { "max", ours } };

	for (unsigned n = 0; n < sizeof special / sizeof special[0]; n++)
		if (c->model && !strncmp(c->model->name, special[n].model, strlen(special[n].model)))
			return special[n].caches;
	return cpuid_is_amd(c->cpuid) ? amd : intel;
}

static uint32_t kib(const struct cache *k) { return k->ways * k->sets * LINE / 1024; }

static unsigned count(const struct cpu *c) { return c->cpuid->no_l3 ? CACHES - 1 : CACHES; }

/* What leaves 4 and 8000001Dh have in common. */
static struct cpuid_result described(const struct cache *k)
{
	return (struct cpuid_result){ .eax = k->type | (uint32_t)k->level << 5 | SELF_INITIALIZING, .ebx = (LINE - 1) | (k->ways - 1u) << 22,
		.ecx = k->sets - 1, .edx = k->edx };
}

/* Intel counts APIC ids, those that nobody has included: the levels' shifts.  Ref: SDM 2, CPUID, leaf 04H, EAX 25-14 and 31-26. */
struct cpuid_result cpuid_leaf_4(const struct cpu *c, uint32_t sub)
{
	struct topology t = topology(c);
	unsigned core = topology_core_shift(&t), socket = topology_socket_shift(&t), cores = 1u << (socket - core);

	if (sub >= count(c))
		return (struct cpuid_result){ 0 };
	const struct cache *k = &caches_of(c)[sub];
	struct cpuid_result r = described(k);
	r.eax |= ((1u << (k->level == 3 ? socket : core)) - 1) << 14 | (cores <= 64 ? cores - 1 : 63) << 26;
	return r;
}

/* AMD counts processors.  Ref: APM 3, E.4.15. */
struct cpuid_result cpuid_leaf_8000001d(const struct cpu *c, uint32_t sub)
{
	struct topology t = topology(c);

	if (sub >= count(c) || !cpu_has(c, CF_TOPOEXT))
		return (struct cpuid_result){ 0 };
	const struct cache *k = &caches_of(c)[sub];
	struct cpuid_result r = described(k);
	r.eax |= ((k->level == 3 ? t.cores * t.threads : t.threads) - 1) << 14;
	return r;
}

/* Descriptors: "see leaf 4", or where that is not there, caches of 32 KB, 4 MB and 16 MB. */
struct cpuid_result cpuid_leaf_2(const struct cpu *c)
{
	if (cpuid_is_amd(c->cpuid))
		return (struct cpuid_result){ 0 };
	if (c->cpuid->level >= 4)
		return (struct cpuid_result){ .eax = 0x0000ff01 };
	return (struct cpuid_result){ .eax = 1, .ecx = c->cpuid->no_l3 ? 0 : 0x4d, .edx = 0x002c3049 };
}

/* KB 31-24, ways 23-16, lines of a tag 15-8, bytes of a line 7-0. */
static uint32_t amd_l1(const struct cache *k) { return kib(k) << 24 | (uint32_t)k->ways << 16 | 1 << 8 | LINE; }

struct cpuid_result cpuid_leaf_80000005(const struct cpu *c)
{
	const struct cache *k = caches_of(c);

	if (!cpuid_is_amd(c->cpuid))
		return (struct cpuid_result){ 0 };
	return (struct cpuid_result){ .eax = 0x01ff01ff, .ebx = 0x01ff01ff, .ecx = amd_l1(&k[0]), .edx = amd_l1(&k[1]) };
}

/* "L2/L3 Cache and TLB Associativity Field Encoding". */
static uint32_t amd_ways(const struct cache *k) { return k->ways == 16 ? 8 : 6; }

struct cpuid_result cpuid_leaf_80000006(const struct cpu *c)
{
	const struct cache *l2 = &caches_of(c)[2], *l3 = l2 + 1;

	if (!cpuid_is_amd(c->cpuid))
		return (struct cpuid_result){ .ecx = kib(l2) << 16 | amd_ways(l2) << 12 | LINE };
	return (struct cpuid_result){ .ebx = 0x42004200, .ecx = kib(l2) << 16 | amd_ways(l2) << 12 | 1 << 8 | LINE,
		.edx = count(c) < CACHES ? 0 : kib(l3) / 512 << 18 | amd_ways(l3) << 12 | 1 << 8 | LINE };
}
