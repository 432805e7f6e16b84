/* snapdesc.c - what a machine is made of.
 *
 * A line each: board, memory, cpu, cpus, icount, cpuid, then a device line each and a block of memory each.  Which engine runs the guest is
 * not said: any may go on.  The line cpuid has the feature words that the guest was told of; there must not be fewer here. */
#include "core/machine/snapdesc.h"
#include "core/cpu/cpuid.h"
#include "core/machine/machine.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char *board_name(const struct machine *m)
{
	for (const struct board *b = boards; m->opt->machine && b->name; b++)
		if (!strcmp(m->opt->machine, b->name) || (b->alias && !strcmp(m->opt->machine, b->alias)))
			return b->name;
	return boards[0].name;
}

void snapdesc_write(struct machine *m, struct text *out)
{
	text_printf(out, "board %s\nmemory %" PRIu64 "\n", board_name(m), m->ram_size);
	text_printf(out, "cpu %s\ncpus %u\n", m->n_cpus ? m->cpus[0]->model->name : "none", m->n_cpus);
	if (m->counted)
		text_printf(out, "icount %u\n", m->opt->icount.shift);
	else
		text_printf(out, "icount off\n");
	text_printf(out, "cpuid");
	for (unsigned i = 0; m->n_cpus && i < W_COUNT; i++)
		text_printf(out, " %x", m->cpus[0]->cpuid->word[i]);
	text_printf(out, "\n");
	for (const struct device *d = m->devices; d; d = d->all_next)
		text_printf(out, "device %s %s %s\n", d->path, d->desc->name, d->bus ? d->bus->name : "-");
	for (const struct ram_block *b = m->ram.blocks; b; b = b->next)
		text_printf(out, "block %s %" PRIu64 "\n", b->name, b->size);
}

/* ---- comparing ---------------------------------------------------------------------------------------------------------------------- */

enum { LINE = 400 };

/* The next line without its end; false: no more.  What is too long, or holds what no line of ours does, comes out as "?". */
static bool next_line(const char **p, const char *end, char line[LINE])
{
	if (*p >= end)
		return false;
	const char *nl = memchr(*p, '\n', (size_t)(end - *p));
	size_t n = (size_t)((nl ? nl : end) - *p);
	bool ok = n < LINE;
	for (size_t i = 0; ok && i < n; i++)
		ok = (*p)[i] >= ' ' && (*p)[i] < 127;
	snprintf(line, LINE, "%.*s", ok ? (int)n : 1, ok ? *p : "?");
	*p = nl ? nl + 1 : end;
	return true;
}

static bool has_line(const char *text, size_t len, const char *wanted)
{
	char line[LINE];

	for (const char *p = text, *end = text + len; next_line(&p, end, line);)
		if (!strcmp(line, wanted))
			return true;
	return false;
}

static bool fewer_features(const char *theirs, const char *ours)
{
	char *a = NULL, *b = NULL;

	for (unsigned i = 0; i < W_COUNT; i++, theirs = a, ours = b)
		if (strtoul(theirs, &a, 16) & ~strtoul(ours, &b, 16) & 0xffffffffu)
			return true;
	return false;
}

/* "device PATH MODEL BUS". */
static bool device_line(const char *line, char path[LINE], char model[LINE]) { return sscanf(line, "device %399s %399s", path, model) == 2; }

static unsigned count(const char *text, size_t len, const char *model)
{
	char line[LINE], path[LINE], is[LINE];
	unsigned n = 0;

	for (const char *p = text, *end = text + len; next_line(&p, end, line);)
		n += device_line(line, path, is) && !strcmp(is, model);
	return n;
}

/* A device of which `text` has more than `other`: its line; false: none. */
static bool one_more(const char *text, size_t len, const char *other, size_t other_len, char path[LINE], char model[LINE])
{
	char line[LINE];

	for (const char *p = text, *end = text + len; next_line(&p, end, line);)
		if (device_line(line, path, model) && !has_line(other, other_len, line) && count(text, len, model) > count(other, other_len, model))
			return true;
	return false;
}

static bool differs(const char *theirs, const char *ours, const char *all_theirs, size_t their_len, const struct text *all_ours, struct error *err)
{
	char path[LINE], model[LINE];

	if (!strncmp(ours, "board ", 6) || !strncmp(ours, "cpu ", 4) || !strncmp(ours, "cpus ", 5))
		return error_set(err, "the snapshot is of a machine with '%.100s', this one has '%.100s'", theirs, ours);
	if (!strncmp(ours, "memory ", 7) && !strncmp(theirs, "memory ", 7))
		return error_set(err, "the snapshot is of a machine with %llu MiB of memory, this one has %llu", strtoull(theirs + 7, NULL, 10) >> 20,
			strtoull(ours + 7, NULL, 10) >> 20);
	if (!strncmp(ours, "icount ", 7))
		return error_set(err, "the snapshot is of a machine with '%.100s' (-icount), this one has '%.100s'", theirs, ours);
	if (one_more(all_ours->s, all_ours->len, all_theirs, their_len, path, model))
		return error_set(err, "this machine has a device %.100s (%.100s), which the one of the snapshot had not", model, path);
	if (one_more(all_theirs, their_len, all_ours->s, all_ours->len, path, model))
		return error_set(err, "the machine of the snapshot had a device %.100s (%.100s), which this one has not", model, path);
	if (*theirs && !has_line(all_ours->s, all_ours->len, theirs))
		return error_set(err, "the machine of the snapshot had '%.200s', which this one has not", theirs);
	return error_set(err, "the devices of the snapshot's machine were made in another order than this one's");
}

bool snapdesc_check(struct machine *m, const char *text, size_t len, struct error *err)
{
	struct text own = { 0 };
	char theirs[LINE], ours[LINE];
	bool ok = true;

	if (len > SNAPDESC_MAX)
		return error_set(err, "the snapshot's state is damaged: no machine is made of so much");
	snapdesc_write(m, &own);
	const char *a = text, *b = own.s, *a_end = text + len, *b_end = own.s + own.len;
	while (ok) {
		bool more_a = next_line(&a, a_end, theirs), more_b = next_line(&b, b_end, ours);
		if (!more_a && !more_b)
			break;
		if (!more_a)
			*theirs = 0;
		if (!more_b)
			*ours = 0;
		if (!strncmp(theirs, "cpuid ", 6) && !strncmp(ours, "cpuid ", 6))
			ok = !fewer_features(theirs + 6, ours + 6) ||
				error_set(err, "the guest of the snapshot was told of processor features that engine %s does not have here", m->accel->name);
		else if (strcmp(theirs, ours))
			ok = differs(theirs, ours, text, len, &own, err);
	}
	text_free(&own);
	return ok;
}
