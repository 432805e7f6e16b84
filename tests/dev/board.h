/* board.h - the whole board "pc" without a guest CPU and with a stepped clock. */
#ifndef TESTS_DEV_BOARD_H
#define TESTS_DEV_BOARD_H
#include "core/machine/machine.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* A machine from `args` (space-separated words after "-accel qtest -display none"), reset and locked. */
struct machine *board_new(const char *args);
void board_free(struct machine *m);
/* The same, but creation must fail: the message. */
const char *board_error(const char *args, struct error *err);
struct device *board_device(struct machine *m, const char *name);       /* first device of that kind */

void     out8(struct machine *m, uint16_t port, uint8_t v);
void     out16(struct machine *m, uint16_t port, uint16_t v);
void     out32(struct machine *m, uint16_t port, uint32_t v);
uint8_t  in8(struct machine *m, uint16_t port);
uint16_t in16(struct machine *m, uint16_t port);
uint32_t in32(struct machine *m, uint16_t port);
void     poke32(struct machine *m, uint64_t addr, uint32_t v);
uint32_t peek32(struct machine *m, uint64_t addr);
void     poke8(struct machine *m, uint64_t addr, uint8_t v);
uint8_t  peek8(struct machine *m, uint64_t addr);
void     board_step(struct machine *m, int64_t ns);
uint32_t cfg_read(struct machine *m, unsigned devfn, unsigned off, unsigned size);      /* through cf8h/cfch */
void     cfg_write(struct machine *m, unsigned devfn, unsigned off, unsigned size, uint32_t v);
#define DEVFN(slot, fn) ((slot) << 3 | (fn))
#endif
