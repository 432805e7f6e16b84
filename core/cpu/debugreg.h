/* debugreg.h - debug registers DR0-DR7: breakpoints on code, data and ports.  Ref: SDM 3, chapter 17.2. */
#ifndef CORE_CPU_DEBUGREG_H
#define CORE_CPU_DEBUGREG_H
#include "core/cpu/breakpoint.h"

enum { DR6_BD = 1u << 13, DR6_BS = 1u << 14, DR6_BT = 1u << 15, DR6_FIXED = 0xffff0ff0u, DR7_FIXED = 0x400, DR7_GD = 1u << 13 };
enum debug_kind { DEBUG_EXEC, DEBUG_WRITE, DEBUG_IO, DEBUG_ACCESS };     /* as the R/W fields of DR7 spell them */

/* Does a data breakpoint, or a watchpoint of the debugger, lie in the page of lin? */
bool debug_page_watched_slow(const struct cpu *c, uint64_t lin);
static inline bool debug_page_watched(const struct cpu *c, uint64_t lin)
{
	return (unlikely(c->dr[7] & 0xff) && debug_page_watched_slow(c, lin)) || (unlikely(c->debug.watches) && watch_in_page(c, lin));
}
/* A data access happened (MEM_R or MEM_W): note what it hit in dr6_pending. */
void debug_note_access(struct cpu *c, uint64_t lin, unsigned size, unsigned access);
/* The same for ports, with CR4.DE. */
void debug_note_io(struct cpu *c, uint16_t port, unsigned size);
/* DR7 has changed. */
void debug_set_dr7(struct cpu *c, uint64_t v);
#endif
