/* pc_glue.h - the wires of a PC's board: who hears an interrupt line, coprocessor errors, POST codes. */
#ifndef DEVICES_CHIPSET_PC_GLUE_H
#define DEVICES_CHIPSET_PC_GLUE_H
#include "core/machine/irq.h"
struct device;
extern const struct device_desc pc_glue_desc;

/* Who may hold an ISA interrupt line up: the levels of all sources are combined. */
enum glue_source { GLUE_ISA, GLUE_PIRQ, GLUE_SCI, GLUE_HPET, GLUE_GSI };
struct irq_line pc_glue_irq(struct device *d, unsigned irq, enum glue_source source);
/* The 8259s that hear the lines; the I/O APIC is found in the machine. */
void pc_glue_connect(struct device *d, struct device *master_pic, struct device *slave_pic);
/* While this wire is up (legacy replacement of the HPET) the 8254 is off interrupt 0 and the ISA bus's interrupt 8 is not heard. */
struct irq_line pc_glue_legacy(struct device *d, struct device *pit);
/* INT of the master 8259: reaches LINT0 of every local APIC. */
struct irq_line pc_glue_int(struct device *d);
#endif
