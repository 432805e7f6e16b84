/* guest.c - start vmux with a real guest on a pseudo terminal. */
#include "tests/guest/guest.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

enum { MAX_ARGS = 64 };

static const char *engine;              /* of the tests to come; NULL: the program's choice */
int guest_under_interp(void **state) { engine = "interp"; return 0; }
int guest_under_default(void **state) { engine = NULL; return 0; }

struct ptyrun *guest_start(const char *arg, ...)
{
	char *argv[MAX_ARGS];
	int n = 0;
	const char *accel = getenv("VMUX_TEST_ACCEL") ? getenv("VMUX_TEST_ACCEL") : engine;
	argv[n++] = getenv("VMUX") ? getenv("VMUX") : (char *)"build/vmux";
	if (accel && strcmp(arg, "-accel")) {
		argv[n++] = (char *)"-accel";
		argv[n++] = (char *)accel;
	}
	va_list ap;
	va_start(ap, arg);
	for (const char *a = arg; a && n < MAX_ARGS - 1; a = va_arg(ap, const char *))
		argv[n++] = (char *)a;
	va_end(ap);
	argv[n] = NULL;
	/* A sequence that a test sends in two pieces is one, also where a loaded machine makes the pause long. */
	static const char *const patient[] = { "VMUX_ESC_TIME=5000", NULL };
	const struct ptyrun_options o = { .cols = 80, .rows = 26, .env = patient };
	struct ptyrun *p = ptyrun_start(&o, argv);
	assert_non_null(p);
	return p;
}

void guest_need(const char *file)
{
	if (access(file, R_OK) == 0)
		return;
	printf("# SKIP %s is missing\n", file);
	skip();
}
