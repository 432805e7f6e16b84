/* vgabench.c - see vgabench.h. */
#include "tests/dev/vgabench.h"

void vga_index(struct bench *b, uint16_t port, uint8_t index, uint8_t value)
{
	outb(b, port, index);
	outb(b, port + 1, value);
}

void vga_attr(struct bench *b, uint8_t index, uint8_t value)
{
	inb(b, 0x3da);
	outb(b, 0x3c0, index);
	outb(b, 0x3c0, value);
}

void vga_mode3(struct bench *b)
{
	static const uint8_t seq[5] = { 3, 0, 3, 0, 2 }, gfx[9] = { 0, 0, 0, 0, 0, 0x10, 0x0e, 0, 0xff };
	static const uint8_t crtc[25] = { 0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f, 0x00, 0x4f, 0x0d, 0x0e, 0, 0, 0, 0, 0x9c, 0x8e, 0x8f, 0x28,
					  0x1f, 0x96, 0xb9, 0xa3, 0xff };
	static const uint8_t pal[16] = { 0, 1, 2, 3, 4, 5, 0x14, 7, 0x38, 0x39, 0x3a, 0x3b, 0x3c, 0x3d, 0x3e, 0x3f };
	outb(b, 0x3c2, 0x67);
	for (int i = 0; i < 5; i++)
		vga_index(b, 0x3c4, i, seq[i]);
	vga_index(b, 0x3d4, 0x11, 0);
	for (int i = 0; i < 25; i++)
		vga_index(b, 0x3d4, i, crtc[i]);
	for (int i = 0; i < 9; i++)
		vga_index(b, 0x3ce, i, gfx[i]);
	for (int i = 0; i < 16; i++)
		vga_attr(b, i, pal[i]);
	vga_attr(b, 0x10, 0x0c);
	vga_attr(b, 0x12, 0x0f);
	vga_attr(b, 0x13, 0x08);
	inb(b, 0x3da);
	outb(b, 0x3c0, 0x20);
	outb(b, 0x3c8, 0);
	for (int i = 0; i < 64; i++) {          /* the default DAC: two bits a colour */
		outb(b, 0x3c9, (uint8_t)((i >> 2 & 1) * 42 + (i >> 5 & 1) * 21));
		outb(b, 0x3c9, (uint8_t)((i >> 1 & 1) * 42 + (i >> 4 & 1) * 21));
		outb(b, 0x3c9, (uint8_t)((i & 1) * 42 + (i >> 3 & 1) * 21));
	}
}
