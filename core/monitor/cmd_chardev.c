/* cmd_chardev.c - commands about character back ends. */
#include "core/char/ringbuf.h"
#include "core/machine/machine.h"
#include "core/monitor/commands.h"
#include "core/monitor/internal.h"
#include "core/monitor/watch.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

HANDLER(info_chardev)
{
	for (struct chardev *c = chardev_first(x->m); c; c = c->next) {
		text_printf(x->out, "%s: filename=%s", c->label, c->filename);
		if (c->lost)
			text_printf(x->out, ", %" PRIu64 " bytes lost (%s)", c->lost, strerror(c->lost_errno));
		if (c->log_lost)
			text_printf(x->out, ", %" PRIu64 " bytes of the log lost (%s)", c->log_lost, strerror(c->log_lost_errno));
		text_add(x->out, "\n", 1);
	}
	return true;
}

HANDLER(cmd_chardev_add)
{
	if (!strcmp(arg_str(a, "args"), "help")) {
		chardev_help(x->out);
		return true;
	}
	struct kv *kv = kv_parse(arg_str(a, "args"), "backend", err);
	bool ok = chardev_new(x->m, kv, err) != NULL;
	kv_free(kv);
	return ok;
}

HANDLER(cmd_chardev_change)
{
	struct kv *kv = kv_parse(arg_str(a, "args"), "backend", err);
	bool ok = chardev_change(x->m, arg_str(a, "id"), kv, err);

	kv_free(kv);
	return ok;
}

HANDLER(cmd_chardev_remove) { return chardev_remove(x->m, arg_str(a, "id"), err); }

HANDLER(cmd_chardev_break)
{
	struct chardev *c = chardev_find(x->m, arg_str(a, "id"));

	if (!c)
		return error_set(err, "Chardev '%s' not found", arg_str(a, "id"));
	chr_event(c->mux ? chr_mux_base(c->mux) : c, CHR_BREAK);
	return true;
}

static struct chardev *ringbuf(struct machine *m, const char *id, struct error *err)
{
	struct chardev *c = chardev_find(m, id);

	if (!c)
		error_set(err, "Device '%s' not found", id);
	else if (!chr_is_ringbuf(c))
		error_set(err, "%s is not a ringbuf device", id);
	else
		return c;
	return NULL;
}

HANDLER(cmd_ringbuf_read)
{
	struct chardev *c = ringbuf(x->m, arg_str(a, "device"), err);
	uint8_t buf[4096];
	int64_t left = arg_int(a, "size");

	if (!c)
		return false;
	if (left <= 0)
		return error_set(err, "size must be greater than zero");
	while (left) {
		size_t n = chr_ringbuf_read(c, buf, left < (int64_t)sizeof(buf) ? (size_t)left : sizeof(buf));
		if (!n)
			break;
		for (size_t i = 0; i < n; i++)
			if (buf[i] == '\\')
				text_printf(x->out, "\\\\");
			else if ((buf[i] < 0x20 && buf[i] != '\n' && buf[i] != '\t') || buf[i] >= 0x7f)
				text_printf(x->out, "\\%03o", buf[i]);
			else
				text_add(x->out, (const char *)&buf[i], 1);
		left -= (int64_t)n;
	}
	text_printf(x->out, "\n");
	return true;
}

HANDLER(cmd_watch) { return watch_start(x->mon, arg_int(a, "seconds"), arg_str(a, "command"), x->out, err); }

HANDLER(cmd_ringbuf_write)
{
	struct chardev *c = ringbuf(x->m, arg_str(a, "device"), err);
	const char *s = arg_str(a, "data");

	if (!c)
		return false;
	return chr_ringbuf_write(c, (const uint8_t *)s, strlen(s), err);
}
