/* info_tree.c - info mtree and info qtree. */
#include "core/block/block.h"
#include "core/machine/machine.h"
#include "core/monitor/commands.h"
#include "core/monitor/internal.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- mtree ------------------------------------------------------------------------------------------------------------------------- */

static const char *kind_word(const struct region *r)
{
	static const char *const words[] = { [REGION_IO] = "i/o", [REGION_RAM] = "ram", [REGION_ROM] = "rom", [REGION_ALIAS] = "ram" };
	return words[r->kind];
}

static void print_region(const struct region *r, const char *root, struct text *out)
{
	text_printf(out, "    %016" PRIx64 "-%016" PRIx64 " (prio %d, %s): ", r->base, r->base + (r->size - 1), r->prio, kind_word(r));
	if (r->kind == REGION_ALIAS)
		text_printf(out, "alias %s @%s %016" PRIx64 "-%016" PRIx64 "\n", r->name, root, r->alias_base, r->alias_base + (r->size - 1));
	else
		text_printf(out, "%s\n", r->name);
}

static int by_base(const void *pa, const void *pb)
{
	const struct region *a = *(struct region *const *)pa, *b = *(struct region *const *)pb;

	if (a->base != b->base)
		return a->base < b->base ? -1 : 1;
	return a->prio != b->prio ? b->prio - a->prio : a->size > b->size ? -1 : a->size < b->size;
}

static void print_space(const struct space *s, const char *root, struct text *out)
{
	size_t n = 0;

	for (const struct region *r = s->regions; r; r = r->next)
		n++;
	struct region **list = calloc(n + 1, sizeof(*list));
	if (!list)
		abort();
	n = 0;
	for (struct region *r = s->regions; r; r = r->next)
		list[n++] = r;
	qsort(list, n, sizeof(*list), by_base);
	text_printf(out, "address-space: %s\n  %016x-%016" PRIx64 " (prio 0, i/o): %s\n", s->name, 0, s->limit > 0xffff ? UINT64_MAX : s->limit, root);
	for (size_t i = 0; i < n; i++)
		print_region(list[i], root, out);
	text_printf(out, "\n");
	free(list);
}

static void print_flat(const struct space *s, const char *root, unsigned number, struct text *out)
{
	text_printf(out, "FlatView #%u\n AS \"%s\", root: %s\n Root memory region: %s\n", number, s->name, root, root);
	for (size_t i = 0; i < s->n_flat; i++) {
		const struct flat_range *f = &s->flat[i];
		text_printf(out, "  %016" PRIx64 "-%016" PRIx64 " (prio %d, %s): %s", f->start, f->end, f->r->prio, kind_word(f->r), f->r->name);
		if (f->off)
			text_printf(out, " @%016" PRIx64, f->off);
		text_printf(out, "\n");
	}
	text_printf(out, "\n");
}

HANDLER(info_mtree)
{
	struct machine *m = x->m;

	if (arg_flag(a, "flat")) {
		print_flat(&m->io, "io", 0, x->out);
		print_flat(&m->mem, "system", 1, x->out);
	} else {
		print_space(&m->io, "io", x->out);
		print_space(&m->mem, "system", x->out);
	}
	return true;
}

/* ---- qtree ------------------------------------------------------------------------------------------------------------------------- */

static void print_number(struct text *out, uint64_t v) { text_printf(out, "%" PRIu64 " (0x%" PRIx64 ")", v, v); }

static void print_size(struct text *out, uint64_t v)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	unsigned u = 0;
	double d = (double)v;

	while (d >= 1024 && u < 4) {
		d /= 1024;
		u++;
	}
	text_printf(out, "%" PRIu64 " (%.3g %s)", v, d, units[u]);
}

static void print_pci_address(struct text *out, int32_t v)
{
	if (v < 0)
		text_printf(out, "%d (auto)", v);
	else
		text_printf(out, "%02x.%x", (unsigned)v >> 3, (unsigned)v & 7);
}

static void print_value(struct text *out, const struct device *d, const struct prop *p)
{
	const void *at = (const char *)d + p->offset;
	const char *s = NULL;

	switch (p->type) {
	case PROP_BOOL: text_printf(out, "%s", *(const uint8_t *)at ? "true" : "false"); return;
	case PROP_U8:   print_number(out, *(const uint8_t *)at); return;
	case PROP_U16:  print_number(out, *(const uint16_t *)at); return;
	case PROP_U32:  print_number(out, *(const uint32_t *)at); return;
	case PROP_U64:  print_number(out, *(const uint64_t *)at); return;
	case PROP_I32:  text_printf(out, "%d (0x%x)", *(const int32_t *)at, *(const uint32_t *)at); return;
	case PROP_SIZE: print_size(out, *(const uint64_t *)at); return;
	case PROP_PCI_ADDR: print_pci_address(out, *(const int32_t *)at); return;
	case PROP_MAC: {
		const uint8_t *b = at;
		text_printf(out, "\"%02x:%02x:%02x:%02x:%02x:%02x\"", b[0], b[1], b[2], b[3], b[4], b[5]);
		return;
	}
	case PROP_ENUM:    s = p->values[*(const uint8_t *)at]; break;
	case PROP_STRING:  s = *(const char *const *)at; break;
	case PROP_CHARDEV: s = *(struct chardev *const *)at ? (*(struct chardev *const *)at)->label : NULL; break;
	case PROP_DRIVE:   s = *(struct drive *const *)at ? (*(struct drive *const *)at)->id : NULL; break;
	default: break;
	}
	text_printf(out, "\"%s\"", s ? s : "");
}

static void print_bus(const struct bus *b, int indent, struct text *out);

static void print_device(struct device *d, int indent, struct text *out)
{
	text_printf(out, "%*sdev: %s, id \"%s\"\n", indent, "", d->desc->name, d->id ? d->id : "");
	indent += 2;
	for (const struct prop *p = d->desc->props; p && p->type != PROP_END; p++) {
		text_printf(out, "%*s%s = ", indent, "", p->name);
		print_value(out, d, p);
		text_printf(out, "\n");
	}
	if (d->desc->print)
		d->desc->print(d, out, indent);
	for (const struct bus *b = d->buses; b; b = b->next)
		print_bus(b, indent, out);
}

/* The newest device first. */
static void print_children(struct device *d, int indent, struct text *out)
{
	struct device *list[512];
	size_t n = 0;

	for (; d && n < sizeof(list) / sizeof(list[0]); d = d->sibling)
		list[n++] = d;
	while (n--)
		print_device(list[n], indent, out);
}

static void print_bus(const struct bus *b, int indent, struct text *out)
{
	text_printf(out, "%*sbus: %s\n%*stype %s\n", indent, "", b->name, indent + 2, "", b->type);
	print_children(b->children, indent + 2, out);
}

HANDLER(info_qtree)
{
	print_bus(&x->m->sysbus, 0, x->out);
	return true;
}
