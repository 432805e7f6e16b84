/* test_kvm_apic.c - local APICs under KVM, in the kernel ("split") and our own, with the boot sector boot/apic.S on two CPUs; the same under the
 * interpreter.  Stopped, looked at, and gone on with by another engine in the middle. */
#include "core/kvm/kvm.h"
#include "tests/guest/guest.h"
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <cmocka.h>

enum { PATIENCE = SHORT_MS };
#define DISK "build/guest-boot/apic.img"

static void need_kvm(void)
{
	struct kvm_probe p;

	if (kvm_probe(&p))
		return;
	printf("# SKIP %s\n", p.why);
	skip();
}

static void need(int cap, const char *what)
{
	need_kvm();
	int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC), has = ioctl(fd, KVM_CHECK_EXTENSION, cap);

	close(fd);
	if (has > 0)
		return;
	printf("# SKIP the host's KVM has no %s\n", what);
	skip();
}

static struct ptyrun *start(const char *accel)
{
	return guest_start("-accel", accel, "-m", "16", "-cpu", "qemu64,+tsc-deadline", "-smp", "2", "-drive", "file=" DISK ",format=raw,snapshot=on",
		"-serial", "none", NULL);
}

/* ---- rows ------------------------------------------------------------------------------------------------------------------------------ */

/* The last one that is shown, or -1. */
static long last_row(struct ptyrun *p)
{
	long last = -1;

	for (unsigned n = 0; n < 25; n++) {
		const char *row = ptyrun_row(p, n);
		if (!strncmp(row, "row ", 4))
			last = strtol(row + 4, NULL, 16);
	}
	return last;
}

static bool has_row(struct ptyrun *p, void *arg) { return last_row(p) >= *(long *)arg; }

/* Both CPUs tick: three rows more. */
static void goes_on(struct ptyrun *p)
{
	long want = last_row(p) + 3;

	if (ptyrun_until(p, has_row, &want, PATIENCE, "three rows more"))
		return;
	ptyrun_free(p);
	fail_msg("no three rows more");
}

/* Commands in the monitor, what the last shows, and back to the guest's screen. */
static void command(struct ptyrun *p, const char *text, const char *expected)
{
	ptyrun_send(p, "\0332");
	ptyrun_send(p, text);
	EXPECT(p, expected, PATIENCE);
	ptyrun_send(p, "\0331");
	EXPECT(p, "^row ", PATIENCE);
}

/* Every kind of interrupt arrived; then the rows. */
static struct ptyrun *words(const char *accel, const char *all)
{
	struct ptyrun *p = start(accel);

	EXPECT(p, all, PATIENCE);
	ptyrun_send(p, " ");
	EXPECT(p, "^row 0001", PATIENCE);
	goes_on(p);
	return p;
}

#define WORDS "begin self nmi once periodic deadline level up ipi other lowest done"
#define WORDS_OF_OURS "begin self nmi once periodic level up ipi other lowest done"

static void end(struct ptyrun *p)
{
	ptyrun_send(p, "\0332quit\r");
	EXPECT_EXIT(p, PATIENCE);
	ptyrun_free(p);
}

static void interpreted(void **state) { end(words("interp", WORDS)); }

static void ours(void **state)
{
	need_kvm();
	struct ptyrun *p = words("kvm,kernel-irqchip=off", WORDS_OF_OURS);

	command(p, "info kvm\r", "interrupt controllers: vmux's own");
	end(p);
}

static void split(void **state)
{
	need(KVM_CAP_SPLIT_IRQCHIP, "local APICs");
	struct ptyrun *p = words("kvm", WORDS);

	command(p, "info kvm\r", "interrupt controllers: split(.|\n)*CPU #1");
	/* stopped, with the periodic timers at home, and on */
	for (int n = 0; n < 5; n++)
		command(p, "stop\rinfo lapic\r", "LVTT +0x00020041(.|\n)*initial_count = 1000000 current_count = [0-9]+");
	command(p, "cont\r", "cont");
	goes_on(p);
	/* other engines take them over, and give them back */
	static const char *const engines[] = { "interp", "jit", "kvm" };
	for (unsigned n = 0; n < 6; n++) {
		char text[64], expected[64];
		snprintf(text, sizeof text, "clear\raccel %s\rinfo accel\r", engines[n % 3]);
		snprintf(expected, sizeof expected, "engine: %s", engines[n % 3]);
		command(p, text, expected);
		goes_on(p);
	}
	/* a reset brings both back to where they were at the start */
	ptyrun_send(p, "\0332system_reset\r\0331");
	EXPECT(p, WORDS, PATIENCE);
	end(p);
}

/* What the interpreter has to run, here as address line 20 is masked: then the APICs are at home, too. */
static void at_home(void **state)
{
	need(KVM_CAP_SPLIT_IRQCHIP, "local APICs");
	struct ptyrun *p = words("kvm,kernel-irqchip=split", WORDS);

	command(p, "o /b 0x92 0\ri /b 0x92\r", "portb\\[0x0092\\] = 0x00");
	goes_on(p);
	command(p, "o /b 0x92 2\ri /b 0x92\r", "portb\\[0x0092\\] = 0x02");
	goes_on(p);
	end(p);
}

static void refused(void **state)
{
	static const char *const bad[] = { "kvm,kernel-irqchip=maybe", "interp,kernel-irqchip=1" };

	for (unsigned n = 0; n < 2; n++) {
		struct ptyrun *p = start(bad[n]);
		EXPECT(p, "Parameter 'kernel-irqchip' does not accep", SHORT_MS);
		ptyrun_free(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(interpreted), cmocka_unit_test(ours), cmocka_unit_test(split), cmocka_unit_test(at_home),
		cmocka_unit_test(refused) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
