/* test_kvm_boot.c - firmware and a boot sector under KVM: all that a host needs to have which runs real mode only.  Linux where the processor runs
 * the guest. */
#include "core/kvm/kvm.h"
#include "tests/guest/guest.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static bool refused(struct kvm_probe *p)
{
	kvm_probe(p);
	for (enum kvm_mode m = 0; m < KVM_MODES; m++)
		if (p->mode[m] == KVM_REFUSES) {
			printf("# SKIP %s\n", p->why);
			return true;
		}
	return false;
}

static void firmware_and_monitor(void **state)
{
	struct kvm_probe probe;
	if (refused(&probe))
		skip();
	struct ptyrun *p = guest_start("-enable-kvm", "-m", "64", "-serial", "none", NULL);
	EXPECT(p, "SeaBIOS \\(version", BOOT_MS);
	EXPECT(p, "No bootable device", BOOT_MS);
	ptyrun_send(p, "\0332info kvm\r");
	EXPECT(p, "kvm support: enabled", SHORT_MS);
	EXPECT(p, "CPU #0: exits [1-9]", SHORT_MS);
	ptyrun_send(p, "stop\rinfo registers\r");
	EXPECT(p, "EFER=0000000000000000", SHORT_MS);
	ptyrun_send(p, "cont\rinfo status\r");
	EXPECT(p, "VM status: running", SHORT_MS);
	/* a reset starts over */
	ptyrun_send(p, "system_reset\r\0331");
	EXPECT(p, "SeaBIOS \\(version", BOOT_MS);
	EXPECT(p, "No bootable device", BOOT_MS);
	ptyrun_send(p, "\0332quit\r");
	EXPECT_EXIT(p, SHORT_MS);
	ptyrun_free(p);
}

static void linux_boots(void **state)
{
	struct kvm_probe probe;
	if (refused(&probe))
		skip();
	if (*probe.why) {
		printf("# SKIP %s\n", probe.why);
		skip();
	}
	guest_need(GUESTS "linux-6.1/vmlinuz");
	guest_need(GUESTS "demo.initrd");
	struct ptyrun *p = guest_start("-accel", "kvm", "-m", "256", "-smp", "2", "-kernel", GUESTS "linux-6.1/vmlinuz", "-initrd", GUESTS "demo.initrd",
		"-append", "quiet", "-serial", "none", NULL);
	EXPECT(p, "vmux tty1#", BOOT_MS);
	ptyrun_send(p, "clear; grep -c ^processor /proc/cpuinfo\r");
	EXPECT(p, "^2$", SHORT_MS);
	ptyrun_send(p, "poweroff\r");
	EXPECT_EXIT(p, BOOT_MS);
	ptyrun_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(firmware_and_monitor), cmocka_unit_test(linux_boots) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
