/* error.h - one readable message for a host failure or a user's mistake: what, which file or option, what is accepted. */
#ifndef CORE_MACHINE_ERROR_H
#define CORE_MACHINE_ERROR_H
#include <stdbool.h>
struct error { char msg[1024]; };
/* Format a message; returns false, so that a failing function can `return error_set(err, ...)`.  err may be NULL. */
bool error_set(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Put text in front of the message that is already there. */
bool error_prefix(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
#endif
