/* test_chardev.c - the registry, the short forms and their error texts, files, pipes, rings, pseudo terminals, the host's terminal. */
#include "core/char/ringbuf.h"
#include "core/char/vc.h"
#include "tests/unit/rig.h"
#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

static int setup(void **state) { *state = rig_new(); return 0; }
static int teardown(void **state) { rig_free(*state); return 0; }

static char *slurp(const char *path)
{
	static char buf[65536];
	int fd = open(path, O_RDONLY);
	assert_true(fd >= 0);
	ssize_t n = read(fd, buf, sizeof(buf) - 1);
	assert_true(n >= 0);
	buf[n] = 0;
	close(fd);
	return buf;
}

static void bad_specs_are_explained(void **state)
{
	static const struct { const char *option, *spec, *want; } cases[] = {
		{ "-serial", "nosuch", "-serial nosuch: 'nosuch' is not a valid char driver\nvmux: -serial nosuch: could not connect serial device to character backend 'nosuch'" },
		{ "-parallel", "null:x", "-parallel null:x: 'null:x' is not a valid char driver\nvmux: -parallel null:x: could not connect parallel device to character backend 'null:x'" },
		{ "-monitor", "nosuch", "-monitor nosuch: 'nosuch' is not a valid char driver\nvmux: -monitor nosuch: parse error: nosuch" },
		{ "-debugcon", "x", "-debugcon x: 'x' is not a valid char driver\nvmux: -debugcon x: invalid character backend 'x'" },
		{ "-gdb", "x", "-gdb x: 'x' is not a valid char driver" },
		{ "-serial", "vc:800", "-serial vc:800: could not connect serial device to character backend 'vc:800'" },
		{ "-serial", "vc:xx", "-serial vc:xx: could not connect serial device to character backend 'vc:xx'" },
		{ "-serial", "tcp:", "-serial tcp:: could not connect serial device to character backend 'tcp:'" },
		{ "-serial", "tcp::", "-serial tcp::: could not connect serial device to character backend 'tcp::'" },
		{ "-serial", "udp:nohost", "-serial udp:nohost: could not connect serial device to character backend 'udp:nohost'" },
		{ "-serial", "chardev:nosuch", "-serial chardev:nosuch: could not connect serial device to character backend 'chardev:nosuch'" },
		{ "-serial", "file:", "-serial file:: Could not open '': No such file or directory\nvmux: -serial file:: could not connect serial device to character backend 'file:'" },
		{ "-serial", "file", "-serial file: 'file' is not a valid char driver\nvmux: -serial file: could not connect serial device to character backend 'file'" },
		{ "-serial", "/dev/nosuch", "-serial /dev/nosuch: Could not open '/dev/nosuch': No such file or directory\nvmux: -serial /dev/nosuch: could not connect serial device to character backend '/dev/nosuch'" },
		{ "-serial", "COM1", "-serial COM1: Could not open 'COM1': No such file or directory\nvmux: -serial COM1: could not connect serial device to character backend 'COM1'" },
		{ "-serial", "mon:", "-serial mon:: '' is not a valid char driver\nvmux: -serial mon:: could not connect serial device to character backend 'mon:'" },
		{ "-serial", "mon:mon:null", "-serial mon:mon:null: 'mon:null' is not a valid char driver\nvmux: -serial mon:mon:null: could not connect serial device to character backend 'mon:mon:null'" },
		{ "-serial", "unix:/nosuch/s", "-serial unix:/nosuch/s: Failed to connect to '/nosuch/s': No such file or directory\nvmux: -serial unix:/nosuch/s: could not connect serial device to character backend 'unix:/nosuch/s'" },
		{ "-qmp", "unix:/nosuch/s,server,nowait", "-qmp unix:/nosuch/s,server,nowait: Failed to bind socket to /nosuch/s: No such file or directory\nvmux: -qmp unix:/nosuch/s,server,nowait: parse error: unix:/nosuch/s,server,nowait" },
		{ "-gdb", "tcp:127.0.0.1:1", "-gdb tcp:127.0.0.1:1: Failed to connect to '127.0.0.1:1': Connection refused" },
		{ "-gdb", "tcp::4444", "-gdb tcp::4444: address resolution failed for :4444: Name or service not known" },
		{ "-gdb", "tcp:127.0.0.1:99999", "-gdb tcp:127.0.0.1:99999: address resolution failed for 127.0.0.1:99999: a port is a number from 0 to 65535" },
		{ "-gdb", "tcp:127.0.0.1:1,wait", "-gdb tcp:127.0.0.1:1,wait: 'wait' option is incompatible with socket in client connect mode" },
		{ "-gdb", "tcp:127.0.0.1:0,server,reconnect=1", "-gdb tcp:127.0.0.1:0,server,reconnect=1: 'reconnect' option is incompatible with socket in server listen mode" },
		{ "-gdb", "tcp:127.0.0.1:1,server=maybe", "-gdb tcp:127.0.0.1:1,server=maybe: Parameter 'server' expects 'on' or 'off'" },
		{ "-gdb", "tcp:127.0.0.1:1,nosuch", "-gdb tcp:127.0.0.1:1,nosuch: Invalid parameter 'such'" },
		{ "-gdb", "websocket:127.0.0.1:1", "-gdb websocket:127.0.0.1:1: Websocket client is not implemented" },
		{ "-gdb", "tn3270:127.0.0.1:1", "-gdb tn3270:127.0.0.1:1: Failed to connect to '127.0.0.1:1': Connection refused" },
		{ "-gdb", "websocket:127.0.0.1:0,server,telnet", "-gdb websocket:127.0.0.1:0,server,telnet: 'telnet', 'tn3270' and 'websocket' exclude each other" },
		{ "-gdb", "tcp:127.0.0.1:0,server,nowait,tls-authz=a", "-gdb tcp:127.0.0.1:0,server,nowait,tls-authz=a: 'tls-authz' option needs tls-creds= and a server socket" },
		{ "-gdb", "tcp:127.0.0.1:0,server,nowait,tls-creds=a", "-gdb tcp:127.0.0.1:0,server,nowait,tls-creds=a: No TLS credentials with id 'a'" },
		{ "-gdb", "unix:", "-gdb unix:: Unable to parse FD number" },
		{ "-gdb", "tcp:127.0.0.1:x,server", "-gdb tcp:127.0.0.1:x,server: address resolution failed for 127.0.0.1:x: Servname not supported for ai_socktype" },
		{ "-gdb", "udp:127.0.0.1:x", "-gdb udp:127.0.0.1:x: address resolution failed for 127.0.0.1:x: Servname not supported for ai_socktype" },
		{ "-gdb", "pty:x", "-gdb pty:x: 'pty:x' is not a valid char driver" },
		{ "-gdb", "stdio:x", "-gdb stdio:x: 'stdio:x' is not a valid char driver" },
		{ "-gdb", "com1", "-gdb com1: 'com1' is not a valid char driver" },
		{ "-gdb", "ringbuf", "-gdb ringbuf: 'ringbuf' is not a valid char driver" },
		{ "-gdb", "/dev/parport9", "-gdb /dev/parport9: Could not open '/dev/parport9': No such file or directory" },
		{ "-gdb", "pipe:/nosuch/p", "-gdb pipe:/nosuch/p: Could not open '/nosuch/p': No such file or directory" },
	};
	struct rig *r = *state;
	machine_lock(r->m);
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct error err = { "" };
		bool none = false;
		assert_null(chardev_from_option(r->m, cases[i].option, "serial0", cases[i].spec, &none, &err));
		assert_false(none);
		assert_string_equal(err.msg, cases[i].want);
	}
	assert_null(chardev_first(r->m));
	machine_unlock(r->m);
}

static struct chardev *from_kv(struct rig *r, const char *text, struct error *err)
{
	struct kv *kv = kv_parse(text, "backend", err);
	struct chardev *c = chardev_new(r->m, kv, err);
	kv_free(kv);
	return c;
}

static void bad_chardevs_are_explained(void **state)
{
	static const struct { const char *text, *want; } cases[] = {
		{ "null", "chardev: no id specified" },
		{ "nosuch,id=a", "'nosuch' is not a valid char driver name" },
		{ "null,id=1bad", "Parameter 'id' expects an identifier\nIdentifiers consist of letters, digits, '-', '.', '_', starting with a letter." },
		{ "null,id=c", "Duplicate ID 'c' for chardev" },
		{ "null,id=a,foo=1", "Invalid parameter 'foo'" },
		{ "null,id=a,mux=x", "Parameter 'mux' expects 'on' or 'off'" },
		{ "file,id=a", "chardev: file: no filename given" },
		{ "serial,id=a", "chardev: serial/tty: no device path given" },
		{ "pipe,id=a", "chardev: pipe: no device path given" },
		{ "udp,id=a", "chardev: udp: remote port not specified" },
		{ "socket,id=a", "chardev: socket: no port given" },
		{ "socket,id=a,path=/x,host=y", "None or one of 'path', 'fd' or 'host' option required." },
		{ "ringbuf,id=a,size=7", "size of ringbuf chardev must be power of two" },
		{ "null,id=a,logfile=/nosuch/l", "Could not create '/nosuch/l': No such file or directory" },
	};
	struct rig *r = *state;
	struct error err;
	machine_lock(r->m);
	assert_non_null(from_kv(r, "null,id=c", &err));
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		err.msg[0] = 0;
		assert_null(from_kv(r, cases[i].text, &err));
		assert_string_equal(err.msg, cases[i].want);
	}
	machine_unlock(r->m);
}

static void none_is_no_chardev(void **state)
{
	struct rig *r = *state;
	struct error err = { "" };
	bool none = false;
	machine_lock(r->m);
	assert_null(chardev_new_short(r->m, "serial0", "none", &none, &err));
	assert_true(none);
	machine_unlock(r->m);
}

static void file_truncates_or_appends(void **state)
{
	struct rig *r = *state;
	struct probe p = { 0 };
	char spec[128], path[96];
	struct error err;
	snprintf(path, sizeof(path), "%s/f", r->dir);
	for (int i = 0; i < 3; i++) {
		snprintf(spec, sizeof(spec), "file:%s%s", path, i == 1 ? ",append=on" : "");
		probe_attach(r, &p, rig_chardev(r, "s", spec));
		assert_int_equal(probe_write(r, &p, "abc", 3), 3);
		assert_string_equal(slurp(path), i == 1 ? "abcabc" : "abc");
		machine_lock(r->m);
		assert_false(chardev_remove(r->m, "s", &err));
		assert_string_equal(err.msg, "Chardev 's' is busy");
		chardev_detach(p.c, &p);
		assert_true(chardev_remove(r->m, "s", &err));
		assert_false(chardev_remove(r->m, "s", &err));
		assert_string_equal(err.msg, "Chardev 's' not found");
		machine_unlock(r->m);
		p.c = NULL;
	}
	probe_detach(r, &p);
}

static void one_front_end_only(void **state)
{
	struct rig *r = *state;
	struct probe p = { 0 };
	struct error err;
	probe_attach(r, &p, rig_chardev(r, "s", "null"));
	machine_lock(r->m);
	assert_false(chardev_attach(p.c, &(struct chr_front){ .arg = &err }, &err));
	assert_string_equal(err.msg, "Device 's' is in use");
	machine_unlock(r->m);
	probe_detach(r, &p);
}

static void logfile_copies_output(void **state)
{
	struct rig *r = *state;
	struct probe p = { 0 };
	struct error err = { "" };
	char text[160], path[96];
	snprintf(path, sizeof(path), "%s/log", r->dir);
	snprintf(text, sizeof(text), "null,id=s,logfile=%s", path);
	machine_lock(r->m);
	struct chardev *c = from_kv(r, text, &err);
	assert_non_null(c);
	machine_unlock(r->m);
	probe_attach(r, &p, c);
	probe_write(r, &p, "hello", 5);
	assert_string_equal(slurp(path), "hello");
	probe_detach(r, &p);
}

static void change_keeps_the_front_end(void **state)
{
	struct rig *r = *state;
	struct probe p = { .room = 100 };
	struct error err = { "" };
	char text[160], path[96];
	probe_attach(r, &p, rig_chardev(r, "s", "vc"));
	probe_write(r, &p, "one", 3);
	snprintf(path, sizeof(path), "%s/f", r->dir);
	snprintf(text, sizeof(text), "file,path=%s", path);
	machine_lock(r->m);
	struct kv *kv = kv_parse(text, "backend", &err);
	assert_true(chardev_change(r->m, "s", kv, &err));
	kv_free(kv);
	assert_string_equal(p.c->filename, "file");
	assert_int_equal(vc_count(r->m), 0);
	kv = kv_parse("file,path=/nosuch/x", "backend", &err);
	assert_false(chardev_change(r->m, "s", kv, &err));
	kv_free(kv);
	kv = kv_parse("null", "backend", &err);
	assert_false(chardev_change(r->m, "nosuch", kv, &err));
	assert_string_equal(err.msg, "Chardev 'nosuch' does not exist");
	kv_free(kv);
	machine_unlock(r->m);
	probe_write(r, &p, "two", 3);
	assert_string_equal(slurp(path), "two");
	machine_lock(r->m);
	kv = kv_parse("ringbuf", "backend", &err);
	assert_true(chardev_change(r->m, "s", kv, &err));
	kv_free(kv);
	assert_true(chr_ringbuf_write(p.c, (const uint8_t *)"in", 2, NULL));
	machine_unlock(r->m);
	RIG_WAIT(r, probe_has(&p, "in"));
	probe_detach(r, &p);
}

static void ringbuf_keeps_the_newest(void **state)
{
	struct rig *r = *state;
	struct probe p = { 0 };
	struct error err = { "" };
	uint8_t buf[16];
	machine_lock(r->m);
	struct chardev *c = from_kv(r, "ringbuf,id=rb,size=8", &err);
	machine_unlock(r->m);
	probe_attach(r, &p, c);
	assert_int_equal(probe_write(r, &p, "0123456789", 10), 10);
	machine_lock(r->m);
	assert_int_equal(chr_ringbuf_read(c, buf, 16), 8);
	assert_memory_equal(buf, "23456789", 8);
	machine_unlock(r->m);
	probe_detach(r, &p);
}

/* What a full disk refuses is lost, counted and said; the rest goes on, and later output is tried again. */
static void a_full_disk_is_counted(void **state)
{
	struct rig *r = *state;
	struct probe p = { 0 };
	struct text out = { 0 };
	struct error err = { "" };
	struct rlimit old, small;
	char text[240], path[96], log[96];
	snprintf(path, sizeof(path), "%s/f", r->dir);
	snprintf(log, sizeof(log), "%s/log", r->dir);
	snprintf(text, sizeof(text), "file,id=s,path=%s,logfile=%s", path, log);
	machine_lock(r->m);
	struct chardev *c = from_kv(r, text, &err);
	machine_unlock(r->m);
	assert_non_null(c);
	probe_attach(r, &p, c);
	getrlimit(RLIMIT_FSIZE, &old);
	small = old;
	small.rlim_cur = 8;
	setrlimit(RLIMIT_FSIZE, &small);
	assert_int_equal(probe_write(r, &p, "12345", 5), 5);
	assert_int_equal(probe_write(r, &p, "6789ab", 6), 6);
	assert_int_equal(probe_write(r, &p, "cd", 2), 2);
	setrlimit(RLIMIT_FSIZE, &old);
	assert_int_equal(probe_write(r, &p, "ef", 2), 2);
	assert_string_equal(slurp(path), "12345678ef");
	assert_string_equal(slurp(log), "12345678ef");
	assert_int_equal(c->lost, 5);
	assert_int_equal(c->log_lost, 5);
	machine_lock(r->m);
	monitor_run_line(r->m, "info chardev", 0, &out);
	machine_unlock(r->m);
	assert_non_null(strstr(out.s, "s: filename=file, 5 bytes lost (File too large), 5 bytes of the log lost (File too large)\n"));
	text_free(&out);
	probe_detach(r, &p);
}

static void fill_random(uint8_t *data, size_t len, unsigned seed)
{
	uint64_t x = 0x9e3779b97f4a7c15u * (seed + 1);
	for (size_t i = 0; i < len; i++) {
		x ^= x << 13, x ^= x >> 7, x ^= x << 17;
		data[i] = (uint8_t)(x >> 32);
	}
}

static void not_needed(void *arg) { }

/* A text console carries bytes as they are, 1 MiB each way at once, with a UI that reads and types in pieces. */
static void a_console_loses_nothing(void **state)
{
	struct rig *r = *state;
	enum { LEN = 1 << 20 };
	struct probe p = { .room = LEN };
	uint8_t *there = malloc(LEN), *here = malloc(LEN), back[3000];
	size_t sent = 0, shown = 0, typed = 0;
	fill_random(there, LEN, 1);
	fill_random(here, LEN, 2);
	struct chardev *c = rig_chardev(r, "s", "vc:80Cx24C");
	machine_lock(r->m);
	vc_set_wake(r->m, not_needed, NULL);    /* someone shows it: from now on it holds back */
	machine_unlock(r->m);
	probe_attach(r, &p, c);
	while (shown < LEN || typed < LEN) {
		size_t n = LEN - sent < 5000 ? LEN - sent : 5000;
		sent += n ? probe_write(r, &p, there + sent, n) : 0;
		n = vc_read(c, back, sizeof(back));
		assert_memory_equal(back, there + shown, n);
		shown += n;
		n = LEN - typed < 777 ? LEN - typed : 777;
		n = n ? vc_write(c, here + typed, n) : 0;
		typed += n;
		if (!n)
			rig_nap();
	}
	RIG_WAIT(r, p.got.len == LEN);
	assert_memory_equal(p.got.s, here, LEN);
	probe_detach(r, &p);
	free(there);
	free(here);
}

static void pipe_both_ways(void **state)
{
	struct rig *r = *state;
	struct probe p = { .room = 100 };
	char in[96], out[96], spec[96], buf[8];
	snprintf(in, sizeof(in), "%s/p.in", r->dir);
	snprintf(out, sizeof(out), "%s/p.out", r->dir);
	snprintf(spec, sizeof(spec), "pipe:%s/p", r->dir);
	assert_int_equal(mkfifo(in, 0600) | mkfifo(out, 0600), 0);
	probe_attach(r, &p, rig_chardev(r, "s", spec));
	int w = open(in, O_WRONLY), rd = open(out, O_RDONLY);
	assert_int_equal(write(w, "hi", 2), 2);
	RIG_WAIT(r, probe_has(&p, "hi"));
	close(w);                               /* the writer goes, the next one is heard as well */
	w = open(in, O_WRONLY);
	assert_int_equal(write(w, "again", 5), 5);
	RIG_WAIT(r, probe_has(&p, "again"));
	probe_write(r, &p, "out", 3);
	assert_int_equal(read(rd, buf, 8), 3);
	/* nobody reads: the pipe fills, the front end is told when there is room */
	char block[4096] = { 0 };
	unsigned blocks = 0;
	while (probe_write(r, &p, block, sizeof(block)) == sizeof(block))
		assert_true(++blocks < 1000);
	assert_int_equal(p.writable, 0);
	for (unsigned i = 0; i < blocks; i++)
		assert_true(read(rd, block, sizeof(block)) > 0);
	RIG_WAIT(r, p.writable == 1);
	close(w);
	close(rd);
	probe_detach(r, &p);
}

static void pty_comes_and_goes(void **state)
{
	struct rig *r = *state;
	struct probe p = { .room = 100 };
	struct text said = { 0 };
	char buf[16];
	machine_lock(r->m);
	chardevs_say_to(r->m, &said);
	machine_unlock(r->m);
	struct chardev *c = rig_chardev(r, "serial0", "pty");
	assert_true(!strncmp(c->filename, "pty:/dev/pts/", 13));
	char want[128];
	snprintf(want, sizeof(want), "char device redirected to %s (label serial0)\n", c->filename + 4);
	assert_string_equal(said.s, want);
	probe_attach(r, &p, c);
	assert_int_equal(probe_write(r, &p, "lost", 4), 4);     /* nobody there */
	for (int i = 0; i < 3; i++) {
		int fd = open(c->filename + 4, O_RDWR | O_NOCTTY);
		assert_true(fd >= 0);
		RIG_WAIT(r, c->opened);
		assert_int_equal(probe_write(r, &p, "guest\n", 6), 6);
		ssize_t n = read(fd, buf, sizeof(buf));
		assert_int_equal(n, 6);
		assert_memory_equal(buf, "guest\n", 6);
		assert_int_equal(write(fd, "host\r", 5), 5);
		RIG_WAIT(r, probe_has(&p, "host\r"));
		p.got.len = 0;
		close(fd);
		RIG_WAIT(r, !c->opened);
	}
	assert_memory_equal(p.events.s, "ococo", 5);
	/* a reader that stops reading holds the guest back and no more */
	int fd = open(c->filename + 4, O_RDWR | O_NOCTTY);
	RIG_WAIT(r, c->opened);
	char block[1000];
	memset(block, 'x', sizeof(block));
	while (probe_write(r, &p, block, sizeof(block)) == sizeof(block))
		;
	close(fd);
	RIG_WAIT(r, p.writable && !c->opened);
	probe_detach(r, &p);
	text_free(&said);
}

static void host_line_follows_the_uart(void **state)
{
	struct rig *r = *state;
	struct probe p = { .room = 100 };
	int master, slave;
	char name[64], buf[8];
	struct termios t;
	assert_int_equal(openpty(&master, &slave, name, NULL, NULL), 0);
	probe_attach(r, &p, rig_chardev(r, "s", name));
	machine_lock(r->m);
	chardev_set_params(p.c, &(struct serial_params){ 19200, 7, 1, 'E' });
	machine_unlock(r->m);
	tcgetattr(slave, &t);
	assert_int_equal(cfgetospeed(&t), B19200);
	/* a pty takes any speed but is always 8 bits without parity for its data: only look at what it keeps */
	assert_int_equal(write(master, "in", 2), 2);
	RIG_WAIT(r, probe_has(&p, "in"));
	probe_write(r, &p, "out", 3);
	assert_int_equal(read(master, buf, 8), 3);
	probe_detach(r, &p);
	close(master);
	close(slave);
}

/* ---- the host's terminal ------------------------------------------------------------------------------------------------------------ */

/* A program in a terminal of its own makes a stdio chardev, says so, and does as told: "quit", "mux", "kill" itself or "crash".  Its parent is
 * what a shell is: leader of the session, there until it is killed (a leader's end would hang the terminal up).  Returns the parent. */
static pid_t stdio_child(int *master, const char *how)
{
	struct termios t;
	int status;
	pid_t pid = forkpty(master, NULL, NULL, NULL), program;
	if (pid)
		return pid;
	program = fork();
	if (program) {
		waitpid(program, &status, 0);
		dprintf(STDOUT_FILENO, "ended=%d\n", WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
		for (;;)
			pause();
	}
	tcgetattr(0, &t);
	t.c_lflag |= ECHO | ICANON | ISIG;
	tcsetattr(0, TCSANOW, &t);
	struct rig *r = rig_new();
	rmdir(r->dir);                          /* some of these children do not live to tidy up */
	rig_chardev(r, !strcmp(how, "mux") ? "serial0-base" : "serial0", "stdio");
	tcgetattr(0, &t);
	printf("raw=%d isig=%d\n", !(t.c_lflag & (ECHO | ICANON)), !!(t.c_lflag & ISIG));
	fflush(stdout);
	if (!strcmp(how, "crash")) {
		signal(SIGSEGV, SIG_DFL);
		raise(SIGSEGV);
	}
	if (!strcmp(how, "kill"))
		raise(SIGKILL);
	rig_free(r);
	tcgetattr(0, &t);
	printf("restored=%d\n", (t.c_lflag & (ECHO | ICANON)) == (ECHO | ICANON));
	fflush(stdout);
	_exit(0);
}

/* Read up to and with want, and nothing past it: what the child says next is for the next call. */
static void read_until(int fd, const char *want)
{
	char buf[1024];
	size_t n = 0;
	while (n + 1 < sizeof(buf) && read(fd, buf + n, 1) == 1) {
		buf[++n] = 0;
		if (strstr(buf, want))
			return;
	}
	buf[n] = 0;
	fail_msg("wanted %s, got %s", want, buf);
}

static void stdio_gives_the_terminal_back(void **state)
{
	static const struct { const char *how, *says, *ends; } cases[] = {
		{ "quit", "raw=1 isig=1", "ended=0" }, { "mux", "raw=1 isig=0", "ended=0" }, { "kill", "raw=1", "ended=9" }, { "crash", "raw=1", "ended=11" } };
	for (unsigned n = 0; n < sizeof cases / sizeof cases[0]; n++) {
		struct termios t;
		int master;
		pid_t shell = stdio_child(&master, cases[n].how);
		read_until(master, cases[n].says);
		if (n == 0)
			read_until(master, "restored=1");
		read_until(master, cases[n].ends);
		/* killed, crashed: the terminal is sane again soon after */
		for (int tries = 0; tcgetattr(master, &t) || !(t.c_lflag & ICANON); tries++) {
			assert_true(tries < 60000);
			rig_nap();
		}
		kill(shell, SIGKILL);
		waitpid(shell, NULL, 0);
		close(master);
	}
}

static void stdio_is_there_once(void **state)
{
	struct rig *r = *state;
	struct error err = { "" };
	bool none;
	rig_chardev(r, "a", "stdio");
	machine_lock(r->m);
	assert_null(chardev_new_short(r->m, "b", "stdio", &none, &err));
	assert_string_equal(err.msg, "cannot use stdio by multiple character devices");
	machine_unlock(r->m);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = { T(bad_specs_are_explained), T(bad_chardevs_are_explained), T(none_is_no_chardev), T(file_truncates_or_appends),
		T(one_front_end_only), T(logfile_copies_output), T(change_keeps_the_front_end), T(ringbuf_keeps_the_newest), T(a_full_disk_is_counted), T(a_console_loses_nothing), T(pipe_both_ways),
		T(pty_comes_and_goes), T(host_line_follows_the_uart), cmocka_unit_test(stdio_gives_the_terminal_back), T(stdio_is_there_once) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
