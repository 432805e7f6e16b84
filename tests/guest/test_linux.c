/* test_linux.c - Debian's kernels to a shell, on the VGA pane and two serial panes at once. */
#include "tests/guest/guest.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#define INITRD GUESTS "demo.initrd"

static void three_shells_and_power_off(void **state)
{
	guest_need(INITRD);
	struct ptyrun *p = guest_start("-m", "256", "-kernel", GUESTS "linux-6.1/vmlinuz", "-initrd", INITRD, "-append", "quiet console=tty0",
		"-serial", "vc", "-serial", "vc", NULL);
	EXPECT(p, "vmux tty1#", BOOT_MS);
	ptyrun_send(p, "echo $((6*7)) on the screen; stty size\r");
	EXPECT(p, "^42 on the screen", SHORT_MS);
	EXPECT(p, "^25 80", SHORT_MS);
	ptyrun_send(p, "\0333");
	EXPECT(p, "vmux ttyS0#", SHORT_MS);
	ptyrun_send(p, "echo $((2*21)) on serial; tty\r");
	EXPECT(p, "^42 on serial", SHORT_MS);
	EXPECT(p, "^/dev/ttyS0", SHORT_MS);
	/* the key that types the size of the pane, which a UART cannot tell */
	ptyrun_resize(p, 100, 31);
	EXPECT(p, "^/dev/ttyS0", SHORT_MS);
	ptyrun_send(p, "\001W");
	EXPECT(p, "# stty rows 30 cols 100\\s*\n", SHORT_MS);
	ptyrun_send(p, "stty size\r");
	EXPECT(p, "^30 100\n", SHORT_MS);
	ptyrun_send(p, "\0334");
	EXPECT(p, "vmux ttyS1#", SHORT_MS);
	ptyrun_send(p, "echo $((3*14)) there; cat /proc/tty/driver/serial\r");
	EXPECT(p, "^42 there", SHORT_MS);
	EXPECT(p, "1: uart:16550A port:000002F8 irq:3", SHORT_MS);
	/* what was typed on one is not on another */
	ptyrun_send(p, "\0331");
	EXPECT(p, "^42 on the screen", SHORT_MS);
	ptyrun_send(p, "poweroff\r");
	EXPECT_EXIT(p, BOOT_MS);
	ptyrun_free(p);
}

static void reboot_from_inside(void **state)
{
	guest_need(INITRD);
	struct ptyrun *p = guest_start("-m", "256", "-kernel", GUESTS "linux-6.1/vmlinuz", "-initrd", INITRD, "-append", "quiet", NULL);
	EXPECT(p, "vmux tty1#", BOOT_MS);
	/* the firmware's lines are still on the screen: without them gone, nothing would tell the second boot from the first */
	ptyrun_send(p, "touch /been-here; clear; echo a$((1+1))b; read go; reboot\r");
	EXPECT(p, "^a2b", SHORT_MS);
	ptyrun_send(p, "\r");
	EXPECT(p, "SeaBIOS|Booting from ROM", BOOT_MS);
	EXPECT(p, "vmux tty1#", BOOT_MS);
	ptyrun_send(p, "ls /been-here\r");
	EXPECT(p, "No such file", SHORT_MS);
	/* the power button: acpid is not there, so the monitor's quit ends it */
	ptyrun_send(p, "\0332quit\r");
	EXPECT_EXIT(p, SHORT_MS);
	ptyrun_free(p);
}

static void no_reboot_ends_the_program(void **state)
{
	guest_need(INITRD);
	struct ptyrun *p = guest_start("-m", "256", "-kernel", GUESTS "linux-6.1/vmlinuz", "-initrd", INITRD, "-append",
		"quiet demo.run=reboot+-f", "-no-reboot", NULL);
	EXPECT_EXIT(p, BOOT_MS);
	ptyrun_free(p);
}

static void newer_kernel(void **state)
{
	guest_need(GUESTS "linux-6.12/vmlinuz");
	struct ptyrun *p = guest_start("-m", "256", "-kernel", GUESTS "linux-6.12/vmlinuz", "-initrd", INITRD, "-append", "quiet", NULL);
	EXPECT(p, "vmux tty1#", BOOT_MS);
	ptyrun_send(p, "uname -r\r");
	EXPECT(p, "^6\\.12\\.", SHORT_MS);
	ptyrun_free(p);
}

/* A disk: written in the guest, flushed, and read on the host. */
static void disk_takes_what_the_guest_writes(void **state)
{
	guest_need(INITRD);
	char path[] = "/tmp/vmux-disk-XXXXXX", drive[128], buf[32] = "";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, 16 << 20), 0);
	snprintf(drive, sizeof(drive), "file=%s,format=raw,if=ide,index=0", path);
	struct ptyrun *p = guest_start("-m", "256", "-kernel", GUESTS "linux-6.1/vmlinuz", "-initrd", INITRD, "-append", "quiet", "-drive", drive, NULL);
	EXPECT(p, "vmux tty1#", BOOT_MS);
	ptyrun_send(p, "dd if=/dev/urandom of=/tmp/r bs=1M count=4 2>/dev/null; dd if=/tmp/r of=/dev/sda bs=1M seek=1 2>/dev/null; sync\r");
	ptyrun_send(p, "echo 3 >/proc/sys/vm/drop_caches; dd if=/dev/sda bs=1M skip=1 count=4 2>/dev/null | cmp - /tmp/r && echo same$((1+1))\r");
	EXPECT(p, "^same2", SHORT_MS);
	ptyrun_send(p, "echo written by the guest | dd of=/dev/sda bs=512 seek=9 conv=sync 2>/dev/null; sync; poweroff\r");
	EXPECT_EXIT(p, BOOT_MS);
	ptyrun_free(p);
	assert_int_equal(pread(fd, buf, 20, 9 * 512), 20);
	assert_string_equal(buf, "written by the guest");
	close(fd);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(three_shells_and_power_off), cmocka_unit_test(reboot_from_inside),
		cmocka_unit_test_setup_teardown(no_reboot_ends_the_program, guest_under_interp, guest_under_default),
		cmocka_unit_test(newer_kernel), cmocka_unit_test(disk_takes_what_the_guest_writes),
	};
	return cmocka_run_group_tests_name("linux", tests, NULL, NULL);
}
