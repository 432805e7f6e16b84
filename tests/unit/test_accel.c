/* test_accel.c - which engine runs: the default, lists, and hosts that forbid translated code. */
#include "core/cpu/engine.h"
#include "core/cpu/vcpu.h"
#include "core/jit/jit.h"
#include "core/machine/machine.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static struct machine *machine_of(int argc, char **argv, struct error *err)
{
	bool done;
	int status;
	struct options *o = options_parse(argc, argv, &done, &status, err);
	return o ? machine_new_bare(o, err) : NULL;
}

static struct machine *machine_with(const char *accel, struct error *err)
{
	char *argv[] = { "vmux", "-m", "4", "-nodefaults", "-display", "none", (char *)(accel ? "-accel" : NULL), (char *)accel, NULL };
	return machine_of(accel ? 8 : 6, argv, err);
}

/* The engine's name, "none" when there is no machine; *why as the machine or the error says it. */
static const char *chosen(const char *accel, char why[1100])
{
	struct error err = { "" };
	struct machine *m = machine_with(accel, &err);
	const char *name = m ? m->accel->name : "none";
	snprintf(why, 1100, "%s", m ? m->accel_why : err.msg);
	if (m)
		machine_free(m);
	return name;
}

static void the_translator_is_the_default(void **state)
{
	char why[1100];
	assert_string_equal(chosen(NULL, why), "jit");
	assert_string_equal(why, "");
	assert_string_equal(chosen("tcg", why), "jit");
	assert_string_equal(chosen("jit", why), "jit");
	assert_string_equal(chosen("interp", why), "interp");
	assert_string_equal(chosen("none", why), "none");
	assert_non_null(strstr(why, "accepted are jit (also spelt tcg), interp, kvm and qtest"));
}

/* All vCPUs are the interpreter's then, whatever the list says before it; who wants the translator and nothing else is told. */
static void counted_is_interpreted(void **state)
{
	static const char *const lists[] = { NULL, "interp", "tcg", "kvm:jit:interp", "jit" };
	for (unsigned n = 0; n < sizeof lists / sizeof lists[0]; n++) {
		char *argv[] = { "vmux", "-icount", "3", "-smp", "4", "-nodefaults", "-display", "none", "-machine", NULL, NULL }, list[64];
		struct error err = { "" };
		snprintf(list, sizeof list, "pc,accel=%s", lists[n] ? lists[n] : "");
		argv[9] = list;
		struct machine *m = machine_of(lists[n] ? 10 : 8, argv, &err);
		bool never = n == sizeof lists / sizeof lists[0] - 1;
		assert_int_equal(!m, never);
		if (m) {
			assert_string_equal(m->accel->name, "interp");
			assert_non_null(m->counted);
			assert_false(strstr(lists[n] ? lists[n] : "", "jit") && !strstr(m->accel_why, "the interpreter counts"));
			machine_free(m);
		} else {
			assert_non_null(strstr(err.msg, "with -icount the interpreter counts the instructions"));
		}
	}
}

/* As a host's policy does: no shared memory may be executed. */
static void forbid_execution(void)
{
	const struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mmap, 0, 5),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[3])),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, MAP_SHARED, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EACCES),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) };
	struct sock_fprog prog = { sizeof code / sizeof code[0], (struct sock_filter *)code };
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog))
		_exit(77);
}

/* In a process of its own: 0 as wanted, 77 this host has no such filters. */
static void under_the_policy(const char *accel, const char *want, const char *told)
{
	pid_t pid = fork();
	int status;
	assert_true(pid >= 0);
	if (!pid) {
		char why[1100], said[2000] = "";
		int out[2], n;
		forbid_execution();
		if (pipe2(out, O_NONBLOCK) || dup2(out[1], STDERR_FILENO) < 0)
			_exit(1);
		bool ok = !strcmp(chosen(accel, why), want) && strstr(why, told);
		n = (int)read(out[0], said, sizeof said - 1);
		/* one sentence: a warning, or the error that ends the program */
		_exit(ok && (strcmp(want, "none") && *told ? n > 0 && strchr(said, '\n') == said + n - 1 : n < 0) ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void hosts_that_forbid_translated_code(void **state)
{
	const char *told = "does not let memory be mapped to execute translated code: Permission denied";
	under_the_policy(NULL, "interp", told);
	under_the_policy("tcg", "interp", told);
	under_the_policy("jit", "none", told);
	under_the_policy("interp", "interp", "");
}

/* Wherever the code cache stands, nothing can be written and executed at once. */
static void no_mapping_is_writable_and_executable(void **state)
{
	struct error err = { "" };
	struct machine *m = machine_with("jit", &err);
	char line[400];
	unsigned executable = 0;
	assert_non_null(m);
	assert_true(m->accel->init(m, &err));
	FILE *f = fopen("/proc/self/maps", "r");
	assert_non_null(f);
	while (fgets(line, sizeof line, f)) {
		const char *rights = strchr(line, ' ');
		executable += strstr(line, "memfd:vmux-code") && rights[3] == 'x';
		if (rights[2] == 'w' && rights[3] == 'x')
			fail_msg("%s", line);
	}
	fclose(f);
	assert_int_equal(executable, 1);
	machine_free(m);
}

/* Who asks as soon as the vCPUs have been started is told of threads that are there. */
static void threads_have_numbers(void **state)
{
	for (int round = 0; round < 10; round++) {
		struct error err = { "" };
		struct machine *m = machine_with("interp", &err);
		assert_non_null(m);
		m->opt->smp = m->opt->maxcpus = 8;
		if (!m->accel->init(m, &err) || !m->accel->start_vcpus(m, &err))
			fail_msg("%s", err.msg);
		for (unsigned n = 0; n < 8; n++)
			assert_int_not_equal(vcpu_thread_id(m->cpus[n]), 0);
		m->accel->stop_vcpus(m);
		machine_free(m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_translator_is_the_default), cmocka_unit_test(counted_is_interpreted), cmocka_unit_test(threads_have_numbers), cmocka_unit_test(hosts_that_forbid_translated_code),
		cmocka_unit_test(no_mapping_is_writable_and_executable),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
