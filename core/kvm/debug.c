/* debug.c - the debugger's breakpoints in the processor's debug registers, so that a guest with few of them runs as fast as one without.
 *
 * What does not go in there is the interpreter's, which runs the guest meanwhile: more than four, those that only reads hit, those of a guest
 * that uses the registers itself; and all on data where the kernel emulates, as its emulator does not look at them.  Steps are always the
 * interpreter's: a step by the processor's trap flag shows in what PUSHF and interrupts push.
 * Ref: API, 4.87 KVM_SET_GUEST_DEBUG; SDM 3, 17.2. */
#include "core/kvm/kvm.h"
#include "core/cpu/breakpoint.h"
#include "core/cpu/debugreg.h"
#include "core/machine/machine.h"
#include <string.h>
#include <sys/ioctl.h>

enum { DR7_ACTIVE = 0xff };

/* R/W and LEN fields of DR7; false: a register cannot do it. */
static bool encode(const struct kvm *k, const struct break_point *p, unsigned *field)
{
	static const uint8_t len[9] = { [1] = 0, [2] = 1, [4] = 3, [8] = 2 };

	*field = 0;
	if (p->kind == BREAK_SOFT || p->kind == BREAK_HARD)
		return true;
	if (p->kind == BREAK_READ || *k->probe.why || p->len > 8 || (p->len != 1 && !len[p->len]) || p->addr % p->len)
		return false;
	*field = (p->kind == BREAK_WRITE ? DEBUG_WRITE : DEBUG_ACCESS) | (unsigned)len[p->len] << 2;
	return true;
}

bool kvm_plan_debug(struct cpu *c)
{
	struct kvm_vcpu *v = kvm_of(c);
	const struct kvm *k = c->machine->engine_data;
	struct break_point p[KVM_BREAKS + 1];
	unsigned n = 0;

	memset(&v->debug, 0, sizeof v->debug);
	if (!c->debug.breaks && !c->debug.watches)
		return true;
	unsigned found = break_list(c->machine, p, KVM_BREAKS + 1);
	if (found > KVM_BREAKS || (c->dr[7] & DR7_ACTIVE))
		return false;
	v->debug.control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP;
	v->debug.arch.debugreg[7] = DR7_FIXED | DR7_GD; /* so that we hear when the guest reaches for the registers */
	for (; n < found; n++) {
		unsigned field;
		if (!encode(k, &p[n], &field))
			return false;
		v->slot[n] = p[n];
		v->debug.arch.debugreg[n] = p[n].addr;
		v->debug.arch.debugreg[7] |= (uint64_t)2 << 2 * n | (uint64_t)field << (16 + 4 * n);
	}
	return true;
}

bool kvm_load_debug(struct cpu *c)
{
	struct kvm_vcpu *v = kvm_of(c);

	if (!v->debug.control && !v->debug_set)
		return true;
	v->debug_set = v->debug.control != 0;
	return !ioctl(v->fd, KVM_SET_GUEST_DEBUG, &v->debug);
}

/* A hit of a register on data: the instruction is done. */
static bool data_hit(struct cpu *c, uint64_t dr6)
{
	const struct kvm_vcpu *v = kvm_of(c);

	for (unsigned n = 0; n < KVM_BREAKS; n++) {
		const struct break_point *p = &v->slot[n];
		if (!(dr6 >> n & 1) || !(v->debug.arch.debugreg[7] >> 2 * n & 3) || p->kind == BREAK_SOFT || p->kind == BREAK_HARD)
			continue;
		c->debug.stop = STOP_WATCH;
		c->debug.kind = p->kind;
		c->debug.addr = p->addr;
		return true;
	}
	return false;
}

bool kvm_debug_hit(struct cpu *c)
{
	uint64_t dr6 = kvm_of(c)->run->debug.arch.dr6;

	return data_hit(c, dr6) || (c->debug.breaks && break_here(c));
}
