/* test_kvm_dirty.c - a frame buffer that is looked at while the guest draws: each pixel is seen, and where the engine knows that nothing was written a look
 * costs little.  Under KVM, where the kernel notes the pages, and under the interpreter. */
#include "core/kvm/kvm.h"
#include "core/vm.h"
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

enum { LIMIT_S = 240, WIDTH = 1024, HEIGHT = 768, PIXEL = 700 * WIDTH + 5, KEY_A = 0x1e, UP = 0x80, LOOKS = 200 };

static struct vm *start(const char *accel)
{
	char *argv[] = { "vmux", "-display", "none", "-nodefaults", "-vga", "std", "-m", "32", "-drive", "file=build/guest-boot/vbe.img,format=raw,snapshot=on",
		"-accel", (char *)accel, NULL };
	struct error err = { "" };
	int status;
	struct vm *vm = vm_create(12, argv, &status, &err);

	if (!vm || !vm_start(vm, &err))
		fail_msg("%s", err.msg);
	return vm;
}

static void nap(struct vm *vm)
{
	struct pollfd p = { .fd = vm_event_fd(vm), .events = POLLIN };

	poll(&p, 1, 10);
	vm_event_ack(vm);
}

static void look(struct vm *vm, struct screen *s)
{
	s->want_pixels = true;
	assert_true(vm_screen(vm, s, true));
}

/* Until the pixel has that much red. */
static void shows(struct vm *vm, struct screen *s, uint8_t red)
{
	time_t end = time(NULL) + LIMIT_S;

	for (;;) {
		look(vm, s);
		if (s->kind == SCREEN_GRAPHICS && s->width == WIDTH && s->height == HEIGHT && s->pixels && s->pixels[PIXEL] >> 16 == red)
			return;
		if (time(NULL) > end)
			fail_msg("no red %02x at the pixel", red);
		nap(vm);
	}
}

static void draw(const char *accel)
{
	struct vm *vm = start(accel);
	struct screen s = { 0 }, other = { 0 };
	struct timespec from, to;
	unsigned same = 0;

	shows(vm, &s, 1);
	for (unsigned n = 0; n < 20; n++) {
		bool down = n % 2 == 0;
		assert_true(vm_key(vm, KEY_A, down));
		shows(vm, &s, down ? KEY_A : KEY_A | UP);
		shows(vm, &other, down ? KEY_A : KEY_A | UP);   /* whoever looks second sees it, too */
		if (n == 12) {                                  /* the interpreter writes meanwhile, whose writes the kernel does not note */
			struct text out = { 0 };
			vm_monitor(vm, "accel interp", &out);
			text_free(&out);
		} else if (n == 14) {
			struct text out = { 0 };
			char line[64];
			snprintf(line, sizeof line, "accel %s", accel);
			vm_monitor(vm, line, &out);
			text_free(&out);
		}
	}
	look(vm, &s);
	clock_gettime(CLOCK_MONOTONIC, &from);
	for (unsigned n = 0; n < LOOKS; n++) {
		look(vm, &s);
		same += s.pixels_same;
	}
	clock_gettime(CLOCK_MONOTONIC, &to);
	assert_int_equal(same, LOOKS);
	printf("# %s: %ld ns a look at %ux%u where nothing has changed\n", accel,
		((to.tv_sec - from.tv_sec) * 1000000000L + to.tv_nsec - from.tv_nsec) / LOOKS, WIDTH, HEIGHT);
	screen_free(&s);
	screen_free(&other);
	vm_destroy(vm);
}

static void interpreted(void **state) { draw("interp"); }

static void under_kvm(void **state)
{
	struct kvm_probe p;

	if (!kvm_probe(&p)) {
		printf("# SKIP %s\n", p.why);
		skip();
	}
	draw("kvm");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(interpreted), cmocka_unit_test(under_kvm) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
