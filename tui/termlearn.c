/* termlearn.c - see termlearn.h.  Ref: terminfo(5); user_caps(5), "Extended key-definitions". */
#include "tui/termlearn.h"
#include <curses.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <term.h>

static const struct { const char *term, *seq, *key; } rows[] = {
#define TERMSEQ(term, seq, key) { term, seq, key },
#include "tui/termseqs.def"
#undef TERMSEQ
};
static const struct { const char *cap; uint32_t sym; unsigned mods; } plain[] = {
	{ "kcuu1", K_UP, 0 }, { "kcud1", K_DOWN, 0 }, { "kcuf1", K_RIGHT, 0 }, { "kcub1", K_LEFT, 0 }, { "khome", K_HOME, 0 }, { "kend", K_END, 0 },
	{ "kich1", K_INSERT, 0 }, { "kdch1", K_DELETE, 0 }, { "kpp", K_PAGE_UP, 0 }, { "knp", K_PAGE_DOWN, 0 }, { "kcbt", K_TAB, MOD_SHIFT },
	{ "kf1", K_F1, 0 }, { "kf2", K_F2, 0 }, { "kf3", K_F3, 0 }, { "kf4", K_F4, 0 }, { "kf5", K_F5, 0 }, { "kf6", K_F6, 0 }, { "kf7", K_F7, 0 },
	{ "kf8", K_F8, 0 }, { "kf9", K_F9, 0 }, { "kf10", K_F10, 0 }, { "kf11", K_F11, 0 }, { "kf12", K_F12, 0 },
};
/* With Shift as they are or with a 2; with others a number, as xterm's parameter. */
static const struct { const char *cap; uint32_t sym; } modified[] = {
	{ "kUP", K_UP }, { "kDN", K_DOWN }, { "kRIT", K_RIGHT }, { "kLFT", K_LEFT }, { "kHOM", K_HOME }, { "kEND", K_END }, { "kIC", K_INSERT }, { "kDC", K_DELETE },
	{ "kPRV", K_PAGE_UP }, { "kNXT", K_PAGE_DOWN },
};

static void add(struct termlearn *t, const char *seq, uint32_t sym, unsigned mods)
{
	if (!seq || seq == (const char *)-1 || seq[0] != 0x1b || t->n == KEYDEC_LEARNT)
		return;
	for (unsigned i = 0; i < t->n; i++)
		if (!strcmp(t->seq[i], seq))
			return;                 /* the first who says it is right */
	if (!(t->seq[t->n] = strdup(seq)))
		abort();
	t->key[t->n++] = (struct key){ .sym = sym, .mods = mods };
}

void termlearn_read(struct termlearn *t, const char *term)
{
	char name[8];
	struct key k;
	*t = (struct termlearn){ 0 };
	for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++)
		if (!strncmp(term, rows[i].term, strlen(rows[i].term)) && key_parse(rows[i].key, &k))
			add(t, rows[i].seq, k.sym, k.mods);
	for (unsigned i = 0; i < sizeof plain / sizeof *plain; i++)
		add(t, tigetstr((char *)plain[i].cap), plain[i].sym, plain[i].mods);
	for (unsigned i = 0; i < sizeof modified / sizeof *modified; i++)
		for (unsigned n = 1; n <= 8; n++) {
			unsigned bits = n > 1 ? n - 1 : 1;
			snprintf(name, sizeof name, "%s", modified[i].cap);
			if (n > 1)
				snprintf(name, sizeof name, "%s%u", modified[i].cap, n);
			add(t, tigetstr(name), modified[i].sym, (bits & 1 ? MOD_SHIFT : 0) | (bits & 2 ? MOD_ALT : 0) | (bits & 4 ? MOD_CTRL : 0));
		}
}

void termlearn_teach(const struct termlearn *t, struct keydec *d)
{
	for (unsigned i = 0; i < t->n; i++)
		keydec_learn(d, t->seq[i], t->key[i].sym, t->key[i].mods);
}

void termlearn_free(struct termlearn *t)
{
	while (t->n)
		free(t->seq[--t->n]);
}
