/* secret.c - pass phrases, from the command line or from files. */
#include "core/machine/secret.h"
#include "core/machine/base64.h"
#include "core/machine/objects.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_SECRET = 1 << 20 };

void secret_free(char *bytes, size_t len)
{
	if (bytes)
		explicit_bzero(bytes, len);
	free(bytes);
}

static char *read_file(const char *path, size_t *len, struct error *err)
{
	FILE *f = fopen(path, "re");
	char *buf = malloc(MAX_SECRET + 1);

	if (!buf)
		abort();
	if (!f) {
		error_set(err, "Unable to read %s: Failed to open file \"%s\": %s", path, path, strerror(errno));
		free(buf);
		return NULL;
	}
	*len = fread(buf, 1, MAX_SECRET + 1, f);
	bool bad = ferror(f) || *len > MAX_SECRET;
	fclose(f);
	if (bad) {
		secret_free(buf, MAX_SECRET + 1);
		error_set(err, "Unable to read %s: it is no file of at most %d bytes", path, MAX_SECRET);
		return NULL;
	}
	buf[*len] = 0;
	return buf;
}

static char *read_bytes(const struct kv *kv, size_t *len, struct error *err)
{
	const char *data = kv_get(kv, "data"), *file = kv_get(kv, "file"), *format = kv_get(kv, "format");
	char *buf;

	if (data) {
		*len = strlen(data);
		buf = strdup(data);
	} else if (!(buf = read_file(file, len, err))) {
		return NULL;
	}
	if (!buf || !format || strcmp(format, "base64"))
		return buf;
	size_t text = *len;
	char *out = malloc(text + 1);
	if (!out)
		abort();
	buf[strcspn(buf, "\r\n")] = 0;          /* files end in a line end */
	if (base64_decode(buf, (uint8_t *)out, len)) {
		secret_free(buf, text);
		out[*len] = 0;
		return out;
	}
	secret_free(buf, text);
	free(out);
	error_set(err, "The base64 data of the secret is not valid");
	return NULL;
}

bool secret_check(const struct kv *kv, struct error *err)
{
	static const char *const keys[] = { "qom-type", "id", "data", "file", "format", "keyid", "iv", NULL };
	const char *format = kv_get(kv, "format");
	size_t len;

	if (!kv_only(kv, keys, "secret", err))
		return false;
	if (kv_get(kv, "keyid") || kv_get(kv, "iv"))
		return error_set(err, "secrets that are encrypted with another one (keyid=, iv=) cannot be read in this build");
	if (format && strcmp(format, "raw") && strcmp(format, "base64"))
		return error_set(err, "Parameter 'format' does not accept value '%s'", format);
	if (!kv_get(kv, "data") == !kv_get(kv, "file"))
		return error_set(err, kv_get(kv, "data") ? "'file' and 'data' are mutually exclusive" : "Either 'file' or 'data' must be provided");
	char *bytes = read_bytes(kv, &len, err);
	secret_free(bytes, bytes ? len : 0);
	return bytes;
}

char *secret_get(struct machine *m, const char *id, size_t *len, struct error *err)
{
	const struct kv *kv = object_find(m, "secret", id);

	if (kv)
		return read_bytes(kv, len, err);
	error_set(err, "No secret with id '%s'", id);
	return NULL;
}
