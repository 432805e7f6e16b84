/* irq.h - interrupt wires.  A device gets a wire when it is made and drives a level on it; it does not know its number. */
#ifndef CORE_MACHINE_IRQ_H
#define CORE_MACHINE_IRQ_H
/* What became of the last edge of a wire: who hears it has passed it to a CPU, still keeps it, or does not listen. */
enum irq_fate { IRQ_TAKEN, IRQ_WAITING, IRQ_MASKED };
struct irq_line {
	void (*set)(void *arg, int n, int level);       /* NULL: not connected */
	void *arg;
	int   n;
	enum irq_fate (*fate)(void *arg, int n);        /* NULL: cannot be told */
};
/* Drive the wire; machine lock held. */
static inline void irq_set(const struct irq_line *l, int level) { if (l->set) l->set(l->arg, l->n, level); }
static inline void irq_pulse(const struct irq_line *l) { irq_set(l, 1); irq_set(l, 0); }
/* Machine lock held.  Where it cannot be told: taken. */
static inline enum irq_fate irq_fate(const struct irq_line *l) { return l->fate ? l->fate(l->arg, l->n) : IRQ_TAKEN; }
#endif
