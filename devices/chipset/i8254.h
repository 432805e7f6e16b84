/* i8254.h - the interval timer as the board and the speaker port use it. */
#ifndef DEVICES_CHIPSET_I8254_H
#define DEVICES_CHIPSET_I8254_H
#include "core/machine/irq.h"
#include <stdbool.h>
struct device;
extern const struct device_desc i8254_desc, pcspk_desc;

void i8254_set_out0(struct device *pit, struct irq_line out);   /* before realize: OUT of channel 0 */
/* Cut channel 0 off its wire (level 0) and back: the HPET takes its interrupt over. */
void i8254_connect_out0(struct device *pit, bool connected);
void i8254_set_gate(struct device *pit, unsigned channel, bool level);
bool i8254_gate(struct device *pit, unsigned channel);
bool i8254_out(struct device *pit, unsigned channel);
void pcspk_set_pit(struct device *spk, struct device *pit);     /* before realize */
#endif
