/* station.c - see station.h. */
#include "tests/tui/station.h"
#include <fcntl.h>
#include <libgen.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

int place_set_up(void **state)
{
	struct place *at = calloc(1, sizeof *at);
	char self[1024], path[128];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	assert_true(at && n > 0);
	self[n] = 0;
	snprintf(at->program, sizeof at->program, "%s/tui-fake", dirname(self));
	strcpy(at->dir, "/tmp/vmux-test-XXXXXX");
	assert_non_null(mkdtemp(at->dir));
	snprintf(at->runtime, sizeof at->runtime, "XDG_RUNTIME_DIR=%s", at->dir);
	snprintf(at->config, sizeof at->config, "XDG_CONFIG_HOME=%s", at->dir);
	snprintf(path, sizeof path, "%s/vmux", at->dir);
	assert_int_equal(mkdir(path, 0700), 0);
	*state = at;
	return 0;
}

int place_set_up_here(void **state)
{
	place_set_up(state);
	return setenv("XDG_RUNTIME_DIR", ((struct place *)*state)->dir, 1);
}

int place_tear_down(void **state)
{
	struct place *at = *state;
	char cmd[128];
	snprintf(cmd, sizeof cmd, "rm -rf %s", at->dir);
	assert_int_equal(system(cmd), 0);
	free(at);
	return 0;
}

void place_write_config(const struct place *at, const char *text)
{
	char path[200];
	snprintf(path, sizeof path, "%s/vmux/config", at->dir);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

void place_check_config(const struct place *at, const char *text, const char *says, int status)
{
	char cmd[1500], out[1000];
	place_write_config(at, text);
	snprintf(cmd, sizeof cmd, "%s %s config check 2>&1", at->config, at->program);
	FILE *f = popen(cmd, "r");
	assert_non_null(f);
	out[fread(out, 1, sizeof out - 1, f)] = 0;
	assert_int_equal(WEXITSTATUS(pclose(f)), status);
	if (!strstr(out, says))
		fail_msg("%s: %s", text, out);
}

struct station *station_begin(const struct place *at, struct ptyrun_options o, char *const argv[])
{
	struct station *s = calloc(1, sizeof *s);
	char fd[32];
	const char *env[16] = { fd, at->runtime, at->config };
	int pair[2];
	for (unsigned i = 3; o.env && *o.env; i++) {
		assert_true(i + 1 < sizeof env / sizeof *env);
		env[i] = *o.env++;
	}
	assert_non_null(s);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	fcntl(pair[0], F_SETFD, FD_CLOEXEC);
	snprintf(fd, sizeof fd, "FAKE_VM_FD=%d", pair[1]);
	o.env = env;
	s->p = ptyrun_start(&o, argv);
	assert_non_null(s->p);
	close(pair[1]);
	s->control = pair[0];
	s->answers = fdopen(fcntl(pair[0], F_DUPFD_CLOEXEC, 3), "r");
	return s;
}

struct station *station_start(const struct place *at, struct ptyrun_options o, char *const argv[])
{
	struct station *s = station_begin(at, o, argv);
	SEES(s, "fake VGA ready");
	return s;
}

void station_stop(struct station *s)
{
	ptyrun_free(s->p);
	fclose(s->answers);
	close(s->control);
	free(s);
}

const char *station_ask(struct station *s, const char *fmt, ...)
{
	char line[8192];
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(line, sizeof line - 2, fmt, ap);
	va_end(ap);
	line[n++] = '\n';
	line[n] = 0;
	assert_int_equal(write(s->control, line, (size_t)n), n);
	for (int i = 0; i < 20000; i++) {
		char c;
		ssize_t got = recv(s->control, &c, 1, MSG_PEEK | MSG_DONTWAIT);
		if (got == 0)
			break;                          /* it is gone */
		if (got == 1) {
			assert_non_null(fgets(s->answer, sizeof s->answer, s->answers));
			s->answer[strcspn(s->answer, "\n")] = 0;
			return s->answer;
		}
		ptyrun_bytes_during(s->p, 5);
	}
	ptyrun_settle(s->p, 500);
	ptyrun_dump(s->p, "the machine does not answer");
	fail_msg("no answer to %s", line);
	return NULL;
}

void station_keys_are(struct station *s, const char *want)
{
	char all[2000] = "";
	for (int i = 0; i < 20000 && strlen(all) < strlen(want); i++) {
		const char *a = station_ask(s, "keys");
		if (*a)
			snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s", *all ? " " : "", a);
		else
			ptyrun_bytes_during(s->p, 5);
	}
	assert_string_equal(all, want);
}

struct station *station_named(const struct place *at, const char *name)
{
	return station_start(at, (struct ptyrun_options){ 0 }, (char *[]){ (char *)at->program, (char *)"-name", (char *)name, NULL });
}

void station_step(struct station *s, const char *step)
{
	if (*step == '!')
		station_ask(s, "%s", step + 1);
	else if (*step == '?')
		SEES(s, step + 1);
	else
		ptyrun_send(s->p, step);
}
