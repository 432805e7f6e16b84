/* rig.c - a bare machine whose loop runs in a thread, probes, peers. */
#include "tests/unit/rig.h"
#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static void *loop_main(void *arg)
{
	loop_run(((struct machine *)arg)->loop);
	return NULL;
}

struct rig *rig_new(void)
{
	char *argv[] = { "vmux", "-accel", "qtest", "-m", "4", "-nodefaults", "-display", "none", NULL };
	struct rig *r = calloc(1, sizeof(*r));
	struct error err = { "" };
	bool done;
	int status;
	struct options *o = options_parse(8, argv, &done, &status, &err);
	assert_non_null(o);
	r->m = machine_new_bare(o, &err);
	assert_non_null(r->m);
	r->m->monitors = monitors_new(r->m);
	strcpy(r->dir, "/tmp/vmux-test-XXXXXX");
	assert_non_null(mkdtemp(r->dir));
	assert_int_equal(pthread_create(&r->loop, NULL, loop_main, r->m), 0);
	return r;
}

void rig_free(struct rig *r)
{
	char cmd[128];
	loop_quit(r->m->loop);
	pthread_join(r->loop, NULL);
	machine_free(r->m);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", r->dir);
	assert_int_equal(system(cmd), 0);
	free(r);
}

void rig_nap(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
}

struct chardev *rig_chardev(struct rig *r, const char *label, const char *spec)
{
	struct error err = { "" };
	bool none;
	machine_lock(r->m);
	struct chardev *c = chardev_new_short(r->m, label, spec, &none, &err);
	machine_unlock(r->m);
	if (!c)
		fail_msg("%s: %s", spec, err.msg);
	return c;
}

static unsigned can_read(void *arg) { return ((struct probe *)arg)->room; }
static void read_bytes(void *arg, const uint8_t *buf, unsigned len)
{
	struct probe *p = arg;
	assert_true(len <= p->room);
	p->room -= len;
	text_add(&p->got, (const char *)buf, len);
}
static void can_write(void *arg)
{
	struct probe *p = arg;
	p->writable++;
	if (!p->more.len)
		return;
	size_t n = chardev_write(p->c, p, (const uint8_t *)p->more.s, p->more.len);
	memmove(p->more.s, p->more.s + n, p->more.len - n);
	p->more.len -= n;
}

static void event(void *arg, enum chr_event ev) { text_add(&((struct probe *)arg)->events, &"ocbiu"[ev], 1); }

static void attach(struct probe *p, struct chardev *c)
{
	struct error err = { "" };
	const struct chr_front f = { .can_read = can_read, .read = read_bytes, .can_write = can_write, .event = event, .arg = p };
	p->c = c;
	if (!chardev_attach(c, &f, &err))
		fail_msg("attach: %s", err.msg);
}

void probe_attach(struct rig *r, struct probe *p, struct chardev *c)
{
	machine_lock(r->m);
	attach(p, c);
	machine_unlock(r->m);
}

struct chardev *rig_chardev_probe(struct rig *r, const char *label, const char *spec, struct probe *p)
{
	struct error err = { "" };
	bool none;
	machine_lock(r->m);
	struct chardev *c = chardev_new_short(r->m, label, spec, &none, &err);
	if (!c)
		fail_msg("%s: %s", spec, err.msg);
	attach(p, c);
	machine_unlock(r->m);
	return c;
}

void probe_detach(struct rig *r, struct probe *p)
{
	machine_lock(r->m);
	if (p->c)
		chardev_detach(p->c, p);
	machine_unlock(r->m);
	text_free(&p->got);
	text_free(&p->events);
	text_free(&p->more);
}

bool probe_has(struct probe *p, const char *text)
{
	return p->got.len && memmem(p->got.s, p->got.len, text, strlen(text));
}

size_t probe_write(struct rig *r, struct probe *p, const void *buf, size_t len)
{
	machine_lock(r->m);
	size_t n = chardev_write(p->c, p, buf, len);
	machine_unlock(r->m);
	return n;
}

void probe_room(struct rig *r, struct probe *p, unsigned room)
{
	machine_lock(r->m);
	p->room = room;
	chardev_accept_input(p->c, p);
	machine_unlock(r->m);
}

static int with_limit(int fd)
{
	struct timeval tv = { .tv_sec = 90 };
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	return fd;
}

int peer_unix(const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
	if (connect(fd, (struct sockaddr *)&un, sizeof(un)))
		fail_msg("connect %s: %s", path, strerror(errno));
	return with_limit(fd);
}

int peer_tcp(unsigned port)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(fd, (struct sockaddr *)&in, sizeof(in)))
		fail_msg("connect %u: %s", port, strerror(errno));
	return with_limit(fd);
}

void peer_send(int fd, const void *buf, size_t len)
{
	const char *p = buf;
	while (len) {
		ssize_t n = send(fd, p, len, MSG_NOSIGNAL);
		if (n <= 0)
			fail_msg("send: %s", strerror(errno));
		p += n;
		len -= (size_t)n;
	}
}

void peer_expect(int fd, const char *text)
{
	struct text got = { 0 };
	char buf[1];
	/* A byte at a time: what comes behind the text is for the next who looks. */
	while (!got.len || !memmem(got.s, got.len, text, strlen(text))) {
		ssize_t n = read(fd, buf, 1);
		if (n <= 0)
			fail_msg("wanted \"%s\", the stream ended with \"%s\"", text, got.s ? got.s : "");
		text_add(&got, buf, (size_t)n);
	}
	text_free(&got);
}
