/* text.h - a growing text buffer: what monitor commands and dumps print into. */
#ifndef CORE_MACHINE_TEXT_H
#define CORE_MACHINE_TEXT_H
#include <stddef.h>
struct text { char *s; size_t len, cap; };      /* s is NUL-terminated once anything was added; zero-initialise */
void text_add(struct text *t, const char *s, size_t len);
void text_printf(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void text_free(struct text *t);
#endif
