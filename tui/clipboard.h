/* clipboard.h - copied text: to the terminal's clipboard by OSC 52, to a file where that cannot be, and kept to paste it here. */
#ifndef TUI_CLIPBOARD_H
#define TUI_CLIPBOARD_H
#include "core/vm.h"
struct app;
/* Keep it, hand it to the acting terminal, and say so. */
void clipboard_set(struct app *a, const char *text, size_t len);
/* The whole live screen of the focused console. */
void clipboard_copy_screen(struct app *a);
bool clipboard_write(struct app *a, const char *path, struct error *err);
/* The bytes that set a clipboard: mux is 't' inside tmux, 's' inside screen, 0 otherwise. */
void clipboard_sequence(struct text *out, const char *bytes, size_t len, char mux);
#endif
