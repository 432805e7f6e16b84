/* lost_ticks.h - periodic interrupts that came due and were not seen: the loop thread was late, or the guest had not taken the one before.
 *
 * They are made up for one at a time, each when the one before was taken, at most four a period, and no more than LOST_TICKS_MAX: a guest that
 * counts them for its time of day keeps it on a busy host, and one that was held up for long is not buried in them.  Everything follows from
 * the machine's clock and the state of its chips, so a machine that counts instructions stays as repeatable as it was. */
#ifndef DEVICES_CHIPSET_LOST_TICKS_H
#define DEVICES_CHIPSET_LOST_TICKS_H
#include "core/machine/irq.h"
#include <stdbool.h>
#include <stdint.h>

enum { LOST_TICKS_MAX = 250, LOST_TICKS_SHORTEST_NS = 100000 /* period; of faster timers ticks are merged */ };

static inline void lost_ticks_add(uint32_t *owed, uint64_t due)
{
	*owed = due < LOST_TICKS_MAX - *owed ? *owed + (uint32_t)due : LOST_TICKS_MAX;
}

/* `due` ticks more came due; false: none is to be driven now.  *owed is how many there are to make up for. */
static inline bool lost_ticks_take(uint32_t *owed, uint64_t due, enum irq_fate fate)
{
	if (fate == IRQ_MASKED) {
		*owed = 0;
		return due;             /* who unmasks it finds the last one, as ever */
	}
	lost_ticks_add(owed, due);
	if (fate == IRQ_WAITING || !*owed)
		return false;
	--*owed;
	return true;
}

/* When to look again, in ns: at `regular`, when the next one is due, or earlier when some are owed.  While one waits to be taken nothing is done earlier. */
static inline int64_t lost_ticks_next(uint32_t owed, bool waiting, int64_t now, int64_t regular, int64_t period)
{
	return owed && !waiting && regular > now + period / 4 ? now + period / 4 : regular;
}
#endif
