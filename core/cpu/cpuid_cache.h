/* cpuid_cache.h - the CPUID leaves that tell of caches. */
#ifndef CORE_CPU_CPUID_CACHE_H
#define CORE_CPU_CPUID_CACHE_H
#include "core/cpu/cpu.h"

struct cpuid_result cpuid_leaf_2(const struct cpu *c);
struct cpuid_result cpuid_leaf_4(const struct cpu *c, uint32_t sub);
struct cpuid_result cpuid_leaf_80000005(const struct cpu *c);
struct cpuid_result cpuid_leaf_80000006(const struct cpu *c);
struct cpuid_result cpuid_leaf_8000001d(const struct cpu *c, uint32_t sub);
#endif
