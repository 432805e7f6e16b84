/* key.h - what a person typed, whatever bytes their terminal made of it. */
#ifndef TUI_KEY_H
#define TUI_KEY_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MOD_SHIFT = 1, MOD_ALT = 2, MOD_CTRL = 4, MOD_SUPER = 8, MOD_ALTGR = 16 };
/* Keys that are no characters; above Unicode. */
enum key_sym {
	K_ESC = 0x110000, K_ENTER, K_TAB, K_BACKSPACE,
	K_UP, K_DOWN, K_RIGHT, K_LEFT, K_HOME, K_END, K_INSERT, K_DELETE, K_PAGE_UP, K_PAGE_DOWN,
	K_F1, K_F2, K_F3, K_F4, K_F5, K_F6, K_F7, K_F8, K_F9, K_F10, K_F11, K_F12,
	K_KP_0, K_KP_1, K_KP_2, K_KP_3, K_KP_4, K_KP_5, K_KP_6, K_KP_7, K_KP_8, K_KP_9,
	K_KP_DECIMAL, K_KP_DIVIDE, K_KP_MULTIPLY, K_KP_SUBTRACT, K_KP_ADD, K_KP_ENTER, K_KP_EQUAL, K_KP_BEGIN,
	K_PRINT, K_PAUSE, K_MENU, K_SCROLL_LOCK, K_CAPS_LOCK, K_NUM_LOCK,
	K_RAW,                          /* a byte that is no character here: in `raw` */
	K_PASTE_BEGIN, K_PASTE_END,     /* around pasted characters */
	K_MOUSE,                        /* in `mouse` */
	K_SYM_END
};
enum mouse_kind { MOUSE_PRESS, MOUSE_RELEASE, MOUSE_MOVE, MOUSE_WHEEL };
/* button: 0 left, 1 middle, 2 right, 3 none (MOVE only); WHEEL: 0 up, 1 down.  Cells from 0 on. */
struct mouse { enum mouse_kind kind; unsigned button; int x, y; };
struct key {
	uint32_t sym;                   /* a Unicode character (as typed, shift applied) or an enum key_sym */
	unsigned mods;                  /* with characters MOD_SHIFT is only there when the terminal says so beside the character */
	unsigned held;                  /* modifiers held by the sticky modifiers, whatever makes the character */
	bool pasted;                    /* part of a bracketed paste: text, never a command */
	uint8_t raw;
	struct mouse mouse;
};
/* "C-a", "M-1", "C-Page_Up", "Space", "F5": names as the key table and the help show them.  False: no such key. */
bool key_parse(const char *name, struct key *out);
const char *key_text(const struct key *k, char *buf, size_t size);
bool key_same(const struct key *a, const struct key *b);
/* The control byte of Ctrl+character (0..31), or -1. */
int key_control(uint32_t ch);
#endif
