/* virtio_pci_priv.h - shared by virtio_pci.c (modern interface) and virtio_legacy.c. */
#ifndef DEVICES_VIRTIO_VIRTIO_PCI_PRIV_H
#define DEVICES_VIRTIO_VIRTIO_PCI_PRIV_H
#include "devices/virtio/virtio_pci.h"

/* The queue that the driver has selected, NULL: there is no such queue. */
struct virtqueue *virtio_pci_selected(struct virtio_pci *p);
uint8_t virtio_pci_take_isr(struct virtio_pci *p);      /* reading clears */
/* What a vector register holds after a write of n. */
uint16_t virtio_pci_vector(const struct virtio_pci *p, uint64_t n);
/* Bus mastering may have been switched on or off. */
void virtio_pci_update_reach(struct virtio_pci *p);
void virtio_pci_set_status(struct virtio_pci *p, uint8_t status, bool legacy);
void virtio_legacy_init(struct virtio_pci *p, unsigned bar);
#endif
