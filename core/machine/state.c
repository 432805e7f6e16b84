/* state.c - named, typed, little-endian state.
 *
 * section: u32 magic | str name | u32 version | u32 bytes of body | fields...
 * field:   str name | u8 type | u32 count | u32 bytes | data          str: u8 length, bytes
 * A struct field's data is a nested list of fields for each element, ended by an empty name. */
#include "core/machine/state.h"
#include "core/machine/le.h"
#include <stdlib.h>
#include <string.h>

enum { STATE_MAGIC = 0x31545356 };      /* "VST1" */

void state_buf_free(struct state_buf *b)
{
	free(b->data);
	*b = (struct state_buf){ 0 };
}

static void put(struct state_buf *b, const void *p, size_t n)
{
	if (b->len + n > b->cap) {
		size_t cap = b->cap ? b->cap * 2 : 4096;
		while (cap < b->len + n)
			cap *= 2;
		uint8_t *d = realloc(b->data, cap);
		if (!d)
			abort();
		b->data = d;
		b->cap = cap;
	}
	memcpy(b->data + b->len, p, n);
	b->len += n;
}

static void put_uint(struct state_buf *b, uint64_t v, unsigned n)
{
	uint8_t t[8];
	le_put(t, v, n);
	put(b, t, n);
}

static void put_str(struct state_buf *b, const char *s)
{
	size_t n = strlen(s) > 255 ? 255 : strlen(s);
	put_uint(b, n, 1);
	put(b, s, n);
}

static unsigned type_size(enum state_type t)
{
	switch (t) {
	case ST_U16: return 2;
	case ST_U32: return 4;
	case ST_U64: return 8;
	default:     return 1;
	}
}

/* Read or write the element of a field as an integer: fields are host integers of the type's own width. */
static uint64_t elem_get(const void *p, unsigned size)
{
	uint64_t v = 0;
	switch (size) {
	case 1: v = *(const uint8_t *)p; break;
	case 2: v = *(const uint16_t *)p; break;
	case 4: v = *(const uint32_t *)p; break;
	default: memcpy(&v, p, 8); break;
	}
	return v;
}

static void elem_set(void *p, unsigned size, uint64_t v)
{
	switch (size) {
	case 1: *(uint8_t *)p = (uint8_t)v; break;
	case 2: *(uint16_t *)p = (uint16_t)v; break;
	case 4: *(uint32_t *)p = (uint32_t)v; break;
	default: memcpy(p, &v, 8); break;
	}
}

static void put_fields(struct state_buf *b, const struct state_field *t, const void *obj)
{
	for (; t && t->type != ST_END; t++) {
		const uint8_t *p = (const uint8_t *)obj + t->offset;
		put_str(b, t->name);
		put_uint(b, t->type, 1);
		put_uint(b, t->count, 4);
		size_t at = b->len;
		put_uint(b, 0, 4);
		if (t->type == ST_BYTES) {
			put(b, p, t->count);
		} else {
			for (uint32_t i = 0; i < t->count; i++, p += t->stride) {
				if (t->type == ST_STRUCT) {
					put_fields(b, t->sub, p);
					put_str(b, "");
				} else {
					put_uint(b, elem_get(p, type_size(t->type)), type_size(t->type));
				}
			}
		}
		le_put(b->data + at, b->len - at - 4, 4);
	}
}

void state_put(struct state_buf *b, const char *name, unsigned version, const struct state_field *t, const void *obj)
{
	put_uint(b, STATE_MAGIC, 4);
	put_str(b, name);
	put_uint(b, version, 4);
	size_t at = b->len;
	put_uint(b, 0, 4);
	put_fields(b, t, obj);
	put_str(b, "");
	le_put(b->data + at, b->len - at - 4, 4);
}

/* ---- reading: every length is checked against the end of what encloses it ------------------------------------------------------- */

static bool get_uint(struct state_buf *b, size_t end, unsigned n, uint64_t *v)
{
	if (end - b->pos < n || b->pos > end)
		return false;
	*v = le_get(b->data + b->pos, n);
	b->pos += n;
	return true;
}

static bool get_str(struct state_buf *b, size_t end, char s[256])
{
	uint64_t n;
	if (!get_uint(b, end, 1, &n) || end - b->pos < n)
		return false;
	memcpy(s, b->data + b->pos, n);
	s[n] = 0;
	b->pos += n;
	return true;
}

static bool get_fields(struct state_buf *b, size_t end, const struct state_field *t, void *obj, int depth, struct error *err);

static bool get_field(struct state_buf *b, size_t end, const struct state_field *f, void *obj, int depth, struct error *err)
{
	uint8_t *p = (uint8_t *)obj + f->offset;
	if (f->type == ST_BYTES) {
		if (end - b->pos != f->count)
			return error_set(err, "field %s: wrong length", f->name);
		memcpy(p, b->data + b->pos, f->count);
		return true;
	}
	for (uint32_t i = 0; i < f->count; i++, p += f->stride) {
		uint64_t v;
		if (f->type == ST_STRUCT) {
			if (!get_fields(b, end, f->sub, p, depth + 1, err))
				return error_prefix(err, "%s: ", f->name);
		} else if (!get_uint(b, end, type_size(f->type), &v)) {
			return error_set(err, "field %s: truncated", f->name);
		} else {
			elem_set(p, type_size(f->type), f->type == ST_BOOL ? v != 0 : v);
		}
	}
	return b->pos == end || f->type == ST_STRUCT || error_set(err, "field %s: wrong length", f->name);
}

static bool get_fields(struct state_buf *b, size_t end, const struct state_field *t, void *obj, int depth, struct error *err)
{
	for (;;) {
		char name[256];
		uint64_t type, count, bytes;
		if (depth > 8 || !get_str(b, end, name))
			return error_set(err, "truncated");
		if (!name[0])
			return true;
		if (!get_uint(b, end, 1, &type) || !get_uint(b, end, 4, &count) || !get_uint(b, end, 4, &bytes) || end - b->pos < bytes)
			return error_set(err, "field %s: truncated", name);
		size_t next = b->pos + bytes;
		const struct state_field *f = t;
		while (f && f->type != ST_END && strcmp(f->name, name))
			f++;
		if (f && f->type != ST_END) {
			if (f->type != type || f->count != count)
				return error_set(err, "field %s: wrong type or count", name);
			if (!get_field(b, next, f, obj, depth, err))
				return false;
		}
		b->pos = next;
	}
}

bool state_get(struct state_buf *b, const char *name, unsigned version, const struct state_field *t, void *obj, struct error *err)
{
	char got[256];
	uint64_t magic, ver, bytes;
	if (!get_uint(b, b->len, 4, &magic) || magic != STATE_MAGIC || !get_str(b, b->len, got) || !get_uint(b, b->len, 4, &ver) ||
	    !get_uint(b, b->len, 4, &bytes) || b->len - b->pos < bytes)
		return error_set(err, "saved state: no section where %s should be", name);
	if (strcmp(got, name))
		return error_set(err, "saved state: section %s where %s should be", got, name);
	if (ver > version)
		return error_set(err, "saved state: %s has version %u, this program knows %u", name, (unsigned)ver, version);
	size_t end = b->pos + bytes;
	if (!get_fields(b, end, t, obj, 0, err))
		return error_prefix(err, "saved state: %s: ", name);
	b->pos = end;
	return true;
}
