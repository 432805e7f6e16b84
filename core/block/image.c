/* image.c - open image files: names, access, size, guessing the format. */
#include "core/block/content.h"
#include "core/block/format.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct image_format *const formats[] = { &format_raw };

/* Formats that are recognised by their first bytes.  Those without a driver here are named so that the user is told what the file
 * is instead of a guest booting from its header, and so that block 0 of a guessed raw image never becomes one of them. */
static const struct { const char *name, *magic; size_t len, off; } magics[] = {
	{ "qcow2", "QFI\xfb\0\0\0\2", 8, 0 }, { "qcow2", "QFI\xfb\0\0\0\3", 8, 0 }, { "qcow", "QFI\xfb\0\0\0\1", 8, 0 },
	{ "qed", "QED\0", 4, 0 }, { "vmdk", "KDMV", 4, 0 }, { "vmdk", "COWD", 4, 0 }, { "vmdk", "# Disk DescriptorFile", 21, 0 },
	{ "vhdx", "vhdxfile", 8, 0 }, { "vpc", "conectix", 8, 0 }, { "vdi", "\x7f\x10\xda\xbe", 4, 64 },
	{ "parallels", "WithoutFreeSpace", 16, 0 }, { "parallels", "WithouFreSpacExt", 16, 0 }, { "luks", "LUKS\xba\xbe", 6, 0 },
	{ "cloop", "#!/bin/sh\n#V2.0 Format\n", 23, 0 }, { "bochs", "Bochs Virtual HD Image", 22, 0 },
};

const char *image_probe(const uint8_t *head, size_t len)
{
	for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]); i++)
		if (len >= magics[i].off + magics[i].len && !memcmp(head + magics[i].off, magics[i].magic, magics[i].len))
			return magics[i].name;
	return NULL;
}

static const struct image_format *find_format(const char *name, struct error *err)
{
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (!strcmp(formats[i]->name, name))
			return formats[i];
	error_set(err, "Unknown driver '%s'", name);
	return NULL;
}

/* "file:NAME" is NAME; "xyz:NAME" names a protocol unless a slash comes first or such a file exists. */
static const char *local_name(const char *file, struct error *err)
{
	const char *colon = strchr(file, ':'), *slash = strchr(file, '/');
	if (!strncmp(file, "file:", 5))
		return file + 5;
	if (colon && (!slash || colon < slash) && access(file, F_OK)) {
		error_set(err, "Unknown protocol '%.*s'", (int)(colon - file), file);
		return NULL;
	}
	return file;
}

static bool open_file(struct image *im, struct error *err)
{
	struct stat st;
	int flags = O_CLOEXEC | (im->opts.direct ? O_DIRECT : 0);
	const char *name = local_name(im->file, err);

	if (!name)
		return false;
	im->readonly = im->opts.readonly;
	im->fd = open(name, flags | (im->readonly ? O_RDONLY : O_RDWR));
	if (im->fd < 0 && !im->readonly && im->opts.readonly_auto && (errno == EACCES || errno == EROFS || errno == EPERM)) {
		im->readonly = true;
		im->fd = open(name, flags | O_RDONLY);
	}
	if (im->fd < 0 && errno == EISDIR)
		return error_set(err, "'file' driver requires '%s' to be a regular file", im->file);
	if (im->fd < 0 && errno == EINVAL && im->opts.direct)
		return error_set(err, "Could not open '%s': its file system does not support O_DIRECT, use another cache= than none or directsync", im->file);
	if (im->fd < 0 || fstat(im->fd, &st))
		return error_set(err, "Could not open '%s': %s", im->file, strerror(errno));
	if (S_ISDIR(st.st_mode))
		return error_set(err, "'file' driver requires '%s' to be a regular file", im->file);
	if (S_ISBLK(st.st_mode)) {
		if (ioctl(im->fd, BLKGETSIZE64, &im->file_size))
			return error_set(err, "Could not get the size of '%s': %s", im->file, strerror(errno));
	} else {
		im->file_size = S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
	}
	return true;
}

static bool choose_format(struct image *im, const char *format, struct error *err)
{
	void *head;
	if (format)
		return (im->format = find_format(format, err)) != NULL;
	if (posix_memalign(&head, 4096, 4096))          /* O_DIRECT wants it aligned */
		return error_set(err, "Out of memory");
	ssize_t got = pread(im->fd, head, 4096, 0);
	if (got < 0 && errno != ESPIPE && errno != EINVAL) {
		free(head);
		return error_set(err, "Could not read image for determining its format: %s", strerror(errno));
	}
	const char *name = image_probe(head, got > 0 ? (size_t)got : 0);
	free(head);
	im->probed = name == NULL;
	im->format = name ? find_format(name, NULL) : &format_raw;
	if (!im->format)
		return error_set(err, "Could not open '%s': it is a %s image, and only raw images can be opened (format=raw takes it as it stands)",
			im->file, name);
	return true;
}

static struct image *open_one(const char *file, const char *format, const struct image_opts *opts, struct error *err)
{
	struct image *im = calloc(1, sizeof(*im));
	if (!im)
		abort();
	im->fd = -1;
	im->opts = *opts;
	im->file = strdup(file);
	if (open_file(im, err) && (opts->no_lock || image_lock(im->fd, !im->readonly, opts->share_rw, file, err)) && restore_finish(im, err) &&
	    choose_format(im, format, err) && im->format->open(im, err))
		return im;
	im->format = NULL;
	image_close(im);
	return NULL;
}

struct image *image_open(const char *file, const char *format, const struct image_opts *opts, struct error *err)
{
	struct image_opts below = *opts;
	if (!opts->snapshot || opts->readonly)
		return open_one(file, format, opts, err);

	below.readonly = true;
	below.snapshot = false;
	struct image *base = open_one(file, format, &below, err);
	if (!base)
		return NULL;
	struct image *im = calloc(1, sizeof(*im));
	if (!im)
		abort();
	im->fd = -1;
	im->opts = *opts;
	im->file = strdup(file);
	im->format = &format_overlay;
	im->backing = base;
	if (im->format->open(im, err))
		return im;
	im->format = NULL;
	image_close(im);
	return NULL;
}

void image_close(struct image *im)
{
	if (!im)
		return;
	if (im->format && im->format->close)
		im->format->close(im);
	if (im->fd >= 0)
		close(im->fd);
	image_close(im->backing);
	free(im->file);
	free(im);
}

const struct image *image_bottom(const struct image *im)
{
	while (im->backing)
		im = im->backing;
	return im;
}

bool image_resize(struct image *im, uint64_t size, struct error *err)
{
	if (size % 512 || size > INT64_MAX)
		return error_set(err, "Parameter 'size' expects a multiple of 512 below 2^63");
	if (!im->format->resize)
		return error_set(err, "Image format driver '%s' does not support resize", im->format->name);
	return im->format->resize(im, size, err);
}
