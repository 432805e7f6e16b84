/* i440fx.c - 82441FX "PMC" north bridge: which of RAM and ROM the 384 KB below 1 MB show.
 *
 * Ref: Intel 440FX PCIset 82441FX and 82442FX (290549), "PAM - Programmable Attribute Map Registers", "SMRAM", "TRC".
 *
 *   c0000-fffff at priority 1   "pc.rom": what the ISA bus holds.  Writes to it go to RAM where a segment is write-enabled.
 *               at priority 2   one region a segment that is read-enabled: RAM, or RAM shown as ROM.                           */
#include "devices/chipset/i440fx.h"
#include "core/machine/machine.h"
#include "devices/pci/pci.h"
#include <string.h>

enum { REG_PAM = 0x59, REG_SMRAM = 0x72, REG_TRC = 0x93 };
enum { PAM_READ = 1, PAM_WRITE = 2, PAM_SEGMENTS = 13 };
enum { SMRAM_SEGMENT = 0x02, SMRAM_ENABLE = 1 << 3, SMRAM_LOCK = 1 << 4, SMRAM_CLOSED = 1 << 5, SMRAM_OPEN = 1 << 6 };
enum { TRC_RESET = 1 << 2 };
enum { ROM_BASE = 0xc0000, ROM_SIZE = 0x40000, SEGMENT = 0x4000, VGA_BASE = 0xa0000, VGA_SIZE = 0x20000 };

struct i440fx {
	struct pci_device pci;
	struct region rom, pam[PAM_SEGMENTS], smram;
	uint8_t shown_smram;            /* SMRAM as it was before this write: locking needs it */
	bool    reset_armed;
};
static const struct prop i440fx_props[] = { PCI_PROPS, { 0 } };
static const struct state_field i440fx_state[] = {
	STATE_STRUCT(struct i440fx, pci, pci_device_state), STATE_U8(struct i440fx, shown_smram), STATE_END
};

static struct i440fx *fx_of(struct device *d)
{
	return container_of(d, struct i440fx, pci.dev);
}

/* ---- PAM ----------------------------------------------------------------------------------------------------------------------- */

/* Segments 0-11 are 16 KB each from c0000h, in the nibbles of 5ah-5fh; 12 is f0000h-fffffh, in the high nibble of 59h. */
static unsigned pam_mode(const struct i440fx *f, unsigned seg)
{
	const uint8_t *pam = f->pci.config + REG_PAM;
	unsigned nibble = seg == 12 ? pam[0] >> 4 : pam[1 + seg / 2] >> (seg & 1 ? 4 : 0);

	return nibble & (PAM_READ | PAM_WRITE);
}

static void show_segments(struct i440fx *f)
{
	struct space *mem = &f->pci.dev.machine->mem;

	space_begin(mem);
	for (unsigned i = 0; i < PAM_SEGMENTS; i++) {
		struct region *r = &f->pam[i];
		unsigned mode = pam_mode(f, i);
		enum region_kind kind = mode & PAM_WRITE ? REGION_RAM : REGION_ROM;
		if (r->mapped && (!(mode & PAM_READ) || r->kind != kind))
			space_unmap(mem, r);
		if (!(mode & PAM_READ))
			continue;
		r->kind = kind;
		r->name = kind == REGION_RAM ? "pam-ram" : "pam-rom";
		space_map(mem, r, NULL);
	}
	uint8_t smram = f->pci.config[REG_SMRAM];
	if ((smram & SMRAM_OPEN) && (smram & SMRAM_ENABLE))
		space_map(mem, &f->smram, NULL);
	else
		space_unmap(mem, &f->smram);
	space_commit(mem);
}

/* A write that found ROM: RAM lies under it and may be write-enabled (how a BIOS copies itself before it turns reads over). */
static void write_under_rom(struct device *d, uint64_t off, unsigned size, uint64_t val)
{
	struct i440fx *f = fx_of(d);
	struct machine *m = d->machine;
	unsigned seg = off / SEGMENT < 12 ? (unsigned)off / SEGMENT : 12;
	uint64_t ram = m->ram_addr_main + ROM_BASE + off;

	if (!(pam_mode(f, seg) & PAM_WRITE))
		return;
	memcpy(m->ram.host + ram, &val, size);
	ram_written(m, ram, size);
}

/* ---- configuration registers --------------------------------------------------------------------------------------------------- */

/* "D_LCK": once set only a reset clears it, D_OPEN reads 0, and the rest of the register cannot change. */
static void smram_written(struct i440fx *f)
{
	uint8_t *smram = &f->pci.config[REG_SMRAM];

	if (f->shown_smram & SMRAM_LOCK)
		*smram = f->shown_smram;
	else if (*smram & SMRAM_LOCK)
		*smram &= ~SMRAM_OPEN;
	f->shown_smram = *smram;
}

/* "TRC": a rising bit 2 resets the CPU. */
static void reset_control_written(struct i440fx *f)
{
	bool set = f->pci.config[REG_TRC] & TRC_RESET;

	if (set && !f->reset_armed)
		machine_request_reset(f->pci.dev.machine, SHUTDOWN_GUEST_RESET);
	f->reset_armed = set;
}

static void i440fx_written(struct pci_device *p, unsigned off, unsigned size)
{
	struct i440fx *f = container_of(p, struct i440fx, pci);

	if (off <= REG_SMRAM && off + size > REG_SMRAM)
		smram_written(f);
	if (off <= REG_TRC && off + size > REG_TRC)
		reset_control_written(f);
	if ((off < REG_PAM + 7 && off + size > REG_PAM) || (off <= REG_SMRAM && off + size > REG_SMRAM))
		show_segments(f);
}

/* ---- life ---------------------------------------------------------------------------------------------------------------------- */

static bool map_memory(struct i440fx *f, struct error *err)
{
	struct machine *m = f->pci.dev.machine;
	uint64_t rom = ram_alloc(&m->ram, "pc.rom", ROM_SIZE, err);

	if (rom == UINT64_MAX)
		return false;
	f->rom = (struct region){ .name = "pc.rom", .kind = REGION_ROM, .base = ROM_BASE, .size = ROM_SIZE, .prio = 1,
	                          .dev = &f->pci.dev, .ram_addr = rom, .rom_write = write_under_rom };
	for (unsigned i = 0; i < PAM_SEGMENTS; i++)
		f->pam[i] = (struct region){ .name = "pam-ram", .base = ROM_BASE + i * SEGMENT, .size = i == 12 ? 4 * SEGMENT : SEGMENT,
		                             .prio = 2, .dev = &f->pci.dev, .ram_addr = m->ram_addr_main + ROM_BASE + i * SEGMENT };
	f->smram = (struct region){ .name = "smram-region", .kind = REGION_RAM, .base = VGA_BASE, .size = VGA_SIZE, .prio = 2,
	                            .dev = &f->pci.dev, .ram_addr = m->ram_addr_main + VGA_BASE };
	return space_map(&m->mem, &f->rom, err);
}

static bool i440fx_realize(struct device *d, struct error *err)
{
	static const struct pci_ids ids = { 0x8086, 0x1237, 0x1af4, 0x1100, 0x060000, 0x02 };
	struct i440fx *f = fx_of(d);
	uint8_t *w = f->pci.wmask;

	pci_init_config(&f->pci, &ids, 0);
	memset(w + 0x50, 0xff, 9);              /* PMC and DRAM configuration and timing: kept, without effect */
	w[REG_PAM] = 0x70;
	memset(w + REG_PAM + 1, 0x77, 6);
	memset(w + 0x60, 0xff, 9);              /* DRAM row boundaries, fixed DRAM hole */
	w[0x70] = 0xff;
	w[0x71] = 0xff;
	w[REG_SMRAM] = SMRAM_ENABLE | SMRAM_LOCK | SMRAM_CLOSED | SMRAM_OPEN;
	w[0x90] = 0xff;
	w[REG_TRC] = 0x0e;
	f->pci.config_written = i440fx_written;
	return map_memory(f, err);
}

static void i440fx_unrealize(struct device *d)
{
	struct i440fx *f = fx_of(d);
	struct space *mem = &d->machine->mem;

	pci_device_unrealize(&f->pci);
	for (unsigned i = 0; i < PAM_SEGMENTS; i++)
		space_unmap(mem, &f->pam[i]);
	space_unmap(mem, &f->smram);
	space_unmap(mem, &f->rom);
}

static void i440fx_reset(struct device *d, enum reset_kind kind)
{
	struct i440fx *f = fx_of(d);
	uint8_t *c = f->pci.config;

	pci_device_reset(&f->pci);
	c[PCI_COMMAND] |= PCI_CMD_MEM | PCI_CMD_MASTER;         /* hard-wired in the chip */
	c[PCI_STATUS + 1] = 0x02;                               /* medium DEVSEL timing */
	memset(c + 0x50, 0, 9);
	memset(c + REG_PAM, 0, 7);
	memset(c + 0x60, 0, 9);
	c[0x70] = c[0x71] = c[0x90] = c[REG_TRC] = 0;
	c[REG_SMRAM] = f->shown_smram = SMRAM_SEGMENT;
	f->reset_armed = false;
	show_segments(f);
}

static bool i440fx_loaded(struct device *d, struct error *err)
{
	struct i440fx *f = fx_of(d);

	f->reset_armed = f->pci.config[REG_TRC] & TRC_RESET;
	show_segments(f);
	return pci_device_loaded(&f->pci, err);
}

const struct device_desc i440fx_desc = {
	.name = "i440FX", .bus = "PCI", .category = "Controller/Bridge/Hub", .description = "Intel 82441FX host bridge",
	.size = sizeof(struct i440fx), .props = i440fx_props, .state = i440fx_state, .state_version = 1,
	.realize = i440fx_realize, .unrealize = i440fx_unrealize, .reset = i440fx_reset, .loaded = i440fx_loaded, .print = pci_print,
};

void i440fx_set_bios(struct device *d, const void *tail, unsigned len)
{
	struct i440fx *f = fx_of(d);

	if (len <= ROM_SIZE)
		memcpy(d->machine->ram.host + f->rom.ram_addr + ROM_SIZE - len, tail, len);
}
