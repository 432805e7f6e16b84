/* diff_native.c - run one instruction on the host's CPU: load everything, jump, store everything, or catch the signal.
 *
 * The code is followed by a far or near jump to diff_exit (or by INT3 when it is a branch).  All fixed addresses are below 2 GB, so
 * that absolute addressing needs no register. */
#include "tests/cpu/diff.h"
#include <asm/ldt.h>
#include <asm/prctl.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

const char *const diff_mode_names[DIFF_MODES] = { "64-bit", "32-bit", "32-bit with segment limits", "16-bit" };

const struct diff_segment diff_segments[DIFF_MODES][DIFF_SEGS] = {
	[DIFF_32]     = { { 0, 0xffffffff, true, true }, { 0, 0xffffffff, false, true }, { 0, 0xffffffff, false, true }, { 0, 0xffffffff, false, true } },
	[DIFF_32_SEG] = { { 0, 0xffffffff, true, true }, { 0, DIFF_DATA + 0xfff + 0x2000, false, true }, { DIFF_DATA, 0x17ff, false, true },
			  { 0, DIFF_DATA + 0xffff, false, true } },
	[DIFF_16]     = { { DIFF_CODE, 0xffff, true, false }, { DIFF_DATA, 0x2fff, false, false }, { DIFF_DATA + 0x1000, 0xfff, false, false },
			  { DIFF_DATA, 0xffff, false, false } },
};

struct shared {
	uint64_t host_rsp, entry;
	struct { uint32_t offset; uint16_t selector; } far;
	uint32_t fp, compat, features, active;
	uint16_t host_ds, host_es, host_ss, ds, es, ss;
	uint64_t jump;
	struct diff_state in, out;
	struct sigaction old[32];       /* handlers before ours */
};
static struct shared *const shared = (struct shared *)DIFF_SHARED;
extern char diff_exit[], diff_recover[], diff_enter_64[], diff_enter_compat[];

/* ---- in and out --------------------------------------------------------------------------------------------------------------- */

#define IN(r)  "mov %c[in]+8*" #r ", "
#define OUT(r) ", %c[out]+8*" #r "\n\t"

static __attribute__((noinline)) void enter(void)
{
	__asm__ volatile(
		"push %%rbp\n\tpush %%rbx\n\tsub $128, %%rsp\n\tmov %%rsp, %c[host_rsp]\n\t"
		"mov %%ds, %c[host_ds]\n\tmov %%es, %c[host_es]\n\tmov %%ss, %c[host_ss]\n\t"
		"cmpl $0, %c[fp]\n\tje 1f\n\tmov %c[features], %%eax\n\txor %%edx, %%edx\n\txrstor64 %c[in_fx]\n\t1:\n\t"
		"cmpl $0, %c[compat]\n\tje 2f\n\tmov %c[es], %%es\n\tmov %c[ds], %%ds\n\tmov %c[ss], %%ss\n\t2:\n\t"
		"pushq %c[in_flags]\n\tpopfq\n\t"
		IN(0) "%%rax\n\t" IN(1) "%%rcx\n\t" IN(2) "%%rdx\n\t" IN(3) "%%rbx\n\t" IN(5) "%%rbp\n\t" IN(6) "%%rsi\n\t" IN(7) "%%rdi\n\t"
		IN(8) "%%r8\n\t" IN(9) "%%r9\n\t" IN(10) "%%r10\n\t" IN(11) "%%r11\n\t" IN(12) "%%r12\n\t" IN(13) "%%r13\n\t" IN(14) "%%r14\n\t"
		IN(15) "%%r15\n\t" IN(4) "%%rsp\n\t"
		"jmp *%c[entry]\n"
		"diff_enter_64:\n\tjmp *%c[jump]\n"
		"diff_enter_compat:\n\tljmpl *%c[far]\n"
		"diff_exit:\n\t"
		"mov %%rax" OUT(0) "mov %%rcx" OUT(1) "mov %%rdx" OUT(2) "mov %%rbx" OUT(3) "mov %%rsp" OUT(4) "mov %%rbp" OUT(5) "mov %%rsi" OUT(6)
		"mov %%rdi" OUT(7) "mov %%r8" OUT(8) "mov %%r9" OUT(9) "mov %%r10" OUT(10) "mov %%r11" OUT(11) "mov %%r12" OUT(12) "mov %%r13" OUT(13)
		"mov %%r14" OUT(14) "mov %%r15" OUT(15)
		"mov %c[host_rsp], %%rsp\n\tpushfq\n\tpopq %c[out_flags]\n\t"
		"cmpl $0, %c[fp]\n\tje 3f\n\tmov %c[features], %%eax\n\txor %%edx, %%edx\n\txsave64 %c[out_fx]\n\t3:\n"
		"diff_recover:\n\t"
		"mov %c[host_rsp], %%rsp\n\tpushq $0x202\n\tpopfq\n\t"
		"cmpl $0, %c[compat]\n\tje 4f\n\tmov %c[host_es], %%es\n\tmov %c[host_ds], %%ds\n\tmov %c[host_ss], %%ss\n\t4:\n\t"
		"cmpl $0, %c[fp]\n\tje 5f\n\tfninit\n\tpushq $0x1f80\n\tldmxcsr (%%rsp)\n\tpop %%rax\n\ttestl $4, %c[features]\n\tjz 5f\n\tvzeroupper\n\t5:\n\t"
		"add $128, %%rsp\n\tpop %%rbx\n\tpop %%rbp"
		:
		: [host_rsp] "i"(DIFF_SHARED + offsetof(struct shared, host_rsp)), [host_ds] "i"(DIFF_SHARED + offsetof(struct shared, host_ds)),
		  [host_es] "i"(DIFF_SHARED + offsetof(struct shared, host_es)), [host_ss] "i"(DIFF_SHARED + offsetof(struct shared, host_ss)),
		  [ds] "i"(DIFF_SHARED + offsetof(struct shared, ds)), [es] "i"(DIFF_SHARED + offsetof(struct shared, es)),
		  [ss] "i"(DIFF_SHARED + offsetof(struct shared, ss)), [fp] "i"(DIFF_SHARED + offsetof(struct shared, fp)),
		  [compat] "i"(DIFF_SHARED + offsetof(struct shared, compat)), [features] "i"(DIFF_SHARED + offsetof(struct shared, features)),
		  [entry] "i"(DIFF_SHARED + offsetof(struct shared, entry)), [jump] "i"(DIFF_SHARED + offsetof(struct shared, jump)),
		  [far] "i"(DIFF_SHARED + offsetof(struct shared, far)), [in] "i"(DIFF_SHARED + offsetof(struct shared, in.gpr)),
		  [in_flags] "i"(DIFF_SHARED + offsetof(struct shared, in.rflags)), [in_fx] "i"(DIFF_SHARED + offsetof(struct shared, in.fx)),
		  [out] "i"(DIFF_SHARED + offsetof(struct shared, out.gpr)), [out_flags] "i"(DIFF_SHARED + offsetof(struct shared, out.rflags)),
		  [out_fx] "i"(DIFF_SHARED + offsetof(struct shared, out.fx))
		: "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "memory", "cc",
		  "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14",
		  "xmm15");
}

/* ---- signals -------------------------------------------------------------------------------------------------------------------- */

static void on_signal(int sig, siginfo_t *info, void *context)
{
	static const int greg_of[16] = { REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI, REG_R8, REG_R9, REG_R10,
		REG_R11, REG_R12, REG_R13, REG_R14, REG_R15 };
	greg_t *g = ((ucontext_t *)context)->uc_mcontext.gregs;
	struct diff_state *out = &shared->out;
	if (!shared->active) {          /* our own bug, not the tested instruction; or translated code that needs its signal */
		const struct sigaction *old = &shared->old[sig];
		if (old->sa_flags & SA_SIGINFO && old->sa_sigaction)
			old->sa_sigaction(sig, info, context);
		else
			signal(sig, SIG_DFL);
		return;
	}
	for (unsigned n = 0; n < 16; n++)
		out->gpr[n] = (uint64_t)g[greg_of[n]];
	out->rip = (uint64_t)g[REG_RIP];
	out->rflags = (uint64_t)g[REG_EFL];
	out->vector = g[REG_TRAPNO];
	out->err = (uint64_t)g[REG_ERR];
	out->cr2 = (uint64_t)g[REG_CR2];
	if (shared->fp)
		memcpy(out->fx, ((ucontext_t *)context)->uc_mcontext.fpregs, shared->features & 4 ? DIFF_XSAVE : 576);
	g[REG_RIP] = (greg_t)(uintptr_t)diff_recover;
	g[REG_RSP] = (greg_t)shared->host_rsp;
	g[REG_CSGSFS] = (greg_t)(((uint64_t)g[REG_CSGSFS] & 0x0000ffffffff0000) | 0x33 | (uint64_t)shared->host_ss << 48);
	g[REG_EFL] = 0x202;
}

/* ---- set-up ---------------------------------------------------------------------------------------------------------------------- */

static bool map_at(uintptr_t at, size_t size, int prot)
{
	return mmap((void *)at, size, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == (void *)at;
}

static bool make_segments(void)
{
	for (unsigned m = DIFF_32; m < DIFF_MODES; m++)
		for (unsigned s = 0; s < DIFF_SEGS; s++) {
			const struct diff_segment *g = &diff_segments[m][s];
			bool pages = g->limit > 0xfffff;
			struct user_desc d = { .entry_number = m * DIFF_SEGS + s, .base_addr = g->base, .limit = pages ? g->limit >> 12 : g->limit,
				.seg_32bit = g->big, .contents = g->code ? 2 : 0, .limit_in_pages = pages };
			if (syscall(SYS_modify_ldt, 1, &d, sizeof d))
				return false;
		}
	return true;
}

bool diff_native_init(const char **why)
{
	*why = "the fixed addresses are taken";
	if (!map_at(DIFF_DATA, DIFF_DATA_SIZE, PROT_READ | PROT_WRITE) || !map_at(DIFF_CODE, 0x2000, PROT_READ | PROT_WRITE | PROT_EXEC) ||
	    !map_at(DIFF_SHARED, (sizeof(struct shared) + 0xfff) & ~(size_t)0xfff, PROT_READ | PROT_WRITE))
		return false;
	if (mprotect((void *)(uintptr_t)(DIFF_DATA + DIFF_DATA_RW), DIFF_DATA_SIZE - DIFF_DATA_RW, PROT_READ))
		return false;
	*why = "modify_ldt is not allowed";
	if (!make_segments())
		return false;
	memset((void *)DIFF_CODE, 0xcc, 0x2000);
	__builtin_cpu_init();
	shared->features = __builtin_cpu_supports("avx") ? 7 : 3;
	return true;
}

bool diff_native_catch(void)
{
	static uint8_t stack[1 << 16];
	struct sigaction sa = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER };
	stack_t ss = { .ss_sp = stack, .ss_size = sizeof stack };
	static const int signals[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP };
	bool ok = !sigaltstack(&ss, NULL);
	for (unsigned n = 0; n < sizeof signals / sizeof signals[0]; n++)
		ok = ok && !sigaction(signals[n], &sa, &shared->old[signals[n]]);
	return ok;
}
uint8_t *diff_native_data(void) { return (uint8_t *)DIFF_DATA; }

/* ---- one case ---------------------------------------------------------------------------------------------------------------------- */

/* The instruction, then a jump to diff_exit: jmp [rip] or a far jump back to 64-bit code; diff_exit may lie beyond 4 GB, so the far
 * jump goes through a stub in the code page. */
enum { STUB_AT = DIFF_CODE + 0xfc0 };

void diff_native_place(const struct diff_case *k)
{
	uint8_t *p = (uint8_t *)(uintptr_t)diff_code_linear(k), *stub = (uint8_t *)STUB_AT;
	uintptr_t exit_at = (uintptr_t)diff_exit;
	uint16_t cs = 0x33;
	uint32_t stub_at = STUB_AT;
	static const uint8_t jmp_rip[6] = { 0xff, 0x25, 0, 0, 0, 0 };
	if (k->branch)                  /* a target may be anywhere in the pages */
		memset((void *)DIFF_CODE, 0xcc, 0x1000);
	memset(p, 0xcc, DIFF_SLOT_SIZE);
	memcpy(p, k->code, k->len);
	p += k->len;
	if (k->branch)
		return;
	memcpy(stub, jmp_rip, 6);
	memcpy(stub + 6, &exit_at, 8);
	if (k->mode == DIFF_64) {
		memcpy(p, jmp_rip, 6);
		memcpy(p + 6, &exit_at, 8);
		return;
	}
	if (k->mode == DIFF_16)
		*p++ = 0x66;
	*p = 0xea;
	memcpy(p + 1, &stub_at, 4);
	memcpy(p + 5, &cs, 2);
}

void diff_native_run(const struct diff_case *k, struct diff_state *out)
{
	struct shared *s = shared;
	memcpy(&s->in, &k->in, k->fp ? sizeof k->in : offsetof(struct diff_state, fx));
	s->fp = k->fp;
	s->compat = k->mode != DIFF_64;
	s->jump = diff_code_linear(k);
	s->entry = (uintptr_t)(s->compat ? diff_enter_compat : diff_enter_64);
	s->far.offset = (uint32_t)diff_code_rip(k);
	s->far.selector = diff_selector(k->mode, DIFF_SEG_CS);
	s->ds = diff_selector(k->mode, DIFF_SEG_DS);
	s->es = diff_selector(k->mode, DIFF_SEG_ES);
	s->ss = diff_selector(k->mode, DIFF_SEG_SS);
	s->out.vector = -1;
	s->out.err = s->out.cr2 = 0;
	s->out.rip = diff_code_rip(k) + k->len;
	/* The translator's code has GS for itself. */
	bool gs = k->mode == DIFF_64 && memchr(k->code, 0x65, 4);
	uint64_t own_gs;
	if (gs) {
		syscall(SYS_arch_prctl, ARCH_GET_GS, &own_gs);
		syscall(SYS_arch_prctl, ARCH_SET_GS, DIFF_GS_BASE);
	}
	s->active = 1;
	enter();
	s->active = 0;
	if (gs)
		syscall(SYS_arch_prctl, ARCH_SET_GS, own_gs);
	memcpy(out, &s->out, k->fp ? sizeof *out : offsetof(struct diff_state, fx));
	if (!k->branch)
		return;
	/* a branch ends by INT3 at its target, or by a fault that fetching there gave */
	if (out->vector == 3)
		out->rip -= 1;
	else if (out->vector != 14 || !(out->err & 16))
		return;
	out->vector = -1;
	out->err = out->cr2 = 0;
}
