/* clipboard.c - see clipboard.h. */
#include "tui/clipboard.h"
#include "tui/app.h"
#include "tui/document.h"
#include "tui/wire.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Terminals take an OSC 52 of up to 100,000 bytes; GNU screen passes strings of up to 768 on. */
enum { OSC_MOST = 74994, SCREEN_PIECE = 700 };

static void base64(struct text *out, const uint8_t *in, size_t len)
{
	static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	for (size_t i = 0; i < len; i += 3) {
		uint32_t v = (uint32_t)in[i] << 16 | (i + 1 < len ? (uint32_t)in[i + 1] << 8 : 0) | (i + 2 < len ? in[i + 2] : 0);
		char four[4] = { digit[v >> 18], digit[v >> 12 & 63], i + 1 < len ? digit[v >> 6 & 63] : '=', i + 2 < len ? digit[v & 63] : '=' };
		text_add(out, four, 4);
	}
}

void clipboard_sequence(struct text *out, const char *bytes, size_t len, char mux)
{
	struct text osc = { 0 };
	text_printf(&osc, "\033]52;c;");
	base64(&osc, (const uint8_t *)bytes, len);
	text_printf(&osc, "\a");
	if (mux == 's') {               /* in pieces, each a device control string that screen hands to its terminal */
		for (size_t at = 0; at < osc.len; at += SCREEN_PIECE) {
			size_t n = osc.len - at < SCREEN_PIECE ? osc.len - at : SCREEN_PIECE;
			text_printf(out, "\033P");
			text_add(out, osc.s + at, n);
			text_printf(out, "\033\\");
		}
		text_free(&osc);
		return;
	}
	text_add(out, osc.s, osc.len);  /* tmux itself takes it with "set-clipboard on" ... */
	if (mux == 't') {               /* ... and passes this on with "allow-passthrough on" */
		text_printf(out, "\033Ptmux;\033");
		text_add(out, osc.s, osc.len);
		text_printf(out, "\033\\");
	}
	text_free(&osc);
}

static bool takes_osc52(const struct client *c)
{
	static const char *const not[] = { "linux", "vt", "ansi", "cons", "dumb" };
	for (unsigned i = 0; i < sizeof not / sizeof *not; i++)
		if (!strncmp(c->term, not[i], strlen(not[i])))
			return false;
	return true;
}

bool clipboard_write(struct app *a, const char *path, struct error *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	bool ok = fd >= 0;
	for (size_t at = 0; ok && at < a->copied.len; ) {
		ssize_t n = write(fd, a->copied.s + at, a->copied.len - at);
		ok = n > 0;
		at += ok ? (size_t)n : 0;
	}
	if (!ok)
		error_set(err, "could not write %s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return ok;
}

static void to_file(struct app *a, const char *what, const char *why)
{
	char dir[200], path[300];
	struct error err = { "" };
	if (!wire_dir(dir, sizeof dir, true, &err)) {
		app_error(a, "copied %s to paste here, but %s, and there is no file: %s", what, why, err.msg);
		return;
	}
	snprintf(path, sizeof path, "%s/%ld.copy", dir, (long)getpid());
	if (clipboard_write(a, path, &err))
		app_message(a, "copied %s; %s, so they are in %s", what, why, path);
	else
		app_error(a, "%s", err.msg);
}

void clipboard_set(struct app *a, const char *bytes, size_t len)
{
	char what[64];
	size_t lines = 0;
	if (!len) {
		app_message(a, "nothing to copy");
		return;
	}
	text_free(&a->copied);
	text_add(&a->copied, bytes, len);
	for (size_t i = 0; i < len; i++)
		lines += bytes[i] == '\n' || i + 1 == len;
	if (lines > 1)
		snprintf(what, sizeof what, "%zu lines", lines);
	else
		snprintf(what, sizeof what, "%zu bytes", len);
	if (!a->actor || !takes_osc52(a->actor)) {
		to_file(a, what, "this terminal has no clipboard");
	} else if (len > OSC_MOST) {
		to_file(a, what, "terminals take no more than 74994 bytes");
	} else {
		struct text out = { 0 };
		clipboard_sequence(&out, bytes, len, a->actor->mux);
		app_terminal_put(a, out.s, out.len);
		text_free(&out);
		app_message(a, "copied %s", what);
	}
}

void clipboard_copy_screen(struct app *a)
{
	struct document d;
	struct text out = { 0 };
	if (!document_open(&d, app_focused(a))) {
		app_message(a, "there is no text here to copy");
		return;
	}
	for (uint64_t n = d.live; n < d.end; n++) {
		document_text(&d, n, 0, DOCUMENT_CELLS, &out);
		text_add(&out, "\n", 1);
	}
	clipboard_set(a, out.s, out.len);
	text_free(&out);
}
