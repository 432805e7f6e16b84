/* test_paste.c - 64 KiB pasted into a real Linux, over a serial line and through the keyboard, arrive byte for byte.  (Through the keyboard, where each
 * character is two to four interrupts, it is 8 KiB unless VMUX_TEST_ALL is set.) */
#include "tests/guest/guest.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define INITRD GUESTS "demo.initrd"
enum { PASTE_BYTES = 64 << 10, KEYBOARD_BYTES = 8 << 10, LINE_BYTES = 71, PASTE_MS = 1800000 };

/* Lines of all that ASCII can print, the last one ended too. */
static void make_text(char *text, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		text[i] = i % LINE_BYTES == LINE_BYTES - 1 || i + 1 == n ? '\n' : (char)(' ' + (i * 7 + i / 95) % 95);
}

static void sha256_of(const char *text, unsigned n, char *sum)
{
	char path[] = "/tmp/vmux-paste-XXXXXX", cmd[100];
	int fd = mkstemp(path);
	FILE *f = fdopen(fd, "w");
	assert_true(f && fwrite(text, 1, n, f) == n);
	fclose(f);
	snprintf(cmd, sizeof cmd, "sha256sum %s; rm %s", path, path);
	f = popen(cmd, "r");
	assert_true(f && fread(sum, 1, 64, f) == 64);
	sum[64] = 0;
	pclose(f);
}

static int tear_down(void **state)
{
	ptyrun_free(*state);
	return 0;
}

static void pasted(struct ptyrun *p, unsigned n, const char *prompt)
{
	char *text = malloc(n), sum[65];
	assert_non_null(text);
	make_text(text, n);
	sha256_of(text, n, sum);
	if (!ptyrun_expect(p, prompt, BOOT_MS))
		fail_msg("no prompt");
	ptyrun_send(p, "clear; stty -echo; echo re'ady'; cat >/tmp/x; stty echo; sha256sum </tmp/x\r");
	if (!ptyrun_expect(p, "^ready", BOOT_MS))
		fail_msg("the guest does not read");
	ptyrun_send(p, "\033[200~");
	ptyrun_send_bytes(p, text, n);
	ptyrun_send(p, "\033[201~\004");                /* what is typed meanwhile waits for the end of it */
	if (!ptyrun_expect(p, "^[0-9a-f]{64}  -", PASTE_MS))
		fail_msg("no sum came");
	char *screen = ptyrun_screen(p);
	bool same = strstr(screen, sum);
	if (!same)
		ptyrun_dump(p, sum);
	free(screen);
	free(text);
	assert_true(same);
}

static void arrives_whole(void **state)
{
	guest_need(INITRD);
	struct ptyrun *p = *state = guest_start("-m", "256", "-kernel", GUESTS "linux-6.1/vmlinuz", "-initrd", INITRD, "-append", "quiet console=tty0", "-serial", "vc", NULL);
	assert_true(ptyrun_expect(p, "vmux tty1#", BOOT_MS));
	ptyrun_send(p, "\001:set paste-ask off\r");
	pasted(p, getenv("VMUX_TEST_ALL") ? PASTE_BYTES : KEYBOARD_BYTES, "vmux tty1#");
	ptyrun_send(p, "\0013");
	pasted(p, PASTE_BYTES, "vmux ttyS0#");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test_teardown(arrives_whole, tear_down) };
	return cmocka_run_group_tests_name("paste", tests, NULL, NULL);
}
