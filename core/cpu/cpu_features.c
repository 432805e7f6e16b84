/* cpu_features.c - names of CPUID features and which of them are implemented.  Ref: SDM 2, CPUID; APM 3, appendix E. */
#include "core/cpu/cpuid.h"
#include "core/cpu/decode.h"
#include "core/cpu/fp.h"
#include <string.h>

static const char *const names[W_COUNT][32] = {
	[W_1_EDX] = { "fpu", "vme", "de", "pse", "tsc", "msr", "pae", "mce", "cx8", "apic", NULL, "sep", "mtrr", "pge", "mca", "cmov",
		"pat", "pse36", "pn", "clflush", NULL, "ds", "acpi", "mmx", "fxsr", "sse", "sse2", "ss", "ht", "tm", "ia64", "pbe" },
	[W_1_ECX] = { "pni", "pclmulqdq", "dtes64", "monitor", "ds-cpl", "vmx", "smx", "est", "tm2", "ssse3", "cid", NULL, "fma", "cx16",
		"xtpr", "pdcm", NULL, "pcid", "dca", "sse4.1", "sse4.2", "x2apic", "movbe", "popcnt", "tsc-deadline", "aes", "xsave",
		NULL, "avx", "f16c", "rdrand", "hypervisor" },
	[W_7_EBX] = { "fsgsbase", "tsc-adjust", "sgx", "bmi1", "hle", "avx2", NULL, "smep", "bmi2", "erms", "invpcid", "rtm", NULL, NULL,
		"mpx", NULL, "avx512f", "avx512dq", "rdseed", "adx", "smap", "avx512ifma", "pcommit", "clflushopt", "clwb", "intel-pt",
		"avx512pf", "avx512er", "avx512cd", "sha-ni", "avx512bw", "avx512vl" },
	[W_7_ECX] = { NULL, "avx512vbmi", "umip", "pku", NULL, "waitpkg", "avx512vbmi2", NULL, "gfni", "vaes", "vpclmulqdq", "avx512vnni",
		"avx512bitalg", NULL, "avx512-vpopcntdq", NULL, "la57", NULL, NULL, NULL, NULL, NULL, "rdpid", NULL, "bus-lock-detect",
		"cldemote", NULL, "movdiri", "movdir64b", NULL, "sgxlc", "pks" },
	[W_7_EDX] = { NULL, NULL, "avx512-4vnniw", "avx512-4fmaps", "fsrm", [8] = "avx512-vp2intersect", [14] = "serialize",
		[16] = "tsx-ldtrk", [26] = "spec-ctrl", "stibp", NULL, "arch-capabilities", "core-capability", "ssbd" },
	[W_D_1_EAX] = { "xsaveopt", "xsavec", "xgetbv1", "xsaves" },
	[W_6_EAX] = { [2] = "arat" },
	[W_81_EDX] = { [11] = "syscall", [19] = "mp", "nx", NULL, "mmxext", NULL, NULL, "fxsr-opt", "pdpe1gb", "rdtscp", NULL, "lm",
		"3dnowext", "3dnow" },
	[W_81_ECX] = { "lahf-lm", "cmp-legacy", "svm", "extapic", "cr8legacy", "abm", "sse4a", "misalignsse", "3dnowprefetch", "osvw", "ibs",
		"xop", "skinit", "wdt", NULL, "lwp", "fma4", "tce", NULL, "nodeid-msr", NULL, "tbm", "topoext", "perfctr-core",
		"perfctr-nb" },
	[W_87_EDX] = { [8] = "invtsc" },
	[W_88_EBX] = { "clzero", NULL, "xsaveerptr", [9] = "wbnoinvd", [12] = "ibpb", [14] = "ibrs", "amd-stibp", [24] = "amd-ssbd",
		"virt-ssbd", "amd-no-ssb" },
	[W_71_EAX] = { [4] = "avx-vnni", "avx512-bf16" },
	[W_8A_EDX] = { "npt", "lbrv", "svm-lock", "nrip-save", "tsc-scale", "vmcb-clean", "flushbyasid", "decodeassists", [10] = "pause-filter",
		[12] = "pfthreshold", "avic", [15] = "v-vmsave-vmload", "vgif", [28] = "svme-addr-chk" },
	[W_ARCH_CAP] = { "rdctl-no", "ibrs-all", "rsba", "skip-l1dfl-vmentry", "ssb-no", "mds-no", "pschange-mc-no", "tsx-ctrl", "taa-no",
		[13] = "sbdr-ssdp-no", "fbsdp-no", "psdp-no", [20] = "bhi-no", [26] = "gds-no", "rfds-no" },
	[W_CORE_CAP] = { [5] = "split-lock-detect" },
};
static const struct { const char *other, *name; } synonyms[] = {
	{ "sse3", "pni" }, { "pclmuldq", "pclmulqdq" }, { "xd", "nx" }, { "i64", "lm" }, { "lzcnt", "abm" }, { "ffxsr", "fxsr-opt" },
	{ "sse4-1", "sse4.1" }, { "sse4-2", "sse4.2" }, { "sha", "sha-ni" }, { "rdctl", "rdctl-no" },
};

/* Lower case with "_" as "-", as QEMU accepts them. */
static bool same_name(const char *a, const char *b)
{
	for (; *a && *b; a++, b++)
		if ((*a == '_' ? '-' : *a) != (*b == '_' ? '-' : *b))
			return false;
	return !*a && !*b;
}

int cpu_feature_find(const char *name)
{
	for (unsigned n = 0; n < sizeof(synonyms) / sizeof(synonyms[0]); n++)
		if (same_name(name, synonyms[n].other))
			name = synonyms[n].name;
	for (unsigned f = 0; f < W_COUNT * 32; f++)
		if (names[f >> 5][f & 31] && same_name(name, names[f >> 5][f & 31]))
			return (int)f;
	return -1;
}

const char *cpu_feature_name(unsigned f) { return f < W_COUNT * 32 ? names[f >> 5][f & 31] : NULL; }

const char *cpu_word_name(enum cpuid_word w)
{
	static const char *const text[W_COUNT] = {
		[W_1_EDX] = "CPUID.01H:EDX", [W_1_ECX] = "CPUID.01H:ECX", [W_7_EBX] = "CPUID.07H:EBX", [W_7_ECX] = "CPUID.07H:ECX",
		[W_7_EDX] = "CPUID.07H:EDX", [W_D_1_EAX] = "CPUID.0DH:EAX", [W_6_EAX] = "CPUID.06H:EAX", [W_81_EDX] = "CPUID.80000001H:EDX",
		[W_81_ECX] = "CPUID.80000001H:ECX", [W_87_EDX] = "CPUID.80000007H:EDX", [W_88_EBX] = "CPUID.80000008H:EBX",
		[W_71_EAX] = "CPUID.07H:EAX", [W_8A_EDX] = "CPUID.8000000AH:EDX", [W_ARCH_CAP] = "MSR(10AH)", [W_CORE_CAP] = "MSR(CFH)",
	};
	return text[w];
}

/* Features that are a matter of instructions: there if the table has the instruction. */
static const struct { const char *feature, *mnemonic; } by_row[] = {
	{ "popcnt", "popcnt" }, { "movbe", "movbe" }, { "bmi1", "andn" }, { "bmi2", "mulx" }, { "abm", "lzcnt" }, { "adx", "adcx" },
	{ "rdrand", "rdrand" }, { "rdseed", "rdseed" }, { "cx16", "cmpxchg16b" }, { "clflush", "clflush" }, { "clflushopt", "clflushopt" },
	{ "clwb", "clwb" }, { "sha-ni", "sha256rnds2" }, { "3dnowprefetch", "prefetch" }, { "cx8", "cmpxchg8b" }, { "monitor", "monitor" },
};
static const struct { const char *feature; uint32_t impl; } by_impl[] = {
	{ "pni", IMPL_SSE3 }, { "ssse3", IMPL_SSSE3 }, { "sse4.1", IMPL_SSE41 }, { "sse4.2", IMPL_SSE42 }, { "aes", IMPL_AES },
	{ "pclmulqdq", IMPL_PCLMUL }, { "sha-ni", IMPL_SHA }, { "xsave", IMPL_XSAVE }, { "xsaveopt", IMPL_XSAVEOPT }, { "xsavec", IMPL_XSAVEC },
	{ "xgetbv1", IMPL_XSAVE }, { "avx", IMPL_AVX }, { "avx2", IMPL_AVX2 }, { "fma", IMPL_FMA }, { "f16c", IMPL_F16C }, { "sse4a", IMPL_SSE4A },
};
static const char *const always[] = {
	"fpu", "vme", "de", "pse", "tsc", "msr", "pae", "mce", "apic", "sep", "mtrr", "pge", "mca", "cmov", "pat", "pse36", "acpi", "mmx",
	"fxsr", "sse", "sse2", "ss", "ht", "pcid", "x2apic", "tsc-deadline", "hypervisor", "fsgsbase", "smep", "erms", "fsrm", "invpcid", "smap", "umip",
	"rdpid", "tsc-adjust", "xsaveerptr", "spec-ctrl", "stibp", "ssbd", "arch-capabilities", "arat", "syscall", "nx", "mmxext", "pdpe1gb", "rdtscp", "lm", "lahf-lm",
	"cmp-legacy", "topoext", "invtsc", "wbnoinvd", "ibpb", "ibrs", "amd-stibp", "amd-ssbd", "amd-no-ssb", "rdctl-no", "ibrs-all",
	"skip-l1dfl-vmentry", "ssb-no", "mds-no", "pschange-mc-no", "taa-no", "sbdr-ssdp-no", "fbsdp-no", "psdp-no", "bhi-no", "gds-no",
	"rfds-no",
};

static bool has_row(const char *mnemonic)
{
	for (unsigned r = 1; r < op_row_count; r++)
		if (!strcmp(op_rows[r].name, mnemonic))
			return true;
	return false;
}

static void set(uint32_t *word, const char *name, bool on)
{
	int f = cpu_feature_find(name);
	if (on)
		word[f >> 5] |= 1u << (f & 31);
	else
		word[f >> 5] &= ~(1u << (f & 31));
}

void cpu_features_implemented(uint32_t word[W_COUNT])
{
	uint32_t impl = cpu_impl_features();
	memset(word, 0, W_COUNT * sizeof(*word));
	for (unsigned n = 0; n < sizeof(always) / sizeof(always[0]); n++)
		set(word, always[n], true);
	for (unsigned n = 0; n < sizeof(by_row) / sizeof(by_row[0]); n++)
		set(word, by_row[n].feature, has_row(by_row[n].mnemonic));
	for (unsigned n = 0; n < sizeof(by_impl) / sizeof(by_impl[0]); n++)
		set(word, by_impl[n].feature, impl & by_impl[n].impl);
}
