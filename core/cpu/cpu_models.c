/* cpu_models.c - the processors -cpu can name: identity and features as their makers' documents and QEMU's documentation list them.
 *
 * A feature that is not implemented is left out when the model is made, with a warning (cpuid.c). */
#include "core/cpu/cpuid.h"

const struct cpu_model cpu_models[] = {
	{ .name = "486", .alias_of = "486-v1" },
	{ .name = "486-v1", .vendor = "GenuineIntel", .family = 4, .model = 8, .stepping = 0, .level = 0x1, .xlevel = 0,
	  .brand = "", .features =
	  "fpu pse" },
	{ .name = "athlon", .alias_of = "athlon-v1" },
	{ .name = "athlon-v1", .vendor = "AuthenticAMD", .family = 6, .model = 2, .stepping = 3, .level = 0x2, .xlevel = 0x80000008,
	  .brand = "QEMU Virtual CPU version 2.5+", .features =
	  "3dnow 3dnowext apic cmov cx8 de fpu fxsr mca mce mmx mmxext msr mtrr pae pat pge pse pse36 sep sse sse2 tsc" },
	{ .name = "base", .vendor = "", .family = 0, .model = 0, .stepping = 0, .level = 0x0, .xlevel = 0,
	  .brand = "", .features =
	  "" },
	{ .name = "Broadwell", .alias_of = "Broadwell-v1" },
	{ .name = "Broadwell-IBRS", .alias_of = "Broadwell-v3" },
	{ .name = "Broadwell-noTSX", .alias_of = "Broadwell-v2" },
	{ .name = "Broadwell-noTSX-IBRS", .alias_of = "Broadwell-v4" },
	{ .name = "Broadwell-v1", .vendor = "GenuineIntel", .family = 6, .model = 61, .stepping = 2, .level = 0xd, .xlevel = 0x80000008,
	  .brand = "Intel Core Processor (Broadwell)", .features =
	  "3dnowprefetch abm adx aes apic arat avx avx2 bmi1 bmi2 clflush cmov cx16 cx8 de erms f16c fma fpu fsgsbase fxsr hle "
	  "invpcid lahf-lm lm mca mce mmx movbe msr mtrr nx pae pat pcid pclmulqdq pge pni popcnt pse pse36 rdrand rdseed rdtscp "
	  "rtm sep smap smep sse sse2 sse4.1 sse4.2 ssse3 syscall tsc tsc-deadline x2apic xsave xsaveopt" },
	{ .name = "Broadwell-v2", .vendor = "GenuineIntel", .family = 6, .model = 61, .stepping = 2, .level = 0xd, .xlevel = 0x80000008,
	  .brand = "Intel Core Processor (Broadwell, no TSX)", .features =
	  "3dnowprefetch abm adx aes apic arat avx avx2 bmi1 bmi2 clflush cmov cx16 cx8 de erms f16c fma fpu fsgsbase fxsr "
	  "invpcid lahf-lm lm mca mce mmx movbe msr mtrr nx pae pat pcid pclmulqdq pge pni popcnt pse pse36 rdrand rdseed rdtscp "
	  "sep smap smep sse sse2 sse4.1 sse4.2 ssse3 syscall tsc tsc-deadline x2apic xsave xsaveopt" },
	{ .name = "Broadwell-v3", .vendor = "GenuineIntel", .family = 6, .model = 61, .stepping = 2, .level = 0xd, .xlevel = 0x80000008,
	  .brand = "Intel Core Processor (Broadwell, IBRS)", .features =
	  "3dnowprefetch abm adx aes apic arat avx avx2 bmi1 bmi2 clflush cmov cx16 cx8 de erms f16c fma fpu fsgsbase fxsr hle "
	  "invpcid lahf-lm lm mca mce mmx movbe msr mtrr nx pae pat pcid pclmulqdq pge pni popcnt pse pse36 rdrand rdseed rdtscp "
	  "rtm sep smap smep spec-ctrl sse sse2 sse4.1 sse4.2 ssse3 syscall tsc tsc-deadline x2apic xsave xsaveopt" },
	{ .name = "Broadwell-v4", .vendor = "GenuineIntel", .family = 6, .model = 61, .stepping = 2, .level = 0xd, .xlevel = 0x80000008,
	  .brand = "Intel Core Processor (Broadwell, no TSX, IBRS)", .features =
	  "3dnowprefetch abm adx aes apic arat avx avx2 bmi1 bmi2 clflush cmov cx16 cx8 de erms f16c fma fpu fsgsbase fxsr "
	  "invpcid lahf-lm lm mca mce mmx movbe msr mtrr nx pae pat pcid pclmulqdq pge pni popcnt pse pse36 rdrand rdseed rdtscp "
	  "sep smap smep spec-ctrl sse sse2 sse4.1 sse4.2 ssse3 syscall tsc tsc-deadline x2apic xsave xsaveopt" },
	{ .name = "Cascadelake-Server", .alias_of = "Cascadelake-Server-v1" },
	{ .name = "Cascadelake-Server-noTSX", .alias_of = "Cascadelake-Server-v3" },
	{ .name = "Cascadelake-Server-v1", .vendor = "GenuineIntel", .family = 6, .model = 85, .stepping = 6, .level = 0xd, .xlevel = 0x80000008,
	  .brand = "Intel Xeon Processor (Cascadelake)", .features =
	  "3dnowprefetch abm adx aes apic arat avx avx2 avx512bw avx512cd avx512dq avx512f avx512vl avx512vnni bmi1 bmi2 clflush "
	  "clflushopt clwb cmov cx16 cx8 de erms f16c fma fpu fsgsbase fxsr hle invpcid lahf-lm lm mca mce mmx movbe msr mtrr nx "
	  "pae pat pcid pclmulqdq pdpe1gb pge pku pni popcnt pse pse36 rdrand rdseed rdtscp rtm sep smap smep spec-ctrl ssbd sse "
	  "sse2 sse4.1 sse4.2 ssse3 syscall tsc tsc-deadline x2apic xgetbv1 xsave xsavec xsaveopt" },
	{ .name = "Cascadelake-Server-v2", .vendor = "GenuineIntel", .family = 6, .model = 85, .stepping = 6, .level = 0xd, .xlevel = 0x80000008,
	  .brand = "Intel Xeon Processor (Cascadelake)", .features =
	  "3dnowprefetch abm adx aes apic arat arch-capabilities avx avx2 avx512bw avx512cd avx512dq avx512f avx512vl avx512vnni "
	  "bmi1 bmi2 clflush clflushopt clwb cmov cx16 cx8 de erms f16c fma fpu fsgsbase fxsr hle ibrs-all invpcid lahf-lm lm mca "
	  "mce mds-no mmx movbe msr mtrr nx pae pat pcid pclmulqdq pdpe1gb pge pku pni popcnt pse pse36 rdctl-no rdrand rdseed "
	  "rdtscp rtm sep skip-l1dfl-vmentry smap smep spec-ctrl ssbd sse sse2 sse4.1 sse4.2 ssse3 syscall tsc tsc-deadline "
	  "x2apic xgetbv1 xsave xsavec xsaveopt" },
	{ .name = "Cascadelake-Server-v3", .vendor = "GenuineIntel", .family = 6, .model = 85, .stepping = 6, .level = 0xd, .xlevel = 0x80000008,
	  .brand = "Intel Xeon Processor (Cascadelake)", .features =
	  "3dnowprefetch abm adx aes apic arat arch-capabilities avx avx2 avx512bw avx512cd avx512dq avx512f avx512vl avx512vnni "
	  "bmi1 bmi2 clflush clflushopt clwb cmov cx16 cx8 de erms f16c fma fpu fsgsbase fxsr ibrs-all invpcid lahf-lm lm mca mce "
	  "mds-no mmx movbe msr mtrr nx pae pat pcid pclmulqdq pdpe1gb pge pku pni popcnt pse pse36 rdctl-no rdrand rdseed rdtscp "
	  "sep skip-l1dfl-vmentry smap smep spec-ctrl ssbd sse sse2 sse4.1 sse4.2 ssse3 syscall tsc tsc-deadline x2apic xgetbv1 "
	  "xsave xsavec xsaveopt" },
	{ .name = "Cascadelake-Server-v4", .vendor = "GenuineIntel", .family = 6, .model = 85, .stepping = 6, .level = 0xd, .xlevel = 0x80000008,
	  .brand = "Intel Xeon Processor (Cascadelake)", .features =
	  "3dnowprefetch abm adx aes apic arat arch-capabilities avx avx2 avx512bw avx512cd avx512dq avx512f avx512vl avx512vnni "
	  "bmi1 bmi2 clflush clflushopt clwb cmov cx16 cx8 de erms f16c fma fpu fsgsbase fxsr ibrs-all invpcid lahf-lm lm mca mce "
	  "mds-no mmx movbe msr mtrr nx pae pat pcid pclmulqdq pdpe1gb pge pku pni popcnt pse pse36 rdctl-no rdrand rdseed rdtscp "
	  "sep skip-l1dfl-vmentry smap smep spec-ctrl ssbd sse sse2 sse4.1 sse4.2 ssse3 syscall tsc tsc-deadline x2apic xgetbv1 "
	  "xsave xsavec xsaveopt" },
	{ .name = "Cascadelake-Server-v5", .vendor = "GenuineIntel", .family = 6, .model = 85, .stepping = 6, .level = 0xd, .xlevel = 0x80000008,
	  .brand = "Intel Xeon Processor (Cascadelake)", .features =
	  "3dnowprefetch abm adx aes apic arat arch-capabilities avx avx2 avx512bw avx512cd avx512dq avx512f avx512vl avx512vnni "
	  "bmi1 bmi2 clflush clflushopt clwb cmov cx16 cx8 de erms f16c fma fpu fsgsbase fxsr ibrs-all invpcid lahf-lm lm mca mce "
	  "mds-no mmx movbe msr mtrr nx pae pat pcid pclmulqdq pdpe1gb pge pku pni popcnt pse pse36 rdctl-no rdrand rdseed rdtscp "
	  "sep skip-l1dfl-vmentry smap smep spec-ctrl ssbd sse sse2 sse4.1 sse4.2 ssse3 syscall tsc tsc-deadline x2apic xgetbv1 "
	  "xsave xsavec xsaveopt xsaves" },
	{ .name = "Conroe", .alias_of = "Conroe-v1" },
	{ .name = "Conroe-v1", .vendor = "GenuineIntel", .family = 6, .model = 15, .stepping = 3, .level = 0xa, .xlevel = 0x80000008,
	  .brand = "Intel Celeron_4x0 (Conroe/Merom Class Core 2)", .features =
	  "apic clflush cmov cx8 de fpu fxsr lahf-lm lm mca mce mmx msr mtrr nx pae pat pge pni pse pse36 sep sse sse2 ssse3 "
	  "syscall tsc" },
	{ .name = "Cooperlake", .alias_of = "Cooperlake-v1" },
	{ .name = "Cooperlake-v1", .vendor = "GenuineIntel", .family = 6, .model = 85, .stepping = 10, .level = 0xd, .xlevel = 0x80000008,
	  .brand = "Intel Xeon Processor (Cooperlake)", .features =
	  "3dnowprefetch abm adx aes apic arat arch-capabilities avx avx2 avx512-bf16 avx512bw avx512cd avx512dq avx512f avx512vl "
	  "avx512vnni bmi1 bmi2 clflush clflushopt clwb cmov cx16 cx8 de erms f16c fma fpu fsgsbase fxsr hle ibrs-all invpcid "
	  "lahf-lm lm mca mce mds-no mmx movbe msr mtrr nx pae pat pcid pclmulqdq pdpe1gb pge pku pni popcnt pschange-mc-no pse "
	  "pse36 rdctl-no rdrand rdseed rdtscp rtm sep skip-l1dfl-vmentry smap smep spec-ctrl ssbd sse sse2 sse4.1 sse4.2 ssse3 "
	  "stibp syscall taa-no tsc tsc-deadline x2apic xgetbv1 xsave xsavec xsaveopt" },
	{ .name = "Cooperlake-v2", .vendor = "GenuineIntel", .family = 6, .model = 85, .stepping = 10, .level = 0xd, .xlevel = 0x80000008,
	  .brand = "Intel Xeon Processor (Cooperlake)", .features =
	  "3dnowprefetch abm adx aes apic arat arch-capabilities avx avx2 avx512-bf16 avx512bw avx512cd avx512dq avx512f avx512vl "
	  "avx512vnni bmi1 bmi2 clflush clflushopt clwb cmov cx16 cx8 de erms f16c fma fpu fsgsbase fxsr hle ibrs-all invpcid "
	  "lahf-lm lm mca mce mds-no mmx movbe msr mtrr nx pae pat pcid pclmulqdq pdpe1gb pge pku pni popcnt pschange-mc-no pse "
	  "pse36 rdctl-no rdrand rdseed rdtscp rtm sep skip-l1dfl-vmentry smap smep spec-ctrl ssbd sse sse2 sse4.1 sse4.2 ssse3 "
	  "stibp syscall taa-no tsc tsc-deadline x2apic xgetbv1 xsave xsavec xsaveopt xsaves" },
	{ .name = "core2duo", .alias_of = "core2duo-v1" },
	{ .name = "core2duo-v1", .vendor = "GenuineIntel", .family = 6, .model = 15, .stepping = 11, .level = 0xa, .xlevel = 0x80000008,
	  .brand = "Intel(R) Core(TM)2 Duo CPU     T7700  @ 2.40GHz", .features =
	  "acpi apic clflush cmov cx16 cx8 de fpu fxsr lahf-lm lm mca mce mmx monitor msr mtrr nx pae pat pge pni pse pse36 sep "
	  "ss sse sse2 ssse3 syscall tsc" },
	{ .name = "coreduo", .alias_of = "coreduo-v1" },
	{ .name = "coreduo-v1", .vendor = "GenuineIntel", .family = 6, .model = 14, .stepping = 8, .level = 0xa, .xlevel = 0x80000008,
	  .brand = "Genuine Intel(R) CPU           T2600  @ 2.16GHz", .features =
	  "acpi apic clflush cmov cx8 de fpu fxsr mca mce mmx monitor msr mtrr nx pae pat pge pni pse sep ss sse sse2 tsc" },
	{ .name = "Denverton", .alias_of = "Denverton-v1" },
	{ .name = "Denverton-v1", .vendor = "GenuineIntel", .family = 6, .model = 95, .stepping = 1, .level = 0x15, .xlevel = 0x80000008,
	  .brand = "Intel Atom Processor (Denverton)", .features =
	  "3dnowprefetch aes apic arat arch-capabilities clflush clflushopt cmov cx16 cx8 de erms fpu fsgsbase fxsr lahf-lm lm "
	  "mca mce mmx monitor movbe mpx msr mtrr nx pae pat pclmulqdq pdpe1gb pge pni popcnt pse pse36 rdctl-no rdrand rdseed "
	  "rdtscp sep sha-ni skip-l1dfl-vmentry smap smep spec-ctrl ssbd sse sse2 sse4.1 sse4.2 ssse3 syscall tsc tsc-deadline "
	  "x2apic xgetbv1 xsave xsavec xsaveopt" },
	{ .name = "Denverton-v2", .vendor = "GenuineIntel", .family = 6, .model = 95, .stepping = 1, .level = 0x15, .xlevel = 0x80000008,
	  .brand = "Intel Atom Processor (Denverton)", .features =
	  "3dnowprefetch aes apic arat arch-capabilities clflush clflushopt cmov cx16 cx8 de erms fpu fsgsbase fxsr lahf-lm lm "
	  "mca mce mmx movbe msr mtrr nx pae pat pclmulqdq pdpe1gb pge pni popcnt pse pse36 rdctl-no rdrand rdseed rdtscp sep "
	  "sha-ni skip-l1dfl-vmentry smap smep spec-ctrl ssbd sse sse2 sse4.1 sse4.2 ssse3 syscall tsc tsc-deadline x2apic "
	  "xgetbv1 xsave xsavec xsaveopt" },
	{ .name = "Denverton-v3", .vendor = "GenuineIntel", .family = 6, .model = 95, .stepping = 1, .level = 0x15, .xlevel = 0x80000008,
	  .brand = "Intel Atom Processor (Denverton)", .features =
	  "3dnowprefetch aes apic arat arch-capabilities clflush clflushopt cmov cx16 cx8 de erms fpu fsgsbase fxsr lahf-lm lm "
	  "mca mce mmx movbe msr mtrr nx pae pat pclmulqdq pdpe1gb pge pni popcnt pse pse36 rdctl-no rdrand rdseed rdtscp sep "
	  "sha-ni skip-l1dfl-vmentry smap smep spec-ctrl ssbd sse sse2 sse4.1 sse4.2 ssse3 syscall tsc tsc-deadline x2apic "
	  "xgetbv1 xsave xsavec xsaveopt xsaves" },
	{ .name = "Dhyana", .alias_of = "Dhyana-v1" },
	{ .name = "Dhyana-v1", .vendor = "HygonGenuine", .family = 24, .model = 0, .stepping = 1, .level = 0xd, .xlevel = 0x8000001e,
	  .brand = "Hygon Dhyana Processor", .features =
	  "3dnowprefetch abm adx apic arat avx avx2 bmi1 bmi2 clflush clflushopt cmov cr8legacy cx16 cx8 de f16c fma fpu fsgsbase "
	  "fxsr fxsr-opt ibpb lahf-lm lm mca mce misalignsse mmx mmxext monitor movbe msr mtrr npt nrip-save nx osvw pae pat "
	  "pdpe1gb pge pni popcnt pse pse36 rdrand rdseed rdtscp sep smap smep sse sse2 sse4.1 sse4.2 sse4a ssse3 svm syscall "
	  "topoext tsc xgetbv1 xsave xsavec xsaveopt" },
	{ .name = "Dhyana-v2", .vendor = "HygonGenuine", .family = 24, .model = 0, .stepping = 1, .level = 0xd, .xlevel = 0x8000001e,
	  .brand = "Hygon Dhyana Processor", .features =
	  "3dnowprefetch abm adx apic arat avx avx2 bmi1 bmi2 clflush clflushopt cmov cr8legacy cx16 cx8 de f16c fma fpu fsgsbase "
	  "fxsr fxsr-opt ibpb lahf-lm lm mca mce misalignsse mmx mmxext monitor movbe msr mtrr npt nrip-save nx osvw pae pat "
	  "pdpe1gb pge pni popcnt pse pse36 rdrand rdseed rdtscp sep smap smep sse sse2 sse4.1 sse4.2 sse4a ssse3 svm syscall "
	  "topoext tsc xgetbv1 xsave xsavec xsaveopt xsaves" },
	{ .name = "EPYC", .alias_of = "EPYC-v1" },
	{ .name = "EPYC-IBPB", .alias_of = "EPYC-v2" },
	{ .name = "EPYC-Milan", .alias_of = "EPYC-Milan-v1" },
	{ .name = "EPYC-Milan-v1", .vendor = "AuthenticAMD", .family = 25, .model = 1, .stepping = 1, .level = 0xd, .xlevel = 0x8000001e,
	  .brand = "AMD EPYC-Milan Processor", .features =
	  "3dnowprefetch abm adx aes amd-ssbd amd-stibp apic arat avx avx2 bmi1 bmi2 clflush clflushopt clwb clzero cmov "
	  "cr8legacy cx16 cx8 de erms f16c fma fpu fsgsbase fsrm fxsr fxsr-opt ibpb ibrs invpcid lahf-lm lm mca mce misalignsse "
	  "mmx mmxext monitor movbe msr mtrr npt nrip-save nx osvw pae pat pcid pclmulqdq pdpe1gb perfctr-core pge pku pni popcnt "
	  "pse pse36 rdpid rdrand rdseed rdtscp sep sha-ni smap smep sse sse2 sse4.1 sse4.2 sse4a ssse3 svm svme-addr-chk syscall "
	  "topoext tsc umip wbnoinvd xgetbv1 xsave xsavec xsaveerptr xsaveopt xsaves" },
	{ .name = "EPYC-Rome", .alias_of = "EPYC-Rome-v1" },
	{ .name = "EPYC-Rome-v1", .vendor = "AuthenticAMD", .family = 23, .model = 49, .stepping = 0, .level = 0xd, .xlevel = 0x8000001e,
	  .brand = "AMD EPYC-Rome Processor", .features =
	  "3dnowprefetch abm adx aes amd-stibp apic arat avx avx2 bmi1 bmi2 clflush clflushopt clwb clzero cmov cr8legacy cx16 "
	  "cx8 de f16c fma fpu fsgsbase fxsr fxsr-opt ibpb lahf-lm lm mca mce misalignsse mmx mmxext monitor movbe msr mtrr npt "
	  "nrip-save nx osvw pae pat pclmulqdq pdpe1gb perfctr-core pge pni popcnt pse pse36 rdpid rdrand rdseed rdtscp sep sha- "
	  "ni smap smep sse sse2 sse4.1 sse4.2 sse4a ssse3 svm syscall topoext tsc umip wbnoinvd xgetbv1 xsave xsavec xsaveerptr "
	  "xsaveopt xsaves" },
	{ .name = "EPYC-Rome-v2", .vendor = "AuthenticAMD", .family = 23, .model = 49, .stepping = 0, .level = 0xd, .xlevel = 0x8000001e,
	  .brand = "AMD EPYC-Rome Processor", .features =
	  "3dnowprefetch abm adx aes amd-ssbd amd-stibp apic arat avx avx2 bmi1 bmi2 clflush clflushopt clwb clzero cmov "
	  "cr8legacy cx16 cx8 de f16c fma fpu fsgsbase fxsr fxsr-opt ibpb ibrs lahf-lm lm mca mce misalignsse mmx mmxext monitor "
	  "movbe msr mtrr npt nrip-save nx osvw pae pat pclmulqdq pdpe1gb perfctr-core pge pni popcnt pse pse36 rdpid rdrand "
	  "rdseed rdtscp sep sha-ni smap smep sse sse2 sse4.1 sse4.2 sse4a ssse3 svm syscall topoext tsc umip wbnoinvd xgetbv1 "
	  "xsave xsavec xsaveerptr xsaveopt xsaves" },
	{ .name = "EPYC-v1", .vendor = "AuthenticAMD", .family = 23, .model = 1, .stepping = 2, .level = 0xd, .xlevel = 0x8000001e,
	  .brand = "AMD EPYC Processor", .features =
	  "3dnowprefetch abm adx aes apic arat avx avx2 bmi1 bmi2 clflush clflushopt cmov cr8legacy cx16 cx8 de f16c fma fpu "
	  "fsgsbase fxsr fxsr-opt lahf-lm lm mca mce misalignsse mmx mmxext monitor movbe msr mtrr npt nrip-save nx osvw pae pat "
	  "pclmulqdq pdpe1gb pge pni popcnt pse pse36 rdrand rdseed rdtscp sep sha-ni smap smep sse sse2 sse4.1 sse4.2 sse4a "
	  "ssse3 svm syscall topoext tsc xgetbv1 xsave xsavec xsaveopt" },
	{ .name = "EPYC-v2", .vendor = "AuthenticAMD", .family = 23, .model = 1, .stepping = 2, .level = 0xd, .xlevel = 0x8000001e,
	  .brand = "AMD EPYC Processor (with IBPB)", .features =
	  "3dnowprefetch abm adx aes apic arat avx avx2 bmi1 bmi2 clflush clflushopt cmov cr8legacy cx16 cx8 de f16c fma fpu "
	  "fsgsbase fxsr fxsr-opt ibpb lahf-lm lm mca mce misalignsse mmx mmxext monitor movbe msr mtrr npt nrip-save nx osvw pae "
	  "pat pclmulqdq pdpe1gb pge pni popcnt pse pse36 rdrand rdseed rdtscp sep sha-ni smap smep sse sse2 sse4.1 sse4.2 sse4a "
	  "ssse3 svm syscall topoext tsc xgetbv1 xsave xsavec xsaveopt" },
	{ .name = "EPYC-v3", .vendor = "AuthenticAMD", .family = 23, .model = 1, .stepping = 2, .level = 0xd, .xlevel = 0x8000001e,
	  .brand = "AMD EPYC Processor", .features =
	  "3dnowprefetch abm adx aes apic arat avx avx2 bmi1 bmi2 clflush clflushopt clzero cmov cr8legacy cx16 cx8 de f16c fma "
	  "fpu fsgsbase fxsr fxsr-opt ibpb lahf-lm lm mca mce misalignsse mmx mmxext monitor movbe msr mtrr npt nrip-save nx osvw "
	  "pae pat pclmulqdq pdpe1gb perfctr-core pge pni popcnt pse pse36 rdrand rdseed rdtscp sep sha-ni smap smep sse sse2 "
	  "sse4.1 sse4.2 sse4a ssse3 svm syscall topoext tsc xgetbv1 xsave xsavec xsaveerptr xsaveopt xsaves" },
	{ .name = "Haswell", .alias_of = "Haswell-v1" },
	{ .name = "Haswell-IBRS", .alias_of = "Haswell-v3" },
	{ .name = "Haswell-noTSX", .alias_of = "Haswell-v2" },
	{ .name = "Haswell-noTSX-IBRS", .alias_of = "Haswell-v4" },
	{ .name = "Haswell-v1", .vendor = "GenuineIntel", .family = 6, .model = 60, .stepping = 4, .level = 0xd, .xlevel = 0x80000008,
	  .brand = "Intel Core Processor (Haswell)", .features =
	  "abm aes apic arat avx avx2 bmi1 bmi2 clflush cmov cx16 cx8 de erms f16c fma fpu fsgsbase fxsr hle invpcid lahf-lm lm "
	  "mca mce mmx movbe msr mtrr nx pae pat pcid pclmulqdq pge pni popcnt pse pse36 rdrand rdtscp rtm sep smep sse sse2 "
	  "sse4.1 sse4.2 ssse3 syscall tsc tsc-deadline x2apic xsave xsaveopt" },
	{ .name = "Haswell-v2", .vendor = "GenuineIntel", .family = 6, .model = 60, .stepping = 1, .level = 0xd, .xlevel = 0x80000008,
	  .brand = "Intel Core Processor (Haswell, no TSX)", .features =
	  "abm aes apic arat avx avx2 bmi1 bmi2 clflush cmov cx16 cx8 de erms f16c fma fpu fsgsbase fxsr invpcid lahf-lm lm mca "
	  "mce mmx movbe msr mtrr nx pae pat pcid pclmulqdq pge pni popcnt pse pse36 rdrand rdtscp sep smep sse sse2 sse4.1 "
	  "sse4.2 ssse3 syscall tsc tsc-deadline x2apic xsave xsaveopt" },
	{ .name = "Haswell-v3", .vendor = "GenuineIntel", .family = 6, .model = 60, .stepping = 4, .level = 0xd, .xlevel = 0x80000008,
	  .brand = "Intel Core Processor (Haswell, IBRS)", .features =
	  "abm aes apic arat avx avx2 bmi1 bmi2 clflush cmov cx16 cx8 de erms f16c fma fpu fsgsbase fxsr hle invpcid lahf-lm lm "
	  "mca mce mmx movbe msr mtrr nx pae pat pcid pclmulqdq pge pni popcnt pse pse36 rdrand rdtscp rtm sep smep spec-ctrl sse "
	  "sse2 sse4.1 sse4.2 ssse3 syscall tsc tsc-deadline x2apic xsave xsaveopt" },
	{ .name = "Haswell-v4", .vendor = "GenuineIntel", .family = 6, .model = 60, .stepping = 1, .level = 0xd, .xlevel = 0x80000008,
	  .brand = "Intel Core Processor (Haswell, no TSX, IBRS)", .features =
	  "abm aes apic arat avx avx2 bmi1 bmi2 clflush cmov cx16 cx8 de erms f16c fma fpu fsgsbase fxsr invpcid lahf-lm lm mca "
	  "mce mmx movbe msr mtrr nx pae pat pcid pclmulqdq pge pni popcnt pse pse36 rdrand rdtscp sep smep spec-ctrl sse sse2 "
	  "sse4.1 sse4.2 ssse3 syscall tsc tsc-deadline x2apic xsave xsaveopt" },
	{ .name = "Icelake-Server", .alias_of = "Icelake-Server-v1" },
	{ .name = "Icelake-Server-noTSX", .alias_of = "Icelake-Server-v2" },
	{ .name = "Icelake-Server-v1", .vendor = "GenuineIntel", .family = 6, .model = 134, .stepping = 0, .level = 0xd, .xlevel = 0x80000008,
	  .brand = "Intel Xeon Processor (Icelake)", .features =
	  "3dnowprefetch abm adx aes apic arat avx avx2 avx512-vpopcntdq avx512bitalg avx512bw avx512cd avx512dq avx512f "
	  "avx512vbmi avx512vbmi2 avx512vl avx512vnni bmi1 bmi2 clflush clflushopt clwb cmov cx16 cx8 de erms f16c fma fpu "
	  "fsgsbase fxsr gfni hle invpcid la57 lahf-lm lm mca mce mmx movbe msr mtrr nx pae pat pcid pclmulqdq pdpe1gb pge pku "
	  "pni popcnt pse pse36 rdrand rdseed rdtscp rtm sep smap smep spec-ctrl ssbd sse sse2 sse4.1 sse4.2 ssse3 syscall tsc "
	  "tsc-deadline umip vaes vpclmulqdq wbnoinvd x2apic xgetbv1 xsave xsavec xsaveopt" },
	{ .name = "Icelake-Server-v2", .vendor = "GenuineIntel", .family = 6, .model = 134, .stepping = 0, .level = 0xd, .xlevel = 0x80000008,
	  .brand = "Intel Xeon Processor (Icelake)", .features =
	  "3dnowprefetch abm adx aes apic arat avx avx2 avx512-vpopcntdq avx512bitalg avx512bw avx512cd avx512dq avx512f "
	  "avx512vbmi avx512vbmi2 avx512vl avx512vnni bmi1 bmi2 clflush clflushopt clwb cmov cx16 cx8 de erms f16c fma fpu "
	  "fsgsbase fxsr gfni invpcid la57 lahf-lm lm mca mce mmx movbe msr mtrr nx pae pat pcid pclmulqdq pdpe1gb pge pku pni "
	  "popcnt pse pse36 rdrand rdseed rdtscp sep smap smep spec-ctrl ssbd sse sse2 sse4.1 sse4.2 ssse3 syscall tsc tsc- "
	  "deadline umip vaes vpclmulqdq wbnoinvd x2apic xgetbv1 xsave xsavec xsaveopt" },
	{ .name = "Icelake-Server-v3", .vendor = "GenuineIntel", .family = 6, .model = 134, .stepping = 0, .level = 0xd, .xlevel = 0x80000008,
	  .brand = "Intel Xeon Processor (Icelake)", .features =
	  "3dnowprefetch abm adx aes apic arat arch-capabilities avx avx2 avx512-vpopcntdq avx512bitalg avx512bw avx512cd "
	  "avx512dq avx512f avx512vbmi avx512vbmi2 avx512vl avx512vnni bmi1 bmi2 clflush clflushopt clwb cmov cx16 cx8 de erms "
	  "f16c fma fpu fsgsbase fxsr gfni ibrs-all invpcid la57 lahf-lm lm mca mce mds-no mmx movbe msr mtrr nx pae pat pcid "
	  "pclmulqdq pdpe1gb pge pku pni popcnt pschange-mc-no pse pse36 rdctl-no rdrand rdseed rdtscp sep skip-l1dfl-vmentry "
	  "smap smep spec-ctrl ssbd sse sse2 sse4.1 sse4.2 ssse3 syscall taa-no tsc tsc-deadline umip vaes vpclmulqdq wbnoinvd "
	  "x2apic xgetbv1 xsave xsavec xsaveopt" },
	{ .name = "Icelake-Server-v4", .vendor = "GenuineIntel", .family = 6, .model = 106, .stepping = 0, .level = 0xd, .xlevel = 0x80000008,
	  .brand = "Intel Xeon Processor (Icelake)", .features =
	  "3dnowprefetch abm adx aes apic arat arch-capabilities avx avx2 avx512-vpopcntdq avx512bitalg avx512bw avx512cd "
	  "avx512dq avx512f avx512ifma avx512vbmi avx512vbmi2 avx512vl avx512vnni bmi1 bmi2 clflush clflushopt clwb cmov cx16 cx8 "
	  "de erms f16c fma fpu fsgsbase fsrm fxsr gfni ibrs-all invpcid la57 lahf-lm lm mca mce mds-no mmx movbe msr mtrr nx pae "
	  "pat pcid pclmulqdq pdpe1gb pge pku pni popcnt pschange-mc-no pse pse36 rdctl-no rdpid rdrand rdseed rdtscp sep sha-ni "
	  "skip-l1dfl-vmentry smap smep spec-ctrl ssbd sse sse2 sse4.1 sse4.2 ssse3 syscall taa-no tsc tsc-deadline umip vaes "
	  "vpclmulqdq wbnoinvd x2apic xgetbv1 xsave xsavec xsaveopt" },
	{ .name = "Icelake-Server-v5", .vendor = "GenuineIntel", .family = 6, .model = 106, .stepping = 0, .level = 0xd, .xlevel = 0x80000008,
	  .brand = "Intel Xeon Processor (Icelake)", .features =
	  "3dnowprefetch abm adx aes apic arat arch-capabilities avx avx2 avx512-vpopcntdq avx512bitalg avx512bw avx512cd "
	  "avx512dq avx512f avx512ifma avx512vbmi avx512vbmi2 avx512vl avx512vnni bmi1 bmi2 clflush clflushopt clwb cmov cx16 cx8 "
	  "de erms f16c fma fpu fsgsbase fsrm fxsr gfni ibrs-all invpcid la57 lahf-lm lm mca mce mds-no mmx movbe msr mtrr nx pae "
	  "pat pcid pclmulqdq pdpe1gb pge pku pni popcnt pschange-mc-no pse pse36 rdctl-no rdpid rdrand rdseed rdtscp sep sha-ni "
	  "skip-l1dfl-vmentry smap smep spec-ctrl ssbd sse sse2 sse4.1 sse4.2 ssse3 syscall taa-no tsc tsc-deadline umip vaes "
	  "vpclmulqdq wbnoinvd x2apic xgetbv1 xsave xsavec xsaveopt xsaves" },
	{ .name = "Icelake-Server-v6", .vendor = "GenuineIntel", .family = 6, .model = 106, .stepping = 0, .level = 0xd, .xlevel = 0x80000008,
	  .brand = "Intel Xeon Processor (Icelake)", .features =
	  "3dnowprefetch abm adx aes apic arat arch-capabilities avx avx2 avx512-vpopcntdq avx512bitalg avx512bw avx512cd "
	  "avx512dq avx512f avx512ifma avx512vbmi avx512vbmi2 avx512vl avx512vnni bmi1 bmi2 clflush clflushopt clwb cmov cx16 cx8 "
	  "de erms f16c fma fpu fsgsbase fsrm fxsr gfni ibrs-all invpcid la57 lahf-lm lm mca mce mds-no mmx movbe msr mtrr nx pae "
	  "pat pcid pclmulqdq pdpe1gb pge pku pni popcnt pschange-mc-no pse pse36 rdctl-no rdpid rdrand rdseed rdtscp sep sha-ni "
	  "skip-l1dfl-vmentry smap smep spec-ctrl ssbd sse sse2 sse4.1 sse4.2 ssse3 syscall taa-no tsc tsc-deadline umip vaes "
	  "vpclmulqdq wbnoinvd x2apic xgetbv1 xsave xsavec xsaveopt xsaves" },
	{ .name = "IvyBridge", .alias_of = "IvyBridge-v1" },
	{ .name = "IvyBridge-IBRS", .alias_of = "IvyBridge-v2" },
	{ .name = "IvyBridge-v1", .vendor = "GenuineIntel", .family = 6, .model = 58, .stepping = 9, .level = 0xd, .xlevel = 0x80000008,
	  .brand = "Intel Xeon E3-12xx v2 (Ivy Bridge)", .features =
	  "aes apic arat avx clflush cmov cx16 cx8 de erms f16c fpu fsgsbase fxsr lahf-lm lm mca mce mmx msr mtrr nx pae pat "
	  "pclmulqdq pge pni popcnt pse pse36 rdrand rdtscp sep smep sse sse2 sse4.1 sse4.2 ssse3 syscall tsc tsc-deadline x2apic "
	  "xsave xsaveopt" },
	{ .name = "IvyBridge-v2", .vendor = "GenuineIntel", .family = 6, .model = 58, .stepping = 9, .level = 0xd, .xlevel = 0x80000008,
	  .brand = "Intel Xeon E3-12xx v2 (Ivy Bridge, IBRS)", .features =
	  "aes apic arat avx clflush cmov cx16 cx8 de erms f16c fpu fsgsbase fxsr lahf-lm lm mca mce mmx msr mtrr nx pae pat "
	  "pclmulqdq pge pni popcnt pse pse36 rdrand rdtscp sep smep spec-ctrl sse sse2 sse4.1 sse4.2 ssse3 syscall tsc tsc- "
	  "deadline x2apic xsave xsaveopt" },
	{ .name = "KnightsMill", .alias_of = "KnightsMill-v1" },
	{ .name = "KnightsMill-v1", .vendor = "GenuineIntel", .family = 6, .model = 133, .stepping = 0, .level = 0xd, .xlevel = 0x80000008,
	  .brand = "Intel Xeon Phi Processor (Knights Mill)", .features =
	  "3dnowprefetch abm adx aes apic arat avx avx2 avx512-4fmaps avx512-4vnniw avx512-vpopcntdq avx512cd avx512er avx512f "
	  "avx512pf bmi1 bmi2 clflush cmov cx16 cx8 de erms f16c fma fpu fsgsbase fxsr lahf-lm lm mca mce mmx movbe msr mtrr nx "
	  "pae pat pclmulqdq pdpe1gb pge pni popcnt pse pse36 rdrand rdseed rdtscp sep smep ss sse sse2 sse4.1 sse4.2 ssse3 "
	  "syscall tsc tsc-deadline x2apic xsave xsaveopt" },
	{ .name = "kvm32", .alias_of = "kvm32-v1" },
	{ .name = "kvm32-v1", .vendor = "GenuineIntel", .family = 15, .model = 6, .stepping = 1, .level = 0x5, .xlevel = 0x80000008,
	  .brand = "Common 32-bit KVM processor", .features =
	  "apic clflush cmov cx8 de fpu fxsr mca mce mmx msr mtrr pae pat pge pni pse pse36 sep sse sse2 tsc" },
	{ .name = "kvm64", .alias_of = "kvm64-v1" },
	{ .name = "kvm64-v1", .vendor = "GenuineIntel", .family = 15, .model = 6, .stepping = 1, .level = 0xd, .xlevel = 0x80000008,
	  .brand = "Common KVM processor", .features =
	  "apic clflush cmov cx16 cx8 de fpu fxsr lm mca mce mmx msr mtrr nx pae pat pge pni pse pse36 sep sse sse2 syscall tsc" },
	{ .name = "max", .vendor = "AuthenticAMD", .family = 15, .model = 107, .stepping = 1, .level = 0xd, .xlevel = 0x8000000a,
	  .brand = "QEMU TCG CPU version 2.5+", .features =
	  "3dnow 3dnowext abm acpi adx aes apic arat avx avx2 bmi1 bmi2 clflush clflushopt clwb cmov cr8legacy cx16 cx8 de erms "
	  "f16c fma fpu fsgsbase fxsr la57 lahf-lm lm mca mce mmx mmxext monitor movbe mpx msr mtrr npt nx pae pat pclmulqdq "
	  "pcommit pdpe1gb pge pks pku pni popcnt pse pse36 rdrand rdtscp sep smap smep ss sse sse2 sse4.1 sse4.2 sse4a ssse3 svm "
	  "svme-addr-chk syscall tsc umip vaes vgif xgetbv1 xsave xsaveopt" },
	{ .name = "n270", .alias_of = "n270-v1" },
	{ .name = "n270-v1", .vendor = "GenuineIntel", .family = 6, .model = 28, .stepping = 2, .level = 0xa, .xlevel = 0x80000008,
	  .brand = "Intel(R) Atom(TM) CPU N270   @ 1.60GHz", .features =
	  "acpi apic clflush cmov cx8 de fpu fxsr lahf-lm mca mce mmx monitor movbe msr mtrr nx pae pat pge pni pse sep ss sse "
	  "sse2 ssse3 tsc" },
	{ .name = "Nehalem", .alias_of = "Nehalem-v1" },
	{ .name = "Nehalem-IBRS", .alias_of = "Nehalem-v2" },
	{ .name = "Nehalem-v1", .vendor = "GenuineIntel", .family = 6, .model = 26, .stepping = 3, .level = 0xb, .xlevel = 0x80000008,
	  .brand = "Intel Core i7 9xx (Nehalem Class Core i7)", .features =
	  "apic clflush cmov cx16 cx8 de fpu fxsr lahf-lm lm mca mce mmx msr mtrr nx pae pat pge pni popcnt pse pse36 sep sse "
	  "sse2 sse4.1 sse4.2 ssse3 syscall tsc" },
	{ .name = "Nehalem-v2", .vendor = "GenuineIntel", .family = 6, .model = 26, .stepping = 3, .level = 0xb, .xlevel = 0x80000008,
	  .brand = "Intel Core i7 9xx (Nehalem Core i7, IBRS update)", .features =
	  "apic clflush cmov cx16 cx8 de fpu fxsr lahf-lm lm mca mce mmx msr mtrr nx pae pat pge pni popcnt pse pse36 sep spec- "
	  "ctrl sse sse2 sse4.1 sse4.2 ssse3 syscall tsc" },
	{ .name = "Opteron_G1", .alias_of = "Opteron_G1-v1" },
	{ .name = "Opteron_G1-v1", .vendor = "AuthenticAMD", .family = 15, .model = 6, .stepping = 1, .level = 0x5, .xlevel = 0x80000008,
	  .brand = "AMD Opteron 240 (Gen 1 Class Opteron)", .features =
	  "apic clflush cmov cx8 de fpu fxsr lm mca mce mmx msr mtrr nx pae pat pge pni pse pse36 sep sse sse2 syscall tsc" },
	{ .name = "Opteron_G2", .alias_of = "Opteron_G2-v1" },
	{ .name = "Opteron_G2-v1", .vendor = "AuthenticAMD", .family = 15, .model = 6, .stepping = 1, .level = 0x5, .xlevel = 0x8000000a,
	  .brand = "AMD Opteron 22xx (Gen 2 Class Opteron)", .features =
	  "apic clflush cmov cx16 cx8 de fpu fxsr lahf-lm lm mca mce mmx msr mtrr nx pae pat pge pni pse pse36 sep sse sse2 svm "
	  "syscall tsc" },
	{ .name = "Opteron_G3", .alias_of = "Opteron_G3-v1" },
	{ .name = "Opteron_G3-v1", .vendor = "AuthenticAMD", .family = 16, .model = 2, .stepping = 3, .level = 0x5, .xlevel = 0x8000000a,
	  .brand = "AMD Opteron 23xx (Gen 3 Class Opteron)", .features =
	  "abm apic clflush cmov cx16 cx8 de fpu fxsr lahf-lm lm mca mce misalignsse mmx monitor msr mtrr nx pae pat pge pni "
	  "popcnt pse pse36 rdtscp sep sse sse2 sse4a svm syscall tsc" },
	{ .name = "Opteron_G4", .alias_of = "Opteron_G4-v1" },
	{ .name = "Opteron_G4-v1", .vendor = "AuthenticAMD", .family = 21, .model = 1, .stepping = 2, .level = 0xd, .xlevel = 0x8000001a,
	  .brand = "AMD Opteron 62xx class CPU", .features =
	  "3dnowprefetch abm aes apic avx clflush cmov cx16 cx8 de fma4 fpu fxsr lahf-lm lm mca mce misalignsse mmx msr mtrr npt "
	  "nrip-save nx pae pat pclmulqdq pdpe1gb pge pni popcnt pse pse36 rdtscp sep sse sse2 sse4.1 sse4.2 sse4a ssse3 svm "
	  "syscall tsc xop xsave" },
	{ .name = "Opteron_G5", .alias_of = "Opteron_G5-v1" },
	{ .name = "Opteron_G5-v1", .vendor = "AuthenticAMD", .family = 21, .model = 2, .stepping = 0, .level = 0xd, .xlevel = 0x8000001a,
	  .brand = "AMD Opteron 63xx class CPU", .features =
	  "3dnowprefetch abm aes apic avx clflush cmov cx16 cx8 de f16c fma fma4 fpu fxsr lahf-lm lm mca mce misalignsse mmx msr "
	  "mtrr npt nrip-save nx pae pat pclmulqdq pdpe1gb pge pni popcnt pse pse36 rdtscp sep sse sse2 sse4.1 sse4.2 sse4a ssse3 "
	  "svm syscall tbm tsc xop xsave" },
	{ .name = "Penryn", .alias_of = "Penryn-v1" },
	{ .name = "Penryn-v1", .vendor = "GenuineIntel", .family = 6, .model = 23, .stepping = 3, .level = 0xa, .xlevel = 0x80000008,
	  .brand = "Intel Core 2 Duo P9xxx (Penryn Class Core 2)", .features =
	  "apic clflush cmov cx16 cx8 de fpu fxsr lahf-lm lm mca mce mmx msr mtrr nx pae pat pge pni pse pse36 sep sse sse2 "
	  "sse4.1 ssse3 syscall tsc" },
	{ .name = "pentium", .alias_of = "pentium-v1" },
	{ .name = "pentium-v1", .vendor = "GenuineIntel", .family = 5, .model = 4, .stepping = 3, .level = 0x1, .xlevel = 0,
	  .brand = "", .features =
	  "apic cx8 de fpu mce mmx msr pse tsc" },
	{ .name = "pentium2", .alias_of = "pentium2-v1" },
	{ .name = "pentium2-v1", .vendor = "GenuineIntel", .family = 6, .model = 5, .stepping = 2, .level = 0x2, .xlevel = 0,
	  .brand = "", .features =
	  "apic cmov cx8 de fpu fxsr mca mce mmx msr mtrr pae pat pge pse pse36 sep tsc" },
	{ .name = "pentium3", .alias_of = "pentium3-v1" },
	{ .name = "pentium3-v1", .vendor = "GenuineIntel", .family = 6, .model = 7, .stepping = 3, .level = 0x3, .xlevel = 0,
	  .brand = "", .features =
	  "apic cmov cx8 de fpu fxsr mca mce mmx msr mtrr pae pat pge pse pse36 sep sse tsc" },
	{ .name = "phenom", .alias_of = "phenom-v1" },
	{ .name = "phenom-v1", .vendor = "AuthenticAMD", .family = 16, .model = 2, .stepping = 3, .level = 0x5, .xlevel = 0x8000001a,
	  .brand = "AMD Phenom(tm) 9550 Quad-Core Processor", .features =
	  "3dnow 3dnowext abm apic clflush cmov cx16 cx8 de fpu fxsr fxsr-opt lahf-lm lm mca mce mmx mmxext monitor msr mtrr npt "
	  "nx pae pat pdpe1gb pge pni popcnt pse pse36 rdtscp sep sse sse2 sse4a svm syscall tsc" },
	{ .name = "qemu32", .alias_of = "qemu32-v1" },
	{ .name = "qemu32-v1", .vendor = "GenuineIntel", .family = 6, .model = 6, .stepping = 3, .level = 0x4, .xlevel = 0x80000004,
	  .brand = "QEMU Virtual CPU version 2.5+", .features =
	  "apic cmov cx8 de fpu fxsr mce mmx msr pae pat pge pni pse sep sse sse2 tsc" },
	{ .name = "qemu64", .alias_of = "qemu64-v1" },
	{ .name = "qemu64-v1", .vendor = "AuthenticAMD", .family = 15, .model = 107, .stepping = 1, .level = 0xd, .xlevel = 0x8000000a,
	  .brand = "QEMU Virtual CPU version 2.5+", .features =
	  "apic clflush cmov cx16 cx8 de fpu fxsr lahf-lm lm mca mce mmx msr mtrr nx pae pat pge pni pse pse36 sep sse sse2 svm "
	  "syscall tsc" },
	{ .name = "SandyBridge", .alias_of = "SandyBridge-v1" },
	{ .name = "SandyBridge-IBRS", .alias_of = "SandyBridge-v2" },
	{ .name = "SandyBridge-v1", .vendor = "GenuineIntel", .family = 6, .model = 42, .stepping = 1, .level = 0xd, .xlevel = 0x80000008,
	  .brand = "Intel Xeon E312xx (Sandy Bridge)", .features =
	  "aes apic arat avx clflush cmov cx16 cx8 de fpu fxsr lahf-lm lm mca mce mmx msr mtrr nx pae pat pclmulqdq pge pni "
	  "popcnt pse pse36 rdtscp sep sse sse2 sse4.1 sse4.2 ssse3 syscall tsc tsc-deadline x2apic xsave xsaveopt" },
	{ .name = "SandyBridge-v2", .vendor = "GenuineIntel", .family = 6, .model = 42, .stepping = 1, .level = 0xd, .xlevel = 0x80000008,
	  .brand = "Intel Xeon E312xx (Sandy Bridge, IBRS update)", .features =
	  "aes apic arat avx clflush cmov cx16 cx8 de fpu fxsr lahf-lm lm mca mce mmx msr mtrr nx pae pat pclmulqdq pge pni "
	  "popcnt pse pse36 rdtscp sep spec-ctrl sse sse2 sse4.1 sse4.2 ssse3 syscall tsc tsc-deadline x2apic xsave xsaveopt" },
	{ .name = "Skylake-Client", .alias_of = "Skylake-Client-v1" },
	{ .name = "Skylake-Client-IBRS", .alias_of = "Skylake-Client-v2" },
	{ .name = "Skylake-Client-noTSX-IBRS", .alias_of = "Skylake-Client-v3" },
	{ .name = "Skylake-Client-v1", .vendor = "GenuineIntel", .family = 6, .model = 94, .stepping = 3, .level = 0xd, .xlevel = 0x80000008,
	  .brand = "Intel Core Processor (Skylake)", .features =
	  "3dnowprefetch abm adx aes apic arat avx avx2 bmi1 bmi2 clflush cmov cx16 cx8 de erms f16c fma fpu fsgsbase fxsr hle "
	  "invpcid lahf-lm lm mca mce mmx movbe msr mtrr nx pae pat pcid pclmulqdq pge pni popcnt pse pse36 rdrand rdseed rdtscp "
	  "rtm sep smap smep sse sse2 sse4.1 sse4.2 ssse3 syscall tsc tsc-deadline x2apic xgetbv1 xsave xsavec xsaveopt" },
	{ .name = "Skylake-Client-v2", .vendor = "GenuineIntel", .family = 6, .model = 94, .stepping = 3, .level = 0xd, .xlevel = 0x80000008,
	  .brand = "Intel Core Processor (Skylake, IBRS)", .features =
	  "3dnowprefetch abm adx aes apic arat avx avx2 bmi1 bmi2 clflush cmov cx16 cx8 de erms f16c fma fpu fsgsbase fxsr hle "
	  "invpcid lahf-lm lm mca mce mmx movbe msr mtrr nx pae pat pcid pclmulqdq pge pni popcnt pse pse36 rdrand rdseed rdtscp "
	  "rtm sep smap smep spec-ctrl sse sse2 sse4.1 sse4.2 ssse3 syscall tsc tsc-deadline x2apic xgetbv1 xsave xsavec xsaveopt" },
	{ .name = "Skylake-Client-v3", .vendor = "GenuineIntel", .family = 6, .model = 94, .stepping = 3, .level = 0xd, .xlevel = 0x80000008,
	  .brand = "Intel Core Processor (Skylake, IBRS, no TSX)", .features =
	  "3dnowprefetch abm adx aes apic arat avx avx2 bmi1 bmi2 clflush cmov cx16 cx8 de erms f16c fma fpu fsgsbase fxsr "
	  "invpcid lahf-lm lm mca mce mmx movbe msr mtrr nx pae pat pcid pclmulqdq pge pni popcnt pse pse36 rdrand rdseed rdtscp "
	  "sep smap smep spec-ctrl sse sse2 sse4.1 sse4.2 ssse3 syscall tsc tsc-deadline x2apic xgetbv1 xsave xsavec xsaveopt" },
	{ .name = "Skylake-Client-v4", .vendor = "GenuineIntel", .family = 6, .model = 94, .stepping = 3, .level = 0xd, .xlevel = 0x80000008,
	  .brand = "Intel Core Processor (Skylake, IBRS, no TSX)", .features =
	  "3dnowprefetch abm adx aes apic arat avx avx2 bmi1 bmi2 clflush cmov cx16 cx8 de erms f16c fma fpu fsgsbase fxsr "
	  "invpcid lahf-lm lm mca mce mmx movbe msr mtrr nx pae pat pcid pclmulqdq pge pni popcnt pse pse36 rdrand rdseed rdtscp "
	  "sep smap smep spec-ctrl sse sse2 sse4.1 sse4.2 ssse3 syscall tsc tsc-deadline x2apic xgetbv1 xsave xsavec xsaveopt "
	  "xsaves" },
	{ .name = "Skylake-Server", .alias_of = "Skylake-Server-v1" },
	{ .name = "Skylake-Server-IBRS", .alias_of = "Skylake-Server-v2" },
	{ .name = "Skylake-Server-noTSX-IBRS", .alias_of = "Skylake-Server-v3" },
	{ .name = "Skylake-Server-v1", .vendor = "GenuineIntel", .family = 6, .model = 85, .stepping = 4, .level = 0xd, .xlevel = 0x80000008,
	  .brand = "Intel Xeon Processor (Skylake)", .features =
	  "3dnowprefetch abm adx aes apic arat avx avx2 avx512bw avx512cd avx512dq avx512f avx512vl bmi1 bmi2 clflush clflushopt "
	  "clwb cmov cx16 cx8 de erms f16c fma fpu fsgsbase fxsr hle invpcid lahf-lm lm mca mce mmx movbe msr mtrr nx pae pat "
	  "pcid pclmulqdq pdpe1gb pge pku pni popcnt pse pse36 rdrand rdseed rdtscp rtm sep smap smep sse sse2 sse4.1 sse4.2 "
	  "ssse3 syscall tsc tsc-deadline x2apic xgetbv1 xsave xsavec xsaveopt" },
	{ .name = "Skylake-Server-v2", .vendor = "GenuineIntel", .family = 6, .model = 85, .stepping = 4, .level = 0xd, .xlevel = 0x80000008,
	  .brand = "Intel Xeon Processor (Skylake, IBRS)", .features =
	  "3dnowprefetch abm adx aes apic arat avx avx2 avx512bw avx512cd avx512dq avx512f avx512vl bmi1 bmi2 clflush clwb cmov "
	  "cx16 cx8 de erms f16c fma fpu fsgsbase fxsr hle invpcid lahf-lm lm mca mce mmx movbe msr mtrr nx pae pat pcid "
	  "pclmulqdq pdpe1gb pge pku pni popcnt pse pse36 rdrand rdseed rdtscp rtm sep smap smep spec-ctrl sse sse2 sse4.1 sse4.2 "
	  "ssse3 syscall tsc tsc-deadline x2apic xgetbv1 xsave xsavec xsaveopt" },
	{ .name = "Skylake-Server-v3", .vendor = "GenuineIntel", .family = 6, .model = 85, .stepping = 4, .level = 0xd, .xlevel = 0x80000008,
	  .brand = "Intel Xeon Processor (Skylake, IBRS, no TSX)", .features =
	  "3dnowprefetch abm adx aes apic arat avx avx2 avx512bw avx512cd avx512dq avx512f avx512vl bmi1 bmi2 clflush clwb cmov "
	  "cx16 cx8 de erms f16c fma fpu fsgsbase fxsr invpcid lahf-lm lm mca mce mmx movbe msr mtrr nx pae pat pcid pclmulqdq "
	  "pdpe1gb pge pku pni popcnt pse pse36 rdrand rdseed rdtscp sep smap smep spec-ctrl sse sse2 sse4.1 sse4.2 ssse3 syscall "
	  "tsc tsc-deadline x2apic xgetbv1 xsave xsavec xsaveopt" },
	{ .name = "Skylake-Server-v4", .vendor = "GenuineIntel", .family = 6, .model = 85, .stepping = 4, .level = 0xd, .xlevel = 0x80000008,
	  .brand = "Intel Xeon Processor (Skylake, IBRS, no TSX)", .features =
	  "3dnowprefetch abm adx aes apic arat avx avx2 avx512bw avx512cd avx512dq avx512f avx512vl bmi1 bmi2 clflush clwb cmov "
	  "cx16 cx8 de erms f16c fma fpu fsgsbase fxsr invpcid lahf-lm lm mca mce mmx movbe msr mtrr nx pae pat pcid pclmulqdq "
	  "pdpe1gb pge pku pni popcnt pse pse36 rdrand rdseed rdtscp sep smap smep spec-ctrl sse sse2 sse4.1 sse4.2 ssse3 syscall "
	  "tsc tsc-deadline x2apic xgetbv1 xsave xsavec xsaveopt" },
	{ .name = "Skylake-Server-v5", .vendor = "GenuineIntel", .family = 6, .model = 85, .stepping = 4, .level = 0xd, .xlevel = 0x80000008,
	  .brand = "Intel Xeon Processor (Skylake, IBRS, no TSX)", .features =
	  "3dnowprefetch abm adx aes apic arat avx avx2 avx512bw avx512cd avx512dq avx512f avx512vl bmi1 bmi2 clflush clwb cmov "
	  "cx16 cx8 de erms f16c fma fpu fsgsbase fxsr invpcid lahf-lm lm mca mce mmx movbe msr mtrr nx pae pat pcid pclmulqdq "
	  "pdpe1gb pge pku pni popcnt pse pse36 rdrand rdseed rdtscp sep smap smep spec-ctrl sse sse2 sse4.1 sse4.2 ssse3 syscall "
	  "tsc tsc-deadline x2apic xgetbv1 xsave xsavec xsaveopt xsaves" },
	{ .name = "Snowridge", .alias_of = "Snowridge-v1" },
	{ .name = "Snowridge-v1", .vendor = "GenuineIntel", .family = 6, .model = 134, .stepping = 1, .level = 0x1b, .xlevel = 0x80000008,
	  .brand = "Intel Atom Processor (SnowRidge)", .features =
	  "3dnowprefetch aes apic arat arch-capabilities cldemote clflush clflushopt clwb cmov core-capability cx16 cx8 de erms "
	  "fpu fsgsbase fxsr gfni lahf-lm lm mca mce mmx monitor movbe movdir64b movdiri mpx msr mtrr nx pae pat pclmulqdq "
	  "pdpe1gb pge pni popcnt pse pse36 rdrand rdseed rdtscp sep sha-ni smap smep spec-ctrl split-lock-detect ssbd sse sse2 "
	  "sse4.1 sse4.2 ssse3 syscall tsc tsc-deadline umip x2apic xgetbv1 xsave xsavec xsaveopt" },
	{ .name = "Snowridge-v2", .vendor = "GenuineIntel", .family = 6, .model = 134, .stepping = 1, .level = 0x1b, .xlevel = 0x80000008,
	  .brand = "Intel Atom Processor (Snowridge, no MPX)", .features =
	  "3dnowprefetch aes apic arat arch-capabilities cldemote clflush clflushopt clwb cmov core-capability cx16 cx8 de erms "
	  "fpu fsgsbase fxsr gfni lahf-lm lm mca mce mmx monitor movbe movdir64b movdiri msr mtrr nx pae pat pclmulqdq pdpe1gb "
	  "pge pni popcnt pse pse36 rdrand rdseed rdtscp sep sha-ni smap smep spec-ctrl split-lock-detect ssbd sse sse2 sse4.1 "
	  "sse4.2 ssse3 syscall tsc tsc-deadline umip x2apic xgetbv1 xsave xsavec xsaveopt" },
	{ .name = "Snowridge-v3", .vendor = "GenuineIntel", .family = 6, .model = 134, .stepping = 1, .level = 0x1b, .xlevel = 0x80000008,
	  .brand = "Intel Atom Processor (Snowridge, no MPX)", .features =
	  "3dnowprefetch aes apic arat arch-capabilities cldemote clflush clflushopt clwb cmov core-capability cx16 cx8 de erms "
	  "fpu fsgsbase fxsr gfni lahf-lm lm mca mce mmx monitor movbe movdir64b movdiri msr mtrr nx pae pat pclmulqdq pdpe1gb "
	  "pge pni popcnt pse pse36 rdrand rdseed rdtscp sep sha-ni smap smep spec-ctrl split-lock-detect ssbd sse sse2 sse4.1 "
	  "sse4.2 ssse3 syscall tsc tsc-deadline umip x2apic xgetbv1 xsave xsavec xsaveopt xsaves" },
	{ .name = "Snowridge-v4", .vendor = "GenuineIntel", .family = 6, .model = 134, .stepping = 1, .level = 0x1b, .xlevel = 0x80000008,
	  .brand = "Intel Atom Processor (Snowridge, no MPX)", .features =
	  "3dnowprefetch aes apic arat arch-capabilities cldemote clflush clflushopt clwb cmov cx16 cx8 de erms fpu fsgsbase fxsr "
	  "gfni lahf-lm lm mca mce mmx monitor movbe movdir64b movdiri msr mtrr nx pae pat pclmulqdq pdpe1gb pge pni popcnt pse "
	  "pse36 rdrand rdseed rdtscp sep sha-ni smap smep spec-ctrl ssbd sse sse2 sse4.1 sse4.2 ssse3 syscall tsc tsc-deadline "
	  "umip x2apic xgetbv1 xsave xsavec xsaveopt xsaves" },
	{ .name = "Westmere", .alias_of = "Westmere-v1" },
	{ .name = "Westmere-IBRS", .alias_of = "Westmere-v2" },
	{ .name = "Westmere-v1", .vendor = "GenuineIntel", .family = 6, .model = 44, .stepping = 1, .level = 0xb, .xlevel = 0x80000008,
	  .brand = "Westmere E56xx/L56xx/X56xx (Nehalem-C)", .features =
	  "aes apic arat clflush cmov cx16 cx8 de fpu fxsr lahf-lm lm mca mce mmx msr mtrr nx pae pat pclmulqdq pge pni popcnt "
	  "pse pse36 sep sse sse2 sse4.1 sse4.2 ssse3 syscall tsc" },
	{ .name = "Westmere-v2", .vendor = "GenuineIntel", .family = 6, .model = 44, .stepping = 1, .level = 0xb, .xlevel = 0x80000008,
	  .brand = "Westmere E56xx/L56xx/X56xx (IBRS update)", .features =
	  "aes apic arat clflush cmov cx16 cx8 de fpu fxsr lahf-lm lm mca mce mmx msr mtrr nx pae pat pclmulqdq pge pni popcnt "
	  "pse pse36 sep spec-ctrl sse sse2 sse4.1 sse4.2 ssse3 syscall tsc" },
	{ .name = NULL }
};
