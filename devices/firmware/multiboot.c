/* multiboot.c - -kernel with a multiboot image: the image laid out as it will lie in memory, its modules, the information structure.
 *
 * Ref: Multiboot Specification 0.6.96, sections 3.1 "OS image format" and 3.3 "Boot information format"; ELF-32 as of the System V ABI.
 * The image is a user's file: every number in it is checked. */
#include "core/machine/datafile.h"
#include "devices/firmware/kernel_priv.h"
#include <stdlib.h>
#include <string.h>

enum { MB_MAGIC = 0x1badb002, MB_SEARCH = 8192, MB_HEADER = 12, MB_ADDRESSES = 32, FLAG_ADDRESSES = 1 << 16, FLAGS_KNOWN = 0x10007 };
enum { ELF_ENTRY = 24, ELF_PHOFF = 28, ELF_PHENTSIZE = 42, ELF_PHNUM = 44, ELF_HEADER = 52, PH_SIZE = 32, PT_LOAD = 1, EM_386 = 3 };
enum { MBI_ADDR = 0x20000, MBI_SIZE = 88, MBI_ROOM = 0x10000, MODULE_SIZE = 16, MODULES_MAX = 64, PAGE = 4096 };
enum { INFO_MEMORY = 1 << 0, INFO_BOOTDEV = 1 << 1, INFO_CMDLINE = 1 << 2, INFO_MODS = 1 << 3, INFO_MMAP = 1 << 6, INFO_LOADER = 1 << 9 };

/* Memory from `base` on as it will be, and where to start. */
struct loaded { uint8_t *data; uint64_t base, size; uint32_t entry; };

long multiboot_find(const uint8_t *image, size_t len)
{
	for (size_t i = 0; i + MB_HEADER <= len && i < MB_SEARCH; i += 4)
		if (get32(image + i) == MB_MAGIC && (uint32_t)(get32(image + i) + get32(image + i + 4) + get32(image + i + 8)) == 0)
			return (long)i;
	return -1;
}

static bool bad(struct machine *m, struct error *err, const char *what)
{
	return error_set(err, "-kernel %s: multiboot image: %s", m->opt->kernel, what);
}

static bool make_room(struct machine *m, struct loaded *l, uint64_t base, uint64_t end, struct error *err)
{
	if (end <= base || end > m->ram_low || base < MBI_ADDR + MBI_ROOM)
		return bad(m, err, "it does not fit into the guest's memory (from 192 KB up): give the guest more by -m");
	l->base = base;
	l->size = end - base;
	l->data = calloc(1, l->size);
	return l->data || bad(m, err, "no memory to load it");
}

/* "The address fields of Multiboot header": for images that are no ELF. */
static bool load_flat(struct machine *m, struct loaded *l, const uint8_t *image, size_t len, size_t header, struct error *err)
{
	if (header + MB_ADDRESSES > len)
		return bad(m, err, "its header is cut off");
	uint32_t header_addr = get32(image + header + 12), load = get32(image + header + 16), load_end = get32(image + header + 20),
	         bss_end = get32(image + header + 24);
	if (load > header_addr || header_addr - load > header)
		return bad(m, err, "its load address lies behind its header");
	size_t start = header - (header_addr - load), bytes = load_end ? load_end - load : len - start;
	if (load_end && (load_end < load || bytes > len - start))
		return bad(m, err, "it is shorter than its header says");
	uint64_t end = (uint64_t)load + bytes;
	if (!make_room(m, l, load, bss_end > end ? bss_end : end, err))
		return false;
	memcpy(l->data, image + start, bytes);
	l->entry = get32(image + header + 28);
	return true;
}

static bool load_elf(struct machine *m, struct loaded *l, const uint8_t *image, size_t len, struct error *err)
{
	if (len < ELF_HEADER || memcmp(image, "\177ELF", 4))
		return bad(m, err, "it is no ELF file and its header gives no addresses");
	if (image[4] != 1 || image[5] != 1 || get16(image + 18) != EM_386)
		return bad(m, err, "only 32-bit i386 ELF images can be loaded");
	uint32_t off = get32(image + ELF_PHOFF);
	unsigned n = get16(image + ELF_PHNUM), size = get16(image + ELF_PHENTSIZE);
	if (size < PH_SIZE || off > len || (uint64_t)n * size > len - off)
		return bad(m, err, "its program headers lie outside the file");
	uint64_t base = UINT64_MAX, end = 0;
	for (int pass = 0; pass < 2; pass++) {
		for (unsigned i = 0; i < n; i++) {
			const uint8_t *ph = image + off + (size_t)i * size;
			uint32_t from = get32(ph + 4), to = get32(ph + 12), file = get32(ph + 16), mem = get32(ph + 20);
			if (get32(ph) != PT_LOAD || !mem)
				continue;
			if (from > len || file > len - from || file > mem)
				return bad(m, err, "a segment lies outside the file");
			if (pass) {
				memcpy(l->data + (to - base), image + from, file);
				continue;
			}
			base = to < base ? to : base;
			end = (uint64_t)to + mem > end ? (uint64_t)to + mem : end;
		}
		if (!pass && !make_room(m, l, base, end, err))
			return false;
	}
	l->entry = get32(image + ELF_ENTRY);
	return true;
}

/* ---- modules and the information structure ----------------------------------------------------------------------------------------- */

struct info {
	uint8_t  data[MBI_ROOM];        /* at MBI_ADDR: structure, module list, strings */
	size_t   used;
	uint8_t *modules; size_t modules_len;
	uint64_t modules_addr;
	unsigned n_modules;
};

/* A string in the structure's room: its address, 0 when it does not fit. */
static uint32_t add_string(struct info *in, const char *s)
{
	size_t len = strlen(s) + 1;

	if (in->used + len > sizeof in->data)
		return 0;
	memcpy(in->data + in->used, s, len);
	in->used += len;
	return (uint32_t)(MBI_ADDR + in->used - len);
}

/* One module, "file args". */
static bool add_module(struct machine *m, struct info *in, const char *spec, struct error *err)
{
	char file[4096];
	size_t n = strcspn(spec, " "), len;

	if (in->n_modules == MODULES_MAX)
		return error_set(err, "-initrd: more than %d modules", MODULES_MAX);
	snprintf(file, sizeof file, "%.*s", (int)(n < sizeof file ? n : sizeof file - 1), spec);
	uint8_t *data = data_file_load(file, KERNEL_MAX, &len, err);
	if (!data)
		return error_prefix(err, "-initrd %s: ", file);
	size_t start = (in->modules_len + PAGE - 1) & ~(size_t)(PAGE - 1);
	uint8_t *grown = realloc(in->modules, start + len);
	uint32_t text = add_string(in, spec);
	if (!grown || !text) {
		free(data);
		return error_set(err, "-initrd %s: no room for the module", file);
	}
	in->modules = grown;
	memset(grown + in->modules_len, 0, start - in->modules_len);
	memcpy(grown + start, data, len);
	free(data);
	in->modules_len = start + len;
	uint8_t *e = in->data + MBI_SIZE + MODULE_SIZE * in->n_modules++;
	put32(e, (uint32_t)(in->modules_addr + start));
	put32(e + 4, (uint32_t)(in->modules_addr + start + len));
	put32(e + 8, text);
	return true;
}

/* -initrd "mod1 args,mod2": commas part modules, a doubled one stands for itself. */
static bool add_modules(struct machine *m, struct info *in, struct error *err)
{
	char spec[4096];
	size_t n = 0;

	for (const char *p = m->opt->initrd; p; p++) {
		bool doubled = p[0] == ',' && p[1] == ',';
		if (*p && (*p != ',' || doubled)) {
			if (n + 1 >= sizeof spec)
				return error_set(err, "-initrd: a module's text is longer than %zu characters", sizeof spec - 1);
			spec[n++] = *p;
			p += doubled;
			continue;
		}
		spec[n] = 0;
		if (n && !add_module(m, in, spec, err))
			return false;
		n = 0;
		if (!*p)
			break;
	}
	if (in->modules_addr + in->modules_len > m->ram_low - TOP_RESERVED)
		return error_set(err, "-initrd: the modules do not fit into the guest's memory: give the guest more by -m");
	return true;
}

/* "Boot information format"; the boot ROM adds the memory map. */
static bool fill_info(struct machine *m, struct info *in, struct error *err)
{
	char line[4096];
	uint8_t *b = in->data;

	snprintf(line, sizeof line, "%s %s", m->opt->kernel, m->opt->append ? m->opt->append : "");
	put32(b, INFO_MEMORY | INFO_BOOTDEV | INFO_CMDLINE | INFO_MODS | INFO_MMAP | INFO_LOADER);
	put32(b + 4, 639);
	put32(b + 8, (uint32_t)((m->ram_low - (1 << 20)) / 1024));
	put32(b + 12, 0x8000ffff);
	put32(b + 16, add_string(in, line));
	put32(b + 20, in->n_modules);
	put32(b + 24, MBI_ADDR + MBI_SIZE);
	put32(b + 64, add_string(in, "vmux"));
	return (get32(b + 16) && get32(b + 64)) || error_set(err, "-append: the command line is too long");
}

bool multiboot_add(struct machine *m, const uint8_t *image, size_t len, long header, struct error *err)
{
	struct loaded l = { 0 };
	struct info *in = calloc(1, sizeof *in);
	uint32_t flags = get32(image + header + 4);
	bool ok = false;

	if (!in)
		abort();
	in->used = MBI_SIZE + MODULE_SIZE * MODULES_MAX;
	if (m->ram_low <= 2 * TOP_RESERVED)
		bad(m, err, "the guest has too little memory: give it more by -m");
	else if (flags & 0xffff & ~FLAGS_KNOWN)
		bad(m, err, "it wants features this loader does not have");
	else if (flags & FLAG_ADDRESSES ? load_flat(m, &l, image, len, (size_t)header, err) : load_elf(m, &l, image, len, err)) {
		in->modules_addr = (l.base + l.size + PAGE - 1) & ~(uint64_t)(PAGE - 1);
		if (in->modules_addr < 0x100000)
			in->modules_addr = 0x100000;    /* not where video memory and ROMs are */
		ok = add_modules(m, in, err) && fill_info(m, in, err);
	}
	if (ok) {
		kernel_item(m, FW_CFG_KERNEL_ADDR, FW_CFG_KERNEL_SIZE, FW_CFG_KERNEL_DATA, (uint32_t)l.base, l.data, l.size);
		kernel_item(m, FW_CFG_INITRD_ADDR, FW_CFG_INITRD_SIZE, FW_CFG_INITRD_DATA, (uint32_t)in->modules_addr,
		            in->modules ? in->modules : (const void *)"", in->modules_len);
		kernel_item(m, FW_CFG_CMDLINE_ADDR, FW_CFG_CMDLINE_SIZE, FW_CFG_CMDLINE_DATA, MBI_ADDR, in->data, in->used);
		fw_cfg_add_u32(m, FW_CFG_KERNEL_ENTRY, l.entry);
	}
	free(l.data);
	free(in->modules);
	free(in);
	return ok;
}
