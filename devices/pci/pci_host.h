/* pci_host.h - the board's view of a PCI host bridge. */
#ifndef DEVICES_PCI_PCI_HOST_H
#define DEVICES_PCI_PCI_HOST_H
#include "devices/pci/pci.h"
extern const struct device_desc pci_host_desc;
struct pci_bus *pci_host_bus(struct device *host);
/* Who answers byte accesses to port cf9h, in the middle of the address register (the south bridge's reset control). */
struct reset_port { uint8_t (*read)(void *arg); void (*write)(void *arg, uint8_t val); void *arg; };
void pci_host_set_reset_port(struct device *host, struct reset_port p);
void pci_bus_print(const struct pci_bus *b, struct text *out);
void pci_bus_print_json(const struct pci_bus *b, struct text *out);     /* as query-pci gives it */
#endif
