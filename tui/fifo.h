/* fifo.h - a growing queue of bytes. */
#ifndef TUI_FIFO_H
#define TUI_FIFO_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
enum { FIFO_MAX = 16 << 20 };
struct fifo { uint8_t *buf; size_t at, len, cap; };     /* len bytes from buf[at] on; zero-initialise */
/* All or nothing: false when the queue would grow past FIFO_MAX. */
bool fifo_put(struct fifo *f, const void *bytes, size_t n);
const uint8_t *fifo_head(const struct fifo *f);
void fifo_take(struct fifo *f, size_t n);
void fifo_clear(struct fifo *f);
void fifo_free(struct fifo *f);
#endif
