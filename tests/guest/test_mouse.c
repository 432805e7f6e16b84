/* test_mouse.c - what the terminal's mouse does over the VGA console reaches a real Linux through its PS/2 mouse: moves and buttons. */
#include "tests/guest/guest.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#define INITRD GUESTS "demo.initrd"

static int tear_down(void **state)
{
	ptyrun_free(*state);
	return 0;
}

/* A report of the terminal's (SGR), and the packet that the guest reads. */
static void reaches(struct ptyrun *p, const char *report, const char *packet)
{
	ptyrun_send(p, report);
	assert_true(ptyrun_expect(p, packet, SHORT_MS));
}

/* /dev/input/mice speaks the PS/2 mouse's own language: buttons and signs, right, up. */
static void the_terminals_mouse_in_linux(void **state)
{
	guest_need(INITRD);
	struct ptyrun *p = *state = guest_start("-m", "256", "-kernel", GUESTS "linux-6.1/vmlinuz", "-initrd", INITRD, "-append", "quiet console=tty0 no_timer_check", "-serial", "vc", NULL);
	assert_true(ptyrun_expect(p, "vmux tty1#", BOOT_MS));
	ptyrun_send(p, "clear; modprobe psmouse; until [ -e /dev/input/mouse0 ]; do sleep 1; done; exec 3</dev/input/mice; echo re'ady'; "
		       "for i in 1 2 3 4 5 6 7; do dd bs=3 count=1 <&3 2>/dev/null | od -An -tx1; done\r");
	assert_true(ptyrun_expect(p, "^ready", BOOT_MS));
	ptyrun_send(p, "\001:set mouse guest\r\033[<35;10;10M");
	reaches(p, "\033[<35;12;10M", "^ready\n 08 10 00\n");                    /* two columns right, a column is 8 */
	reaches(p, "\033[<35;12;9M", "^ 08 10 00\n 08 00 10\n");                 /* a row up */
	reaches(p, "\033[<0;12;9M", "^ 08 00 10\n 09 00 00\n");                  /* the left button */
	reaches(p, "\033[<32;11;10M", "^ 09 00 00\n 39 f8 f0\n");                /* dragged left and down */
	reaches(p, "\033[<0;11;10m", "^ 39 f8 f0\n 08 00 00\n");
	reaches(p, "\033[<2;11;10M", "^ 08 00 00\n 0a 00 00\n");                 /* the right one */
	reaches(p, "\033[<2;11;10m", "^ 0a 00 00\n 08 00 00\n");
	assert_true(ptyrun_expect(p, "^ 08 00 00\nvmux tty1#", SHORT_MS));
	ptyrun_send(p, "echo ke'ys'\r");                                        /* those are still the keyboard's */
	assert_true(ptyrun_expect(p, "^keys", SHORT_MS));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test_teardown(the_terminals_mouse_in_linux, tear_down) };
	return cmocka_run_group_tests_name("mouse", tests, NULL, NULL);
}
