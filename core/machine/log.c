/* log.c - the log of -d and -D. */
#include "core/machine/machine.h"
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct log { _Atomic uint64_t mask; FILE *file; };

static const struct { uint64_t bit; const char *name, *help; } items[] = {
	{ LOG_IN_ASM, "in_asm", "show guest code as it is decoded into a block" },
	{ LOG_INT, "int", "show interrupts and exceptions in short form" },
	{ LOG_EXEC, "exec", "show a line for each block before it runs (long)" },
	{ LOG_CPU, "cpu", "show the CPU's registers before each block runs" },
	{ LOG_PCALL, "pcall", "show protected-mode far calls, returns and interrupts" },
	{ LOG_CPU_RESET, "cpu_reset", "show the CPU's state before each reset" },
	{ LOG_UNIMP, "unimp", "log functions of devices that do not exist here" },
	{ LOG_GUEST_ERRORS, "guest_errors", "log what a guest should not do" },
};

struct log *log_new(uint64_t mask, const char *file, struct error *err)
{
	struct log *l = calloc(1, sizeof(*l));
	if (!l)
		abort();
	l->mask = mask;
	l->file = stderr;
	if (file && !log_set_file(l, file, err)) {
		log_free(l);
		return NULL;
	}
	return l;
}

void log_free(struct log *l)
{
	if (l && l->file != stderr)
		fclose(l->file);
	free(l);
}

void log_set_mask(struct log *l, uint64_t mask)
{
	l->mask = mask;
}

uint64_t log_mask(const struct log *l)
{
	return l->mask;
}

bool log_set_file(struct log *l, const char *file, struct error *err)
{
	FILE *f = fopen(file, "we");
	if (!f)
		return error_set(err, "Error opening logfile %s: %s", file, strerror(errno));
	if (l->file != stderr)
		fclose(l->file);
	setvbuf(f, NULL, _IOLBF, 0);
	l->file = f;
	return true;
}

bool log_parse_items(const char *text, uint64_t *mask)
{
	char word[64];
	*mask = 0;
	while (*text) {
		size_t n = strcspn(text, ",");
		snprintf(word, sizeof(word), "%.*s", (int)n, text);
		bool known = !strcmp(word, "none");
		for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++)
			if (!strcmp(word, items[i].name) || !strcmp(word, "all")) {
				*mask |= items[i].bit;
				known = true;
			}
		if (!known)
			return false;
		text += n;
		if (*text)
			text++;
	}
	return true;
}

void log_help(struct text *out)
{
	text_printf(out, "Log items (comma separated):\n");
	for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++)
		text_printf(out, "%-15s %s\n", items[i].name, items[i].help);
}

bool log_on(const struct machine *m, enum log_item item)
{
	return m->log && (atomic_load_explicit(&m->log->mask, memory_order_relaxed) & item);
}

void log_printf(struct machine *m, const char *fmt, ...)
{
	if (!m->log)
		return;
	va_list ap;
	va_start(ap, fmt);
	vfprintf(m->log->file, fmt, ap);
	va_end(ap);
}
