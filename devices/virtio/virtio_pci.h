/* virtio_pci.h - virtio devices on the PCI bus, by the modern and the legacy interface.  Ref: VIRTIO 1.2, section 4.1 "Virtio Over PCI Bus".
 *
 * A transitional device has both, a non-transitional one the modern one only.  BAR 0: legacy registers (I/O); BAR 1: MSI-X; BAR 4: the modern
 * structures, a page each.  Interrupts are MSI-X messages when the driver has enabled them, else INTA#. */
#ifndef DEVICES_VIRTIO_VIRTIO_PCI_H
#define DEVICES_VIRTIO_VIRTIO_PCI_H
#include "devices/pci/msix.h"
#include "devices/virtio/virtio.h"

enum { VIRTIO_PCI_QUEUES = 64 };
enum virtio_pci_legacy { VIRTIO_LEGACY_ON, VIRTIO_LEGACY_OFF, VIRTIO_LEGACY_AUTO };    /* values of "disable-legacy": "off", "on", "auto" */

/* The struct of a device begins with this. */
struct virtio_pci {
	struct pci_device pci;
	struct virtio v;
	struct virtqueue vq[VIRTIO_PCI_QUEUES];
	struct msix msix;
	struct region legacy, modern;
	uint8_t  cfg_cap;                               /* offset of the configuration access capability, 0 = none */
	uint16_t transitional_id;                       /* device ID with the legacy interface, section 4.1.2.1 */
	/* properties */
	uint8_t  disable_legacy, disable_modern, ioeventfd, event_idx, indirect_desc, notify_on_empty, any_layout, queue_reset;
	uint32_t vectors;
	/* state */
	uint32_t feature_select, driver_feature_select; uint64_t driver_features;
	uint16_t queue_select, config_vector;
	uint8_t  isr;                                   /* 1 a queue, 2 the configuration: why INTA# is driven */
};
extern const char *const virtio_pci_legacy_words[];
/* Properties that all have; ..._MODES_ for devices that leave the choice of interfaces. */
#define VIRTIO_PCI_BOOL_(name, field, def, help) { name, PROP_BOOL, offsetof(struct virtio_pci, field), def, help, NULL }
#define VIRTIO_PCI_MODES \
	{ "disable-legacy", PROP_ENUM, offsetof(struct virtio_pci, disable_legacy), "auto", "be without the legacy interface: on, off or auto", \
	  virtio_pci_legacy_words }, \
	VIRTIO_PCI_BOOL_("disable-modern", disable_modern, "off", "be without the interface of virtio 1.0 and later")
#define VIRTIO_PCI_PROPS(vectors_default) \
	VIRTIO_PCI_BOOL_("ioeventfd", ioeventfd, "on", "accepted: notifications are always handled at once"), \
	{ "vectors", PROP_U32, offsetof(struct virtio_pci, vectors), vectors_default, "MSI-X messages, 0 to 128; 0 = INTx only", NULL }, \
	PCI_PROPS, \
	VIRTIO_PCI_BOOL_("indirect_desc", indirect_desc, "on", "offer indirect descriptors"), \
	VIRTIO_PCI_BOOL_("event_idx", event_idx, "on", "offer event indices, which save notifications and interrupts"), \
	VIRTIO_PCI_BOOL_("notify_on_empty", notify_on_empty, "on", "offer interrupts on empty queues (legacy)"), \
	VIRTIO_PCI_BOOL_("any_layout", any_layout, "on", "offer any framing of messages (legacy)"), \
	VIRTIO_PCI_BOOL_("queue_reset", queue_reset, "on", "offer resets of single queues")
extern const struct state_field virtio_pci_state[];      /* include by STATE_STRUCT(struct x, vpci, virtio_pci_state) */

/* From a device's realize, with v.ops, vq[].size_max, v.n_vq, v.config_len and transitional_id filled in.  class_code: 24 bits, as in configuration space
 * (class, subclass, interface).  False and err: the properties do not go together, or there is no room for the capabilities. */
bool virtio_pci_realize(struct virtio_pci *p, uint32_t class_code, struct error *err);
/* First thing in its unrealize. */
void virtio_pci_unrealize(struct virtio_pci *p);
void virtio_pci_reset(struct virtio_pci *p);
/* For the device's `loaded`.  False and err: that cannot be. */
bool virtio_pci_loaded(struct virtio_pci *p, struct error *err);
#endif
