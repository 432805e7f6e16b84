/* strip.h - a byte stream for a terminal, taken apart into text and the rest.  Pure: a state, a byte at a time. */
#ifndef TUI_STRIP_H
#define TUI_STRIP_H
#include <stdint.h>
enum strip_state { STRIP_TEXT, STRIP_ESC, STRIP_CSI, STRIP_STRING, STRIP_STRING_ESC };
struct strip { enum strip_state state; };
/* The byte as text (tabs as they are); '\n' and '\r' as they came; '\v': a sequence that goes to another row of the screen; 0: nothing. */
char strip_byte(struct strip *s, uint8_t c);
#endif
