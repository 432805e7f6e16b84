/* slots.c - the machine's memory map as the kernel's memory slots.
 *
 * RAM and ROM become slots; everything else has none, so that an access leaves the guest and reaches our devices.  While the map changes
 * under running vCPUs, a page may be without a slot for a moment: then its accesses come to us too, wait for the machine lock and find the
 * new map; code fetched from it is run by the interpreter. */
#include "core/kvm/kvm.h"
#include "core/machine/machine.h"
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

/* What the map wants: flat ranges cut to whole pages.  Returns how many. */
static unsigned wanted(struct machine *m, struct kvm_slot *out)
{
	unsigned n = 0;

	for (size_t k = 0; k < m->mem.n_flat && n < KVM_SLOTS_MAX; k++) {
		const struct flat_range *f = &m->mem.flat[k];
		if (f->r->kind == REGION_IO)
			continue;
		uint64_t start = (f->start + PAGE_SIZE - 1) & PAGE_MASK, end = (f->end + 1) & PAGE_MASK;
		uint64_t ram = f->r->ram_addr + f->off + (start - f->start);
		/* Memory that is not laid page by page cannot be mapped. */
		if (end <= start || (ram & ~PAGE_MASK))
			continue;
		out[n++] = (struct kvm_slot){ .start = start, .size = end - start, .host = m->ram.host + ram, .rom = f->r->kind == REGION_ROM };
		out[n - 1].logged = kvm_logs(m, &out[n - 1]);
	}
	return n;
}

static bool same(const struct kvm_slot *a, const struct kvm_slot *b)
{
	return a->start == b->start && a->size == b->size && a->host == b->host && a->rom == b->rom && a->logged == b->logged;
}

static void set_slot(struct machine *m, struct kvm *k, unsigned n, const struct kvm_slot *s)
{
	struct kvm_userspace_memory_region r = { .slot = n, .guest_phys_addr = s->start, .memory_size = s->size,
		.userspace_addr = s->size ? (uintptr_t)s->host : 0, .flags = !s->size ? 0 : s->rom ? KVM_MEM_READONLY : s->logged ? KVM_MEM_LOG_DIRTY_PAGES : 0 };

	if (k->slot[n].logged)
		kvm_log_ends(k);
	if (ioctl(k->vm, KVM_SET_USER_MEMORY_REGION, &r))
		log_printf(m, "kvm: slot %u (%#llx, %#llx bytes): %s\n", n, (unsigned long long)s->start, (unsigned long long)s->size, strerror(errno));
	k->slot[n] = *s;
}

/* Video memory's window, when it is a device: writes to it may wait until the guest is left for another reason. */
static void update_zone(struct machine *m, struct kvm *k)
{
	enum { WINDOW = 0xa0000, WINDOW_SIZE = 0x20000 };
	const struct flat_range *f = space_find(&m->mem, WINDOW);
	struct kvm_coalesced_mmio_zone z = { 0 };

	if (!k->ring)
		return;
	if (f && f->r->kind == REGION_IO && f->start <= WINDOW && f->end >= WINDOW + WINDOW_SIZE - 1)
		z = (struct kvm_coalesced_mmio_zone){ .addr = WINDOW, .size = WINDOW_SIZE };
	if (z.size == k->zone.size)
		return;
	ioctl(k->vm, z.size ? KVM_REGISTER_COALESCED_MMIO : KVM_UNREGISTER_COALESCED_MMIO, z.size ? &z : &k->zone);
	k->zone = z;
}

void kvm_update_slots(struct machine *m)
{
	struct kvm *k = m->engine_data;
	struct kvm_slot want[KVM_SLOTS_MAX];

	if (!k || k->vm < 0)
		return;
	kvm_drain(m);
	unsigned n_want = wanted(m, want);
	/* What goes, first: slots must not overlap at any time. */
	for (unsigned n = 0; n < KVM_SLOTS_MAX; n++) {
		bool stays = false;
		for (unsigned w = 0; w < n_want; w++)
			stays = stays || same(&want[w], &k->slot[n]);
		if (k->slot[n].size && !stays)
			set_slot(m, k, n, &(struct kvm_slot){ .start = k->slot[n].start });
	}
	for (unsigned w = 0; w < n_want; w++) {
		unsigned room = KVM_SLOTS_MAX;
		bool there = false;
		for (unsigned n = 0; n < KVM_SLOTS_MAX; n++) {
			there = there || same(&want[w], &k->slot[n]);
			if (!k->slot[n].size && room == KVM_SLOTS_MAX)
				room = n;
		}
		if (!there && room < KVM_SLOTS_MAX)
			set_slot(m, k, room, &want[w]);
	}
	update_zone(m, k);
}

void kvm_drain(struct machine *m)
{
	struct kvm *k = m->engine_data;
	struct kvm_coalesced_mmio_ring *ring = k->ring;

	if (!ring)
		return;
	unsigned room = (unsigned)((PAGE_SIZE - sizeof *ring) / sizeof ring->coalesced_mmio[0]);
	unsigned last = __atomic_load_n(&ring->last, __ATOMIC_ACQUIRE);
	while (ring->first != last && ring->first < room) {
		const struct kvm_coalesced_mmio *e = &ring->coalesced_mmio[ring->first];
		uint64_t v = 0;
		memcpy(&v, e->data, e->len <= 8 ? e->len : 8);
		uint64_t at = e->phys_addr;
		unsigned len = e->len;
		__atomic_store_n(&ring->first, (ring->first + 1) % room, __ATOMIC_RELEASE);
		space_write(&m->mem, at, len, v);
		last = __atomic_load_n(&ring->last, __ATOMIC_ACQUIRE);
	}
}

bool kvm_collected(const struct kvm *k)
{
	return k->ring && __atomic_load_n(&k->ring->first, __ATOMIC_RELAXED) != __atomic_load_n(&k->ring->last, __ATOMIC_RELAXED);
}

/* ---- a guest that writes and does not come out -------------------------------------------------------------------------------------------- */

enum { DRAIN_NS = 20 * 1000 * 1000 };

static void drain_due(void *arg)
{
	struct machine *m = arg;
	struct kvm *k = m->engine_data;
	bool inside = false;

	kvm_drain(m);
	for (unsigned n = 0; n < m->n_cpus; n++)
		inside = inside || atomic_load(&kvm_of(m->cpus[n])->inside);
	atomic_store(&k->draining, inside);
	if (inside)
		timer_set(m, &k->drain, clock_now(&m->clock) + DRAIN_NS);
}

void kvm_keep_drained(struct machine *m)
{
	struct kvm *k = m->engine_data;

	if (!k->ring || atomic_load_explicit(&k->draining, memory_order_relaxed))
		return;
	machine_lock(m);
	if (k->zone.size && !atomic_exchange(&k->draining, true)) {
		timer_init(&k->drain, drain_due, m);    /* it is not in the list */
		timer_set(m, &k->drain, clock_now(&m->clock) + DRAIN_NS);
	}
	machine_unlock(m);
}
