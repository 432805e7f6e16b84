/* test_gdb.c - a real gdb at the server: in the boot sector tests/debug/walk.S, beside QEMU's server where there is one, and in Linux. */
#include "tests/guest/guest.h"
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#define WALK "build/guest-boot/walk"
static char dir[] = "/tmp/vmux-gdb-XXXXXX";

static int setup(void **state) { return mkdtemp(dir) ? 0 : -1; }
static int teardown(void **state)
{
	char cmd[80];
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd);
}

static bool have(const char *program)
{
	char cmd[80];
	snprintf(cmd, sizeof(cmd), "command -v %s >/dev/null 2>&1", program);
	return !system(cmd);
}
static void need_gdb(void)
{
	if (have("gdb"))
		return;
	printf("# SKIP gdb is missing\n");
	skip();
}

/* ---- the emulator, without a terminal ---- */

static pid_t start(char *const argv[])
{
	pid_t pid = fork();
	if (!pid) {
		int null = open("/dev/null", O_RDWR);
		dup2(null, 0);
		dup2(null, 1);
		dup2(null, 2);
		execvp(argv[0], argv);
		_exit(127);
	}
	assert_true(pid > 0);
	return pid;
}

/* Its exit status; killed when it does not end. */
static int end_of(pid_t pid)
{
	int st;
	for (time_t end = time(NULL) + 120; time(NULL) < end; nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL))
		if (waitpid(pid, &st, WNOHANG) == pid)
			return WIFEXITED(st) ? WEXITSTATUS(st) : 256;
	kill(pid, SIGKILL);
	waitpid(pid, &st, 0);
	return 512;
}

static void wait_for_file(const char *path)
{
	for (time_t end = time(NULL) + 120; access(path, F_OK); nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL))
		if (time(NULL) > end)
			fail_msg("%s does not appear", path);
}

/* ---- gdb ---- */

/* Lines that the two servers are known to differ in: see the cases. */
static bool spared(const char *line, const char *const *prefixes)
{
	for (; prefixes && *prefixes; prefixes++)
		if (!strncmp(line, *prefixes, strlen(*prefixes)))
			return true;
	return false;
}

/* Run the commands after connecting to `socket`; what gdb says, without the spared lines.  Free it. */
static char *run_gdb(const char *commands, const char *socket, const char *const *spare)
{
	char script[80], cmd[200], line[1024];
	char *all = calloc(1, 1 << 16);
	size_t len = 0;

	snprintf(script, sizeof(script), "%s/script", dir);
	FILE *f = fopen(script, "w");
	assert_non_null(f);
	fprintf(f, "set pagination off\nset confirm off\nset tcp connect-timeout 60\nset remotetimeout 120\nset width 0\ndefine again\ntarget remote %s\nend\nagain\n%s", socket, commands);
	fclose(f);
	snprintf(cmd, sizeof(cmd), "timeout -k 5 200 gdb -nx -batch -x %s 2>&1 </dev/null", script);
	f = popen(cmd, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		size_t n = strlen(line);
		if (n > 1 && line[n - 2] == '\r')
			line[n - 2] = '\n', line[--n] = 0;
		if (!spared(line, spare) && len + n < 1 << 16)
			memcpy(all + len, line, n + 1), len += n;
	}
	pclose(f);
	return all;
}

static void want(const char *said, const char *text)
{
	if (!strstr(said, text))
		fail_msg("gdb does not say \"%s\" but:\n%s", text, said);
}

/* ---- the boot sector ---- */

static const char walk_script[] =
	"info registers rip cs eflags cr0\n"
	"file " WALK ".elf\n"
	"hbreak real_mode\ncontinue\np *(short *)&counter16\nstepi\np *(short *)&counter16\n"
	"break prot32\ncontinue\ninfo registers rsp rip cr0 cr3 efer cs ss ds\n"
	"break long64\ncontinue\nbreak main\ncontinue\ndelete\ninfo registers\nx/5i $pc\nstepi\nstepi\nx/gd &counter\ninfo registers rip rsp eflags\nbt 1\n"
	"watch *(long *)&counter\ncontinue\ncontinue\ndelete\n"
	"rwatch *(long *)&input\ncontinue\ndelete\n"
	"awatch *(char *)&buffer\ncontinue\np $rcx\ndelete\n"
	"set var *(long *)&input = 0x1234\ntbreak work_end\ncontinue\np $rbx\nx/16xb &buffer\n"
	"break *(0xffffffff80000000 + (long)&high_work)\ncontinue\ninfo registers rip\ndelete\nnexti\nnexti\n"
	"set var $rax = 0x55\np $rax\np $xmm3.uint128\nset var $xmm3.uint128 = 77\np $xmm3.v4_int32\np $st0\nset var $st1 = 2.5\np $st1\np $mxcsr\np $cs\nset var $r9 = -1\ninfo registers r9\n"
	"tbreak *$pc\ncontinue\ninfo threads\nmonitor info status\n"
	"break work if *(long *)&counter == 9\ncontinue\nx/gd &counter\np $rbx\ndelete\n"
	"maintenance packet qqemu.sstepbits\nmaintenance packet qqemu.sstep\nmaintenance packet Qqemu.PhyMemMode:1\nx/hd &counter16\nmaintenance packet Qqemu.PhyMemMode:0\n"
	"disconnect\nagain\ninfo registers cs efer\n";
/* A breakpoint where the guest has one of its own: QEMU 7.2 never gets there. */
static const char traps_script[] = "set var *(char *)&want_traps = 1\nbreak dr_target\ncontinue\nx/dw &int3_count\ndelete\nwatch *(int *)&db_count\ncontinue\ndelete\n";
/* QEMU describes the vector registers among the general ones, and hangs up instead of answering to kill: what gdb says of that depends on whether it
 * was writing just then.  (Its x87 has another control word
 * after reset, which nothing here prints.) */
static const char *const walk_spared[] = { "xmm", "mxcsr", "warning: ", "determining ", "[Inferior 1 (process 1) killed]", "/tmp/vmux-gdb-", "Remote connection closed",
	"Remote communication error.  Target disconnected.", NULL };

static char *walk(const char *program, const char *accel, const char *more)
{
	char socket[80], spec[120], script[8192];
	snprintf(socket, sizeof(socket), "%s/walk", dir);
	snprintf(spec, sizeof(spec), "unix:%s,server=on,wait=off", socket);
	char *argv[] = { (char *)program, (char *)"-S", (char *)"-m", (char *)"64", (char *)"-cpu", (char *)"qemu64", (char *)"-display", (char *)"none", (char *)"-monitor", (char *)"none",
		(char *)"-drive", (char *)"file=" WALK ".img,format=raw,if=ide,snapshot=on", (char *)"-gdb", spec, (char *)(accel ? "-accel" : NULL), (char *)accel, NULL };
	pid_t pid = start(argv);
	wait_for_file(socket);
	snprintf(script, sizeof(script), "%s%skill\n", walk_script, more);
	char *said = run_gdb(script, socket, walk_spared);
	int status = end_of(pid);
	unlink(socket);
	if (status)
		fail_msg("%s ends with %d; gdb said:\n%s", program, status, said);
	return said;
}

static void first_difference(const char *a, const char *b)
{
	unsigned line = 1;
	const char *start_a = a, *start_b = b;
	for (; *a && *a == *b; a++, b++)
		if (*a == '\n') {
			line++;
			start_a = a + 1;
			start_b = b + 1;
		}
	if (*a || *b)
		fail_msg("line %u: \"%.*s\" beside \"%.*s\"", line, (int)strcspn(start_a, "\n"), start_a, (int)strcspn(start_b, "\n"), start_b);
}

static const char *vmux(void) { return getenv("VMUX") ? getenv("VMUX") : "build/vmux"; }

static void boot_sector(void **state)
{
	static const char *const lines[] = { "Breakpoint 2, 0x", " in prot32 ()", "Breakpoint 4, 0x", " in main ()", "Old value = 1\nNew value = 2\n", "Hardware read watchpoint 6: *(long *)&input\n\nValue = 0\n",
		"Hardware access (read/write) watchpoint 7: *(char *)&buffer\n\nOld value = 2 '\\002'\nNew value = 3 '\\003'\n", " = 4660\n", "Breakpoint 9, 0xffffffff80007d", "r9             0xffffffffffffffff  -1",
		"VM status: paused (debug)", "cs             0x18 " };
	need_gdb();
	guest_need("/usr/share/seabios/bios-256k.bin");
	char *interp = walk(vmux(), "interp", ""), *jit = walk(vmux(), "jit", ""), *traps = walk(vmux(), "jit", traps_script);
	for (size_t n = 0; n < sizeof(lines) / sizeof(lines[0]); n++)
		want(interp, lines[n]);
	first_difference(interp, jit);
	want(traps, " in dr_target ()\n0x634:\t1\n");
	want(traps, "Old value = 0\nNew value = 1\n");
	want(traps, " in db_handler ()");
	if (have("qemu-system-x86_64")) {
		char *qemu = walk("qemu-system-x86_64", NULL, "");
		first_difference(interp, qemu);
		free(qemu);
	}
	free(interp);
	free(jit);
	free(traps);
}

/* ---- Linux ---- */

static unsigned long long symbol(struct ptyrun *p, const char *name)
{
	char cmd[160], re[80], text[80];
	snprintf(cmd, sizeof(cmd), "clear; grep ' %s$' /proc/kallsyms | cut -d' ' -f1 | tr a-f A-F; echo got %s\r", name, name);
	ptyrun_send(p, cmd);
	snprintf(re, sizeof(re), "^[0-9A-F]{16}\\s*\ngot %s", name);
	EXPECT(p, re, SHORT_MS);
	for (unsigned y = 0; y < 26; y++) {
		char *end;
		snprintf(text, sizeof(text), "%s", ptyrun_row(p, y));
		unsigned long long v = strtoull(text, &end, 16);
		if (end == text + 16)
			return v;
	}
	fail_msg("no address of %s", name);
	return 0;
}

/* Two CPUs, translated: a system call is caught, its caller waits for it in gdb; a variable is watched; a reset, and the first function of the
 * next kernel is found before there is any mapping of it. */
static void in_linux(void **state)
{
	char socket[80], spec[120], script[1600];
	need_gdb();
	guest_need(GUESTS "linux-6.1/vmlinuz");
	guest_need(GUESTS "demo.initrd");
	snprintf(socket, sizeof(socket), "%s/linux", dir);
	snprintf(spec, sizeof(spec), "unix:%s,server=on,wait=off", socket);
	struct ptyrun *p = guest_start("-m", "256", "-smp", "2", "-accel", "jit", "-kernel", GUESTS "linux-6.1/vmlinuz", "-initrd", GUESTS "demo.initrd",
		"-append", "quiet nokaslr", "-serial", "none", "-gdb", spec, NULL);
	EXPECT(p, "vmux tty1#", BOOT_MS);
	unsigned long long newuname = symbol(p, "__x64_sys_newuname"), jiffies = symbol(p, "jiffies"), start_kernel = symbol(p, "start_kernel");
	ptyrun_send(p, "clear; while :; do uname -r >/dev/null; done\r");
	snprintf(script, sizeof(script),
		"info threads\nbreak *%#llx\ncontinue\nprintf \"at %%lx, cs %%x\\n\", $rip, $cs\nbt 2\nstepi\nstepi\ndelete\n"
		"watch *(unsigned long *)%#llx\ncontinue\ncontinue\ndelete\n"
		"monitor info status\nmonitor info cpus\n"
		"hbreak *%#llx\nmonitor system_reset\ncontinue\nprintf \"now at %%lx\\n\", $rip\ninfo threads\ndelete\nmonitor info status\ndetach\n", newuname, jiffies, start_kernel);
	char *said = run_gdb(script, socket, NULL), line[80];
	want(said, "* 1    Thread 1.1 (CPU#0 [");
	want(said, "  2    Thread 1.2 (CPU#1 [");
	snprintf(line, sizeof(line), "hit Breakpoint 1, %#llx in ?? ()", newuname);
	want(said, line);
	snprintf(line, sizeof(line), "at %llx, cs 10\n", newuname);
	want(said, line);
	want(said, "hit Hardware watchpoint 2: ");
	want(said, "VM status: paused (debug)");
	want(said, "CPU #1: thread_id=");
	snprintf(line, sizeof(line), "now at %llx\n", start_kernel);
	want(said, line);
	want(said, "[Inferior 1 (process 1) detached]");
	free(said);
	/* detached: the new kernel comes up */
	EXPECT(p, "vmux tty1#", BOOT_MS);
	/* and gdb may kill the machine */
	said = run_gdb("kill\n", socket, NULL);
	free(said);
	EXPECT_EXIT(p, SHORT_MS);
	ptyrun_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(boot_sector), cmocka_unit_test(in_linux) };
	return cmocka_run_group_tests(tests, setup, teardown);
}
