/* expr.h - the monitor's integer expressions: 64-bit, with CPU registers. */
#ifndef CORE_DEBUG_EXPR_H
#define CORE_DEBUG_EXPR_H
#include "core/machine/error.h"
#include <stdint.h>
struct cpu;
/* Value of the expression at *p, which moves to what follows it (blanks skipped).  From loosest to tightest: + -, then & | ^, then * / %, then
 * unary + - ~, then numbers (decimal, 0octal, 0xhex), 'c', $register, parentheses.  cpu NULL: registers are unknown.  With file_follows
 * a blank and then a word that starts with "/" ends the expression: "16 /tmp/f". */
bool expr_eval(const char **p, const struct cpu *cpu, bool file_follows, int64_t *val, struct error *err);
/* $NAME; false: no such register. */
bool expr_register(const struct cpu *cpu, const char *name, int64_t *val);
#endif
