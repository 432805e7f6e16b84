/* fpstate.c - MXCSR, the sharing of the host's control registers, and FXSAVE, XSAVE and their kin.
 * Ref: SDM 1 ch. 10.5, 13; SDM 2. */
#include "core/cpu/fpstate.h"
#include "core/cpu/ops.h"
#include "core/cpu/vec.h"
#include "core/cpu/x87.h"
#include <cpuid.h>

/* ---- the host's control registers ---------------------------------------------------------------------------------------------- */

static inline void host_mxcsr_set(uint32_t v) { __asm__ volatile("ldmxcsr %0" : : "m"(v)); }
static inline uint32_t host_mxcsr_get(void)
{
	uint32_t v;
	__asm__ volatile("stmxcsr %0" : "=m"(v));
	return v;
}

void fp_flush_live(struct cpu *c)
{
	if (c->fp_live & FP_LIVE_MXCSR) {
		c->mxcsr = host_mxcsr_get();
		host_mxcsr_set(MXCSR_INIT);
	}
	if (c->fp_live & FP_LIVE_X87)
		__asm__ volatile("fninit");
	c->fp_live = 0;
}

uint32_t mxcsr_get(struct cpu *c)
{
	if (c->fp_live & FP_LIVE_MXCSR)
		c->mxcsr = host_mxcsr_get();
	return c->mxcsr;
}
void mxcsr_set(struct cpu *c, uint32_t v)
{
	c->mxcsr = v;
	if (c->fp_live & FP_LIVE_MXCSR) {
		c->fp_live &= (uint8_t)~FP_LIVE_MXCSR;
		host_mxcsr_set(MXCSR_INIT);
	}
}

/* FTZ has an effect only while underflow is masked. */
void vec_fp_load(struct cpu *c)
{
	uint32_t v = c->mxcsr & (MXCSR_DAZ | MXCSR_RC | (c->mxcsr & MXCSR_UM ? MXCSR_FTZ : 0));
	if ((c->mxcsr & MXCSR_MASKS) == MXCSR_MASKS) {
		c->fp_live |= FP_LIVE_MXCSR;
		v = c->mxcsr;
	}
	host_mxcsr_set(v | MXCSR_MASKS);
}

/* An unmasked exception that is found before the operation (invalid, denormal, zero divide) hides those of its result. */
bool vec_fp_collect(struct cpu *c, uint32_t more)
{
	uint32_t flags = (host_mxcsr_get() & MXCSR_FLAGS) | more, unmasked = ~(c->mxcsr >> 7) & MXCSR_FLAGS;
	host_mxcsr_set(MXCSR_INIT);
	if (flags & unmasked & X87_PRE)
		flags &= X87_PRE;
	c->mxcsr |= flags;
	if (!(flags & unmasked))
		return true;
	return cpu_raise(c, c->cr4 & CR4_OSXMMEXCPT ? EXC_XM : EXC_UD);
}

/* Flags that only FTZ shows, between a first run and its vec_fp_collect(). */
bool vec_fp_tiny_begin(struct cpu *c, uint32_t *saved)
{
	if (c->fp_live & FP_LIVE_MXCSR || c->mxcsr & MXCSR_UM)
		return false;
	*saved = host_mxcsr_get();
	host_mxcsr_set((c->mxcsr & (MXCSR_DAZ | MXCSR_RC)) | MXCSR_FTZ | MXCSR_MASKS);
	return true;
}
uint32_t vec_fp_tiny_end(uint32_t saved)
{
	uint32_t found = host_mxcsr_get() & MXCSR_UE;
	host_mxcsr_set(saved);
	return found;
}

bool vec_fp_slow(struct cpu *c, vec_fn fn, __m128i *d, __m128i s)
{
	uint32_t saved, tiny = 0;
	vec_fp_load(c);
	__m128i r = fn(*d, s);
	if (!(c->fp_live & FP_LIVE_MXCSR)) {
		if (vec_fp_tiny_begin(c, &saved)) {
			fn(*d, s);
			tiny = vec_fp_tiny_end(saved);
		}
		if (!vec_fp_collect(c, tiny))
			return false;
	}
	*d = r;
	return true;
}
bool vec_fp_slow2(struct cpu *c, vec_fn fn, struct vec2 *d, const struct vec2 *s)
{
	uint32_t saved, tiny = 0;
	vec_fp_load(c);
	struct vec2 r = { fn(d->lo, s->lo), fn(d->hi, s->hi) };
	if (!(c->fp_live & FP_LIVE_MXCSR)) {
		if (vec_fp_tiny_begin(c, &saved)) {
			fn(d->lo, s->lo);
			fn(d->hi, s->hi);
			tiny = vec_fp_tiny_end(saved);
		}
		if (!vec_fp_collect(c, tiny))
			return false;
	}
	*d = r;
	return true;
}
bool vec_fp_slow_imm(struct cpu *c, vec_imm_fn fn, __m128i *d, __m128i s, unsigned imm)
{
	uint32_t saved, tiny = 0;
	vec_fp_load(c);
	__m128i r = fn(*d, s, imm);
	if (!(c->fp_live & FP_LIVE_MXCSR)) {
		if (vec_fp_tiny_begin(c, &saved)) {
			fn(*d, s, imm);
			tiny = vec_fp_tiny_end(saved);
		}
		if (!vec_fp_collect(c, tiny))
			return false;
	}
	*d = r;
	return true;
}

void fp_reset(struct cpu *c, bool init)
{
	fp_park(c);
	if (init)                       /* INIT# leaves x87, MMX and SSE registers alone */
		return;
	memset(&c->fpu, 0, sizeof(c->fpu));
	memset(c->ymm, 0, sizeof(c->ymm));
	c->fpu.cw = 0x40;               /* power-up, not FNINIT's 37Fh */
	c->fpu.tag = 0xff;
	c->mxcsr = MXCSR_INIT;
	c->xcr0 = XCR0_X87;
	c->ignne = 0;
}

/* ---- what the host can do ------------------------------------------------------------------------------------------------------- */

/* reg: 0 EAX, 1 EBX, 2 ECX, 3 EDX */
static bool host_cpuid_bit(unsigned leaf, unsigned reg, unsigned bit)
{
	unsigned r[4];
	return __get_cpuid_count(leaf, 0, &r[0], &r[1], &r[2], &r[3]) && (r[reg] >> bit & 1);
}

uint32_t cpu_impl_features(void)
{
	uint32_t f = IMPL_XSAVE | IMPL_XSAVEOPT | IMPL_XSAVEC;
	__builtin_cpu_init();
	f |= __builtin_cpu_supports("sse3") ? IMPL_SSE3 : 0;
	f |= __builtin_cpu_supports("ssse3") ? IMPL_SSSE3 : 0;
	f |= __builtin_cpu_supports("sse4.1") ? IMPL_SSE41 : 0;
	f |= __builtin_cpu_supports("sse4.2") ? IMPL_SSE42 : 0;
	f |= __builtin_cpu_supports("aes") ? IMPL_AES : 0;
	f |= __builtin_cpu_supports("pclmul") ? IMPL_PCLMUL : 0;
	f |= __builtin_cpu_supports("avx") ? IMPL_AVX : 0;
	f |= __builtin_cpu_supports("avx2") ? IMPL_AVX2 : 0;
	f |= __builtin_cpu_supports("fma") ? IMPL_FMA : 0;
	f |= host_cpuid_bit(1, 2, 29) && __builtin_cpu_supports("avx") ? IMPL_F16C : 0;
	f |= host_cpuid_bit(7, 1, 29) ? IMPL_SHA : 0;
	return f;
}

/* ---- MXCSR instructions --------------------------------------------------------------------------------------------------------- */

const struct insn *op_ldmxcsr(struct cpu *c, const struct insn *i)
{
	uint64_t lin;
	uint32_t v;
	TRY(c, i, ea_linear(c, i, 4, MEM_R, &lin) && mem_read32(c, i, lin, &v));
	if (v & ~(uint32_t)MXCSR_VALID)
		RAISE_ERR(c, i, EXC_GP, 0);
	mxcsr_set(c, v);
	NEXT(c, i);
}
const struct insn *op_stmxcsr(struct cpu *c, const struct insn *i)
{
	uint64_t lin;
	TRY(c, i, ea_linear(c, i, 4, MEM_W, &lin) && mem_write32(c, i, lin, mxcsr_get(c)));
	NEXT(c, i);
}

/* ---- the legacy area of FXSAVE and XSAVE (SDM 1, table 10-2) --------------------------------------------------------------------- */

enum { AREA_FCW = 0, AREA_FSW = 2, AREA_FTW = 4, AREA_FOP = 6, AREA_FIP = 8, AREA_FDP = 16, AREA_MXCSR = 24, AREA_ST = 32,
       AREA_XMM = 160, AREA_LEGACY = 512, AREA_XSTATE_BV = 512, AREA_XCOMP_BV = 520, AREA_HEADER_END = 576 };

/* Bytes 0-23 and the registers from 32 on.  wide: 64-bit pointers without selectors (REX.W). */
static void put_x87(const struct cpu *c, uint8_t *a, bool wide)
{
	const struct fpu *f = &c->fpu;
	uint16_t fsw = x87_get_sw(c);
	memset(a, 0, AREA_MXCSR);
	memcpy(a + AREA_FCW, &f->cw, 2);
	memcpy(a + AREA_FSW, &fsw, 2);
	a[AREA_FTW] = f->tag;
	memcpy(a + AREA_FOP, &f->opcode, 2);
	memcpy(a + AREA_FIP, &f->ip, wide ? 8 : 4);
	memcpy(a + AREA_FDP, &f->dp, wide ? 8 : 4);
	if (!wide) {
		memcpy(a + AREA_FIP + 4, &f->ip_sel, 2);
		memcpy(a + AREA_FDP + 4, &f->dp_sel, 2);
	}
	memset(a + AREA_ST, 0, 128);
	for (unsigned n = 0; n < 8; n++)
		memcpy(a + AREA_ST + 16 * n, &f->fpr[(f->top + n) & 7], 10);
}
static void get_x87(struct cpu *c, const uint8_t *a, bool wide)
{
	struct fpu *f = &c->fpu;
	uint16_t fcw, fsw;
	memcpy(&fcw, a + AREA_FCW, 2);
	memcpy(&fsw, a + AREA_FSW, 2);
	f->tag = a[AREA_FTW];
	memcpy(&f->opcode, a + AREA_FOP, 2);
	f->opcode &= 0x7ff;
	f->ip = f->dp = 0;
	f->ip_sel = f->dp_sel = 0;
	memcpy(&f->ip, a + AREA_FIP, wide ? 8 : 4);
	memcpy(&f->dp, a + AREA_FDP, wide ? 8 : 4);
	if (!wide) {
		memcpy(&f->ip_sel, a + AREA_FIP + 4, 2);
		memcpy(&f->dp_sel, a + AREA_FDP + 4, 2);
	}
	x87_set_sw(c, fsw);
	x87_set_cw(c, fcw);
	for (unsigned n = 0; n < 8; n++)
		memcpy(&f->fpr[(f->top + n) & 7], a + AREA_ST + 16 * n, 10);
}
static unsigned n_xmm(const struct cpu *c) { return c->mode & M_CS64 ? 16 : 8; }
static void put_mxcsr(struct cpu *c, uint8_t *a)
{
	uint32_t v[2] = { mxcsr_get(c), MXCSR_VALID };
	memcpy(a + AREA_MXCSR, v, 8);
}
static void put_xmm(const struct cpu *c, uint8_t *a)
{
	for (unsigned n = 0; n < n_xmm(c); n++)
		memcpy(a + AREA_XMM + 16 * n, &c->ymm[n].x[0], 16);
}
static void get_xmm(struct cpu *c, const uint8_t *a)
{
	for (unsigned n = 0; n < n_xmm(c); n++)
		memcpy(&c->ymm[n].x[0], a + AREA_XMM + 16 * n, 16);
}
static inline uint32_t area_mxcsr(const uint8_t *a)
{
	uint32_t v;
	memcpy(&v, a + AREA_MXCSR, 4);
	return v;
}

void fp_area_save(struct cpu *c, uint8_t *a)
{
	uint64_t parts = XCR0_X87 | XCR0_SSE | XCR0_AVX;
	put_x87(c, a, true);
	put_mxcsr(c, a);
	for (unsigned n = 0; n < 16; n++) {
		memcpy(a + AREA_XMM + 16 * n, &c->ymm[n].x[0], 16);
		memcpy(a + XSAVE_OFFSET_AVX + 16 * n, &c->ymm[n].x[1], 16);
	}
	memset(a + AREA_LEGACY, 0, AREA_HEADER_END - AREA_LEGACY);
	memcpy(a + AREA_XSTATE_BV, &parts, 8);
}

void fp_area_load(struct cpu *c, const uint8_t *a)
{
	uint64_t parts;
	memcpy(&parts, a + AREA_XSTATE_BV, 8);
	if (parts & XCR0_X87) {
		get_x87(c, a, true);
	} else {
		memset(&c->fpu, 0, sizeof(c->fpu));
		x87_init(c);
	}
	mxcsr_set(c, area_mxcsr(a) & MXCSR_VALID);
	memset(c->ymm, 0, sizeof(c->ymm));
	for (unsigned n = 0; n < 16; n++) {
		if (parts & XCR0_SSE)
			memcpy(&c->ymm[n].x[0], a + AREA_XMM + 16 * n, 16);
		if (parts & XCR0_AVX)
			memcpy(&c->ymm[n].x[1], a + XSAVE_OFFSET_AVX + 16 * n, 16);
	}
}

/* Linear address of an area of `size` bytes with its alignment checked. */
static bool area(struct cpu *c, const struct insn *i, unsigned size, unsigned align, unsigned access, uint64_t *lin)
{
	c->cur = i;
	if (!ea_linear(c, i, size, access, lin))
		return false;
	return *lin & (align - 1) ? cpu_raise_err(c, EXC_GP, 0) : true;
}

const struct insn *op_fxsave(struct cpu *c, const struct insn *i)
{
	uint8_t a[AREA_LEGACY];
	unsigned size = AREA_XMM + 16 * n_xmm(c);       /* what follows is left to software */
	uint64_t lin;
	TRY(c, i, area(c, i, AREA_LEGACY, 16, MEM_W, &lin) && mmu_probe(c, lin, size, MEM_W));
	put_x87(c, a, i->flags & I_O64);
	put_mxcsr(c, a);
	put_xmm(c, a);
	TRY(c, i, mem_write_bytes(c, i, lin, a, size));
	NEXT(c, i);
}
const struct insn *op_fxrstor(struct cpu *c, const struct insn *i)
{
	uint8_t a[AREA_LEGACY];
	uint64_t lin;
	TRY(c, i, area(c, i, AREA_LEGACY, 16, MEM_R, &lin) && mem_read_bytes(c, i, lin, a, AREA_LEGACY));
	if (area_mxcsr(a) & ~(uint32_t)MXCSR_VALID)
		RAISE_ERR(c, i, EXC_GP, 0);
	get_x87(c, a, i->flags & I_O64);
	mxcsr_set(c, area_mxcsr(a));
	get_xmm(c, a);
	NEXT(c, i);
}

/* ---- XSAVE (SDM 1, ch. 13) -------------------------------------------------------------------------------------------------------- */

/* Components not in their initial state (XINUSE). */
static uint64_t xinuse(const struct cpu *c)
{
	const struct fpu *f = &c->fpu;
	uint64_t in_use = 0, xmm = 0, hi = 0;
	if (f->cw != CW_INIT || x87_get_sw(c) || f->tag || f->opcode || f->ip || f->dp)
		in_use |= XCR0_X87;
	for (unsigned n = 0; n < n_xmm(c); n++) {
		xmm |= c->ymm[n].u64[0] | c->ymm[n].u64[1];
		hi |= c->ymm[n].u64[2] | c->ymm[n].u64[3];
	}
	return in_use | (xmm ? XCR0_SSE : 0) | (hi ? XCR0_AVX : 0);
}
static inline uint64_t requested(const struct cpu *c) { return c->xcr0 & (c->regs[RDX] << 32 | (uint32_t)c->regs[RAX]); }

static bool xsave_allowed(struct cpu *c, const struct insn *i)
{
	c->cur = i;
	if (!(c->cr4 & CR4_OSXSAVE))
		return cpu_raise(c, EXC_UD);
	return c->cr0 & CR0_TS ? cpu_raise(c, EXC_NM) : true;
}

static bool write_part(struct cpu *c, const struct insn *i, uint64_t lin, const uint8_t *a, unsigned from, unsigned to)
{
	return mem_write_bytes(c, i, lin + from, a + from, to - from);
}

/* Writes the components `parts` and, when MXCSR is wanted, its 8 bytes; then the header.  The whole area was probed before. */
static bool xsave_parts(struct cpu *c, const struct insn *i, uint64_t lin, uint64_t parts, bool mxcsr, const uint64_t header[2], unsigned n_header)
{
	uint8_t a[XSAVE_SIZE_AVX];
	unsigned n = n_xmm(c);
	if (parts & XCR0_X87)
		put_x87(c, a, i->flags & I_O64);
	put_mxcsr(c, a);
	if (parts & XCR0_SSE)
		put_xmm(c, a);
	memcpy(a + AREA_XSTATE_BV, header, 16);
	for (unsigned k = 0; parts & XCR0_AVX && k < n; k++)
		memcpy(a + XSAVE_OFFSET_AVX + 16 * k, &c->ymm[k].x[1], 16);
	if (parts & XCR0_X87 && !(write_part(c, i, lin, a, 0, AREA_MXCSR) && write_part(c, i, lin, a, AREA_ST, AREA_XMM)))
		return false;
	if (mxcsr && !write_part(c, i, lin, a, AREA_MXCSR, AREA_ST))
		return false;
	if (parts & XCR0_SSE && !write_part(c, i, lin, a, AREA_XMM, AREA_XMM + 16 * n))
		return false;
	if (parts & XCR0_AVX && !write_part(c, i, lin, a, XSAVE_OFFSET_AVX, XSAVE_OFFSET_AVX + 16 * n))
		return false;
	return write_part(c, i, lin, a, AREA_XSTATE_BV, AREA_XSTATE_BV + n_header);
}

static unsigned xsave_size(uint64_t rfbm) { return rfbm & XCR0_AVX ? XSAVE_SIZE_AVX : XSAVE_SIZE_SSE; }

/* opt: components in their initial state need not be written (XSAVEOPT). */
static const struct insn *xsave(struct cpu *c, const struct insn *i, bool opt)
{
	uint64_t rfbm = requested(c), in_use = xinuse(c), lin, header[2] = { 0, 0 };
	TRY(c, i, xsave_allowed(c, i));
	TRY(c, i, area(c, i, xsave_size(rfbm), 64, MEM_W, &lin) && mmu_probe(c, lin, xsave_size(rfbm), MEM_R | MEM_W));
	TRY(c, i, mem_read64(c, i, lin + AREA_XSTATE_BV, &header[0]));
	header[0] = (header[0] & ~rfbm) | (in_use & rfbm);
	TRY(c, i, xsave_parts(c, i, lin, opt ? rfbm & in_use : rfbm, rfbm & (XCR0_SSE | XCR0_AVX), header, 8));
	NEXT(c, i);
}
const struct insn *op_xsave(struct cpu *c, const struct insn *i)    { return xsave(c, i, false); }
const struct insn *op_xsaveopt(struct cpu *c, const struct insn *i) { return xsave(c, i, true); }

const struct insn *op_xsavec(struct cpu *c, const struct insn *i)
{
	uint64_t rfbm = requested(c), parts = rfbm & xinuse(c), lin, header[2];
	TRY(c, i, xsave_allowed(c, i));
	if (rfbm & XCR0_SSE && mxcsr_get(c) != MXCSR_INIT)
		parts |= XCR0_SSE;
	header[0] = parts;
	header[1] = rfbm | (uint64_t)1 << 63;
	TRY(c, i, area(c, i, xsave_size(rfbm), 64, MEM_W, &lin) && mmu_probe(c, lin, xsave_size(rfbm), MEM_W));
	TRY(c, i, xsave_parts(c, i, lin, parts, parts & XCR0_SSE, header, 16));
	NEXT(c, i);
}

/* The header's rules; `compact` if XCOMP_BV says so. */
static bool xrstor_header_ok(const struct cpu *c, const uint64_t h[8])
{
	bool compact = h[1] >> 63;
	uint64_t comp = h[1] & ~((uint64_t)1 << 63), rest = 0;
	for (unsigned n = 3; n < 8; n++)
		rest |= h[n];
	if (h[0] & ~c->xcr0)
		return false;
	if (!compact)
		return h[1] == 0 && h[2] == 0;
	return !(comp & ~c->xcr0) && !(h[0] & ~comp) && !h[2] && !rest;
}

static void xrstor_avx(struct cpu *c, const uint8_t *hi)
{
	for (unsigned n = 0; n < n_xmm(c); n++) {
		if (hi)
			memcpy(&c->ymm[n].x[1], hi + 16 * n, 16);
		else
			memset(&c->ymm[n].x[1], 0, 16);
	}
}

const struct insn *op_xrstor(struct cpu *c, const struct insn *i)
{
	uint8_t a[XSAVE_SIZE_AVX];
	uint64_t rfbm = requested(c), h[8], load, lin;
	bool compact, mxcsr;
	TRY(c, i, xsave_allowed(c, i));
	TRY(c, i, area(c, i, XSAVE_SIZE_SSE, 64, MEM_R, &lin) && mem_read_bytes(c, i, lin, a, XSAVE_SIZE_SSE));
	memcpy(h, a + AREA_XSTATE_BV, sizeof(h));
	if (!xrstor_header_ok(c, h))
		RAISE_ERR(c, i, EXC_GP, 0);
	compact = h[1] >> 63;
	load = rfbm & h[0];
	mxcsr = compact ? load & XCR0_SSE : rfbm & (XCR0_SSE | XCR0_AVX);
	if (mxcsr && (area_mxcsr(a) & ~(uint32_t)MXCSR_VALID))
		RAISE_ERR(c, i, EXC_GP, 0);
	if (load & XCR0_AVX)
		TRY(c, i, area(c, i, XSAVE_SIZE_AVX, 64, MEM_R, &lin) &&
			  mem_read_bytes(c, i, lin + XSAVE_OFFSET_AVX, a + XSAVE_OFFSET_AVX, XSAVE_SIZE_AVX - XSAVE_OFFSET_AVX));
	if (rfbm & XCR0_X87 && !(load & XCR0_X87)) {
		x87_init(c);
		memset(c->fpu.fpr, 0, sizeof(c->fpu.fpr));
	} else if (load & XCR0_X87) {
		get_x87(c, a, i->flags & I_O64);
	}
	if (mxcsr)
		mxcsr_set(c, area_mxcsr(a));
	else if (compact && rfbm & XCR0_SSE)
		mxcsr_set(c, MXCSR_INIT);
	if (rfbm & XCR0_SSE) {
		if (!(load & XCR0_SSE))
			memset(a + AREA_XMM, 0, 256);
		get_xmm(c, a);
	}
	if (rfbm & XCR0_AVX)
		xrstor_avx(c, load & XCR0_AVX ? a + XSAVE_OFFSET_AVX : NULL);
	NEXT(c, i);
}

/* ---- XCR0 ------------------------------------------------------------------------------------------------------------------------- */

const struct insn *op_xgetbv(struct cpu *c, const struct insn *i)
{
	uint32_t n = reg32(c, RCX);
	if (!(c->cr4 & CR4_OSXSAVE))
		RAISE(c, i, EXC_UD);
	if (n > 1)
		RAISE_ERR(c, i, EXC_GP, 0);
	uint64_t v = n ? c->xcr0 & xinuse(c) : c->xcr0;
	set_reg32(c, RAX, (uint32_t)v);
	set_reg32(c, RDX, (uint32_t)(v >> 32));
	NEXT(c, i);
}
const struct insn *op_xsetbv(struct cpu *c, const struct insn *i)
{
	uint64_t v = c->regs[RDX] << 32 | (uint32_t)c->regs[RAX];
	uint64_t known = XCR0_X87 | XCR0_SSE | (cpu_impl_features() & IMPL_AVX ? XCR0_AVX : 0);
	if (!(c->cr4 & CR4_OSXSAVE))
		RAISE(c, i, EXC_UD);
	if (c->cpl || reg32(c, RCX) || !(v & XCR0_X87) || v & ~known || (v & XCR0_AVX && !(v & XCR0_SSE)))
		RAISE_ERR(c, i, EXC_GP, 0);
	c->xcr0 = v;
	cpu_update_mode(c);
	LEAVE_NEXT(c, i);
}
