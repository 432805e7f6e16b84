/* work.h - one piece of work that is timed, natively and in a guest. */
#ifndef TESTS_BENCH_LINUX_WORK_H
#define TESTS_BENCH_LINUX_WORK_H
#include <stdint.h>

struct work { const char *name; unsigned n; uint64_t (*run)(unsigned n); };     /* run gives the same number everywhere */
extern const struct work cpu_work[], system_work[];                             /* each ends with a row without a name */
/* This program's own file, as execl() wants it. */
const char *self_path(void);
#define SHELL "/bin/busybox"
_Noreturn void die(const char *what);
#endif
