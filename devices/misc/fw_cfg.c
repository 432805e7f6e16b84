/* fw_cfg.c - firmware configuration device, ports 510h-511h and DMA at 514h.
 *
 * Ref: "QEMU Firmware Configuration (fw_cfg) Device" (docs/specs/fw_cfg of QEMU's documentation): selector, data, DMA interface,
 * file directory.  Items are constant while the guest runs. */
#include "devices/misc/fw_cfg.h"
#include "core/machine/datafile.h"
#include "core/machine/machine.h"
#include "devices/chipset/isa.h"
#include <stdlib.h>
#include <string.h>

enum { PORT_SELECT = 0x510, PORT_DMA = 0x514, OFF_SELECT = 0, OFF_DATA = 1 };
enum { DMA_ERROR = 1 << 0, DMA_READ = 1 << 1, DMA_SKIP = 1 << 2, DMA_SELECT = 1 << 3, DMA_WRITE = 1 << 4 };
enum { ID_TRADITIONAL = 1 << 0, ID_DMA = 1 << 1 };
enum { MAX_ITEMS = 160, NAME_SIZE = 56, DIR_ENTRY = 64, FIRST_ARCH_KEY = 0x8000 };

struct item { uint16_t key; char name[NAME_SIZE]; uint8_t *data; size_t len; };
struct fw_cfg {
	struct device dev;
	struct region ports, dma_ports;
	bool     dma_enabled;
	struct item items[MAX_ITEMS];
	unsigned n_items;
	uint8_t  dir[4 + DIR_ENTRY * MAX_ITEMS];        /* derived from the items at reset */

	uint16_t selected;
	uint32_t offset;
	uint64_t dma_addr;
};
static const struct prop fw_cfg_props[] = {
	{ "dma_enabled", PROP_BOOL, offsetof(struct fw_cfg, dma_enabled), "on", "offer the DMA interface", NULL }, { 0 }
};
static const struct state_field fw_cfg_state[] = {
	STATE_U16(struct fw_cfg, selected), STATE_U32(struct fw_cfg, offset), STATE_U64(struct fw_cfg, dma_addr), STATE_END
};

static struct fw_cfg *fw_of(struct device *d)
{
	return container_of(d, struct fw_cfg, dev);
}

static void put_be(uint8_t *p, uint64_t v, unsigned size)
{
	while (size--) {
		p[size] = (uint8_t)v;
		v >>= 8;
	}
}

static uint64_t get_be(const uint8_t *p, unsigned size)
{
	uint64_t v = 0;

	while (size--)
		v = v << 8 | *p++;
	return v;
}

/* ---- items --------------------------------------------------------------------------------------------------------------------- */

static struct item *find_key(struct fw_cfg *f, unsigned key)
{
	for (unsigned i = 0; i < f->n_items; i++)
		if (f->items[i].key == key)
			return &f->items[i];
	return NULL;
}

static struct item *find_name(struct fw_cfg *f, const char *name)
{
	for (unsigned i = 0; i < f->n_items; i++)
		if (f->items[i].name[0] && !strcmp(f->items[i].name, name))
			return &f->items[i];
	return NULL;
}

static void set_data(struct item *it, const void *data, size_t len)
{
	free(it->data);
	it->data = malloc(len ? len : 1);
	if (!it->data)
		abort();
	memcpy(it->data, data, len);
	it->len = len;
}

void fw_cfg_add(struct machine *m, unsigned key, const void *data, size_t len)
{
	struct fw_cfg *f = fw_of(m->fw_cfg);
	struct item *it = find_key(f, key);

	if (!it && f->n_items < MAX_ITEMS) {
		it = &f->items[f->n_items++];
		*it = (struct item){ .key = (uint16_t)key };
	}
	if (it)
		set_data(it, data, len);
}

static void add_le(struct machine *m, unsigned key, uint64_t v, unsigned size)
{
	uint8_t le[8];

	for (unsigned i = 0; i < size; i++)
		le[i] = (uint8_t)(v >> (8 * i));
	fw_cfg_add(m, key, le, size);
}

void fw_cfg_add_u16(struct machine *m, unsigned key, uint16_t v) { add_le(m, key, v, 2); }
void fw_cfg_add_u32(struct machine *m, unsigned key, uint32_t v) { add_le(m, key, v, 4); }
void fw_cfg_add_u64(struct machine *m, unsigned key, uint64_t v) { add_le(m, key, v, 8); }

static int by_name(const void *a, const void *b)
{
	return strcmp((*(const struct item *const *)a)->name, (*(const struct item *const *)b)->name);
}

/* Give the files keys in the order of their names and write the directory: count, then size, key, 0, name; big-endian. */
static void build_directory(struct fw_cfg *f)
{
	struct item *files[MAX_ITEMS];
	unsigned n = 0;

	for (unsigned i = 0; i < f->n_items; i++)
		if (f->items[i].name[0])
			files[n++] = &f->items[i];
	qsort(files, n, sizeof files[0], by_name);
	put_be(f->dir, n, 4);
	for (unsigned i = 0; i < n; i++) {
		uint8_t *e = f->dir + 4 + DIR_ENTRY * i;
		files[i]->key = (uint16_t)(FW_CFG_FILE_FIRST + i);
		put_be(e, files[i]->len, 4);
		put_be(e + 4, files[i]->key, 2);
		put_be(e + 6, 0, 2);
		memset(e + 8, 0, NAME_SIZE);
		memcpy(e + 8, files[i]->name, strlen(files[i]->name));
	}
	fw_cfg_add(f->dev.machine, FW_CFG_FILE_DIR, f->dir, 4 + DIR_ENTRY * (size_t)n);
}

bool fw_cfg_add_file(struct machine *m, const char *name, const void *data, size_t len, struct error *err)
{
	struct fw_cfg *f = fw_of(m->fw_cfg);
	struct item *it = find_name(f, name);

	if (strlen(name) >= NAME_SIZE)
		return error_set(err, "the fw_cfg name %s is longer than %d characters", name, NAME_SIZE - 1);
	if (!it && f->n_items >= MAX_ITEMS - 1)
		return error_set(err, "no room for the fw_cfg file %s", name);
	if (!it) {
		it = &f->items[f->n_items++];
		*it = (struct item){ .key = UINT16_MAX };
		strcpy(it->name, name);
	}
	bool other_length = it->key != UINT16_MAX && it->len != len;
	set_data(it, data, len);
	if (other_length)                     /* replaced behind a reset: the directory tells of the length that it had before */
		build_directory(f);
	return true;
}

const void *fw_cfg_file(struct machine *m, const char *name, size_t *len)
{
	struct item *it = find_name(fw_of(m->fw_cfg), name);

	*len = it ? it->len : 0;
	return it ? it->data : NULL;
}

/* -fw_cfg [name=]NAME,file=F|string=S */
bool fw_cfg_add_options(struct machine *m, struct error *err)
{

	for (struct optlist *o = m->opt->fw_cfg; o; o = o->next) {
		const char *name = kv_get(o->kv, "name"), *file = kv_get(o->kv, "file"), *string = kv_get(o->kv, "string");
		uint8_t *data = NULL;
		size_t len = string ? strlen(string) : 0;
		if (!options_check_keys(o->kv, "fw_cfg", "-fw_cfg", err))
			return false;
		if (!name || !*name || !file == !string)
			return error_set(err, "-fw_cfg %s: name, plus exactly one of file and string, are needed", o->text);
		if (file && !(data = data_file_load(file, 64 << 20, &len, err)))
			return error_prefix(err, "-fw_cfg %s: ", o->text);
		bool ok = fw_cfg_add_file(m, name, data ? (const void *)data : string, len, err);
		free(data);
		if (!ok)
			return error_prefix(err, "-fw_cfg %s: ", o->text);
	}
	return true;
}

/* ---- ports --------------------------------------------------------------------------------------------------------------------- */

static void select_item(struct fw_cfg *f, unsigned key)
{
	f->selected = (uint16_t)key;
	f->offset = 0;
}

/* The next n bytes of the selected item; zeroes from its end on. */
static void read_item(struct fw_cfg *f, uint8_t *buf, size_t n)
{
	const struct item *it = find_key(f, f->selected);
	size_t left = it && f->offset < it->len ? it->len - f->offset : 0, take = n < left ? n : left;

	if (take)
		memcpy(buf, it->data + f->offset, take);
	memset(buf + take, 0, n - take);
	f->offset += (uint32_t)take;
}

static uint64_t fw_cfg_read(struct device *d, uint64_t off, unsigned size)
{
	uint8_t v = 0;

	if (off != OFF_DATA || size != 1)
		return 0;
	read_item(fw_of(d), &v, 1);
	return v;
}

static void fw_cfg_write(struct device *d, uint64_t off, unsigned size, uint64_t val)
{
	if (off == OFF_SELECT && size == 2)
		select_item(fw_of(d), (unsigned)val);
}

/* The next `left` bytes of the item to guest memory.  To RAM only: a guest must not make this device write to another, least of all
 * to itself.  What falls on ROM is dropped, as any write there. */
static bool read_to_memory(struct fw_cfg *f, uint64_t addr, uint32_t left)
{
	struct machine *m = f->dev.machine;

	while (left) {
		const struct flat_range *r = space_find(&m->mem, addr);
		size_t n = left;
		if (!r || r->r->kind == REGION_IO)
			return false;
		if (r->end - addr < n - 1)
			n = (size_t)(r->end - addr + 1);
		if (r->r->kind == REGION_RAM) {
			uint64_t ram = r->r->ram_addr + r->off + (addr - r->start);
			read_item(f, m->ram.host + ram, n);
			ram_written(m, ram, n);
		} else {
			f->offset += (uint32_t)n;
		}
		addr += n;
		left -= (uint32_t)n;
	}
	return true;
}

static void skip(struct fw_cfg *f, uint32_t n)
{
	const struct item *it = find_key(f, f->selected);
	uint64_t to = (uint64_t)f->offset + n, end = it ? it->len : 0;

	if (to > end)
		to = end > f->offset ? end : f->offset;
	f->offset = (uint32_t)to;
}

/* "Guest-side DMA Interface": the structure at dma_addr holds control, length and address, all big-endian. */
static void run_dma(struct fw_cfg *f)
{
	struct machine *m = f->dev.machine;
	uint64_t at = f->dma_addr;
	size_t room = 16;
	uint8_t *req = space_map_ram(&m->mem, at, &room, true);
	bool ok = true;

	f->dma_addr = 0;
	if (!req || room < 16)
		return;
	uint32_t control = (uint32_t)get_be(req, 4), len = (uint32_t)get_be(req + 4, 4);
	if (control & DMA_SELECT)
		select_item(f, control >> 16);
	if (control & DMA_READ)
		ok = read_to_memory(f, get_be(req + 8, 8), len);
	else if (control & DMA_SKIP)
		skip(f, len);
	else if (control & DMA_WRITE)
		ok = false;             /* no item may be written */
	put_be(req, ok ? 0 : DMA_ERROR, 4);
	ram_written(m, (uint64_t)(req - m->ram.host), 4);
}

static uint64_t dma_read(struct device *d, uint64_t off, unsigned size)
{
	static const uint8_t signature[8] = "QEMU CFG";
	uint64_t v = 0;

	for (unsigned i = 0; i < size && off + i < sizeof signature; i++)
		v |= (uint64_t)signature[off + i] << (8 * i);
	return v;
}

/* The address register is big-endian: its high half lies at the lower port; writing the low half starts the transfer. */
static void dma_write(struct device *d, uint64_t off, unsigned size, uint64_t val)
{
	struct fw_cfg *f = fw_of(d);

	if (size != 4)
		return;
	uint32_t half = __builtin_bswap32((uint32_t)val);
	if (off == 0) {
		f->dma_addr = (uint64_t)half << 32;
	} else if (off == 4) {
		f->dma_addr |= half;
		run_dma(f);
	}
}
static const struct io_ops port_ops = { fw_cfg_read, fw_cfg_write, 1, 2 }, dma_ops = { dma_read, dma_write, 1, 4 };

/* ---- life ---------------------------------------------------------------------------------------------------------------------- */

static bool fw_cfg_realize(struct device *d, struct error *err)
{
	struct fw_cfg *f = fw_of(d);

	if (!isa_map(d, &f->ports, "fwcfg", PORT_SELECT, 2, &port_ops, err))
		return false;
	if (f->dma_enabled && !isa_map(d, &f->dma_ports, "fwcfg.dma", PORT_DMA, 8, &dma_ops, err))
		return false;
	d->machine->fw_cfg = d;
	fw_cfg_add(d->machine, FW_CFG_SIGNATURE, "QEMU", 4);
	fw_cfg_add_u32(d->machine, FW_CFG_ID, ID_TRADITIONAL | (f->dma_enabled ? ID_DMA : 0));
	return true;
}

static void fw_cfg_unrealize(struct device *d)
{
	struct fw_cfg *f = fw_of(d);

	isa_unmap(d, &f->ports);
	isa_unmap(d, &f->dma_ports);
	for (unsigned i = 0; i < f->n_items; i++)
		free(f->items[i].data);
	f->n_items = 0;
	d->machine->fw_cfg = NULL;
}

static void fw_cfg_reset(struct device *d, enum reset_kind kind)
{
	build_directory(fw_of(d));
	select_item(fw_of(d), FW_CFG_SIGNATURE);
	fw_of(d)->dma_addr = 0;
}

static bool fw_cfg_loaded(struct device *d, struct error *err)
{
	build_directory(fw_of(d));
	return true;
}

const struct device_desc fw_cfg_desc = {
	.name = "fw_cfg_io", .bus = "System", .category = "Misc", .description = "firmware configuration ports",
	.size = sizeof(struct fw_cfg), .props = fw_cfg_props, .state = fw_cfg_state, .state_version = 1,
	.realize = fw_cfg_realize, .unrealize = fw_cfg_unrealize, .reset = fw_cfg_reset, .loaded = fw_cfg_loaded,
};
