/* msi.c - message signalled interrupts.  Ref: PCI Local Bus Specification 3.0, section 6.8.1 "MSI Capability Structure".
 *
 *   +0 id 05h, next | +2 message control | +4 address | +8 upper address | +c data      (64-bit form, no masking) */
#include "core/machine/machine.h"
#include "devices/chipset/lapic.h"
#include "devices/pci/pci.h"

enum { MSI_SIZE = 16 /* 14, and what is left of the dword */, MSI_CONTROL = 2, MSI_ADDR = 4, MSI_ADDR_HIGH = 8, MSI_DATA = 12 };
enum { CTL_ENABLE = 1 << 0, CTL_MME_SHIFT = 4, CTL_MME = 7 << CTL_MME_SHIFT, CTL_64BIT = 0x80 };

bool pci_msi_init(struct pci_device *p, unsigned log2_vectors)
{
	unsigned off;

	if (!pci_add_cap(p, PCI_CAP_ID_MSI, MSI_SIZE, &off))
		return false;
	p->msi_cap = (uint8_t)off;
	p->config[off + MSI_CONTROL] = (uint8_t)(CTL_64BIT | log2_vectors << 1);
	p->wmask[off + MSI_CONTROL] = CTL_ENABLE | CTL_MME;
	p->wmask[off + MSI_ADDR] = 0xfc;
	for (unsigned i = 1; i < 8; i++)
		p->wmask[off + MSI_ADDR + i] = 0xff;
	p->wmask[off + MSI_DATA] = p->wmask[off + MSI_DATA + 1] = 0xff;
	return true;
}

bool pci_msi_enabled(const struct pci_device *p)
{
	return p->msi_cap && (p->config[p->msi_cap + MSI_CONTROL] & CTL_ENABLE);
}

void pci_msi_notify(struct pci_device *p, unsigned n)
{
	const uint8_t *c = p->config + p->msi_cap;
	unsigned enabled = (c[MSI_CONTROL] & CTL_MME) >> CTL_MME_SHIFT;
	uint64_t addr = 0;

	if (!pci_msi_enabled(p))
		return;
	for (unsigned i = 0; i < 8; i++)
		addr |= (uint64_t)c[MSI_ADDR + i] << (8 * i);
	/* The device modifies the low bits of the data, as many as the guest enabled messages. */
	unsigned mask = (1u << (enabled > 5 ? 5 : enabled)) - 1, data = c[MSI_DATA] | c[MSI_DATA + 1] << 8;
	uint32_t value = (data & ~mask) | (n & mask);
	uint8_t le[4] = { (uint8_t)value, (uint8_t)(value >> 8), 0, 0 };
	pci_dma_write(p, addr, le, sizeof le);
}
