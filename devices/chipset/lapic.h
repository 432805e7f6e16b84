/* lapic.h - local APICs, one a CPU, and the page fee00000h through which they are seen. */
#ifndef DEVICES_CHIPSET_LAPIC_H
#define DEVICES_CHIPSET_LAPIC_H
#include "core/machine/irq.h"
#include <stdbool.h>
#include <stdint.h>
struct device;
struct machine;
extern const struct device_desc lapic_desc;

enum apic_delivery { APIC_FIXED, APIC_LOWEST, APIC_SMI, APIC_REMOTE_READ, APIC_NMI, APIC_INIT, APIC_STARTUP, APIC_EXTINT };
struct apic_message { uint32_t dest; bool logical, level_triggered; enum apic_delivery mode; uint8_t vector; };

/* The interrupt bus: hand a message of the I/O APIC, of a CPU or of a device to the APICs it names.  False: nobody took it. */
bool apic_send(struct machine *m, const struct apic_message *msg);
/* As the address and the data of a message-signalled interrupt; bits 63-40 hold what does not fit of a wide destination. */
uint64_t apic_message_address(const struct apic_message *msg);
uint32_t apic_message_data(const struct apic_message *msg);
/* Some APIC has accepted `vector`, and its CPU has not taken it yet. */
bool apic_waiting(struct machine *m, uint8_t vector);
/* A write of `data` to `addr` in fee00000h-feefffffh by anyone but a CPU. */
static inline bool apic_msi_address(uint64_t addr) { return addr >> 20 == 0xfee; }
void apic_msi(struct machine *m, uint64_t addr, uint32_t data);

/* Before realize: what CPU `index` sees of its APIC.  wires[0] INTR level, [1] NMI, [2] SMI, [3] INIT pulses; sipi(arg, vector). */
enum { LAPIC_INTR, LAPIC_NMI, LAPIC_SMI, LAPIC_INIT, LAPIC_WIRES };
void lapic_wire(struct device *d, unsigned index, const struct irq_line wires[LAPIC_WIRES], void (*sipi)(void *arg, uint8_t vector),
                void *sipi_arg);
void lapic_set_pic(struct device *d, struct device *pic);       /* the 8259 behind LINT0, where ack fetches its vector */
struct irq_line lapic_lint(struct device *d, int n);            /* LINT0: the 8259; LINT1: NMI */
/* A CPU was put in, or taken out: it and its APIC are as after power-on, and wait to be started.  Not the boot processor. */
void lapic_power_on(struct device *d);
/* For struct cpu_apic_ops, without a CPU behind it too (tests): machine lock held. */
int  lapic_ack(struct device *d);
bool lapic_rdmsr(struct device *d, uint32_t msr, uint64_t *val);
bool lapic_wrmsr(struct device *d, uint32_t msr, uint64_t val);
#endif
