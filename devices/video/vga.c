/* vga.c - standard VGA with Bochs' VBE registers, PCI device "VGA": ports and registers.
 * Ref: IBM VGA Technical Reference (PS/2 Hardware Interface, "Video Subsystem"); register masks as there. */
#include "core/machine/datafile.h"
#include "core/machine/machine.h"
#include "devices/chipset/isa.h"
#include "devices/video/vga.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { P_ATTR = 0x3c0, P_ATTR_READ, P_STATUS0_MISC, P_ENABLE, P_SEQ_INDEX, P_SEQ_DATA, P_DAC_MASK, P_DAC_STATE, P_DAC_WRITE, P_DAC_DATA,
       P_FEATURE_READ, P_MISC_READ = 0x3cc, P_GFX_INDEX = 0x3ce, P_GFX_DATA, P_CRTC_INDEX = 0x3d4, P_CRTC_DATA, P_STATUS1 = 0x3da };
enum { VSYNC_PROTECT = 0x80, ST0_SENSE = 0x10, ST1_BLANKED = 1, ST1_RETRACE = 8 };
enum { ROM_MAX = 1 << 20, DEFAULT_EDID_W = 1280, DEFAULT_EDID_H = 800 };

void vga_update(struct vga *v)
{
	vga_update_window(v);
	vga_update_visible(v);
	display_dirty(v->pci.dev.machine);
}

/* ---- status register 1: where the beam is, by the virtual clock and the CRTC's timing ---- */

static uint8_t beam_status(struct vga *v)
{
	const uint8_t *c = v->crtc;
	unsigned over = c[CRTC_OVERFLOW], dots = v->seq[SEQ_CLOCK] & 1 ? 8 : 9;
	uint64_t khz = v->misc & 4 ? 28322 : 25175;
	unsigned htotal = c[CRTC_HTOTAL] + 5u, vtotal = (c[CRTC_VTOTAL] | (over & 1u) << 8 | (over & 0x20u) << 4) + 2;
	unsigned sync = c[CRTC_VSYNC_START] | (over & 4u) << 6 | (over & 0x80u) << 2;
	unsigned sync_lines = (c[CRTC_VSYNC_END] - sync) & 15u;
	if (v->seq[SEQ_CLOCK] & 8)              /* dot clock halved: 40 columns */
		khz /= 2;
	uint64_t line_ns = (uint64_t)htotal * dots * 1000000 / khz + 1;
	uint64_t t = (uint64_t)clock_now(&v->pci.dev.machine->clock) % (line_ns * vtotal);
	unsigned line = (unsigned)(t / line_ns);
	uint8_t st = 0;
	if (line > vga_vertical_end(v) || t % line_ns * htotal > (uint64_t)(c[CRTC_HEND] + 1u) * line_ns)
		st |= ST1_BLANKED;
	if (line >= sync && line < sync + (sync_lines ? sync_lines : 16))
		st |= ST1_RETRACE | ST1_BLANKED;
	return st;
}

/* ---- attribute controller ---- */

static void write_attr(struct vga *v, uint8_t val)
{
	static const uint8_t mask[ATTR_COUNT] = { 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f,
						  0xef, 0xff, 0x3f, 0x0f, 0x0f };
	v->attr_data = !v->attr_data;
	if (v->attr_data) {
		bool pas = (v->attr_index ^ val) & ATTR_PAS;
		v->attr_index = val & 0x3f;
		if (pas)
			display_dirty(v->pci.dev.machine);
		return;
	}
	unsigned i = v->attr_index & 0x1f;
	if (i >= ATTR_COUNT || (i < ATTR_MODE && (v->attr_index & ATTR_PAS)))  /* the palette is the display's while PAS is set */
		return;
	v->attr[i] = val & mask[i];
	vga_update_visible(v);
	display_dirty(v->pci.dev.machine);
}

static uint8_t read_attr(const struct vga *v)
{
	unsigned i = v->attr_index & 0x1f;
	return i < ATTR_COUNT ? v->attr[i] : 0;
}

/* ---- DAC ---- */

static uint8_t read_dac(struct vga *v)
{
	uint8_t b = v->dac[v->dac_read * 3 + v->dac_sub];
	if (++v->dac_sub == 3) {
		v->dac_sub = 0;
		v->dac_read++;
	}
	return b;
}

static void write_dac(struct vga *v, uint8_t val)
{
	v->dac_cache[v->dac_sub] = v->vbe[VBE_ENABLE] & VBE_8BIT_DAC ? val : val & 0x3f;
	if (++v->dac_sub < 3)
		return;
	memcpy(v->dac + v->dac_write * 3, v->dac_cache, 3);
	v->dac_sub = 0;
	v->dac_write++;
	display_dirty(v->pci.dev.machine);
}

/* ---- sequencer, graphics controller, CRTC ---- */

static void write_seq(struct vga *v, uint8_t val)
{
	static const uint8_t mask[SEQ_COUNT] = { 0x03, 0x3d, 0x0f, 0x3f, 0x0e };
	unsigned i = v->seq_index & 7;
	val &= mask[i];
	if (v->seq[i] == val)
		return;
	v->seq[i] = val;
	if (i == SEQ_MAP_MASK)                  /* planar drawing changes it all the time */
		vga_update_window(v);
	else
		vga_update(v);
}

static void write_gfx(struct vga *v, uint8_t val)
{
	static const uint8_t mask[GFX_COUNT] = { 0x0f, 0x0f, 0x0f, 0x1f, 0x03, 0x7b, 0x0f, 0x0f, 0xff };
	unsigned i = v->gfx_index & 15;
	val &= mask[i];
	if (v->gfx[i] == val)
		return;
	v->gfx[i] = val;
	if (i == GFX_MODE || i == GFX_MISC || i == GFX_ROTATE || i == GFX_ENABLE_SR || i == GFX_BIT_MASK)
		vga_update_window(v);
	if (i == GFX_MISC || i == GFX_MODE) {
		vga_update_visible(v);
		display_dirty(v->pci.dev.machine);
	}
}

static void write_crtc(struct vga *v, uint8_t val)
{
	unsigned i = v->crtc_index;
	if (i >= CRTC_COUNT)
		return;
	if (i == CRTC_START_HI || i == CRTC_START_LO)
		vga_watch_half(v, i == CRTC_START_HI);
	if (i <= CRTC_OVERFLOW && (v->crtc[CRTC_VSYNC_END] & VSYNC_PROTECT)) {
		if (i != CRTC_OVERFLOW)
			return;
		val = (uint8_t)((v->crtc[i] & ~0x10) | (val & 0x10));   /* only line compare's bit 8 stays writable */
	}
	if (v->crtc[i] == val)
		return;
	v->crtc[i] = val;
	vga_update_visible(v);
	display_dirty(v->pci.dev.machine);
}

static void write_misc(struct vga *v, uint8_t val)
{
	if (v->misc == val)
		return;
	v->misc = val;
	vga_update(v);
}

/* Ports 3bx or 3dx answer, as the miscellaneous output register says. */
static bool wrong_address(const struct vga *v, unsigned port)
{
	return (port >= 0x3b0 && port <= 0x3bf && (v->misc & MISC_COLOR)) || (port >= 0x3d0 && port <= 0x3df && !(v->misc & MISC_COLOR));
}

uint8_t vga_port_read(struct vga *v, unsigned port)
{
	if (wrong_address(v, port))
		return 0xff;
	switch (port < 0x3c0 ? port + 0x20 : port) {
	case P_ATTR:         return v->attr_data ? read_attr(v) : v->attr_index;
	case P_ATTR_READ:    return read_attr(v);
	case P_STATUS0_MISC: return ST0_SENSE;
	case P_ENABLE:       return v->enabled;
	case P_SEQ_INDEX:    return v->seq_index;
	case P_SEQ_DATA:     return v->seq[v->seq_index & 7];
	case P_DAC_MASK:     return v->dac_mask;
	case P_DAC_STATE:    return v->dac_state;
	case P_DAC_WRITE:    return v->dac_write;
	case P_DAC_DATA:     return read_dac(v);
	case P_FEATURE_READ: return v->feature;
	case P_MISC_READ:    return v->misc;
	case P_GFX_INDEX:    return v->gfx_index;
	case P_GFX_DATA:     return v->gfx[v->gfx_index & 15];
	case P_CRTC_INDEX:   return v->crtc_index;
	case P_CRTC_DATA:    return v->crtc_index < CRTC_COUNT ? v->crtc[v->crtc_index] : 0;
	case P_STATUS1:
		v->attr_data = false;
		return beam_status(v);
	default:             return 0xff;
	}
}

void vga_port_write(struct vga *v, unsigned port, uint8_t val)
{
	if (wrong_address(v, port))
		return;
	switch (port < 0x3c0 ? port + 0x20 : port) {
	case P_ATTR:         write_attr(v, val); break;
	case P_STATUS0_MISC: write_misc(v, val); break;
	case P_ENABLE:       v->enabled = val & 1; break;
	case P_SEQ_INDEX:    v->seq_index = val & 7; break;
	case P_SEQ_DATA:     write_seq(v, val); break;
	case P_DAC_MASK:
		v->dac_mask = val;
		display_dirty(v->pci.dev.machine);
		break;
	case P_DAC_STATE:
		v->dac_read = val;
		v->dac_sub = 0;
		v->dac_state = 3;
		break;
	case P_DAC_WRITE:
		v->dac_write = val;
		v->dac_sub = 0;
		v->dac_state = 0;
		break;
	case P_DAC_DATA:     write_dac(v, val); break;
	case P_GFX_INDEX:    v->gfx_index = val & 15; break;
	case P_GFX_DATA:     write_gfx(v, val); break;
	case P_CRTC_INDEX:   v->crtc_index = val & 0x3f; break;
	case P_CRTC_DATA:    write_crtc(v, val); break;
	case P_STATUS1:      v->feature = val & 3; break;
	default:             break;
	}
}

/* One pair of handlers a range: a device sees offsets only. */
static struct vga *vga_of(struct device *d) { return container_of(d, struct vga, pci.dev); }
static uint64_t read_3b4(struct device *d, uint64_t off, unsigned size) { return vga_port_read(vga_of(d), 0x3b4 + (unsigned)off); }
static uint64_t read_3ba(struct device *d, uint64_t off, unsigned size) { return vga_port_read(vga_of(d), 0x3ba); }
static uint64_t read_3c0(struct device *d, uint64_t off, unsigned size) { return vga_port_read(vga_of(d), 0x3c0 + (unsigned)off); }
static uint64_t read_3d4(struct device *d, uint64_t off, unsigned size) { return vga_port_read(vga_of(d), 0x3d4 + (unsigned)off); }
static uint64_t read_3da(struct device *d, uint64_t off, unsigned size) { return vga_port_read(vga_of(d), 0x3da); }
static void write_3b4(struct device *d, uint64_t off, unsigned size, uint64_t val) { vga_port_write(vga_of(d), 0x3b4 + (unsigned)off, (uint8_t)val); }
static void write_3ba(struct device *d, uint64_t off, unsigned size, uint64_t val) { vga_port_write(vga_of(d), 0x3ba, (uint8_t)val); }
static void write_3c0(struct device *d, uint64_t off, unsigned size, uint64_t val) { vga_port_write(vga_of(d), 0x3c0 + (unsigned)off, (uint8_t)val); }
static void write_3d4(struct device *d, uint64_t off, unsigned size, uint64_t val) { vga_port_write(vga_of(d), 0x3d4 + (unsigned)off, (uint8_t)val); }
static void write_3da(struct device *d, uint64_t off, unsigned size, uint64_t val) { vga_port_write(vga_of(d), 0x3da, (uint8_t)val); }

static const struct { uint16_t base, size; struct io_ops ops; } port_ranges[5] = {
	{ 0x3b4, 2, { read_3b4, write_3b4, 1, 1 } }, { 0x3ba, 1, { read_3ba, write_3ba, 1, 1 } }, { 0x3c0, 16, { read_3c0, write_3c0, 1, 1 } },
	{ 0x3d4, 2, { read_3d4, write_3d4, 1, 1 } }, { 0x3da, 1, { read_3da, write_3da, 1, 1 } },
};

/* ---- life ---- */

static const struct display_ops vga_display = { .snapshot = vga_snapshot };

static bool load_rom(struct vga *v, struct error *err)
{
	char path[PATH_MAX];
	if (!*v->romfile)
		return true;
	if (!data_file_find(v->pci.dev.machine->opt, NULL, v->romfile, path, sizeof path))
		return error_set(err, "failed to find romfile \"%s\": it comes with Debian's package seabios; -L names a directory that has it", v->romfile);
	v->rom = data_file_load(path, ROM_MAX, &v->rom_len, err);
	if (!v->rom)
		return false;
	pci_rom(&v->pci, v->rom, v->rom_len);
	return true;
}

static bool map_ports(struct vga *v, struct error *err)
{
	for (unsigned i = 0; i < 5; i++)
		if (!isa_map(&v->pci.dev, &v->ports[i], "vga", port_ranges[i].base, port_ranges[i].size, &port_ranges[i].ops, err))
			return false;
	return vbe_map(v, err) && vga_map_window(v, err);
}

static void vga_unrealize(struct device *d)
{
	struct vga *v = vga_of(d);
	pci_device_unrealize(&v->pci);
	for (unsigned i = 0; i < 6; i++)
		isa_unmap(d, &v->ports[i]);
	vga_unmap_window(v);
	display_register(d->machine, NULL, NULL);
	vga_watch_free(v);
	free(v->rom);
}

static bool vga_realize(struct device *d, struct error *err)
{
	static const struct pci_ids ids = { 0x1234, 0x1111, 0x1af4, 0x1100, 0x030000, 2 };
	struct vga *v = vga_of(d);
	if (v->vgamem_mb < 1 || v->vgamem_mb > 256 || (v->vgamem_mb & (v->vgamem_mb - 1)))
		return error_set(err, "VGA: vgamem_mb=%u must be a power of two from 1 to 256", v->vgamem_mb);
	pci_init_config(&v->pci, &ids, 0);
	v->vram_size = v->vgamem_mb << 20;
	v->ram_addr = ram_alloc(&d->machine->ram, "vga.vram", v->vram_size, err);
	if (v->ram_addr == UINT64_MAX)
		return false;
	v->vram = d->machine->ram.host + v->ram_addr;
	v->lfb = (struct region){ .name = "vga.vram", .kind = REGION_RAM, .size = v->vram_size, .dev = d, .ram_addr = v->ram_addr };
	v->mmio = (struct region){ .name = "vga.mmio", .kind = REGION_IO, .size = 0x1000, .dev = d, .ops = &vga_mmio_ops };
	pci_bar(&v->pci, 0, BAR_MEM32_PREF, v->vram_size, &v->lfb);
	pci_bar(&v->pci, 2, BAR_MEM32, 0x1000, &v->mmio);
	vga_make_edid(v->edid, DEFAULT_EDID_W, DEFAULT_EDID_H);
	if (!load_rom(v, err) || !map_ports(v, err)) {
		vga_unrealize(d);
		return false;
	}
	display_register(d->machine, &vga_display, v);
	return true;
}

/* All registers clear: the screen is dark until the video BIOS has set a mode.  Memory keeps its contents. */
static void vga_reset(struct device *d, enum reset_kind kind)
{
	struct vga *v = vga_of(d);
	pci_device_reset(&v->pci);
	v->seq_index = v->gfx_index = v->crtc_index = v->attr_index = 0;
	memset(v->seq, 0, sizeof v->seq);
	memset(v->gfx, 0, sizeof v->gfx);
	memset(v->crtc, 0, sizeof v->crtc);
	memset(v->attr, 0, sizeof v->attr);
	memset(v->dac, 0, sizeof v->dac);
	memset(v->dac_cache, 0, sizeof v->dac_cache);
	memset(v->vbe, 0, sizeof v->vbe);
	v->attr_data = false;
	v->misc = v->feature = v->dac_state = v->dac_read = v->dac_write = v->dac_sub = 0;
	v->enabled = 1;
	v->dac_mask = 0xff;
	v->latch = 0;
	v->vbe_index = 0;
	v->vbe[VBE_ID] = 0xb0c5;
	v->font_changed = true;
	vga_watch_forget(v);
	vga_update(v);
}

static bool vga_loaded(struct device *d, struct error *err)
{
	struct vga *v = vga_of(d);
	if (v->seq_index > 7 || v->gfx_index > 15 || v->crtc_index > 0x3f || v->attr_index > 0x3f || v->dac_sub > 2 || !vbe_ok(v))
		return error_set(err, "VGA: a register of the saved state is out of range");
	if (!pci_device_loaded(&v->pci, err))
		return false;
	v->font_changed = true;
	vga_watch_forget(v);
	vga_update(v);
	return true;
}

static const struct prop vga_props[] = {
	PCI_PROPS,
	{ "vgamem_mb", PROP_U32, offsetof(struct vga, vgamem_mb), "16", "video memory in MB, a power of two", NULL },
	{ "romfile", PROP_STRING, offsetof(struct vga, romfile), "vgabios-stdvga.bin", "video BIOS; empty = none", NULL },
	{ 0 }
};

static const struct state_field vga_state[] = {
	STATE_STRUCT(struct vga, pci, pci_device_state),
	STATE_U8(struct vga, seq_index), STATE_BYTES(struct vga, seq), STATE_U8(struct vga, gfx_index), STATE_BYTES(struct vga, gfx),
	STATE_U8(struct vga, crtc_index), STATE_BYTES(struct vga, crtc), STATE_U8(struct vga, attr_index), STATE_BYTES(struct vga, attr),
	STATE_BOOL(struct vga, attr_data), STATE_U8(struct vga, misc), STATE_U8(struct vga, feature), STATE_U8(struct vga, enabled),
	STATE_U8(struct vga, dac_mask), STATE_U8(struct vga, dac_state), STATE_U8(struct vga, dac_read), STATE_U8(struct vga, dac_write),
	STATE_U8(struct vga, dac_sub), STATE_BYTES(struct vga, dac_cache), STATE_BYTES(struct vga, dac), STATE_U32(struct vga, latch),
	STATE_U16(struct vga, vbe_index), STATE_ARRAY(struct vga, vbe, ST_U16), STATE_END
};

const struct device_desc vga_desc = {
	.name = "VGA", .bus = "PCI", .category = "Display", .description = "standard VGA with Bochs VBE",
	.size = sizeof(struct vga), .user_creatable = true, .props = vga_props, .state = vga_state, .state_version = 1,
	.realize = vga_realize, .unrealize = vga_unrealize, .reset = vga_reset, .loaded = vga_loaded, .print = pci_print,
};
