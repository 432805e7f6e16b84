/* run.c - the loop that runs guest code: requests, interrupts, exceptions, single steps. */
#include "core/cpu/breakpoint.h"
#include "core/cpu/counted.h"
#include "core/cpu/engine.h"
#include "core/cpu/fp.h"
#include "core/machine/machine.h"

static void run_block(struct cpu *c, const struct insn *i)
{
	c->regs[REG_BIP] = c->rip;
	while (i)
		i = i->fn(c, i);
}

/* One instruction, with breakpoints and the TF trap.  False: an exception is pending. */
static bool run_one(struct cpu *c)
{
	bool tf = c->eflags_sys & FL_TF, debug = c->mode & M_STEP;
	c->cur = NULL;
	if (debug && !cpu_debug_before(c))
		return false;
	c->mode |= M_STEP;
	const struct insn *i = engine_lookup(c);
	if (i)
		run_block(c, i);
	if (!c->exc_pending && (tf || debug)) {
		c->cur = NULL;
		cpu_debug_after(c, tf);
	}
	/* The exception path must not see our own M_STEP either. */
	if (c->mode & M_STEP)
		cpu_update_mode(c);
	return !c->exc_pending;
}

/* An exception was recorded: c->cur is the instruction it belongs to, NULL when c->rip is right already (code fetch, traps). */
static bool handle_exception(struct cpu *c)
{
	if (c->cur) {
		c->rip = insn_rip(c, c->cur);
		c->icount += c->cur->idx;
		c->cur = NULL;
		c->debug.stop = STOP_NONE;      /* what it had touched it will touch again */
	}
	engine_forget(c);
	if (likely(c->exc_vector != EXC_AGAIN))
		return cpu_handle_exception(c);
	c->exc_pending = 0;             /* a watched place: once more, alone */
	return run_one(c) || handle_exception(c);
}

/* Values of attention when nobody has asked for anything. */
enum { RUN_ON = 0, EACH_BLOCK = 2 };

/* Requests only the thread can serve end the run; the others are served here.  False: leave. */
static bool serve_requests(struct cpu *c, uint32_t idle)
{
	atomic_store(&c->attention, idle);
	engine_service(c);
	uint32_t req = atomic_load(&c->exit_req);
	if (req & REQ_TLB) {
		atomic_fetch_and(&c->exit_req, ~(uint32_t)REQ_TLB);
		mmu_flush(c, true);
	}
	return !(req & (REQ_STOP | REQ_RESET | REQ_INIT | REQ_SIPI | REQ_SMI | REQ_DEBUG | REQ_TIMERS));
}

/* Interrupts that can be taken now.  With IF clear the request stays pending and costs only this test. */
static void take_interrupts(struct cpu *c)
{
	uint32_t req = atomic_load_explicit(&c->exit_req, memory_order_relaxed);
	if (likely(!(req & (REQ_INTR | REQ_NMI))) || c->shadow)
		return;
	if (!(req & REQ_NMI) && !(c->eflags_sys & FL_IF))
		return;
	c->cur = NULL;
	engine_forget(c);
	if (cpu_take_interrupt(c) && atomic_load(&c->run_state) == CPU_HALTED)
		atomic_store(&c->run_state, CPU_RUNNING);
}

/* With a recorded exception delivered, so that who looks at the parked vCPU sees it between two instructions. */
static enum cpu_exit leave(struct cpu *c)
{
	while (c->exc_pending)
		if (!handle_exception(c))
			return CPUEXIT_TRIPLE_FAULT;
	return CPUEXIT_REQUEST;
}

/* One way round: what is asked for, then a chain of blocks, or one block.  False: leave, *why says. */
static inline __attribute__((always_inline)) bool go_round(struct cpu *c, uint32_t idle, enum cpu_exit *why)
{
	if (unlikely(atomic_load(&c->attention) != idle) && !serve_requests(c, idle)) {
		*why = leave(c);
		return false;
	}
	if (unlikely(c->exc_pending)) {
		*why = CPUEXIT_TRIPLE_FAULT;
		return handle_exception(c);
	}
	take_interrupts(c);
	if (unlikely(c->exc_pending))
		return true;
	if (unlikely(atomic_load_explicit(&c->run_state, memory_order_relaxed) != CPU_RUNNING)) {
		*why = CPUEXIT_HALT;
		return false;
	}
	if (unlikely(c->debug.breaks) && break_here(c)) {
		*why = CPUEXIT_DEBUG;
		return false;
	}
	if (unlikely(c->shadow || (c->mode & M_STEP))) {
		c->shadow = 0;
		run_one(c);
		return true;
	}
	const struct insn *i = engine_lookup(c);
	if (likely(i != NULL))
		run_block(c, i);
	return true;
}

static enum cpu_exit run_loop(struct cpu *c)
{
	enum cpu_exit why = CPUEXIT_REQUEST;
	while (go_round(c, RUN_ON, &why))
		;
	return why;
}

/* The same until the turn is over, a block at a time. */
static enum cpu_exit run_turn(struct cpu *c)
{
	enum cpu_exit why = CPUEXIT_REQUEST;
	bool on;
	do {
		counted_begin(c);
		on = go_round(c, EACH_BLOCK, &why);
	} while (on && counted_passed(c));
	return on ? leave(c) : why;
}

enum cpu_exit cpu_run(struct cpu *c)
{
	engine_enter(c);
	atomic_store(&c->attention, 1);
	enum cpu_exit why = c->machine->counted ? run_turn(c) : run_loop(c);
	engine_leave(c);
	fp_park(c);
	return why;
}

enum cpu_exit cpu_step(struct cpu *c)
{
	enum cpu_exit why = CPUEXIT_DEBUG;
	engine_enter(c);
	serve_requests(c, RUN_ON);
	if (!c->debug.no_irq || atomic_load(&c->run_state) == CPU_HALTED)
		take_interrupts(c);
	if (atomic_load(&c->run_state) != CPU_RUNNING) {
		why = CPUEXIT_HALT;
	} else {
		c->shadow = 0;
		if (!c->exc_pending)
			run_one(c);
		if (c->exc_pending && !handle_exception(c))
			why = CPUEXIT_TRIPLE_FAULT;
	}
	engine_leave(c);
	fp_park(c);
	return why;
}
