/* vga_mem.c - the processor's way into video memory: A0000-BFFFF through the graphics controller.
 * Ref: IBM VGA Technical Reference, "Graphics Controller Registers", "Memory Mode Register"; FreeVGA, "Accessing the Display Memory". */
#include "core/machine/machine.h"
#include "devices/video/vga.h"
#include <string.h>

enum { SEQ4_SEQUENTIAL = 4, SEQ4_CHAIN4 = 8, GMODE_WRITE = 3, GMODE_READ1 = 8, GMODE_ODD_EVEN = 0x10, GMISC_CHAIN_OE = 2 };

/* Four plane bits to four bytes. */
static uint32_t expand(unsigned planes)
{
	static const uint32_t t[16] = { 0x00000000, 0x000000ff, 0x0000ff00, 0x0000ffff, 0x00ff0000, 0x00ff00ff, 0x00ffff00, 0x00ffffff,
					0xff000000, 0xff0000ff, 0xff00ff00, 0xff00ffff, 0xffff0000, 0xffff00ff, 0xffffff00, 0xffffffff };
	return t[planes & 15];
}

static bool chain4(const struct vga *v) { return v->seq[SEQ_MEMORY] & SEQ4_CHAIN4; }

/* Windows of linear modes hold no planes: VBE at 8 and more bits. */
static bool vbe_linear(const struct vga *v) { return vga_vbe_on(v) && v->vbe[VBE_BPP] >= 8; }

static uint32_t load_planes(const struct vga *v, uint32_t o)
{
	uint32_t w;
	memcpy(&w, v->vram + o * 4, 4);
	return w;
}

static void store_planes(struct vga *v, uint32_t o, uint32_t w)
{
	uint32_t old = load_planes(v, o), changed = old ^ w;
	if (!changed)
		return;
	memcpy(v->vram + o * 4, &w, 4);
	ram_written(v->pci.dev.machine, v->ram_addr + o * 4, 4);
	if (!v->text_shown)
		return;
	if (changed & 0xff0000)
		v->font_changed = true;
	if ((changed & 0xff0000) || v->dirty_all || (o >= v->visible_from && o <= v->visible_to))
		display_dirty(v->pci.dev.machine);
}

/* Window address to the planes' offset.  Chain-4 is packed (four bytes a dword), as all SVGAs with more than 256 KB have it. */
static uint32_t plane_offset(const struct vga *v, uint32_t a)
{
	uint32_t banked = v->bank / 4 + (chain4(v) ? a >> 2 : v->gfx[GFX_MISC] & GMISC_CHAIN_OE ? a & ~1u : a);
	return (vga_vbe_on(v) ? banked : banked & PLANE_MASK) & (v->vram_size / 4 - 1);
}

static uint8_t read_byte(struct vga *v, uint32_t a)
{
	uint32_t o = plane_offset(v, a);
	unsigned plane = v->gfx[GFX_READ_MAP] & 3;
	v->latch = load_planes(v, o);
	if (chain4(v))
		plane = a & 3;
	else if (v->gfx[GFX_MODE] & GMODE_ODD_EVEN)
		plane = (plane & 2) | (a & 1);
	if (!(v->gfx[GFX_MODE] & GMODE_READ1))
		return (uint8_t)(v->latch >> (8 * plane));
	/* read mode 1: a bit is set where all planes that matter equal the colour */
	uint32_t differ = (v->latch ^ expand(v->gfx[GFX_COMPARE])) & expand(v->gfx[GFX_DONT_CARE]);
	differ |= differ >> 16;
	return (uint8_t)~(differ | differ >> 8);
}

static uint32_t alu(const struct vga *v, uint32_t data)
{
	switch (v->gfx[GFX_ROTATE] >> 3) {
	case 1:  return data & v->latch;
	case 2:  return data | v->latch;
	case 3:  return data ^ v->latch;
	default: return data;
	}
}

static void write_byte(struct vga *v, uint32_t a, uint8_t val)
{
	uint32_t o = plane_offset(v, a), data, bits = v->gfx[GFX_BIT_MASK] * 0x01010101u;
	unsigned planes = v->seq[SEQ_MAP_MASK], rot = v->gfx[GFX_ROTATE] & 7;
	uint8_t turned = (uint8_t)(val >> rot | val << (8 - rot));
	if (chain4(v))
		planes &= 1u << (a & 3);
	else if (!(v->seq[SEQ_MEMORY] & SEQ4_SEQUENTIAL))
		planes &= a & 1 ? 0x0a : 0x05;
	switch (v->gfx[GFX_MODE] & GMODE_WRITE) {
	case 0: {
		uint32_t sr = expand(v->gfx[GFX_ENABLE_SR]);
		data = alu(v, (turned * 0x01010101u & ~sr) | (expand(v->gfx[GFX_SET_RESET]) & sr));
		break;
	}
	case 1:
		data = v->latch;
		bits = ~0u;
		break;
	case 2:
		data = alu(v, expand(val & 15));
		break;
	default:
		data = alu(v, expand(v->gfx[GFX_SET_RESET]));
		bits &= turned * 0x01010101u;
	}
	data = (data & bits) | (v->latch & ~bits);
	uint32_t mask = expand(planes);
	if (planes & 1)
		vga_watch_write(v, o);
	store_planes(v, o, (load_planes(v, o) & ~mask) | (data & mask));
}

/* Offset within the window's decoded part, or false. */
static bool decode(const struct vga *v, uint64_t off, uint32_t *a)
{
	*a = (uint32_t)off - v->window_off;
	return (v->misc & MISC_RAM) && *a < v->window_size;
}

static uint64_t window_read(struct device *d, uint64_t off, unsigned size)
{
	struct vga *v = container_of(d, struct vga, pci.dev);
	uint64_t val = 0;
	uint32_t a;
	for (unsigned i = 0; i < size; i++) {
		uint8_t b = 0xff;
		if (decode(v, off + i, &a))
			b = vbe_linear(v) ? v->vram[(v->bank + a) & (v->vram_size - 1)] : read_byte(v, a);
		val |= (uint64_t)b << (8 * i);
	}
	return val;
}

static void window_write(struct device *d, uint64_t off, unsigned size, uint64_t val)
{
	struct vga *v = container_of(d, struct vga, pci.dev);
	uint32_t a;
	for (unsigned i = 0; i < size; i++, val >>= 8) {
		if (!decode(v, off + i, &a))
			continue;
		if (v->text_writes && !(a & 1) && i + 1 < size) {       /* character and attribute at once */
			uint32_t o = plane_offset(v, a);
			vga_watch_write(v, o);
			store_planes(v, o, (load_planes(v, o) & 0xffff0000) | (val & 0xffff));
			i++;
			val >>= 8;
		} else if (vbe_linear(v)) {
			uint32_t at = (v->bank + a) & (v->vram_size - 1);
			v->vram[at] = (uint8_t)val;
			ram_written(d->machine, v->ram_addr + at, 1);
		} else {
			write_byte(v, a, (uint8_t)val);
		}
	}
}

const struct io_ops vga_window_io = { .read = window_read, .write = window_write, .min = 1, .max = 8 };

/* Nothing between the bus and the bytes: the window can be RAM. */
static bool plain_linear(const struct vga *v)
{
	if (!(v->misc & MISC_RAM) || v->window_size < 0x10000)
		return false;
	if (vbe_linear(v))
		return true;
	return chain4(v) && !(v->gfx[GFX_MODE] & (GMODE_WRITE | GMODE_READ1)) && (v->seq[SEQ_MAP_MASK] & 15) == 15 &&
	       !v->gfx[GFX_ENABLE_SR] && !v->gfx[GFX_ROTATE] && v->gfx[GFX_BIT_MASK] == 0xff && !vga_vbe_on(v);
}

void vga_update_window(struct vga *v)
{
	static const struct { uint32_t off, size; } parts[4] = { { 0, 0x20000 }, { 0, 0x10000 }, { 0x10000, 0x8000 }, { 0x18000, 0x8000 } };
	unsigned part = (v->gfx[GFX_MISC] >> 2) & 3;
	if (vbe_linear(v))
		part = 1;
	v->window_off = parts[part].off;
	v->window_size = parts[part].size;
	v->bank = vga_vbe_on(v) ? (uint32_t)v->vbe[VBE_BANK] * 0x10000 & (v->vram_size - 1) : 0;
	v->text_writes = !vga_vbe_on(v) && !(v->seq[SEQ_MEMORY] & (SEQ4_SEQUENTIAL | SEQ4_CHAIN4)) && (v->gfx[GFX_MISC] & GMISC_CHAIN_OE) &&
			 (v->seq[SEQ_MAP_MASK] & 15) == 3 && !(v->gfx[GFX_MODE] & GMODE_WRITE) && !v->gfx[GFX_ENABLE_SR] &&
			 !v->gfx[GFX_ROTATE] && v->gfx[GFX_BIT_MASK] == 0xff;

	struct space *mem = &v->pci.dev.machine->mem;
	uint32_t size = v->window_size < v->vram_size - v->bank ? v->window_size : v->vram_size - v->bank;
	bool want = plain_linear(v);
	if (want == v->linear.mapped && (!want || (v->linear.ram_addr == v->ram_addr + v->bank && v->linear.size == size)))
		return;
	space_begin(mem);
	if (v->linear.mapped)
		space_unmap(mem, &v->linear);
	if (want) {
		v->linear.base = WINDOW_BASE + v->window_off;
		v->linear.size = size;
		v->linear.ram_addr = v->ram_addr + v->bank;
		space_map(mem, &v->linear, NULL);
	}
	space_commit(mem);
}

bool vga_map_window(struct vga *v, struct error *err)
{
	struct device *d = &v->pci.dev;
	v->window = (struct region){ .name = "vga-lowmem", .kind = REGION_IO, .base = WINDOW_BASE, .size = WINDOW_SIZE, .prio = 1, .dev = d,
		.ops = &vga_window_io };
	v->linear = (struct region){ .name = "vga.chain4", .kind = REGION_RAM, .prio = 2, .dev = d };
	return space_map(&d->machine->mem, &v->window, err);
}

void vga_unmap_window(struct vga *v)
{
	struct space *mem = &v->pci.dev.machine->mem;
	if (v->linear.mapped)
		space_unmap(mem, &v->linear);
	if (v->window.mapped)
		space_unmap(mem, &v->window);
}
