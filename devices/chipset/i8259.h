/* i8259.h - the pair of interrupt controllers as the board wires it. */
#ifndef DEVICES_CHIPSET_I8259_H
#define DEVICES_CHIPSET_I8259_H
#include "core/machine/irq.h"
#include <stdbool.h>
struct device;
extern const struct device_desc i8259_desc;

/* Before realize: where INT goes, and (master only) the slave whose INT is on input 2. */
void i8259_set_int(struct device *pic, struct irq_line out);
void i8259_set_slave(struct device *master, struct device *slave);
/* Input n (0-7) of this chip as a wire. */
struct irq_line i8259_input(struct device *pic, int n);
/* INTA cycles to the master: the vector of the most urgent interrupt of both chips, or the spurious one (input 7). */
int i8259_ack(struct device *master);
/* INT of the master is up. */
bool i8259_pending(struct device *master);
#endif
