/* guest.c - start vmux with a real guest on a pseudo terminal. */
#include "tests/guest/guest.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

enum { MAX_ARGS = 64 };

struct ptyrun *guest_start(const char *arg, ...)
{
	char *argv[MAX_ARGS];
	int n = 0;
	argv[n++] = getenv("VMUX") ? getenv("VMUX") : (char *)"build/vmux";
	va_list ap;
	va_start(ap, arg);
	for (const char *a = arg; a && n < MAX_ARGS - 1; a = va_arg(ap, const char *))
		argv[n++] = (char *)a;
	va_end(ap);
	argv[n] = NULL;
	const struct ptyrun_options o = { .cols = 80, .rows = 26 };
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
