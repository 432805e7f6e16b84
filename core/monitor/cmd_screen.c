/* cmd_screen.c - screendump: the text screen drawn with the adapter's own font, 9 dots a cell as the VGA shows it, as a PPM file. */
#include "core/machine/display.h"
#include "core/machine/machine.h"
#include "core/monitor/commands.h"
#include "core/monitor/internal.h"
#include "core/monitor/screen.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CELL_WIDTH = 9 };

/* The ninth dot repeats the eighth in the line-drawing characters only.  Ref: IBM VGA technical reference, attribute mode control, bit 2. */
static bool dot(const uint8_t *row, uint8_t ch, unsigned x)
{
	return x < 8 ? *row >> (7 - x) & 1 : ch >= 0xc0 && ch <= 0xdf && (*row & 1);
}

static void put_pixel(uint8_t *out, uint32_t rgb)
{
	out[0] = (uint8_t)(rgb >> 16);
	out[1] = (uint8_t)(rgb >> 8);
	out[2] = (uint8_t)rgb;
}

static void draw_line(const struct screen *s, unsigned y, unsigned height, uint8_t *out)
{
	unsigned row = y / height, line = y % height;

	for (unsigned col = 0; col < s->cols; col++) {
		const struct text_cell *c = &s->cells[row * s->cols + col];
		const uint8_t *glyph = s->dual_font && (c->attr & 8) ? s->font2[c->ch] : s->font[c->ch];
		uint32_t fg = s->palette[c->attr & 15], bg = s->palette[c->attr >> 4 & (s->blink ? 7 : 15)];
		bool cursor = s->cursor_on && col == s->cursor_x && row == s->cursor_y && line >= s->cursor_start && line <= s->cursor_end;
		for (unsigned x = 0; x < CELL_WIDTH; x++, out += 3)
			put_pixel(out, cursor || dot(&glyph[line & 31], c->ch, x) ? fg : bg);
	}
}

static bool write_text(const struct screen *s, FILE *f)
{
	unsigned height = s->glyph_height ? s->glyph_height : 16;
	size_t bytes = (size_t)s->cols * CELL_WIDTH * 3;
	uint8_t *line = malloc(bytes ? bytes : 1);

	if (!line)
		abort();
	bool ok = fprintf(f, "P6\n%u %u\n255\n", s->cols * CELL_WIDTH, s->rows * height) > 0;
	for (unsigned y = 0; ok && y < s->rows * height; y++) {
		draw_line(s, y, height, line);
		ok = fwrite(line, 1, bytes, f) == bytes;
	}
	free(line);
	return ok;
}

static bool write_blank(FILE *f)
{
	static const uint8_t black[720 * 3];
	bool ok = fprintf(f, "P6\n720 400\n255\n") > 0;

	for (unsigned y = 0; ok && y < 400; y++)
		ok = fwrite(black, 1, sizeof(black), f) == sizeof(black);
	return ok;
}

bool screen_dump(struct machine *m, const char *file, const char *format, const char *device, int head, struct error *err)
{
	struct screen s = { 0 };
	bool ok = false;

	if (format && strcmp(format, "ppm"))
		return error_set(err, strcmp(format, "png") ? "invalid parameter value: %s" : "this build writes no %s files; format ppm is accepted", format);
	if (device && !device_find(m, device))
		return error_set(err, "Device '%s' not found", device);
	if (head && device)
		return error_set(err, "Device '%s' has no head %d", device, head);
	if (!display_present(m) || !display_snapshot(m, &s))
		return error_set(err, "There is no console to take a screendump from");
	if (s.kind == SCREEN_GRAPHICS) {
		error_set(err, "the screen shows %ux%u graphics, of which this build takes no pictures yet", s.width, s.height);
		goto out;
	}
	FILE *f = fopen(file, "wbe");
	if (!f) {
		error_set(err, "failed to open file '%s': %s", file, strerror(errno));
		goto out;
	}
	ok = s.kind == SCREEN_TEXT ? write_text(&s, f) : write_blank(f);
	ok = !fclose(f) && ok;
	if (!ok)
		error_set(err, "failed to write file '%s': %s", file, strerror(errno));
out:
	screen_free(&s);
	return ok;
}

HANDLER(cmd_screendump)
{
	return screen_dump(x->m, arg_str(a, "filename"), arg_str(a, "format"), arg_str(a, "device"), (int)arg_int(a, "head"), err);
}
