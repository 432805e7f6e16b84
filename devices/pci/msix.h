/* msix.h - MSI-X: interrupt messages out of a table in the device's memory.  Ref: PCI Local Bus Specification 3.0, section 6.8.2
 * "MSI-X Capability and Table Structures".
 *
 * The table and the pending bits lie in a BAR of their own, of 4 KB: the table from its start, the pending bits from 800h on. */
#ifndef DEVICES_PCI_MSIX_H
#define DEVICES_PCI_MSIX_H
#include "devices/pci/pci.h"

enum { MSIX_MAX = 128, MSIX_ENTRY = 16 };
/* Belongs to the device's struct; part of its saved state by STATE_STRUCT(struct x, msix, msix_state). */
struct msix {
	struct region region;
	unsigned n;                                      /* messages; 0 = the device has no MSI-X */
	uint8_t  cap;                                    /* offset of the capability */
	uint8_t  table[MSIX_MAX * MSIX_ENTRY];           /* an entry: address, upper address, data, control (bit 0 = masked), little-endian */
	uint8_t  pending[MSIX_MAX / 8];
};
extern const struct state_field msix_state[];

/* Declare the capability with `vectors` messages (1 to MSIX_MAX) and the BAR, of 4 KB.  In a device's realize, behind pci_init_config.  False and err:
 * there are not so many, or no room among the capabilities. */
bool pci_msix_init(struct pci_device *p, struct msix *x, unsigned vectors, unsigned bar, struct error *err);
bool pci_msix_enabled(const struct pci_device *p);
/* Send message n; while it or the function is masked it is pending.  Nothing when there is no such message or MSI-X is off. */
void pci_msix_notify(struct pci_device *p, unsigned n);
/* For pci.c: configuration space was written (messages that waited are sent if they may be now); a reset: off, all masked.  Machine lock held. */
void pci_msix_changed(struct pci_device *p);
void pci_msix_reset(struct pci_device *p);
#endif
