/* cpuid.h - CPU models and features. */
#ifndef CORE_CPU_CPUID_H
#define CORE_CPU_CPUID_H
#include "core/cpu/cpu.h"
#include <string.h>

/* Feature words: where CPUID reports them. */
enum cpuid_word { W_1_EDX, W_1_ECX, W_7_EBX, W_7_ECX, W_7_EDX, W_D_1_EAX, W_6_EAX, W_81_EDX, W_81_ECX, W_87_EDX, W_88_EBX,
	W_71_EAX, W_8A_EDX, W_ARCH_CAP, W_CORE_CAP, W_COUNT };
#define FEATURE(word, bit) ((word) << 5 | (bit))
enum cpuid_feature {
	CF_VME = FEATURE(W_1_EDX, 1), CF_DE = FEATURE(W_1_EDX, 2), CF_PSE = FEATURE(W_1_EDX, 3), CF_TSC = FEATURE(W_1_EDX, 4),
	CF_PAE = FEATURE(W_1_EDX, 6), CF_MCE = FEATURE(W_1_EDX, 7), CF_APIC = FEATURE(W_1_EDX, 9), CF_SEP = FEATURE(W_1_EDX, 11),
	CF_PGE = FEATURE(W_1_EDX, 13), CF_FXSR = FEATURE(W_1_EDX, 24), CF_SSE = FEATURE(W_1_EDX, 25),
	CF_MONITOR = FEATURE(W_1_ECX, 3), CF_PCID = FEATURE(W_1_ECX, 17), CF_X2APIC = FEATURE(W_1_ECX, 21), CF_TSC_DEADLINE = FEATURE(W_1_ECX, 24),
	CF_XSAVE = FEATURE(W_1_ECX, 26), CF_OSXSAVE = FEATURE(W_1_ECX, 27), CF_AVX = FEATURE(W_1_ECX, 28), CF_RDRAND = FEATURE(W_1_ECX, 30),
	CF_FSGSBASE = FEATURE(W_7_EBX, 0), CF_TSC_ADJUST = FEATURE(W_7_EBX, 1), CF_SMEP = FEATURE(W_7_EBX, 7), CF_INVPCID = FEATURE(W_7_EBX, 10), CF_SMAP = FEATURE(W_7_EBX, 20),
	CF_UMIP = FEATURE(W_7_ECX, 2), CF_RDPID = FEATURE(W_7_ECX, 22), CF_ARCH_CAP = FEATURE(W_7_EDX, 29), CF_SPEC_CTRL = FEATURE(W_7_EDX, 26),
	CF_SYSCALL = FEATURE(W_81_EDX, 11), CF_NX = FEATURE(W_81_EDX, 20), CF_PDPE1GB = FEATURE(W_81_EDX, 26), CF_RDTSCP = FEATURE(W_81_EDX, 27),
	CF_LM = FEATURE(W_81_EDX, 29), CF_TOPOEXT = FEATURE(W_81_ECX, 22), CF_HT = FEATURE(W_1_EDX, 28), CF_HYPERVISOR = FEATURE(W_1_ECX, 31),
	CF_XGETBV1 = FEATURE(W_D_1_EAX, 2),
	/* of instructions, for needs.def */
	CF_MSR = FEATURE(W_1_EDX, 5), CF_CX8 = FEATURE(W_1_EDX, 8), CF_CMOV = FEATURE(W_1_EDX, 15), CF_CLFLUSH = FEATURE(W_1_EDX, 19),
	CF_MMX = FEATURE(W_1_EDX, 23), CF_SSE2 = FEATURE(W_1_EDX, 26), CF_SSE3 = FEATURE(W_1_ECX, 0), CF_PCLMUL = FEATURE(W_1_ECX, 1),
	CF_SSSE3 = FEATURE(W_1_ECX, 9), CF_FMA = FEATURE(W_1_ECX, 12), CF_CX16 = FEATURE(W_1_ECX, 13), CF_SSE41 = FEATURE(W_1_ECX, 19),
	CF_SSE42 = FEATURE(W_1_ECX, 20), CF_MOVBE = FEATURE(W_1_ECX, 22), CF_POPCNT = FEATURE(W_1_ECX, 23), CF_AES = FEATURE(W_1_ECX, 25),
	CF_F16C = FEATURE(W_1_ECX, 29), CF_BMI1 = FEATURE(W_7_EBX, 3), CF_AVX2 = FEATURE(W_7_EBX, 5), CF_BMI2 = FEATURE(W_7_EBX, 8),
	CF_RDSEED = FEATURE(W_7_EBX, 18), CF_ADX = FEATURE(W_7_EBX, 19), CF_CLFLUSHOPT = FEATURE(W_7_EBX, 23), CF_CLWB = FEATURE(W_7_EBX, 24),
	CF_SHA = FEATURE(W_7_EBX, 29), CF_XSAVEOPT = FEATURE(W_D_1_EAX, 0), CF_XSAVEC = FEATURE(W_D_1_EAX, 1), CF_ABM = FEATURE(W_81_ECX, 5),
};
struct cpu_model {
	const char *name, *vendor, *brand, *features;
	uint16_t family, model;
	uint8_t  stepping;
	uint32_t level, xlevel;
	const char *alias_of;           /* versioned name of the same model, or NULL */
};
extern const struct cpu_model cpu_models[];            /* ends with name NULL */
struct cpuid_table {
	uint32_t word[W_COUNT];
	uint32_t level, xlevel;
	unsigned family, model, stepping;
	char     vendor[13], brand[49];
	bool     no_l3;
};
static inline bool cpuid_is_amd(const struct cpuid_table *t) { return !strcmp(t->vendor, "AuthenticAMD") || !strcmp(t->vendor, "HygonGenuine"); }
/* Names of features; FEATURE number, or -1. */
int cpu_feature_find(const char *name);
const char *cpu_feature_name(unsigned feature);        /* NULL when the bit has no name */
/* "CPUID.01H:ECX" of a word, for messages. */
const char *cpu_word_name(enum cpuid_word w);
/* What the interpreter implements on this host. */
void cpu_features_implemented(uint32_t word[W_COUNT]);
static inline bool cpu_has(const struct cpu *c, enum cpuid_feature f) { return c->cpuid->word[f >> 5] >> (f & 31) & 1; }
struct error;
/* Fill c->model and c->cpuid from "model,feature..." (NULL = default).  False and err. */
bool cpuid_select(struct cpu *c, const char *spec, struct error *err);
/* Frequency of the time-stamp counter, constant. */
#define TSC_HZ UINT64_C(1000000000)
#endif
