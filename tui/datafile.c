/* datafile.c - lines of words with a place for error messages. */
#include "tui/datafile.h"
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

bool datafile_open(struct datafile *d, const char *path, struct error *err)
{
	struct stat st;
	*d = (struct datafile){ 0 };
	snprintf(d->path, sizeof d->path, "%s", path);
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return error_set(err, "%s: not a regular file", path);
	d->f = fopen(path, "re");
	return d->f ? true : error_set(err, "%s: %s", path, strerror(errno));
}

void datafile_close(struct datafile *d)
{
	if (d->f)
		fclose(d->f);
	d->f = NULL;
}

bool datafile_error(const struct datafile *d, struct error *err, const char *fmt, ...)
{
	char msg[512];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(msg, sizeof msg, fmt, ap);
	va_end(ap);
	return error_set(err, "%s:%u: %s", d->path, d->line, msg);
}

/* Cut d->text into words in place; false on a quote that is not closed or too many words. */
static bool split(struct datafile *d, struct error *err)
{
	char *p = d->text, *out;
	d->words = 0;
	for (;;) {
		p += strspn(p, " \t");
		/* A comment: # first on the line, or followed by a blank.  "#0000aa" further right is a colour. */
		if (!*p || (*p == '#' && (p[1] == ' ' || p[1] == '\t' || !p[1] || d->words == 0)))
			return true;
		if (d->words == DATA_WORDS)
			return datafile_error(d, err, "more than %d words", DATA_WORDS);
		d->word[d->words++] = out = p;
		char quote = *p == '"' || *p == '\'' ? *p++ : 0;
		while (*p && (quote ? *p != quote : *p != ' ' && *p != '\t'))
			*out++ = *p++;
		if (quote && *p != quote)
			return datafile_error(d, err, "a quoted word does not end on this line");
		if (*p)
			p++;
		*out = 0;
		d->word[d->words] = NULL;
	}
}

bool datafile_next(struct datafile *d, bool *failed, struct error *err)
{
	*failed = true;
	while (fgets(d->text, sizeof d->text, d->f)) {
		size_t len = strlen(d->text);
		if (++d->line > DATA_LINES)
			return datafile_error(d, err, "more than %d lines", DATA_LINES);
		if (len && d->text[len - 1] != '\n' && !feof(d->f))
			return datafile_error(d, err, "line is longer than %d bytes", DATA_LINE - 2);
		while (len && (d->text[len - 1] == '\n' || d->text[len - 1] == '\r'))
			d->text[--len] = 0;
		if (!split(d, err))
			return false;
		if (d->words) {
			*failed = false;
			return true;
		}
	}
	if (ferror(d->f))
		return error_set(err, "%s: %s", d->path, strerror(errno));
	*failed = false;
	return false;
}
