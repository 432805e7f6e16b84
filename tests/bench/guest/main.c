/* main.c - the benchmark guest: runs every kernel once (long.c: several times) and tells the first serial port.
 *
 *   V                     alive
 *   [NAME\n               the kernel begins when the newline has left the port
 *   ]RESULT\n             it has ended; RESULT in hex
 *   X                     all done; the guest halts */
#include "tests/bench/kernels.h"

#ifndef TIMES
#define TIMES 1
#endif
enum { COM1 = 0x3f8, LSR_THRE = 0x20, LSR_TEMT = 0x40, HEAP = 16 << 20 };

static void outb(uint16_t port, uint8_t v) { __asm__ volatile("outb %0, %1" : : "a"(v), "Nd"(port)); }
static uint8_t inb(uint16_t port)
{
	uint8_t v;
	__asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}
static void wait_line(uint8_t what)
{
	while (!(inb(COM1 + 5) & what))
		;
}
static void put(const char *s)
{
	for (; *s; s++) {
		wait_line(LSR_THRE);
		outb(COM1, (uint8_t)*s);
	}
}
static void put_hex(uint64_t v)
{
	for (int s = 60; s >= 0; s -= 4)
		put((char[]){ "0123456789abcdef"[v >> s & 15], 0 });
}

__attribute__((section(".text.start"))) void start(void);
void start(void)
{
	static const uint8_t setup[][2] = { { 3, 0x80 }, { 0, 1 }, { 1, 0 }, { 3, 3 }, { 1, 0 }, { 2, 0 }, { 4, 3 } };    /* 115200 8N1, polled */
	for (unsigned i = 0; i < sizeof setup / sizeof setup[0]; i++)
		outb((uint16_t)(COM1 + setup[i][0]), setup[i][1]);
	put("V\n");
	for (unsigned k = 0; k < n_kernels; k++) {
		put("[");
		put(kernels[k].name);
		put("\n");
		wait_line(LSR_TEMT);
		uint64_t r = 0;
		for (unsigned n = 0; n < TIMES; n++)
			r = kernels[k].fn(kernels[k].n, (void *)HEAP);
		put("]");
		put_hex(r);
		put("\n");
		wait_line(LSR_TEMT);
	}
	put("X\n");
	wait_line(LSR_TEMT);
	for (;;)
		__asm__ volatile("cli; hlt");
}
