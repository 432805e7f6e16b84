/* test_serial_lines.c - every kind of line, through the UART of a guest, with a real program at its other end: 1 MiB of random bytes
 * crosses both ways at once and is the same. */
#include "tests/serial/lines.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

static int setup(void **state) { *state = lines_new(); return 0; }
static int teardown(void **state) { lines_free(*state); return 0; }
static void cross_with_peer(struct lines *l) { lines_cross(l, l->peer.in, l->peer.out); }

static void unix_server(void **state)
{
	struct lines *l = *state;
	need_program("nc");
	lines_vm(l, "-serial", "unix:%d/s,server,nowait", NULL);
	lines_wait_file(l, "s");
	lines_peer(l, "nc", "-U", "%d/s", NULL);
	cross_with_peer(l);
}

static void unix_client(void **state)
{
	struct lines *l = *state;
	need_program("socat");
	lines_peer(l, "socat", "-", "UNIX-LISTEN:%d/s", NULL);
	lines_wait_file(l, "s");
	lines_vm(l, "-serial", "unix:%d/s", NULL);
	cross_with_peer(l);
}

static void tcp_server(void **state)
{
	struct lines *l = *state;
	need_program("socat");
	lines_vm(l, "-serial", "tcp:127.0.0.1:%p,server=on,wait=off,nodelay=on", NULL);
	lines_peer(l, "socat", "-", "TCP4:127.0.0.1:%p,retry=50,interval=0.1", NULL);
	cross_with_peer(l);
}

static void tcp_client_that_reconnects(void **state)
{
	struct lines *l = *state;
	need_program("nc");
	lines_vm(l, "-serial", "tcp:127.0.0.1:%p,reconnect=1", NULL);
	lines_peer(l, "nc", "-l", "127.0.0.1", "%p", NULL);
	cross_with_peer(l);
}

static void telnet_server(void **state)
{
	struct lines *l = *state;
	need_program("telnet");
	lines_vm(l, "-serial", "telnet:127.0.0.1:%p,server=on,wait=off", NULL);
	close(lines_connect(l));
	lines_peer(l, "telnet", "-8", "-E", "127.0.0.1", "%p", NULL);
	read_until(l->peer.out, "Escape character is 'off'.\n");         /* the last it says of itself */
	cross_with_peer(l);
}

/* ---- the telnet client has a server in this file: RFC 854 --------------------------------------------------------------------------- */

struct telnet_end { int fd; bool iac; uint8_t verb; };

static size_t telnet_take(void *arg, uint8_t *buf, size_t len)
{
	struct telnet_end *t = arg;
	size_t n = 0;
	for (size_t i = 0; i < len; i++) {
		uint8_t b = buf[i];
		if (t->verb) {
			t->verb = 0;
		} else if (t->iac) {
			t->iac = false;
			if (b == 0xff)
				buf[n++] = b;
			else if (b >= 0xfb)
				t->verb = b;
		} else if (b == 0xff) {
			t->iac = true;
		} else {
			buf[n++] = b;
		}
	}
	return n;
}

static void double_byte(struct flow *f, uint8_t which)
{
	f->wire = malloc(2 * f->len);
	f->wire_len = 0;
	for (size_t i = 0; i < f->len; i++) {
		f->wire[f->wire_len++] = f->data[i];
		if (f->data[i] == which)
			f->wire[f->wire_len++] = which;
	}
}

static int listen_at(unsigned port)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	assert_int_equal(listen(fd, 4), 0);
	return fd;
}

static void telnet_client(void **state)
{
	struct lines *l = *state;
	int listener = listen_at(l->port);
	lines_vm(l, "-serial", "telnet:127.0.0.1:%p", "-monitor", "stdio", NULL);
	struct telnet_end t = { .fd = accept(listener, NULL, NULL) };
	/* a server that agrees to whatever is offered, and asks for binary itself */
	assert_int_equal(write(t.fd, "\xff\xfb\x01\xff\xfb\x03\xff\xfb\x00\xff\xfd\x00", 12), 12);
	struct flow f[2] = { flow_new(l->com2, t.fd, MIB, 3), flow_new(t.fd, l->com2, MIB, 4) };
	double_byte(&f[1], 0xff);
	flows_run(f, 2, telnet_take, &t);
	flow_free(&f[0]);
	flow_free(&f[1]);
	/* break, both ways: theirs is the guest's, the guest's is theirs */
	assert_int_equal(write(t.fd, "\xff\xf3", 2), 2);
	read_until(l->com2, "<BREAK>");
	write(l->vm.in, "chardev-send-break com2\n", 24);
	read_until(t.fd, "\xff\xf3");
	close(t.fd);
	close(listener);
}

/* ---- terminals ---------------------------------------------------------------------------------------------------------------------- */

static void pty_line(void **state)
{
	struct lines *l = *state;
	char text[200], name[64], *at;
	size_t n = 0;
	need_program("socat");
	lines_vm(l, "-serial", "pty", NULL);
	while (n < sizeof(text) - 1 && read(l->vm.out, text + n, 1) == 1 && text[n++] != '\n')
		;
	text[n] = 0;
	at = strstr(text, "/dev/pts/");
	assert_non_null(at);
	assert_int_equal(sscanf(at, "%63s (label serial0)", name), 1);
	snprintf(text, sizeof(text), "%s,raw,echo=0", name);
	lines_peer(l, "socat", "-", text, NULL);
	cross_with_peer(l);
}

/* Half of a pair of ptys plays the host's serial line. */
static void host_line(void **state)
{
	struct lines *l = *state;
	char link[96], name[64] = "";
	struct termios t;
	need_program("socat");
	lines_peer(l, "socat", "-", "PTY,link=%d/tty,raw,echo=0", NULL);
	lines_wait_file(l, "tty");
	snprintf(link, sizeof(link), "%s/tty", l->dir);
	assert_true(readlink(link, name, sizeof(name) - 1) > 0);
	assert_memory_equal(name, "/dev/", 5);
	lines_vm(l, "-serial", name, NULL);
	cross_with_peer(l);
	int fd = open(name, O_RDWR | O_NOCTTY | O_NONBLOCK);
	assert_int_equal(tcgetattr(fd, &t), 0);
	assert_int_equal(cfgetospeed(&t), B115200);
	assert_int_equal(t.c_cflag & (CSIZE | PARENB | CSTOPB), CS8);
	close(fd);
}

static void stdio_line(void **state)
{
	struct lines *l = *state;
	lines_vm(l, "-serial", "stdio", NULL);
	lines_cross(l, l->vm.in, l->vm.out);
}

/* Under a mux the escape character is typed twice to mean itself; the monitor behind it answers in between. */
static void mux_line(void **state)
{
	struct lines *l = *state;
	lines_vm(l, "-serial", "mon:stdio", NULL);
	struct flow f[2] = { flow_new(l->com2, l->vm.out, MIB, 5), flow_new(l->vm.in, l->com2, MIB, 6) };
	double_byte(&f[1], 1);
	flows_run(f, 2, NULL, NULL);
	flow_free(&f[0]);
	flow_free(&f[1]);
	write(l->vm.in, "\1b", 2);
	read_until(l->com2, "<BREAK>");
	write(l->vm.in, "\1cinfo status\r", 14);
	read_until(l->vm.out, "VM status: running");
	write(l->vm.in, "\1x", 2);
	read_until(l->vm.out, "QEMU: Terminated");
}

/* ---- files, pipes, datagrams ----------------------------------------------------------------------------------------------------------- */

static void named_pipes(void **state)
{
	struct lines *l = *state;
	char *in = lines_text(l, "%d/p.in"), *out = lines_text(l, "%d/p.out");
	assert_int_equal(mkfifo(in, 0600), 0);
	assert_int_equal(mkfifo(out, 0600), 0);
	lines_vm(l, "-serial", "pipe:%d/p", NULL);
	int to = open(in, O_WRONLY);
	lines_peer(l, "cat", "%d/p.out", NULL);
	lines_cross(l, to, l->peer.out);
	close(to);
	free(in);
	free(out);
}

static size_t file_size(const char *path)
{
	struct stat st;
	return stat(path, &st) ? 0 : (size_t)st.st_size;
}

static void expect_file(const char *path, const struct flow *f)
{
	uint8_t *back = malloc(f->len);
	for (int i = 0; i < PATIENCE_MS / 10 && file_size(path) < f->len; i++)
		poll(NULL, 0, 10);
	int fd = open(path, O_RDONLY);
	assert_int_equal(file_size(path), f->len);
	assert_int_equal(read(fd, back, f->len), f->len);
	assert_memory_equal(back, f->data, f->len);
	close(fd);
	free(back);
}

/* The log beside it holds the same. */
static void file_and_log(void **state)
{
	struct lines *l = *state;
	char *path = lines_text(l, "%d/f"), *log = lines_text(l, "%d/log");
	lines_vm(l, "-chardev", "file,id=f,path=%d/f,logfile=%d/log", "-serial", "chardev:f", NULL);
	struct flow f = flow_new(l->com2, l->com2, MIB, 7);
	fcntl(l->com2, F_SETFL, 0);
	for (size_t n; f.sent < f.len; f.sent += n) {
		n = (size_t)write(l->com2, f.data + f.sent, f.len - f.sent);
		assert_true((ssize_t)n > 0);
	}
	expect_file(path, &f);
	expect_file(log, &f);
	flow_free(&f);
	free(path);
	free(log);
}

/* Datagrams have no flow control: no more is under way than a socket holds. */
static void net_console(struct lines *l)
{
	need_program("socat");
	lines_peer(l, "socat", "-b2048", "-", "UDP4:127.0.0.1:%q,bind=127.0.0.1:%p", NULL);
	write(l->peer.in, "<PEER>", 6);
	read_until(l->com2, "<PEER>");
	struct flow f[2] = { flow_new(l->com2, l->peer.out, MIB, 8), flow_new(l->peer.in, l->com2, MIB, 9) };
	f[0].window = f[1].window = 16 << 10;
	flows_run(f, 2, NULL, NULL);
	flow_free(&f[0]);
	flow_free(&f[1]);
}

static void udp_with_source_port(void **state)
{
	lines_vm(*state, "-serial", "udp::%p@:%q", NULL);
	net_console(*state);
}

static void udp_in_the_old_spelling(void **state)
{
	lines_vm(*state, "-serial", "udp::%p@%q", NULL);
	net_console(*state);
}

/* ---- pointers and braille --------------------------------------------------------------------------------------------------------------- */

/* Three bytes of a packet; "M3" went by with the guest's greeting or is taken out here. */
static void expect_packet(int fd, uint8_t b0, uint8_t b1, uint8_t b2)
{
	uint8_t b[8];
	for (size_t n = 0; n < 3;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
		ssize_t r = read(fd, b + n, 3 - n);
		assert_true(r > 0);
		n += (size_t)r;
		if (n >= 2 && !memcmp(b, "M3", 2))
			memmove(b, b + 2, n -= 2);
	}
	assert_int_equal(b[0], b0);
	assert_int_equal(b[1], b1);
	assert_int_equal(b[2], b2);
}

/* The port's DTR and RTS are up, so the mouse has named itself; then its packets follow the monitor's mouse. */
static void serial_mouse(void **state)
{
	struct lines *l = *state;
	lines_vm(l, "-serial", "msmouse", "-monitor", "stdio", NULL);
	write(l->vm.in, "info mice\n", 10);
	read_until(l->vm.out, "QEMU Microsoft Mouse");
	fcntl(l->com2, F_SETFL, 0);
	write(l->vm.in, "mouse_move 10 -3\n", 17);
	expect_packet(l->com2, 0x4c, 10, -3 & 0x3f);
	write(l->vm.in, "mouse_button 1\n", 15);
	expect_packet(l->com2, 0x60, 0, 0);
}

static void pen_tablet(void **state)
{
	struct lines *l = *state;
	lines_vm(l, "-serial", "wctablet", "-monitor", "stdio", NULL);
	write(l->com2, "~#\r", 3);
	read_until(l->com2, "~#CT-0045R,V1.3-5,\r");
	write(l->com2, "~C\r", 3);
	read_until(l->com2, "~C5040,3780\r");
	write(l->com2, "ST\r", 3);
	/* the middle of the tablet: 2520, 1890 */
	read_until(l->com2, "\xe0\x13\x58");
	write(l->vm.in, "mouse_button 1\n", 15);
	read_until(l->com2, "\xe0\x13\x58\x08\x0e\x62\x3e");
}

/* brltty's own BrlAPI server, with its virtual display, whose other end is a socket of ours. */
static void braille_display(void **state)
{
	struct lines *l = *state;
	char device[64], auth[64], *log = lines_text(l, "%d/brltty.pid"), host[32];
	need_program("brltty");
	if (system("ldd build/vmux | grep -q libbrlapi")) {
		printf("# SKIP this build has no braille display\n");
		skip();
	}
	unsigned display = l->port % 1000;      /* BrlAPI's port is 4101 and that */
	snprintf(device, sizeof(device), "server:127.0.0.1:%u", l->port);
	snprintf(auth, sizeof(auth), "auth=none,host=127.0.0.1:%u", display);
	snprintf(host, sizeof(host), "127.0.0.1:%u", display);
	lines_peer(l, "brltty", "-n", "-e", "-b", "vr", "-d", device, "-x", "no", "-A", auth, "-P", log, "-U", l->dir, "-W", l->dir, NULL);
	free(log);
	int vr = lines_connect(l);
	write(vr, "cells 40\n", 9);
	read_until(vr, "Visual \"");
	setenv("BRLAPI_HOST", host, 1);
	lines_vm(l, "-serial", "braille", NULL);
	write(l->com2, "\x1b\x84", 2);
	read_until(l->com2, "\x1b\x84" "Baum Vario      \x1b\x01\x28");
	/* dots 1 2 5, 1 5 and an ESC, which is doubled: 1 2 4 5 */
	char show[43] = { 0x1b, 0x01, 0x13, 0x11, 0x1b, 0x1b };
	write(l->com2, show, sizeof(show));
	read_until(vr, "Braille \"125|15|1245| |");
	write(vr, "FWINRT\n", 7);
	read_until(l->com2, "\x1b\x24\x10");
	close(vr);
}

/* ---- clients that behave badly ---------------------------------------------------------------------------------------------------------- */

/* It never reads, then leaves in the middle; the next one is served, and the guest has not stopped. */
static void a_client_that_vanishes(void **state)
{
	struct lines *l = *state;
	uint8_t junk[65536];
	memset(junk, 'j', sizeof(junk));
	lines_vm(l, "-serial", "tcp:127.0.0.1:%p,server=on,wait=off", NULL);
	int fd = lines_connect(l);
	fcntl(l->com2, F_SETFL, O_NONBLOCK);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	for (int i = 0; i < 300; i++) {         /* both ends flood; nobody reads */
		write(l->com2, junk, sizeof(junk));
		write(fd, junk, sizeof(junk));
		poll(NULL, 0, 1);
	}
	close(fd);
	fd = lines_connect(l);
	/* all the junk is taken by someone: then the line is clean again */
	write(fd, "<NEXT>", 6);
	for (int quiet = 0; quiet < 2;) {
		struct pollfd p[2] = { { .fd = fd, .events = POLLIN }, { .fd = l->com2, .events = POLLIN } };
		quiet = poll(p, 2, 300) ? 0 : quiet + 1;
		for (int i = 0; i < 2; i++)
			if (p[i].revents & POLLIN)
				read(p[i].fd, junk, sizeof(junk));
	}
	write(fd, "hello", 5);
	read_until(l->com2, "hello");
	write(l->com2, "world", 5);
	read_until(fd, "world");
	close(fd);
}

/* A disk that is full: the guest goes on. */
static void a_full_disk(void **state)
{
	struct lines *l = *state;
	lines_vm(l, "-serial", "file:/dev/full", "-monitor", "stdio", NULL);
	write(l->com2, "lost", 4);
	char said[4096] = "";
	for (int tries = 0; !strstr(said, "serial0: filename=file, 4 bytes lost (No space left on device)"); tries++) {
		assert_true(tries < 3000);
		poll(NULL, 0, 10);
		write(l->vm.in, "info chardev\n", 13);
		ssize_t n = read(l->vm.out, said, sizeof(said) - 1);
		said[n > 0 ? n : 0] = 0;
	}
	write(l->vm.in, "info status\n", 12);
	read_until(l->vm.out, "VM status: running");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = { T(unix_server), T(unix_client), T(tcp_server), T(tcp_client_that_reconnects), T(telnet_server),
		T(telnet_client), T(pty_line), T(host_line), T(stdio_line), T(mux_line), T(named_pipes), T(file_and_log), T(udp_with_source_port),
		T(udp_in_the_old_spelling), T(serial_mouse), T(pen_tablet), T(braille_display), T(a_client_that_vanishes), T(a_full_disk) };
	cmocka_set_test_filter(getenv("ONLY"));         /* a name with * and ? */
	return cmocka_run_group_tests_name("serial lines", tests, NULL, NULL);
}
