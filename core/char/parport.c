/* parport.c - a parallel port of the host, by ppdev: the guest's register accesses are carried out on it.
 * Ref: Linux' Documentation/driver-api/parport-lowlevel.rst and linux/ppdev.h (the user interface); IEEE 1284-1994. */
#include "core/char/chardev.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/parport.h>
#include <linux/ppdev.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

struct parport { struct chardev *c; int fd, mode; };

static bool set_mode(struct parport *p, int mode)
{
	if (p->mode == mode)
		return true;
	if (ioctl(p->fd, PPSETMODE, &mode))
		return false;
	p->mode = mode;
	return true;
}

/* One EPP cycle; false: the peripheral did not answer, or the port has no EPP. */
static bool epp(struct parport *p, int mode, bool write_cycle, uint8_t *val)
{
	if (!set_mode(p, mode))
		return false;
	return (write_cycle ? write(p->fd, val, 1) : read(p->fd, val, 1)) == 1;
}

static bool parport_register(struct chardev *c, enum chr_pp_op op, uint8_t *val)
{
	struct parport *p = c->priv;
	int dir;

	switch (op) {
	case CHR_PP_READ_DATA:     return !ioctl(p->fd, PPRDATA, val);
	case CHR_PP_WRITE_DATA:    return !ioctl(p->fd, PPWDATA, val);
	case CHR_PP_READ_STATUS:   return !ioctl(p->fd, PPRSTATUS, val);
	case CHR_PP_READ_CONTROL:  return !ioctl(p->fd, PPRCONTROL, val);
	case CHR_PP_WRITE_CONTROL:
		dir = *val & 0x20 ? 1 : 0;
		ioctl(p->fd, PPDATADIR, &dir);
		return !ioctl(p->fd, PPWCONTROL, val);
	case CHR_PP_EPP_READ_ADDR:  return epp(p, IEEE1284_MODE_EPP | IEEE1284_ADDR, false, val);
	case CHR_PP_EPP_READ_DATA:  return epp(p, IEEE1284_MODE_EPP | IEEE1284_DATA, false, val);
	case CHR_PP_EPP_WRITE_ADDR: return epp(p, IEEE1284_MODE_EPP | IEEE1284_ADDR, true, val);
	case CHR_PP_EPP_WRITE_DATA: return epp(p, IEEE1284_MODE_EPP | IEEE1284_DATA, true, val);
	}
	return false;
}

static bool parport_open(struct chardev *c, const struct kv *kv, struct error *err)
{
	const char *path = kv_get(kv, "path");

	if (!path)
		return error_set(err, "chardev: parallel: no device path given");
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return error_set(err, "Could not open '%s': %s", path, strerror(errno));
	if (ioctl(fd, PPEXCL) || ioctl(fd, PPCLAIM)) {
		error_set(err, "Could not claim '%s' for this machine alone: %s", path, strerror(errno));
		close(fd);
		return false;
	}
	struct parport *p = calloc(1, sizeof(*p));
	if (!p)
		abort();
	*p = (struct parport){ .c = c, .fd = fd, .mode = IEEE1284_MODE_COMPAT };
	c->priv = p;
	c->opened = true;
	return true;
}

static void parport_close(struct chardev *c)
{
	struct parport *p = c->priv;

	set_mode(p, IEEE1284_MODE_COMPAT);
	ioctl(p->fd, PPRELEASE);
	close(p->fd);
	free(p);
	c->priv = NULL;
}

static const char *const parport_keys[] = { "path", NULL };
const struct chardev_kind chardev_parport = { .name = "parallel", .alias = "parport", .keys = parport_keys, .open = parport_open,
	.close = parport_close, .pp_register = parport_register };
