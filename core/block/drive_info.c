/* drive_info.c - what `info block` and `info blockstats` say of a drive. */
#include "core/block/block_int.h"
#include "core/block/node.h"
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const char *cache_text(const struct image_opts *o)
{
	bool no_flush = o->no_flush || o->snapshot;
	if (o->direct)
		return o->writethrough ? "writethrough, direct" : no_flush ? "writeback, direct, ignore flushes" : "writeback, direct";
	return o->writethrough ? "writethrough" : no_flush ? "writeback, ignore flushes" : "writeback";
}

static void print_size(char *buf, size_t n, uint64_t bytes)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double v = (double)bytes;
	int u = 0;
	while (v >= 1000 && u < 6) {
		v /= 1024;
		u++;
	}
	snprintf(buf, n, "%.3g %s", v, units[u]);
}

static void print_image(const struct image *im, const char *format, struct text *out)
{
	char size[32], used[32];
	struct stat st;
	int fd = image_bottom(im)->fd;

	print_size(size, sizeof(size), im->size);
	print_size(used, sizeof(used), fd < 0 || fstat(fd, &st) ? 0 : (uint64_t)st.st_blocks * 512);
	text_printf(out, "\nImages:\nimage: %s\nfile format: %s\nvirtual size: %s (%llu bytes)\ndisk size: %s\n", im->file, format, size,
		(unsigned long long)im->size, used);
}

/* What follows the lines about the drive. */
static void print_options(const struct image *im, const struct image_opts *o, const char *format, bool verbose, struct text *out)
{
	text_printf(out, "    Cache mode:       %s\n", cache_text(o));
	if (o->zeroes != ZEROES_OFF)
		text_printf(out, "    Detect zeroes:    %s\n", o->zeroes == ZEROES_ON ? "on" : "unmap");
	if (im->format->info)
		im->format->info(im, out);
	if (verbose)
		print_image(im, format, out);
}

#define ULL(v) ((unsigned long long)(v))

void drive_info(const struct drive *d, bool verbose, struct text *out)
{
	if (!d->image)
		text_printf(out, "%s: [not inserted]\n", drive_label(d));
	else if (*d->id)
		text_printf(out, "%s (%s): %s (%s%s)\n", d->id, d->node, d->file, d->format, d->readonly ? ", read-only" : "");
	else
		text_printf(out, "%s: %s (%s%s)\n", d->node, d->file, d->format, d->readonly ? ", read-only" : "");
	if (d->dev)
		text_printf(out, "    Attached to:      %s\n", d->dev->id ? d->dev->id : d->dev->path);
	if (d->removable)
		text_printf(out, "    Removable device: %slocked, tray %s\n", d->locked ? "" : "not ", d->tray_open ? "open" : "closed");
	if (!d->image)
		return;
	print_options(d->image, d->opts, d->format, verbose, out);
	const uint64_t *l = drive_limits(d);
	if (l)
		text_printf(out, "    I/O throttling:   bps=%llu bps_rd=%llu bps_wr=%llu bps_max=%llu bps_rd_max=%llu bps_wr_max=%llu iops=%llu iops_rd=%llu iops_wr=%llu "
			"iops_max=%llu iops_rd_max=%llu iops_wr_max=%llu iops_size=0 group=%s\n", ULL(l[0]), ULL(l[1]), ULL(l[2]), ULL(l[0] / 10), ULL(l[1] / 10),
			ULL(l[2] / 10), ULL(l[3]), ULL(l[4]), ULL(l[5]), ULL(l[3] / 10), ULL(l[4] / 10), ULL(l[5] / 10), drive_label(d));
}

void drive_info_node(const struct drive *d, bool verbose, struct text *out)
{
	text_printf(out, "%s: %s (%s%s)\n", d->node, d->file, d->format, d->readonly ? ", read-only" : "");
	print_options(d->image, d->opts, d->format, verbose, out);
}

void node_info(const struct node *n, bool verbose, struct text *out)
{
	text_printf(out, "%s: %s (%s%s)\n", n->name, n->image->file, n->driver, n->image->readonly ? ", read-only" : "");
	print_options(n->image, &n->image->opts, n->driver, verbose, out);
}

void drive_info_stats(const struct drive *d, struct text *out)
{
	text_printf(out, "%s: rd_bytes=%llu wr_bytes=%llu rd_operations=%llu wr_operations=%llu flush_operations=%llu wr_total_time_ns=%llu "
		"rd_total_time_ns=%llu flush_total_time_ns=%llu rd_merged=0 wr_merged=0 idle_time_ns=%lld\n", d->id,
		(unsigned long long)d->rd.bytes, (unsigned long long)d->wr.bytes, (unsigned long long)d->rd.ops, (unsigned long long)d->wr.ops,
		(unsigned long long)d->flush.ops, (unsigned long long)d->wr.time_ns, (unsigned long long)d->rd.time_ns,
		(unsigned long long)d->flush.time_ns, (long long)(d->last_ns ? host_ns() - d->last_ns : 0));
}
