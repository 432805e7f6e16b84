/* test_installer.c - Debian's installer to its first dialog, driven by arrow keys. */
#include "tests/guest/guest.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void first_dialog(const char *kernel, const char *initrd)
{
	guest_need(kernel);
	struct ptyrun *p = guest_start("-m", "1024", "-kernel", kernel, "-initrd", initrd, "-append", "vga=normal fb=false nomodeset", NULL);
	EXPECT(p, "Select a language", BOOT_MS);
	EXPECT(p, "English +- +English", BOOT_MS);
	/* up and down the list until another language is the chosen one: the list scrolls */
	for (int i = 0; i < 20; i++)
		ptyrun_send(p, "\033[A");
	EXPECT(p, "C +- +No localization", SHORT_MS);
	for (int i = 0; i < 60; i++)
		ptyrun_send(p, "\033[B");
	EXPECT(p, "(Swedish|Turkish|Vietnamese|Welsh) +- ", SHORT_MS);
	ptyrun_send(p, "\0332quit\r");
	EXPECT_EXIT(p, SHORT_MS);
	ptyrun_free(p);
}

static void amd64(void **state)
{
	first_dialog(GUESTS "netboot-amd64/linux", GUESTS "netboot-amd64/initrd.gz");
}

static void i386(void **state)
{
	first_dialog(GUESTS "netboot-i386/linux", GUESTS "netboot-i386/initrd.gz");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(amd64), cmocka_unit_test(i386) };
	return cmocka_run_group_tests_name("installer", tests, NULL, NULL);
}
