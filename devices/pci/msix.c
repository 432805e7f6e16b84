/* msix.c - MSI-X.  Ref: PCI Local Bus Specification 3.0, sections 6.8.2 and 6.8.3.
 *
 *   +0 id 11h, next | +2 message control | +4 table: offset, BAR in bits 2:0 | +8 pending bits: the same */
#include "devices/pci/msix.h"
#include "core/machine/le.h"
#include <string.h>

enum { CAP_SIZE = 12, CAP_CONTROL = 2, CAP_TABLE = 4, CAP_PENDING = 8 };
enum { CTL_ENABLE_HIGH = 0x80, CTL_FUNCTION_MASK_HIGH = 0x40 };         /* of the control word's upper byte */
enum { BAR_SIZE = 4096, PENDING_AT = 0x800, ENTRY_DATA = 8, ENTRY_CONTROL = 12, ENTRY_MASKED = 1 };

const struct state_field msix_state[] = { STATE_BYTES(struct msix, table), STATE_BYTES(struct msix, pending), STATE_END };

static uint8_t control(const struct pci_device *p) { return p->config[p->msix->cap + CAP_CONTROL + 1]; }

bool pci_msix_enabled(const struct pci_device *p) { return p->msix && (control(p) & CTL_ENABLE_HIGH); }

static bool masked(const struct pci_device *p, unsigned n)
{
	return (control(p) & CTL_FUNCTION_MASK_HIGH) || (p->msix->table[n * MSIX_ENTRY + ENTRY_CONTROL] & ENTRY_MASKED);
}

static void send(struct pci_device *p, unsigned n)
{
	const uint8_t *e = p->msix->table + n * MSIX_ENTRY;

	pci_dma_write(p, le_get(e, 8) & ~UINT64_C(3), e + ENTRY_DATA, 4);
}

void pci_msix_notify(struct pci_device *p, unsigned n)
{
	if (!pci_msix_enabled(p) || n >= p->msix->n)
		return;
	if (masked(p, n))
		p->msix->pending[n / 8] |= (uint8_t)(1u << n % 8);
	else
		send(p, n);
}

void pci_msix_changed(struct pci_device *p)
{
	struct msix *x = p->msix;

	for (unsigned n = 0; pci_msix_enabled(p) && n < x->n; n++)
		if ((x->pending[n / 8] >> n % 8 & 1) && !masked(p, n)) {
			x->pending[n / 8] &= (uint8_t)~(1u << n % 8);
			send(p, n);
		}
}

void pci_msix_reset(struct pci_device *p)
{
	struct msix *x = p->msix;

	p->config[x->cap + CAP_CONTROL + 1] &= (uint8_t)~(CTL_ENABLE_HIGH | CTL_FUNCTION_MASK_HIGH);
	memset(x->table, 0, sizeof x->table);
	memset(x->pending, 0, sizeof x->pending);
	for (unsigned n = 0; n < x->n; n++)
		x->table[n * MSIX_ENTRY + ENTRY_CONTROL] = ENTRY_MASKED;
}

/* ---- the BAR: dwords and qwords, says the specification; bytes do no harm ------------------------------------------------------ */

static struct pci_device *of(struct device *d) { return container_of(d, struct pci_device, dev); }

static uint64_t msix_read(struct device *d, uint64_t off, unsigned size)
{
	const struct msix *x = of(d)->msix;
	uint64_t v = 0;

	for (unsigned i = 0; i < size; i++) {
		uint64_t at = off + i;
		if (at < (uint64_t)x->n * MSIX_ENTRY)
			v |= (uint64_t)x->table[at] << (8 * i);
		else if (at >= PENDING_AT && at - PENDING_AT < sizeof x->pending)
			v |= (uint64_t)x->pending[at - PENDING_AT] << (8 * i);
	}
	return v;
}

static void msix_write(struct device *d, uint64_t off, unsigned size, uint64_t val)
{
	struct msix *x = of(d)->msix;

	for (unsigned i = 0; i < size; i++, val >>= 8) {
		uint64_t at = off + i;
		unsigned in = at % MSIX_ENTRY;
		if (at < (uint64_t)x->n * MSIX_ENTRY)   /* the control dword has one bit, the address is a dword's */
			x->table[at] = (uint8_t)val & (in == 0 ? 0xfc : in < ENTRY_CONTROL ? 0xff : in == ENTRY_CONTROL ? ENTRY_MASKED : 0);
	}
	pci_msix_changed(of(d));
}

static const struct io_ops msix_io = { msix_read, msix_write, 1, 8 };

bool pci_msix_init(struct pci_device *p, struct msix *x, unsigned vectors, unsigned bar, struct error *err)
{
	unsigned off;

	if (vectors < 1 || vectors > MSIX_MAX)
		return error_set(err, "%s: %u interrupt vectors are not possible; 0 to %d are", p->dev.desc->name, vectors, MSIX_MAX);
	if (!pci_add_cap(p, PCI_CAP_ID_MSIX, CAP_SIZE, &off))
		return error_set(err, "%s: no room for the MSI-X capability", p->dev.desc->name);
	x->n = vectors;
	x->cap = (uint8_t)off;
	p->config[off + CAP_CONTROL] = (uint8_t)(vectors - 1);
	p->wmask[off + CAP_CONTROL + 1] = CTL_ENABLE_HIGH | CTL_FUNCTION_MASK_HIGH;
	p->config[off + CAP_TABLE] = p->config[off + CAP_PENDING] = (uint8_t)bar;
	p->config[off + CAP_PENDING + 1] = PENDING_AT >> 8;
	x->region = (struct region){ .name = "msix", .kind = REGION_IO, .size = BAR_SIZE, .dev = &p->dev, .ops = &msix_io };
	pci_bar(p, bar, BAR_MEM32, BAR_SIZE, &x->region);
	p->msix = x;
	pci_msix_reset(p);
	return true;
}
