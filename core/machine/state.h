/* state.h - device and CPU state as data: named, typed, little-endian, versioned fields.
 *
 * A table describes a struct; saving and loading walk it.  Loaded values are untrusted: `loaded` of the descriptor checks ranges. */
#ifndef CORE_MACHINE_STATE_H
#define CORE_MACHINE_STATE_H
#include "core/machine/error.h"
#include <stddef.h>
#include <stdint.h>
enum state_type { ST_END, ST_BOOL, ST_U8, ST_U16, ST_U32, ST_U64, ST_BYTES, ST_STRUCT };
struct state_field {
	const char *name;
	enum state_type type;
	uint32_t offset, count;         /* count: array elements; bytes for ST_BYTES */
	uint32_t stride;                /* element size for arrays */
	const struct state_field *sub;  /* ST_STRUCT */
};
#define STATE_SIZEOF(s, f) sizeof(((s *)0)->f)
#define STATE_FIELD_(s, f, t, want)  { .name = #f, .type = t, .offset = offsetof(s, f), .count = 1, \
	.stride = STATE_SIZEOF(s, f) / (STATE_SIZEOF(s, f) == (want) ? 1 : 0) }          /* division by 0 = wrong width */
#define STATE_BOOL(s, f) STATE_FIELD_(s, f, ST_BOOL, 1)
#define STATE_U8(s, f)   STATE_FIELD_(s, f, ST_U8, 1)
#define STATE_U16(s, f)  STATE_FIELD_(s, f, ST_U16, 2)
#define STATE_U32(s, f)  STATE_FIELD_(s, f, ST_U32, 4)
#define STATE_U64(s, f)  STATE_FIELD_(s, f, ST_U64, 8)
#define STATE_BYTES(s, f) { .name = #f, .type = ST_BYTES, .offset = offsetof(s, f), .count = STATE_SIZEOF(s, f), .stride = 1 }
#define STATE_ARRAY(s, f, t) { .name = #f, .type = t, .offset = offsetof(s, f), \
	.count = STATE_SIZEOF(s, f) / STATE_SIZEOF(s, f[0]), .stride = STATE_SIZEOF(s, f[0]) }
#define STATE_STRUCT(s, f, table) { .name = #f, .type = ST_STRUCT, .offset = offsetof(s, f), .count = 1, .stride = STATE_SIZEOF(s, f), .sub = table }
#define STATE_STRUCTS(s, f, table) { .name = #f, .type = ST_STRUCT, .offset = offsetof(s, f), \
	.count = STATE_SIZEOF(s, f) / STATE_SIZEOF(s, f[0]), .stride = STATE_SIZEOF(s, f[0]), .sub = table }
#define STATE_END { .type = ST_END }

struct state_buf { uint8_t *data; size_t len, cap, pos; };
void state_buf_free(struct state_buf *b);
/* Append the fields of obj as a section `name` version `version`. */
void state_put(struct state_buf *b, const char *name, unsigned version, const struct state_field *t, const void *obj);
/* Read the section `name` at the buffer's position into obj.  Unknown fields are skipped, missing ones keep their value; a wrong
 * type, count, name or newer version is an error. */
bool state_get(struct state_buf *b, const char *name, unsigned version, const struct state_field *t, void *obj, struct error *err);
#endif
