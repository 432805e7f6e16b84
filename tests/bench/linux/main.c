/* main.c - work for `make bench BENCH=work`: the same static program natively and as /init of a guest.
 *
 * Protocol, on stdout or on the guest's first serial port: "<NAME\n" before, ">RESULT MICROSECONDS\n" behind each piece of work, "X\n"
 * at the end.  The time is CPU time of the process and its children, and counts natively only; that of a guest is taken outside, and a guest
 * waits for a byte behind each line, so that its time is taken before it goes on.  What the kernel has most of the work with runs twice: the
 * first time has what an emulator spends on code that is new to it.
 *
 * With --parallel, for `make bench BENCH=smp`: some of the work by one process and by two at a time, and the time is what passes meanwhile. */
#include "tests/bench/linux/work.h"
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

const char *self_path(void) { return getpid() == 1 ? "/init" : "/proc/self/exe"; }

_Noreturn void die(const char *what)
{
	fprintf(stderr, "bench work: ");
	perror(what);
	exit(1);
}

static uint64_t cpu_us(void)
{
	uint64_t sum = 0;
	for (int who = RUSAGE_CHILDREN; who <= RUSAGE_SELF; who++) {
		struct rusage u;
		getrusage(who, &u);
		sum += (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000u + (uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
	}
	return sum;
}

/* The first process of a guest has no files at all. */
static void become_init(void)
{
	if (mount("devtmpfs", "/dev", "devtmpfs", 0, NULL))
		die("/dev");
	int fd = open("/dev/ttyS0", O_RDWR | O_NOCTTY);
	struct termios t;
	if (fd < 0 || tcgetattr(fd, &t))
		die("/dev/ttyS0");
	cfmakeraw(&t);
	tcsetattr(fd, TCSANOW, &t);
	dup2(fd, 0);
	dup2(fd, 1);
	dup2(fd, 2);
}

/* A guest goes on when the line has been read: the harness sends a byte back. */
static void say(const char *text)
{
	char answer;
	if (write(1, text, strlen(text)) != (ssize_t)strlen(text) || (getpid() == 1 && read(0, &answer, 1) != 1))
		exit(1);
}

/* times: what the name says of how often it ran before, "" or ", again". */
static void run_all(const struct work *w, const char *times)
{
	char line[80];
	for (; w->name; w++) {
		snprintf(line, sizeof line, "<%s%s\n", w->name, times);
		say(line);
		uint64_t before = cpu_us(), result = w->run(w->n);
		snprintf(line, sizeof line, ">%" PRIx64 " %" PRIu64 "\n", result, cpu_us() - before);
		say(line);
	}
}

/* ---- the same work by one process and by several at a time ---------------------------------------------------------------------------------- */

enum { REPEATS = 3 };

static uint64_t wall_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

/* n children do the whole of w each; their common result. */
static uint64_t at_a_time(const struct work *w, unsigned n)
{
	uint64_t result, first = 0;
	int p[2];
	if (pipe(p))
		die("pipe");
	for (unsigned k = 0; k < n; k++) {
		pid_t child = fork();
		if (child < 0)
			die("fork");
		if (!child) {
			result = w->run(w->n);
			_exit(write(p[1], &result, sizeof result) != sizeof result);
		}
	}
	for (unsigned k = 0; k < n; k++) {
		if (read(p[0], &result, sizeof result) != sizeof result || (k && result != first))
			die("a child's result");
		first = result;
	}
	while (wait(NULL) > 0)
		;
	close(p[0]);
	close(p[1]);
	return first;
}

/* "NAME, 1" and "NAME, 2": the shortest of some runs, in time that passes. */
static void run_parallel(const struct work *w)
{
	static const char *const chosen[] = { "memcpy", "adc bignum", "generated code", "syscall", "pipe switch", "fork+exit", "page faults" };
	char line[80];
	for (; w->name; w++) {
		bool wanted = false;
		for (unsigned k = 0; k < sizeof chosen / sizeof chosen[0]; k++)
			wanted |= !strcmp(chosen[k], w->name);
		for (unsigned n = 1; wanted && n <= 2; n++) {
			uint64_t best = UINT64_MAX, result = 0;
			snprintf(line, sizeof line, "<%s, %u\n", w->name, n);
			say(line);
			for (int k = 0; k < REPEATS; k++) {
				uint64_t start = wall_us();
				result = at_a_time(w, n);
				uint64_t took = wall_us() - start;
				best = took < best ? took : best;
			}
			snprintf(line, sizeof line, ">%" PRIx64 " %" PRIu64 "\n", result, best);
			say(line);
		}
	}
}

int main(int argc, char **argv)
{
	bool parallel = argc == 2 && !strcmp(argv[1], "--parallel");
	if (argc == 2 && !strcmp(argv[1], "--exit"))
		return 0;
	if (getpid() == 1)
		become_init();
	if (parallel) {
		run_parallel(cpu_work);
		run_parallel(system_work);
	} else {
		run_all(cpu_work, "");
		run_all(system_work, "");
		run_all(system_work, ", again");
	}
	say("X\n");
	while (getpid() == 1)
		pause();
	return 0;
}
