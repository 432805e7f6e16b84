/* test_pc_firmware.c - what the board tells firmware: fw_cfg, CMOS, ACPI tables, kernels.  Plays the firmware's part. */
#include "devices/chipset/mc146818.h"
#include "core/monitor/monitor.h"
#include "devices/misc/fw_cfg.h"
#include "tests/dev/board.h"
#include <stdio.h>
#include <unistd.h>

static uint32_t be32(const uint8_t *p) { return (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3]; }
static uint32_t le32(const uint8_t *p) { return p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24; }
static void put32(uint8_t *p, uint32_t v) { p[0] = (uint8_t)v; p[1] = (uint8_t)(v >> 8); p[2] = (uint8_t)(v >> 16); p[3] = (uint8_t)(v >> 24); }

/* ---- fw_cfg as a guest reads it ------------------------------------------------------------------------------------------------ */

static void read_item(struct machine *m, unsigned key, uint8_t *buf, size_t n)
{
	out16(m, 0x510, (uint16_t)key);
	for (size_t i = 0; i < n; i++)
		buf[i] = in8(m, 0x511);
}

static uint32_t item32(struct machine *m, unsigned key)
{
	uint8_t b[4];

	read_item(m, key, b, 4);
	return le32(b);
}

/* Key and size of a file by the directory; 0 when it is not there. */
static unsigned find_file(struct machine *m, const char *name, uint32_t *size)
{
	uint8_t dir[4 + 64 * 64];

	read_item(m, 0x19, dir, sizeof dir);
	for (unsigned i = 0; i < be32(dir); i++) {
		const uint8_t *e = dir + 4 + 64 * i;
		if (!strcmp((const char *)e + 8, name)) {
			*size = be32(e);
			return (unsigned)(e[4] << 8 | e[5]);
		}
	}
	return 0;
}

static uint8_t *read_file(struct machine *m, const char *name, uint32_t *size)
{
	unsigned key = find_file(m, name, size);

	if (!key)
		return NULL;
	uint8_t *data = malloc(*size + 1);
	read_item(m, key, data, *size);
	return data;
}

static void write_text(const char *path, const void *data, size_t len)
{
	FILE *f = fopen(path, "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, len, f), len);
	fclose(f);
}

static void ports(void **state)
{
	struct machine *m = board_new("-m 16 -fw_cfg opt/a,string=hello");
	uint8_t b[8];
	uint32_t size;

	read_item(m, 0, b, 5);
	assert_memory_equal(b, "QEMU\0", 5);
	assert_int_equal(item32(m, 1), 3);
	read_item(m, 3, b, 8);
	assert_int_equal(le32(b), 16 << 20);
	assert_int_equal(item32(m, 5) & 0xffff, 1);
	assert_int_equal(item32(m, 0x7777), 0);
	assert_int_equal(in32(m, 0x514), 0x554d4551);
	assert_int_equal(in32(m, 0x518), 0x47464320);
	uint8_t *text = read_file(m, "opt/a", &size);
	assert_int_equal(size, 5);
	assert_memory_equal(text, "hello", 5);
	free(text);
	board_free(m);
}

static void dma(void **state)
{
	struct machine *m = board_new("-m 16 -fw_cfg opt/a,string=hello");
	uint32_t size;
	unsigned key = find_file(m, "opt/a", &size);
	uint8_t req[16] = { (uint8_t)(key >> 8), (uint8_t)key, 0, 0x0a, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0x20, 0 };

	memset(m->ram.host + m->ram_addr_main + 0x2000, 0xcc, 16);
	space_write_buf(&m->mem, 0x1000, req, sizeof req);
	out32(m, 0x514, 0);
	out32(m, 0x518, __builtin_bswap32(0x1000));
	assert_int_equal(peek32(m, 0x1000), 0);
	assert_memory_equal(m->ram.host + m->ram_addr_main + 0x2000, "hello\0\0\0\xcc", 9);
	/* skip two, read one by the port */
	uint8_t skip[16] = { (uint8_t)(key >> 8), (uint8_t)key, 0, 0x0c, 0, 0, 0, 2 };
	space_write_buf(&m->mem, 0x1000, skip, sizeof skip);
	out32(m, 0x518, __builtin_bswap32(0x1000));
	assert_int_equal(in8(m, 0x511), 'l');
	/* into a device, and a write: refused */
	uint8_t bad[16] = { (uint8_t)(key >> 8), (uint8_t)key, 0, 0x0a, 0, 0, 0, 4, 0, 0, 0, 0, 0xfe, 0xd0, 0, 0 };
	space_write_buf(&m->mem, 0x1000, bad, sizeof bad);
	out32(m, 0x518, __builtin_bswap32(0x1000));
	assert_int_equal(peek32(m, 0x1000), 0x01000000);
	bad[3] = 0x18;
	space_write_buf(&m->mem, 0x1000, bad, sizeof bad);
	out32(m, 0x518, __builtin_bswap32(0x1000));
	assert_int_equal(peek32(m, 0x1000), 0x01000000);
	board_free(m);
}

static void options(void **state)
{
	struct error err;

	assert_non_null(strstr(board_error("-fw_cfg opt/a", &err), "exactly one of file and string"));
	assert_non_null(strstr(board_error("-fw_cfg opt/a,file=/nonexistent", &err), "/nonexistent"));
	assert_non_null(strstr(board_error("-kernel /nonexistent", &err), "-kernel /nonexistent"));
}

/* ---- CMOS ---------------------------------------------------------------------------------------------------------------------- */

static unsigned cmos(struct machine *m, unsigned at) { return mc146818_get_cmos(m->rtc, at); }

static void cmos_contents(void **state)
{
	struct machine *m = board_new("-m 64 -boot dc");

	assert_int_equal(cmos(m, 0x15) | cmos(m, 0x16) << 8, 640);
	assert_int_equal(cmos(m, 0x17) | cmos(m, 0x18) << 8, 63 * 1024);
	assert_int_equal(cmos(m, 0x34) | cmos(m, 0x35) << 8, 48 * 16);
	assert_int_equal(cmos(m, 0x3d), 0x23);
	assert_int_equal(cmos(m, 0x5f), 0);
	assert_int_equal(cmos(m, 0x10), 0x50);          /* one 2.88 MB drive */
	board_free(m);
	m = board_new("-m 5G -boot once=n,order=c");
	assert_int_equal(cmos(m, 0x5b) | cmos(m, 0x5c) << 8, 0x8000);   /* 2 GB in 64 KB */
	assert_int_equal(cmos(m, 0x3d), 0x04);
	machine_emit(m, EV_RESET, NULL);
	assert_int_equal(cmos(m, 0x3d), 0x02);          /* once is over */
	board_free(m);
}

/* ---- ACPI: run the loader's script ----------------------------------------------------------------------------------------------- */

enum { TABLES_AT = 0x100000, RSDP_AT = 0xf0000 };
struct acpi { uint8_t *tables, *rsdp; uint32_t tables_size, rsdp_size; };

static uint8_t *acpi_file(struct acpi *a, const uint8_t *name, uint32_t *size, uint32_t *at)
{
	bool tables = !strcmp((const char *)name, "etc/acpi/tables");

	assert_true(tables || !strcmp((const char *)name, "etc/acpi/rsdp"));
	*size = tables ? a->tables_size : a->rsdp_size;
	*at = tables ? TABLES_AT : RSDP_AT;
	return tables ? a->tables : a->rsdp;
}

static void run_script(struct acpi *a, const uint8_t *script, uint32_t len)
{
	for (const uint8_t *c = script; c + 128 <= script + len; c += 128) {
		uint32_t size, at, to, src_size;
		uint8_t *f = acpi_file(a, c + 4, &size, &at);
		if (le32(c) == 2) {
			acpi_file(a, c + 60, &src_size, &to);
			uint32_t off = le32(c + 116);
			assert_true(off + c[120] <= size && le32(f + off) < src_size);
			put32(f + off, le32(f + off) + to);
		} else if (le32(c) == 3) {
			uint32_t off = le32(c + 60), from = le32(c + 64), n = le32(c + 68);
			uint8_t sum = 0;
			assert_true(off < size && from + n <= size);
			for (uint32_t i = 0; i < n; i++)
				sum += f[from + i];
			f[off] = (uint8_t)(f[off] - sum);
		} else {
			assert_int_equal(le32(c), 1);
		}
	}
}

static const uint8_t *table(struct acpi *a, const uint8_t *rsdt, const char *signature)
{
	for (uint32_t i = 36; i + 4 <= le32(rsdt + 4); i += 4) {
		const uint8_t *t = a->tables + (le32(rsdt + i) - TABLES_AT);
		if (!memcmp(t, signature, 4)) {
			uint8_t sum = 0;
			for (uint32_t k = 0; k < le32(t + 4); k++)
				sum += t[k];
			assert_int_equal(sum, 0);
			return t;
		}
	}
	return NULL;
}

static void acpi_tables(void **state)
{
	struct machine *m = board_new("-m 64 -smp 3");
	struct acpi a = { 0 };
	uint32_t len;

	a.tables = read_file(m, "etc/acpi/tables", &a.tables_size);
	a.rsdp = read_file(m, "etc/acpi/rsdp", &a.rsdp_size);
	uint8_t *script = read_file(m, "etc/table-loader", &len);
	run_script(&a, script, len);
	const uint8_t *rsdt = a.tables + (le32(a.rsdp + 16) - TABLES_AT);
	assert_memory_equal(rsdt, "RSDT", 4);
	const uint8_t *fadt = table(&a, rsdt, "FACP"), *madt = table(&a, rsdt, "APIC"), *hpet = table(&a, rsdt, "HPET");
	assert_true(fadt && madt && hpet);
	assert_memory_equal(a.tables + (le32(fadt + 36) - TABLES_AT), "FACS", 4);
	assert_memory_equal(a.tables + (le32(fadt + 40) - TABLES_AT), "DSDT", 4);
	unsigned cpus = 0, overrides = 0;
	for (uint32_t i = 44; i < le32(madt + 4); i += madt[i + 1]) {
		cpus += madt[i] == 0;
		overrides += madt[i] == 2;
	}
	assert_int_equal(cpus, 3);
	assert_int_equal(overrides, 5);
	free(a.tables);
	free(a.rsdp);
	free(script);
	board_free(m);
	m = board_new("-m 64 -no-acpi");
	assert_int_equal(find_file(m, "etc/acpi/tables", &len), 0);
	board_free(m);
}

/* Local APICs of the MADT that are enabled, as bits by their processor's number. */
static uint64_t enabled_cpus(struct machine *m)
{
	uint32_t size, len = 0;
	uint8_t *t = read_file(m, "etc/acpi/tables", &size);
	const uint8_t *madt = NULL;
	uint64_t cpus = 0;

	for (uint32_t at = 64; at + 8 <= size && !madt; at += 1)        /* behind the FACS */
		madt = memcmp(t + at, "APIC", 4) || le32(t + at + 4) > size - at ? NULL : t + at;
	assert_non_null(madt);
	len = le32(madt + 4);
	for (uint32_t i = 44; i < len && madt[i + 1]; i += madt[i + 1])
		if (madt[i] == 0)
			cpus |= (uint64_t)(madt[i + 4] & 1) << madt[i + 2];
	free(t);
	return cpus;
}

/* SMBIOS structures of processors. */
static unsigned smbios_cpus(struct machine *m)
{
	uint32_t size, at = 0;
	uint8_t *t = read_file(m, "etc/smbios/smbios-tables", &size);
	unsigned n = 0;

	while (at < size) {
		n += t[at] == 4;
		for (at += t[at + 1]; at + 1 < size && (t[at] || t[at + 1]); at++)
			;
		at += 2;
	}
	assert_int_equal(at, size);
	free(t);
	return n;
}

static void say(struct machine *m, const char *line)
{
	struct text out = { 0 };
	monitor_run_line(m, line, 0, &out);
	assert_string_equal(out.s ? out.s : "", "");
	text_free(&out);
}

/* The tables of the firmware's next start tell of the CPUs that are there then; those of this start stay as they were. */
static void cpus_in_tables(void **state)
{
	struct machine *m = board_new("-accel interp -S -m 64 -smp 2,sockets=2,cores=2,maxcpus=4 -device qemu64-x86_64-cpu,socket-id=1,core-id=1,thread-id=0,id=cold");

	assert_int_equal(enabled_cpus(m), 11);
	assert_int_equal(smbios_cpus(m), 3);
	assert_int_equal(item32(m, 5) & 0xffff, 3);
	say(m, "device_add qemu64-x86_64-cpu,socket-id=1,core-id=0,thread-id=0,id=hot");
	assert_int_equal(enabled_cpus(m), 11);
	machine_reset(m, RESET_SYSTEM);
	machine_emit(m, EV_RESET, "{}");
	assert_int_equal(enabled_cpus(m), 15);
	assert_int_equal(smbios_cpus(m), 4);
	assert_int_equal(item32(m, 5) & 0xffff, 4);
	say(m, "device_del cold");                              /* a reset ends what the guest has not answered */
	machine_reset(m, RESET_SYSTEM);
	machine_emit(m, EV_RESET, "{}");
	assert_int_equal(enabled_cpus(m), 7);
	assert_int_equal(smbios_cpus(m), 3);
	board_free(m);
}

static void smbios(void **state)
{
	struct machine *m = board_new("-m 64 -smp 2 -uuid 12345678-9abc-def0-1122-334455667788");
	uint32_t size, entry_size;
	uint8_t *t = read_file(m, "etc/smbios/smbios-tables", &size), *e = read_file(m, "etc/smbios/smbios-anchor", &entry_size);
	uint8_t sum = 0;
	unsigned types[128] = { 0 }, count = 0;

	for (uint32_t i = 0; i < entry_size; i++)
		sum += e[i];
	assert_int_equal(sum, 0);
	assert_int_equal(e[22] | e[23] << 8, size);
	uint32_t at = 0;
	while (at < size) {
		types[t[at] & 127]++;
		count++;
		if (t[at] == 1)
			assert_memory_equal(t + at + 8, "\x78\x56\x34\x12\xbc\x9a\xf0\xde\x11\x22", 10);
		at += t[at + 1];
		while (t[at] || t[at + 1])
			at++;
		at += 2;
	}
	assert_int_equal(at, size);
	assert_int_equal(count, e[28] | e[29] << 8);
	assert_int_equal(types[4], 2);
	assert_int_equal(types[17], 1);
	assert_int_equal(types[127], 1);
	free(t);
	free(e);
	board_free(m);
}

static void boot_order(void **state)
{
	struct error err;
	uint32_t size;
	struct machine *m = board_new("-m 16 -boot strict=on -device ide-cd,bus=ide.0,bootindex=7 -device ide-cd,bus=ide.1,unit=1,bootindex=2");
	uint8_t *order = read_file(m, "bootorder", &size);

	assert_string_equal((char *)order, "/pci@i0cf8/ide@1,1/drive@1/disk@1\n/pci@i0cf8/ide@1,1/drive@0/disk@0\nHALT\n");
	free(order);
	board_free(m);
	assert_non_null(strstr(board_error("-device ide-cd,bus=ide.0,bootindex=7 -device ide-cd,bus=ide.1,unit=1,bootindex=7", &err),
	                       "The bootindex 7 has already been used"));
}

/* ---- kernels -------------------------------------------------------------------------------------------------------------------- */

/* A bzImage of protocol 2.06 with n setup sectors and a body of 3000 bytes. */
static size_t make_bzimage(uint8_t *b)
{
	memset(b, 0, 8192);
	b[0x1f1] = 2;
	b[0x1fe] = 0x55; b[0x1ff] = 0xaa;
	memcpy(b + 0x202, "HdrS\x06\x02", 6);
	b[0x211] = 1;
	put32(b + 0x22c, 0x37ffffff);
	put32(b + 0x238, 100);
	memset(b + 1536, 0xab, 3000);
	return 1536 + 3000;
}

static void linux_kernel(void **state)
{
	uint8_t image[8192], setup[1536];
	char args[512], dir[] = "/tmp/vmux-fw-XXXXXX", path[64], initrd[64];
	uint32_t size;

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/k", dir);
	snprintf(initrd, sizeof initrd, "%s/i", dir);
	write_text(path, image, make_bzimage(image));
	write_text(initrd, "initrd", 6);
	snprintf(args, sizeof args, "-m 64 -kernel %s -initrd %s -append vga=ask", path, initrd);
	struct machine *m = board_new(args);
	assert_int_equal(item32(m, 0x07), 0x100000);
	assert_int_equal(item32(m, 0x08), 3000);
	assert_int_equal(item32(m, 0x16), 0x10000);
	assert_int_equal(item32(m, 0x17), 1536);
	assert_int_equal(item32(m, 0x13), 0x20000);
	read_item(m, 0x18, setup, sizeof setup);
	assert_int_equal(setup[0x210], 0xff);
	assert_int_equal(setup[0x211], 0x81);
	assert_int_equal(le32(setup + 0x228), 0x20000);
	assert_int_equal(le32(setup + 0x218), item32(m, 0x0a));
	assert_int_equal(le32(setup + 0x21c), 6);
	assert_int_equal(setup[0x1fa] | setup[0x1fb] << 8, 0xfffd);
	assert_int_equal(item32(m, 0x0a) & 0xfff, 0);
	assert_true(item32(m, 0x0a) < 64u << 20);
	uint8_t *order = read_file(m, "bootorder", &size), *rom = read_file(m, "genroms/linuxboot.bin", &size);
	assert_string_equal((char *)order, "/rom@genroms/linuxboot.bin\n");
	uint8_t sum = 0;
	for (uint32_t i = 0; i < size; i++)
		sum += rom[i];
	assert_int_equal(sum, 0);
	assert_int_equal(rom[2] * 512, size);
	free(order);
	free(rom);
	board_free(m);
	struct error err;
	snprintf(args, sizeof args, "-m 64 -kernel %s", initrd);
	assert_non_null(strstr(board_error(args, &err), "neither a Linux kernel"));
	unlink(path);
	unlink(initrd);
	rmdir(dir);
}

static void multiboot_kernel(void **state)
{
	static const struct { uint32_t at, value; } words[] = {
		{ 0x10, 0x1badb002 }, { 0x14, 0x10003 }, { 0x18, -(0x1badb002u + 0x10003) }, { 0x1c, 0x100010 }, { 0x20, 0x100000 }, { 0x24, 0x100200 },
		{ 0x28, 0x100400 }, { 0x2c, 0x100040 } };
	uint8_t image[0x200] = { 0 }, info[4096];
	char args[512], dir[] = "/tmp/vmux-fw-XXXXXX", path[64], mod[64];

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/k", dir);
	snprintf(mod, sizeof mod, "%s/m", dir);
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		put32(image + words[i].at, words[i].value);
	write_text(path, image, sizeof image);
	write_text(mod, "module", 6);
	snprintf(args, sizeof args, "-m 64 -kernel %s -initrd %s,%s", path, mod, mod);
	struct machine *m = board_new(args);
	assert_int_equal(item32(m, 0x07), 0x100000);
	assert_int_equal(item32(m, 0x08), 0x400);               /* with its bss */
	assert_int_equal(item32(m, 0x10), 0x100040);
	assert_int_equal(item32(m, 0x0a), 0x101000);
	read_item(m, 0x15, info, sizeof info);
	assert_int_equal(le32(info) & 0x4f, 0x4f);
	assert_int_equal(le32(info + 20), 2);
	const uint8_t *mods = info + (le32(info + 24) - 0x20000);
	assert_int_equal(le32(mods), 0x101000);
	assert_int_equal(le32(mods + 4), 0x101006);
	assert_int_equal(le32(mods + 16), 0x102000);
	assert_string_equal((char *)info + (le32(mods + 8) - 0x20000), mod);
	board_free(m);

	/* every image that is cut short or lies about itself is refused in one sentence */
	struct error err;
	snprintf(args, sizeof args, "-m 64 -kernel %s", path);
	write_text(path, image, 0x20);
	board_error(args, &err);
	assert_non_null(strstr(err.msg, "cut off"));
	put32(image + 0x24, 0x200000);
	write_text(path, image, sizeof image);
	board_error(args, &err);
	assert_non_null(strstr(err.msg, "shorter"));
	unlink(path);
	unlink(mod);
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(ports), cmocka_unit_test(dma), cmocka_unit_test(options), cmocka_unit_test(cmos_contents),
		cmocka_unit_test(acpi_tables), cmocka_unit_test(cpus_in_tables), cmocka_unit_test(smbios), cmocka_unit_test(boot_order), cmocka_unit_test(linux_kernel), cmocka_unit_test(multiboot_kernel) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
