/* storage.c - drives of the command line onto the board's controllers. */
#include "devices/storage/storage.h"
#include "core/block/block.h"
#include "core/machine/machine.h"
#include "devices/pci/pci.h"
#include "devices/storage/i82078.h"
#include "devices/storage/ide_disk.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool add(struct machine *m, struct bus *b, const char *device, const struct drive *d, int unit, struct error *err)
{
	char props[256];
	snprintf(props, sizeof(props), "drive=%s,unit=%d", d->id, unit);
	return device_create(m, device, b, props, err) != NULL;
}

static struct bus *find_bus(struct device *d, const char *name)
{
	struct bus *b = d->buses;
	while (b && strcmp(b->name, name))
		b = b->next;
	return b;
}

/* The empty drives of a PC, in the order in which they are always listed. */
static bool add_defaults(struct machine *m, struct error *err)
{
	return (drive_at(m, IF_IDE, 1, 0) || drive_new_empty(m, IF_IDE, 1, 0, true, err)) &&
		(drive_at(m, IF_FLOPPY, 0, 0) || drive_new_empty(m, IF_FLOPPY, 0, 0, false, err));
}

bool storage_add_ide_drives(struct machine *m, struct device *ide, bool defaults, struct error *err)
{
	if (defaults && !add_defaults(m, err))
		return false;
	for (int i = 0; i < 4; i++) {
		char name[8];
		struct drive *d = drive_at(m, IF_IDE, i / 2, i % 2);
		snprintf(name, sizeof(name), "ide.%d", i / 2);
		if (d && !d->dev && !add(m, find_bus(ide, name), d->cdrom ? "ide-cd" : "ide-hd", d, i % 2, err))
			return false;
	}
	return true;
}

bool storage_add_floppies(struct machine *m, struct device *fdc, bool defaults, struct error *err)
{
	if (defaults && !add_defaults(m, err))
		return false;
	for (int i = 0; i < 2; i++) {
		struct drive *d = drive_at(m, IF_FLOPPY, 0, i);
		if (d && !d->dev && !add(m, fdc->buses, "floppy", d, i, err))
			return false;
	}
	return true;
}

bool storage_disk_geometry(struct device *ide, unsigned n, struct disk_geometry *g)
{
	char name[16];
	snprintf(name, sizeof(name), "ide.%u", n / 2);
	struct bus *b = find_bus(ide, name);
	for (struct device *d = b ? b->children : NULL; d; d = d->sibling)
		if (container_of(d, struct ide_device, dev)->unit == (n & 1) && ide_hd_geometry(d, g))
			return true;
	return false;
}

/* ---- boot order ------------------------------------------------------------------------------------------------------------------------ */

enum { MAX_BOOT = 32 };
struct boot_entry { int32_t index; char path[96]; };
struct boot_list { struct boot_entry e[MAX_BOOT]; unsigned n; };

static struct boot_entry *add_entry(struct boot_list *l, int32_t index)
{
	if (index < 0 || l->n == MAX_BOOT)
		return NULL;
	l->e[l->n].index = index;
	return &l->e[l->n++];
}

static void collect(struct boot_list *l, struct device *d)
{
	struct boot_entry *e;
	if (d->desc == &ide_hd_desc || d->desc == &ide_cd_desc) {
		const struct ide_device *u = container_of(d, struct ide_device, dev);
		const struct pci_device *p = container_of(u->bus->bus.parent, struct pci_device, dev);
		if ((e = add_entry(l, u->bootindex)))
			snprintf(e->path, sizeof(e->path), "/pci@i0cf8/ide@%x,%x/drive@%x/disk@%x", p->devfn >> 3, p->devfn & 7u, u->bus->number, u->unit);
	} else if (d->desc == &isa_fdc_desc) {
		const struct fdc *f = container_of(d, struct fdc, dev);
		for (unsigned i = 0; i < FDC_UNITS; i++)
			if ((e = add_entry(l, f->bootindex[i])))
				snprintf(e->path, sizeof(e->path), "/pci@i0cf8/isa@1/fdc@%04x/floppy@%x", f->iobase, i);
	}
}

static int by_index(const void *a, const void *b)
{
	const struct boot_entry *x = a, *y = b;
	return (x->index > y->index) - (x->index < y->index);
}

bool storage_boot_order(struct machine *m, struct text *out, struct error *err)
{
	struct boot_list l = { .n = 0 };
	for (struct device *d = m->devices; d; d = d->all_next)
		collect(&l, d);
	qsort(l.e, l.n, sizeof(l.e[0]), by_index);
	for (unsigned i = 0; i < l.n; i++) {
		if (i && l.e[i].index == l.e[i - 1].index)
			return error_set(err, "The bootindex %d has already been used", l.e[i].index);
		text_printf(out, "%s\n", l.e[i].path);
	}
	return true;
}
