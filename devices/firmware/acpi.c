/* acpi.c - ACPI tables and the script by which firmware installs them.
 *
 * Ref: ACPI specification 6.3, chapter 5 "ACPI Software Programming Model"; IA-PC HPET Specification 1.0a, section 3.2.4; for the
 * script, fw_cfg's "etc/table-loader": commands of 128 bytes that allocate a file, add a file's address to a pointer in another,
 * and fill in a checksum.
 *
 * All tables lie in the file "etc/acpi/tables"; a pointer holds the offset in that file until the firmware adds its address. */
#include "devices/firmware/acpi.h"
#include "core/cpu/topology.h"
#include "core/machine/le.h"
#include "core/machine/machine.h"
#include "devices/misc/fw_cfg.h"
#include "dsdt.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_TABLES "etc/acpi/tables"
#define FILE_RSDP   "etc/acpi/rsdp"
#define FILE_LOADER "etc/table-loader"
enum { HEADER = 36, FACS_SIZE = 64, FADT_SIZE = 244, RSDP_SIZE = 20, COMMAND_SIZE = 128, NAME_SIZE = 56, OFF_CHECKSUM = 9 };
enum { LOAD_ALLOCATE = 1, LOAD_POINTER, LOAD_CHECKSUM, ZONE_HIGH = 1, ZONE_FSEG = 2 };
/* The power management block where firmware puts it (piix4_pm.c), and the values it answers to. */
enum { PM1_EVENT = 0x600, PM1_CONTROL = 0x604, PM_TIMER = 0x608, GPE0 = 0xafe0, SMI_PORT = 0xb2, ACPI_ENABLE = 0xf1, ACPI_DISABLE = 0xf0,
       SCI = 9, RESET_PORT = 0xcf9, RESET_VALUE = 0x06, CMOS_CENTURY = 0x32 };

struct tables {
	uint8_t *data;  size_t len;     /* FILE_TABLES */
	uint8_t *loader; size_t n_commands;
	uint32_t rsdt_entry[8]; unsigned n_entries;
};

/* ---- the loader's script ---------------------------------------------------------------------------------------------------------- */

static uint8_t *command(struct tables *t, unsigned what)
{
	t->loader = realloc(t->loader, (t->n_commands + 1) * COMMAND_SIZE);
	if (!t->loader)
		abort();
	uint8_t *c = t->loader + COMMAND_SIZE * t->n_commands++;
	memset(c, 0, COMMAND_SIZE);
	le_put(c, what, 4);
	return c + 4;
}

static void allocate(struct tables *t, const char *file, unsigned align, unsigned zone)
{
	uint8_t *c = command(t, LOAD_ALLOCATE);

	strcpy((char *)c, file);
	le_put(c + NAME_SIZE, align, 4);
	c[NAME_SIZE + 4] = (uint8_t)zone;
}

/* Add the address of FILE_TABLES to the pointer of 4 or 8 bytes at `offset` in `file`. */
static void pointer(struct tables *t, const char *file, size_t offset, unsigned bytes)
{
	uint8_t *c = command(t, LOAD_POINTER);

	strcpy((char *)c, file);
	strcpy((char *)c + NAME_SIZE, FILE_TABLES);
	le_put(c + 2 * NAME_SIZE, offset, 4);
	c[2 * NAME_SIZE + 4] = (uint8_t)bytes;
}

static void checksum(struct tables *t, const char *file, size_t at, size_t start, size_t len)
{
	uint8_t *c = command(t, LOAD_CHECKSUM);

	strcpy((char *)c, file);
	le_put(c + NAME_SIZE, at, 4);
	le_put(c + NAME_SIZE + 4, start, 4);
	le_put(c + NAME_SIZE + 8, len, 4);
}

/* ---- tables -------------------------------------------------------------------------------------------------------------------- */

/* Append a zeroed piece; returns its offset. */
static size_t grow(struct tables *t, size_t len)
{
	size_t at = t->len;

	t->data = realloc(t->data, at + len);
	if (!t->data)
		abort();
	memset(t->data + at, 0, len);
	t->len += len;
	return at;
}

/* The same as a pointer, good until the next piece. */
static uint8_t *append(struct tables *t, size_t len)
{
	size_t at = grow(t, len);

	return t->data + at;
}

/* Append a table with its header filled in ("System Description Table Header"). */
static size_t new_table(struct tables *t, const char *signature, unsigned revision, size_t len)
{
	size_t at = grow(t, len);
	uint8_t *h = t->data + at;

	memcpy(h, signature, 4);
	le_put(h + 4, len, 4);
	h[8] = (uint8_t)revision;
	memcpy(h + 10, "VMUX  VMUXPC  ", 14);
	le_put(h + 24, 1, 4);
	memcpy(h + 28, "VMUX", 4);
	le_put(h + 32, 1, 4);
	return at;
}

static void finish_table(struct tables *t, size_t at, bool in_rsdt)
{
	checksum(t, FILE_TABLES, at + OFF_CHECKSUM, at, t->len - at);
	if (in_rsdt && t->n_entries < sizeof t->rsdt_entry / sizeof t->rsdt_entry[0])
		t->rsdt_entry[t->n_entries++] = (uint32_t)at;
}

/* Name (NAME, DWord): 08 NAME 0c value. */
static void patch_name(uint8_t *aml, size_t len, const char *name, uint32_t value)
{
	for (size_t i = 0; i + 10 <= len; i++)
		if (aml[i] == 0x08 && !memcmp(aml + i + 1, name, 4) && aml[i + 5] == 0x0c) {
			le_put(aml + i + 6, value, 4);
			return;
		}
	assert(!"the DSDT lacks a name that is patched");
}

static size_t add_dsdt(struct tables *t, uint32_t devices)
{
	size_t at = grow(t, sizeof dsdt_aml_code);
	uint8_t *aml = t->data + at;

	memcpy(aml, dsdt_aml_code, sizeof dsdt_aml_code);
	aml[OFF_CHECKSUM] = 0;
	patch_name(aml, sizeof dsdt_aml_code, "VMXB", devices);
	finish_table(t, at, false);
	return at;
}

/* PkgLength of three bytes. */
static uint8_t *put_length(uint8_t *p, size_t n)
{
	p[0] = (uint8_t)(0x80 | (n & 15));
	p[1] = (uint8_t)(n >> 4);
	p[2] = (uint8_t)(n >> 12);
	return p + 3;
}

/* The processors, as AML: Scope (\_SB) { Device (Cnnn) { Name (_HID, "ACPI0007") Name (_UID, n) } ... } */
static void add_processors(struct tables *t, unsigned n_cpus)
{
	enum { SCOPE_HEADER = 3 + 5, DEVICE_BODY = 1 + 4 + 15 + 7, DEVICE = 2 + DEVICE_BODY };
	size_t at = new_table(t, "SSDT", 1, HEADER + SCOPE_HEADER + DEVICE * (size_t)n_cpus);
	uint8_t *p = t->data + at + HEADER;
	unsigned scope = SCOPE_HEADER - 1 + DEVICE * n_cpus;    /* the length counts itself: two bytes, low nibble first */

	*p++ = 0x10;
	*p++ = (uint8_t)(0x40 | (scope & 15));
	*p++ = (uint8_t)(scope >> 4);
	memcpy(p, "\\_SB_", 5);
	p += 5;
	for (unsigned i = 0; i < n_cpus; i++, p += DEVICE) {
		char name[8];
		snprintf(name, sizeof name, "C%03X", i & 0xfff);
		p[0] = 0x5b;
		p[1] = 0x82;
		p[2] = DEVICE_BODY;
		memcpy(p + 3, name, 4);
		memcpy(p + 7, "\x08_HID\x0d" "ACPI0007", 15);
		memcpy(p + 22, "\x08_UID\x0a", 6);
		p[28] = (uint8_t)i;
	}
	finish_table(t, at, true);
}

/* The same where some may come later.  Each has methods that ask those of the DSDT with its number, and CTFY notifies one by number:
 *   Device (Cnnn) { _HID, _UID, Method (_STA) { Return (CSTA (n)) } Method (_MAT) { Return (CMAT (n)) } Method (_EJ0, 1) { CEJ0 (n) } }
 *   Method (CTFY, 2) { If (Arg0 == n) { Notify (Cnnn, Arg1) } ... } */
static void add_places(struct tables *t, unsigned n_places)
{
	enum { METHOD = 14, METHODS = 2 * METHOD + METHOD - 1, BODY = 2 + 4 + 15 + 7 + METHODS, DEVICE = 2 + BODY, IF = 12, NOTIFY = 1 + 3 + 4 + 1 };
	size_t scope = 3 + 5 + DEVICE * (size_t)n_places + NOTIFY + IF * (size_t)n_places;
	size_t at = new_table(t, "SSDT", 1, HEADER + 1 + scope);
	uint8_t *p = t->data + at + HEADER;

	*p++ = 0x10;
	p = put_length(p, scope);
	memcpy(p, "\\_SB_", 5);
	p += 5;
	for (unsigned i = 0; i < n_places; i++) {
		static const struct { char name[5], calls[5]; } methods[] = { { "_STA", "CSTA" }, { "_MAT", "CMAT" }, { "_EJ0", "CEJ0" } };
		char name[8];
		snprintf(name, sizeof name, "C%03X", i & 0xfff);
		*p++ = 0x5b;
		*p++ = 0x82;
		*p++ = 0x40 | (BODY & 15);
		*p++ = BODY >> 4;
		memcpy(p, name, 4);
		memcpy(p + 4, "\x08_HID\x0d" "ACPI0007", 15);
		memcpy(p + 19, "\x08_UID\x0a", 6);
		p[25] = (uint8_t)i;
		p += 26;
		for (unsigned k = 0; k < 3; k++) {
			bool eject = k == 2;            /* takes an argument and returns nothing */
			*p++ = 0x14;
			*p++ = (uint8_t)(METHOD - 1 - eject);
			memcpy(p, methods[k].name, 4);
			p += 4;
			*p++ = eject;
			if (!eject)
				*p++ = 0xa4;
			memcpy(p, methods[k].calls, 4);
			p[4] = 0x0a;
			p[5] = (uint8_t)i;
			p += 6;
		}
	}
	*p++ = 0x14;
	p = put_length(p, NOTIFY - 1 + IF * (size_t)n_places);
	memcpy(p, "CTFY\x02", 5);
	p += 5;
	for (unsigned i = 0; i < n_places; i++, p += IF) {
		memcpy(p, "\xa0\x0b\x93\x68\x0a", 5);
		p[5] = (uint8_t)i;
		p[6] = 0x86;
		snprintf((char *)p + 7, 5, "C%03X", i & 0xfff);
		p[11] = 0x69;
	}
	assert(p == t->data + t->len);
	finish_table(t, at, true);
}

/* Generic Address Structure of an I/O register. */
static void put_gas(uint8_t *p, unsigned bits, unsigned port)
{
	p[0] = 1;
	p[1] = (uint8_t)bits;
	p[3] = bits <= 8 ? 1 : bits <= 16 ? 2 : 3;
	le_put(p + 4, port, 8);
}

/* "Fixed ACPI Description Table (FADT)", revision 3. */
static void add_fadt(struct tables *t, size_t facs, size_t dsdt)
{
	enum { WBINVD = 1 << 0, PROC_C1 = 1 << 2, NO_SLEEP_BUTTON = 1 << 5, RTC_NOT_FIXED = 1 << 6, RESET_REG = 1 << 10 };
	enum { LEGACY_DEVICES = 1 << 0, HAS_8042 = 1 << 1 };
	size_t at = new_table(t, "FACP", 3, FADT_SIZE);
	uint8_t *f = t->data + at;

	le_put(f + 36, facs, 4);
	le_put(f + 40, dsdt, 4);
	le_put(f + 46, SCI, 2);
	le_put(f + 48, SMI_PORT, 4);
	f[52] = ACPI_ENABLE;
	f[53] = ACPI_DISABLE;
	le_put(f + 56, PM1_EVENT, 4);
	le_put(f + 64, PM1_CONTROL, 4);
	le_put(f + 76, PM_TIMER, 4);
	le_put(f + 80, GPE0, 4);
	f[88] = 4;                              /* lengths: event, control, timer, GPE0 */
	f[89] = 2;
	f[91] = 4;
	f[92] = 4;
	le_put(f + 96, 0xfff, 2);                  /* no C2, no C3 */
	le_put(f + 98, 0xfff, 2);
	f[108] = CMOS_CENTURY;
	le_put(f + 109, LEGACY_DEVICES | HAS_8042, 2);
	le_put(f + 112, WBINVD | PROC_C1 | NO_SLEEP_BUTTON | RTC_NOT_FIXED | RESET_REG, 4);
	put_gas(f + 116, 8, RESET_PORT);
	f[128] = RESET_VALUE;
	le_put(f + 140, dsdt, 8);
	put_gas(f + 148, 32, PM1_EVENT);
	put_gas(f + 172, 16, PM1_CONTROL);
	put_gas(f + 208, 32, PM_TIMER);
	put_gas(f + 220, 32, GPE0);
	pointer(t, FILE_TABLES, at + 36, 4);
	pointer(t, FILE_TABLES, at + 40, 4);
	pointer(t, FILE_TABLES, at + 140, 8);
	finish_table(t, at, true);
}

/* "Multiple APIC Description Table (MADT)". */
static void add_madt(struct tables *t, unsigned n_places, uint64_t enabled, const struct topology *topology)
{
	/* interrupts that are not edge-triggered and active high on the same pin: 0 comes in on pin 2, PCI's are levels */
	static const struct { uint8_t irq, gsi, flags; } overrides[] = { { 0, 2, 0 }, { 5, 5, 0xd }, { 9, 9, 0xd }, { 10, 10, 0xd }, { 11, 11, 0xd } };
	size_t at = new_table(t, "APIC", 1, HEADER + 8);

	le_put(t->data + at + HEADER, 0xfee00000u, 4);
	le_put(t->data + at + HEADER + 4, 1, 4);           /* there are 8259s too */
	for (unsigned i = 0; i < n_places; i++) {
		uint8_t *e = append(t, 8);
		e[0] = 0;
		e[1] = 8;
		e[2] = (uint8_t)i;
		e[3] = (uint8_t)topology_apic_id(topology, i);
		e[4] = enabled >> i & 1;                /* a place for one that may come is not enabled */
	}
	uint8_t *io = append(t, 12);
	io[0] = 1;
	io[1] = 12;
	le_put(io + 4, 0xfec00000u, 4);
	for (unsigned i = 0; i < sizeof overrides / sizeof overrides[0]; i++) {
		uint8_t *e = append(t, 10);
		e[0] = 2;
		e[1] = 10;
		e[3] = overrides[i].irq;
		le_put(e + 4, overrides[i].gsi, 4);
		e[8] = overrides[i].flags;
	}
	uint8_t *nmi = append(t, 6);
	nmi[0] = 4;
	nmi[1] = 6;
	nmi[2] = 0xff;                                  /* of all processors */
	nmi[5] = 1;                                     /* LINT1 */
	le_put(t->data + at + 4, t->len - at, 4);
	finish_table(t, at, true);
}

static void add_hpet(struct tables *t)
{
	size_t at = new_table(t, "HPET", 1, HEADER + 20);
	uint8_t *h = t->data + at + HEADER;

	le_put(h, 0x8086a201u, 4);                         /* as the low half of its capabilities register */
	le_put(h + 8, 0xfed00000u, 8);
	finish_table(t, at, true);
}

static size_t add_rsdt(struct tables *t)
{
	size_t at = new_table(t, "RSDT", 1, HEADER + 4 * (size_t)t->n_entries);

	for (unsigned i = 0; i < t->n_entries; i++) {
		le_put(t->data + at + HEADER + 4 * i, t->rsdt_entry[i], 4);
		pointer(t, FILE_TABLES, at + HEADER + 4 * i, 4);
	}
	finish_table(t, at, false);
	return at;
}

bool acpi_add_tables(struct machine *m, unsigned n_places, uint64_t enabled, bool may_come, uint32_t devices, struct error *err)
{
	struct tables t = { 0 };
	uint8_t rsdp[RSDP_SIZE] = "RSD PTR ";

	allocate(&t, FILE_RSDP, 16, ZONE_FSEG);
	allocate(&t, FILE_TABLES, 64, ZONE_HIGH);
	size_t facs = grow(&t, FACS_SIZE);              /* first: it wants 64-byte alignment, and has no checksum */
	memcpy(t.data + facs, "FACS", 4);
	le_put(t.data + facs + 4, FACS_SIZE, 4);
	size_t dsdt = add_dsdt(&t, devices);
	add_fadt(&t, facs, dsdt);
	if (may_come)
		add_places(&t, n_places);
	else
		add_processors(&t, n_places);
	struct topology topology = topology_of(m->opt);
	add_madt(&t, n_places, enabled, &topology);
	if (devices & ACPI_HPET)
		add_hpet(&t);
	le_put(rsdp + 16, add_rsdt(&t), 4);
	memcpy(rsdp + 9, "VMUX  ", 6);
	pointer(&t, FILE_RSDP, 16, 4);
	checksum(&t, FILE_RSDP, 8, 0, RSDP_SIZE);
	bool ok = fw_cfg_add_file(m, FILE_TABLES, t.data, t.len, err) && fw_cfg_add_file(m, FILE_RSDP, rsdp, sizeof rsdp, err) &&
	          fw_cfg_add_file(m, FILE_LOADER, t.loader, t.n_commands * COMMAND_SIZE, err);
	free(t.data);
	free(t.loader);
	return ok;
}
