/* info_hook.c - what devices tell `info`: a list of printers on the machine, so that the monitor knows no device. */
#include "core/machine/machine.h"
#include <limits.h>
#include <string.h>

void machine_add_info(struct machine *m, struct info_hook *h)
{
	h->next = m->info_hooks;
	m->info_hooks = h;
}

void machine_remove_info(struct machine *m, struct info_hook *h)
{
	for (struct info_hook **p = &m->info_hooks; *p; p = &(*p)->next)
		if (*p == h) {
			*p = h->next;
			return;
		}
}

bool machine_print_info(struct machine *m, const char *name, unsigned index, struct text *out)
{
	bool found = false;

	for (struct info_hook *h = m->info_hooks; h; h = h->next)
		if (!strcmp(h->name, name) && (index == UINT_MAX || h->index == index)) {
			h->print(h->arg, out);
			found = true;
		}
	return found;
}
