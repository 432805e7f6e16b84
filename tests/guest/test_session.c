/* test_session.c - a real Linux outlives the terminal that it was started from: scripts find it, another terminal comes back to it. */
#include "tests/guest/guest.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#define INITRD GUESTS "demo.initrd"

static const char *program(void)
{
	return getenv("VMUX") ? getenv("VMUX") : "build/vmux";
}

static int vmux(char *out, size_t size, const char *words)
{
	char cmd[1000];
	snprintf(cmd, sizeof cmd, "timeout -k 2 %d %s %s 2>&1", BOOT_MS / 1000, program(), words);
	FILE *f = popen(cmd, "r");
	assert_non_null(f);
	out[fread(out, 1, size - 1, f)] = 0;
	return WEXITSTATUS(pclose(f));
}

static void a_guest_outlives_its_terminal(void **state)
{
	char dir[] = "/tmp/vmux-test-XXXXXX", cmd[100], out[20000];
	int status;
	guest_need(INITRD);
	assert_non_null(mkdtemp(dir));
	setenv("XDG_RUNTIME_DIR", dir, 1);
	struct ptyrun *p = guest_start("-name", "lives on", "-m", "256", "-kernel", GUESTS "linux-6.1/vmlinuz", "-initrd", INITRD, "-append", "quiet console=tty0",
		"-serial", "vc", "-serial", "vc", NULL);
	EXPECT(p, "SeaBIOS|Linux|Booting", BOOT_MS);
	ptyrun_hangup(p);                               /* while it boots */
	assert_true(ptyrun_wait_exit(p, SHORT_MS, &status));

	assert_int_equal(vmux(out, sizeof out, "wait lives_on --pane serial0 'vmux ttyS0#'"), 0);
	assert_int_equal(vmux(out, sizeof out, "send lives_on --pane serial0 'for i in $(seq 1 500); do echo line $i of many; done; echo the sum is $((40+2))<ret>'"), 0);
	assert_int_equal(vmux(out, sizeof out, "wait lives_on --pane serial0 '^the sum is 42'"), 0);
	assert_int_equal(vmux(out, sizeof out, "wait lives_on 'vmux tty1#'"), 0);
	assert_int_equal(vmux(out, sizeof out, "send lives_on 'echo By \"Scancode\": $((6*7))<ret>'"), 0);
	assert_int_equal(vmux(out, sizeof out, "wait lives_on '^By Scancode: 42'"), 0);
	assert_int_equal(vmux(out, sizeof out, "screen lives_on"), 0);
	assert_non_null(strstr(out, "\nBy Scancode: 42\n"));

	char *argv[] = { (char *)program(), (char *)"attach", (char *)"lives_on", NULL };
	struct ptyrun *q = ptyrun_start(&(struct ptyrun_options){ .term = "screen-256color", .cols = 100, .rows = 30 }, argv);
	assert_non_null(q);
	EXPECT(q, "^By Scancode: 42", SHORT_MS);
	ptyrun_send(q, "\0333");
	EXPECT(q, "^the sum is 42", SHORT_MS);
	ptyrun_send(q, "\001[g");                       /* what came while nobody looked */
	EXPECT(q, "^line 17 of many|for i in", SHORT_MS);
	ptyrun_send(q, "q");
	EXPECT(q, "^the sum is 42", SHORT_MS);
	ptyrun_send(q, "poweroff -f\r");
	EXPECT_EXIT(q, BOOT_MS);
	ptyrun_free(q);
	ptyrun_free(p);
	assert_int_equal(vmux(out, sizeof out, "ls"), 0);
	assert_string_equal(out, "");
	snprintf(cmd, sizeof cmd, "rm -rf %s", dir);
	assert_int_equal(system(cmd), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(a_guest_outlives_its_terminal) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
