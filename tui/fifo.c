/* fifo.c - a growing queue of bytes. */
#include "tui/fifo.h"
#include <stdlib.h>
#include <string.h>

bool fifo_put(struct fifo *f, const void *bytes, size_t n)
{
	if (n > FIFO_MAX - f->len)
		return false;
	if (f->at + f->len + n > f->cap) {
		if (f->len)
			memmove(f->buf, f->buf + f->at, f->len);
		f->at = 0;
		if (f->len + n > f->cap) {
			f->cap = (f->len + n) * 2;
			f->buf = realloc(f->buf, f->cap);
			if (!f->buf)
				abort();
		}
	}
	if (n)
		memcpy(f->buf + f->at + f->len, bytes, n);
	f->len += n;
	return true;
}

const uint8_t *fifo_head(const struct fifo *f)
{
	return f->buf + f->at;
}

void fifo_take(struct fifo *f, size_t n)
{
	f->at += n;
	f->len -= n;
	if (!f->len) {
		f->at = 0;
		if (f->cap > 1 << 16)           /* after a burst */
			fifo_free(f);
	}
}

void fifo_clear(struct fifo *f)
{
	f->at = f->len = 0;
}

void fifo_free(struct fifo *f)
{
	free(f->buf);
	*f = (struct fifo){ 0 };
}
