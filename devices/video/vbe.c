/* vbe.c - Bochs' display interface: modes beyond VGA by a dozen 16-bit registers at 1CE/1CF, and BAR 2 with the same in memory.
 * Ref: the Bochs project's "VBE Display API"; layout of BAR 2 from QEMU's docs/specs/standard-vga.txt. */
#include "core/machine/machine.h"
#include "devices/chipset/isa.h"
#include "devices/video/vga.h"
#include <string.h>

enum { ID_FIRST = 0xb0c0, ID_LAST = 0xb0c5, MAX_X = 16000, MAX_Y = 12000, MAX_BPP = 32 };
enum { MMIO_EDID_END = 0x80, MMIO_VGA = 0x400, MMIO_VGA_END = 0x420, MMIO_VBE = 0x500, MMIO_VBE_END = MMIO_VBE + 2 * VBE_COUNT, MMIO_EXT_SIZE = 0x600,
       MMIO_EXT_ENDIAN = 0x604 };

uint32_t vbe_line_bytes(const struct vga *v)
{
	unsigned bpp = v->vbe[VBE_BPP], w = v->vbe[VBE_VIRT_WIDTH];
	return bpp == 4 ? w / 2 : w * ((bpp + 7) / 8);
}

/* What the guest asked for, as far as memory and sense allow. */
static void fit(struct vga *v)
{
	uint16_t *r = v->vbe;
	static const uint8_t depths[] = { 4, 8, 15, 16, 24, 32 };
	bool known = false;
	for (unsigned i = 0; i < sizeof depths; i++)
		known |= r[VBE_BPP] == depths[i];
	if (!known)
		r[VBE_BPP] = 8;
	r[VBE_XRES] &= ~7u;
	r[VBE_XRES] = r[VBE_XRES] < 8 ? 8 : r[VBE_XRES] > MAX_X ? MAX_X : r[VBE_XRES];
	r[VBE_YRES] = r[VBE_YRES] < 1 ? 1 : r[VBE_YRES] > MAX_Y ? MAX_Y : r[VBE_YRES];
	r[VBE_VIRT_WIDTH] &= ~7u;
	if (r[VBE_VIRT_WIDTH] < r[VBE_XRES] || r[VBE_VIRT_WIDTH] > MAX_X)
		r[VBE_VIRT_WIDTH] = r[VBE_XRES];
	uint32_t lines = v->vram_size / vbe_line_bytes(v);
	if (r[VBE_YRES] > lines)
		r[VBE_YRES] = (uint16_t)lines;
	r[VBE_VIRT_HEIGHT] = lines > 0xffff ? 0xffff : (uint16_t)lines;
	if (r[VBE_X_OFFSET] + r[VBE_XRES] > r[VBE_VIRT_WIDTH])
		r[VBE_X_OFFSET] = r[VBE_VIRT_WIDTH] - r[VBE_XRES];
	if (r[VBE_Y_OFFSET] + r[VBE_YRES] > r[VBE_VIRT_HEIGHT])
		r[VBE_Y_OFFSET] = r[VBE_VIRT_HEIGHT] - r[VBE_YRES];
}

static void write_enable(struct vga *v, uint16_t val)
{
	bool was = vga_vbe_on(v);
	v->vbe[VBE_ENABLE] = val & (VBE_ON | VBE_GETCAPS | VBE_8BIT_DAC | VBE_LFB | VBE_NOCLEAR);
	v->vbe[VBE_BANK] = 0;
	if (!vga_vbe_on(v) || was)
		return;
	v->vbe[VBE_VIRT_WIDTH] = v->vbe[VBE_XRES];
	v->vbe[VBE_X_OFFSET] = v->vbe[VBE_Y_OFFSET] = 0;
	fit(v);
	if (!(val & VBE_NOCLEAR)) {
		uint32_t size = vbe_line_bytes(v) * v->vbe[VBE_YRES];
		memset(v->vram, 0, size);
		ram_written(v->pci.dev.machine, v->ram_addr, size);
	}
}

uint16_t vbe_read(struct vga *v, unsigned reg)
{
	if (reg >= VBE_COUNT)
		return 0;
	if (v->vbe[VBE_ENABLE] & VBE_GETCAPS) {
		if (reg == VBE_XRES)
			return MAX_X;
		if (reg == VBE_YRES)
			return MAX_Y;
		if (reg == VBE_BPP)
			return MAX_BPP;
	}
	return reg == VBE_MEMORY_64K ? (uint16_t)(v->vram_size >> 16) : v->vbe[reg];
}

void vbe_write(struct vga *v, unsigned reg, uint16_t val)
{
	switch (reg) {
	case VBE_ID:
		if (val >= ID_FIRST && val <= ID_LAST)
			v->vbe[reg] = val;
		return;
	case VBE_ENABLE:
		write_enable(v, val);
		break;
	case VBE_BANK:
		v->vbe[reg] = (uint16_t)(val & ((v->vram_size >> 16) - 1));
		vga_update_window(v);
		return;
	case VBE_XRES: case VBE_YRES: case VBE_BPP: case VBE_VIRT_WIDTH: case VBE_X_OFFSET: case VBE_Y_OFFSET:
		v->vbe[reg] = val;
		if (vga_vbe_on(v))
			fit(v);
		break;
	default:                                /* virtual height and memory size follow from the rest */
		return;
	}
	vga_update(v);
}

bool vbe_ok(const struct vga *v)
{
	if (!vga_vbe_on(v))
		return v->vbe[VBE_BANK] < v->vram_size >> 16;
	const uint16_t *r = v->vbe;
	return r[VBE_BPP] >= 4 && r[VBE_BPP] <= 32 && r[VBE_XRES] >= 8 && r[VBE_XRES] <= MAX_X && r[VBE_VIRT_WIDTH] >= r[VBE_XRES] &&
	       r[VBE_VIRT_WIDTH] <= MAX_X && r[VBE_YRES] && (uint64_t)vbe_line_bytes(v) * r[VBE_YRES] <= v->vram_size && r[VBE_BANK] < v->vram_size >> 16;
}

/* Ports 1CE index, 1CF and 1D0 data, all 16 bits wide. */
static uint64_t vbe_port_read(struct device *d, uint64_t off, unsigned size)
{
	struct vga *v = container_of(d, struct vga, pci.dev);
	return off ? vbe_read(v, v->vbe_index) : v->vbe_index;
}

static void vbe_port_write(struct device *d, uint64_t off, unsigned size, uint64_t val)
{
	struct vga *v = container_of(d, struct vga, pci.dev);
	if (off == 0)
		v->vbe_index = (uint16_t)val;
	else
		vbe_write(v, v->vbe_index, (uint16_t)val);
}

static const struct io_ops vbe_port_io = { .read = vbe_port_read, .write = vbe_port_write, .min = 1, .max = 2 };

bool vbe_map(struct vga *v, struct error *err)
{
	return isa_map(&v->pci.dev, &v->ports[5], "vbe", 0x1ce, 4, &vbe_port_io, err);
}

static uint64_t mmio_read(struct device *d, uint64_t off, unsigned size)
{
	struct vga *v = container_of(d, struct vga, pci.dev);
	uint64_t val = 0;
	if (off + size <= MMIO_EDID_END) {
		memcpy(&val, v->edid + off, size);
	} else if (off >= MMIO_VGA && off + size <= MMIO_VGA_END) {
		for (unsigned i = 0; i < size; i++)
			val |= (uint64_t)vga_port_read(v, 0x3c0 + (unsigned)off - MMIO_VGA + i) << (8 * i);
	} else if (off >= MMIO_VBE && off + size <= MMIO_VBE_END) {
		val = vbe_read(v, (unsigned)(off - MMIO_VBE) / 2);
		val = off & 1 ? val >> 8 : val;
		if (size == 4)
			val |= (uint64_t)vbe_read(v, (unsigned)(off - MMIO_VBE) / 2 + 1) << 16;
	} else if (off == MMIO_EXT_SIZE) {
		val = 8;
	} else if (off == MMIO_EXT_ENDIAN) {
		val = 0x1e1e1e1e;               /* little-endian, and it stays so */
	}
	return val;
}

static void mmio_write(struct device *d, uint64_t off, unsigned size, uint64_t val)
{
	struct vga *v = container_of(d, struct vga, pci.dev);
	if (off >= MMIO_VGA && off + size <= MMIO_VGA_END)
		for (unsigned i = 0; i < size; i++)
			vga_port_write(v, 0x3c0 + (unsigned)off - MMIO_VGA + i, (uint8_t)(val >> (8 * i)));
	else if (off >= MMIO_VBE && off + size <= MMIO_VBE_END && !(off & 1))
		for (unsigned i = 0; i < size; i += 2)
			vbe_write(v, (unsigned)(off - MMIO_VBE + i) / 2, (uint16_t)(val >> (8 * i)));
}

const struct io_ops vga_mmio_ops = { .read = mmio_read, .write = mmio_write, .min = 1, .max = 4 };
