/* walk.h - a machine for the debugger's tests: tests/debug/walk.S on it, its gdb server, a client. */
#ifndef TESTS_DEBUG_WALK_H
#define TESTS_DEBUG_WALK_H
#include "core/vm.h"
#include "tests/debug/rsp.h"
#include "walk_symbols.h"

#define WALK_HIGH UINT64_C(0xffffffff80000000)
enum { REG_RAX = 0, REG_RBX = 1, REG_RCX = 2, REG_RIP = 16, REG_EFLAGS = 17, REG_CS = 18 };

/* Group setup and teardown: a folder for the socket. */
int walk_setup(void **state);
int walk_teardown(void **state);
const char *walk_socket(void);
/* A stopped machine with a gdb server, and r connected to it. */
struct vm *walk_start(struct rsp *r, const char *accel, const char *smp);
struct vm *walk_start_cpu(struct rsp *r, const char *accel, const char *smp, const char *cpu);
/* Put walk.S at 7c00h and make it the next code of CPU 0. */
void walk_load(struct rsp *r);
/* Go on to a breakpoint at addr, which is taken away again. */
void walk_to(struct rsp *r, uint64_t addr);
/* Kill the machine through r. */
void walk_end(struct vm *vm, struct rsp *r);
void walk_wait_end(struct vm *vm, int *status);
void walk_monitor(struct vm *vm, const char *line);
/* While it runs: wait until the 64-bit word there is at least v. */
void walk_wait_word(struct vm *vm, uint64_t addr, uint64_t v);
/* Wait until info status says so. */
void walk_expect_status(struct vm *vm, const char *text);
#endif
