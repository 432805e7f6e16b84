/* pc_firmware.c - the board's BIOS, and what it tells it: CMOS bytes and fw_cfg items.
 *
 * Ref: SeaBIOS's documentation "Runtime config"; CMOS map as of the PC/AT Technical Reference, with the bytes that virtual machines
 * added (34h, 38h, 39h, 3dh, 5bh-5fh). */
#include "core/cpu/cpu.h"
#include "core/machine/datafile.h"
#include "core/machine/le.h"
#include "devices/chipset/i440fx.h"
#include "devices/chipset/mc146818.h"
#include "devices/firmware/acpi.h"
#include "devices/firmware/kernel.h"
#include "devices/firmware/smbios.h"
#include "devices/misc/fw_cfg.h"
#include "devices/pc_priv.h"
#include "devices/storage/storage.h"
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { BIOS_MAX = 16 << 20, BIOS_UNIT = 64 << 10, BIOS_LOW = 128 << 10 };
enum { CMOS_FLOPPIES = 0x10, CMOS_DISKS = 0x12, CMOS_EQUIPMENT = 0x14, CMOS_BASE_MEM = 0x15, CMOS_EXT_MEM = 0x17, CMOS_DISK_TYPE = 0x19,
       CMOS_DISK_GEOMETRY = 0x1b, CMOS_EXT_MEM2 = 0x30, CMOS_MEM_16M = 0x34, CMOS_BOOT3 = 0x38, CMOS_TRANSLATION = 0x39,
       CMOS_BOOT12 = 0x3d, CMOS_MEM_4G = 0x5b, CMOS_CPUS = 0x5f };
enum { EQUIP_FPU = 1 << 1, EQUIP_MOUSE = 1 << 2, EQUIP_FLOPPY = 1 << 0 };
enum { E820_RAM = 1 };

/* ---- BIOS ---------------------------------------------------------------------------------------------------------------------- */

static void info_roms(void *arg, struct text *out)
{
	struct pc *pc = arg;
	const char *name = pc->dev.machine->opt->bios ? pc->dev.machine->opt->bios : "bios-256k.bin";

	if (pc->bios.size)
		text_printf(out, "addr=%016" PRIx64 " size=0x%06" PRIx64 " mem=rom name=\"%s\"\n", pc->bios.base, pc->bios.size, name);
}

bool pc_load_bios(struct pc *pc, struct error *err)
{
	struct machine *m = pc->dev.machine;
	pc->roms = (struct info_hook){ .name = "roms", .print = info_roms, .arg = pc };
	machine_add_info(m, &pc->roms);
	const char *name = m->opt->bios ? m->opt->bios : "bios-256k.bin";
	char path[4096];
	size_t len = 0;

	if (!m->accel->runs_guest && !m->opt->bios)
		return true;            /* device tests have no use for one */
	const char *found = data_file_find(m->opt, NULL, name, path, sizeof path);
	uint8_t *data = data_file_load(found ? found : name, BIOS_MAX, &len, err);
	if (!data)
		return error_set(err, "-bios %s: could not load PC BIOS '%s'%s", name, name,
		                 m->opt->bios ? "" : " (Debian's package seabios has it; -bios FILE or -L DIR name another)");
	bool ok = len % BIOS_UNIT == 0;
	if (!ok) {
		error_set(err, "-bios %s: its size, %zu bytes, is no multiple of 64 KB", name, len);
	} else {
		uint64_t addr = ram_alloc(&m->ram, "pc.bios", len, err);
		ok = addr != UINT64_MAX;
		if (ok) {
			memcpy(m->ram.host + addr, data, len);
			pc->bios = (struct region){ .name = "pc.bios", .kind = REGION_ROM, .base = (UINT64_C(1) << 32) - len, .size = len,
			                            .ram_addr = addr };
			ok = space_map(&m->mem, &pc->bios, err);
		}
	}
	size_t low = len < BIOS_LOW ? len : BIOS_LOW;
	if (ok)
		i440fx_set_bios(pc->i440fx, data + len - low, (unsigned)low);
	free(data);
	return ok;
}

/* ---- CMOS ---------------------------------------------------------------------------------------------------------------------- */

static void set_cmos(struct machine *m, unsigned at, unsigned bytes, uint64_t v)
{
	for (unsigned i = 0; i < bytes; i++)
		mc146818_set_cmos(m->rtc, at + i, (uint8_t)(v >> (8 * i)));
}

static uint64_t clamp16(uint64_t v)
{
	return v < 0xffff ? v : 0xffff;
}

static void set_memory(struct machine *m)
{
	const uint64_t kb = 1024, mb = 1024 * kb;
	uint64_t ext = m->ram_low > mb ? clamp16((m->ram_low - mb) / kb) : 0;

	set_cmos(m, CMOS_BASE_MEM, 2, m->ram_low / kb < 640 ? m->ram_low / kb : 640);
	set_cmos(m, CMOS_EXT_MEM, 2, ext);
	set_cmos(m, CMOS_EXT_MEM2, 2, ext);
	set_cmos(m, CMOS_MEM_16M, 2, m->ram_low > 16 * mb ? clamp16((m->ram_low - 16 * mb) / (64 * kb)) : 0);
	set_cmos(m, CMOS_MEM_4G, 3, m->ram_high / (64 * kb));
}

/* CMOS codes of boot devices: 1 floppy, 2 disk, 3 CD, 4 network. */
static unsigned boot_code(char c)
{
	static const char letters[] = "acdn";
	const char *p = c ? strchr(letters, tolower((unsigned char)c)) : NULL;

	return p ? (unsigned)(p - letters) + 1 : 0;
}

static void set_boot_order(struct machine *m, const char *order)
{
	unsigned codes[3] = { 0 };

	for (unsigned i = 0; i < 3 && order[i]; i++)
		codes[i] = boot_code(order[i]);
	set_cmos(m, CMOS_BOOT12, 1, codes[1] << 4 | codes[0]);
	set_cmos(m, CMOS_BOOT3, 1, codes[2] << 4);      /* bit 0 clear: floppies' boot signatures are checked */
}

static bool add_cpu_tables(struct pc *pc, struct error *err);

/* CPUs that are there, as bits. */
static uint64_t cpus_present(const struct pc *pc)
{
	const struct machine *m = pc->dev.machine;
	uint64_t present = 0;

	for (unsigned n = 0; n < pc->n_places; n++)
		present |= (uint64_t)(m->cpus[n] ? !m->cpus[n]->absent : n < pc->n_cpus) << n;
	return present;
}

/* -boot once= holds until the first reset; with it the tables tell of CPUs that came or went. */
static void on_event(void *arg, enum machine_event ev, const char *detail_json)
{
	struct pc *pc = arg;
	struct machine *m = pc->dev.machine;
	struct error err;

	if (ev != EV_RESET)
		return;
	if (pc->enabled != cpus_present(pc) && !add_cpu_tables(pc, &err))
		log_printf(m, "the firmware's tables tell of the CPUs that were there before: %s\n", err.msg);
	if (pc->booted_once || !m->opt->boot_once)
		return;
	pc->booted_once = true;
	set_boot_order(m, m->opt->boot_order ? m->opt->boot_order : "cad");
}

static void set_drives(struct pc *pc)
{
	struct machine *m = pc->dev.machine;
	uint8_t floppies = storage_cmos_floppies(pc->fdc);
	unsigned n_floppies = !!(floppies >> 4) + !!(floppies & 15), types = 0, translation = 0;

	set_cmos(m, CMOS_FLOPPIES, 1, floppies);
	set_cmos(m, CMOS_EQUIPMENT, 1, EQUIP_FPU | EQUIP_MOUSE | (n_floppies ? EQUIP_FLOPPY | (n_floppies - 1) << 6 : 0));
	for (unsigned i = 0; i < 4; i++) {
		struct disk_geometry g;
		if (!storage_disk_geometry(pc->ide, i, &g))
			continue;
		translation |= (g.translation & 3) << (2 * i);
		if (i > 1)
			continue;
		/* type 47, user-defined: cylinders, heads, write precompensation ffffh, control, landing zone, sectors */
		unsigned at = CMOS_DISK_GEOMETRY + 9 * i;
		types |= 0xfu << (i ? 0 : 4);
		set_cmos(m, CMOS_DISK_TYPE + i, 1, 47);
		set_cmos(m, at, 2, g.cyls);
		set_cmos(m, at + 2, 1, g.heads);
		set_cmos(m, at + 3, 2, 0xffff);
		set_cmos(m, at + 5, 1, 0xc0 | (g.heads > 8) << 3);
		set_cmos(m, at + 6, 2, g.cyls);
		set_cmos(m, at + 8, 1, g.secs);
	}
	set_cmos(m, CMOS_DISKS, 1, types);
	set_cmos(m, CMOS_TRANSLATION, 1, translation);
}

/* How many it has to wait for. */
static void tell_firmware_cpus(struct machine *m, unsigned n)
{
	set_cmos(m, CMOS_CPUS, 1, n - 1);
	fw_cfg_add_u16(m, FW_CFG_NB_CPUS, (uint16_t)n);
}

bool pc_fill_cmos(struct pc *pc, struct error *err)
{
	struct machine *m = pc->dev.machine;
	const char *order = m->opt->boot_once ? m->opt->boot_once : m->opt->boot_order;

	set_memory(m);
	set_drives(pc);
	set_boot_order(m, order ? order : "cad");
	m->set_boot_order = set_boot_order;
	tell_firmware_cpus(m, (unsigned)__builtin_popcountll(cpus_present(pc)));
	m->cpus_changed = tell_firmware_cpus;
	pc->listener = (struct listener){ .fn = on_event, .arg = pc };
	machine_listen(m, &pc->listener);
	return true;
}

/* ---- fw_cfg --------------------------------------------------------------------------------------------------------------------- */

/* Entries of address, length, type (8, 8, 4 bytes). */
static bool add_e820(struct machine *m, struct error *err)
{
	uint8_t table[2][20];
	unsigned n = 0;

	le_put(table[n], 0, 8);
	le_put(table[n] + 8, m->ram_low, 8);
	le_put(table[n++] + 16, E820_RAM, 4);
	if (m->ram_high) {
		le_put(table[n], UINT64_C(1) << 32, 8);
		le_put(table[n] + 8, m->ram_high, 8);
		le_put(table[n++] + 16, E820_RAM, 4);
	}
	return fw_cfg_add_file(m, "etc/e820", table, n * sizeof table[0], err);
}

/* 8-4-4-4-12 hex digits to the 16 bytes as written; all zeroes without -uuid. */
static bool parse_uuid(struct machine *m, uint8_t uuid[16], struct error *err)
{
	unsigned n = 0;

	memset(uuid, 0, 16);
	for (const char *p = m->opt->uuid; p && *p && n < 32; p++) {
		if (*p == '-')
			continue;
		if (!isxdigit((unsigned char)*p))
			return error_set(err, "-uuid %s is no UUID: write it as 8-4-4-4-12 hexadecimal digits", m->opt->uuid);
		unsigned v = isdigit((unsigned char)*p) ? (unsigned)(*p - '0') : (unsigned)(tolower((unsigned char)*p) - 'a') + 10;
		uuid[n / 2] |= (uint8_t)(v << (n & 1 ? 0 : 4));
		n++;
	}
	return true;
}

static bool add_boot_options(struct machine *m, struct error *err)
{
	/* Sleep states S3, S4, S5: bit 7 = there is one.  Only S5 is. */
	static const uint8_t states[6] = { 128, 0, 0, 1, 2, 128 };
	uint8_t le[4];

	fw_cfg_add_u16(m, FW_CFG_BOOT_MENU, m->opt->boot_menu);
	if (m->opt->reboot_timeout >= 0) {
		le_put(le, (uint64_t)m->opt->reboot_timeout, 4);
		if (!fw_cfg_add_file(m, "etc/boot-fail-wait", le, 4, err))
			return false;
	}
	return fw_cfg_add_file(m, "etc/system-states", states, sizeof states, err);
}

static bool port_is(struct machine *m, unsigned port, const char *device)
{
	const struct flat_range *f = space_find(&m->io, port);

	return f && f->r->dev && !strcmp(f->r->dev->desc->name, device);
}

static bool add_acpi(struct pc *pc, struct error *err)
{
	static const uint16_t com[4] = { 0x3f8, 0x2f8, 0x3e8, 0x2e8 }, lpt[3] = { 0x378, 0x278, 0x3bc };
	struct machine *m = pc->dev.machine;
	uint32_t devices = ACPI_FLOPPY | (m->opt->no_hpet ? 0 : ACPI_HPET);

	for (unsigned i = 0; i < 4; i++)
		devices |= port_is(m, com[i], "isa-serial") ? (uint32_t)ACPI_COM1 << i : 0;
	for (unsigned i = 0; i < 3; i++)
		devices |= port_is(m, lpt[i], "isa-parallel") ? (uint32_t)ACPI_LPT1 << i : 0;
	pc->enabled = cpus_present(pc);
	return m->opt->no_acpi || acpi_add_tables(m, pc->n_places, pc->enabled, pc->n_places > pc->n_cpus, devices, err);
}

/* What tells of the CPUs that are there. */
static bool add_cpu_tables(struct pc *pc, struct error *err)
{
	uint8_t uuid[16];

	return parse_uuid(pc->dev.machine, uuid, err) && add_acpi(pc, err) && smbios_add_tables(pc->dev.machine, pc->enabled, uuid, err);
}

/* The kernel's ROM comes first in the boot order, then what was given a bootindex; "HALT" ends it for -boot strict=on. */
static bool add_boot_order(struct machine *m, struct error *err)
{
	struct text order = { 0 };
	const char *rom;

	if (!kernel_add(m, &rom, err))
		return false;
	if (rom)
		text_printf(&order, "/rom@%s\n", rom);
	bool ok = storage_boot_order(m, &order, err);
	if (m->opt->boot_strict)
		text_printf(&order, "HALT\n");
	if (ok && order.len)
		ok = fw_cfg_add_file(m, "bootorder", order.s, order.len + 1, err);
	text_free(&order);
	return ok;
}

bool pc_fill_fw_cfg(struct pc *pc, struct error *err)
{
	struct machine *m = pc->dev.machine;
	uint8_t uuid[16];

	if (!parse_uuid(m, uuid, err))
		return false;
	fw_cfg_add(m, FW_CFG_UUID, uuid, sizeof uuid);
	fw_cfg_add_u64(m, FW_CFG_RAM_SIZE, m->ram_size);
	fw_cfg_add_u16(m, FW_CFG_MAX_CPUS, (uint16_t)pc->n_places);
	fw_cfg_add_u16(m, FW_CFG_NOGRAPHIC, m->opt->nographic);
	fw_cfg_add_u32(m, FW_CFG_IRQ0_OVERRIDE, 1);
	return add_e820(m, err) && add_boot_options(m, err) && add_cpu_tables(pc, err) &&
	       add_boot_order(m, err) && fw_cfg_add_options(m, err);
}

/* ---- the board as a device: owner of what belongs to no chip ----------------------------------------------------------------------- */

static void board_unrealize(struct device *d)
{
	struct pc *pc = container_of(d, struct pc, dev);
	struct space *mem = &d->machine->mem;

	machine_unlisten(d->machine, &pc->listener);
	machine_remove_info(d->machine, &pc->roms);
	for (unsigned i = 0; i < 3; i++)
		space_unmap(mem, &pc->ram[i]);
	space_unmap(mem, &pc->bios);
}

static const struct state_field board_state[] = { STATE_BOOL(struct pc, booted_once), STATE_END };
const struct device_desc pc_board_desc = {
	.name = "pc-board", .bus = "System", .category = "Misc", .description = "memory and firmware of the board",
	.size = sizeof(struct pc), .state = board_state, .state_version = 1, .unrealize = board_unrealize,
};
