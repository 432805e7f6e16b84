/* topology.c - APIC ids: each level has as many bits as its largest number needs. */
#include "core/cpu/topology.h"
#include "core/machine/options.h"

static unsigned or_one(unsigned n) { return n ? n : 1; }

struct topology topology_of(const struct options *o)
{
	if (!o)
		return (struct topology){ 1, 1, 1 };
	return (struct topology){ or_one(o->sockets), or_one(o->cores), or_one(o->threads) };
}

static unsigned bits_for(unsigned n)
{
	unsigned bits = 0;

	while (1u << bits < n)
		bits++;
	return bits;
}

unsigned topology_core_shift(const struct topology *t) { return bits_for(t->threads); }
unsigned topology_socket_shift(const struct topology *t) { return bits_for(t->threads) + bits_for(t->cores); }

unsigned topology_apic_id(const struct topology *t, unsigned n)
{
	unsigned thread = n % t->threads, core = n / t->threads % t->cores, socket = n / t->threads / t->cores;

	return thread | core << topology_core_shift(t) | socket << topology_socket_shift(t);
}
