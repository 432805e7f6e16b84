/* walk.c - a machine for the debugger's tests. */
#include "tests/debug/walk.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#ifndef WALK_IMG
#define WALK_IMG "build/guest-boot/walk.img"
#endif

static const char *folder(void)
{
	static char dir[64];            /* one test program, one folder */

	if (!*dir)
		snprintf(dir, sizeof(dir), "/tmp/vmux-gdb-%d", (int)getpid());
	return dir;
}

const char *walk_socket(void)
{
	static char path[80];

	snprintf(path, sizeof(path), "%s/gdb", folder());
	return path;
}

int walk_setup(void **state)
{
	char cmd[100];

	snprintf(cmd, sizeof(cmd), "mkdir -p %s", folder());
	return system(cmd);
}

int walk_teardown(void **state)
{
	char cmd[100];

	snprintf(cmd, sizeof(cmd), "rm -rf %s", folder());
	return system(cmd);
}

struct vm *walk_start_cpu(struct rsp *r, const char *accel, const char *smp, const char *cpu)
{
	char gdb[120];
	snprintf(gdb, sizeof(gdb), "unix:%s,server=on,wait=off", walk_socket());
	char *argv[] = { (char *)"vmux", (char *)"-S", (char *)"-m", (char *)"16", (char *)"-display", (char *)"none", (char *)"-nodefaults", (char *)"-accel", (char *)accel,
		(char *)"-smp", (char *)smp, (char *)"-cpu", (char *)cpu, (char *)"-gdb", gdb, NULL };
	struct error err = { "" };
	int status;
	struct vm *vm = vm_create(sizeof(argv) / sizeof(argv[0]) - 1, argv, &status, &err);

	if (!vm)
		fail_msg("%s", err.msg);
	assert_true(vm_start(vm, &err));
	rsp_connect(r, walk_socket());
	return vm;
}
struct vm *walk_start(struct rsp *r, const char *accel, const char *smp) { return walk_start_cpu(r, accel, smp, "qemu64"); }

void walk_load(struct rsp *r)
{
	uint8_t code[512];
	FILE *f = fopen(WALK_IMG, "rb");

	if (!f || fread(code, 1, sizeof(code), f) != sizeof(code))
		fail_msg("%s cannot be read", WALK_IMG);
	fclose(f);
	rsp_load(r, WALK__START, code, sizeof(code));
	rsp_set_register(r, REG_CS, 0, 4);
	rsp_set_register(r, REG_RIP, WALK__START, 8);
}

void walk_to(struct rsp *r, uint64_t addr)
{
	RSP_OK(r, "Z0,%llx,1", (unsigned long long)addr);
	assert_string_equal(rsp_ask(r, "c"), "T05thread:01;");
	assert_int_equal(rsp_register(r, REG_RIP), addr);
	RSP_OK(r, "z0,%llx,1", (unsigned long long)addr);
}

void walk_wait_end(struct vm *vm, int *status)
{
	time_t end = time(NULL) + RSP_LIMIT_MS / 1000;

	while (!vm_ended(vm, status)) {
		if (time(NULL) > end)
			fail_msg("the machine does not end");
		nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
	}
}

void walk_end(struct vm *vm, struct rsp *r)
{
	int status = 1;

	rsp_send(r, "k");
	walk_wait_end(vm, &status);
	assert_int_equal(status, 0);
	rsp_close(r);
	vm_destroy(vm);
}

void walk_monitor(struct vm *vm, const char *line)
{
	struct text t = { 0 };

	vm_monitor(vm, line, &t);
	text_free(&t);
}

void walk_wait_word(struct vm *vm, uint64_t addr, uint64_t v)
{
	time_t end = time(NULL) + RSP_LIMIT_MS / 1000;
	char line[64];

	snprintf(line, sizeof(line), "xp /1gx 0x%llx", (unsigned long long)addr);
	for (;;) {
		struct text t = { 0 };
		vm_monitor(vm, line, &t);
		const char *colon = t.s ? strchr(t.s, ':') : NULL;
		uint64_t now = colon ? strtoull(colon + 1, NULL, 16) : 0;
		text_free(&t);
		if (now >= v)
			return;
		if (time(NULL) > end)
			fail_msg("the word at %llx stays at %llu", (unsigned long long)addr, (unsigned long long)now);
		nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
	}
}

void walk_expect_status(struct vm *vm, const char *text)
{
	time_t end = time(NULL) + RSP_LIMIT_MS / 1000;
	struct vm_status st;

	for (;;) {
		vm_get_status(vm, &st);
		if (!strcmp(st.run_text, text))
			return;
		if (time(NULL) > end)
			fail_msg("the machine is %s, not %s", st.run_text, text);
		nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
	}
}
