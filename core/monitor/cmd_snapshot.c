/* cmd_snapshot.c - snapshots of the whole machine: savevm, loadvm, delvm, info snapshots. */
#include "core/machine/snapshot.h"
#include "core/machine/machine.h"
#include "core/monitor/commands.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

HANDLER(cmd_savevm)
{
	char made[SNAPSHOT_TAG];

	if (!arg_has(a, "name"))
		snapshot_make_tag(x->m, made);
	return snapshot_save(x->m, arg_has(a, "name") ? arg_str(a, "name") : made, err);
}

HANDLER(cmd_loadvm) { return snapshot_load(x->m, arg_str(a, "name"), err); }
HANDLER(cmd_delvm)  { return snapshot_delete(x->m, arg_str(a, "name"), err); }

/* Three digits and a unit: "780 KiB", "80.2 MiB". */
static void print_size(char *out, size_t size, uint64_t bytes)
{
	static const char *const units[] = { "", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei" };
	double n = (double)bytes;
	unsigned u = 0;

	for (; n >= 1000 && u < 6; u++)
		n /= 1024;
	snprintf(out, size, "%.3g %sB", n, units[u]);
}

HANDLER(info_snapshots)
{
	char place[PATH_MAX], size[24], date[32], clock[48], icount[24];
	unsigned n;

	if (!snapstore_place(x->m, place, err))
		return false;
	struct snapshot_info *list = snapstore_list(place, &n);
	text_printf(x->out, n ? "List of snapshots present on all disks:\n%-9s %-16s %8s%20s%13s%11s\n" : "There is no snapshot available.\n", "ID", "TAG", "VM SIZE",
		"DATE", "VM CLOCK", "ICOUNT");
	for (unsigned i = 0; i < n; i++) {
		const struct snap_header *h = &list[i].head;
		time_t when = (time_t)h->date_s;
		struct tm tm = { 0 };
		print_size(size, sizeof(size), list[i].size);
		strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S", localtime_r(&when, &tm) ? &tm : &(struct tm){ 0 });
		uint64_t ms = h->clock_ns / 1000000;
		snprintf(clock, sizeof(clock), "%02" PRIu64 ":%02u:%02u.%03u", ms / 3600000, (unsigned)(ms / 60000 % 60), (unsigned)(ms / 1000 % 60), (unsigned)(ms % 1000));
		snprintf(icount, sizeof(icount), "%" PRIu64, h->icount);
		text_printf(x->out, "%-9s %-16s %8s%20s%13s%11s\n", "--", list[i].tag, size, date, clock, h->icount == UINT64_MAX ? "" : icount);
	}
	free(list);
	return true;
}
