/* wire.c - see wire.h. */
#include "tui/wire.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { MOST_NAMESAKES = 100, BACKLOG = 16, MAX_FDS = 4 };

bool wire_dir(char *buf, size_t size, bool make, struct error *err)
{
	const char *xdg = getenv("XDG_RUNTIME_DIR");
	struct stat st;
	if (xdg && xdg[0] == '/' && !access(xdg, W_OK | X_OK))
		snprintf(buf, size, "%s/vmux", xdg);
	else
		snprintf(buf, size, "/tmp/vmux-%u", (unsigned)geteuid());
	if (make && mkdir(buf, 0700) && errno != EEXIST)
		return error_set(err, "%s: %s", buf, strerror(errno));
	if (lstat(buf, &st))
		return error_set(err, "%s: %s", buf, strerror(errno));
	if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() || st.st_mode & 0022)
		return error_set(err, "%s is not a folder that belongs to you alone (mode 0700): control sockets are not put there", buf);
	return true;
}

bool wire_path(const char *name, char *buf, size_t size, bool make, struct error *err)
{
	struct sockaddr_un sun;
	char clean[WIRE_NAME];
	size_t n = 0;
	for (const char *s = name; *s && n + 1 < sizeof clean; s++) {
		bool ok = (*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') || (*s >= '0' && *s <= '9') || strchr("_+-", *s) || (*s == '.' && n);
		clean[n++] = ok ? *s : '_';
	}
	clean[n] = 0;
	if (!wire_dir(buf, size, make, err))
		return false;
	size_t len = strlen(buf);
	if (len + n + 7 > size || len + n + 7 > sizeof sun.sun_path)
		return error_set(err, "%s: this path is too long for a socket", buf);
	snprintf(buf + len, size - len, "/%s.sock", clean);
	return true;
}

static int try_listen(const char *path, struct error *err)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int old = wire_connect(path);           /* removes what nobody listens on */
	if (old >= 0) {
		close(old);
		errno = EADDRINUSE;
		return -1;
	}
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	snprintf(sun.sun_path, sizeof sun.sun_path, "%s", path);
	mode_t mask = umask(0177);
	bool ok = fd >= 0 && !bind(fd, (struct sockaddr *)&sun, sizeof sun) && !listen(fd, BACKLOG);
	int e = errno;
	umask(mask);
	if (ok)
		return fd;
	if (fd >= 0)
		close(fd);
	errno = e;
	error_set(err, "%s: %s", path, strerror(e));
	return -1;
}

int wire_listen(const char *name, char *path, size_t size, struct error *err)
{
	char other[WIRE_NAME + 16];
	for (int i = 1; i <= MOST_NAMESAKES; i++) {
		snprintf(other, sizeof other, i > 1 ? "%.48s-%d" : "%.60s", name, i);
		if (!wire_path(other, path, size, true, err))
			return -1;
		int fd = try_listen(path, err);
		if (fd >= 0 || errno != EADDRINUSE)
			return fd;
	}
	error_set(err, "a hundred machines are named \"%s\" already", name);
	return -1;
}

int wire_connect(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct stat st;
	if (strlen(path) >= sizeof sun.sun_path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	strcpy(sun.sun_path, path);
	if (!connect(fd, (struct sockaddr *)&sun, sizeof sun))
		return fd;
	int e = errno;
	close(fd);
	if (e == ECONNREFUSED && !lstat(path, &st) && S_ISSOCK(st.st_mode) && st.st_uid == geteuid())
		unlink(path);
	errno = e;
	return -1;
}

int wire_connect_name(const char *name, struct error *err)
{
	char path[200], dir[200], known[400] = "";
	struct error none;
	size_t at = 0;
	if (wire_path(name, path, sizeof path, false, &none)) {
		int fd = wire_connect(path);
		if (fd >= 0)
			return fd;
	}
	DIR *d = wire_dir(dir, sizeof dir, false, &none) ? opendir(dir) : NULL;
	for (struct dirent *e; d && (e = readdir(d)); ) {
		size_t n = strlen(e->d_name);
		if (n < 6 || strcmp(e->d_name + n - 5, ".sock") || at + n + 4 > sizeof known)
			continue;
		snprintf(path, sizeof path, "%.100s/%.80s", dir, e->d_name);
		int fd = wire_connect(path);
		if (fd < 0)
			continue;
		close(fd);
		at += (size_t)snprintf(known + at, sizeof known - at, "%s%.*s", at ? ", " : "", (int)n - 5, e->d_name);
	}
	if (d)
		closedir(d);
	error_set(err, "no machine named \"%s\" is running%s%s", name, known[0] ? "; running: " : "; none is", known);
	return -1;
}

bool wire_peer_ok(int sock)
{
	struct ucred u;
	socklen_t n = sizeof u;
	return !getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &u, &n) && (u.uid == geteuid() || u.uid == 0);
}

void wire_make(struct wire_msg *m, enum wire_type type, const void *data, size_t len)
{
	m->version = WIRE_VERSION;
	m->type = type;
	memset(m->num, 0, sizeof m->num);
	m->len = len < WIRE_DATA ? len : WIRE_DATA;
	if (m->len)
		memcpy(m->data, data, m->len);
	m->data[m->len] = 0;
}

bool wire_send(int sock, const struct wire_msg *m, int fd)
{
	struct iovec iov = { .iov_base = (void *)m, .iov_len = offsetof(struct wire_msg, data) + m->len };
	union { struct cmsghdr h; char space[CMSG_SPACE(sizeof fd)]; } c;
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };
	if (fd >= 0) {
		memset(&c, 0, sizeof c);
		mh.msg_control = &c;
		mh.msg_controllen = sizeof c.space;
		c.h.cmsg_level = SOL_SOCKET;
		c.h.cmsg_type = SCM_RIGHTS;
		c.h.cmsg_len = CMSG_LEN(sizeof fd);
		memcpy(CMSG_DATA(&c.h), &fd, sizeof fd);
	}
	ssize_t n;
	while ((n = sendmsg(sock, &mh, MSG_NOSIGNAL)) < 0 && errno == EINTR)
		;
	return n >= 0;
}

bool wire_say(int sock, enum wire_type type, int32_t a, int32_t b)
{
	struct wire_msg m;
	wire_make(&m, type, NULL, 0);
	m.num[0] = a;
	m.num[1] = b;
	return wire_send(sock, &m, -1);
}

/* Keep the first descriptor, close the others. */
static void take_fds(struct msghdr *mh, int *fd)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(mh); c; c = CMSG_NXTHDR(mh, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t at = 0; CMSG_LEN(at + sizeof(int)) <= c->cmsg_len; at += sizeof(int)) {
			int got;
			memcpy(&got, CMSG_DATA(c) + at, sizeof got);
			if (fd && *fd < 0)
				*fd = got;
			else
				close(got);
		}
	}
}

int wire_recv(int sock, struct wire_msg *m, int *fd)
{
	const size_t head = offsetof(struct wire_msg, data);
	struct iovec iov = { .iov_base = m, .iov_len = head + WIRE_DATA };
	union { struct cmsghdr h; char space[CMSG_SPACE(MAX_FDS * sizeof(int))]; } c;
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof c };
	ssize_t n;
	if (fd)
		*fd = -1;
	while ((n = recvmsg(sock, &mh, MSG_CMSG_CLOEXEC)) < 0 && errno == EINTR)
		;
	if (n < 0)
		return errno == EAGAIN ? 0 : -1;
	take_fds(&mh, fd);
	if ((size_t)n < head || mh.msg_flags & MSG_TRUNC || m->version != WIRE_VERSION) {
		if (fd && *fd >= 0)
			close(*fd), *fd = -1;
		return -1;
	}
	m->len = (size_t)n - head;
	m->data[m->len] = 0;
	return 1;
}
