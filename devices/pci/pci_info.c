/* pci_info.c - PCI devices as info pci and info qtree show them. */
#include "core/machine/machine.h"
#include "devices/pci/pci.h"
#include "devices/pci/pci_host.h"
#include <inttypes.h>
#include <stdio.h>

static const struct { uint16_t class_code; const char *name; } classes[] = {
	{ 0x0001, "VGA controller" },
	{ 0x0100, "SCSI controller" }, { 0x0101, "IDE controller" }, { 0x0102, "Floppy controller" }, { 0x0103, "IPI controller" },
	{ 0x0104, "RAID controller" }, { 0x0106, "SATA controller" }, { 0x0107, "SAS controller" }, { 0x0180, "Storage controller" },
	{ 0x0200, "Ethernet controller" }, { 0x0201, "Token Ring controller" }, { 0x0280, "Network controller" },
	{ 0x0300, "VGA controller" }, { 0x0301, "XGA controller" }, { 0x0302, "3D controller" }, { 0x0380, "Display controller" },
	{ 0x0400, "Video controller" }, { 0x0401, "Audio controller" }, { 0x0402, "Phone" }, { 0x0403, "Audio controller" },
	{ 0x0480, "Multimedia controller" }, { 0x0500, "RAM controller" }, { 0x0501, "Flash controller" },
	{ 0x0580, "Memory controller" }, { 0x0600, "Host bridge" }, { 0x0601, "ISA bridge" }, { 0x0604, "PCI bridge" },
	{ 0x0680, "Bridge" }, { 0x0700, "Serial port" }, { 0x0701, "Parallel port" },
	{ 0x0900, "Keyboard" }, { 0x0902, "Mouse" }, { 0x0c00, "Firewire" }, { 0x0c03, "USB controller" }, { 0x0c05, "SMBus" },
};

static unsigned get16(const uint8_t *p) { return p[0] | p[1] << 8; }

/* NULL: it has no name. */
static const char *class_name(const struct pci_device *p)
{
	for (unsigned i = 0; i < sizeof classes / sizeof classes[0]; i++)
		if (classes[i].class_code == get16(p->config + PCI_CLASS))
			return classes[i].name;
	return NULL;
}

/* A class without a name is a number: in hex here, in decimal there. */
static void add_class(const struct pci_device *p, const char *number, struct text *out)
{
	char text[32];

	snprintf(text, sizeof text, "Class %04u", get16(p->config + PCI_CLASS));
	if (*number == 'x')
		snprintf(text, sizeof text, "Class %04x", get16(p->config + PCI_CLASS));
	text_printf(out, "%s", class_name(p) ? class_name(p) : text);
}

/* Where the BAR is, all ones when it is nowhere: so QEMU's users know it. */
static uint64_t bar_base(const struct pci_bar *b)
{
	return b->mapped ? b->region->base : UINT64_MAX;
}

void pci_print(struct device *d, struct text *out, int indent)
{
	const struct pci_device *p = container_of(d, struct pci_device, dev);
	const uint8_t *c = p->config;

	text_printf(out, "%*sclass ", indent, "");
	add_class(p, "x", out);
	text_printf(out, ", addr 00:%02x.%x, pci id %04x:%04x (sub %04x:%04x)\n", p->devfn >> 3, p->devfn & 7, get16(c + PCI_VENDOR),
	            get16(c + PCI_DEVICE), get16(c + PCI_SUBVENDOR), get16(c + PCI_SUBSYSTEM));
	for (unsigned n = 0; n < 7; n++) {
		const struct pci_bar *b = &p->bar[n];
		if (b->kind != BAR_NONE)
			text_printf(out, "%*sbar %u: %s at 0x%" PRIx64 " [0x%" PRIx64 "]\n", indent, "", n, b->kind == BAR_IO ? "i/o" : "mem",
			            bar_base(b), bar_base(b) + b->size - 1);
	}
}

static void print_bar(const struct pci_bar *b, unsigned n, struct text *out)
{
	uint64_t base = bar_base(b), last = base + b->size - 1;
	bool wide = b->kind == BAR_MEM64 || b->kind == BAR_MEM64_PREF, pref = b->kind == BAR_MEM32_PREF || b->kind == BAR_MEM64_PREF;

	if (b->kind == BAR_IO)
		text_printf(out, "      BAR%u: I/O at 0x%04" PRIx64 " [0x%04" PRIx64 "].\n", n, base, last);
	else
		text_printf(out, "      BAR%u: %d bit%s memory at 0x%08" PRIx64 " [0x%08" PRIx64 "].\n", n, wide ? 64 : 32,
		            pref ? " prefetchable" : "", base, last);
}

static void print_device(const struct pci_device *p, struct text *out)
{
	const uint8_t *c = p->config;

	text_printf(out, "  Bus %2d, device %3d, function %d:\n    ", 0, p->devfn >> 3, p->devfn & 7);
	add_class(p, "u", out);
	text_printf(out, ": PCI device %04x:%04x\n", get16(c + PCI_VENDOR), get16(c + PCI_DEVICE));
	if (get16(c + PCI_SUBVENDOR))
		text_printf(out, "      PCI subsystem %04x:%04x\n", get16(c + PCI_SUBVENDOR), get16(c + PCI_SUBSYSTEM));
	if (c[PCI_INT_PIN])
		text_printf(out, "      IRQ %d, pin %c\n", c[PCI_INT_LINE], 'A' + c[PCI_INT_PIN] - 1);
	for (unsigned n = 0; n < 7; n++)
		if (p->bar[n].kind != BAR_NONE)
			print_bar(&p->bar[n], n, out);
	text_printf(out, "      id \"%s\"\n", p->dev.id ? p->dev.id : "");
}

/* ---- query-pci: the same as JSON ------------------------------------------------------------------------------------------------- */

static void json_bars(const struct pci_device *p, struct text *out)
{
	bool first = true;

	for (unsigned n = 0; n < 7; n++) {
		const struct pci_bar *b = &p->bar[n];
		if (b->kind == BAR_NONE)
			continue;
		text_printf(out, "%s{\"bar\": %u, \"type\": \"%s\", \"address\": %" PRId64 ", \"size\": %" PRIu64, first ? "" : ", ", n,
		            b->kind == BAR_IO ? "io" : "memory", (int64_t)bar_base(b), b->size);
		if (b->kind != BAR_IO)
			text_printf(out, ", \"prefetch\": %s, \"mem_type_64\": %s", b->kind == BAR_MEM32_PREF || b->kind == BAR_MEM64_PREF ? "true" : "false",
			            b->kind == BAR_MEM64 || b->kind == BAR_MEM64_PREF ? "true" : "false");
		text_printf(out, "}");
		first = false;
	}
}

static void json_device(const struct pci_device *p, struct text *out)
{
	const uint8_t *c = p->config;

	text_printf(out, "{\"bus\": 0, \"slot\": %d, \"function\": %d, \"class_info\": {\"class\": %u", p->devfn >> 3, p->devfn & 7,
	            get16(c + PCI_CLASS));
	if (class_name(p))
		text_printf(out, ", \"desc\": \"%s\"", class_name(p));
	text_printf(out, "}, \"id\": {\"vendor\": %u, \"device\": %u", get16(c + PCI_VENDOR), get16(c + PCI_DEVICE));
	if (get16(c + PCI_SUBVENDOR))
		text_printf(out, ", \"subsystem-vendor\": %u, \"subsystem\": %u", get16(c + PCI_SUBVENDOR), get16(c + PCI_SUBSYSTEM));
	text_printf(out, "}, \"irq_pin\": %d", c[PCI_INT_PIN]);
	if (c[PCI_INT_PIN])
		text_printf(out, ", \"irq\": %d", c[PCI_INT_LINE]);
	text_printf(out, ", \"qdev_id\": \"%s\", \"regions\": [", p->dev.id ? p->dev.id : "");
	json_bars(p, out);
	text_printf(out, "]}");
}

void pci_bus_print_json(const struct pci_bus *b, struct text *out)
{
	bool first = true;

	text_printf(out, "[{\"bus\": 0, \"devices\": [");
	for (unsigned i = 0; i < 256; i++)
		if (b->devs[i]) {
			text_printf(out, first ? "" : ", ");
			json_device(b->devs[i], out);
			first = false;
		}
	text_printf(out, "]}]");
}

void pci_bus_print(const struct pci_bus *b, struct text *out)
{
	for (unsigned i = 0; i < 256; i++)
		if (b->devs[i])
			print_device(b->devs[i], out);
}
