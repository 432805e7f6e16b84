/* virtio_legacy.c - the legacy registers of transitional devices.  Ref: VIRTIO 1.2, section 4.1.4.10 "Legacy
 * Interfaces: A Note on PCI Device Layout" and 2.7.2 (where the rings lie).
 *
 *   +00 device features | +04 driver features | +08 queue's page | +0c queue size | +0e queue select | +10 notify | +12 status | +13 ISR
 *   +14 with MSI-X: configuration vector | +16 queue vector        then the device's own configuration */
#include "devices/virtio/virtio_pci_priv.h"

enum { R_FEATURES = 0, R_DRIVER_FEATURES = 4, R_QUEUE_PAGE = 8, R_QUEUE_SIZE = 12, R_QUEUE_SELECT = 14, R_NOTIFY = 16, R_STATUS = 18, R_ISR = 19,
       R_CONFIG_VECTOR = 20, R_QUEUE_VECTOR = 22, R_CONFIG = 20, R_CONFIG_MSIX = 24 };
enum { PAGE = 4096, DESC_SIZE = 16 };

static struct virtio_pci *of(struct device *d) { return container_of(d, struct virtio_pci, pci.dev); }
static unsigned config_at(const struct virtio_pci *p) { return pci_msix_enabled(&p->pci) ? R_CONFIG_MSIX : R_CONFIG; }

/* One page number places all three: the table, the available ring behind it, the used ring on the next page. */
static void set_page(struct virtqueue *q, uint32_t page)
{
	uint64_t end;

	q->size = q->size_max;                          /* not the driver's to choose */
	q->desc = (uint64_t)page * PAGE;
	q->avail = q->desc + (uint64_t)q->size * DESC_SIZE;
	end = q->avail + 6 + 2u * q->size;
	q->used = (end + PAGE - 1) & ~(uint64_t)(PAGE - 1);
	q->ready = page != 0;
	if (!page)
		q->next_avail = q->next_used = q->signalled = q->signalled_valid = 0;
}

static uint64_t register_read(struct virtio_pci *p, unsigned off)
{
	const struct virtqueue *q = virtio_pci_selected(p);

	switch (off) {
	case R_FEATURES:        return (uint32_t)p->v.offered;
	case R_DRIVER_FEATURES: return (uint32_t)p->driver_features;
	case R_QUEUE_PAGE:      return q ? q->desc / PAGE : 0;
	case R_QUEUE_SIZE:      return q ? q->size_max : 0;
	case R_QUEUE_SELECT:    return p->queue_select;
	case R_STATUS:          return p->v.status;
	case R_ISR:             return virtio_pci_take_isr(p);
	case R_CONFIG_VECTOR:   return p->config_vector;
	case R_QUEUE_VECTOR:    return q ? q->vector : VQ_NO_VECTOR;
	default:                return 0;
	}
}

static uint64_t legacy_read(struct device *d, uint64_t off, unsigned size)
{
	struct virtio_pci *p = of(d);
	uint64_t v = off < config_at(p) ? register_read(p, (unsigned)off) : virtio_config_read(&p->v, (unsigned)off - config_at(p), size);

	return size < 4 ? v & ((UINT64_C(1) << 8 * size) - 1) : v;
}

/* Linux before 2.6.34 forgets to switch bus mastering on. */
static void set_status(struct virtio_pci *p, uint8_t status)
{
	if (status == (VIRTIO_S_ACKNOWLEDGE | VIRTIO_S_DRIVER)) {
		p->pci.config[PCI_COMMAND] |= PCI_CMD_MASTER;
		virtio_pci_update_reach(p);
	}
	virtio_pci_set_status(p, status, true);
}

static void register_write(struct virtio_pci *p, unsigned off, uint32_t val)
{
	struct virtqueue *q = virtio_pci_selected(p);

	switch (off) {
	case R_DRIVER_FEATURES:
		p->driver_features = val & (uint32_t)p->v.offered;
		if (!(p->v.status & VIRTIO_S_DRIVER_OK))
			p->v.features = p->driver_features;
		break;
	case R_QUEUE_PAGE:    if (q) set_page(q, val); break;
	case R_QUEUE_SELECT:  p->queue_select = (uint16_t)val; break;
	case R_NOTIFY:        virtio_notified(&p->v, val & 0xffff); break;
	case R_STATUS:        set_status(p, (uint8_t)val); break;
	case R_CONFIG_VECTOR: p->config_vector = virtio_pci_vector(p, val & 0xffff); break;
	case R_QUEUE_VECTOR:  if (q) q->vector = virtio_pci_vector(p, val & 0xffff); break;
	default: break;
	}
}

static void legacy_write(struct device *d, uint64_t off, unsigned size, uint64_t val)
{
	struct virtio_pci *p = of(d);

	if (off < config_at(p))
		register_write(p, (unsigned)off, (uint32_t)val);
	else
		virtio_config_write(&p->v, (unsigned)off - config_at(p), size, (uint32_t)val);
}

static const struct io_ops legacy_io = { legacy_read, legacy_write, 1, 4 };

void virtio_legacy_init(struct virtio_pci *p, unsigned bar)
{
	unsigned size = 4, want = (p->msix.n ? R_CONFIG_MSIX : R_CONFIG) + p->v.config_len;

	while (size < want)
		size *= 2;
	p->legacy = (struct region){ .name = "virtio-pci", .kind = REGION_IO, .size = size, .dev = &p->pci.dev, .ops = &legacy_io };
	pci_bar(&p->pci, bar, BAR_IO, size, &p->legacy);
}
