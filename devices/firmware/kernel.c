/* kernel.c - -kernel, -initrd, -append for Linux, and the ROMs that boot what is in fw_cfg.
 *
 * Ref: Linux kernel documentation, "The Linux/x86 Boot Protocol": the setup header is edited here as a boot loader does, the
 * kernel's real-mode code is entered by linuxboot.S. */
#include "devices/firmware/kernel.h"
#include "core/machine/datafile.h"
#include "devices/firmware/kernel_priv.h"
#include "linuxboot.rom.h"
#include "multiboot.rom.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Setup header, offsets in the file. */
enum { HDR_SETUP_SECTS = 0x1f1, HDR_VID_MODE = 0x1fa, HDR_BOOT_FLAG = 0x1fe, HDR_MAGIC = 0x202, HDR_VERSION = 0x206,
       HDR_LOADER = 0x210, HDR_LOADFLAGS = 0x211, HDR_RAMDISK = 0x218, HDR_RAMDISK_SIZE = 0x21c, HDR_HEAP_END = 0x224,
       HDR_CMDLINE = 0x228, HDR_INITRD_MAX = 0x22c, HDR_CMDLINE_SIZE = 0x238, HDR_INIT_SIZE = 0x260, HDR_END = 0x268 };
enum { LOADED_HIGH = 1 << 0, CAN_USE_HEAP = 1 << 7, LOADER_UNDEFINED = 0xff, OLD_CMDLINE_MAGIC = 0xa33f };
enum { ROM_UNIT = 512, ROM_MAX = 4096, ROM_PNP = 0x20, ROM_PNP_SIZE = 32, ROM_PNP_SUM = 9, ROM_SIZE = 2, ROM_SUM = 6 };

void kernel_item(struct machine *m, unsigned addr_key, unsigned size_key, unsigned data_key, uint32_t addr, const void *data, size_t len)
{
	fw_cfg_add_u32(m, addr_key, addr);
	fw_cfg_add_u32(m, size_key, (uint32_t)len);
	fw_cfg_add(m, data_key, data, len);
}

/* ---- ROMs ---------------------------------------------------------------------------------------------------------------------- */

static uint8_t minus_sum(const uint8_t *p, size_t len)
{
	uint8_t sum = 0;

	while (len--)
		sum += *p++;
	return (uint8_t)-sum;
}

/* Pad to whole blocks of 512, set the size and both checksums (the ROM's own lies behind the entry's jump). */
static bool add_rom(struct machine *m, const char *file, const uint8_t *code, size_t len, struct error *err)
{
	uint8_t rom[ROM_MAX] = { 0 };
	size_t size = (len + ROM_UNIT - 1) / ROM_UNIT * ROM_UNIT;

	if (size > sizeof rom)
		return error_set(err, "boot ROM of %zu bytes", size);
	memcpy(rom, code, len);
	rom[ROM_SIZE] = (uint8_t)(size / ROM_UNIT);
	rom[ROM_PNP + ROM_PNP_SUM] = minus_sum(rom + ROM_PNP, ROM_PNP_SIZE);
	rom[ROM_SUM] = minus_sum(rom, size);
	return fw_cfg_add_file(m, file, rom, size, err);
}

/* ---- Linux --------------------------------------------------------------------------------------------------------------------- */

struct linux_layout { uint32_t real, cmdline, kernel; };

/* "vga=" on the command line is the loader's business: a video mode for the setup code. */
static void set_video_mode(uint8_t *setup, const char *append)
{
	const char *v = strstr(append, "vga=");

	if (!v || (v > append && v[-1] != ' '))
		return;
	v += 4;
	if (!strncmp(v, "normal", 6))
		put16(setup + HDR_VID_MODE, 0xffff);
	else if (!strncmp(v, "ext", 3))
		put16(setup + HDR_VID_MODE, 0xfffe);
	else if (!strncmp(v, "ask", 3))
		put16(setup + HDR_VID_MODE, 0xfffd);
	else
		put16(setup + HDR_VID_MODE, (unsigned)strtoul(v, NULL, 0) & 0xffff);
}

/* As high as the kernel allows and below what the firmware keeps. */
static bool add_initrd(struct machine *m, uint8_t *setup, unsigned version, uint32_t kernel_end, struct error *err)
{
	const char *file = m->opt->initrd;
	uint64_t limit = version >= 0x203 ? get32(setup + HDR_INITRD_MAX) : 0x37ffffff;
	uint64_t top = m->ram_low > TOP_RESERVED ? m->ram_low - TOP_RESERVED : 0;
	size_t len;
	uint8_t *data = data_file_load(file, KERNEL_MAX, &len, err);

	if (!data)
		return error_prefix(err, "-initrd %s: ", file);
	if (limit + 1 < top)
		top = limit + 1;
	uint64_t addr = top > len ? (top - len) & ~UINT64_C(0xfff) : 0;
	bool ok = addr >= kernel_end;
	if (ok) {
		kernel_item(m, FW_CFG_INITRD_ADDR, FW_CFG_INITRD_SIZE, FW_CFG_INITRD_DATA, (uint32_t)addr, data, len);
		put32(setup + HDR_RAMDISK, (uint32_t)addr);
		put32(setup + HDR_RAMDISK_SIZE, (uint32_t)len);
	} else {
		error_set(err, "-initrd %s: its %zu bytes do not fit into the guest's memory beside the kernel: give the guest more by -m", file, len);
	}
	free(data);
	return ok;
}

static bool add_cmdline(struct machine *m, uint8_t *setup, unsigned version, struct linux_layout at, struct error *err)
{
	const char *append = m->opt->append ? m->opt->append : "";
	size_t len = strlen(append) + 1, max = version >= 0x206 ? get32(setup + HDR_CMDLINE_SIZE) : 255;

	if (len - 1 > max)
		return error_set(err, "-append: the command line has %zu characters, this kernel takes %zu", len - 1, max);
	kernel_item(m, FW_CFG_CMDLINE_ADDR, FW_CFG_CMDLINE_SIZE, FW_CFG_CMDLINE_DATA, at.cmdline, append, len);
	set_video_mode(setup, append);
	if (version >= 0x202) {
		put32(setup + HDR_CMDLINE, at.cmdline);
	} else {
		put16(setup + 0x20, OLD_CMDLINE_MAGIC);
		put16(setup + 0x22, at.cmdline - at.real);
	}
	if (version >= 0x200)
		setup[HDR_LOADER] = LOADER_UNDEFINED;
	if (version >= 0x201) {
		setup[HDR_LOADFLAGS] |= CAN_USE_HEAP;
		put16(setup + HDR_HEAP_END, at.cmdline - at.real - 0x200);
	}
	return true;
}

static bool is_linux(const uint8_t *image, size_t len)
{
	return len > HDR_END && get16(image + HDR_BOOT_FLAG) == 0xaa55 && !memcmp(image + HDR_MAGIC, "HdrS", 4);
}

static bool add_linux(struct machine *m, uint8_t *image, size_t len, struct error *err)
{
	unsigned version = get16(image + HDR_VERSION), sects = image[HDR_SETUP_SECTS] ? image[HDR_SETUP_SECTS] : 4;
	size_t setup_len = (sects + 1) * 512u;
	bool high = version >= 0x200 && (image[HDR_LOADFLAGS] & LOADED_HIGH);
	/* A zImage and kernels without a 32-bit command line pointer stay within the first 640 KB. */
	struct linux_layout at = high && version >= 0x202 ? (struct linux_layout){ 0x10000, 0x20000, 0x100000 } :
	                         high ? (struct linux_layout){ 0x90000, 0x99000, 0x100000 } : (struct linux_layout){ 0x90000, 0x99000, 0x10000 };

	if (setup_len >= len)
		return error_set(err, "-kernel %s: the file ends within its setup code", m->opt->kernel);
	size_t body = len - setup_len, needs = version >= 0x20a ? get32(image + HDR_INIT_SIZE) : body;
	uint64_t end = (uint64_t)at.kernel + (needs > body ? needs : body);
	if (at.kernel + (uint64_t)body > (high ? m->ram_low : at.real))
		return error_set(err, "-kernel %s: it does not fit into the guest's memory: give the guest more by -m", m->opt->kernel);
	if (!add_cmdline(m, image, version, at, err) ||
	    (m->opt->initrd && !add_initrd(m, image, version, (uint32_t)(end < UINT32_MAX ? end : UINT32_MAX), err)))
		return false;
	kernel_item(m, FW_CFG_KERNEL_ADDR, FW_CFG_KERNEL_SIZE, FW_CFG_KERNEL_DATA, at.kernel, image + setup_len, body);
	kernel_item(m, FW_CFG_SETUP_ADDR, FW_CFG_SETUP_SIZE, FW_CFG_SETUP_DATA, at.real, image, setup_len);
	return true;
}

bool kernel_add(struct machine *m, const char **rom, struct error *err)
{
	const char *file = m->opt->kernel;
	size_t len;
	bool ok;

	*rom = NULL;
	if (!file)
		return true;
	uint8_t *image = data_file_load(file, KERNEL_MAX, &len, err);
	if (!image)
		return error_prefix(err, "-kernel %s: ", file);
	long header = multiboot_find(image, len);
	if (header >= 0) {
		*rom = "genroms/multiboot.bin";
		ok = multiboot_add(m, image, len, header, err) && add_rom(m, *rom, multiboot_rom, sizeof multiboot_rom, err);
	} else if (is_linux(image, len)) {
		*rom = "genroms/linuxboot.bin";
		ok = add_linux(m, image, len, err) && add_rom(m, *rom, linuxboot_rom, sizeof linuxboot_rom, err);
	} else {
		ok = error_set(err, "-kernel %s: neither a Linux kernel (bzImage, zImage) nor a multiboot image", file);
	}
	free(image);
	return ok;
}
