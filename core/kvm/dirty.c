/* dirty.c - has RAM been written?  The kernel notes which pages the guest writes, in slots that are logged; ours are the marks of ram_written().
 *
 * One range is logged, the frame buffer: whoever shows it asks many times a second, and mostly nothing has changed.  A page that was written is
 * noted with one fault after each time that somebody asked.  What the interpreter writes (instructions the kernel cannot emulate, a guest with many
 * breakpoints) goes by entries of its TLB: while it is at work nothing is known.
 * Ref: API, 4.8 KVM_GET_DIRTY_LOG. */
#include "core/kvm/kvm.h"
#include "core/machine/machine.h"
#include <stdlib.h>
#include <sys/ioctl.h>

enum { BITS = 64 };

bool kvm_logs(const struct machine *m, const struct kvm_slot *s)
{
	const struct kvm *k = m->engine_data;
	uint64_t at = (uint64_t)(s->host - m->ram.host);

	return !s->rom && at < k->log.ram_addr + k->log.len && k->log.ram_addr < at + s->size;
}

void kvm_log_ends(struct kvm *k) { k->log.number++; }

void kvm_interpreting(struct kvm *k, bool on)
{
	if (on)
		atomic_fetch_add(&k->log.interpreting, 1);
	atomic_store(&k->log.interpreted, true);
	if (!on)
		atomic_fetch_sub(&k->log.interpreting, 1);
}

/* By the guest, since the last time; true when the kernel does not tell. */
static bool slot_written(const struct kvm *k, unsigned n)
{
	size_t words = (k->slot[n].size / PAGE_SIZE + BITS - 1) / BITS;
	uint64_t *map = calloc(words, sizeof *map);
	struct kvm_dirty_log log = { .slot = n, .dirty_bitmap = map };
	bool any = !map || ioctl(k->vm, KVM_GET_DIRTY_LOG, &log);

	for (size_t w = 0; w < words && !any; w++)
		any = map[w];
	free(map);
	return any;
}

/* By us: devices, the monitor. */
static bool marked(struct machine *m, uint64_t ram_addr, uint64_t len)
{
	bool any = false;

	for (uint64_t p = ram_addr >> PAGE_SHIFT; p < (ram_addr + len) >> PAGE_SHIFT; p++)
		if (atomic_load_explicit(&m->ram.dirty[p], memory_order_relaxed) & DIRTY_VGA) {
			atomic_fetch_and_explicit(&m->ram.dirty[p], (uint8_t)~DIRTY_VGA, memory_order_relaxed);
			any = true;
		}
	return any;
}

uint64_t kvm_written(struct machine *m, uint64_t ram_addr, uint64_t len)
{
	struct kvm *k = m->engine_data;

	if (!k || k->vm < 0)
		return 0;
	if (k->log.ram_addr != ram_addr || k->log.len != len) {
		k->log.ram_addr = ram_addr;
		k->log.len = len;
		k->log.number++;
		kvm_update_slots(m);
	}
	bool any = atomic_exchange(&k->log.interpreted, false);
	for (unsigned n = 0; n < KVM_SLOTS_MAX; n++)
		any |= k->slot[n].size && k->slot[n].logged && slot_written(k, n);
	any |= marked(m, ram_addr, len);
	k->log.number += any;
	return atomic_load(&k->log.interpreting) ? 0 : k->log.number;
}
