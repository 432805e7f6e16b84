/* keymap.c - loader of key maps. */
#include "tui/keymap.h"
#include "tui/datafile.h"
#include "tui/grid.h"
#include <stdlib.h>
#include <string.h>

enum { KEYMAP_MAX = 4096, INCLUDE_DEPTH = 4 };

static int by_char(const void *a, const void *b)
{
	uint32_t x = ((const struct keymap_entry *)a)->ch, y = ((const struct keymap_entry *)b)->ch;
	return x < y ? -1 : x > y;
}

static int by_char_and_rank(const void *a, const void *b)
{
	unsigned x = ((const struct keymap_entry *)a)->rank, y = ((const struct keymap_entry *)b)->rank;
	int c = by_char(a, b);
	return c ? c : x < y ? -1 : x > y;
}

const struct keymap_entry *keymap_find(const struct keymap *k, uint32_t ch)
{
	struct keymap_entry want = { .ch = ch };
	return k->n ? bsearch(&want, k->entries, k->n, sizeof want, by_char) : NULL;
}

/* While loading, each way to make a character is an entry; the best one stays in the end. */
static bool add(struct keymap *k, const struct datafile *d, const struct keymap_entry *e, struct error *err)
{
	if (k->n == KEYMAP_MAX)
		return datafile_error(d, err, "more than %d characters", KEYMAP_MAX);
	if (k->n == k->cap) {
		k->cap = k->cap ? k->cap * 2 : 128;
		k->entries = realloc(k->entries, k->cap * sizeof *k->entries);
		if (!k->entries)
			abort();
	}
	k->entries[k->n] = *e;
	k->entries[k->n++].rank = (e->n > 1 ? 4 + e->n : (unsigned)__builtin_popcount(e->stroke[0].mods)) * KEYMAP_MAX + k->added++;
	return true;
}

static void keep_best(struct keymap *k)
{
	unsigned kept = 0;
	if (!k->n)
		return;
	qsort(k->entries, k->n, sizeof *k->entries, by_char_and_rank);
	for (unsigned i = 0; i < k->n; i++)
		if (!kept || k->entries[kept - 1].ch != k->entries[i].ch)
			k->entries[kept++] = k->entries[i];
	k->n = kept;
}

static bool parse_char(const struct datafile *d, const char *word, uint32_t *out, struct error *err)
{
	if (!strncmp(word, "U+", 2) && strlen(word) >= 6 && strlen(word) <= 8 && strspn(word + 2, "0123456789abcdefABCDEF") == strlen(word) - 2) {
		*out = (uint32_t)strtoul(word + 2, NULL, 16);
		if (*out >= 0x20 && *out < 0x110000)
			return true;
	}
	const char *p = word, *end = word + strlen(word);
	if (*p) {
		*out = utf8_next(&p, end);
		if (p == end && *out != 0xfffd && *out >= 0x20)
			return true;
	}
	return datafile_error(d, err, "\"%s\" is no character: one character in UTF-8, U+00E9, or none", word);
}

static bool parse_key(const struct datafile *d, const struct keymap_io *io, const char *word, uint8_t *out, struct error *err)
{
	char *end;
	long n = strncmp(word, "0x", 2) ? -1 : strtol(word, &end, 16);
	if (n >= 0 && (*end || !word[2]))
		n = -1;
	if (n < 0 && io->key_by_name)
		n = io->key_by_name(word);
	if (n < 1 || n > 0xff)
		return datafile_error(d, err, "\"%s\" is no key: a scancode from 0x01 to 0xff or a name as in sendkey", word);
	*out = (uint8_t)n;
	return true;
}

/* A line for a key replaces what an included map said of it, and all that was composed with it. */
static void forget_key(struct keymap *k, uint8_t qnum)
{
	unsigned kept = 0;
	for (unsigned i = 0; i < k->n; i++) {
		bool uses = false;
		for (unsigned s = 0; s < k->entries[i].n; s++)
			uses |= k->entries[i].stroke[s].qnum == qnum;
		if (!uses)
			k->entries[kept++] = k->entries[i];
	}
	k->n = kept;
	kept = 0;
	for (unsigned i = 0; i < k->n_dead; i++)
		if (k->dead[i].stroke.qnum != qnum)
			k->dead[kept++] = k->dead[i];
	k->n_dead = kept;
}

static bool load_key(struct keymap *k, const struct datafile *d, const struct keymap_io *io, struct error *err)
{
	uint8_t qnum;
	if (d->words < 3 || d->words > 6)
		return datafile_error(d, err, "key needs a key and one to four characters");
	if (!parse_key(d, io, d->word[1], &qnum, err))
		return false;
	forget_key(k, qnum);
	for (unsigned level = 0; level + 2 < d->words; level++) {
		uint32_t ch;
		if (!strcmp(d->word[level + 2], "none"))
			continue;
		if (!parse_char(d, d->word[level + 2], &ch, err))
			return false;
		if (!add(k, d, &(struct keymap_entry){ .ch = ch, .n = 1, .stroke = { { qnum, (uint8_t)level } } }, err))
			return false;
	}
	return true;
}

static bool load_dead(struct keymap *k, const struct datafile *d, const struct keymap_io *io, struct error *err)
{
	static const char *const levels[4] = { "plain", "shift", "altgr", "both" };
	struct stroke s = { 0 };
	uint32_t accent;
	if (d->words != 4)
		return datafile_error(d, err, "dead needs a key, a level and an accent");
	if (!parse_key(d, io, d->word[1], &s.qnum, err) || !parse_char(d, d->word[3], &accent, err))
		return false;
	while (s.mods < 4 && strcmp(levels[s.mods], d->word[2]))
		s.mods++;
	if (s.mods == 4)
		return datafile_error(d, err, "\"%s\" is no level: plain, shift, altgr or both", d->word[2]);
	if (k->n_dead == sizeof k->dead / sizeof *k->dead)
		return datafile_error(d, err, "too many dead keys");
	k->dead[k->n_dead].accent = accent;
	k->dead[k->n_dead++].stroke = s;
	return true;
}

static const struct stroke *dead_key(const struct keymap *k, uint32_t accent)
{
	for (unsigned i = 0; i < k->n_dead; i++)
		if (k->dead[i].accent == accent)
			return &k->dead[i].stroke;
	return NULL;
}

/* The last stroke of a composition: a character's key, or a dead key once more. */
static bool last_stroke(struct keymap *k, const struct datafile *d, const char *word, struct stroke *out, struct error *err)
{
	uint32_t base;
	if (!parse_char(d, word, &base, err))
		return false;
	const struct keymap_entry *best = NULL;
	for (unsigned i = 0; i < k->n; i++)
		if (k->entries[i].ch == base && k->entries[i].n == 1 && (!best || k->entries[i].rank < best->rank))
			best = &k->entries[i];
	if (best) {
		*out = best->stroke[0];
		return true;
	}
	const struct stroke *dead = dead_key(k, base);
	if (!dead)
		return datafile_error(d, err, "no single key makes \"%s\"", word);
	*out = *dead;
	return true;
}

static bool load_compose(struct keymap *k, const struct datafile *d, struct error *err)
{
	struct keymap_entry made = { .n = 0 };
	uint32_t accent;
	if (d->words < 4 || d->words > 5)
		return datafile_error(d, err, "compose needs a character, one or two accents and a character");
	if (!parse_char(d, d->word[1], &made.ch, err))
		return false;
	for (unsigned w = 2; w + 1 < d->words; w++) {
		if (!parse_char(d, d->word[w], &accent, err))
			return false;
		const struct stroke *dead = dead_key(k, accent);
		if (!dead)
			return datafile_error(d, err, "no dead key \"%s\" was named before", d->word[w]);
		made.stroke[made.n++] = *dead;
	}
	if (!last_stroke(k, d, d->word[d->words - 1], &made.stroke[made.n++], err))
		return false;
	return add(k, d, &made, err);
}

static bool load(struct keymap *k, const char *path, const struct keymap_io *io, unsigned depth, struct error *err);

static bool load_include(struct keymap *k, const struct datafile *d, const struct keymap_io *io, unsigned depth, struct error *err)
{
	char path[1024];
	if (d->words != 2)
		return datafile_error(d, err, "include needs one name");
	if (depth >= INCLUDE_DEPTH)
		return datafile_error(d, err, "includes nest too deeply");
	if (!io->find(io->arg, d->word[1], path, sizeof path))
		return datafile_error(d, err, "no key map \"%s\" found", d->word[1]);
	return load(k, path, io, depth + 1, err);
}

static bool load(struct keymap *k, const char *path, const struct keymap_io *io, unsigned depth, struct error *err)
{
	struct datafile d;
	bool failed, ok = true;
	if (!datafile_open(&d, path, err))
		return false;
	while (ok && datafile_next(&d, &failed, err)) {
		if (!strcmp(d.word[0], "key"))
			ok = load_key(k, &d, io, err);
		else if (!strcmp(d.word[0], "dead"))
			ok = load_dead(k, &d, io, err);
		else if (!strcmp(d.word[0], "compose"))
			ok = load_compose(k, &d, err);
		else if (!strcmp(d.word[0], "include"))
			ok = load_include(k, &d, io, depth, err);
		else if (!strcmp(d.word[0], "name") && d.words == 2)
			snprintf(k->title, sizeof k->title, "%s", d.word[1]);
		else
			ok = datafile_error(&d, err, "\"%s\" is not understood: name, key, dead, compose or include", d.word[0]);
	}
	datafile_close(&d);
	return ok && !failed;
}

bool keymap_load(struct keymap *k, const char *name, const struct keymap_io *io, struct error *err)
{
	char path[1024];
	*k = (struct keymap){ 0 };
	if (!io->find(io->arg, name, path, sizeof path))
		return error_set(err, "no key map \"%s\" found; the directory keymaps/ has them, and a path with a slash names a file of yours", name);
	snprintf(k->name, sizeof k->name, "%s", name);
	if (!load(k, path, io, 0, err)) {
		keymap_free(k);
		return false;
	}
	keep_best(k);
	return true;
}

void keymap_free(struct keymap *k)
{
	free(k->entries);
	*k = (struct keymap){ 0 };
}
