/* report.c - lines on stderr, with the time or the guest's name in front where that was asked for. */
#include "core/machine/report.h"
#include <stdarg.h>
#include <string.h>
#include <time.h>

static void print(const char *prog, const char *guest, bool timestamp, const char *text)
{
	char when[64] = "";
	struct timespec t;
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &t);
	if (timestamp && gmtime_r(&t.tv_sec, &tm)) {
		size_t n = strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &tm);
		snprintf(when + n, sizeof(when) - n, ".%06ldZ ", t.tv_nsec / 1000);
	}
	fprintf(stderr, "%s%s%s%s: %s\n", when, guest ? guest : "", guest ? " " : "", prog, text);
}

void report(const struct options *o, const char *fmt, ...)
{
	char text[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	print(o && o->prog ? o->prog : "vmux", o && o->msg_guest_name ? o->name : NULL, o && o->msg_timestamp, text);
}

/* The argument of the last option of that name. */
static const char *argument(int argc, char **argv, const char *name)
{
	const char *found = NULL;

	for (int i = 1; i + 1 < argc; i++) {
		const char *w = argv[i];
		if (*w == '-' && !strcmp(w + 1 + (w[1] == '-'), name))
			found = argv[++i];
	}
	return found;
}

void report_early(int argc, char **argv, const char *text)
{
	const char *msg = argument(argc, argv, "msg"), *name = argument(argc, argv, "name");
	bool timestamp = false, guest = false;
	struct kv *kv = msg ? kv_parse(msg, NULL, NULL) : NULL, *names = name ? kv_parse(name, "guest", NULL) : NULL;

	kv_bool(kv, "timestamp", &timestamp, "-msg", NULL);
	kv_bool(kv, "guest-name", &guest, "-msg", NULL);
	print("vmux", guest ? kv_get(names, "guest") : NULL, timestamp, text);
	kv_free(kv);
	kv_free(names);
}
