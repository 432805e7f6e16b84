/* overlay.c - snapshot=on: writes go to a temporary file that vanishes with the program, the image stays as it is.
 *
 * The file is laid out like the disk and sparse; a bit a cluster tells whether the cluster lives there or still below. */
#include "core/block/block.h"
#include "core/block/format.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CLUSTER = 4096 };

struct overlay {
	pthread_mutex_t lock;           /* guards map, and the order of "copy up, then write" */
	uint8_t *map;
	int fd;
	uint8_t *next_map;              /* read in by overlay_prepare; NULL: nothing is */
	int next_fd;
};

static bool mapped(const struct overlay *o, uint64_t cluster)
{
	return o->map[cluster >> 3] >> (cluster & 7) & 1;
}

int image_temp_file(const char *why, struct error *err)
{
	const char *dir = getenv("TMPDIR");
	char path[4096];
	uint64_t name;
	if (!dir || !*dir)
		dir = "/var/tmp";
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd >= 0)
		return fd;
	/* a file system without files that have no name */
	if (getrandom(&name, sizeof(name), 0) != sizeof(name))
		name = (uint64_t)getpid();
	snprintf(path, sizeof(path), "%s/vmux.%016llx", dir, (unsigned long long)name);
	fd = open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0) {
		error_set(err, "Could not create a temporary file in '%s' %s: %s", dir, why, strerror(errno));
		return -1;
	}
	unlink(path);
	return fd;
}

static bool overlay_open(struct image *im, struct error *err)
{
	struct overlay *o = calloc(1, sizeof(*o));
	im->size = im->backing->size;
	im->file_size = im->size;
	uint64_t clusters = (im->size + CLUSTER - 1) / CLUSTER;
	if (o)
		o->map = calloc(clusters / 8 + 1, 1);
	if (!o || !o->map) {
		free(o);
		return error_set(err, "Not enough memory for the map of a temporary overlay of '%s'", im->file);
	}
	o->fd = image_temp_file("for snapshot=on", err);
	if (o->fd < 0 || ftruncate(o->fd, (off_t)(clusters * CLUSTER))) {
		if (o->fd >= 0) {
			error_set(err, "Could not make a temporary overlay of '%s': %s", im->file, strerror(errno));
			close(o->fd);
		}
		free(o->map);
		free(o);
		return false;
	}
	pthread_mutex_init(&o->lock, NULL);
	im->priv = o;
	return true;
}

void overlay_leave(struct image *im)
{
	struct overlay *o = im->priv;
	if (!o->next_map)
		return;
	close(o->next_fd);
	free(o->next_map);
	o->next_map = NULL;
}

static void overlay_close(struct image *im)
{
	struct overlay *o = im->priv;
	overlay_leave(im);
	close(o->fd);
	pthread_mutex_destroy(&o->lock);
	free(o->map);
	free(o);
}

static int rw_full(int fd, bool write, uint64_t off, const struct iovec *iov, int n)
{
	for (int i = 0; i < n; i++) {
		char *p = iov[i].iov_base;
		size_t left = iov[i].iov_len;
		while (left) {
			ssize_t got = write ? pwrite(fd, p, left, (off_t)off) : pread(fd, p, left, (off_t)off);
			if (got < 0 && errno == EINTR)
				continue;
			if (got <= 0)
				return got ? -errno : -EIO;
			p += got;
			off += (uint64_t)got;
			left -= (size_t)got;
		}
	}
	return 0;
}

static int overlay_read(struct image *im, uint64_t off, const struct iovec *iov, int n)
{
	struct overlay *o = im->priv;
	uint64_t len = iov_bytes(iov, n), done = 0;
	struct iovec *part = calloc((size_t)n, sizeof(*part));
	int r = part ? 0 : -ENOMEM;
	while (!r && done < len) {
		uint64_t pos = off + done, end = off + len, run = (pos / CLUSTER + 1) * CLUSTER;
		pthread_mutex_lock(&o->lock);
		bool here = mapped(o, pos / CLUSTER);
		while (run < end && mapped(o, run / CLUSTER) == here)
			run += CLUSTER;
		pthread_mutex_unlock(&o->lock);
		if (run > end)
			run = end;
		int use = iov_slice(iov, n, done, run - pos, part);
		r = here ? rw_full(o->fd, false, pos, part, use) : im->backing->format->read(im->backing, pos, part, use);
		done = run - off;
	}
	free(part);
	return r;
}

/* The cluster is written in part only: bring the rest up.  Lock held. */
static int copy_up(struct image *im, uint64_t cluster)
{
	struct overlay *o = im->priv;
	uint8_t buf[CLUSTER];
	uint64_t off = cluster * CLUSTER;
	struct iovec iov = { buf, CLUSTER };
	if (off + CLUSTER > im->size)
		iov.iov_len = im->size - off;
	int r = im->backing->format->read(im->backing, off, &iov, 1);
	return r ? r : rw_full(o->fd, true, off, &iov, 1);
}

static int overlay_write(struct image *im, uint64_t off, const struct iovec *iov, int n)
{
	struct overlay *o = im->priv;
	uint64_t len = iov_bytes(iov, n);
	int r = 0;
	if (!len)
		return 0;
	uint64_t first = off / CLUSTER, last = (off + len - 1) / CLUSTER;
	pthread_mutex_lock(&o->lock);
	if (off % CLUSTER && !mapped(o, first))
		r = copy_up(im, first);
	if (!r && (off + len) % CLUSTER && off + len != im->size && !mapped(o, last) && (last != first || !(off % CLUSTER)))
		r = copy_up(im, last);
	if (!r)
		r = rw_full(o->fd, true, off, iov, n);
	for (uint64_t c = first; !r && c <= last; c++)
		o->map[c >> 3] |= (uint8_t)(1u << (c & 7));
	pthread_mutex_unlock(&o->lock);
	return r;
}

/* Nothing of a temporary file needs to survive. */
static int overlay_flush(struct image *im)
{
	return 0;
}

static int overlay_discard(struct image *im, uint64_t off, uint64_t len)
{
	return 0;
}

static int commit_cluster(struct image *im, struct image *to, uint64_t cluster)
{
	struct overlay *o = im->priv;
	uint8_t buf[CLUSTER];
	uint64_t off = cluster * CLUSTER;
	struct iovec iov = { buf, off + CLUSTER > im->size ? im->size - off : CLUSTER };
	int r = rw_full(o->fd, false, off, &iov, 1);
	return r ? r : to->format->write(to, off, &iov, 1);
}

/* The image below is open for reading; a second, writable opening takes the data.  Our own locks would forbid that one. */
bool overlay_commit(struct image *im, struct error *err)
{
	struct overlay *o = im->priv;
	struct image_opts opts = im->backing->opts;
	int r = 0;
	opts.readonly = false;
	opts.no_lock = true;
	struct image *to = image_open(im->backing->file, im->backing->format->name, &opts, err);
	if (!to)
		return false;
	to->probed = im->backing->probed;
	uint64_t clusters = (im->size + CLUSTER - 1) / CLUSTER;
	for (uint64_t c = 0; !r && c < clusters; c++)
		if (mapped(o, c))
			r = commit_cluster(im, to, c);
	if (!r)
		r = to->format->flush(to);
	image_close(to);
	if (r)
		return error_set(err, "'%s': %s", im->file, strerror(-r));
	/* all of it lies below now; give the space back where the file system can */
	memset(o->map, 0, clusters / 8 + 1);
	if (ftruncate(o->fd, 0) || ftruncate(o->fd, (off_t)(clusters * CLUSTER)))
		return error_set(err, "Could not empty the temporary overlay of '%s': %s", im->file, strerror(errno));
	return true;
}

/* ---- what a snapshot keeps of it: the clusters that are here at their places, then the map ------------------------------------------------ */

static int copy_clusters(int from, int to, const uint8_t *map, uint64_t clusters)
{
	uint8_t buf[CLUSTER];
	struct iovec iov = { buf, CLUSTER };
	int r = 0;
	for (uint64_t c = 0; !r && c < clusters; c++)
		if (map[c >> 3] >> (c & 7) & 1 && !(r = rw_full(from, false, c * CLUSTER, &iov, 1)))
			r = rw_full(to, true, c * CLUSTER, &iov, 1);
	return r;
}

int overlay_save(const struct image *im, int fd)
{
	struct overlay *o = im->priv;
	uint64_t clusters = (im->size + CLUSTER - 1) / CLUSTER;
	struct iovec map = { o->map, clusters / 8 + 1 };
	int r = copy_clusters(o->fd, fd, o->map, clusters);
	return r ? r : rw_full(fd, true, clusters * CLUSTER, &map, 1);
}

bool overlay_prepare(struct image *im, uint64_t size, int fd, struct error *err)
{
	struct overlay *o = im->priv;
	uint64_t clusters = (im->size + CLUSTER - 1) / CLUSTER;
	struct stat st;
	overlay_leave(im);
	if (size != im->size)
		return error_set(err, "the disk had %llu bytes when the snapshot was taken, and has %llu now", (unsigned long long)size, (unsigned long long)im->size);
	if (fstat(fd, &st) || (uint64_t)st.st_size != clusters * CLUSTER + clusters / 8 + 1)
		return error_set(err, "the snapshot's overlay is damaged: it has the wrong length");
	struct iovec map = { malloc(clusters / 8 + 1), clusters / 8 + 1 };
	if (!map.iov_base)
		return error_set(err, "no memory for the map of the snapshot's overlay");
	int to = image_temp_file("for snapshot=on", err);
	if (to < 0) {
		free(map.iov_base);
		return false;
	}
	int r = ftruncate(to, (off_t)(clusters * CLUSTER)) ? -errno : rw_full(fd, false, clusters * CLUSTER, &map, 1);
	if (!r)
		r = copy_clusters(fd, to, map.iov_base, clusters);
	if (r) {
		close(to);
		free(map.iov_base);
		return error_set(err, "could not read the snapshot's overlay: %s", strerror(-r));
	}
	o->next_map = map.iov_base;
	o->next_fd = to;
	return true;
}

void overlay_take(struct image *im)
{
	struct overlay *o = im->priv;
	pthread_mutex_lock(&o->lock);
	close(o->fd);
	free(o->map);
	o->fd = o->next_fd;
	o->map = o->next_map;
	o->next_map = NULL;
	pthread_mutex_unlock(&o->lock);
}

static void overlay_info(const struct image *im, struct text *out)
{
	text_printf(out, "    Backing file:     %s (chain depth: 1)\n", im->backing->file);
}

const struct image_format format_overlay = {
	.name = "overlay", .open = overlay_open, .close = overlay_close, .read = overlay_read, .write = overlay_write,
	.flush = overlay_flush, .discard = overlay_discard, .info = overlay_info,
};
