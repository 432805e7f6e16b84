/* kvm_board.c - the whole board "pc" under KVM, with the local APICs in the kernel. */
#include "tests/dev/kvm_board.h"
#include "core/kvm/kvm.h"
#include <stdio.h>

struct machine *kvm_board_new(unsigned cpus)
{
	struct kvm_probe p;
	bool usable = kvm_probe(&p);
	char args[100];
	snprintf(args, sizeof args, "-accel kvm -m 16 -smp %u -cpu qemu64,+x2apic,+tsc-deadline", cpus);
	struct machine *m = usable ? board_new(args) : NULL;
	if (m && ((struct kvm *)m->engine_data)->split)
		return m;
	printf("# SKIP %s\n", usable ? "the host's KVM has no local APICs" : p.why);
	if (m)
		board_free(m);
	skip();
	return NULL;
}
