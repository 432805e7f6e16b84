/* test_vgahistory.c - what guests print on the VGA's screen at full speed is all kept, line by line: with the video BIOS, which copies the screen up,
 * and by Linux, which moves it through the window. */
#include "tests/guest/guest.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define INITRD GUESTS "demo.initrd"
enum { BIOS_LINES = 1000, NUMBERS = 20000, ALIKE = 3000 };
struct bench { struct ptyrun *p; char file[40]; char *text; };

static int set_up(void **state)
{
	struct bench *b = calloc(1, sizeof *b);
	assert_non_null(b);
	strcpy(b->file, "/tmp/vmux-vga-XXXXXX");
	int fd = mkstemp(b->file);
	assert_true(fd >= 0);
	close(fd);
	*state = b;
	return 0;
}

static int tear_down(void **state)
{
	struct bench *b = *state;
	ptyrun_free(b->p);
	unlink(b->file);
	free(b->text);
	free(b);
	return 0;
}

/* The machine waits until its first console is logged. */
static void begin(struct bench *b)
{
	char line[100];
	assert_true(ptyrun_expect(b->p, "paused", SHORT_MS));
	snprintf(line, sizeof line, "\001:log stripped %s\r", b->file);
	ptyrun_send(b->p, line);
	assert_true(ptyrun_expect(b->p, "is logged", SHORT_MS));
	ptyrun_send(b->p, "\001 ");
}

/* All that was on the screen, behind the line `first`. */
static const char *end(struct bench *b, const char *first)
{
	ptyrun_send(b->p, "\001:log off\r");
	assert_true(ptyrun_expect(b->p, "the log of VGA ends", SHORT_MS));
	FILE *f = fopen(b->file, "r");
	size_t size = 4 << 20;
	assert_true(f && (b->text = calloc(size + 1, 1)));
	assert_true(fread(b->text, 1, size, f) < size);
	fclose(f);
	const char *at = strstr(b->text, first);
	assert_non_null(at);
	return at + strlen(first);
}

static const char *take(const char *at, const char *line)
{
	size_t n = strlen(line);
	if (strncmp(at, line, n))
		fail_msg("\"%.40s\" instead of \"%s\"", at, line);
	return at + n;
}

static void of_the_bios(void **state)
{
	struct bench *b = *state;
	char line[20];
	b->p = guest_start("-m", "16", "-S", "-drive", "file=build/guest-boot/scroll.img,format=raw,snapshot=on", NULL);
	begin(b);
	assert_true(ptyrun_expect(b->p, "^end", BOOT_MS));
	const char *at = end(b, "0000\n");
	for (unsigned i = 1; i < BIOS_LINES; i++) {
		snprintf(line, sizeof line, "%04u\n", i);
		at = take(at, line);
	}
	take(at, "end\n");
}

static void of_linux(void **state)
{
	struct bench *b = *state;
	char line[20];
	guest_need(INITRD);
	b->p = guest_start("-m", "256", "-S", "-kernel", GUESTS "linux-6.1/vmlinuz", "-initrd", INITRD, "-append", "quiet console=tty0 no_timer_check", "-serial", "vc", NULL);
	begin(b);
	assert_true(ptyrun_expect(b->p, "vmux tty1#", BOOT_MS));
	ptyrun_send(b->p, "clear; echo be'gin'; seq 20000; yes alike | head -n 3000; echo e'nd'\r");
	assert_true(ptyrun_expect(b->p, "^end", BOOT_MS));
	const char *at = end(b, "begin\n");
	for (unsigned i = 1; i <= NUMBERS; i++) {
		snprintf(line, sizeof line, "%u\n", i);
		at = take(at, line);
	}
	for (unsigned i = 0; i < ALIKE; i++)
		at = take(at, "alike\n");
	take(at, "end\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test_setup_teardown(of_the_bios, set_up, tear_down), cmocka_unit_test_setup_teardown(of_linux, set_up, tear_down) };
	return cmocka_run_group_tests_name("vgahistory", tests, NULL, NULL);
}
