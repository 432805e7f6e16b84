/* theme.h - colours by role.
 *
 * File format, a line each (see datafile.h for words and comments):
 *     ROLE  FOREGROUND  BACKGROUND  [bold] [dim] [italic] [underline] [blink] [reverse]
 *     vga.N   COLOUR          shows VGA colour N (0..15) so, whatever the guest's palette says; "guest" is as the guest has it
 *     ansi.N  COLOUR          colour N (0..15) of text consoles; "terminal" leaves it to your terminal's palette
 *     include NAME            start from another theme
 * A COLOUR is default, black red green yellow blue magenta cyan white, the same with bright- in front, a palette number 0..255, or #rrggbb. */
#ifndef TUI_THEME_H
#define TUI_THEME_H
#include "core/vm.h"
#include "tui/grid.h"
enum role {
#define ROLE(id, name, fg, bg, attrs, help) ROLE_##id,
#include "tui/roles.def"
#undef ROLE
	ROLE_COUNT
};
enum { THEME_AS_IS = 0x4000000 };               /* vga / ansi entry that is not overridden */
struct theme {
	struct style role[ROLE_COUNT];
	uint32_t vga[16], ansi[16];
	bool mono;                              /* no colours at all: attributes only (NO_COLOR, one-colour terminals) */
};
typedef bool (*theme_find_fn)(void *arg, const char *name, char *path, size_t size);
void theme_builtin(struct theme *t);
/* Load on top of *t.  find resolves names of `include`. */
bool theme_load(struct theme *t, const char *path, theme_find_fn find, void *arg, struct error *err);
/* What a text console left to its terminal, the default colours and the first 16 of the palette, as the theme has it. */
struct style theme_style(const struct theme *t, struct style s);
/* Take away all colours, keeping what they told by attributes. */
void theme_make_mono(struct theme *t);
#endif
