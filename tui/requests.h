/* requests.h - what the machine answers to `vmux ls`, `send`, `screen` and `wait` at its control socket. */
#ifndef TUI_REQUESTS_H
#define TUI_REQUESTS_H
#include <stdint.h>
struct app;
struct client;
struct wire_msg;
void requests_answer(struct client *c, const struct wire_msg *m);
/* Look whether text that someone waits for has come.  Returns when to look again, -1 = not by itself. */
int64_t requests_check(struct app *a, int64_t now);
/* The machine ends: a last look, then whoever waits is told. */
void requests_end(struct app *a);
void requests_stop_waiting(struct client *c);
#endif
