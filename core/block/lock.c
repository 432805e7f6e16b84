/* lock.c - byte-range locks on images, by the protocol QEMU's tools use, so that the two programs keep off each other's disks.
 *
 * What a process does with the image it shows by a shared lock on byte 100 + use, what it does not allow others by one on byte
 * 200 + use.  Then it looks whether anybody else forbids its own uses or has a use that it forbids.  Uses: 0 read consistent data,
 * 1 write, 3 resize.  The locks belong to the open file description (fcntl(2), F_OFD_SETLK), so two drives of one process collide
 * just as well. */
#include "core/block/format.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>

enum { USE_READ, USE_WRITE, USE_KINDS = 4, LOCK_USED = 100, LOCK_FORBIDDEN = 200 };
static const char *const use_names[USE_KINDS] = { "consistent read", "write", "write unchanged", "resize" };

static bool lock_byte(int fd, int byte)
{
	struct flock l = { .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1 };
	return fcntl(fd, F_OFD_SETLK, &l) == 0;
}

static bool others_hold(int fd, int byte)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1 };
	return fcntl(fd, F_OFD_GETLK, &l) == 0 && l.l_type != F_UNLCK;
}

bool image_lock(int fd, bool write, bool share_rw, const char *file, struct error *err)
{
	unsigned used = 1u << USE_READ | (write ? 1u << USE_WRITE : 0);
	unsigned forbidden = share_rw ? 0 : 1u << USE_WRITE;

	for (int i = 0; i < USE_KINDS; i++) {
		/* A file system without such locks (some network ones) is used without protection, as elsewhere. */
		if ((used & 1u << i) && !lock_byte(fd, LOCK_USED + i))
			return errno == EAGAIN || errno == EACCES
				? error_set(err, "Failed to get \"%s\" lock\nIs another process using the image [%s]?", use_names[i], file) : true;
		if ((forbidden & 1u << i) && !lock_byte(fd, LOCK_FORBIDDEN + i))
			return errno == EAGAIN || errno == EACCES
				? error_set(err, "Failed to get shared \"%s\" lock\nIs another process using the image [%s]?", use_names[i], file) : true;
	}
	for (int i = 0; i < USE_KINDS; i++) {
		if ((used & 1u << i) && others_hold(fd, LOCK_FORBIDDEN + i))
			return error_set(err, "Failed to get \"%s\" lock\nIs another process using the image [%s]?", use_names[i], file);
		if ((forbidden & 1u << i) && others_hold(fd, LOCK_USED + i))
			return error_set(err, "Failed to get shared \"%s\" lock\nIs another process using the image [%s]?", use_names[i], file);
	}
	return true;
}
