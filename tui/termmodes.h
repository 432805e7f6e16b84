/* termmodes.h - modes of a client's terminal beside those of its screen: reports of its mouse, and of keys with all their modifiers.
 *
 * Only what a terminal has said to know is set for keys: after the first frame it is asked, once, and when it does not answer no more comes.
 * Ref: kitty's "Comprehensive keyboard handling in terminals", "Detection of support"; xterm's control sequences, XTVERSION and XTMODKEYS. */
#ifndef TUI_TERMMODES_H
#define TUI_TERMMODES_H
#include "tui/keydec.h"
struct client;
enum term_keys { KEYS_PLAIN, KEYS_OTHER /* xterm's modifyOtherKeys */, KEYS_KITTY };
struct term_modes {
	unsigned mouse;                         /* enum mouse_mode that the terminal was asked for */
	enum term_keys keys, can;               /* what it was asked for, and what it said it can */
	bool asked;
	char on[64], off[64];                   /* both together */
};
/* Set what the workstation has now, or what the client's state allows of it. */
void termmodes_set(struct client *c);
/* A frame was sent: the time to ask. */
void termmodes_ask(struct client *c);
void termmodes_answer(struct client *c, enum keydec_answer answer);
#endif
