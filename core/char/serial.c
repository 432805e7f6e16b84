/* serial.c - a serial line of the host: speed and framing follow the guest's UART, breaks and modem lines pass. */
#include "core/char/fdio.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

struct serial { struct chr_fd f; int fd; };

static const struct { unsigned baud; speed_t code; } speeds[] = { { 50, B50 }, { 75, B75 }, { 110, B110 }, { 134, B134 }, { 150, B150 },
	{ 200, B200 }, { 300, B300 }, { 600, B600 }, { 1200, B1200 }, { 1800, B1800 }, { 2400, B2400 }, { 4800, B4800 }, { 9600, B9600 },
	{ 19200, B19200 }, { 38400, B38400 }, { 57600, B57600 }, { 115200, B115200 }, { 230400, B230400 }, { 460800, B460800 },
	{ 921600, B921600 }, { 1500000, B1500000 }, { 4000000, B4000000 } };

/* The nearest speed that is not slower than 0.9 times the wanted one; a guest's divisor rarely hits a rate exactly. */
static speed_t speed_code(unsigned baud)
{
	for (unsigned i = 0; i < sizeof(speeds) / sizeof(speeds[0]); i++)
		if (baud <= speeds[i].baud * 11ull / 10)
			return speeds[i].code;
	return B115200;
}

static void apply_params(struct chardev *c, const struct serial_params *p)
{
	static const tcflag_t bits[] = { CS5, CS6, CS7, CS8 };
	struct serial *s = c->priv;
	struct termios t;

	if (s->fd < 0 || tcgetattr(s->fd, &t))
		return;
	cfmakeraw(&t);
	cfsetispeed(&t, speed_code(p->baud));
	cfsetospeed(&t, speed_code(p->baud));
	t.c_iflag |= p->parity == 'N' ? 0 : INPCK;
	t.c_cflag &= ~(tcflag_t)(CSTOPB | PARENB | PARODD | CRTSCTS | CSIZE | CMSPAR);
	t.c_cflag |= CLOCAL | CREAD | bits[p->data_bits >= 5 && p->data_bits <= 8 ? p->data_bits - 5 : 3];
	t.c_cflag |= p->stop_bits == 2 ? CSTOPB : 0;
	t.c_cflag |= p->parity == 'N' ? 0 : PARENB;
	t.c_cflag |= p->parity == 'O' || p->parity == 'M' ? PARODD : 0;
	t.c_cflag |= p->parity == 'M' || p->parity == 'S' ? CMSPAR : 0;
	tcsetattr(s->fd, TCSANOW, &t);
}

static void serial_lines(struct chardev *c, unsigned lines)
{
	struct serial *s = c->priv;
	int v;

	if (s->fd < 0 || ioctl(s->fd, TIOCMGET, &v))
		return;
	v &= ~(TIOCM_DTR | TIOCM_RTS);
	v |= (lines & CHR_DTR ? TIOCM_DTR : 0) | (lines & CHR_RTS ? TIOCM_RTS : 0);
	ioctl(s->fd, TIOCMSET, &v);
}

static unsigned serial_get_lines(struct chardev *c)
{
	struct serial *s = c->priv;
	int v;

	if (s->fd < 0 || ioctl(s->fd, TIOCMGET, &v))
		return CHR_CTS | CHR_DSR | CHR_DCD;     /* a pseudo terminal has no modem lines */
	return (v & TIOCM_CTS ? CHR_CTS : 0u) | (v & TIOCM_DSR ? CHR_DSR : 0u) | (v & TIOCM_RI ? CHR_RI : 0u) | (v & TIOCM_CAR ? CHR_DCD : 0u);
}

static void serial_break(struct chardev *c, bool on)
{
	struct serial *s = c->priv;

	if (s->fd >= 0)
		ioctl(s->fd, on ? TIOCSBRK : TIOCCBRK);
}

static void serial_gone(struct chr_fd *f)
{
	struct serial *s = (struct serial *)f;
	struct chardev *c = f->c;

	chr_fd_stop(f);
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	chr_event(c, CHR_CLOSED);
	if (c->priv == s)
		chr_can_write(c);
}

static bool serial_open(struct chardev *c, const struct kv *kv, struct error *err)
{
	const char *path = kv_get(kv, "path");

	if (!path)
		return error_set(err, "chardev: serial/tty: no device path given");
	int fd = open(path, O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return error_set(err, "Could not open '%s': %s", path, strerror(errno));
	struct serial *s = calloc(1, sizeof(*s));
	if (!s)
		abort();
	s->fd = fd;
	s->f.gone = serial_gone;
	c->priv = s;
	apply_params(c, &(struct serial_params){ 115200, 8, 1, 'N' });
	chr_fd_start(&s->f, c, fd, fd);
	c->opened = true;
	return true;
}

static void serial_close(struct chardev *c)
{
	struct serial *s = c->priv;

	chr_fd_free(&s->f);
	if (s->fd >= 0)
		close(s->fd);
	free(s);
	c->priv = NULL;
}

static const char *const serial_keys[] = { "path", NULL };
const struct chardev_kind chardev_serial = { .name = "serial", .batch = true, .pull = chr_fd_op_pull, .alias = "tty", .keys = serial_keys, .open = serial_open, .close = serial_close,
	.write = chr_fd_op_write, .accept_input = chr_fd_op_accept, .work = chr_fd_op_work, .set_params = apply_params, .set_lines = serial_lines,
	.get_lines = serial_get_lines, .send_break = serial_break };
