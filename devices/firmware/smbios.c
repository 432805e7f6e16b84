/* smbios.c - SMBIOS tables: what dmidecode shows.
 *
 * Ref: System Management BIOS Reference Specification 2.8 (DSP0134), chapter 7 "Structure definitions", 5.2.1 "SMBIOS Structure
 * Table Entry Point".  The firmware adds the table's address to the entry point. */
#include "devices/firmware/smbios.h"
#include "core/cpu/cpu.h"
#include "core/machine/le.h"
#include "core/machine/machine.h"
#include "core/version.h"
#include "devices/misc/fw_cfg.h"
#include <string.h>

enum { BIOS = 0, SYSTEM = 1, CHASSIS = 3, PROCESSOR = 4, MEMORY_ARRAY = 16, MEMORY_DEVICE = 17, ARRAY_ADDRESS = 19, BOOT_INFO = 32, END = 127 };
enum { ENTRY_SIZE = 31, MAX_TABLES = 8192, UNKNOWN = 2, OTHER = 1, ECC_NONE = 3 };
/* A handle is the type in the high byte, a number in the low one. */
#define HANDLE(type, n) ((type) << 8 | (n))

struct smbios { uint8_t data[MAX_TABLES]; size_t len; unsigned count, max_size; };

/* Append a structure: `size` bytes of formatted area (zeroed, header done) and its strings, numbered from 1. */
static uint8_t *add(struct smbios *s, unsigned type, unsigned n, unsigned size, const char *const *strings)
{
	size_t total = size, used;

	for (unsigned i = 0; strings && strings[i]; i++)
		total += strlen(strings[i]) + 1;
	total += strings && strings[0] ? 1 : 2;
	if (s->len + total > sizeof s->data)
		return NULL;
	uint8_t *p = s->data + s->len;
	memset(p, 0, total);
	p[0] = (uint8_t)type;
	p[1] = (uint8_t)size;
	le_put(p + 2, HANDLE(type, n), 2);
	used = size;
	for (unsigned i = 0; strings && strings[i]; i++) {
		memcpy(p + used, strings[i], strlen(strings[i]));
		used += strlen(strings[i]) + 1;
	}
	s->len += total;
	s->count++;
	s->max_size = total > s->max_size ? (unsigned)total : s->max_size;
	return p;
}

static bool add_platform(struct smbios *s, const uint8_t uuid[16])
{
	static const char *const bios[] = { "SeaBIOS", "unknown", "04/01/2014", NULL };
	static const char *const system[] = { "vmux", "Standard PC (i440FX + PIIX, 1996)", VMUX_VERSION, NULL };
	static const char *const chassis[] = { "vmux", NULL };
	uint8_t *p = add(s, BIOS, 0, 24, bios);

	if (!p)
		return false;
	p[4] = 1;
	p[5] = 2;
	le_put(p + 6, 0xe800, 2);
	p[8] = 3;
	p[10] = 0x08;           /* characteristics are not supported; it is a virtual machine */
	p[19] = 0x18;
	p = add(s, SYSTEM, 0, 27, system);
	if (!p)
		return false;
	p[4] = 1;
	p[5] = 2;
	p[6] = 3;
	/* the first three fields of a UUID are little-endian here */
	static const uint8_t order[16] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 };
	for (unsigned i = 0; i < 16; i++)
		p[8 + i] = uuid[order[i]];
	p[24] = 6;              /* woken by the power switch */
	p = add(s, CHASSIS, 0, 21, chassis);
	if (!p)
		return false;
	p[4] = 1;
	p[5] = OTHER;
	p[9] = p[10] = p[11] = 3;       /* states: safe */
	p[12] = UNKNOWN;
	return true;
}

static bool add_processors(struct smbios *s, struct machine *m, uint64_t present)
{
	for (unsigned i = 0; i < MAX_CPUS; i++) {
		char socket[16];
		const char *const strings[] = { socket, "vmux", NULL };
		if (!(present >> i & 1))
			continue;
		snprintf(socket, sizeof socket, "CPU %u", i);
		uint8_t *p = add(s, PROCESSOR, i, 42, strings);
		if (!p)
			return false;
		p[4] = 1;
		p[5] = 3;               /* central processor */
		p[6] = OTHER;
		p[7] = 2;
		if (m->n_cpus > i && m->cpus[i]) {
			struct cpuid_result id = cpu_cpuid(m->cpus[i], 1, 0);
			le_put(p + 8, id.eax, 4);
			le_put(p + 12, id.edx, 4);
		}
		le_put(p + 20, 1000, 2);   /* MHz: of the time-stamp counter */
		le_put(p + 22, 1000, 2);
		p[24] = 0x41;           /* populated, enabled */
		p[25] = OTHER;
		le_put(p + 26, 0xffffff, 3);
		p[28] = p[29] = p[30] = p[31] = 0xff;   /* no cache information */
		p[35] = p[36] = p[37] = 1;
		le_put(p + 38, UNKNOWN, 2);
	}
	return true;
}

static bool add_range(struct smbios *s, unsigned n, uint64_t start, uint64_t size)
{
	uint8_t *p = add(s, ARRAY_ADDRESS, n, 31, NULL);

	if (!p)
		return false;
	le_put(p + 4, start / 1024, 4);
	le_put(p + 8, (start + size) / 1024 - 1, 4);
	le_put(p + 12, HANDLE(MEMORY_ARRAY, 0), 2);
	p[14] = 1;
	return true;
}

static bool add_memory(struct smbios *s, struct machine *m)
{
	static const char *const dimm[] = { "DIMM 0", "vmux", NULL };
	uint64_t mb = m->ram_size >> 20;
	uint8_t *p = add(s, MEMORY_ARRAY, 0, 23, NULL);

	if (!p)
		return false;
	p[4] = OTHER;
	p[5] = 3;               /* system memory */
	p[6] = ECC_NONE;
	le_put(p + 7, m->ram_size >> 10 < 0x80000000u ? m->ram_size >> 10 : 0x80000000u, 4);
	le_put(p + 11, 0xfffe, 2); /* no error information */
	le_put(p + 13, 1, 2);
	le_put(p + 15, m->ram_size >> 10 < 0x80000000u ? 0 : m->ram_size, 8);
	p = add(s, MEMORY_DEVICE, 0, 40, dimm);
	if (!p)
		return false;
	le_put(p + 4, HANDLE(MEMORY_ARRAY, 0), 2);
	le_put(p + 6, 0xfffe, 2);
	le_put(p + 8, 0xffff, 2);  /* widths unknown */
	le_put(p + 10, 0xffff, 2);
	le_put(p + 12, mb < 0x7fff ? mb : 0x7fff, 2);
	p[14] = 9;              /* DIMM */
	p[16] = 1;
	p[18] = 7;              /* RAM */
	le_put(p + 19, UNKNOWN, 2);
	p[23] = 2;
	le_put(p + 28, mb < 0x7fff ? 0 : mb, 4);
	return add_range(s, 0, 0, m->ram_low) && (!m->ram_high || add_range(s, 1, UINT64_C(1) << 32, m->ram_high));
}

static void fill_entry(const struct smbios *s, uint8_t e[ENTRY_SIZE])
{
	memcpy(e, "_SM_", 4);
	e[5] = ENTRY_SIZE;
	e[6] = 2;
	e[7] = 8;
	le_put(e + 8, s->max_size, 2);
	memcpy(e + 16, "_DMI_", 5);
	le_put(e + 22, s->len, 2);
	le_put(e + 28, s->count, 2);
	e[30] = 0x28;
	for (unsigned i = 16; i < ENTRY_SIZE; i++)
		e[21] = (uint8_t)(e[21] - (i == 21 ? 0 : e[i]));
	for (unsigned i = 0; i < ENTRY_SIZE; i++)
		e[4] = (uint8_t)(e[4] - (i == 4 ? 0 : e[i]));
}

bool smbios_add_tables(struct machine *m, uint64_t present, const uint8_t uuid[16], struct error *err)
{
	struct smbios s = { .len = 0 };
	uint8_t entry[ENTRY_SIZE] = { 0 };

	if (!add_platform(&s, uuid) || !add_processors(&s, m, present) || !add_memory(&s, m) || !add(&s, BOOT_INFO, 0, 11, NULL) ||
	    !add(&s, END, 0, 4, NULL))
		return error_set(err, "the SMBIOS tables of %d processors are too long", __builtin_popcountll(present));
	fill_entry(&s, entry);
	return fw_cfg_add_file(m, "etc/smbios/smbios-tables", s.data, s.len, err) &&
	       fw_cfg_add_file(m, "etc/smbios/smbios-anchor", entry, sizeof entry, err);
}
