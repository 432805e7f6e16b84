/* piix_ide.c - "piix3-ide", function 1 of the PIIX3: two IDE channels at the legacy ports, bus master at BAR 4.
 * Ref: Intel 82371FB/82371SB (PIIX/PIIX3) datasheet 290550, sections 2.3 and 3.5; "Programming Interface for Bus Master IDE
 * Controller", revision 1.0. */
#include "core/machine/machine.h"
#include "devices/chipset/isa.h"
#include "devices/pci/pci.h"
#include "devices/storage/ide.h"
#include "devices/storage/storage.h"
#include <stdlib.h>
#include <string.h>

enum { BM_COMMAND = 0, BM_STATUS = 2, BM_PRDT = 4 };
enum { CMD_START = 1, CMD_TO_MEMORY = 8 };
enum { ST_ACTIVE = 1, ST_ERROR = 2, ST_INTR = 4, ST_CAPABLE = 0x60 };
enum { BOUNCE = 1 << 20 };      /* at least the largest piece a device asks for */

/* Where the bus master stands in its table of physical region descriptors. */
struct prd_pos {
	uint32_t next;          /* address of the next descriptor */
	uint32_t addr, left;    /* rest of the current one */
	bool     last;          /* it carries the end-of-table bit */
};
struct bm {
	uint8_t  command, status;
	uint32_t prdt;
	struct prd_pos pos;     /* behind what has been moved */
	struct prd_pos ahead;   /* behind what is mapped */
};
struct piix_ide {
	struct pci_device pci;
	struct ide_bus bus[2];
	struct bm bm[2];
	struct region cmd[2], ctl[2], bmr;
};

static struct piix_ide *piix_of(struct device *d)
{
	return container_of(d, struct piix_ide, pci.dev);
}

static struct piix_ide *piix_of_bus(struct ide_bus *b)
{
	return piix_of(b->bus.parent);
}

/* ---- the legacy ports --------------------------------------------------------------------------------------------------------------------- */

static uint64_t cmd0_read(struct device *d, uint64_t off, unsigned size) { return ide_read(&piix_of(d)->bus[0], (unsigned)off, size); }
static uint64_t cmd1_read(struct device *d, uint64_t off, unsigned size) { return ide_read(&piix_of(d)->bus[1], (unsigned)off, size); }
static uint64_t ctl0_read(struct device *d, uint64_t off, unsigned size) { return ide_alt_status(&piix_of(d)->bus[0]); }
static uint64_t ctl1_read(struct device *d, uint64_t off, unsigned size) { return ide_alt_status(&piix_of(d)->bus[1]); }

static void cmd0_write(struct device *d, uint64_t off, unsigned size, uint64_t val)
{
	ide_write(&piix_of(d)->bus[0], (unsigned)off, size, (uint32_t)val);
}
static void cmd1_write(struct device *d, uint64_t off, unsigned size, uint64_t val)
{
	ide_write(&piix_of(d)->bus[1], (unsigned)off, size, (uint32_t)val);
}
static void ctl0_write(struct device *d, uint64_t off, unsigned size, uint64_t val)
{
	ide_write_control(&piix_of(d)->bus[0], (uint8_t)val);
}
static void ctl1_write(struct device *d, uint64_t off, unsigned size, uint64_t val)
{
	ide_write_control(&piix_of(d)->bus[1], (uint8_t)val);
}

static const struct io_ops cmd_ops[2] = { { cmd0_read, cmd0_write, 1, 4 }, { cmd1_read, cmd1_write, 1, 4 } };
static const struct io_ops ctl_ops[2] = { { ctl0_read, ctl0_write, 1, 1 }, { ctl1_read, ctl1_write, 1, 1 } };

/* ---- bus master: descriptors to scatter list ------------------------------------------------------------------------------------------------ */

/* The table is dword aligned and does not cross 64 KB: the pointer wraps there. */
static bool next_descriptor(struct piix_ide *s, struct prd_pos *p)
{
	uint8_t raw[8];
	if (!pci_dma_read(&s->pci, p->next, raw, sizeof(raw)))
		return false;
	p->next = (p->next & 0xffff0000) | ((p->next + 8) & 0xffff);
	p->addr = raw[0] | raw[1] << 8 | raw[2] << 16 | (uint32_t)raw[3] << 24;
	p->addr &= ~1u;
	p->left = (raw[4] | raw[5] << 8) & 0xfffe;
	if (!p->left)
		p->left = 0x10000;
	p->last = raw[7] & 0x80;
	return true;
}

/* One segment from addr, at most len bytes; returns what it covers. */
static uint32_t add_segment(struct piix_ide *s, struct ide_sg *sg, uint32_t addr, uint32_t len)
{
	size_t run = len;
	void *host = space_map_ram(&s->pci.dev.machine->mem, addr, &run, sg->to_guest);
	if (!host) {
		run = 4096 - addr % 4096;
		if (run > len)
			run = len;
		if (!sg->bounce && !(sg->bounce = malloc(BOUNCE)))
			abort();
		host = sg->bounce + sg->bounce_len;
		sg->bounce_len += run;
		if (!sg->to_guest)
			pci_dma_read(&s->pci, addr, host, run);
	}
	sg->iov[sg->n].iov_base = host;
	sg->iov[sg->n].iov_len = run;
	sg->addr[sg->n++] = addr;
	return (uint32_t)run;
}

static uint32_t walk(struct piix_ide *s, struct prd_pos *p, struct ide_sg *sg, uint32_t max, bool *broken)
{
	sg->n = 0;
	sg->bytes = 0;
	sg->bounce_len = 0;
	while (sg->bytes < max && sg->n < IDE_SEGS) {
		if (!p->left) {
			if (p->last)
				break;
			if (!next_descriptor(s, p)) {
				*broken = true;
				break;
			}
		}
		uint32_t want = max - sg->bytes;
		uint32_t got = add_segment(s, sg, p->addr, p->left < want ? p->left : want);
		p->addr += got;
		p->left -= got;
		sg->bytes += got;
	}
	return sg->bytes;
}

static bool bm_active(struct ide_bus *b)
{
	struct piix_ide *s = piix_of_bus(b);
	const struct bm *bm = &s->bm[b->number];
	bool master = s->pci.config[PCI_COMMAND] & PCI_CMD_MASTER;
	return master && (bm->command & CMD_START) && (bm->status & ST_ACTIVE);
}

static uint32_t bm_map(struct ide_bus *b, struct ide_sg *sg, uint32_t max, uint32_t unit, bool to_guest)
{
	struct piix_ide *s = piix_of_bus(b);
	struct bm *bm = &s->bm[b->number];
	bool broken = false;
	if (max > BOUNCE)
		max = BOUNCE;
	sg->to_guest = to_guest;
	bm->ahead = bm->pos;
	uint32_t n = walk(s, &bm->ahead, sg, max, &broken);
	if (n % unit) {
		bm->ahead = bm->pos;
		n = walk(s, &bm->ahead, sg, n - n % unit, &broken);
	}
	if (!n)                         /* the table is shorter than the transfer: idle, no interrupt (section 3.1 of the interface) */
		bm->status = (uint8_t)((bm->status & ~ST_ACTIVE) | (broken ? ST_ERROR : 0));
	return n;
}

static void bm_unmap(struct ide_bus *b, struct ide_sg *sg, bool ok)
{
	struct piix_ide *s = piix_of_bus(b);
	struct machine *m = s->pci.dev.machine;
	for (int i = 0; i < sg->n && sg->to_guest; i++) {
		uint8_t *host = sg->iov[i].iov_base;
		bool bounced = sg->bounce && host >= sg->bounce && host < sg->bounce + BOUNCE;
		if (!bounced)                   /* even one that failed or was cut off may have reached memory in part */
			ram_written(m, (uint64_t)(host - m->ram.host), sg->iov[i].iov_len);
		else if (ok)
			pci_dma_write(&s->pci, sg->addr[i], host, sg->iov[i].iov_len);
	}
	if (ok)
		s->bm[b->number].pos = s->bm[b->number].ahead;
	sg->n = 0;
}

static void bm_finished(struct ide_bus *b)
{
	struct bm *bm = &piix_of_bus(b)->bm[b->number];
	if (!bm->pos.left && bm->pos.last)
		bm->status &= (uint8_t)~ST_ACTIVE;
}

static void bm_intrq(struct ide_bus *b)
{
	piix_of_bus(b)->bm[b->number].status |= ST_INTR;
}

static const struct ide_dma_ops bm_dma = { bm_active, bm_map, bm_unmap, bm_finished, bm_intrq };

/* ---- bus master registers: 8 bytes a channel ------------------------------------------------------------------------------------------------- */

static void bm_command(struct piix_ide *s, unsigned n, uint8_t val)
{
	struct bm *bm = &s->bm[n];
	uint8_t old = bm->command;
	bm->command = val & (CMD_START | CMD_TO_MEMORY);
	if (!(old & CMD_START) && (val & CMD_START)) {
		bm->status |= ST_ACTIVE;
		bm->pos = (struct prd_pos){ .next = bm->prdt };
		ide_dma_started(&s->bus[n]);
	} else if ((old & CMD_START) && !(val & CMD_START)) {
		bm->status &= (uint8_t)~ST_ACTIVE;
		ide_dma_stopped(&s->bus[n]);
	}
}

static uint8_t bm_read_byte(struct bm *bm, unsigned off)
{
	switch (off) {
	case BM_COMMAND: return bm->command;
	case BM_STATUS:  return bm->status;
	case 1: case 3:  return 0;
	default:         return (uint8_t)(bm->prdt >> (8 * (off - BM_PRDT)));
	}
}

static void bm_write_byte(struct piix_ide *s, unsigned n, unsigned off, uint8_t val)
{
	struct bm *bm = &s->bm[n];
	unsigned shift = 8 * (off - BM_PRDT);
	switch (off) {
	case BM_COMMAND: bm_command(s, n, val); break;
	case BM_STATUS:
		bm->status = (uint8_t)((bm->status & ST_ACTIVE) | (val & ST_CAPABLE) | (bm->status & ~val & (ST_ERROR | ST_INTR)));
		break;
	case 1: case 3: break;
	default: bm->prdt = ((bm->prdt & ~(0xffu << shift)) | (uint32_t)val << shift) & ~3u; break;
	}
}

static uint64_t bm_read(struct device *d, uint64_t off, unsigned size)
{
	struct piix_ide *s = piix_of(d);
	uint64_t v = 0;
	for (unsigned i = 0; i < size; i++)
		v |= (uint64_t)bm_read_byte(&s->bm[(off + i) >> 3 & 1], (off + i) & 7) << (8 * i);
	return v;
}

static void bm_write(struct device *d, uint64_t off, unsigned size, uint64_t val)
{
	for (unsigned i = 0; i < size; i++)
		bm_write_byte(piix_of(d), (off + i) >> 3 & 1, (off + i) & 7, (uint8_t)(val >> (8 * i)));
}

static const struct io_ops bm_ops = { bm_read, bm_write, 1, 4 };

/* ---- the device --------------------------------------------------------------------------------------------------------------------------------- */

static bool map_channel(struct piix_ide *s, unsigned n, struct error *err)
{
	static const struct { uint32_t cmd, ctl; unsigned irq; } at[2] = { { 0x1f0, 0x3f6, 14 }, { 0x170, 0x376, 15 } };
	struct device *d = &s->pci.dev;
	if (!isa_map(d, &s->cmd[n], "ide", at[n].cmd, 8, &cmd_ops[n], err))
		return false;
	if (!isa_map(d, &s->ctl[n], "ide", at[n].ctl, 1, &ctl_ops[n], err)) {
		isa_unmap(d, &s->cmd[n]);
		return false;
	}
	ide_bus_init(&s->bus[n], d, n, &bm_dma);
	return isa_irq(d, at[n].irq, &s->bus[n].irq, err);
}

static void unmap_channel(struct piix_ide *s, unsigned n)
{
	isa_unmap(&s->pci.dev, &s->cmd[n]);
	isa_unmap(&s->pci.dev, &s->ctl[n]);
}

static bool piix_realize(struct device *d, struct error *err)
{
	struct piix_ide *s = piix_of(d);
	static const struct pci_ids ids = { .vendor = 0x8086, .device = 0x7010, .subvendor = 0x1af4, .subsystem = 0x1100, .class_code = 0x010180 };
	pci_init_config(&s->pci, &ids, 0);
	s->pci.config[PCI_STATUS] = 0x80;               /* fast back-to-back, medium DEVSEL# timing */
	s->pci.config[PCI_STATUS + 1] = 0x02;
	/* IDETIM of both channels and SIDETIM.  The timings and the decode-enable bit 15 can be set and read; the ports answer always, as
	 * guests started without a firmware that enables them expect. */
	memset(s->pci.wmask + 0x40, 0xff, 5);
	s->bmr = (struct region){ .name = "piix-bmdma", .kind = REGION_IO, .size = 16, .dev = d, .ops = &bm_ops };
	pci_bar(&s->pci, 4, BAR_IO, 16, &s->bmr);
	if (!map_channel(s, 0, err))
		return false;
	if (map_channel(s, 1, err))
		return true;
	unmap_channel(s, 0);
	return false;
}

static void piix_unrealize(struct device *d)
{
	pci_device_unrealize(&piix_of(d)->pci);
	unmap_channel(piix_of(d), 0);
	unmap_channel(piix_of(d), 1);
}

static void piix_reset(struct device *d, enum reset_kind kind)
{
	struct piix_ide *s = piix_of(d);
	pci_device_reset(&s->pci);
	memset(s->pci.config + 0x40, 0, 5);
	for (int n = 0; n < 2; n++) {
		ide_bus_reset(&s->bus[n]);
		memset(&s->bm[n], 0, sizeof(s->bm[n]));
	}
}

static bool piix_loaded(struct device *d, struct error *err)
{
	struct piix_ide *s = piix_of(d);
	for (int n = 0; n < 2; n++) {
		struct bm *bm = &s->bm[n];
		if (bm->pos.left > 0x10000)
			return error_set(err, "%s: bus master state out of range", d->path);
		bm->prdt &= ~3u;
		ide_bus_loaded(&s->bus[n]);
	}
	return pci_device_loaded(&s->pci, err);
}

static const struct state_field prd_state[] = {
	STATE_U32(struct prd_pos, next), STATE_U32(struct prd_pos, addr), STATE_U32(struct prd_pos, left), STATE_BOOL(struct prd_pos, last), STATE_END
};
static const struct state_field bm_state[] = {
	STATE_U8(struct bm, command), STATE_U8(struct bm, status), STATE_U32(struct bm, prdt), STATE_STRUCT(struct bm, pos, prd_state), STATE_END
};
static const struct state_field piix_state[] = {
	STATE_STRUCT(struct piix_ide, pci, pci_device_state), STATE_STRUCTS(struct piix_ide, bus, ide_bus_state),
	STATE_STRUCTS(struct piix_ide, bm, bm_state), STATE_END
};
static const struct prop piix_props[] = { PCI_PROPS, { .type = PROP_END } };

const struct device_desc piix3_ide_desc = {
	.name = "piix3-ide", .bus = "PCI", .category = "Storage", .description = "PIIX3 IDE controller", .size = sizeof(struct piix_ide),
	.props = piix_props, .state = piix_state, .state_version = 1, .realize = piix_realize, .unrealize = piix_unrealize,
	.reset = piix_reset, .loaded = piix_loaded, .print = pci_print,
};
