/* test_libvirt.c - a machine started by the words that libvirt 9.0 starts one with: the monitor on a socket that was passed on, images by
 * node name, JSON everywhere; then what it asks, a shell on the serial port, media in and out, pause and power-off. */
#include "tests/guest/guest.h"
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#define INITRD GUESTS "demo.initrd"
enum { PASSED_FD = 29, LIMIT_S = 300 };

static char dir[] = "/tmp/vmux-libvirt-XXXXXX";
static pid_t child;
static int qmp = -1;
static json_t *events;                  /* that came before what was waited for */

static int wait_byte(int fd, time_t end)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char c;
	while (time(NULL) < end) {
		if (poll(&p, 1, 1000) <= 0)
			continue;
		if (read(fd, &c, 1) == 1)
			return (unsigned char)c;
		if (!(p.revents & POLLHUP) || fd == qmp)
			break;
	}
	return -1;
}

/* One message of the monitor. */
static json_t *message(void)
{
	char line[262144];
	size_t n = 0;
	time_t end = time(NULL) + LIMIT_S;
	for (int c; n + 1 < sizeof(line) && (c = wait_byte(qmp, end)) != '\n'; line[n++] = (char)c)
		assert_true(c >= 0);
	line[n] = 0;
	json_t *o = json_loads(line, 0, NULL);
	assert_non_null(o);
	return o;
}

/* The value a command returns; events before it are kept. */
static json_t *ask(const char *text)
{
	assert_int_equal(write(qmp, text, strlen(text)), strlen(text));
	for (;;) {
		json_t *o = message(), *value = json_object_get(o, "return");
		if (json_object_get(o, "event"))
			json_array_append(events, o);
		if (json_object_get(o, "error"))
			fail_msg("%s: %s", text, json_string_value(json_object_get(json_object_get(o, "error"), "desc")));
		json_incref(value);
		json_decref(o);
		if (value)
			return value;
	}
}

static void run(const char *text) { json_decref(ask(text)); }

/* The next of that name. */
static void wait_event(const char *name)
{
	for (bool found = false; !found;) {
		json_t *o = json_incref(json_array_get(events, 0));
		if (o)
			json_array_remove(events, 0);
		else
			o = message();
		const char *event = json_string_value(json_object_get(o, "event"));
		found = event && !strcmp(event, name);
		json_decref(o);
	}
}

static void make(const char *name, const char *text, off_t size)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	int fd = open(path, O_CREAT | O_WRONLY, 0600);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(ftruncate(fd, size), 0);
	close(fd);
}

static int listen_at(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 1), 0);
	return fd;
}

static void start(void)
{
	static const char *const words[] = { "-name", "guest=t1,debug-threads=on", "-S", "-object",
		"{\"qom-type\":\"secret\",\"id\":\"masterKey0\",\"format\":\"raw\",\"file\":\"%s/master-key.aes\"}", "-machine",
		"pc-i440fx-7.2,usb=off,dump-guest-core=off,memory-backend=pc.ram", "-accel", "tcg", "-cpu", "qemu64", "-m", "128", "-object",
		"{\"qom-type\":\"memory-backend-ram\",\"id\":\"pc.ram\",\"size\":134217728}", "-overcommit", "mem-lock=off", "-smp",
		"1,sockets=1,cores=1,threads=1", "-uuid", "1557b386-58e7-460a-a255-dda54956548c", "-display", "none", "-no-user-config", "-nodefaults",
		"-chardev", "socket,id=charmonitor,fd=29,server=on,wait=off", "-mon", "chardev=charmonitor,id=monitor,mode=control", "-rtc", "base=utc",
		"-no-shutdown", "-boot", "strict=on", "-kernel", GUESTS "linux-6.1/vmlinuz", "-initrd", INITRD, "-append", "quiet console=ttyS0", "-blockdev",
		"{\"driver\":\"file\",\"filename\":\"%s/a.img\",\"node-name\":\"libvirt-2-storage\",\"auto-read-only\":true,\"discard\":\"unmap\"}", "-blockdev",
		"{\"node-name\":\"libvirt-2-format\",\"read-only\":false,\"driver\":\"raw\",\"file\":\"libvirt-2-storage\"}", "-device",
		"{\"driver\":\"ide-hd\",\"bus\":\"ide.0\",\"unit\":0,\"drive\":\"libvirt-2-format\",\"id\":\"ide0-0-0\",\"bootindex\":1}", "-blockdev",
		"{\"driver\":\"file\",\"filename\":\"%s/c.iso\",\"node-name\":\"libvirt-1-storage\",\"auto-read-only\":true,\"discard\":\"unmap\"}", "-blockdev",
		"{\"node-name\":\"libvirt-1-format\",\"read-only\":true,\"driver\":\"raw\",\"file\":\"libvirt-1-storage\"}", "-device",
		"{\"driver\":\"ide-cd\",\"bus\":\"ide.1\",\"unit\":0,\"drive\":\"libvirt-1-format\",\"id\":\"ide0-1-0\"}", "-chardev", "pty,id=charserial0",
		"-device", "{\"driver\":\"isa-serial\",\"chardev\":\"charserial0\",\"id\":\"serial0\",\"index\":0}", "-audiodev",
		"{\"id\":\"audio1\",\"driver\":\"none\"}", "-device", "{\"driver\":\"VGA\",\"id\":\"video0\",\"vgamem_mb\":16,\"bus\":\"pci.0\",\"addr\":\"0x2\"}",
		"-msg", "timestamp=on" };
	enum { N = sizeof(words) / sizeof(words[0]) };
	char path[108], text[N][400], *argv[N + 2] = { getenv("VMUX") ? getenv("VMUX") : (char *)"build/vmux" };

	for (int i = 0; i < N; i++) {
		snprintf(text[i], sizeof(text[i]), words[i], dir);
		argv[i + 1] = text[i];
	}
	snprintf(path, sizeof(path), "%s/monitor.sock", dir);
	int fd = listen_at(path), log = open("/dev/null", O_RDWR);
	child = fork();
	if (!child) {
		dup2(fd, PASSED_FD);
		dup2(log, 0);
		dup2(log, 1);
		setenv("XDG_STATE_HOME", "/dev/null", 1);
		execv(argv[0], argv);
		_exit(127);
	}
	close(log);
	close(fd);
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	qmp = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(connect(qmp, (struct sockaddr *)&a, sizeof(a)), 0);
	json_decref(message());         /* the greeting */
}

static void expect(int fd, const char *text)
{
	size_t n = 0, want = strlen(text);
	time_t end = time(NULL) + LIMIT_S;
	for (int c; n < want;) {
		if ((c = wait_byte(fd, end)) < 0)
			fail_msg("waited in vain for \"%s\"", text);
		n = c == text[n] ? n + 1 : c == text[0];
	}
}

/* What is on the serial port: a pseudo terminal. */
static int open_serial(void)
{
	json_t *list = ask("{\"execute\": \"query-chardev\"}"), *o;
	const char *path = NULL;
	size_t i;
	json_array_foreach(list, i, o)
		if (!strncmp(json_string_value(json_object_get(o, "filename")), "pty:", 4))
			path = json_string_value(json_object_get(o, "filename")) + 4;
	assert_non_null(path);
	int fd = open(path, O_RDWR | O_NOCTTY);
	assert_true(fd >= 0);
	struct termios t;
	tcgetattr(fd, &t);
	cfmakeraw(&t);
	tcsetattr(fd, TCSANOW, &t);
	json_decref(list);
	return fd;
}

static void started_by_libvirt(void **state)
{
	static const char *const questions[] = { "query-commands", "query-chardev", "query-cpus-fast", "query-hotpluggable-cpus", "query-iothreads", "query-block",
		"query-named-block-nodes", "query-memory-devices", "query-current-machine", "query-rx-filter", "query-status" };
	char text[256];

	guest_need(INITRD);
	start();
	run("{\"execute\": \"qmp_capabilities\"}");
	for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
		snprintf(text, sizeof(text), "{\"execute\": \"%s\", \"id\": \"libvirt-%zu\"}", questions[i], i);
		run(text);
	}
	int serial = open_serial();
	run("{\"execute\": \"cont\"}");
	expect(serial, "vmux ttyS0# ");
	assert_int_equal(write(serial, "echo $((6*7)); cat /sys/class/block/sda/size\n", 45), 45);
	expect(serial, "42\r\n");
	expect(serial, "2048\r\n");

	/* another medium, step by step as libvirt does */
	run("{\"execute\": \"blockdev-open-tray\", \"arguments\": {\"id\": \"ide0-1-0\", \"force\": true}}");
	run("{\"execute\": \"blockdev-remove-medium\", \"arguments\": {\"id\": \"ide0-1-0\"}}");
	run("{\"execute\": \"blockdev-del\", \"arguments\": {\"node-name\": \"libvirt-1-format\"}}");
	run("{\"execute\": \"blockdev-del\", \"arguments\": {\"node-name\": \"libvirt-1-storage\"}}");
	snprintf(text, sizeof(text), "{\"execute\": \"blockdev-add\", \"arguments\": {\"driver\": \"file\", \"filename\": \"%s/d.iso\", \"node-name\": \"libvirt-3-storage\", "
		"\"auto-read-only\": true}}", dir);
	run(text);
	run("{\"execute\": \"blockdev-add\", \"arguments\": {\"driver\": \"raw\", \"file\": \"libvirt-3-storage\", \"node-name\": \"libvirt-3-format\", \"read-only\": true}}");
	run("{\"execute\": \"blockdev-insert-medium\", \"arguments\": {\"id\": \"ide0-1-0\", \"node-name\": \"libvirt-3-format\"}}");
	run("{\"execute\": \"blockdev-close-tray\", \"arguments\": {\"id\": \"ide0-1-0\"}}");
	assert_int_equal(write(serial, "dd if=/dev/sr0 bs=5 count=1 2>/dev/null; echo '' there\n", 55), 55);
	expect(serial, "\nmedia there\r\n");

	/* a card comes, and goes when the guest has let go of it */
	run("{\"execute\": \"device_add\", \"arguments\": {\"driver\": \"pci-testdev\", \"id\": \"card\", \"bus\": \"pci.0\", \"addr\": \"0x9\"}}");
	assert_int_equal(write(serial, "until [ -e /sys/bus/pci/devices/0000:00:09.0 ]; do sleep 1; done; echo '' plugged\n", 82), 82);
	expect(serial, "\n plugged\r\n");
	run("{\"execute\": \"device_del\", \"arguments\": {\"id\": \"card\"}}");
	wait_event("DEVICE_DELETED");

	run("{\"execute\": \"stop\"}");
	run("{\"execute\": \"cont\"}");
	assert_int_equal(write(serial, "poweroff\n", 9), 9);
	wait_event("SHUTDOWN");
	json_t *o = ask("{\"execute\": \"query-status\"}");
	assert_string_equal(json_string_value(json_object_get(o, "status")), "shutdown");       /* -no-shutdown: libvirt ends it */
	json_decref(o);
	run("{\"execute\": \"quit\"}");
	close(serial);
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	child = 0;
	assert_int_equal(status, 0);
}

static int setup(void **state)
{
	assert_non_null(mkdtemp(dir));
	events = json_array();
	make("a.img", "", 1 << 20);
	make("c.iso", "first", 1 << 20);
	make("d.iso", "media", 1 << 20);
	make("master-key.aes", "0123456789abcdef0123456789abcdef", 32);
	return 0;
}

static int teardown(void **state)
{
	char command[64];
	if (child) {
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
	if (qmp >= 0)
		close(qmp);
	json_decref(events);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test_setup_teardown(started_by_libvirt, setup, teardown) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
