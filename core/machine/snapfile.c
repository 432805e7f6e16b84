/* snapfile.c - the file of a snapshot.  All numbers are little-endian.
 *
 * header: "VMUXSNAP" | u32 version | u32 date_ns | u64 date_s | u64 clock_ns | u64 icount | u64 sum of all before
 * chunk:  u32 kind | u32 packed (0 as it is, 1 zstd) | u64 length | u64 bytes in the file | u64 sum | the bytes
 *
 * A sum goes on from the one before, so no chunk can be missing or stand elsewhere; the last one is SNAP_END, without bytes, at the file's end.
 * It finds accidents; it is no seal: whoever can write the file can make it fit. */
#include "core/machine/snapfile.h"
#include "core/machine/le.h"
#include "core/machine/pack.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { VERSION = 1, HEADER = 48, HEAD = 32, AS_IT_IS = 0, ZSTD = 1 };
static const char magic[8] = { 'V', 'M', 'U', 'X', 'S', 'N', 'A', 'P' };

/* ---- sums --------------------------------------------------------------------------------------------------------------------------- */

/* Each word is mixed in by a multiplication with an odd number, which loses nothing, and a rotation. */
static uint64_t mix(uint64_t sum, uint64_t word)
{
	sum = (sum ^ word) * UINT64_C(0x9e3779b97f4a7c15);
	return sum << 29 | sum >> 35;
}

static uint64_t sum_of(uint64_t sum, const uint8_t *p, size_t len)
{
	uint64_t word;

	sum = mix(sum, len);
	for (; len >= 8; p += 8, len -= 8) {
		memcpy(&word, p, 8);            /* the hosts there are have little-endian words */
		sum = mix(sum, word);
	}
	return len ? mix(sum, le_get(p, (unsigned)len)) : sum;
}

/* ---- writing ------------------------------------------------------------------------------------------------------------------------ */

struct snap_writer { int fd; uint64_t sum; uint8_t *packed; };

static bool write_all(int fd, const uint8_t *p, size_t len, struct error *err)
{
	while (len) {
		ssize_t n = write(fd, p, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return error_set(err, "could not write the machine's state: %s", strerror(n ? errno : ENOSPC));
		p += n;
		len -= (size_t)n;
	}
	return true;
}

struct snap_writer *snap_writer_new(int fd, const struct snap_header *h, struct error *err)
{
	uint8_t b[HEADER];

	memcpy(b, magic, 8);
	le_put(b + 8, VERSION, 4);
	le_put(b + 12, h->date_ns, 4);
	le_put(b + 16, h->date_s, 8);
	le_put(b + 24, h->clock_ns, 8);
	le_put(b + 32, h->icount, 8);
	uint64_t sum = sum_of(0, b, HEADER - 8);
	le_put(b + HEADER - 8, sum, 8);
	struct snap_writer *w = calloc(1, sizeof(*w));
	if (w)
		*w = (struct snap_writer){ fd, sum, malloc(SNAP_CHUNK_MAX) };
	if (w && w->packed && write_all(fd, b, HEADER, err))
		return w;
	if (!w || !w->packed)
		error_set(err, "no memory to save the machine's state");
	snap_writer_free(w);
	return NULL;
}

void snap_writer_free(struct snap_writer *w)
{
	if (w)
		free(w->packed);
	free(w);
}

bool snap_put(struct snap_writer *w, enum snap_kind kind, const void *data, size_t len, struct error *err)
{
	uint8_t head[HEAD];

	if (len > SNAP_CHUNK_MAX)
		return error_set(err, "the machine's state has a part of %zu bytes, more than a snapshot takes", len);
	size_t n = len ? pack(w->packed, len, data, len) : 0;
	const void *stored = n ? w->packed : data;
	le_put(head, kind, 4);
	le_put(head + 4, n ? ZSTD : AS_IT_IS, 4);
	le_put(head + 8, len, 8);
	le_put(head + 16, n ? n : len, 8);
	w->sum = sum_of(sum_of(w->sum, head, 24), stored, n ? n : len);
	le_put(head + 24, w->sum, 8);
	return write_all(w->fd, head, HEAD, err) && write_all(w->fd, stored, n ? n : len, err);
}

bool snap_writer_end(struct snap_writer *w, struct error *err)
{
	return snap_put(w, SNAP_END, NULL, 0, err) && (!fsync(w->fd) || error_set(err, "could not write the machine's state: %s", strerror(errno)));
}

/* ---- reading ------------------------------------------------------------------------------------------------------------------------ */

struct snap_reader { int fd; uint64_t first_sum, sum, at; uint8_t *stored, *data; };

static bool read_all(int fd, uint8_t *p, size_t len, uint64_t at, struct error *err)
{
	while (len) {
		ssize_t n = pread(fd, p, len, (off_t)at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return error_set(err, n ? "the snapshot's state cannot be read: %s" : "the snapshot's state is cut short", strerror(errno));
		p += n;
		at += (uint64_t)n;
		len -= (size_t)n;
	}
	return true;
}

static bool read_header(int fd, struct snap_header *h, uint64_t *sum, struct error *err)
{
	uint8_t b[HEADER];

	if (!read_all(fd, b, HEADER, 0, err))
		return false;
	if (memcmp(b, magic, 8))
		return error_set(err, "the snapshot's state is not a file of this program");
	if (le_get(b + 8, 4) != VERSION)
		return error_set(err, "the snapshot's state has version %u, this program knows %u", (unsigned)le_get(b + 8, 4), VERSION);
	*sum = sum_of(0, b, HEADER - 8);
	if (le_get(b + HEADER - 8, 8) != *sum)
		return error_set(err, "the snapshot's state is damaged: its first bytes do not have their checksum");
	*h = (struct snap_header){ .date_ns = (uint32_t)le_get(b + 12, 4), .date_s = le_get(b + 16, 8), .clock_ns = le_get(b + 24, 8), .icount = le_get(b + 32, 8) };
	if (h->clock_ns > INT64_MAX / 2 || h->date_s > INT64_MAX / 2)
		return error_set(err, "the snapshot's state is damaged: its time is out of range");
	return true;
}

bool snap_header_read(int fd, struct snap_header *h, struct error *err)
{
	uint64_t sum;

	return read_header(fd, h, &sum, err);
}

struct snap_reader *snap_reader_new(int fd, struct snap_header *h, struct error *err)
{
	uint64_t sum;

	if (!read_header(fd, h, &sum, err))
		return NULL;
	struct snap_reader *r = calloc(1, sizeof(*r));
	if (r)
		*r = (struct snap_reader){ fd, sum, sum, HEADER, malloc(SNAP_CHUNK_MAX), malloc(SNAP_CHUNK_MAX) };
	if (r && r->stored && r->data)
		return r;
	error_set(err, "no memory to read the machine's state");
	snap_reader_free(r);
	return NULL;
}

void snap_reader_free(struct snap_reader *r)
{
	if (r) {
		free(r->stored);
		free(r->data);
	}
	free(r);
}

void snap_rewind(struct snap_reader *r)
{
	r->sum = r->first_sum;
	r->at = HEADER;
}

uint64_t snap_reader_at(const struct snap_reader *r) { return r->at; }

bool snap_get(struct snap_reader *r, enum snap_kind *kind, const uint8_t **data, size_t *len, struct error *err)
{
	uint8_t head[HEAD], more;

	if (!read_all(r->fd, head, HEAD, r->at, err))
		return false;
	uint64_t k = le_get(head, 4), packed = le_get(head + 4, 4), n = le_get(head + 8, 8), stored = le_get(head + 16, 8);
	if (k > SNAP_RAM || packed > ZSTD || n > SNAP_CHUNK_MAX || stored > n || (!packed && stored != n) || (k == SNAP_END && n))
		return error_set(err, "the snapshot's state is damaged: a part of it has no sensible length");
	if (!read_all(r->fd, r->stored, stored, r->at + HEAD, err))
		return false;
	r->at += HEAD + stored;
	r->sum = sum_of(sum_of(r->sum, head, 24), r->stored, stored);
	if (r->sum != le_get(head + 24, 8))
		return error_set(err, "the snapshot's state is damaged: a part of it does not have its checksum");
	if (packed && !pack_available())
		return error_set(err, "the snapshot is packed with zstd, which this build of the program does not have");
	if (packed && !unpack(r->data, n, r->stored, stored))
		return error_set(err, "the snapshot's state is damaged: a part of it cannot be unpacked");
	if (k == SNAP_END && pread(r->fd, &more, 1, (off_t)r->at) != 0)
		return error_set(err, "the snapshot's state is damaged: something follows its end");
	*kind = (enum snap_kind)k;
	*data = packed ? r->data : r->stored;
	*len = n;
	return true;
}
