/* test_qmp.c - the JSON protocol on a socket: greeting, negotiation, errors, events, framing, random bytes. */
#include "tests/unit/rig.h"
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

struct session { struct rig *r; int fd; };

static int setup(void **state)
{
	struct session *s = calloc(1, sizeof(*s));
	struct error err = { "" };
	char spec[128], path[96];
	s->r = rig_new();
	snprintf(path, sizeof(path), "%s/q", s->r->dir);
	snprintf(spec, sizeof(spec), "unix:%s,server,nowait", path);
	struct chardev *c = rig_chardev(s->r, "q", spec);
	machine_lock(s->r->m);
	assert_non_null(monitor_attach(s->r->m, c, true, false, &err));
	machine_unlock(s->r->m);
	s->fd = peer_unix(path);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct session *s = *state;
	close(s->fd);
	rig_free(s->r);
	free(s);
	return 0;
}

/* Send, and read the one line that answers. */
static char *ask(struct session *s, const char *text)
{
	static char line[65536];
	size_t n = 0;
	if (text)
		peer_send(s->fd, text, strlen(text));
	while (n + 1 < sizeof(line)) {
		assert_int_equal(read(s->fd, line + n, 1), 1);
		if (line[n++] == '\n')
			break;
	}
	line[n] = 0;
	assert_true(n >= 2 && line[n - 2] == '\r');
	line[n - 2] = 0;
	return line;
}

static void negotiation(void **state)
{
	struct session *s = *state;
	assert_non_null(strstr(ask(s, NULL), "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": "));
	assert_string_equal(ask(s, "{\"execute\": \"query-status\"}"),
		"{\"error\": {\"class\": \"CommandNotFound\", \"desc\": \"Expecting capabilities negotiation with 'qmp_capabilities'\"}}");
	assert_string_equal(ask(s, "{'execute': 'qmp_capabilities', 'arguments': {'enable': ['nosuch']}}"),
		"{\"error\": {\"class\": \"GenericError\", \"desc\": \"Parameter 'null' does not accept value 'nosuch'\"}}");
	assert_string_equal(ask(s, "{'execute': 'qmp_capabilities'}"), "{\"return\": {}}");
	assert_string_equal(ask(s, "{'execute': 'qmp_capabilities'}"),
		"{\"error\": {\"class\": \"CommandNotFound\", \"desc\": \"Capabilities negotiation is already complete, command ignored\"}}");
}

static void ready(struct session *s)
{
	ask(s, NULL);
	assert_string_equal(ask(s, "{\"execute\": \"qmp_capabilities\"}"), "{\"return\": {}}");
}

static void errors(void **state)
{
#define GENERIC(d) "{\"error\": {\"class\": \"GenericError\", \"desc\": \"" d "\"}}"
	static const struct { const char *text, *want; } cases[] = {
		{ "{\"execute\": \"nosuch\"}", "{\"error\": {\"class\": \"CommandNotFound\", \"desc\": \"The command nosuch has not been found\"}}" },
		{ "{\"execute\": \"query-status\", \"arguments\": {\"x\": 1}}", GENERIC("Parameter 'x' is unexpected") },
		{ "{\"execute\": \"query-status\", \"foo\": 1}", GENERIC("QMP input member 'foo' is unexpected") },
		{ "{\"arguments\": {}}", GENERIC("QMP input lacks member 'execute'") },
		{ "[]", GENERIC("QMP input must be a JSON object") },
		{ "\"str\"", GENERIC("QMP input must be a JSON object") },
		{ "{\"execute\":}", GENERIC("JSON parse error, expecting value") },
		{ "{\"execute\": 5}", GENERIC("QMP input member 'execute' must be a string") },
		{ "{\"execute\": \"query-status\", \"arguments\": 5}", GENERIC("QMP input member 'arguments' must be an object") },
		{ "{\"execute\": \"stop\", \"exec-oob\": \"stop\"}", GENERIC("QMP input member 'execute' clashes with 'exec-oob'") },
		{ "{\"execute\": \"eject\", \"arguments\": {\"device\": \"nosuch\"}}",
		  "{\"error\": {\"class\": \"DeviceNotFound\", \"desc\": \"Device 'nosuch' not found\"}}" },
		{ "{\"execute\": \"eject\", \"arguments\": {\"device\": \"x\", \"force\": \"yes\"}}", GENERIC("Invalid parameter type for 'force', expected: boolean") },
		{ "{\"execute\": \"human-monitor-command\"}", GENERIC("Parameter 'command-line' is missing") },
		{ "{\"execute\": \"send-key\", \"arguments\": {\"keys\": [{\"type\": \"qcode\", \"data\": \"nosuch\"}]}}",
		  GENERIC("Parameter 'data' does not accept value 'nosuch'") },
		{ "{\"execute\": \"system_wakeup\"}", GENERIC("Unable to wake up: guest is not in suspended state") } };
	struct session *s = *state;
	ready(s);
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(ask(s, cases[i].text), cases[i].want);
	assert_string_equal(ask(s, "{\"exec\xff"), GENERIC("JSON parse error, stray '\\uFFFD'"));
	assert_string_equal(ask(s, "{\"execute\": \"query-name\"}"), "{\"return\": {}}");
}

static void ids_and_framing(void **state)
{
	struct session *s = *state;
	ready(s);
	assert_string_equal(ask(s, "{\"execute\": \"query-status\", \"id\": \"abc\"}"),
		"{\"return\": {\"status\": \"prelaunch\", \"singlestep\": false, \"running\": false}, \"id\": \"abc\"}");
	assert_string_equal(ask(s, "{\"execute\":\n \"query-name\",\n\"id\": {\"a\": [1, 2]}\n}"), "{\"return\": {}, \"id\": {\"a\": [1, 2]}}");
	peer_send(s->fd, "{'execute':'query-name','id':1} {'execute':'query-target','id':2}", 65);
	assert_string_equal(ask(s, NULL), "{\"return\": {}, \"id\": 1}");
	assert_string_equal(ask(s, NULL), "{\"return\": {\"arch\": \"x86_64\"}, \"id\": 2}");
	assert_string_equal(ask(s, "{'execute': 'query-uuid', 'id': 'it\\'s \"x\" {'}"),
		"{\"return\": {\"UUID\": \"00000000-0000-0000-0000-000000000000\"}, \"id\": \"it's \\\"x\\\" {\"}");
}

static void hmp_inside(void **state)
{
	struct session *s = *state;
	ready(s);
	assert_string_equal(ask(s, "{\"execute\": \"human-monitor-command\", \"arguments\": {\"command-line\": \"info status\"}}"),
		"{\"return\": \"VM status: paused (prelaunch)\\r\\n\"}");
	assert_string_equal(ask(s, "{\"execute\": \"human-monitor-command\", \"arguments\": {\"command-line\": \"nosuch\"}}"),
		"{\"return\": \"unknown command: 'nosuch'\\r\\n\"}");
}

static void events(void **state)
{
	struct session *s = *state;
	ready(s);
	assert_non_null(strstr(ask(s, "{\"execute\": \"cont\"}"), "\"event\": \"RESUME\""));
	assert_string_equal(ask(s, NULL), "{\"return\": {}}");
	assert_non_null(strstr(ask(s, "{\"execute\": \"stop\"}"), "{\"timestamp\": {\"seconds\": "));
	assert_string_equal(ask(s, NULL), "{\"return\": {}}");
	assert_non_null(strstr(ask(s, "{\"execute\": \"system_powerdown\"}"), "\"event\": \"POWERDOWN\"}"));
	assert_string_equal(ask(s, NULL), "{\"return\": {}}");
	peer_send(s->fd, "{\"execute\": \"quit\"}", 19);
	peer_expect(s->fd, "\"event\": \"SHUTDOWN\", \"data\": {\"guest\": false, \"reason\": \"host-qmp-quit\"}}");
}

static int second_client(struct session *s, const char *name)
{
	struct error err = { "" };
	char spec[128], path[96];
	snprintf(path, sizeof(path), "%s/%s", s->r->dir, name);
	snprintf(spec, sizeof(spec), "unix:%s,server,nowait", path);
	struct chardev *c = rig_chardev(s->r, name, spec);
	machine_lock(s->r->m);
	assert_non_null(monitor_attach(s->r->m, c, true, false, &err));
	machine_unlock(s->r->m);
	return peer_unix(path);
}

/* Two clients: each has its own negotiation, answers go to who asked, events to all who are ready. */
static void two_clients(void **state)
{
	struct session *one = *state, two = { one->r, second_client(one, "q2") };
	ready(one);
	ask(&two, NULL);
	assert_non_null(strstr(ask(&two, "{\"execute\": \"query-status\"}"), "Expecting capabilities negotiation"));
	assert_non_null(strstr(ask(one, "{\"execute\": \"cont\"}"), "\"event\": \"RESUME\""));
	assert_string_equal(ask(one, NULL), "{\"return\": {}}");
	/* the second one was not ready: it gets no event */
	assert_string_equal(ask(&two, "{\"execute\": \"qmp_capabilities\"}"), "{\"return\": {}}");
	assert_non_null(strstr(ask(&two, "{\"execute\": \"stop\", \"id\": 1}"), "\"event\": \"STOP\""));
	assert_string_equal(ask(&two, NULL), "{\"return\": {}, \"id\": 1}");
	assert_non_null(strstr(ask(one, NULL), "\"event\": \"STOP\""));
	/* half a message of one does not hold up the other */
	peer_send(one->fd, "{\"execute\": \"query-na", 21);
	for (unsigned i = 0; i < 20; i++)
		assert_string_equal(ask(&two, "{\"execute\": \"query-target\"}"), "{\"return\": {\"arch\": \"x86_64\"}}");
	assert_string_equal(ask(one, "me\"}"), "{\"return\": {}}");
	/* many at once, answered in order and to their own client */
	for (unsigned i = 0; i < 50; i++) {
		char text[64];
		snprintf(text, sizeof(text), "{'execute': 'query-name', 'id': %u}", i);
		peer_send(one->fd, text, strlen(text));
		snprintf(text, sizeof(text), "{'execute': 'query-target', 'id': %u}", 1000 + i);
		peer_send(two.fd, text, strlen(text));
	}
	for (unsigned i = 0; i < 50; i++) {
		char want[64];
		snprintf(want, sizeof(want), "{\"return\": {}, \"id\": %u}", i);
		assert_string_equal(ask(one, NULL), want);
		snprintf(want, sizeof(want), "{\"return\": {\"arch\": \"x86_64\"}, \"id\": %u}", 1000 + i);
		assert_string_equal(ask(&two, NULL), want);
	}
	/* one that goes leaves the other alone */
	close(one->fd);
	assert_non_null(strstr(ask(&two, "{\"execute\": \"cont\"}"), "\"event\": \"RESUME\""));
	assert_string_equal(ask(&two, NULL), "{\"return\": {}}");
	close(two.fd);
	one->fd = dup(0);
}

static void random_bytes(void **state)
{
	static const char *const parts[] = { "{", "}", "[", "]", "\"", "'", ":", ",", "\\", "\"execute\"", "\"stop\"", "\"id\"", "1", "null", "\n", "\\u0000", "\xff", "query-name" };
	struct session *s = *state;
	uint32_t seed = 3;
	ready(s);
	for (int round = 0; round < 300; round++) {
		char buf[2000];
		size_t n = 0;
		while (n < 1900) {
			seed = seed * 1664525 + 1013904223;
			if (seed >> 30) {
				const char *p = parts[(seed >> 8) % (sizeof(parts) / sizeof(parts[0]))];
				memcpy(buf + n, p, strlen(p));
				n += strlen(p);
			} else {
				buf[n++] = (char)(seed >> 16);
			}
		}
		peer_send(s->fd, buf, n);
		char sink[65536];
		while (recv(s->fd, sink, sizeof(sink), MSG_DONTWAIT) > 0)
			;
	}
	/* deeper than any message may be */
	static char deep[5000];
	memset(deep, '[', sizeof(deep));
	peer_send(s->fd, "\xff", 1);
	peer_send(s->fd, deep, sizeof(deep));
	peer_expect(s->fd, "limit exceeded");
	peer_send(s->fd, "\n\xff{\"execute\": \"query-name\", \"id\": \"after all\"}", 46);
	peer_expect(s->fd, "\"id\": \"after all\"}");
}

static void a_new_client_starts_over(void **state)
{
	struct session *s = *state;
	char path[96];
	ready(s);
	peer_send(s->fd, "{\"exec", 6);
	close(s->fd);
	snprintf(path, sizeof(path), "%s/q", s->r->dir);
	s->fd = peer_unix(path);
	negotiation(state);
}

/* One line with a descriptor beside it, and its answer. */
static char *ask_with_fd(struct session *s, const char *text, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] __attribute__((aligned(8))) = { 0 };
	struct iovec v = { (void *)text, strlen(text) };
	struct msghdr h = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
	struct cmsghdr *m = CMSG_FIRSTHDR(&h);
	m->cmsg_level = SOL_SOCKET;
	m->cmsg_type = SCM_RIGHTS;
	m->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(m), &fd, sizeof(fd));
	assert_int_equal(sendmsg(s->fd, &h, MSG_NOSIGNAL), v.iov_len);
	return ask(s, NULL);
}

/* getfd and a socket made of it; add-fd, a file made of it; what is not passed, not there, not a socket. */
static void descriptors(void **state)
{
	struct session *s = *state;
	int pair[2], file = memfd_create("t", 0);
	char buf[16];
	ready(s);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_string_equal(ask(s, "{'execute': 'getfd', 'arguments': {'fdname': 'a'}}"), GENERIC("No file descriptor supplied via SCM_RIGHTS"));
	assert_string_equal(ask(s, "{'execute': 'closefd', 'arguments': {'fdname': 'a'}}"), GENERIC("File descriptor named 'a' not found"));
	assert_string_equal(ask_with_fd(s, "{'execute': 'getfd', 'arguments': {'fdname': '9'}}", file), GENERIC("Parameter 'fdname' expects a name not starting with a digit"));
	assert_string_equal(ask_with_fd(s, "{'execute': 'getfd', 'arguments': {'fdname': 'f'}}", file), "{\"return\": {}}");
	assert_string_equal(ask(s, "{'execute': 'chardev-add', 'arguments': {'id': 'x', 'backend': {'type': 'socket', 'data': {'server': false, 'addr': {'type': 'fd', "
		"'data': {'str': 'f'}}}}}}"), GENERIC("File descriptor 'f' is not a socket"));
	assert_string_equal(ask_with_fd(s, "{'execute': 'getfd', 'arguments': {'fdname': 'a'}}", pair[0]), "{\"return\": {}}");
	close(pair[0]);
	assert_string_equal(ask(s, "{'execute': 'chardev-add', 'arguments': {'id': 'x', 'backend': {'type': 'socket', 'data': {'server': false, 'addr': {'type': 'fd', "
		"'data': {'str': 'a'}}}}}}"), "{\"return\": {}}");
	struct probe p = { .room = 100 };
	machine_lock(s->r->m);
	struct chardev *c = chardev_find(s->r->m, "x");
	machine_unlock(s->r->m);
	probe_attach(s->r, &p, c);
	peer_send(pair[1], "there", 5);
	RIG_WAIT(s->r, probe_has(&p, "there"));
	probe_write(s->r, &p, "back", 4);
	assert_int_equal(read(pair[1], buf, sizeof(buf)), 4);
	probe_detach(s->r, &p);
	close(pair[1]);
	/* sets */
	char *got = ask_with_fd(s, "{'execute': 'add-fd', 'arguments': {'opaque': 'mine'}}", file);
	assert_memory_equal(got, "{\"return\": {\"fdset-id\": 0, \"fd\": ", 33);
	got = ask(s, "{'execute': 'query-fdsets'}");
	assert_non_null(strstr(got, "\"opaque\": \"mine\""));
	assert_string_equal(ask(s, "{'execute': 'chardev-add', 'arguments': {'id': 'y', 'backend': {'type': 'file', 'data': {'out': '/dev/fdset/7'}}}}"),
		GENERIC("Could not open '/dev/fdset/7': Permission denied"));
	assert_string_equal(ask(s, "{'execute': 'chardev-add', 'arguments': {'id': 'y', 'backend': {'type': 'file', 'data': {'out': '/dev/fdset/0'}}}}"),
		GENERIC("Could not open '/dev/fdset/0': Permission denied"));        /* open for reading and writing, not for writing */
	assert_string_equal(ask(s, "{'execute': 'remove-fd', 'arguments': {'fdset-id': 0}}"), "{\"return\": {}}");
	assert_string_equal(ask(s, "{'execute': 'remove-fd', 'arguments': {'fdset-id': 0}}"), GENERIC("File descriptor named 'fdset-id:0' not found"));
	char path[64];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	int w = open(path, O_WRONLY);
	ask_with_fd(s, "{'execute': 'add-fd', 'arguments': {'fdset-id': 3}}", w);
	close(w);
	assert_string_equal(ask(s, "{'execute': 'chardev-add', 'arguments': {'id': 'y', 'backend': {'type': 'file', 'data': {'out': '/dev/fdset/3'}}}}"), "{\"return\": {}}");
	p = (struct probe){ 0 };
	machine_lock(s->r->m);
	c = chardev_find(s->r->m, "y");
	machine_unlock(s->r->m);
	probe_attach(s->r, &p, c);
	assert_int_equal(probe_write(s->r, &p, "kept", 4), 4);
	assert_int_equal(pread(file, buf, sizeof(buf), 0), 4);
	assert_memory_equal(buf, "kept", 4);
	probe_detach(s->r, &p);
	close(file);
}

/* Objects come and go; one in use stays. */
static void objects(void **state)
{
	struct session *s = *state;
	ready(s);
	assert_string_equal(ask(s, "{'execute': 'object-add', 'arguments': {'qom-type': 'memory-backend-ram', 'id': 'm', 'size': 65536}}"), "{\"return\": {}}");
	assert_string_equal(ask(s, "{'execute': 'object-add', 'arguments': {'qom-type': 'authz-simple', 'id': 'm', 'identity': 'x'}}"),
		GENERIC("attempt to add duplicate property 'm' to object (type 'container')"));
	assert_string_equal(ask(s, "{'execute': 'object-add', 'arguments': {'qom-type': 'authz-simple', 'id': 'a'}}"), GENERIC("Parameter 'identity' is missing"));
	assert_string_equal(ask(s, "{'execute': 'object-add', 'arguments': {'qom-type': 'memory-backend-ram', 'id': 'n', 'size': 5}}"),
		GENERIC("Parameter 'size' expects a multiple of 4096 bytes"));
	assert_string_equal(ask(s, "{'execute': 'qom-get', 'arguments': {'path': '/objects/m', 'property': 'size'}}"), "{\"return\": 65536}");
	assert_string_equal(ask(s, "{'execute': 'object-del', 'arguments': {'id': 'm'}}"), "{\"return\": {}}");
	assert_string_equal(ask(s, "{'execute': 'object-del', 'arguments': {'id': 'm'}}"), GENERIC("object 'm' not found"));
	if (strstr(ask(s, "{'execute': 'object-add', 'arguments': {'qom-type': 'tls-creds-anon', 'id': 't', 'endpoint': 'server'}}"), "this build has no TLS"))
		return;
	assert_string_equal(ask(s, "{'execute': 'chardev-add', 'arguments': {'id': 'c', 'backend': {'type': 'socket', 'data': {'server': true, 'wait': false, "
		"'tls-creds': 't', 'addr': {'type': 'inet', 'data': {'host': '127.0.0.1', 'port': '0'}}}}}}"), "{\"return\": {}}");
	assert_string_equal(ask(s, "{'execute': 'object-del', 'arguments': {'id': 't'}}"), GENERIC("object 't' is in use, can not be deleted"));
	assert_string_equal(ask(s, "{'execute': 'chardev-remove', 'arguments': {'id': 'c'}}"), "{\"return\": {}}");
	assert_string_equal(ask(s, "{'execute': 'object-del', 'arguments': {'id': 't'}}"), "{\"return\": {}}");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = { T(negotiation), T(errors), T(ids_and_framing), T(hmp_inside), T(events), T(random_bytes), T(a_new_client_starts_over), T(descriptors), T(objects), T(two_clients) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
