/* pci.h - the PCI bus: configuration space, BARs, INTx, MSI and MSI-X.  Ref: PCI Local Bus 3.0. */
#ifndef DEVICES_PCI_PCI_H
#define DEVICES_PCI_PCI_H
#include "core/machine/device.h"

enum { PCI_VENDOR = 0x00, PCI_DEVICE = 0x02, PCI_COMMAND = 0x04, PCI_STATUS = 0x06, PCI_REVISION = 0x08, PCI_CLASS_PROG = 0x09,
       PCI_CLASS = 0x0a, PCI_HEADER_TYPE = 0x0e, PCI_BAR0 = 0x10, PCI_SUBVENDOR = 0x2c, PCI_SUBSYSTEM = 0x2e, PCI_ROM = 0x30,
       PCI_CAP_PTR = 0x34, PCI_INT_LINE = 0x3c, PCI_INT_PIN = 0x3d };
enum { PCI_CAP_ID_MSI = 0x05, PCI_CAP_ID_VENDOR = 0x09, PCI_CAP_ID_MSIX = 0x11, PCI_STATUS_INTX = 1 << 3, PCI_STATUS_CAPS = 1 << 4, PCI_HEADER_MULTI = 0x80 };
enum { PCI_CMD_IO = 1, PCI_CMD_MEM = 2, PCI_CMD_MASTER = 4, PCI_CMD_INTX_OFF = 1 << 10 };
enum pci_bar_kind { BAR_NONE, BAR_IO, BAR_MEM32, BAR_MEM32_PREF, BAR_MEM64, BAR_MEM64_PREF };

struct pci_bar { enum pci_bar_kind kind; uint64_t size; struct region *region; bool mapped; };
/* Every PCI device struct starts with this (whose first member is struct device). */
struct pci_device {
	struct device dev;
	uint8_t  config[256], wmask[256], w1c[256];      /* writable bits; write-1-to-clear bits */
	uint8_t  devfn;                                  /* slot << 3 | function */
	int32_t  addr;                                   /* property "addr": devfn, -1 = first free slot */
	uint8_t  multifunction;
	struct pci_bar bar[7];                           /* 6 = expansion ROM */
	struct region rom;                               /* bar[6]'s, made by pci_rom */
	uint32_t irq_level;                              /* what drives the INTx wire: 0 or 1 */
	uint8_t  msi_cap;                                /* offset of the MSI capability, 0 = none */
	struct msix *msix;                               /* msix.h; NULL = none */
	unsigned cap_end;                                /* where the next capability goes; 0 = none yet */
	/* Optional hooks, called before configuration space is read and after it was written. */
	void (*config_reading)(struct pci_device *p, unsigned off, unsigned size);
	void (*config_written)(struct pci_device *p, unsigned off, unsigned size);
};
/* Property rows every PCI device has. */
#define PCI_PROPS { "addr", PROP_PCI_ADDR, offsetof(struct pci_device, addr), NULL, "slot and function, as SLOT[.FN] in hex", NULL }, \
	{ "multifunction", PROP_BOOL, offsetof(struct pci_device, multifunction), "off", "set the multi-function bit of the header", NULL }
extern const struct state_field pci_device_state[];      /* include by STATE_STRUCT(struct x, pci, pci_device_state) */

struct pci_ids { uint16_t vendor, device, subvendor, subsystem; uint32_t class_code /* 0xBBSSPP */; uint8_t revision; };
/* Called first by a device's realize. */
void pci_init_config(struct pci_device *p, const struct pci_ids *ids, unsigned int_pin /* 0 none, 1 A */);
/* Declare BAR n: a power-of-two size and the region mapped when the guest enables it (region.movable is set here). */
void pci_bar(struct pci_device *p, unsigned n, enum pci_bar_kind kind, uint64_t size, struct region *r);
void pci_rom(struct pci_device *p, const void *data, size_t len);
void pci_irq(struct pci_device *p, int level);           /* INTx; obeys the disable bit, sets the status bit */
/* Append a capability of `size` bytes (header included, zeroed, read-only), a multiple of 4, right behind the last; *off is where it lies. */
bool pci_add_cap(struct pci_device *p, uint8_t id, unsigned size, unsigned *off);
/* Message signalled interrupts (msi.c): declare the capability with 1 << log2_vectors messages; is it on; send message n. */
bool pci_msi_init(struct pci_device *p, unsigned log2_vectors);
bool pci_msi_enabled(const struct pci_device *p);
void pci_msi_notify(struct pci_device *p, unsigned n);
/* Bus master accesses reach RAM only (so that no device can be entered through its own DMA), writes to the MSI window aside. */
bool pci_dma_read(struct pci_device *p, uint64_t addr, void *buf, size_t len);   /* nothing without bus mastering */
bool pci_dma_write(struct pci_device *p, uint64_t addr, const void *buf, size_t len);
void pci_device_reset(struct pci_device *p);             /* command, BARs, interrupt line */
bool pci_device_loaded(struct pci_device *p, struct error *err);        /* remap BARs after loading */
void pci_device_unrealize(struct pci_device *p);         /* unmap BARs, drop INTx: first thing in a device's unrealize */
void pci_print(struct device *d, struct text *out, int indent);         /* for device_desc.print */

struct pci_bus {
	struct bus bus;
	struct pci_device *devs[256];
	/* host bridge's: the INTx wire of a device changed (its irq_level is up to date); wires combine levels (open drain) */
	void (*route)(void *arg, unsigned devfn, unsigned pin /* 0 = A */, int level);
	void *route_arg;
	struct space *mem, *io;
};
uint32_t pci_config_read(struct pci_bus *b, unsigned devfn, unsigned off, unsigned size);
void     pci_config_write(struct pci_bus *b, unsigned devfn, unsigned off, unsigned size, uint32_t val);
struct pci_bus *pci_bus_of(struct pci_device *p);
/* For host bridges: make bus `name` below parent; its devices see these spaces. */
void pci_bus_init(struct pci_bus *b, const char *name, struct device *parent, struct space *mem, struct space *io);
#endif
