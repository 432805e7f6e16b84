/* snapram.c - the guest's memory in a snapshot.
 *
 * chunk: u32 block | u32 pages of the window | u64 first page of it in the block | bitmap, a bit a page that follows | those pages */
#include "core/machine/snapram.h"
#include "core/block/format.h"
#include "core/cpu/cpu.h"
#include "core/machine/le.h"
#include "core/machine/machine.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WINDOW = 256 /* pages */, BITMAP = WINDOW / 8, HEAD = 16 + BITMAP };

static bool is_zero(const uint8_t *page)
{
	uint64_t first;

	memcpy(&first, page, 8);
	return !first && !memcmp(page, page + 8, PAGE_SIZE - 8);
}

static const struct ram_block *block_at(const struct machine *m, uint64_t n)
{
	const struct ram_block *b = m->ram.blocks;

	for (; b && n; n--)
		b = b->next;
	return b;
}

/* ---- saving ------------------------------------------------------------------------------------------------------------------------- */

/* Returns the length of the chunk, 0 when all of the window is zero. */
static size_t gather(const struct machine *m, const struct ram_block *b, unsigned number, uint64_t first, unsigned pages, uint8_t *chunk)
{
	const uint8_t *host = m->ram.host + b->ram_addr + first * PAGE_SIZE;
	size_t len = HEAD;

	le_put(chunk, number, 4);
	le_put(chunk + 4, pages, 4);
	le_put(chunk + 8, first, 8);
	memset(chunk + 16, 0, BITMAP);
	for (unsigned i = 0; i < pages; i++, host += PAGE_SIZE)
		if (!is_zero(host)) {
			chunk[16 + i / 8] |= (uint8_t)(1u << (i & 7));
			memcpy(chunk + len, host, PAGE_SIZE);
			len += PAGE_SIZE;
		}
	return len == HEAD ? 0 : len;
}

bool snapram_save(struct machine *m, struct snap_writer *w, unsigned until, struct error *err)
{
	uint8_t *chunk = malloc(HEAD + WINDOW * PAGE_SIZE);
	unsigned number = 0, from = m->snap_permille;
	uint64_t done = 0;
	bool ok = chunk || error_set(err, "no memory to save the machine's state");

	for (const struct ram_block *b = m->ram.blocks; ok && b; b = b->next, number++)
		for (uint64_t first = 0, all = b->size / PAGE_SIZE; ok && first < all; first += WINDOW) {
			unsigned pages = all - first < WINDOW ? (unsigned)(all - first) : WINDOW;
			size_t len = gather(m, b, number, first, pages, chunk);
			ok = !len || snap_put(w, SNAP_RAM, chunk, len, err);
			done += pages;
			m->snap_permille = from + (unsigned)((until - from) * (done * PAGE_SIZE) / (m->ram.used ? m->ram.used : 1));
		}
	free(chunk);
	return ok;
}

/* ---- checking ----------------------------------------------------------------------------------------------------------------------- */

bool snapram_check(struct machine *m, const uint8_t *data, size_t len, uint64_t *last, struct error *err)
{
	static const char why[] = "the snapshot's state is damaged: a part of its memory does not fit this machine";

	if (len < HEAD)
		return error_set(err, why);
	uint64_t number = le_get(data, 4), pages = le_get(data + 4, 4), first = le_get(data + 8, 8), named = 0;
	const struct ram_block *b = block_at(m, number);
	if (!b || pages < 1 || pages > WINDOW || first % WINDOW || first >= b->size / PAGE_SIZE || pages > b->size / PAGE_SIZE - first)
		return error_set(err, why);
	for (unsigned i = 0; i < WINDOW; i++) {
		bool set = data[16 + i / 8] >> (i & 7) & 1;
		if (set && i >= pages)
			return error_set(err, why);
		named += set;
	}
	uint64_t at = b->ram_addr / PAGE_SIZE + first + 1;      /* never 0 */
	if (len != HEAD + named * PAGE_SIZE || at <= *last)
		return error_set(err, why);
	*last = at;
	return true;
}

/* ---- loading ------------------------------------------------------------------------------------------------------------------------ */

struct kept { uint64_t ram_addr; uint8_t page[PAGE_SIZE]; };
enum { KEPT = 128 };                    /* pages that go to the file at once */
struct snapram {
	struct machine *m;
	int fd;                         /* of what was there before; it has no name */
	uint64_t at;                    /* arena offset of the first page that was not looked at yet */
	off_t size;                     /* of the file */
	unsigned n;
	struct kept kept[KEPT];
};

struct snapram *snapram_begin(struct machine *m, struct error *err)
{
	struct snapram *r = calloc(1, sizeof(*r));

	if (!r) {
		error_set(err, "no memory to load a snapshot");
		return NULL;
	}
	r->m = m;
	r->fd = image_temp_file("to keep the guest's memory while a snapshot is loaded", err);
	if (r->fd >= 0)
		return r;
	free(r);
	return NULL;
}

static bool write_kept(struct snapram *r, struct error *err)
{
	const uint8_t *p = (const uint8_t *)r->kept;
	size_t len = r->n * sizeof(r->kept[0]);

	while (len) {
		ssize_t n = write(r->fd, p, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			error_set(err, "could not keep the guest's memory while a snapshot is loaded: %s", strerror(n ? errno : ENOSPC));
			return !ftruncate(r->fd, r->size) && false;     /* it is all in `kept` still */
		}
		p += n;
		len -= (size_t)n;
	}
	r->size += (off_t)(r->n * sizeof(r->kept[0]));
	r->n = 0;
	return true;
}

/* page NULL: all zero. */
static bool set_page(struct snapram *r, uint64_t ram_addr, const uint8_t *page, struct error *err)
{
	uint8_t *host = r->m->ram.host + ram_addr;

	if (page ? !memcmp(host, page, PAGE_SIZE) : is_zero(host))
		return true;
	if (r->n == KEPT && !write_kept(r, err))
		return false;
	struct kept *k = &r->kept[r->n++];
	k->ram_addr = ram_addr;
	memcpy(k->page, host, PAGE_SIZE);
	if (page)
		memcpy(host, page, PAGE_SIZE);
	else
		memset(host, 0, PAGE_SIZE);
	ram_written(r->m, ram_addr, PAGE_SIZE);
	return true;
}

static bool clear_until(struct snapram *r, uint64_t end, struct error *err)
{
	for (; r->at < end; r->at += PAGE_SIZE)
		if (!set_page(r, r->at, NULL, err))
			return false;
	return true;
}

bool snapram_put(struct snapram *r, const uint8_t *data, size_t len, struct error *err)
{
	const uint8_t *page = data + HEAD;
	uint64_t pages = le_get(data + 4, 4);

	if (!clear_until(r, block_at(r->m, le_get(data, 4))->ram_addr + le_get(data + 8, 8) * PAGE_SIZE, err))
		return false;
	for (unsigned i = 0; i < pages; i++, r->at += PAGE_SIZE) {
		bool named = data[16 + i / 8] >> (i & 7) & 1;
		if (!set_page(r, r->at, named ? page : NULL, err))
			return false;
		page += named ? PAGE_SIZE : 0;
	}
	return true;
}

bool snapram_rest(struct snapram *r, struct error *err) { return clear_until(r, r->m->ram.used, err); }

/* No page was kept twice, so their order does not matter. */
static void bring_back(struct snapram *r)
{
	for (; r->n; r->n--) {
		const struct kept *k = &r->kept[r->n - 1];
		memcpy(r->m->ram.host + k->ram_addr, k->page, PAGE_SIZE);
		ram_written(r->m, k->ram_addr, PAGE_SIZE);
	}
}

bool snapram_end(struct snapram *r, bool keep, struct error *err)
{
	bool ok = true;

	if (!keep) {
		bring_back(r);
		lseek(r->fd, 0, SEEK_SET);
		for (ssize_t n; ok && (n = read(r->fd, r->kept, sizeof(r->kept))) != 0;) {
			ok = n > 0 && n % (ssize_t)sizeof(r->kept[0]) == 0;
			r->n = ok ? (unsigned)(n / (ssize_t)sizeof(r->kept[0])) : 0;
			bring_back(r);
		}
	}
	close(r->fd);
	free(r);
	return ok || error_set(err, "the guest's memory as it was could not be read back");
}
