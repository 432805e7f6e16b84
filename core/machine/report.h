/* report.h - lines for the person or program that started us, on stderr. */
#ifndef CORE_MACHINE_REPORT_H
#define CORE_MACHINE_REPORT_H
#include "core/machine/options.h"
/* "PROGRAM: TEXT", with the time and the guest's name in front as -msg wants it; the line end is added.  o may be NULL.  Any thread. */
void report(const struct options *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The same before there are options, or when they were wrong: -msg and -name are looked for among the words. */
void report_early(int argc, char **argv, const char *text);
#endif
