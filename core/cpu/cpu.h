/* cpu.h - the virtual CPU: registers, decoded instructions, exceptions.
 *
 * One struct cpu serves every engine (interpreter, JIT, KVM).  Everything the guest can see is in here or in RAM; engines keep only
 * derived state (block cache, TLB) that may be thrown away at any instruction boundary.
 *
 * Threads: a struct cpu belongs to its vCPU thread.  Other threads may only call the functions marked "any thread", or touch it
 * while the vCPU is parked (machine paused).
 *
 * Ref: Intel SDM vol. 1-3 (SDM), AMD APM vol. 2 (APM).
 */
#ifndef CORE_CPU_CPU_H
#define CORE_CPU_CPU_H
#include "core/cpu/jit_env.h"
#include "core/machine/state.h"
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

struct machine;
struct cpu;
struct insn;
struct block;

/* ---- registers ------------------------------------------------------------------------------------------------------------- */

enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15,
       REG_ZERO = 16,                   /* always 0: absent base or index */
       REG_BIP  = 17,                   /* rip (offset in CS) of the first instruction of the running block */
       REG_COUNT = 18 };
enum { SEG_ES, SEG_CS, SEG_SS, SEG_DS, SEG_FS, SEG_GS, SEG_LDTR, SEG_TR, SEG_COUNT,
       SEG_NULL = SEG_COUNT,            /* base always 0, no checks: used where the mode ignores segment bases */
       SEG_NULL_SS };                   /* the same for stack accesses, so that a non-canonical address gives #SS */

enum { FL_CF = 1u << 0, FL_PF = 1u << 2, FL_AF = 1u << 4, FL_ZF = 1u << 6, FL_SF = 1u << 7, FL_TF = 1u << 8, FL_IF = 1u << 9,
       FL_DF = 1u << 10, FL_OF = 1u << 11, FL_IOPL = 3u << 12, FL_NT = 1u << 14, FL_RF = 1u << 16, FL_VM = 1u << 17,
       FL_AC = 1u << 18, FL_VIF = 1u << 19, FL_VIP = 1u << 20, FL_ID = 1u << 21,
       FL_ARITH = FL_CF | FL_PF | FL_AF | FL_ZF | FL_SF | FL_OF };
enum { CR0_PE = 1u << 0, CR0_MP = 1u << 1, CR0_EM = 1u << 2, CR0_TS = 1u << 3, CR0_ET = 1u << 4, CR0_NE = 1u << 5, CR0_WP = 1u << 16,
       CR0_AM = 1u << 18, CR0_NW = 1u << 29, CR0_CD = 1u << 30, CR0_PG = 1u << 31 };
enum { CR4_VME = 1u << 0, CR4_PVI = 1u << 1, CR4_TSD = 1u << 2, CR4_DE = 1u << 3, CR4_PSE = 1u << 4, CR4_PAE = 1u << 5,
       CR4_MCE = 1u << 6, CR4_PGE = 1u << 7, CR4_PCE = 1u << 8, CR4_OSFXSR = 1u << 9, CR4_OSXMMEXCPT = 1u << 10, CR4_UMIP = 1u << 11,
       CR4_FSGSBASE = 1u << 16, CR4_PCIDE = 1u << 17, CR4_OSXSAVE = 1u << 18, CR4_SMEP = 1u << 20, CR4_SMAP = 1u << 21 };
enum { EFER_SCE = 1u << 0, EFER_LME = 1u << 8, EFER_LMA = 1u << 10, EFER_NXE = 1u << 11 };
enum { EXC_DE, EXC_DB, EXC_NMI, EXC_BP, EXC_OF, EXC_BR, EXC_UD, EXC_NM, EXC_DF, EXC_CSO, EXC_TS, EXC_NP, EXC_SS, EXC_GP, EXC_PF,
       EXC_MF = 16, EXC_AC, EXC_MC, EXC_XM,
       EXC_AGAIN = 32 };                /* none of the guest's: the instruction is about to touch a watched place (breakpoint.h) */

/* A segment register with its hidden part.  attr holds descriptor bits 40-55 as the field spells them in a VMCS:
 *   15 G | 14 D/B | 13 L | 12 AVL | 7 P | 6-5 DPL | 4 S | 3-0 type        (bits 11-8 zero; limit is already scaled by G) */
enum { ATTR_TYPE = 0xf, ATTR_S = 1u << 4, ATTR_DPL = 3u << 5, ATTR_P = 1u << 7, ATTR_AVL = 1u << 12, ATTR_L = 1u << 13,
       ATTR_DB = 1u << 14, ATTR_G = 1u << 15 };
struct segreg { uint64_t base; uint32_t limit; uint16_t sel; uint16_t attr; };
struct dtreg  { uint64_t base; uint16_t limit; };

union xmm { uint8_t u8[16]; uint16_t u16[8]; uint32_t u32[4]; uint64_t u64[2]; float f32[4]; double f64[2]; };
union ymm { union xmm x[2]; uint8_t u8[32]; uint64_t u64[4]; };

/* x87: registers in physical order, st(n) = fpr[(top + n) & 7].  A value is kept as the 80 bits of FSAVE. */
struct fpreg { uint64_t mant; uint16_t se; uint16_t pad[3]; };
struct fpu {
	struct fpreg fpr[8];
	uint16_t cw, sw;                /* sw without TOP (TOP is in top) */
	uint8_t  top, tag;              /* tag: bit n set = physical register n holds a value (the FXSAVE form) */
	uint16_t opcode;                /* last x87 instruction, for FSTENV */
	uint16_t ip_sel, dp_sel;
	uint64_t ip, dp;
};

/* ---- decoded instructions --------------------------------------------------------------------------------------------------- */

/* A handler does one instruction and continues with the next one, or returns NULL to leave the block: after a fault (recorded by
 * cpu_raise), at the end of a block, or when something asked the vCPU to look up (exit_req).  It ends in NEXT(c, i) or in one of
 * the leave macros of exec.h; in optimised builds NEXT is a sibling call, elsewhere the caller loops. */
typedef const struct insn *(*op_fn)(struct cpu *c, const struct insn *i);

/* One decoded instruction, 32 bytes.
 *  - effective address = regs[base] + (regs[index] << scale) + disp, cut to the address size; linear = seg[sg].base + that.
 *    RIP-relative operands use base = REG_BIP with disp corrected to the start of the block.
 *  - reg and rm are register numbers; for 8-bit operands they are byte offsets into cpu.regs (AH = 1, SIL = 8 * RSI).
 *  - floating-point and vector rows: rm = RM_MEM for a memory operand; x87 rows have imm = FOP (bits 10-8 of the opcode, then ModRM);
 *    VEX rows have imm = imm8 | vvvv << 8 | W << 12, and I_L256 for VEX.L (ymm numbers for is4 operands are in imm8).
 *  - off is the instruction's offset from the start of its block, so rip = regs[REG_BIP] + off; the next one starts at off + len. */
struct insn {
	op_fn    fn;
	int64_t  imm;                   /* immediate, sign-extended; branch displacement relative to the block's start; far pointer */
	int32_t  disp;
	uint8_t  base, index, scale, sg;
	uint8_t  reg, rm;
	uint8_t  len;
	uint8_t  flags;                 /* enum insn_flags */
	uint16_t off : 10;
	uint16_t idx : 6;               /* guest instructions before it in the block */
	uint16_t row;                   /* row of opcodes.def: names, attributes (for tracing, stepping, re-decoding) */
};
_Static_assert(sizeof(struct insn) == 32, "struct insn is two to a cache line");
enum insn_flags {
	I_A32    = 1 << 0,              /* 32-bit address size */
	I_A16    = 1 << 1,              /* 16-bit address size; neither = 64-bit */
	I_SEGCHK = 1 << 2,              /* segment limits and rights of this access must be checked (not flat) */
	I_LOCK   = 1 << 3,
	I_REP    = 1 << 4, I_REPNE = 1 << 5,
	I_O16    = 1 << 6,              /* operand size, where one handler serves all: O16, O64 or neither = 32 */
	I_O64    = 1 << 7,
	I_L256   = I_REPNE,             /* VEX.L */
};
enum { RM_MEM = 0xff };

/* ---- mode ------------------------------------------------------------------------------------------------------------------- */

/* What decoded code depends on; part of the key of a block.  Recomputed by cpu_update_mode() after any change of CR0, CR4, EFER,
 * CS, SS, EFLAGS.VM or CPL, or of DS/ES flatness. */
enum cpu_mode_bits {
	M_CS64   = 1 << 0,              /* 64-bit code */
	M_CS32   = 1 << 1,              /* CS.D set (protected or compatibility mode); neither = 16-bit code */
	M_SS32   = 1 << 2,              /* SS.B: 32-bit stack pointer (M_CS64 implies a 64-bit one) */
	M_PE     = 1 << 3,              /* protected mode and not virtual-8086 */
	M_VM86   = 1 << 4,
	M_LMA    = 1 << 5,
	M_USER   = 1 << 6,              /* CPL 3 */
	M_FLAT   = 1 << 7,              /* CS, DS, ES, SS are flat (base 0, limit 4 GB-1, usable) or the mode ignores them */
	M_TS     = 1 << 8, M_EM = 1 << 9, M_NOFXSR = 1 << 10, M_NOXSAVE = 1 << 11,   /* how FP and vector instructions fault */
	M_STEP   = 1 << 12,             /* one instruction a block: TF, debugger, enabled breakpoints */
	M_AC     = 1 << 13,             /* alignment checks on */
	/* Never in cpu.mode, but in the keys of blocks: of pages where each way in is looked at, for breakpoints of the debugger (engine_drop.c), or since CS ends
	 * there (engine.c); of code in segments; of twins (engine_twin). */
	M_GUARDED = 1 << 14, M_SEGMENTS = 1 << 15, M_TWIN = 1 << 16,
};
/* 16-bit code, and code in segments that are not flat. */
static inline bool mode_in_segments(unsigned mode)
{
	enum { FLAT32 = M_CS32 | M_SS32 | M_FLAT | M_PE };
	return !(mode & M_CS64) && (mode & FLAT32) != FLAT32;
}

/* ---- TLB -------------------------------------------------------------------------------------------------------------------- */

enum { TLB_BITS = 13, TLB_SIZE = 1 << TLB_BITS, TLB_CODE = TLB_SIZE / 2 /* first slot for code fetches, those before are for data */, PAGE_SHIFT = 12, PAGE_SIZE = 1 << PAGE_SHIFT };
#define PAGE_MASK (~(uint64_t)(PAGE_SIZE - 1))
/* A tag that no address looking into this slot matches: it names a page of another slot, and is not page-aligned.  0 is one, too, but in slot 0
 * and TLB_CODE, so that new tables need not be touched. */
static inline uint64_t tlb_none(unsigned slot) { return slot % TLB_CODE == TLB_CODE - 1 ? PAGE_SIZE - 1 : ~(uint64_t)0; }
static inline bool tlb_tag_set(uint64_t tag) { return !(tag & (PAGE_SIZE - 1)); }

/* (lin ^ tag) <= PAGE_SIZE - size  is true exactly when the page matches and the access does not cross its end.
 * Pages that are MMIO, watched, not writable, not yet dirty, or hold decoded code get no tag for that kind of access. */
struct tlb_entry { uint64_t tag_r, tag_w, tag_x; uintptr_t addend; };    /* host address = lin + addend */
/* The linear addresses around an entry's page that lie in memory like it does and may be accessed as it may; found when core/jit asks.  limit,
 * and the low bits of start: as in struct jit_env. */
struct tlb_run { uint64_t start_r, start_w, limit_r, limit_w; };
#define TLB_NO_RUN (~(uint64_t)0)
/* The rest of struct tlb is mmu.c's: which slots are in use, so that a flush touches only those. */
struct tlb {
	struct tlb_entry e[TLB_SIZE];
	struct tlb_run run[TLB_SIZE];
	uint8_t  info[TLB_SIZE];                /* enum tlb_info of mmu.c */
	uint16_t journal[TLB_SIZE], journal_global[TLB_SIZE];
	unsigned n_journal, n_global;
	uint64_t large_2m[64], large_1g[64];    /* bloom filters: regions in which part of a large page is cached */
	bool     any_large;
	bool     local_code, local_upper;       /* since the last flush an entry that is not global was for code, lay in the upper half of the addresses */
};
enum { TLB_SUPER, TLB_USER, TLB_SUPER_AC /* CPL 0-2 with EFLAGS.AC while SMAP is on */, TLB_KINDS };

enum mem_access { MEM_R = 1, MEM_W = 2, MEM_X = 4, MEM_SYSTEM = 8 /* as CPL 0: descriptor tables, TSS */ };

/* ---- the CPU ---------------------------------------------------------------------------------------------------------------- */

/* Reasons to leave guest code, in exit_req.  Any thread may set them through cpu_request(). */
enum cpu_request {
	REQ_INTR   = 1 << 0,            /* maskable interrupt line (level; the interrupt controller clears it by cpu_clear()) */
	REQ_NMI    = 1 << 1, REQ_SMI = 1 << 2, REQ_INIT = 1 << 3, REQ_SIPI = 1 << 4,
	REQ_STOP   = 1 << 5,            /* park this vCPU: pause, quit, run-on-vcpu work */
	REQ_RESET  = 1 << 6,
	REQ_TLB    = 1 << 7,            /* memory map changed: flush everything derived from it */
	REQ_DEBUG  = 1 << 8,
	REQ_CODE   = 1 << 10,           /* internal: another thread wrote over decoded code */
	REQ_TIMERS = 1 << 11,           /* internal: this vCPU has seen a time at which timers should have run */
	REQ_SHADOW = 1 << 9,            /* internal: interrupt shadow (STI, MOV SS) ends after this instruction; TF trap pending */
};

/* A local APIC's registers by offset / 16 (SDM 3, table "Local APIC Register Address Map"), and what is in MSRs. */
struct cpu_apic_page {
	uint32_t reg[64];
	uint64_t base, tsc_deadline;
	bool     due;                   /* the timer's count has come to its end, and no interrupt was made of it yet */
};

/* What the CPU asks of its local APIC.  Called by the vCPU thread without the machine lock. */
struct cpu_apic_ops {
	int      (*ack)(void *apic);                    /* take the highest pending interrupt: vector, or -1 if it vanished */
	uint8_t  (*get_tpr)(void *apic);                /* CR8, 0-15 */
	void     (*set_tpr)(void *apic, uint8_t cr8);
	bool     (*rdmsr)(void *apic, uint32_t msr, uint64_t *val);     /* IA32_APIC_BASE, TSC_DEADLINE, x2APIC; false = #GP */
	bool     (*wrmsr)(void *apic, uint32_t msr, uint64_t val);
	/* For engines with local APICs of their own (machine.apic_engine); give NULL: this one cannot go there.  All vCPUs parked, machine lock held:
	 * it leaves, and comes back (p NULL: unchanged). */
	void     (*give)(void *apic, struct cpu_apic_page *p);
	void     (*take)(void *apic, const struct cpu_apic_page *p);
	/* vCPU thread, meanwhile: is there an ExtINT message, which only ack takes; the 8259's vector, or -1; what became of the base and CR8; the end
	 * of an interrupt that was a level (lock held). */
	bool     (*message)(void *apic);
	int      (*extint)(void *apic);
	void     (*note)(void *apic, uint64_t base, uint8_t cr8);
	void     (*eoi)(void *apic, uint8_t vector);
};

enum cpu_run_state { CPU_RUNNING, CPU_HALTED, CPU_WAIT_SIPI, CPU_SHUTDOWN };

/* What the debugger asked of a vCPU, set while it is parked, and why it stopped: breakpoint.h. */
enum debug_stop { STOP_NONE, STOP_BREAK, STOP_WATCH, STOP_STEP };
struct cpu_debug {
	bool breaks, watches;           /* the machine has some */
	bool step, no_irq;              /* stop after an instruction; take no interrupt before it */
	uint64_t range_start, range_end;        /* stepping goes on while rip is in [start, end) */
	_Atomic uint8_t stop;           /* enum debug_stop: not told yet; the vCPU's own, but the loop looks before it has parked */
	uint8_t  kind;                  /* enum break_kind of what was hit */
	uint64_t addr;                  /* its address */
};

struct cpu {
	/* hot: reached by every instruction */
	uint64_t regs[REG_COUNT];
	union {
		struct { uint8_t of, flags_ah; };
		uint16_t flags16;       /* both, as AX has them after LAHF; SETO AL */
	};                              /* arithmetic flags as LAHF/SETO leave them: of is 0/1, flags_ah = SF ZF - AF - PF 1 CF */
	uint16_t mode;                  /* enum cpu_mode_bits */
	_Atomic uint32_t attention;     /* 1: leave guest code and look at exit_req; set after every new bit of exit_req */
	_Atomic uint32_t exit_req;      /* enum cpu_request: what is pending, as levels.  REQ_INTR may stay while IF is 0 */
	struct tlb *tlb;                /* the table of the current privilege: &tlbs[USER] or &tlbs[SUPER]; &tlb_never with M_AC */
	uint64_t lin_mask;              /* what a linear address is cut to: all ones in 64-bit code, else 32 bits (cpu_update_mode) */
	uint64_t rip;                   /* valid outside blocks; inside, rip = regs[REG_BIP] + insn.off */
	uint64_t df_step;               /* +1 or -1: EFLAGS.DF */
	struct segreg seg[SEG_COUNT + 2];
	uint64_t icount;                /* guest instructions retired, counted at the end of blocks; see cpu_icount() */
	const struct insn *cur;         /* set by slow paths that may fault or touch a device, so that rip is known; NULL after a
	                                   fault: c->rip already holds it (task switches, event delivery) */

	/* exceptions: recorded by cpu_raise*, delivered by the run loop */
	uint8_t  exc_pending, exc_vector, exc_has_err;
	uint32_t exc_err;
	uint64_t exc_addr;              /* linear address of a page fault, becomes CR2 on delivery */

	/* system registers */
	uint32_t eflags_sys;            /* the bits of EFLAGS outside FL_ARITH and FL_DF, and bit 1 */
	uint64_t cr0, cr2, cr3, cr4, efer, xcr0;
	uint64_t dr[8];
	struct dtreg gdtr, idtr;
	uint8_t  cpl;
	uint8_t  shadow;                /* interrupts held off for one instruction (STI, MOV SS, POP SS) */
	uint8_t  nmi_blocked, in_smm;
	uint32_t dr6_pending;           /* DR6 bits of data and I/O breakpoints this instruction hit: a #DB trap is due after it */
	uint8_t  a20_mask_on;           /* A20 gate closed: bit 20 of physical addresses is forced to 0 */
	uint64_t pdpte[4];              /* PAE page-directory pointers, loaded with CR3 */
	uint64_t star, lstar, cstar, sfmask, kernel_gs_base;
	uint64_t sysenter_cs, sysenter_esp, sysenter_eip;
	uint64_t pat, tsc_aux, tsc_offset, tsc_adjust, mtrr_def, mtrr_fix[11], mtrr_base[8], mtrr_mask[8];
	uint64_t mcg_status, mcg_ctl, mc_ctl[10], mc_status[10], misc_enable, smbase, smi_count;
	uint64_t msr_spec_ctrl, debugctl;

	/* floating point and vectors */
	union ymm ymm[16] __attribute__((aligned(32)));
	struct fpu fpu;
	uint32_t mxcsr;                 /* exact while fp_live is 0; else see fp.h */
	uint8_t  fp_live;               /* control registers of the host loaded with the guest's (fp.h); 0 when parked */
	uint8_t  ignne;                 /* IGNNE# asserted: pending x87 exceptions do not stop the CPU (port F0h of the board) */
	void   (*ferr)(void *arg, int level);   /* FERR# wire, NULL = not connected; called without the machine lock */
	void    *ferr_arg;

	/* engine: derived, never saved */
	struct tlb *tlbs[TLB_KINDS];    /* the current address space's */
	struct mmu *mmu;                /* mmu.c: tables of other address spaces, walk caches */
	struct tlb *tlb_never;
	struct engine *engine;          /* block cache etc. (engine.c) */
	struct cpu_debug debug;
	struct lockstep *recording;     /* core/jit/lockstep.c interprets and notes what is stored; else NULL */

	/* the rest */
	struct machine *machine;
	unsigned index;
	uint32_t apic_id;
	bool     absent;                /* a place where device_add may put it: everything is there, but its APIC hears nothing; machine lock */
	bool     hotplugged;            /* it was put in while the machine was there; machine lock */
	char     plug_id[64];           /* id= it was plugged in with, or "" */
	const struct cpu_model *model;
	struct cpuid_table *cpuid;
	void    *apic;
	const struct cpu_apic_ops *apic_ops;
	_Atomic int run_state;          /* enum cpu_run_state */
	uint8_t  sipi_vector;
	uint32_t pauses;                /* PAUSE instructions so far; not state */
	uint32_t saved_req;             /* the bits of exit_req that are state; valid between cpu_saving and the next change */
	struct vcpu_thread *thread;
	void    *engine_cpu;            /* the machine's engine's own (core/kvm); NULL: it needs none */
	struct jit_env jit __attribute__((aligned(64)));        /* derived, as above; last, because of its size */
};

/* ---- life -------------------------------------------------------------------------------------------------------------------- */

struct error;
/* Make vCPU `index` of model name `model` ("qemu64", "max", "qemu64,+nx"...; NULL = default).  Owned by the caller; NULL and err. */
struct cpu *cpu_create(struct machine *m, unsigned index, const char *model, struct error *err);
void cpu_destroy(struct cpu *c);
struct text;
void cpu_help(struct text *out);                                   /* output of -cpu help */
/* Power-up or RESET#: CS:IP = F000:FFF0 with base FFFF0000 (SDM 3, table "IA-32 and Intel 64 Processor States Following ..."). */
void cpu_reset(struct cpu *c);

/* Any thread: make the vCPU leave guest code and look at `req` bits; wakes it from HLT.  Clear takes bits back. */
void cpu_request(struct cpu *c, uint32_t req);
void cpu_clear(struct cpu *c, uint32_t req);
/* vCPU thread, when it has read a clock, or a device that may have: if timers are overdue by it, they run before the next block of guest code. */
void cpu_saw_clock(struct cpu *c);

/* Saved state (struct state_field, walked by the machine): call cpu_saving before, cpu_loaded after; vCPU parked, machine lock held. */

extern const struct state_field cpu_state[];
void cpu_saving(struct cpu *c);
bool cpu_loaded(struct cpu *c, struct error *err);

/* vCPU thread: run guest code until exit_req asks for something only the thread can do (STOP, RESET) or the CPU halts.
 * Returns the reason.  Delivers interrupts and exceptions itself. */
enum cpu_exit { CPUEXIT_REQUEST, CPUEXIT_HALT, CPUEXIT_TRIPLE_FAULT, CPUEXIT_DEBUG };
enum cpu_exit cpu_run(struct cpu *c);
/* vCPU thread or parked: execute exactly one instruction (debugger), also at a breakpoint, and with debug.no_irq without an interrupt
 * before it unless the CPU is halted. */
enum cpu_exit cpu_step(struct cpu *c);

/* ---- exceptions: record and return false / NULL from the handler -------------------------------------------------------------- */
bool cpu_raise(struct cpu *c, int vector);                          /* no error code; always returns false */
bool cpu_raise_err(struct cpu *c, int vector, uint32_t err);        /* always returns false */
bool cpu_raise_pf(struct cpu *c, uint64_t lin, uint32_t err);       /* #PF; always returns false */
enum event_kind { EVENT_EXC, EVENT_INTR, EVENT_NMI, EVENT_SOFT, EVENT_INT1 };
/* Deliver an event through the IDT: fault/trap/interrupt as SDM 3 ch. 6.  c->rip is the return address to push (for EVENT_SOFT the
 * next instruction); on success it is the handler's.  The run loop calls it outside blocks, an INT handler inside one: there a
 * false return is a FAULT, after which the run loop sets c->rip from c->cur again.  False: it raised another exception. */
bool cpu_deliver(struct cpu *c, int vector, bool has_err, uint32_t err, enum event_kind kind);
/* Handle the recorded exception, c->rip being the faulting instruction's (the next one's for the traps recorded by
 * cpu_debug_after): delivery, double fault, triple fault.  False on triple fault (shutdown). */
bool cpu_handle_exception(struct cpu *c);
/* Take what exit_req holds and the CPU can take now between two instructions: NMI, INTR (IF, shadow, ExtINT through apic_ops->ack).
 * c->rip valid.  True: something was delivered, or its delivery recorded an exception (exc_pending). */
bool cpu_take_interrupt(struct cpu *c);
/* For blocks with M_STEP, which hold one instruction.  Before it, c->rip valid: instruction breakpoints; false = #DB recorded. */
bool cpu_debug_before(struct cpu *c);
/* After it completed without a fault, c->rip = the next one: TF (`tf`: FL_TF was set before it) and data breakpoints; false = #DB recorded. */
bool cpu_debug_after(struct cpu *c, bool tf);

/* Guest instructions retired, also while translated code runs; from another thread without ordering. */
__attribute__((no_sanitize("thread"))) static inline uint64_t cpu_icount(const struct cpu *c)
{
	uint64_t n = *(const volatile uint64_t *)&c->icount;
	for (unsigned k = 0; k < JIT_COUNTERS; k++)
		n += ((const volatile uint64_t *)c->jit.icount)[k];
	return n;
}

/* ---- flags, mode --------------------------------------------------------------------------------------------------------------- */
uint32_t cpu_get_eflags(const struct cpu *c);                       /* whole EFLAGS, bit 1 set */
void     cpu_set_eflags(struct cpu *c, uint32_t v);                 /* whole EFLAGS, unchecked; updates mode */
void     cpu_update_mode(struct cpu *c);
static inline bool cpu_long(const struct cpu *c) { return c->efer & EFER_LMA; }
static inline bool cpu_protected(const struct cpu *c) { return (c->cr0 & CR0_PE) && !(c->eflags_sys & FL_VM); }

/* ---- memory (mmu.c) ------------------------------------------------------------------------------------------------------------ */
/* Slow paths behind the inline accessors of mem.h: linear address, any alignment, page crossing, MMIO.  c->cur must be set.
 * False = fault recorded; nothing was written.  `access` may carry MEM_SYSTEM. */
bool mmu_read(struct cpu *c, uint64_t lin, void *buf, unsigned size, unsigned access);
bool mmu_write(struct cpu *c, uint64_t lin, const void *buf, unsigned size, unsigned access);
/* For string instructions: host address of an access to plain memory, good to the end of the page, or 0 where each element must go
 * through mmu_read/mmu_write (MMIO, code, watched, crossing).  c->cur set.  False = fault recorded. */
bool mmu_host(struct cpu *c, uint64_t lin, unsigned size, unsigned access, uintptr_t *host);
/* Check that [lin, lin+size) may be accessed, and set A/D bits; for instructions that must not fault half way. */
bool mmu_probe(struct cpu *c, uint64_t lin, unsigned size, unsigned access);
/* Host address for code fetch of the page of lin: *host points at lin, *ram_addr is its offset in the machine's RAM arena, or
 * host NULL when the page is MMIO (fetch by mmu_read with MEM_X).  False = fault. */
bool mmu_fetch_page(struct cpu *c, uint64_t lin, const uint8_t **host, uint64_t *ram_addr);
/* Debugger's view: translate without faults or side effects.  False if not mapped. */
/* Machine lock held, vCPU parked. */
bool mmu_translate_debug(struct cpu *c, uint64_t lin, uint64_t *phys);
void mmu_flush(struct cpu *c, bool global_too);
void mmu_flush_page(struct cpu *c, uint64_t lin);
void mmu_set_cr3(struct cpu *c, uint64_t val);
/* Take the write tags from every TLB entry that maps the RAM page at arena offset ram_page (it now holds decoded code). */
void mmu_protect_code(struct cpu *c, uint64_t ram_page);
/* Any vCPU's thread, c being another's: may c be writing to the page by such an entry, or by a pointer of mmu_host(), without looking at
 * the marks of code?  Exact once the marks are set: c looks at them after each new entry. */
bool mmu_may_write(const struct cpu *c, uint64_t ram_page);

/* ---- code cache (engine_drop.c): see exec.h ------------------------------------------------------------------------------------------- */
/* Guest RAM [ram_addr, +len) was written by other means than a TLB entry: drop the blocks that any vCPU made from the 64-byte lines it
 * touches.  Any thread; when it is a vCPU's, that one's blocks are gone on return, the others' at their next dispatch. */
void engine_code_written(struct machine *m, uint64_t ram_addr, uint64_t len);
void engine_flush(struct cpu *c);
/* vCPU parked: the debugger's breakpoints on code have changed. */
void engine_breaks_changed(struct cpu *c);
/* vCPU thread, inside an instruction: until engine_together() no other vCPU executes one.  For what no locked instruction of the host can do,
 * as a locked access that lies in two pages.  Between the two, c must not run guest code or wait for another vCPU. */
void engine_alone(struct cpu *c);
void engine_together(struct cpu *c);
/* Called by cpu_create and cpu_destroy.  False: out of memory. */
bool engine_create(struct cpu *c);
void engine_destroy(struct cpu *c);

/* ---- CPUID and MSRs (cpuid.c, msr.c) ---------------------------------------------------------------------------------------------- */
struct cpuid_result { uint32_t eax, ebx, ecx, edx; };
struct cpuid_result cpu_cpuid(struct cpu *c, uint32_t leaf, uint32_t subleaf);
bool cpu_rdmsr(struct cpu *c, uint32_t msr, uint64_t *val);         /* false = #GP wanted (not yet raised) */
bool cpu_wrmsr(struct cpu *c, uint32_t msr, uint64_t val);
uint64_t cpu_tsc(struct cpu *c);                                    /* virtual clock scaled to the TSC frequency + offset */

#endif
