/* sockaddr.c - socket addresses as options write them. */
#include "core/char/sockaddr.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

bool sock_resolve(struct sock_addrs *out, const char *host, const char *port, int type, int family, bool passive, struct error *err)
{
	struct addrinfo hints = { .ai_socktype = type, .ai_family = family }, *list;
	char *end;
	unsigned long n = strtoul(port, &end, 10);

	out->n = 0;
	if (!*end && (n > 65535 || *port == '-'))
		return error_set(err, "address resolution failed for %s:%s: a port is a number from 0 to 65535", host ? host : "", port);
	if (!*host && !passive)
		return error_set(err, "address resolution failed for :%s: Name or service not known", port);
	int e = getaddrinfo(*host ? host : family == AF_INET6 ? "::1" : "127.0.0.1", port, &hints, &list);
	if (e)
		return error_set(err, "address resolution failed for %s:%s: %s", host, port, gai_strerror(e));
	for (struct addrinfo *ai = list; ai && out->n < SOCK_ADDRS; ai = ai->ai_next) {
		struct sock_addr *a = &out->a[out->n++];
		memcpy(&a->sa, ai->ai_addr, ai->ai_addrlen);
		a->len = ai->ai_addrlen;
	}
	freeaddrinfo(list);
	return true;
}

bool sock_unix(struct sock_addrs *out, const char *path, bool abstract, bool tight, struct error *err)
{
	struct sockaddr_un *un = (struct sockaddr_un *)&out->a[0].sa;
	size_t n = strlen(path), room = sizeof(un->sun_path) - abstract;

	if (n >= sizeof(un->sun_path) || n > room)
		return error_set(err, "UNIX socket path '%s' is too long\nPath must be less than %zu bytes", path, sizeof(un->sun_path));
	memset(un, 0, sizeof(*un));
	un->sun_family = AF_UNIX;
	memcpy(un->sun_path + abstract, path, n);
	out->n = 1;
	out->a[0].len = abstract && tight ? (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + n) : sizeof(*un);
	return true;
}

void sock_set_port(struct sock_addr *a, unsigned port)
{
	if (a->sa.ss_family == AF_INET)
		((struct sockaddr_in *)&a->sa)->sin_port = htons((uint16_t)port);
	else if (a->sa.ss_family == AF_INET6)
		((struct sockaddr_in6 *)&a->sa)->sin6_port = htons((uint16_t)port);
}

unsigned sock_port(const struct sock_addr *a)
{
	if (a->sa.ss_family == AF_INET)
		return ntohs(((const struct sockaddr_in *)&a->sa)->sin_port);
	if (a->sa.ss_family == AF_INET6)
		return ntohs(((const struct sockaddr_in6 *)&a->sa)->sin6_port);
	return 0;
}

void sock_text(const struct sock_addr *a, char *buf, size_t size)
{
	char host[128] = "", port[16] = "";
	bool v6 = a->sa.ss_family == AF_INET6;

	getnameinfo((const struct sockaddr *)&a->sa, a->len, host, sizeof(host), port, sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV);
	snprintf(buf, size, "%s%s%s:%s", v6 ? "[" : "", host, v6 ? "]" : "", port);
}

int sock_bind_unix(const struct sock_addrs *to, const char *path, bool abstract, struct error *err)
{
	struct stat st;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0) {
		error_set(err, "Failed to create Unix socket: %s", strerror(errno));
		return -1;
	}
	if (!abstract && !lstat(path, &st) && S_ISSOCK(st.st_mode))
		unlink(path);
	fchmod(fd, 0600);               /* becomes the mode of the file that bind makes */
	if (bind(fd, (struct sockaddr *)&to->a[0].sa, to->a[0].len)) {
		error_set(err, "Failed to bind socket to %s: %s", path, strerror(errno));
		close(fd);
		return -1;
	}
	return fd;
}

int sock_listen_tcp(const struct sock_addrs *to, unsigned last_port, struct error *err)
{
	int one = 1, e = EADDRINUSE;

	for (unsigned i = 0; i < to->n; i++) {
		struct sock_addr a = to->a[i];
		unsigned first = sock_port(&a), last = last_port > first ? last_port : first;
		for (unsigned port = first; port <= last; port++) {
			int fd = socket(a.sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
			if (fd < 0) {
				e = errno;
				break;
			}
			setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
			if (a.sa.ss_family == AF_INET6)
				setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
			sock_set_port(&a, port);
			if (!bind(fd, (struct sockaddr *)&a.sa, a.len) && !listen(fd, 1))
				return fd;
			e = errno;
			close(fd);
			if (e != EADDRINUSE)
				break;
		}
	}
	error_set(err, "Failed to find an available port: %s", strerror(e));
	return -1;
}
