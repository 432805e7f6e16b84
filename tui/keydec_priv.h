/* keydec_priv.h - what the two parts of the decoder share: where sequences end (keydec.c) and what they mean (keyseq.c). */
#ifndef TUI_KEYDEC_PRIV_H
#define TUI_KEYDEC_PRIV_H
#include "tui/keydec.h"
enum { ESC = 0x1b };
static inline void keydec_emit(struct keydec *d, uint32_t sym, unsigned mods)
{
	d->emit(d->arg, &(struct key){ .sym = sym, .mods = mods, .pasted = d->paste });
}
/* A complete sequence: len bytes after "ESC [", the last of them its final one; the byte after "ESC O" and its number.  mods: those that came before it. */
void keyseq_csi(struct keydec *d, const uint8_t *s, unsigned len, unsigned mods);
void keyseq_ss3(struct keydec *d, uint8_t final, unsigned mods);
/* xterm's modifier parameter as modifiers. */
unsigned keyseq_mods(unsigned parameter);
/* A terminal's name and version, n bytes after "ESC P > |". */
void keyseq_version(struct keydec *d, const char *name, size_t n);
/* A paste begins, or ends. */
void keyseq_paste(struct keydec *d, bool on);
#endif
