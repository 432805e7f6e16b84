/* testdev.c - test programs end the machine through it: the guest writes "CODEq" and we exit with status CODE << 1 | 1. */
#include "core/char/chardev.h"
#include "core/machine/machine.h"
#include <ctype.h>
#include <stdlib.h>

struct testdev { struct chardev *c; unsigned code; };

static bool testdev_open(struct chardev *c, const struct kv *kv, struct error *err)
{
	struct testdev *t = calloc(1, sizeof(*t));

	if (!t)
		abort();
	t->c = c;
	c->priv = t;
	c->opened = true;
	return true;
}

static void testdev_close(struct chardev *c)
{
	free(c->priv);
	c->priv = NULL;
}

static ssize_t testdev_write(struct chardev *c, const uint8_t *buf, size_t len)
{
	struct testdev *t = c->priv;

	for (size_t i = 0; i < len; i++) {
		if (isdigit(buf[i])) {
			t->code = t->code * 10 + (buf[i] - '0');
			continue;
		}
		if (buf[i] == 'q')
			machine_quit(c->machine, (int)((t->code << 1 | 1) & 0xff));
		t->code = 0;
	}
	return (ssize_t)len;
}

const struct chardev_kind chardev_testdev = { .name = "testdev", .open = testdev_open, .close = testdev_close, .write = testdev_write };
