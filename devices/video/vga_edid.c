/* vga_edid.c - the monitor behind the VGA, as an EDID block.  Ref: VESA E-EDID Standard 1.4, section 3. */
#include "devices/video/vga.h"
#include <string.h>

/* 18-byte detailed timing with CVT's reduced blanking, 60 Hz.  Section 3.10.2. */
static void detailed_timing(uint8_t *d, unsigned w, unsigned h)
{
	enum { HBLANK = 160, HFRONT = 48, HSYNC = 32, VFRONT = 3, VSYNC = 6, HZ = 60 };
	unsigned vblank = h / 30 > 23 ? h / 30 : 23;
	unsigned clock = (w + HBLANK) * (h + vblank) / 10000 * HZ;      /* in 10 kHz */
	unsigned mm_w = w * 254 / 1000, mm_h = h * 254 / 1000;          /* at 100 dots an inch */
	d[0] = (uint8_t)clock;
	d[1] = (uint8_t)(clock >> 8);
	d[2] = (uint8_t)w;
	d[3] = HBLANK & 0xff;
	d[4] = (uint8_t)(w >> 8 << 4 | HBLANK >> 8);
	d[5] = (uint8_t)h;
	d[6] = (uint8_t)vblank;
	d[7] = (uint8_t)(h >> 8 << 4 | vblank >> 8);
	d[8] = HFRONT;
	d[9] = HSYNC;
	d[10] = VFRONT << 4 | VSYNC;
	d[11] = 0;
	d[12] = (uint8_t)mm_w;
	d[13] = (uint8_t)mm_h;
	d[14] = (uint8_t)(mm_w >> 8 << 4 | mm_h >> 8);
	d[17] = 0x18;                                                   /* digital separate sync, not interlaced */
}

void vga_make_edid(uint8_t edid[128], unsigned width, unsigned height)
{
	static const uint8_t header[8] = { 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0 };
	/* standard timings: 1920x1080, 1600x1200, 1280x1024, 1440x900, 1280x800, 1024x768, 800x600, 640x480, all 60 Hz */
	static const uint8_t standard[16] = { 0xd1, 0xc0, 0xa9, 0x40, 0x81, 0x80, 0x95, 0x00, 0x81, 0x00, 0x61, 0x40, 0x45, 0x40, 0x31, 0x40 };
	static const uint8_t limits[18] = { 0, 0, 0, 0xfd, 0, 50, 125, 30, 160, 255, 1, 0x0a, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20 };
	static const uint8_t name[18] = { 0, 0, 0, 0xfc, 0, 'v', 'm', 'u', 'x', 0x0a, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20 };
	static const uint8_t unused[18] = { 0, 0, 0, 0x10 };
	unsigned vendor = ('V' - '@') << 10 | ('M' - '@') << 5 | ('X' - '@'), sum = 0;
	memset(edid, 0, 128);
	memcpy(edid, header, 8);
	edid[8] = (uint8_t)(vendor >> 8);
	edid[9] = (uint8_t)vendor;
	edid[10] = 1;                                                   /* product */
	edid[17] = 2024 - 1990;
	edid[18] = 1;                                                   /* EDID 1.4 */
	edid[19] = 4;
	edid[20] = 0xa5;                                                /* digital, 8 bits a colour, DisplayPort */
	edid[21] = (uint8_t)(width * 254 / 10000);                      /* cm */
	edid[22] = (uint8_t)(height * 254 / 10000);
	edid[23] = 120;                                                 /* gamma 2.2 */
	edid[24] = 0x06;                                                /* sRGB, preferred timing is native */
	/* chromaticity of sRGB, section 3.7 */
	memcpy(edid + 25, (const uint8_t[]){ 0xee, 0x91, 0xa3, 0x54, 0x4c, 0x99, 0x26, 0x0f, 0x50, 0x54 }, 10);
	edid[35] = 0x21;                                                /* 640x480 and 800x600 at 60 Hz */
	edid[36] = 0x08;                                                /* 1024x768 at 60 Hz */
	memcpy(edid + 38, standard, 16);
	detailed_timing(edid + 54, width, height);
	memcpy(edid + 72, limits, 18);
	memcpy(edid + 90, name, 18);
	memcpy(edid + 108, unused, 18);
	for (unsigned i = 0; i < 127; i++)
		sum += edid[i];
	edid[127] = (uint8_t)-sum;
}
