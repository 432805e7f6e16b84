/* test_storage.c - Linux on IDE and floppy: sums over whole media by PIO, media changed under it, booting from a hard disk. */
#include "tests/guest/guest.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define INITRD GUESTS "demo.initrd"
#define GRUB_CD "/usr/lib/grub-rescue/grub-rescue-cdrom.iso"
#define MEMTEST_CD "/usr/lib/memtest86+/memtest86+x64.iso"

/* The image's md5, as the guest's md5sum prints it. */
static void host_sum(const char *path, char *sum)
{
	char cmd[256];
	snprintf(cmd, sizeof(cmd), "md5sum < %s", path);
	FILE *f = popen(cmd, "r");
	assert_non_null(f);
	assert_int_equal(fscanf(f, "%32s", sum), 1);
	pclose(f);
}

static void make_image(char *path, long size)
{
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	for (long i = 0; i < size; i += 512) {
		char s[512];
		memset(s, (int)(i / 512 % 250), sizeof(s));
		assert_int_equal(write(fd, s, 512), 512);
	}
	close(fd);
}

static void pio_sums_and_media(void **state)
{
	guest_need(INITRD);
	guest_need(GRUB_CD);
	guest_need(MEMTEST_CD);
	char hd[] = "/tmp/vmux-hd-XXXXXX", fd[] = "/tmp/vmux-fd-XXXXXX", hd_opt[128], fd_opt[128], sum[64], line[256];
	make_image(hd, 8 << 20);
	make_image(fd, 1474560);
	snprintf(hd_opt, sizeof(hd_opt), "file=%s,format=raw,index=0", hd);
	snprintf(fd_opt, sizeof(fd_opt), "file=%s,format=raw,if=floppy", fd);
	struct ptyrun *p = guest_start("-m", "256", "-kernel", GUESTS "linux-6.1/vmlinuz", "-initrd", INITRD, "-append", "quiet libata.dma=0",
		"-drive", hd_opt, "-drive", fd_opt, "-cdrom", GRUB_CD, NULL);
	EXPECT(p, "vmux tty1#", BOOT_MS);
	ptyrun_send(p, "modprobe floppy; modprobe isofs; dmesg | grep -c 'S82078B'; md5sum /dev/sda /dev/sr0 /dev/fd0; echo summed$((1+1))\r");
	EXPECT(p, "^summed2", BOOT_MS);
	host_sum(hd, sum);
	snprintf(line, sizeof(line), "^%s +/dev/sda", sum);
	EXPECT(p, line, SHORT_MS);
	host_sum(GRUB_CD, sum);
	snprintf(line, sizeof(line), "^%s +/dev/sr0", sum);
	EXPECT(p, line, SHORT_MS);
	host_sum(fd, sum);
	snprintf(line, sizeof(line), "^%s +/dev/fd0", sum);
	EXPECT(p, line, SHORT_MS);
	ptyrun_send(p, "clear; mount -t iso9660 -o ro /dev/sr0 /mnt && ls /mnt\r");
	EXPECT(p, "boot.catalog", SHORT_MS);
	/* mounted: the drive is locked, the monitor says so; then it is not */
	ptyrun_send(p, "\0332");
	ptyrun_send(p, "eject ide1-cd0\r");
	EXPECT(p, "is locked and force was not specified", SHORT_MS);
	ptyrun_send(p, "\0331umount /mnt; echo loose$((1+1))\r");
	EXPECT(p, "^loose2", SHORT_MS);
	ptyrun_send(p, "\0332");
	ptyrun_send(p, "change ide1-cd0 " MEMTEST_CD "\rinfo block ide1-cd0\r");
	EXPECT(p, "memtest86\\+x64.iso \\(raw, read-only\\)", SHORT_MS);
	ptyrun_send(p, "\0331");
	ptyrun_send(p, "clear; md5sum /dev/sr0\r");
	host_sum(MEMTEST_CD, sum);
	snprintf(line, sizeof(line), "^%s +/dev/sr0", sum);
	EXPECT(p, line, SHORT_MS);
	ptyrun_send(p, "dd if=/dev/zero of=/dev/fd0 bs=9k count=3 2>/dev/null; dd if=/dev/zero of=/dev/sda bs=64k count=5 2>/dev/null; sync\r");
	ptyrun_send(p, "poweroff\r");
	EXPECT_EXIT(p, BOOT_MS);
	ptyrun_free(p);
	snprintf(line, sizeof(line), "cmp -n 27648 %s /dev/zero && cmp -n 327680 %s /dev/zero", fd, hd);
	assert_int_equal(system(line), 0);
	unlink(hd);
	unlink(fd);
}

static void grub_comes_up_from_hard_disk(void **state)
{
	guest_need(GRUB_CD);                    /* the same image is its hard disk form */
	struct ptyrun *p = guest_start("-m", "64", "-drive", "file=" GRUB_CD ",format=raw,snapshot=on", NULL);
	EXPECT(p, "GNU GRUB +version", BOOT_MS);
	ptyrun_send(p, "c");
	EXPECT(p, "grub>", SHORT_MS);
	ptyrun_send(p, "ls (hd0)/boot\r");
	EXPECT(p, "grub/", SHORT_MS);
	ptyrun_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(pio_sums_and_media), cmocka_unit_test(grub_comes_up_from_hard_disk) };
	return cmocka_run_group_tests_name("storage", tests, NULL, NULL);
}
