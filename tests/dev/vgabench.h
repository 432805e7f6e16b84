/* vgabench.h - registers of a VGA on the bench. */
#ifndef TESTS_DEV_VGABENCH_H
#define TESTS_DEV_VGABENCH_H
#include "tests/dev/bench.h"
void vga_index(struct bench *b, uint16_t port, uint8_t index, uint8_t value);   /* port and the one behind it */
void vga_attr(struct bench *b, uint8_t index, uint8_t value);                   /* of the attribute controller */
void vga_mode3(struct bench *b);        /* 80x25, 720x400, by IBM's tables */
#endif
