/* test_virtconsole.c - Debian's Linux on virtio-serial: a shell in a pane whose size the guest learns, and a named line that loses nothing. */
#include "tests/guest/guest.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#define INITRD(release) "build/tests/virtio-" release ".initrd"

/* The guest says its terminal's size whenever that is another one. */
static const char sizes[] = "while :; do s=$(stty size); [ \"$s\" = \"$o\" ] || echo \"now $s.\"; o=$s; sleep 0.1; done\r";

/* Ctrl-C ends that: a prompt with nothing behind it.  (Linux may drop the echo, ^C, with the output that the signal throws away,
 * or print it behind the line feed that the shell writes.) */
#define STOP(p) do { ptyrun_send(p, "\003"); EXPECT(p, "^(\\^C)?vmux hvc0#$", SHORT_MS); } while (0)

/* From a shell on hvc0 that says its size; what is typed next waits until the last change was seen there. */
static void follow(struct ptyrun *p)
{
	EXPECT(p, "1:VGA 2:c", BOOT_MS);
	ptyrun_send(p, "\0332");
	EXPECT(p, "vmux hvc0#", BOOT_MS);
	ptyrun_send(p, sizes);
	EXPECT(p, "^now 25 80\\.", SHORT_MS);
	ptyrun_resize(p, 100, 31);
	EXPECT(p, "^now 30 100\\.", SHORT_MS);
	ptyrun_resize(p, 60, 21);                       /* smaller than a guest on a UART is ever told */
	EXPECT(p, "^now 20 60\\.", SHORT_MS);
}

static void a_pane_of_any_size(void **state)
{
	guest_need(INITRD("6.1"));
	struct ptyrun *p = guest_start("-m", "256", "-kernel", GUESTS "linux-6.1/vmlinuz", "-initrd", INITRD("6.1"), "-append", "quiet console=tty0",
		"-serial", "none", "-parallel", "none", "-device", "virtio-serial-pci", "-chardev", "vc,id=c", "-device", "virtconsole,chardev=c", NULL);
	follow(p);
	ptyrun_send(p, "\001|");                        /* half of it, under a title */
	EXPECT(p, ">3:monitor", SHORT_MS);
	EXPECT(p, "^now 19 (29|30)\\.", SHORT_MS);
	ptyrun_send(p, "\001!");                        /* the half that is the monitor goes */
	EXPECT(p, "^now 20 60\\.\\s*\n(.*\n)*now 19 (29|30)\\.\\s*\n(.*\n)*now 20 60\\.", SHORT_MS);
	STOP(p);
	/* the interrupts are the device's own messages */
	ptyrun_send(p, "clear; grep virtio /proc/interrupts; grep -h 1AF4 /sys/bus/pci/devices/*/modalias\r");
	EXPECT(p, "PCI-MSI.*virtio0-(config|virtqueues)", SHORT_MS);
	EXPECT(p, "pci:v00001AF4d00001003sv00001AF4sd00000003bc07sc80i00", SHORT_MS);
	ptyrun_send(p, "clear; poweroff\r");
	EXPECT_EXIT(p, BOOT_MS);
	ptyrun_free(p);
}

/* By the interface that drivers had before 1.0, with a wire for interrupts; and by the newer one alone, with a newer kernel. */
static void old_and_new(void **state)
{
	guest_need(INITRD("6.1"));
	struct ptyrun *p = guest_start("-m", "256", "-kernel", GUESTS "linux-6.1/vmlinuz", "-initrd", INITRD("6.1"), "-append", "quiet console=tty0",
		"-serial", "none", "-parallel", "none", "-device", "virtio-serial,disable-modern=on,vectors=0,max_ports=1", "-chardev", "vc,id=c", "-device",
		"virtconsole,chardev=c", NULL);
	follow(p);
	STOP(p);
	ptyrun_send(p, "clear; grep virtio0 /proc/interrupts; cat /sys/bus/virtio/devices/virtio0/features\r");
	EXPECT(p, "IO-APIC.*virtio0", SHORT_MS);
	EXPECT(p, "^10{27}110{30}", SHORT_MS);    /* neither several ports nor virtio 1 */
	ptyrun_send(p, "clear; poweroff\r");
	EXPECT_EXIT(p, BOOT_MS);
	ptyrun_free(p);
	guest_need(INITRD("6.12"));
	p = guest_start("-m", "256", "-kernel", GUESTS "linux-6.12/vmlinuz", "-initrd", INITRD("6.12"), "-append", "quiet console=tty0",
		"-serial", "none", "-parallel", "none", "-device", "virtio-serial-pci-non-transitional", "-chardev", "vc,id=c", "-device", "virtconsole,chardev=c", NULL);
	follow(p);
	ptyrun_free(p);
}

/* 32-bit drivers. */
static void of_32_bits(void **state)
{
	guest_need(INITRD("i386"));
	struct ptyrun *p = guest_start("-m", "512", "-kernel", GUESTS "netboot-i386/linux", "-initrd", INITRD("i386"), "-append",
		"quiet console=tty0 rdinit=/say-size", "-serial", "none", "-parallel", "none", "-device", "virtio-serial-pci", "-chardev", "vc,id=c", "-device",
		"virtconsole,chardev=c", NULL);
	EXPECT(p, "1:VGA 2:c", BOOT_MS);
	ptyrun_send(p, "\0332");
	EXPECT(p, "^This is i686\\.\\s*\n(.*\n)*now 25 80\\.", BOOT_MS);
	ptyrun_resize(p, 100, 31);
	EXPECT(p, "^now 30 100\\.", SHORT_MS);
	ptyrun_free(p);
}

/* A machine that is put back believes in the size of then: it is told that of now. */
static void back_in_another_size(void **state)
{
	char dir[] = "/tmp/vmux-test-XXXXXX", cmd[64];

	guest_need(INITRD("6.1"));
	assert_non_null(mkdtemp(dir));
	setenv("XDG_DATA_HOME", dir, 1);
	struct ptyrun *p = guest_start("-m", "128", "-kernel", GUESTS "linux-6.1/vmlinuz", "-initrd", INITRD("6.1"), "-append", "quiet console=tty0",
		"-serial", "none", "-parallel", "none", "-device", "virtio-serial-pci", "-chardev", "vc,id=c", "-device", "virtconsole,chardev=c", NULL);
	follow(p);
	ptyrun_send(p, "\0333");
	EXPECT(p, "^\\(qemu\\) *$", SHORT_MS);
	ptyrun_send(p, "savevm then\r");
	EXPECT(p, "savevm then\\s*\n+\\(qemu\\) *$", BOOT_MS);
	ptyrun_send(p, "\0332");
	EXPECT(p, "^now 20 60\\.", SHORT_MS);
	ptyrun_resize(p, 100, 31);
	EXPECT(p, "^now 20 60\\.\\s*\n(.*\n)*now 30 100\\.", SHORT_MS);
	ptyrun_send(p, "\0333");
	EXPECT(p, "^\\(qemu\\) *$", SHORT_MS);
	ptyrun_send(p, "loadvm then\r");
	EXPECT(p, "loadvm then\\s*\n+\\(qemu\\) *$", BOOT_MS);
	ptyrun_send(p, "\0332");
	EXPECT(p, "^now 30 100\\.\\s*\n(.*\n)*now 30 100\\.", SHORT_MS);
	ptyrun_free(p);
	unsetenv("XDG_DATA_HOME");
	snprintf(cmd, sizeof cmd, "rm -rf %s", dir);
	assert_int_equal(system(cmd), 0);
}

/* Without panes: the console has the terminal that the program was started in. */
static void a_terminal_of_any_size(void **state)
{
	guest_need(INITRD("6.1"));
	struct ptyrun *p = guest_start("-m", "256", "-kernel", GUESTS "linux-6.1/vmlinuz", "-initrd", INITRD("6.1"), "-append", "quiet console=hvc0",
		"-nographic", "-serial", "none", "-parallel", "none", "-monitor", "none", "-device", "virtio-serial-pci", "-chardev", "stdio,id=c,signal=off", "-device",
		"virtconsole,chardev=c", NULL);
	EXPECT(p, "vmux hvc0#", BOOT_MS);
	ptyrun_send(p, sizes);
	EXPECT(p, "^now 26 80\\.", SHORT_MS);
	ptyrun_resize(p, 100, 31);
	EXPECT(p, "^now 31 100\\.", SHORT_MS);
	ptyrun_resize(p, 60, 21);
	EXPECT(p, "^now 21 60\\.", SHORT_MS);
	STOP(p);
	ptyrun_send(p, "poweroff\r");
	EXPECT_EXIT(p, BOOT_MS);
	ptyrun_free(p);
}

/* ---- a named line -------------------------------------------------------------------------------------------------------------- */

enum { AMOUNT = 1 << 20 };

static int dial(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

struct transfer { int fd; uint8_t *out, *in; size_t sent, got; };

static bool move_on(struct ptyrun *p, void *arg)
{
	struct transfer *t = arg;
	ssize_t n = t->sent < AMOUNT ? write(t->fd, t->out + t->sent, AMOUNT - t->sent) : 0;

	t->sent += n > 0 ? (size_t)n : 0;
	n = read(t->fd, t->in + t->got, AMOUNT - t->got);
	t->got += n > 0 ? (size_t)n : 0;
	return t->got == AMOUNT;
}

static void a_line_that_loses_nothing(void **state)
{
	char dir[] = "/tmp/vmux-test-XXXXXX", path[64], chardev[128];
	struct transfer t = { .out = malloc(AMOUNT), .in = malloc(AMOUNT) };
	uint32_t s = 1;

	guest_need(INITRD("6.1"));
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/line", dir);
	snprintf(chardev, sizeof chardev, "socket,id=d,path=%s,server=on,wait=off", path);
	struct ptyrun *p = guest_start("-m", "256", "-kernel", GUESTS "linux-6.1/vmlinuz", "-initrd", INITRD("6.1"), "-append", "quiet console=tty0",
		"-serial", "none", "-parallel", "none", "-device", "virtio-serial-pci", "-chardev", chardev, "-device", "virtserialport,chardev=d,name=org.test,id=line", NULL);
	EXPECT(p, "vmux tty1#", BOOT_MS);
	t.fd = dial(path);
	ptyrun_send(p, "exec 3<>/dev/virtio-ports/org.test; clear; echo o$((1+1))pen; cat <&3 >&3\r");
	EXPECT(p, "^o2pen", SHORT_MS);
	for (size_t i = 0; i < AMOUNT; i++) {
		s = s * 1664525 + 1013904223;
		t.out[i] = (uint8_t)(s >> 24);
	}
	assert_true(ptyrun_until(p, move_on, &t, BOOT_MS, "1 MB comes back"));
	assert_memory_equal(t.in, t.out, AMOUNT);
	close(t.fd);
	ptyrun_free(p);
	free(t.out);
	free(t.in);
	unlink(path);
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(a_pane_of_any_size), cmocka_unit_test(old_and_new), cmocka_unit_test(of_32_bits),
		cmocka_unit_test(back_in_another_size), cmocka_unit_test(a_terminal_of_any_size),
		cmocka_unit_test(a_line_that_loses_nothing) };
	return cmocka_run_group_tests(tests, guest_under_default, NULL);
}
