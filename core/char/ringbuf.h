/* ringbuf.h - the monitor's side of a ringbuf chardev. */
#ifndef CORE_CHAR_RINGBUF_H
#define CORE_CHAR_RINGBUF_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
struct chardev;
struct error;
bool chr_is_ringbuf(const struct chardev *c);
size_t chr_ringbuf_read(struct chardev *c, uint8_t *buf, size_t len);
/* As if the front end had written it; it also becomes the front end's input.  False: the front end has not read what came before. */
bool chr_ringbuf_write(struct chardev *c, const uint8_t *buf, size_t len, struct error *err);
#endif
