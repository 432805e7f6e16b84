/* virtio_pci.c - virtio on PCI: capabilities, the modern structures, interrupts.  Ref: VIRTIO 1.2, sections 4.1.4 and 4.1.5.
 *
 *   BAR 4   +0000 common configuration | +1000 ISR status | +2000 the device's own configuration | +3000 notifications, 4 bytes a queue */
#include "devices/virtio/virtio_pci_priv.h"
#include "core/machine/le.h"
#include "core/machine/machine.h"
#include <string.h>

enum { PAGE = 0x1000, AT_COMMON = 0, AT_ISR = PAGE, AT_DEVICE = 2 * PAGE, AT_NOTIFY = 3 * PAGE, MODERN_SIZE = 4 * PAGE, NOTIFY_STEP = 4 };
enum { BAR_LEGACY = 0, BAR_MSIX = 1, BAR_MODERN = 4 };
enum { CAP_COMMON = 1, CAP_NOTIFY, CAP_ISR, CAP_DEVICE, CAP_PCI };               /* cfg_type */
enum { CAP_LEN = 2, CAP_TYPE = 3, CAP_BAR = 4, CAP_OFFSET = 8, CAP_LENGTH = 12, CAP_EXTRA = 16 };
/* Common configuration, section 4.1.4.3. */
enum { C_FEATURE_SELECT = 0, C_FEATURE = 4, C_DRIVER_FEATURE_SELECT = 8, C_DRIVER_FEATURE = 12, C_CONFIG_VECTOR = 16,
       C_NUM_QUEUES = 18, C_STATUS = 20, C_GENERATION = 21, C_QUEUE_SELECT = 22, C_QUEUE_SIZE = 24, C_QUEUE_VECTOR = 26, C_QUEUE_ENABLE = 28,
       C_QUEUE_NOTIFY_OFF = 30, C_QUEUE_DESC = 32, C_QUEUE_DRIVER = 40, C_QUEUE_DEVICE = 48, C_QUEUE_NOTIFY_DATA = 56, C_QUEUE_RESET = 58, COMMON_SIZE = 60 };
enum { ISR_QUEUE = 1, ISR_CONFIG = 2 };
enum { LOG_ACCESS = 42, LOG_QUEUE };                     /* sites of device_log_once */

const char *const virtio_pci_legacy_words[] = { "off", "on", "auto", NULL };
const struct state_field virtio_pci_state[] = {
	STATE_STRUCT(struct virtio_pci, pci, pci_device_state), STATE_STRUCT(struct virtio_pci, v, virtio_state),
	STATE_STRUCTS(struct virtio_pci, vq, virtqueue_state), STATE_STRUCT(struct virtio_pci, msix, msix_state),
	STATE_U32(struct virtio_pci, feature_select), STATE_U32(struct virtio_pci, driver_feature_select),
	STATE_U64(struct virtio_pci, driver_features), STATE_U16(struct virtio_pci, queue_select),
	STATE_U16(struct virtio_pci, config_vector), STATE_U8(struct virtio_pci, isr), STATE_END
};

static struct virtio_pci *of(struct device *d) { return container_of(d, struct virtio_pci, pci.dev); }
static struct virtio_pci *of_virtio(struct virtio *v) { return container_of(v, struct virtio_pci, v); }

/* ---- the transport's services -------------------------------------------------------------------------------------------------- */

static bool dma_read(struct virtio *v, uint64_t addr, void *buf, size_t len)
{
	return pci_dma_read(&of_virtio(v)->pci, addr, buf, len);
}

static bool dma_write(struct virtio *v, uint64_t addr, const void *buf, size_t len)
{
	return pci_dma_write(&of_virtio(v)->pci, addr, buf, len);
}

static void update_intx(struct virtio_pci *p) { pci_irq(&p->pci, p->isr && !pci_msix_enabled(&p->pci)); }

static void interrupt(struct virtio *v, struct virtqueue *q)
{
	struct virtio_pci *p = of_virtio(v);

	if (pci_msix_enabled(&p->pci)) {
		pci_msix_notify(&p->pci, q ? q->vector : p->config_vector);     /* VQ_NO_VECTOR is beyond the last */
	} else {
		p->isr |= q ? ISR_QUEUE : ISR_CONFIG;
		update_intx(p);
	}
}

static const struct virtio_transport transport = { dma_read, dma_write, interrupt };

/* ---- for both interfaces ------------------------------------------------------------------------------------------------------- */

struct virtqueue *virtio_pci_selected(struct virtio_pci *p)
{
	return p->queue_select < p->v.n_vq && p->vq[p->queue_select].size_max ? &p->vq[p->queue_select] : NULL;
}

uint8_t virtio_pci_take_isr(struct virtio_pci *p)
{
	uint8_t isr = p->isr;

	p->isr = 0;
	update_intx(p);
	return isr;
}

uint16_t virtio_pci_vector(const struct virtio_pci *p, uint64_t n) { return n < p->msix.n ? (uint16_t)n : VQ_NO_VECTOR; }

/* What the driver has set up goes with a reset; the MSI-X table is not the virtio device's. */
static void forget(struct virtio_pci *p)
{
	p->feature_select = p->driver_feature_select = 0;
	p->driver_features = 0;
	p->queue_select = 0;
	p->config_vector = VQ_NO_VECTOR;
	virtio_pci_take_isr(p);
}

void virtio_pci_set_status(struct virtio_pci *p, uint8_t status, bool legacy)
{
	virtio_set_status(&p->v, status, p->driver_features, legacy);
	if (!status)
		forget(p);
}

/* ---- common configuration ------------------------------------------------------------------------------------------------------ */

static void put_queue(struct virtio_pci *p, uint8_t *c)
{
	const struct virtqueue *q = virtio_pci_selected(p);

	if (!q)
		return;
	le_put(c + C_QUEUE_SIZE, q->size, 2);
	le_put(c + C_QUEUE_VECTOR, q->vector, 2);
	le_put(c + C_QUEUE_ENABLE, q->ready, 2);
	le_put(c + C_QUEUE_NOTIFY_OFF, p->queue_select, 2);
	le_put(c + C_QUEUE_DESC, q->desc, 8);
	le_put(c + C_QUEUE_DRIVER, q->avail, 8);
	le_put(c + C_QUEUE_DEVICE, q->used, 8);
	le_put(c + C_QUEUE_NOTIFY_DATA, p->queue_select, 2);
}

static uint64_t common_read(struct virtio_pci *p, uint64_t off, unsigned size)
{
	uint8_t c[COMMON_SIZE + 8] = { 0 };

	if (off >= COMMON_SIZE)
		return 0;
	le_put(c + C_FEATURE_SELECT, p->feature_select, 4);
	le_put(c + C_FEATURE, p->feature_select < 2 ? p->v.offered >> (32 * p->feature_select) : 0, 4);
	le_put(c + C_DRIVER_FEATURE_SELECT, p->driver_feature_select, 4);
	le_put(c + C_DRIVER_FEATURE, p->driver_feature_select < 2 ? p->driver_features >> (32 * p->driver_feature_select) : 0, 4);
	le_put(c + C_CONFIG_VECTOR, p->config_vector, 2);
	le_put(c + C_NUM_QUEUES, p->v.n_vq, 2);
	le_put(c + C_STATUS, p->v.status, 1);
	le_put(c + C_GENERATION, p->v.generation, 1);
	le_put(c + C_QUEUE_SELECT, p->queue_select, 2);
	put_queue(p, c);
	return le_get(c + off, size);
}

/* One half of a queue's address; not while it is in use. */
static void set_address(struct virtqueue *q, uint64_t off, uint32_t val)
{
	uint64_t *a = off < C_QUEUE_DRIVER ? &q->desc : off < C_QUEUE_DEVICE ? &q->avail : &q->used;

	if (!q->ready)
		*a = off & 4 ? (*a & UINT32_MAX) | (uint64_t)val << 32 : (*a & ~(uint64_t)UINT32_MAX) | val;
}

static void reset_queue(struct virtio_pci *p, struct virtqueue *q)
{
	virtqueue_reset(q);
	if (p->v.ops->queue_reset)
		p->v.ops->queue_reset(&p->v, p->queue_select);
}

static void queue_write(struct virtio_pci *p, uint64_t off, uint32_t val)
{
	struct virtqueue *q = virtio_pci_selected(p);

	if (!q)
		return;
	switch (off) {
	case C_QUEUE_SIZE:
		if (val && val <= q->size_max && !(val & (val - 1)) && !q->ready)
			q->size = (uint16_t)val;
		else
			device_log_once(&p->pci.dev, LOG_QUEUE, "a queue of %u entries is not possible, or it is in use", val);
		break;
	case C_QUEUE_VECTOR: q->vector = virtio_pci_vector(p, val); break;
	case C_QUEUE_ENABLE: q->ready |= val == 1; break;
	case C_QUEUE_RESET:
		if (val == 1 && virtio_has(&p->v, VIRTIO_F_RING_RESET))
			reset_queue(p, q);
		break;
	default: break;                                 /* read-only */
	}
}

static unsigned common_width(uint64_t off)
{
	if (off < C_CONFIG_VECTOR || (off >= C_QUEUE_DESC && off < C_QUEUE_NOTIFY_DATA))
		return 4;
	return off == C_STATUS || off == C_GENERATION ? 1 : 2;
}

static void common_write(struct virtio_pci *p, uint64_t off, unsigned size, uint32_t val)
{
	unsigned width = common_width(off);

	if (off >= COMMON_SIZE || size != width || off % width) {
		device_log_once(&p->pci.dev, LOG_ACCESS, "a write of %u bytes to offset %u of the common configuration", size,
		                (unsigned)off);
		return;
	}
	switch (off) {
	case C_FEATURE_SELECT:        p->feature_select = val; break;
	case C_DRIVER_FEATURE_SELECT: p->driver_feature_select = val; break;
	case C_DRIVER_FEATURE:
		if (p->driver_feature_select < 2 && !(p->v.status & VIRTIO_S_FEATURES_OK))
			p->driver_features = p->driver_feature_select ? (p->driver_features & UINT32_MAX) | (uint64_t)val << 32 :
				(p->driver_features & ~(uint64_t)UINT32_MAX) | val;
		break;
	case C_CONFIG_VECTOR:         p->config_vector = virtio_pci_vector(p, val); break;
	case C_STATUS:                virtio_pci_set_status(p, (uint8_t)val, false); break;
	case C_QUEUE_SELECT:          p->queue_select = (uint16_t)val; break;
	default:
		if (off >= C_QUEUE_DESC && off < C_QUEUE_NOTIFY_DATA) {
			if (virtio_pci_selected(p))
				set_address(virtio_pci_selected(p), off, val);
		} else {
			queue_write(p, off, val);
		}
	}
}

/* ---- BAR 4 --------------------------------------------------------------------------------------------------------------------- */

static uint64_t modern_read(struct device *d, uint64_t off, unsigned size)
{
	struct virtio_pci *p = of(d);

	if (off < AT_ISR)
		return common_read(p, off, size);
	if (off < AT_DEVICE)
		return off == AT_ISR ? virtio_pci_take_isr(p) : 0;
	return off < AT_NOTIFY ? virtio_config_read(&p->v, (unsigned)off - AT_DEVICE, size) : 0;
}

static void modern_write(struct device *d, uint64_t off, unsigned size, uint64_t val)
{
	struct virtio_pci *p = of(d);

	if (off < AT_ISR)
		common_write(p, off, size, (uint32_t)val);
	else if (off >= AT_NOTIFY)
		virtio_notified(&p->v, (unsigned)(off - AT_NOTIFY) / NOTIFY_STEP);
	else if (off >= AT_DEVICE)
		virtio_config_write(&p->v, (unsigned)off - AT_DEVICE, size, (uint32_t)val);
}

static const struct io_ops modern_io = { modern_read, modern_write, 1, 4 };

/* ---- the way through configuration space, section 4.1.4.9 ---------------------------------------------------------------------- */

/* The access that the capability describes, if it is one to BAR 4. */
static bool cfg_access(const struct virtio_pci *p, uint32_t *off, unsigned *size)
{
	const uint8_t *c = p->pci.config + p->cfg_cap;
	uint32_t len = (uint32_t)le_get(c + CAP_LENGTH, 4);

	*off = (uint32_t)le_get(c + CAP_OFFSET, 4);
	*size = len;
	return c[CAP_BAR] == BAR_MODERN && (len == 1 || len == 2 || len == 4) && !(*off % len) && *off < MODERN_SIZE;
}

static bool touches_data(const struct virtio_pci *p, unsigned off, unsigned size)
{
	unsigned data = p->cfg_cap + CAP_EXTRA;
	return p->cfg_cap && off < data + 4 && data < off + size;
}

static void config_reading(struct pci_device *pci, unsigned off, unsigned size)
{
	struct virtio_pci *p = of(&pci->dev);
	uint32_t at;
	unsigned len;

	if (touches_data(p, off, size) && cfg_access(p, &at, &len))
		le_put(pci->config + p->cfg_cap + CAP_EXTRA, modern_read(&pci->dev, at, len), len);
}

void virtio_pci_update_reach(struct virtio_pci *p)
{
	bool before = p->v.cut_off;

	p->v.cut_off = !(p->pci.config[PCI_COMMAND] & PCI_CMD_MASTER);
	if (before && !p->v.cut_off)
		virtio_look(&p->v);                     /* what came meanwhile */
}

static void config_written(struct pci_device *pci, unsigned off, unsigned size)
{
	struct virtio_pci *p = of(&pci->dev);
	uint32_t at;
	unsigned len;

	update_intx(p);                                 /* MSI-X may have come or gone */
	virtio_pci_update_reach(p);
	if (!touches_data(p, off, size) || !cfg_access(p, &at, &len))
		return;
	modern_write(&pci->dev, at, len, le_get(pci->config + p->cfg_cap + CAP_EXTRA, len));
}

/* ---- life ---------------------------------------------------------------------------------------------------------------------- */

static bool add_cap(struct virtio_pci *p, unsigned type, uint32_t at, unsigned extra, unsigned *off)
{
	if (!pci_add_cap(&p->pci, PCI_CAP_ID_VENDOR, CAP_EXTRA + extra, off))
		return false;
	uint8_t *c = p->pci.config + *off;
	c[CAP_LEN] = (uint8_t)(CAP_EXTRA + extra);
	c[CAP_TYPE] = (uint8_t)type;
	if (type != CAP_PCI) {
		c[CAP_BAR] = BAR_MODERN;
		le_put(c + CAP_OFFSET, at, 4);
		le_put(c + CAP_LENGTH, PAGE, 4);
	}
	if (type == CAP_NOTIFY)
		le_put(c + CAP_EXTRA, NOTIFY_STEP, 4);
	return true;
}

static bool modern_init(struct virtio_pci *p)
{
	unsigned off;

	if (!add_cap(p, CAP_COMMON, AT_COMMON, 0, &off) || !add_cap(p, CAP_ISR, AT_ISR, 0, &off) ||
	    !add_cap(p, CAP_DEVICE, AT_DEVICE, 0, &off) || !add_cap(p, CAP_NOTIFY, AT_NOTIFY, 4, &off) || !add_cap(p, CAP_PCI, 0, 4, &off))
		return false;
	p->cfg_cap = (uint8_t)off;
	p->pci.wmask[off + CAP_BAR] = 0xff;
	memset(p->pci.wmask + off + CAP_OFFSET, 0xff, 12);
	p->modern = (struct region){ .name = "virtio-pci-modern", .kind = REGION_IO, .size = MODERN_SIZE, .dev = &p->pci.dev,
		.ops = &modern_io };
	pci_bar(&p->pci, BAR_MODERN, BAR_MEM64_PREF, MODERN_SIZE, &p->modern);
	return true;
}

static uint64_t offered(struct virtio_pci *p)
{
	uint64_t f = p->v.ops->features(&p->v);

	f |= p->notify_on_empty ? VIRTIO_BIT(VIRTIO_F_NOTIFY_ON_EMPTY) : 0;
	f |= p->any_layout ? VIRTIO_BIT(VIRTIO_F_ANY_LAYOUT) : 0;
	f |= p->indirect_desc ? VIRTIO_BIT(VIRTIO_F_INDIRECT_DESC) : 0;
	f |= p->event_idx ? VIRTIO_BIT(VIRTIO_F_EVENT_IDX) : 0;
	if (!p->disable_modern)
		f |= VIRTIO_BIT(VIRTIO_F_VERSION_1) | (p->queue_reset ? VIRTIO_BIT(VIRTIO_F_RING_RESET) : 0);
	return f;
}

bool virtio_pci_realize(struct virtio_pci *p, uint32_t class_code, struct error *err)
{
	bool legacy = p->disable_legacy != VIRTIO_LEGACY_OFF;
	uint16_t id = legacy ? p->transitional_id : (uint16_t)(0x1040 + p->v.ops->id);
	const struct pci_ids ids = { 0x1af4, id, 0x1af4, legacy ? p->v.ops->id : 0x1100, class_code, !legacy };

	if (!legacy && p->disable_modern)
		return error_set(err, "device cannot work as neither modern nor legacy mode is enabled");
	p->disable_legacy = legacy ? VIRTIO_LEGACY_ON : VIRTIO_LEGACY_OFF;      /* "auto" is decided now */
	pci_init_config(&p->pci, &ids, 1);
	p->v.dev = &p->pci.dev;
	p->v.transport = &transport;
	p->v.vq = p->vq;
	p->v.offered = offered(p);
	for (unsigned n = 0; n < VIRTIO_PCI_QUEUES; n++)
		p->vq[n].v = &p->v;
	if (!p->disable_modern && !modern_init(p))
		return error_set(err, "%s: no room for the capabilities", p->pci.dev.desc->name);
	if (p->vectors && !pci_msix_init(&p->pci, &p->msix, p->vectors, BAR_MSIX, err))
		return false;
	if (legacy)
		virtio_legacy_init(p, BAR_LEGACY);
	p->v.cut_off = true;                            /* until bus mastering is allowed */
	p->pci.config_reading = config_reading;
	p->pci.config_written = config_written;
	return true;
}

void virtio_pci_unrealize(struct virtio_pci *p)
{
	virtio_reset(&p->v);
	forget(p);
	pci_device_unrealize(&p->pci);
}

void virtio_pci_reset(struct virtio_pci *p)
{
	virtio_reset(&p->v);
	forget(p);
	pci_device_reset(&p->pci);
	p->v.cut_off = true;
	if (p->cfg_cap) {
		p->pci.config[p->cfg_cap + CAP_BAR] = 0;
		memset(p->pci.config + p->cfg_cap + CAP_OFFSET, 0, 12);
	}
}

bool virtio_pci_loaded(struct virtio_pci *p, struct error *err)
{
	if (p->isr & ~(ISR_QUEUE | ISR_CONFIG))
		return error_set(err, "saved virtio interrupt status is out of range");
	p->v.cut_off = !(p->pci.config[PCI_COMMAND] & PCI_CMD_MASTER);
	return virtio_loaded(&p->v, err) && pci_device_loaded(&p->pci, err);
}
