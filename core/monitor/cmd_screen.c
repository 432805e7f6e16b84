/* cmd_screen.c - screendump: the text screen drawn with the adapter's own font, 9 dots a cell as the VGA shows it, or the pixels of a graphics
 * mode, as a PPM or PNG file. */
#include "core/machine/display.h"
#include "core/machine/machine.h"
#include "core/monitor/commands.h"
#include "core/monitor/internal.h"
#include "core/monitor/screen.h"
#include <errno.h>
#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CELL_WIDTH = 9, BLANK_WIDTH = 720, BLANK_HEIGHT = 400 };

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

/* ---- pictures ------------------------------------------------------------------------------------------------------------------------ */

static void size_of(const struct screen *s, unsigned *width, unsigned *height)
{
	*width = s->kind == SCREEN_TEXT ? s->cols * CELL_WIDTH : s->kind == SCREEN_GRAPHICS ? s->width : BLANK_WIDTH;
	*height = s->kind == SCREEN_TEXT ? s->rows * (s->glyph_height ? s->glyph_height : 16) : s->kind == SCREEN_GRAPHICS ? s->height : BLANK_HEIGHT;
}

/* Row y as bytes R G B. */
static void draw_row(const struct screen *s, unsigned y, unsigned width, uint8_t *out)
{
	if (s->kind == SCREEN_TEXT)
		draw_line(s, y, s->glyph_height ? s->glyph_height : 16, out);
	else if (s->kind == SCREEN_GRAPHICS)
		for (unsigned x = 0; x < width; x++)
			put_pixel(out + 3 * x, s->pixels[(size_t)y * width + x]);
	else
		memset(out, 0, 3 * (size_t)width);
}

static bool write_ppm(const struct screen *s, FILE *f, unsigned width, unsigned height, uint8_t *row)
{
	bool ok = fprintf(f, "P6\n%u %u\n255\n", width, height) > 0;

	for (unsigned y = 0; ok && y < height; y++) {
		draw_row(s, y, width, row);
		ok = fwrite(row, 3, width, f) == width;
	}
	return ok;
}

/* libpng reports errors by longjmp(): nothing here changes after setjmp() but what the two pointers lead to. */
static bool write_png(const struct screen *s, FILE *f, unsigned width, unsigned height, uint8_t *row)
{
	png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
	png_infop info = png ? png_create_info_struct(png) : NULL;

	if (!info || setjmp(png_jmpbuf(png))) {
		png_destroy_write_struct(&png, NULL);
		return false;
	}
	png_init_io(png, f);
	png_set_IHDR(png, info, width, height, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
	png_write_info(png, info);
	for (unsigned y = 0; y < height; y++) {
		draw_row(s, y, width, row);
		png_write_row(png, row);
	}
	png_write_end(png, NULL);
	png_destroy_write_struct(&png, &info);
	return true;
}

static bool write_file(const struct screen *s, const char *file, bool png, struct error *err)
{
	unsigned width, height;
	FILE *f = fopen(file, "wbe");

	if (!f)
		return error_set(err, "failed to open file '%s': %s", file, strerror(errno));
	size_of(s, &width, &height);
	uint8_t *row = calloc(width ? width : 1, 3);
	if (!row)
		abort();
	bool ok = png ? write_png(s, f, width, height, row) : write_ppm(s, f, width, height, row);
	ok = !fclose(f) && ok;
	free(row);
	return ok || error_set(err, "failed to write file '%s': %s", file, strerror(errno));
}

bool screen_dump(struct machine *m, const char *file, const char *format, const char *device, int head, struct error *err)
{
	struct screen s = { .want_pixels = true };

	if (format && strcmp(format, "ppm") && strcmp(format, "png"))
		return error_set(err, "invalid parameter value: %s", format);
	if (device && !device_find(m, device))
		return error_set(err, "Device '%s' not found", device);
	if (head && device)
		return error_set(err, "Device '%s' has no head %d", device, head);
	if (!display_present(m) || !display_snapshot(m, &s))
		return error_set(err, "There is no console to take a screendump from");
	display_dirty(m);                       /* the front end has not seen what this snapshot saw */
	if (s.kind == SCREEN_GRAPHICS && !s.pixels)
		s.kind = SCREEN_BLANK;          /* a mode that the adapter cannot show */
	bool ok = write_file(&s, file, format && !strcmp(format, "png"), err);
	screen_free(&s);
	return ok;
}

HANDLER(cmd_screendump)
{
	return screen_dump(x->m, arg_str(a, "filename"), arg_str(a, "format"), arg_str(a, "device"), (int)arg_int(a, "head"), err);
}
