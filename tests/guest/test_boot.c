/* test_boot.c - unmodified firmware, boot loaders and memtest86+ on the VGA pane. */
#include "tests/guest/guest.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void seabios_finds_nothing_to_boot(void **state)
{
	struct ptyrun *p = guest_start("-m", "64", NULL);
	EXPECT(p, "SeaBIOS \\(version", SHORT_MS);
	EXPECT(p, "No bootable device", SHORT_MS);
	/* the monitor is console 2, chosen by Esc and the digit typed by hand; back by Alt+1 */
	ptyrun_send_split(p, "\0332", 2, 1, 20);
	EXPECT(p, "\\(qemu\\)", SHORT_MS);
	ptyrun_send(p, "info status\r");
	EXPECT(p, "VM status: running", SHORT_MS);
	ptyrun_send(p, "\0331");
	EXPECT(p, "No bootable device", SHORT_MS);
	ptyrun_send(p, "\0332");
	ptyrun_send(p, "quit\r");
	EXPECT_EXIT(p, SHORT_MS);
	ptyrun_free(p);
}

static void memtest_runs_from_kernel(void **state)
{
	guest_need("/boot/memtest86+x64.bin");
	struct ptyrun *p = guest_start("-m", "64", "-kernel", "/boot/memtest86+x64.bin", NULL);
	EXPECT(p, "Memtest86\\+ v6\\.10", BOOT_MS);
	EXPECT(p, "Test #[0-9]", BOOT_MS);
	EXPECT(p, "Testing: +[0-9]+(MB|KB|M|K)", BOOT_MS);
	ptyrun_free(p);
}

static void memtest_runs_from_cd(void **state)
{
	guest_need("/usr/lib/memtest86+/memtest86+x64.iso");
	struct ptyrun *p = guest_start("-m", "64", "-cdrom", "/usr/lib/memtest86+/memtest86+x64.iso", "-boot", "d", NULL);
	EXPECT(p, "Memtest86\\+ v6\\.10", BOOT_MS);
	EXPECT(p, "Test #[0-9]", BOOT_MS);
	ptyrun_free(p);
}

static void grub_comes_up_from_floppy(void **state)
{
	guest_need("/usr/lib/grub-rescue/grub-rescue-floppy.img");
	struct ptyrun *p = guest_start("-m", "64", "-drive", "file=/usr/lib/grub-rescue/grub-rescue-floppy.img,if=floppy,format=raw,readonly=on",
		"-boot", "a", NULL);
	EXPECT(p, "GNU GRUB +version", BOOT_MS);
	ptyrun_send(p, "\033[B\033[B");
	EXPECT(p, "\\*FreeBSD \\(or", SHORT_MS);
	ptyrun_send(p, "c");
	EXPECT(p, "grub>", SHORT_MS);
	ptyrun_send(p, "echo one$two three\r");
	EXPECT(p, "^one three", SHORT_MS);
	ptyrun_free(p);
}

static void grub_comes_up_from_cd(void **state)
{
	guest_need("/usr/lib/grub-rescue/grub-rescue-cdrom.iso");
	struct ptyrun *p = guest_start("-m", "64", "-cdrom", "/usr/lib/grub-rescue/grub-rescue-cdrom.iso", "-boot", "d", NULL);
	EXPECT(p, "GNU GRUB +version", BOOT_MS);
	ptyrun_send(p, "c");
	EXPECT(p, "grub>", SHORT_MS);
	ptyrun_send(p, "ls (cd)/boot\r");
	EXPECT(p, "grub/", SHORT_MS);
	ptyrun_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(seabios_finds_nothing_to_boot), cmocka_unit_test(memtest_runs_from_kernel), cmocka_unit_test(memtest_runs_from_cd),
		cmocka_unit_test(grub_comes_up_from_floppy), cmocka_unit_test(grub_comes_up_from_cd),
	};
	int failed = cmocka_run_group_tests_name("boot", tests, NULL, NULL);
	return failed + cmocka_run_group_tests_name("boot (interpreted)", tests, guest_under_interp, NULL);
}
