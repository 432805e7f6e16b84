/* topology.h - where CPU number n sits: sockets of cores of threads, and the APIC id that says so.  Ref: SDM 3, 8.9 "Programming
 * Considerations for Hardware Multi-Threading Capable Processors" (extraction of levels from initial APIC ids). */
#ifndef CORE_CPU_TOPOLOGY_H
#define CORE_CPU_TOPOLOGY_H
struct options;
struct topology { unsigned sockets, cores, threads; };
/* -smp's; ones where there are no options. */
struct topology topology_of(const struct options *o);
/* Bits of the APIC id below the core number, below the socket number. */
unsigned topology_core_shift(const struct topology *t);
unsigned topology_socket_shift(const struct topology *t);
unsigned topology_apic_id(const struct topology *t, unsigned n);
#endif
