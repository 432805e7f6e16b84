/* irq.h - interrupt wires.  A device gets a wire when it is made and drives a level on it; it does not know its number. */
#ifndef CORE_MACHINE_IRQ_H
#define CORE_MACHINE_IRQ_H
struct irq_line {
	void (*set)(void *arg, int n, int level);       /* NULL: not connected */
	void *arg;
	int   n;
};
/* Drive the wire; machine lock held. */
static inline void irq_set(const struct irq_line *l, int level) { if (l->set) l->set(l->arg, l->n, level); }
static inline void irq_pulse(const struct irq_line *l) { irq_set(l, 1); irq_set(l, 0); }
#endif
