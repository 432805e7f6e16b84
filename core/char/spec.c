/* spec.c - the short form of a character back end, as -serial, -monitor and their kin take it: KIND[:ADDRESS[,key=value...]]. */
#include "core/char/chardev.h"
#include "core/machine/machine.h"
#include "core/monitor/monitor.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* What follows PREFIX in spec, or NULL. */
static const char *after(const char *spec, const char *prefix)
{
	size_t n = strlen(prefix);
	return strncmp(spec, prefix, n) ? NULL : spec + n;
}

static bool append_kv(struct kv **list, const char *text, const char *implied, struct error *err)
{
	if (!*text)
		return true;
	struct error why = { "" };
	struct kv *more = kv_parse(text, implied, &why);
	if (!more && *why.msg)
		return error_set(err, "%s", why.msg);
	while (*list)
		list = &(*list)->next;
	*list = more;
	return true;
}

/* PATH[,key=value...] behind file: pipe: unix: and host device names. */
static bool path_spec(const char *rest, struct kv **kv, struct error *err)
{
	if (*rest && *rest != ',')
		return append_kv(kv, rest, "path", err);
	chr_kv_add(kv, "path", "");
	return append_kv(kv, *rest ? rest + 1 : rest, NULL, err);
}

/* [HOST]:PORT[,key=value...]; a host in brackets may hold colons.  False with an empty message: not of that shape. */
static bool host_port(const char *rest, struct kv **kv, const char **end)
{
	char host[256], port[33];
	const char *colon;

	if (*rest == '[') {
		const char *close = strchr(rest, ']');
		if (!close || close[1] != ':')
			return false;
		snprintf(host, sizeof(host), "%.*s", (int)(close - rest - 1), rest + 1);
		colon = close + 1;
	} else {
		colon = rest + strcspn(rest, ":,@");
		if (*colon != ':')
			return false;
		snprintf(host, sizeof(host), "%.*s", (int)(colon - rest), rest);
	}
	size_t n = strcspn(colon + 1, ",@");
	if (!n || n >= sizeof(port))
		return false;
	snprintf(port, sizeof(port), "%.*s", (int)n, colon + 1);
	chr_kv_add(kv, "host", host);
	chr_kv_add(kv, "port", port);
	*end = colon + 1 + n;
	return true;
}

static bool tcp_spec(const char *rest, const char *flavour, struct kv **kv, struct error *err)
{
	const char *end;

	if (!host_port(rest, kv, &end) || *end == '@')
		return false;
	if (flavour)
		chr_kv_add(kv, flavour, "on");
	return !*end || append_kv(kv, end + 1, NULL, err);
}

/* udp:[HOST]:PORT[@[SRC]:SRCPORT]; older texts write @SRCPORT. */
static bool udp_spec(const char *rest, struct kv **kv, struct error *err)
{
	const char *end;
	struct kv *local = NULL;

	if (!host_port(rest, kv, &end))
		return false;
	if (*end == '@') {
		const char *src = end + 1;
		if (host_port(src, &local, &end)) {
			chr_kv_add(kv, "localaddr", local->val);
			chr_kv_add(kv, "localport", local->next->val);
			kv_free(local);
		} else if (isdigit((unsigned char)*src)) {
			char port[33];
			size_t n = strcspn(src, ",");
			snprintf(port, sizeof(port), "%.*s", (int)n, src);
			chr_kv_add(kv, "localport", port);
			end = src + n;
		} else {
			return false;
		}
	}
	return !*end || (*end == ',' && append_kv(kv, end + 1, NULL, err));
}

/* vc:WxH in pixels, vc:COLSCxROWSC in characters. */
static bool vc_spec(const char *rest, struct kv **kv)
{
	char *end, num[24];
	unsigned long w = strtoul(rest, &end, 10);
	bool chars = *end == 'C';

	if (end == rest)
		return false;
	end += chars;
	if (*end != 'x' || !isdigit((unsigned char)end[1]))
		return false;
	unsigned long h = strtoul(end + 1, &end, 10);
	end += *end == 'C';
	if (*end)
		return false;
	snprintf(num, sizeof(num), "%lu", w);
	chr_kv_add(kv, chars ? "cols" : "width", num);
	snprintf(num, sizeof(num), "%lu", h);
	chr_kv_add(kv, chars ? "rows" : "height", num);
	return true;
}

/* Fill kv with backend= and its parameters.  False with an empty message: a known kind with an address that is none. */
static bool parse_spec(const char *spec, struct kv **kv, struct error *err)
{
	static const char *const bare[] = { "braille", "msmouse", "null", "pty", "stdio", "testdev", "vc", "wctablet", NULL };
	static const struct { const char *prefix, *backend, *flavour; } net[] = {
		{ "tcp:", "socket", NULL }, { "telnet:", "socket", "telnet" }, { "websocket:", "socket", "websocket" }, { "tn3270:", "socket", "tn3270" } };
	const char *rest;

	for (const char *const *b = bare; *b; b++)
		if (!strcmp(spec, *b))
			return chr_kv_add(kv, "backend", *b);
	if ((rest = after(spec, "vc:")))
		return chr_kv_add(kv, "backend", "vc") && vc_spec(rest, kv);
	for (unsigned i = 0; i < sizeof(net) / sizeof(net[0]); i++)
		if ((rest = after(spec, net[i].prefix)))
			return chr_kv_add(kv, "backend", net[i].backend) && tcp_spec(rest, net[i].flavour, kv, err);
	if ((rest = after(spec, "unix:")))
		return chr_kv_add(kv, "backend", "socket") && path_spec(rest, kv, err);
	if ((rest = after(spec, "file:")))
		return chr_kv_add(kv, "backend", "file") && path_spec(rest, kv, err);
	if ((rest = after(spec, "pipe:")))
		return chr_kv_add(kv, "backend", "pipe") && path_spec(rest, kv, err);
	if ((rest = after(spec, "udp:")))
		return chr_kv_add(kv, "backend", "udp") && udp_spec(rest, kv, err);
	if (after(spec, "/dev/parport"))
		return chr_kv_add(kv, "backend", "parallel") && path_spec(spec, kv, err);
	if (after(spec, "/dev/") || (after(spec, "COM") && isdigit((unsigned char)spec[3])))
		return chr_kv_add(kv, "backend", "serial") && path_spec(spec, kv, err);
	return error_set(err, "'%s' is not a valid char driver", spec);
}

static struct chardev *new_mon(struct machine *m, const char *label, const char *inner, struct error *err)
{
	char base_label[256];
	bool none = false;

	if (after(inner, "mon:") || after(inner, "chardev:") || !strcmp(inner, "none")) {
		error_set(err, "'%s' is not a valid char driver", inner);
		return NULL;
	}
	snprintf(base_label, sizeof(base_label), "%s-base", label);
	struct chardev *base = chardev_new_short(m, base_label, inner, &none, err);
	if (!base)
		return NULL;
	struct chardev *c = chr_mux_new(m, label, base, err);
	if (!c || !monitor_attach(m, c, false, false, err))
		return NULL;
	return c;
}

/* stdio under a mux passes Ctrl-C on to the guest. */
static bool is_mux_base(const char *label)
{
	size_t n = strlen(label);
	return n > 5 && !strcmp(label + n - 5, "-base");
}

struct chardev *chardev_new_short(struct machine *m, const char *label, const char *spec, bool *none, struct error *err)
{
	const char *rest;
	struct chardev *c = NULL;
	struct kv *kv = NULL;

	*none = !strcmp(spec, "none");
	if (*none)
		return NULL;
	if ((rest = after(spec, "chardev:")))
		return chardev_find(m, rest);
	if ((rest = after(spec, "mon:")))
		return new_mon(m, label, rest, err);
	if (parse_spec(spec, &kv, err)) {
		chr_kv_add(&kv, "id", label);
		if (!strcmp(spec, "stdio") && is_mux_base(label))
			chr_kv_add(&kv, "signal", "off");
		c = chardev_new(m, kv, err);
	}
	kv_free(kv);
	return c;
}
