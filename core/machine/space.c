/* space.c - address spaces: regions by priority, flattened into sorted ranges. */
#include "core/machine/space.h"
#include "core/cpu/cpu.h"
#include "core/machine/machine.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void space_init(struct space *s, struct machine *m, const char *name, uint64_t limit)
{
	*s = (struct space){ .machine = m, .name = name, .limit = limit };
}

void space_free(struct space *s)
{
	free(s->flat);
	s->flat = NULL;
	s->n_flat = 0;
	s->regions = NULL;
}

/* ---- flattening ---------------------------------------------------------------------------------------------------------------- */

static int cmp_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

/* The region visible at addr among those below `prio_limit`. */
static struct region *topmost(struct space *s, uint64_t addr, int prio_limit)
{
	struct region *best = NULL;
	for (struct region *r = s->regions; r; r = r->next)
		if (addr >= r->base && addr - r->base < r->size && r->prio < prio_limit && (!best || r->prio >= best->prio))
			best = r;
	return best;
}

/* Cut the space at every edge and see what is on top in each piece; aliases are resolved to what lies beneath them, so edges are
 * also taken from the alias targets. */
static void space_flatten(struct space *s)
{
	size_t n = 0, n_regions = 0, n_aliases = 0;
	for (struct region *r = s->regions; r; r = r->next) {
		n_regions++;
		n_aliases += r->kind == REGION_ALIAS;
	}
	size_t cap = 1 + 2 * n_regions * (1 + n_aliases);
	uint64_t *edge = malloc(cap * sizeof(*edge));
	struct flat_range *flat = malloc(cap * sizeof(*flat));
	if (!edge || !flat)
		abort();
	edge[n++] = 0;
	for (struct region *r = s->regions; r; r = r->next) {
		edge[n++] = r->base;
		if (r->base + r->size - 1 < s->limit)
			edge[n++] = r->base + r->size;
		if (r->kind != REGION_ALIAS)
			continue;
		for (struct region *t = s->regions; t; t = t->next) {
			if (t->base > r->alias_base && t->base - r->alias_base < r->size)
				edge[n++] = r->base + (t->base - r->alias_base);
			uint64_t end = t->base + t->size;
			if (end > r->alias_base && end - r->alias_base < r->size)
				edge[n++] = r->base + (end - r->alias_base);
		}
	}
	qsort(edge, n, sizeof(*edge), cmp_u64);
	size_t n_flat = 0;
	for (size_t i = 0; i < n; i++) {
		if (i && edge[i] == edge[i - 1])
			continue;
		uint64_t start = edge[i], end = s->limit, at = start;
		for (size_t j = i + 1; j < n; j++)
			if (edge[j] > start) {
				end = edge[j] - 1;
				break;
			}
		struct region *r = topmost(s, at, INT32_MAX);
		for (int depth = 0; r && r->kind == REGION_ALIAS && depth < 4; depth++) {
			at = r->alias_base + (at - r->base);
			r = topmost(s, at, r->prio);
		}
		if (!r || r->kind == REGION_ALIAS)
			continue;
		struct flat_range f = { .start = start, .end = end, .r = r, .off = at - r->base };
		struct flat_range *last = n_flat ? &flat[n_flat - 1] : NULL;
		if (last && last->r == r && last->end + 1 == start && last->off + (start - last->start) == f.off)
			last->end = end;
		else
			flat[n_flat++] = f;
	}
	free(edge);
	free(s->flat);
	s->flat = flat;
	s->n_flat = n_flat;
	s->generation++;
	if (s == &s->machine->mem)
		for (unsigned i = 0; i < s->machine->n_cpus; i++)
			if (s->machine->cpus[i])
				cpu_request(s->machine->cpus[i], REQ_TLB);
	if (s == &s->machine->mem && s->machine->accel && s->machine->accel->memory_changed)
		s->machine->accel->memory_changed(s->machine);
}

static void space_changed(struct space *s)
{
	s->stale = true;
	if (!s->batch)
		space_commit(s);
}

void space_begin(struct space *s)
{
	s->batch++;
}

void space_commit(struct space *s)
{
	if (s->batch && --s->batch)
		return;
	if (s->stale) {
		s->stale = false;
		space_flatten(s);
	}
}

/* ---- mapping ------------------------------------------------------------------------------------------------------------------- */

static const char *owner(const struct region *r)
{
	return r->dev ? r->dev->desc->name : r->name;
}

static void space_insert(struct space *s, struct region *r)
{
	struct region **p = &s->regions;
	while (*p)
		p = &(*p)->next;
	r->next = NULL;
	*p = r;
	r->mapped = true;
	space_changed(s);
}

bool space_map(struct space *s, struct region *r, struct error *err)
{
	if (r->mapped)
		return true;
	if (!r->size || r->base > s->limit || r->size - 1 > s->limit - r->base)
		return error_set(err, "%s: region %s at 0x%" PRIx64 " size 0x%" PRIx64 " does not fit the %s space", owner(r), r->name,
			r->base, r->size, s->name);
	for (struct region *o = s->regions; o && !r->movable; o = o->next)
		if (!o->movable && o->prio == r->prio && o->base <= r->base + (r->size - 1) && r->base <= o->base + (o->size - 1))
			return error_set(err, "%s: region %s at 0x%" PRIx64 "-0x%" PRIx64 " overlaps %s of %s in the %s space", owner(r),
				r->name, r->base, r->base + r->size - 1, o->name, owner(o), s->name);
	space_insert(s, r);
	return true;
}

void space_unmap(struct space *s, struct region *r)
{
	if (!r->mapped)
		return;
	for (struct region **p = &s->regions; *p; p = &(*p)->next)
		if (*p == r) {
			*p = r->next;
			break;
		}
	r->next = NULL;
	r->mapped = false;
	space_changed(s);
}

void space_move(struct space *s, struct region *r, uint64_t base)
{
	if (r->mapped && r->base == base)
		return;
	space_begin(s);
	space_unmap(s, r);
	r->base = base;
	if (base <= s->limit && r->size - 1 <= s->limit - base)
		space_insert(s, r);
	space_commit(s);
}

const struct flat_range *space_find(struct space *s, uint64_t addr)
{
	size_t lo = 0, hi = s->n_flat;
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		if (s->flat[mid].end < addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < s->n_flat && s->flat[lo].start <= addr ? &s->flat[lo] : NULL;
}

/* ---- access -------------------------------------------------------------------------------------------------------------------- */

static uint64_t size_mask(unsigned size)
{
	return size >= 8 ? UINT64_MAX : (UINT64_C(1) << (size * 8)) - 1;
}

static uint64_t io_read(const struct region *r, uint64_t off, unsigned size)
{
	unsigned min = r->ops->min ? r->ops->min : 1, max = r->ops->max ? r->ops->max : 4;
	if (!r->ops->read)
		return size_mask(size);
	if (size > max) {
		uint64_t v = 0;
		for (unsigned i = 0; i < size; i += max)
			v |= (r->ops->read(r->dev, off + i, max) & size_mask(max)) << (8 * i);
		return v;
	}
	if (size < min) {
		uint64_t base = off & ~(uint64_t)(min - 1);
		return r->ops->read(r->dev, base, min) >> (8 * (off - base)) & size_mask(size);
	}
	return r->ops->read(r->dev, off, size) & size_mask(size);
}

static void io_write(const struct region *r, uint64_t off, unsigned size, uint64_t val)
{
	unsigned max = r->ops->max ? r->ops->max : 4;
	if (!r->ops->write)
		return;
	for (unsigned i = 0; i < size; i += max) {
		unsigned n = size - i < max ? size - i : max;
		r->ops->write(r->dev, off + i, n, val >> (8 * i) & size_mask(n));
	}
}

uint64_t space_read(struct space *s, uint64_t addr, unsigned size)
{
	const struct flat_range *f = space_find(s, addr);
	if (f && f->end - addr < size - 1) {             /* crosses into the next range: byte by byte */
		uint64_t v = 0;
		for (unsigned i = 0; i < size; i++)
			v |= space_read(s, addr + i, 1) << (8 * i);
		return v;
	}
	if (!f)
		return size_mask(size);
	uint64_t off = f->off + (addr - f->start), v = 0;
	if (f->r->kind == REGION_IO)
		return io_read(f->r, off, size);
	memcpy(&v, s->machine->ram.host + f->r->ram_addr + off, size);
	return v;
}

void space_write(struct space *s, uint64_t addr, unsigned size, uint64_t val)
{
	const struct flat_range *f = space_find(s, addr);
	if (f && f->end - addr < size - 1) {
		for (unsigned i = 0; i < size; i++)
			space_write(s, addr + i, 1, val >> (8 * i) & 0xff);
		return;
	}
	if (!f)
		return;
	uint64_t off = f->off + (addr - f->start);
	if (f->r->kind == REGION_IO) {
		io_write(f->r, off, size, val);
	} else if (f->r->kind == REGION_RAM) {
		memcpy(s->machine->ram.host + f->r->ram_addr + off, &val, size);
		ram_written(s->machine, f->r->ram_addr + off, size);
	} else if (f->r->rom_write) {
		f->r->rom_write(f->r->dev, off, size, val);
	}
}

/* One contiguous piece at addr of at most len bytes: host pointer, or NULL for a device or a hole. */
static uint8_t *piece(struct space *s, uint64_t addr, size_t *len, const struct flat_range **out)
{
	const struct flat_range *f = space_find(s, addr);
	*out = f;
	if (!f) {
		*len = 1;
		return NULL;
	}
	if (f->end - addr < *len - 1)
		*len = (size_t)(f->end - addr + 1);
	if (f->r->kind == REGION_IO) {
		size_t chunk = addr % 4 == 0 && *len >= 4 ? 4 : 1;
		*len = chunk;
		return NULL;
	}
	return s->machine->ram.host + f->r->ram_addr + f->off + (addr - f->start);
}

bool space_read_buf(struct space *s, uint64_t addr, void *buf, size_t len)
{
	bool ok = true;
	for (uint8_t *p = buf; len;) {
		const struct flat_range *f;
		size_t n = len;
		uint8_t *host = piece(s, addr, &n, &f);
		if (host) {
			memcpy(p, host, n);
		} else {
			uint64_t v = space_read(s, addr, (unsigned)n);
			memcpy(p, &v, n);
			ok = ok && f;
		}
		p += n;
		addr += n;
		len -= n;
	}
	return ok;
}

static bool write_buf(struct space *s, uint64_t addr, const void *buf, size_t len, bool rom_too)
{
	bool ok = true;
	for (const uint8_t *p = buf; len;) {
		const struct flat_range *f;
		size_t n = len;
		uint8_t *host = piece(s, addr, &n, &f);
		if (host && (f->r->kind == REGION_RAM || rom_too)) {
			memcpy(host, p, n);
			ram_written(s->machine, (uint64_t)(host - s->machine->ram.host), n);
		} else if (f && f->r->kind == REGION_IO) {
			uint64_t v = 0;
			memcpy(&v, p, n);
			space_write(s, addr, (unsigned)n, v);
		} else {
			ok = ok && f;
		}
		p += n;
		addr += n;
		len -= n;
	}
	return ok;
}

bool space_write_buf(struct space *s, uint64_t addr, const void *buf, size_t len)
{
	return write_buf(s, addr, buf, len, false);
}

bool space_poke(struct space *s, uint64_t addr, const void *buf, size_t len)
{
	return write_buf(s, addr, buf, len, true);
}

void *space_map_ram(struct space *s, uint64_t addr, size_t *len, bool write)
{
	const struct flat_range *f;
	if (!*len)
		return NULL;
	uint8_t *host = piece(s, addr, len, &f);
	if (!host || (write && f->r->kind != REGION_RAM))
		return NULL;
	return host;
}
