/* test_serial_linux.c - Linux's agetty on eight serial ports at once, each with another kind of line behind it, four of them on a PCI
 * card; and its printer port. */
#include "tests/guest/guest.h"
#include "tests/serial/lines.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

static int setup(void **state) { *state = lines_new(); return 0; }
static int teardown(void **state) { lines_free(*state); return 0; }
static void type(int fd, const char *text) { assert_int_equal(write(fd, text, strlen(text)), strlen(text)); }

/* agetty asks, root logs in, a shell answers; agetty would not ask twice if it had not seen the line hang up. */
static void login(int in, int out, unsigned n)
{
	char line[64], want[32];
	snprintf(line, sizeof(line), "echo $((%u*7))answer on $(tty)\r", n + 6);
	snprintf(want, sizeof(want), "%uanswer on /dev/ttyS%u", (n + 6) * 7, n);
	type(in, "\r");
	read_until(out, "login: ");
	type(in, "root\r");
	read_until(out, "# ");
	type(in, line);
	read_until(out, want);
}

static void make_fifo(struct lines *l, const char *name)
{
	char *path = lines_text(l, name);
	assert_int_equal(mkfifo(path, 0600), 0);
	free(path);
}

/* 64 KiB there and back through a raw terminal; Linux cannot stop the sender of a line without handshake, so little is under way. */
static void echo_64k(int fd)
{
	struct flow f = flow_new(fd, fd, 64 << 10, 10);
	f.window = 1024;
	flows_run(&f, 1, NULL, NULL);
	flow_free(&f);
}

/* The slave side of a pty that vmux named on its standard output. */
static int open_pty(struct lines *l)
{
	char said[200], name[64];
	struct termios t;
	size_t n = 0;
	while (n < sizeof(said) - 1 && read(l->vm.out, said + n, 1) == 1 && said[n++] != '\n')
		;
	said[n] = 0;
	assert_non_null(strstr(said, "/dev/pts/"));
	assert_int_equal(sscanf(strstr(said, "/dev/pts/"), "%63s", name), 1);
	int fd = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_int_equal(tcgetattr(fd, &t), 0);
	cfmakeraw(&t);
	assert_int_equal(tcsetattr(fd, TCSANOW, &t), 0);
	return fd;
}

static int open_in(struct lines *l, const char *name, int flags)
{
	char *path = lines_text(l, name);
	int fd = open(path, flags | O_NOCTTY | O_CLOEXEC);
	assert_true(fd >= 0);
	free(path);
	return fd;
}

/* A datagram socket at port %q that talks to %p. */
static int open_udp(struct lines *l)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)(l->port + 1)) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	in.sin_port = htons((uint16_t)l->port);
	assert_int_equal(connect(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	return fd;
}

#define LINUX "-m", "256", "-display", "none", "-monitor", "none", "-kernel", GUESTS "linux-6.1/vmlinuz", "-initrd", GUESTS "demo.initrd", \
	"-append", "quiet console=ttyS0 8250.nr_uarts=8"

/* From a shell on port 1: let agetty serve the ports. */
static void serve(int shell, const char *ports)
{
	char line[240];
	read_until(shell, "vmux ttyS1#");
	snprintf(line, sizeof(line), "for n in %s; do setsid agetty -L 115200 ttyS$n vt100 & done; echo star''ted\n", ports);
	type(shell, line);
	read_until(shell, "started");
}

static void agetty_on_eight_ports(void **state)
{
	struct lines *l = *state;
	guest_need(GUESTS "demo.initrd");
	need_program("socat");
	make_fifo(l, "%d/s5.in");
	make_fifo(l, "%d/s5.out");
	lines_peer(l, "socat", "PTY,link=%d/near,raw,echo=0", "PTY,link=%d/far,raw,echo=0", NULL);      /* the two ends of a host's line */
	lines_wait_file(l, "near");
	lines_wait_file(l, "far");
	int udp = open_udp(l);
	lines_vmux(l, LINUX, "-serial", "telnet:127.0.0.1:%p,server,nowait", "-serial", "unix:%d/s1,server,nowait", "-serial", "pty", "-serial",
		"tcp:127.0.0.1:%q,server,nowait", "-chardev", "socket,id=p4,path=%d/s4,server=on,wait=off", "-chardev", "pipe,id=p5,path=%d/s5", "-chardev",
		"udp,id=p6,host=127.0.0.1,port=%q,localaddr=127.0.0.1,localport=%p", "-chardev", "serial,id=p7,path=%d/near", "-device",
		"pci-serial-4x,chardev1=p4,chardev2=p5,chardev3=p6,chardev4=p7", "-parallel", "file:%d/lp", NULL);
	int s0 = lines_connect(l), s1 = lines_unix(l, "s1"), s2 = open_pty(l), s4 = lines_unix(l, "s4");
	int s5[2] = { open_in(l, "%d/s5.in", O_WRONLY), open_in(l, "%d/s5.out", O_RDONLY) }, s7 = open_in(l, "%d/far", O_RDWR);
	serve(s1, "2 3 5 6 7");
	type(s1, "echo uarts=$(grep -c uart:16550A /proc/tty/driver/serial)\n");
	read_until(s1, "uarts=8");
	l->port++;
	int s3 = lines_connect(l);
	l->port--;
	login(s2, s2, 2);
	login(s3, s3, 3);
	login(s5[0], s5[1], 5);
	login(udp, udp, 6);
	login(s7, s7, 7);
	/* a printer */
	type(s1, "modprobe parport_pc; modprobe lp; echo printed >/dev/lp0; echo do''ne\n");
	read_until(s1, "done");
	int lp = open_in(l, "%d/lp", O_RDONLY);
	read_until(lp, "printed\n");
	/* the PCI card under load */
	type(s1, "exec 7<>/dev/ttyS4; stty 115200 raw -echo <&7; cat <&7 >&7 & echo rea''dy\n");
	read_until(s1, "ready");
	echo_64k(s4);
	/* the magic key: a break over telnet, then a letter */
	type(s0, "echo 1 >/proc/sys/kernel/sysrq; echo s''et\n");
	read_until(s0, "set");
	type(s0, "\xff\xf3");
	type(s0, "h");
	read_until(s0, "sysrq: HELP");
	/* agetty in the place of that shell too */
	type(s0, "exec agetty -L - vt100\r");
	login(s0, s0, 0);
	type(s1, "exec agetty -L - vt100\r");
	login(s1, s1, 1);
	int fds[] = { s0, s1, s2, s3, s4, s5[0], s5[1], udp, s7, lp };
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		close(fds[i]);
}

/* One program after the other as the peer; the one before is kept in `kept`. */
static struct proc take_peer(struct lines *l)
{
	struct proc p = l->peer;
	l->peer = (struct proc){ -1, -1, -1 };
	return p;
}

static void end_peer(struct proc *p)
{
	close(p->in);
	close(p->out);
	kill(p->pid, SIGKILL);
	waitpid(p->pid, NULL, 0);
}

static void agetty_behind_protocols(void **state)
{
	struct lines *l = *state;
	guest_need(GUESTS "demo.initrd");
	need_program("socat");
	if (system("/usr/bin/python3 -c 'import websockets' 2>/dev/null && ldd build/vmux | grep -q libgnutls")) {
		printf("# SKIP python3-websockets is not installed, or this build has no gnutls\n");
		skip();
	}
	lines_vmux(l, LINUX, "-object", "tls-creds-anon,id=t,endpoint=server", "-serial", "mon:stdio", "-serial", "unix:%d/s1,server,nowait", "-serial",
		"websocket:127.0.0.1:%p,server,nowait", "-chardev", "socket,id=c,host=127.0.0.1,port=%q,server=on,wait=off,tls-creds=t", "-serial", "chardev:c", NULL);
	int s1 = lines_unix(l, "s1");
	lines_peer(l, "/usr/bin/python3", "tests/serial/ws_peer.py", "%p", NULL);
	struct proc ws = take_peer(l);
	lines_peer(l, "socat", "-", "OPENSSL:127.0.0.1:%q,verify=0,cipher=aNULL:@SECLEVEL=0,openssl-max-proto-version=TLS1.2,retry=50,interval=0.1", NULL);
	struct proc tls = take_peer(l);
	serve(s1, "2 3");
	login(ws.in, ws.out, 2);
	login(tls.in, tls.out, 3);
	type(l->vm.in, "exec agetty -L - vt100\r");
	login(l->vm.in, l->vm.out, 0);
	type(l->vm.in, "\1c");
	read_until(l->vm.out, "(qemu) ");
	type(l->vm.in, "info chardev\r");
	read_until(l->vm.out, "serial2: filename=websocket:127.0.0.1:");
	end_peer(&ws);
	end_peer(&tls);
	close(s1);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = { T(agetty_on_eight_ports), T(agetty_behind_protocols) };
	return cmocka_run_group_tests_name("serial linux", tests, NULL, NULL);
}
