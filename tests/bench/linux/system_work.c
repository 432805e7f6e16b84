/* system_work.c - what a guest's kernel is asked for: system calls, switches, signals, processes, memory. */
#include "tests/bench/linux/work.h"
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static uint64_t work_zero(unsigned n)
{
	static uint8_t buf[65536];
	int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	uint64_t sum = 0;
	if (fd < 0)
		die("/dev/zero");
	while (n--)
		sum += (uint64_t)read(fd, buf, sizeof buf);
	close(fd);
	return sum;
}

static uint64_t work_syscall(unsigned n)
{
	uint64_t same = 0;
	long parent = syscall(SYS_getppid);
	while (n--)
		same += syscall(SYS_getppid) == parent;
	return same;
}

static void wait_for(pid_t pid)
{
	int status;
	if (pid < 0)
		die("fork");
	if (waitpid(pid, &status, 0) != pid || status)
		die("child");
}

/* A byte goes to another process and comes back. */
static uint64_t work_pipe(unsigned n)
{
	int there[2], back[2];
	char byte = 'a';
	uint64_t sum = 0;
	if (pipe(there) || pipe(back))
		die("pipe");
	pid_t pid = fork();
	if (!pid) {
		close(there[1]);
		while (read(there[0], &byte, 1) == 1 && write(back[1], &byte, 1) == 1)
			;
		_exit(0);
	}
	for (close(there[0]); n && write(there[1], &byte, 1) == 1 && read(back[0], &byte, 1) == 1; n--)
		sum += (uint8_t)byte;
	close(there[1]);
	wait_for(pid);
	close(back[0]);
	close(back[1]);
	return sum;
}

static volatile sig_atomic_t *signals_seen(void)
{
	static volatile sig_atomic_t seen;
	return &seen;
}
static void on_signal(int s) { ++*signals_seen(); }
static uint64_t work_signal(unsigned n)
{
	struct sigaction act = { .sa_handler = on_signal }, old;
	if (sigaction(SIGUSR1, &act, &old))
		die("sigaction");
	*signals_seen() = 0;
	while (n--)
		raise(SIGUSR1);
	sigaction(SIGUSR1, &old, NULL);
	return (uint64_t)*signals_seen();
}

static uint64_t work_fork(unsigned n)
{
	uint64_t done = 0;
	for (; done < n; done++) {
		pid_t pid = fork();
		if (!pid)
			_exit(0);
		wait_for(pid);
	}
	return done;
}

static uint64_t work_exec(unsigned n)
{
	const char *self = self_path();
	uint64_t done = 0;
	for (; done < n; done++) {
		pid_t pid = vfork();
		if (!pid) {
			execl(self, self, "--exit", (char *)NULL);
			_exit(1);
		}
		wait_for(pid);
	}
	return done;
}

static uint64_t work_faults(unsigned n)
{
	enum { SIZE = 1 << 20 };
	uint64_t touched = 0;
	while (n--) {
		uint8_t *p = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (p == MAP_FAILED)
			die("mmap");
		madvise(p, SIZE, MADV_NOHUGEPAGE);
		for (unsigned at = 0; at < SIZE; at += 4096)
			touched += ++p[at];
		munmap(p, SIZE);
	}
	return touched;
}

static uint64_t work_shell(unsigned n)
{
	char script[128];
	snprintf(script, sizeof script, "i=0; while [ $i -lt %u ]; do i=$((i+1)); case $i in *00) x=$(echo $i);; esac; done; [ $x = %u ]", n, n);
	pid_t pid = fork();
	if (!pid) {
		execl(SHELL, "sh", "-c", script, (char *)NULL);
		_exit(1);
	}
	wait_for(pid);
	return n;
}

const struct work system_work[] = {
	{ "read /dev/zero", 10000, work_zero }, { "syscall", 100000, work_syscall }, { "pipe switch", 3000, work_pipe }, { "signal", 10000, work_signal },
	{ "fork+exit", 200, work_fork }, { "vfork+exec", 100, work_exec }, { "page faults", 40, work_faults }, { "shell loop", 10000, work_shell }, { 0 } };
