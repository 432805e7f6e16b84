/* diff.c - compare the two sides and walk the table. */
#include "tests/cpu/diff.h"
#include <Zydis/Zydis.h>
#include <inttypes.h>
#include <string.h>

static const char *const gpr_names[16] = { "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15" };

/* ---- comparison ------------------------------------------------------------------------------------------------------------------- */

static bool named(const struct diff_case *k, const char *prefix) { return !strncmp(op_rows[k->row].name, prefix, strlen(prefix)); }

/* What the host's microcode accesses in several steps, in an order of its own: which of several faults comes first may differ. */
static bool many_steps(const struct diff_case *k)
{
	static const char *const names[] = { "fnst", "fldenv", "fnsave", "frstor", "fbst", "fstp", "cmps", "movs", "enter", "popa", "maskmov",
		"vmaskmov", "vpmaskmov", "bound" };
	for (unsigned n = 0; n < sizeof names / sizeof names[0]; n++)
		if (named(k, names[n]))
			return true;
	return false;
}

/* Linux pretends that pages above the user's part of the address space are present. */
static bool same_fault(const struct diff_case *k, const struct diff_state *n, const struct diff_state *e)
{
	if (n->vector >= 0 && e->vector >= 0 && (many_steps(k) || (k->mode != DIFF_64 && (named(k, "fld") || named(k, "fbld")))))
		return true;
	if (n->vector != e->vector)
		return false;
	if (n->vector != EXC_PF)
		return n->vector < 0 || n->err == e->err;
	return n->cr2 == e->cr2 && (n->err == e->err || (n->cr2 >> 47 && n->err == (e->err | 1)));
}

/* An access over the end of a flat 4 GB segment: a limit violation on the host, a wrap here (and on some processors). */
static bool wraps(const struct diff_case *k, const struct diff_state *n, const struct diff_state *e)
{
	return k->mode == DIFF_32 && (n->vector == EXC_GP || n->vector == EXC_SS) && e->vector == EXC_PF && (e->cr2 > 0xfffffff0 || e->cr2 < 16);
}

/* A near branch out of the code segment or to a non-canonical address: the host reports it at the branch, we when the target is
 * fetched. */
static bool bad_target(const struct diff_case *k, const struct diff_state *n, const struct diff_state *e)
{
	if (!k->branch || n->vector != EXC_GP || e->vector >= 0)
		return false;
	return k->mode == DIFF_64 ? (int64_t)(e->rip << 16) >> 16 != (int64_t)e->rip : e->rip > diff_segments[k->mode][DIFF_SEG_CS].limit;
}

/* A masked move of which only masked elements lie beyond the segment's limit: some processors check the whole operand. */
static bool masked_limit(const struct diff_case *k, const struct diff_state *n, const struct diff_state *e)
{
	return k->mode != DIFF_64 && (named(k, "vmaskmov") || named(k, "vpmaskmov")) && (n->vector == EXC_GP || n->vector == EXC_SS) && e->vector < 0;
}

static bool has_prefix(const struct diff_case *k, unsigned low, unsigned high)
{
	for (unsigned n = 0; n < k->len && memchr("\x26\x2e\x36\x3e\x64\x65\x66\x67\xf0\xf2\xf3", k->code[n], 11); n++)
		if (k->code[n] >= low && k->code[n] <= high)
			return true;
	return false;
}

/* What Intel's processors do in ways of their own, where we do as AMD's.  F3 90 is PAUSE with any REX.  What faults may have changed vector and x87
 * state before, and memory in front of the page; a repeated string instruction leaves the flags as they were before it, and with addresses of 32
 * bits only the lower half of its registers.  An x87 store whose operand is not to be stored does not look at memory.  SHA instructions want
 * their operand aligned.  Where an operand goes beyond a limit and around 4 GB, its page comes first; before any fault of what is to be stored in
 * half precision comes what the conversion raises. */
static bool intels_way(const struct diff_case *k, const struct diff_state *n, const struct diff_state *e)
{
	if (!__builtin_cpu_is("intel"))
		return false;
	if (named(k, "xchg") && k->code[k->len - 1] == 0x90 && has_prefix(k, 0xf3, 0xf3))
		return true;
	if (n->vector >= 0 && n->vector == e->vector && n->rip == e->rip) {
		uint64_t mask = has_prefix(k, 0xf2, 0xf3) && has_prefix(k, 0x67, 0x67) ? UINT32_MAX : UINT64_MAX;
		for (unsigned r = 0; r < 16; r++)
			if ((n->gpr[r] ^ e->gpr[r]) & mask)
				return false;
		return k->fp || has_prefix(k, 0xf2, 0xf3);
	}
	if (named(k, "sha1") || named(k, "sha256"))
		return n->vector == EXC_GP && e->vector != EXC_GP;
	if (named(k, "vcvtps2ph") && n->vector == EXC_XM && e->vector >= 0)
		return true;
	if (k->mode != DIFF_64 && n->vector == EXC_PF && n->cr2 >= 0xfffff000 && e->vector == EXC_GP)
		return true;
	return (named(k, "fst") || named(k, "fist") || named(k, "fbst")) && n->vector < 0 && e->vector >= 0 && (n->fx[2] & 0x80);
}

static uint32_t flags_compared(const struct diff_case *k)
{
	return (FL_ARITH | FL_DF | FL_NT | FL_AC | FL_ID) & ~(uint32_t)op_rows[k->row].fl_undefined;
}

/* XSTATE_BV of the host says which parts it left out because they are in their initial state. */
static void complete_fx(uint8_t *fx)
{
	uint64_t bv;
	memcpy(&bv, fx + FX_HEADER, 8);
	if (!(bv & 1)) {
		uint16_t cw = 0x37f;
		memset(fx, 0, 24);
		memcpy(fx, &cw, 2);
		memset(fx + FX_ST, 0, 128);
	}
	if (!(bv & 2))
		memset(fx + FX_XMM, 0, 256);
	if (!(bv & 4))
		memset(fx + FX_YMMH, 0, 256);
}

static bool same_fx(const uint8_t *n, const uint8_t *e)
{
	if (memcmp(n, e, 5) || memcmp(n + FX_MXCSR, e + FX_MXCSR, 4) || memcmp(n + FX_XMM, e + FX_XMM, 256) || memcmp(n + FX_YMMH, e + FX_YMMH, 256))
		return false;
	for (unsigned k = 0; k < 8; k++)
		if (memcmp(n + FX_ST + 16 * k, e + FX_ST + 16 * k, 10))
			return false;
	return true;
}

static bool same(const struct diff_case *k, struct diff_state *n, const struct diff_state *e)
{
	if (k->mode == DIFF_16)
		n->gpr[4] = (uint32_t)n->gpr[4];        /* an interrupt on a 16-bit stack leaves garbage in the upper half */
	if (named(k, "popa") && n->vector >= 0)
		return n->vector == e->vector;  /* registers may have been loaded */
	if ((named(k, "ldmxcsr") || named(k, "vldmxcsr")) && n->fx[FX_MXCSR + 2])
		return true;                    /* AMD's misaligned mode, not offered */
	if (!same_fault(k, n, e) || memcmp(n->gpr, e->gpr, sizeof n->gpr) || n->rip != e->rip)
		return false;
	if ((n->rflags ^ e->rflags) & flags_compared(k))
		return false;
	if (!k->fp)
		return true;
	complete_fx(n->fx);
	if (n->vector == EXC_XM) {
		/* With unmasked underflow or overflow PE tells about a result of unbounded exponent; DPPS takes its exceptions in steps. */
		unsigned loose = named(k, "dpp") || named(k, "vdpp") ? 0x3f : n->fx[FX_MXCSR] & 0x18 ? 0x20 : 0;
		n->fx[FX_MXCSR] = (uint8_t)((n->fx[FX_MXCSR] & ~loose) | (e->fx[FX_MXCSR] & loose));
	}
	return same_fx(n->fx, e->fx);
}

/* ---- report --------------------------------------------------------------------------------------------------------------------------- */

static void print_code(FILE *f, const struct diff_case *k)
{
	static const ZydisMachineMode modes[DIFF_MODES] = { ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_MACHINE_MODE_LONG_COMPAT_32, ZYDIS_MACHINE_MODE_LONG_COMPAT_32,
		ZYDIS_MACHINE_MODE_LONG_COMPAT_16 };
	ZydisDisassembledInstruction d;
	fprintf(f, "%s:", diff_mode_names[k->mode]);
	for (unsigned n = 0; n < k->len; n++)
		fprintf(f, " %02x", k->code[n]);
	bool ok = ZYAN_SUCCESS(ZydisDisassembleIntel(modes[k->mode], k->in.rip, k->code, 15, &d));
	fprintf(f, "   %s   (row %s, %u bytes)\n", ok ? d.text : "undefined", op_rows[k->row].name, k->len);
	if (ok && d.info.length != k->len)
		fprintf(f, "  length: Zydis %u, decoder %u\n", d.info.length, k->len);
}

static void print_fx(FILE *f, const uint8_t *in, const uint8_t *n, const uint8_t *e)
{
	static const struct { const char *name; unsigned at, size; } words[] = { { "fcw", 0, 2 }, { "fsw", 2, 2 }, { "ftw", 4, 1 }, { "mxcsr", 24, 4 } };
	for (unsigned w = 0; w < 4; w++) {
		uint32_t v[3] = { 0, 0, 0 };
		memcpy(&v[0], in + words[w].at, words[w].size);
		memcpy(&v[1], n + words[w].at, words[w].size);
		memcpy(&v[2], e + words[w].at, words[w].size);
		fprintf(f, "  %-5s in %08x  host %08x  vmux %08x%s\n", words[w].name, v[0], v[1], v[2], v[1] == v[2] ? "" : "  <--");
	}
	for (unsigned k = 0; k < 40; k++) {
		unsigned at = k < 8 ? FX_ST + 16 * k : k < 24 ? FX_XMM + 16 * (k - 8) : FX_YMMH + 16 * (k - 24), size = k < 8 ? 10 : 16;
		bool diff = memcmp(n + at, e + at, size);
		const uint8_t *v[3] = { in + at, n + at, e + at };
		if (!diff && k > 1)
			continue;
		fprintf(f, "  %s%u", k < 8 ? "st" : k < 24 ? "xmm" : "ymmh", k < 8 ? k : (k - 8) % 16);
		for (unsigned s = 0; s < 3; s++) {
			fprintf(f, "  %s ", s == 0 ? "in" : s == 1 ? "host" : "vmux");
			for (unsigned b = size; b-- > 0;)
				fprintf(f, "%02x", v[s][b]);
		}
		fprintf(f, "%s\n", diff ? "  <--" : "");
	}
}

static void print_failure(FILE *f, const struct diff_case *k, const struct diff_state *n, const struct diff_state *e)
{
	print_code(f, k);
	for (unsigned r = 0; r < 16; r++)
		if (r < 8 || n->gpr[r] != e->gpr[r])
			fprintf(f, "  %-5s in %016" PRIx64 "  host %016" PRIx64 "  vmux %016" PRIx64 "%s\n", gpr_names[r], k->in.gpr[r], n->gpr[r], e->gpr[r],
				n->gpr[r] == e->gpr[r] ? "" : "  <--");
	fprintf(f, "  flags in %" PRIx64 "  host %" PRIx64 "  vmux %" PRIx64 "  differ %" PRIx64 "\n", k->in.rflags, n->rflags, e->rflags,
		(n->rflags ^ e->rflags) & flags_compared(k));
	fprintf(f, "  rip in %" PRIx64 "  host %" PRIx64 "  vmux %" PRIx64 "\n", k->in.rip, n->rip, e->rip);
	fprintf(f, "  fault host %" PRId64 " err %" PRIx64 " cr2 %" PRIx64 "  vmux %" PRId64 " err %" PRIx64 " cr2 %" PRIx64 "\n", n->vector, n->err, n->cr2,
		e->vector, e->err, e->cr2);
	if (k->at >= 0) {
		fprintf(f, "  memory at +%x was", (unsigned)k->at);
		for (unsigned b = 0; b < 32; b++)
			fprintf(f, " %02x", k->operand[b]);
		fprintf(f, "\n");
	}
	if (k->fp)
		print_fx(f, k->in.fx, n->fx, e->fx);
}

/* The data pages; after a difference the host's copy is taken over. */
static bool same_memory(struct diff_emu *e, FILE *f)
{
	uint8_t *a = diff_native_data(), *b = diff_emu_data(e);
	if (!memcmp(a, b, DIFF_DATA_RW))
		return true;
	for (unsigned n = 0, shown = 0; n < DIFF_DATA_RW && shown < 32; n++)
		if (a[n] != b[n]) {
			fprintf(f, "  memory +%x: host %02x  vmux %02x\n", n, a[n], b[n]);
			shown++;
		}
	memcpy(b, a, DIFF_DATA_RW);
	return false;
}

/* ---- the walk --------------------------------------------------------------------------------------------------------------------------- */

/* What may not run on the host: an operand in our own fixed pages, TF set by POPF, flags that would stop us. */
static bool safe(struct diff_emu *e, const struct diff_case *k)
{
	const char *name = op_rows[k->row].name;
	uint64_t lin = 0;
	if (diff_emu_operand(e, k, &lin) && lin >= DIFF_CODE - 0x1000 && lin < DIFF_SHARED + 0x10000)
		return false;
	if (k->mode == DIFF_32 && lin > 0xffffff00)
		return false;           /* wraps around the end of a flat segment: #GP on some processors only */
	if (!strncmp(name, "popf", 4)) {
		uint64_t sp = k->in.gpr[4];
		if (k->mode == DIFF_16)
			sp = (uint16_t)sp + DIFF_DATA;
		if (sp < DIFF_DATA || sp > DIFF_DATA + DIFF_DATA_RW - 8)
			return false;
		diff_native_data()[sp + 1 - DIFF_DATA] &= 0xfe;         /* TF */
		diff_emu_data(e)[sp + 1 - DIFF_DATA] &= 0xfe;
	}
	return true;
}

/* The host's data pages are taken over where a case is not compared. */
static bool not_compared(struct diff_emu *e)
{
	memcpy(diff_emu_data(e), diff_native_data(), DIFF_DATA_RW);
	return true;
}

/* Addresses that exist in this process, but not in the emulated address space. */
static bool mapped_here(uint64_t lin)
{
#ifdef VMUX_SANITIZED
	if (lin > 0x7ff00000 && lin < UINT64_C(1) << 47)
		return true;            /* the sanitizer's shadow */
#endif
	return lin > DIFF_CODE - 0x10000 && lin < DIFF_SHARED + 0x10000;
}

static bool run_case(struct diff_emu *e, struct diff_case *k, FILE *f)
{
	struct diff_state n, v;
	diff_emu_decode(e, k);
	if (!safe(e, k))
		return true;
	if (k->at >= 0) {
		memcpy(diff_native_data() + k->at, k->operand, sizeof k->operand);
		memcpy(diff_emu_data(e) + k->at, k->operand, sizeof k->operand);
	}
	diff_emu_run(e, k, &v);
	if (v.vector == EXC_PF && mapped_here(v.cr2))
		return not_compared(e);         /* an implicit operand that would hit our own pages */
	if (k->branch && v.rip - k->in.rip < k->len)
		return not_compared(e);         /* a branch to itself would not come back */
	diff_native_run(k, &n);
	if (bad_target(k, &n, &v) || wraps(k, &n, &v) || masked_limit(k, &n, &v))
		return not_compared(e);
	bool ok = same(k, &n, &v);
	if ((!ok || n.vector >= 0) && intels_way(k, &n, &v))
		return not_compared(e);
	if (!ok)
		print_failure(f, k, &n, &v);
	if (!same_memory(e, f)) {
		if (ok)
			print_failure(f, k, &n, &v);
		ok = false;
	}
	return ok;
}

/* `count` cases of one row, a page of slots at a time. */
static unsigned run_row(struct diff_emu *e, struct diff_rng *r, unsigned row, enum diff_mode m, unsigned count, unsigned max_failures, FILE *f, uint64_t *n_run)
{
	static struct diff_case cases[DIFF_SLOTS];
	unsigned failures = 0;
	while (count && failures < max_failures) {
		unsigned n, batch = count < DIFF_SLOTS ? count : DIFF_SLOTS;
		if (op_rows[row].attr & (A_END | A_LINK | A_COND))
			batch = 1;
		for (n = 0; n < batch; n++) {
			diff_generate(r, e, row, m, n, &cases[n]);
			diff_native_place(&cases[n]);
		}
		for (n = 0; n < batch; n++)
			failures += !run_case(e, &cases[n], f);
		count -= batch;
		*n_run += batch;
	}
	return failures;
}

unsigned diff_all(struct diff_emu *e, uint64_t seed, unsigned per_row, const char *only, unsigned max_failures, FILE *f, uint64_t *n_run)
{
	static struct diff_pool pool;
	struct diff_rng r = { .s = seed };
	diff_pool_fill(&pool, seed);
	unsigned failures = 0;
	for (unsigned n = 0; n < DIFF_DATA_RW; n += 8) {
		uint64_t v = diff_random(&r);
		memcpy(diff_native_data() + n, &v, 8);
	}
	memcpy(diff_emu_data(e), diff_native_data(), DIFF_DATA_SIZE);
	for (enum diff_mode m = DIFF_64; m < DIFF_MODES; m++) {
		diff_emu_mode(e, m);
		for (unsigned row = 1; row < op_row_count && failures < max_failures; row++) {
			if (!diff_row_ok(row, m) || (only && !strstr(op_rows[row].name, only)))
				continue;
			struct diff_rng mine = { .s = seed ^ (uint64_t)row << 32 ^ (uint64_t)m << 60, .pool = &pool };
			unsigned bad = run_row(e, &mine, row, m, per_row, 3, f, n_run);
			failures += bad;
		}
	}
	return failures;
}
