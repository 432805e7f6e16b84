/* keydec.h - terminal bytes to keys.  Pure: no clock, no terminal; the caller says when time has passed.
 *
 * Understands xterm and VT sequences with modifiers, SS3, CSI-u, modifyOtherKeys, rxvt's and the Linux console's own, bracketed paste, and
 * sequences learnt from a terminal description.  A sequence may come in any number of pieces. */
#ifndef TUI_KEYDEC_H
#define TUI_KEYDEC_H
#include "tui/key.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a terminal says of itself. */
enum keydec_answer { ANSWER_KITTY_KEYS /* it has kitty's keyboard protocol */, ANSWER_OTHER_KEYS /* it is one of those with modifyOtherKeys */ };
enum { KEYDEC_PENDING = 64, KEYDEC_LEARNT = 160, KEYDEC_LEARNT_LEN = 15 };
struct keydec {
	void (*emit)(void *arg, const struct key *k);
	void *arg;
	void (*attributes)(void *arg, const unsigned *p, unsigned n);  /* the terminal's answer to DA1; NULL: nobody asked */
	void (*answer)(void *arg, enum keydec_answer answer);   /* NULL: nobody asked */
	bool utf8;                      /* input bytes are UTF-8; otherwise the locale's single bytes */
	uint8_t erase;                  /* the byte of the Backspace key: 0x7f or 0x08 */
	unsigned gap_ms;                /* longest pause inside Alt+key and SS3 sequences; a hand is slower */
	unsigned esc_ms;                /* how long an ESC waits for a digit or "[" before it is an Escape key of its own */
	uint8_t pend[KEYDEC_PENDING];
	unsigned n;
	bool skip;                      /* inside an over-long or string sequence that is swallowed */
	bool paste;
	bool mouse;                     /* the terminal was asked for mouse reports (SGR, mode 1006); else they are nothing */
	bool escape;                    /* an Escape key that said so itself came: it may still be followed by a digit */
	int64_t last_ms;                /* when the newest pending byte came */
	struct { uint8_t len; char seq[KEYDEC_LEARNT_LEN]; struct key key; } learnt[KEYDEC_LEARNT];
	unsigned n_learnt;
};
/* gap_ms 100, esc_ms 500, UTF-8, DEL erases. */
void keydec_init(struct keydec *d, void (*emit)(void *arg, const struct key *k), void *arg);
/* Learn one sequence (from terminfo), unless it is one that the decoder reads the same way by itself. */
void keydec_learn(struct keydec *d, const char *seq, uint32_t sym, unsigned mods);
void keydec_feed(struct keydec *d, const uint8_t *bytes, size_t len, int64_t now_ms);
/* When keydec_tick() is due, or -1: nothing waits. */
int64_t keydec_deadline(const struct keydec *d);
void keydec_tick(struct keydec *d, int64_t now_ms);
#endif
