/* drive_opts.c - what one -drive says: every key checked, in QEMU's words. */
#include "core/block/block_int.h"
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char *const drive_if_names[] = { [IF_NONE] = "none", [IF_IDE] = "ide", [IF_FLOPPY] = "floppy", [IF_SCSI] = "scsi", [IF_VIRTIO] = "virtio" };
enum { N_IFS = sizeof(drive_if_names) / sizeof(drive_if_names[0]) };

unsigned drive_units_per_bus(enum drive_if i)
{
	return i == IF_IDE ? 2 : i == IF_SCSI ? 7 : 0;
}

static bool check_keys(const struct kv *kv, const char *format, struct error *err)
{
	for (; kv; kv = kv->next) {
		if (options_has_key("drive", kv->key))
			continue;
		return error_set(err, "Block format '%s' does not support the option '%s'", format ? format : "raw", kv->key);
	}
	return true;
}

/* `said` is the name the message uses. */
static bool get_bool(const struct kv *kv, const char *key, const char *said, bool *out, struct error *err)
{
	const char *v = kv_get(kv, key);
	if (!v)
		return true;
	*out = !strcmp(v, "on");
	return *out || !strcmp(v, "off") ? true : error_set(err, "Parameter '%s' expects 'on' or 'off'", said);
}

static bool get_number(const struct kv *kv, const char *key, int *out, struct error *err)
{
	const char *v = kv_get(kv, key);
	char *end;
	if (!v)
		return true;
	errno = 0;
	unsigned long n = strtoul(v, &end, 0);
	if (!isdigit((unsigned char)*v) || *end || errno || n > 65535)
		return error_set(err, "Parameter '%s' expects a number", key);
	*out = (int)n;
	return true;
}

static int find_word(const char *const *words, const char *w)
{
	for (int i = 0; words[i]; i++)
		if (!strcmp(words[i], w))
			return i;
	return -1;
}

static bool parse_policy(const struct kv *kv, bool is_read, enum drive_if i, enum error_policy *p, struct error *err)
{
	static const char *const words[] = { [ON_ERROR_REPORT] = "report", [ON_ERROR_IGNORE] = "ignore", [ON_ERROR_ENOSPC] = "enospc",
		[ON_ERROR_STOP] = "stop", NULL };
	const char *key = is_read ? "rerror" : "werror", *v = kv_get(kv, key);
	if (!v)
		return true;
	if (i == IF_FLOPPY)
		return error_set(err, "%s is not supported by this bus type", key);
	int w = find_word(words, v);
	if (w < 0 || (is_read && w == ON_ERROR_ENOSPC))
		return error_set(err, "'%s' invalid %s error action", v, is_read ? "read" : "write");
	*p = (enum error_policy)w;
	return true;
}

static bool parse_cache(struct drive_opts *o, const struct kv *kv, struct error *err)
{
	static const struct { const char *name; bool direct, writethrough, no_flush; } modes[] = {
		{ "writeback", false, false, false }, { "none", true, false, false }, { "writethrough", false, true, false },
		{ "directsync", true, true, false }, { "unsafe", false, false, true }, { "off", true, false, false } };
	const char *v = kv_get(kv, "cache");
	size_t n = sizeof(modes) / sizeof(modes[0]), i = 0;
	while (v && i < n && strcmp(modes[i].name, v))
		i++;
	if (i == n)
		return error_set(err, "invalid cache option");
	bool direct = modes[i].direct, writeback = !modes[i].writethrough, no_flush = modes[i].no_flush;
	if (!get_bool(kv, "cache.direct", "cache.direct", &direct, err) ||
	    !get_bool(kv, "cache.writeback", "cache.writeback", &writeback, err) ||
	    !get_bool(kv, "cache.no-flush", "cache.no-flush", &no_flush, err))
		return false;
	o->image.direct = direct;
	o->image.writethrough = !writeback;
	o->image.no_flush = no_flush;
	v = kv_get(kv, "aio");
	if (v && strcmp(v, "threads") && strcmp(v, "native") && strcmp(v, "io_uring"))
		return error_set(err, "invalid aio option");
	if (v && !strcmp(v, "native") && !direct)
		return error_set(err, "aio=native was specified, but it requires cache.direct=on, which was not specified.");
	return true;
}

/* bps=, iops_rd= ..., or throttling.bps-total= ... */
static bool parse_limits(struct drive_opts *o, const struct kv *kv, struct error *err)
{
	for (int l = 0; l < N_LIMITS; l++)
		if (!kv_size(kv, limit_long_names[l], 1, &o->limits[l], "throttling", err) || !kv_size(kv, limit_names[l], 1, &o->limits[l], "throttling", err))
			return false;
	return limits_check(o->limits, err);
}

static bool parse_discard(struct drive_opts *o, const struct kv *kv, struct error *err)
{
	static const char *const words[] = { "ignore", "off", "unmap", "on", NULL };
	static const char *const zero_words[] = { [ZEROES_OFF] = "off", [ZEROES_ON] = "on", [ZEROES_UNMAP] = "unmap", NULL };
	const char *v = kv_get(kv, "discard");
	int w = v ? find_word(words, v) : 0;
	if (w < 0)
		return error_set(err, "Invalid discard option");
	o->image.discard = w >= 2;
	v = kv_get(kv, "detect-zeroes");
	w = v ? find_word(zero_words, v) : ZEROES_OFF;
	if (w < 0)
		return error_set(err, "invalid parameter value: %s", v);
	if (w == ZEROES_UNMAP && !o->image.discard)
		return error_set(err, "setting detect-zeroes to unmap is not allowed without setting discard operation to unmap");
	o->image.zeroes = (enum detect_zeroes)w;
	return true;
}

static bool parse_place(struct drive_opts *o, const struct kv *kv, struct error *err)
{
	const char *v = kv_get(kv, "if");
	int i = 0;
	o->interface = IF_IDE;
	if (v) {
		while (i < N_IFS && strcmp(drive_if_names[i], v))
			i++;
		if (i == N_IFS)
			return error_set(err, "unsupported bus type '%s'", v);
		o->interface = (enum drive_if)i;
	}
	o->bus = 0;
	o->unit = o->index = -1;
	if (!get_number(kv, "bus", &o->bus, err) || !get_number(kv, "unit", &o->unit, err) || !get_number(kv, "index", &o->index, err))
		return false;
	int units = (int)drive_units_per_bus(o->interface);
	if (o->index >= 0) {
		if (o->bus || o->unit >= 0)
			return error_set(err, "index cannot be used with bus and unit");
		o->bus = units ? o->index / units : 0;
		o->unit = units ? o->index % units : o->index;
	}
	if (units && o->unit >= units)
		return error_set(err, "unit %d too big (max is %d)", o->unit, units - 1);
	return true;
}

static bool parse_file(struct drive_opts *o, const struct kv *kv, struct error *err)
{
	const char *v = kv_get(kv, "driver"), *f = kv_get(kv, "format");
	if (v && f && strcmp(v, f))
		return error_set(err, "Cannot specify both 'driver' and 'format'");
	o->format = f ? f : v;
	o->file = kv_get(kv, "file");
	if (!o->file)
		o->file = kv_get(kv, "file.filename");
	if (o->file && !*o->file)
		o->file = NULL;
	if (!o->file && o->format)
		return error_set(err, "A block device must be specified for \"file\"");
	v = kv_get(kv, "file.driver");
	if (v && strcmp(v, "file") && strcmp(v, "host_device"))
		return error_set(err, "Unknown driver '%s'", v);
	v = kv_get(kv, "file.locking");
	if (v && strcmp(v, "on") && strcmp(v, "off") && strcmp(v, "auto"))
		return error_set(err, "Parameter 'locking' does not accept value '%s'", v);
	o->image.no_lock = v && !strcmp(v, "off");
	return check_keys(kv, o->format, err);
}

bool drive_opts_parse(struct drive_opts *o, const struct kv *kv, bool snapshot, struct error *err)
{
	const char *v;
	bool copy_on_read = false;
	memset(o, 0, sizeof(*o));
	o->werror = ON_ERROR_ENOSPC;

	o->id = kv_get(kv, "id");
	if (o->id && !identifier_ok(o->id))
		return error_set(err, "Parameter 'id' expects an identifier\n"
			"Identifiers consist of letters, digits, '-', '.', '_', starting with a letter.");
	v = kv_get(kv, "media");
	if (v && strcmp(v, "disk") && strcmp(v, "cdrom"))
		return error_set(err, "'%s' invalid media", v);
	o->cdrom = o->image.readonly = v && !strcmp(v, "cdrom");
	o->image.snapshot = snapshot && !o->cdrom;
	o->cache = kv_get(kv, "cache") ? kv_get(kv, "cache") : "writeback";
	return parse_place(o, kv, err) &&
		get_bool(kv, "readonly", "read-only", &o->image.readonly, err) &&
		get_bool(kv, "read-only", "read-only", &o->image.readonly, err) &&
		get_bool(kv, "auto-read-only", "auto-read-only", &o->image.readonly_auto, err) &&
		get_bool(kv, "snapshot", "snapshot", &o->image.snapshot, err) &&
		get_bool(kv, "copy-on-read", "copy-on-read", &copy_on_read, err) &&   /* a raw image has nothing below it to copy from */
		parse_cache(o, kv, err) && parse_discard(o, kv, err) && parse_limits(o, kv, err) &&
		parse_policy(kv, false, o->interface, &o->werror, err) && parse_policy(kv, true, o->interface, &o->rerror, err) &&
		parse_file(o, kv, err);
}
