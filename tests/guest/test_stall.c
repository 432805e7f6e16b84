/* test_stall.c - a terminal that takes nothing costs the guest nothing: under a flood on the serial pane QMP answers and the guest goes on; when the
 * terminal takes output again it shows the flood's last lines.  VMUX_STALL_SECONDS=N: that long (a second). */
#include "tests/guest/guest.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

enum { LINES = 300000, ROWS = 24 };             /* 3 MB: far more than lies between a guest and a terminal */

static double now_s(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static FILE *qmp_open(const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct timeval limit = { .tv_sec = 120 };
	snprintf(un.sun_path, sizeof un.sun_path, "%s", path);
	for (unsigned tries = 0; tries < 12000; tries++) {
		int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
		if (!connect(fd, (struct sockaddr *)&un, sizeof un))
			return fdopen(fd, "r");
		close(fd);
		usleep(10000);
	}
	fail_msg("nobody listens at %s", path);
	return NULL;
}

/* A command of the human monitor; its output.  Events that come before are passed over. */
static void ask(FILE *q, const char *line, char *out, size_t size)
{
	dprintf(fileno(q), "{\"execute\": \"human-monitor-command\", \"arguments\": {\"command-line\": \"%s\"}}\n", line);
	do
		if (!fgets(out, (int)size, q))
			fail_msg("no answer to %s", line);
	while (!strstr(out, "\"return\""));
}

static unsigned long lines_printed(FILE *q, double *slowest)
{
	char out[1000];
	double t = now_s();
	ask(q, "xp /1wx 0x600", out, sizeof out);
	t = now_s() - t;
	if (t > *slowest)
		*slowest = t;
	const char *value = strstr(out, ": 0x");
	assert_non_null(value);
	return strtoul(value + 4, NULL, 16);
}

static bool shows_the_end(struct ptyrun *p, void *arg)
{
	unsigned long last = *(unsigned long *)arg;
	char want[32];
	bool same = !strcmp(ptyrun_row(p, ROWS - 2), "END");
	for (unsigned y = 0; y < ROWS - 2; y++) {
		snprintf(want, sizeof want, "%08lX", last - (ROWS - 3) + y);
		same &= !strcmp(ptyrun_row(p, y), want);
	}
	return same;
}

static void nobody_reads(void **state)
{
	char dir[] = "/tmp/vmux-test-XXXXXX", path[100], option[200], out[1000];
	const char *wish = getenv("VMUX_STALL_SECONDS");
	double seconds = wish ? atof(wish) : 1, slowest = 0;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/qmp", dir);
	snprintf(option, sizeof option, "unix:%s,server=on,wait=off", path);
	struct ptyrun *p = ptyrun_start(&(struct ptyrun_options){ .cols = 80, .rows = ROWS + 1 }, (char *[]){ getenv("VMUX") ? getenv("VMUX") : (char *)"build/vmux", "-m", "16", "-drive",
		"file=build/guest-boot/flood.img,format=raw,if=ide,snapshot=on", "-serial", "vc:80Cx24C", "-qmp", option, NULL });
	assert_non_null(p);
	FILE *q = qmp_open(path);
	assert_non_null(fgets(out, sizeof out, q));     /* the greeting */
	dprintf(fileno(q), "{\"execute\": \"qmp_capabilities\"}\n");
	assert_non_null(fgets(out, sizeof out, q));
	ptyrun_send(p, "\0332");                        /* -qmp: there is no monitor */
	EXPECT(p, "^[0-9A-F]{8}\n[0-9A-F]{8}\n[0-9A-F]{8}$", BOOT_MS);
	ptyrun_stop_reading(p);
	unsigned long first = lines_printed(q, &slowest), last = first, asked = 0;
	for (double end = now_s() + seconds, limit = now_s() + 240; now_s() < end || last < first + LINES; asked++) {
		unsigned long now = lines_printed(q, &slowest);
		assert_true(now >= last);
		last = now;
		if (now_s() > limit)
			fail_msg("the guest printed %lu lines only", last - first);
	}
	print_message("%lu lines (%.1f MB) printed while nobody read; %lu answers of QMP, the slowest after %.0f ms\n", last - first, (double)(last - first) * 10 / 1e6, asked, slowest * 1e3);
	ask(q, "sendkey a", out, sizeof out);
	ptyrun_resume_reading(p);
	EXPECT(p, "^END$", SHORT_MS);
	last = lines_printed(q, &slowest);
	assert_true(ptyrun_until(p, shows_the_end, &last, SHORT_MS, "the last lines and END"));
	fclose(q);
	ptyrun_send(p, "\001x");
	EXPECT_EXIT(p, SHORT_MS);
	ptyrun_free(p);
	unlink(path);
	assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(nobody_reads) };
	return cmocka_run_group_tests_name("stall", tests, NULL, NULL);
}
