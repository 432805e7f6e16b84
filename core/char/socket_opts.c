/* socket_opts.c - the options of unix and TCP sockets. */
#include "core/char/socket.h"
#include "core/char/tls.h"
#include "core/machine/fds.h"
#include "core/machine/machine.h"
#include "core/machine/objects.h"
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

const char *const sock_keys[] = { "path", "host", "port", "fd", "server", "wait", "nodelay", "delay", "reconnect", "telnet", "websocket", "tn3270",
	"ipv4", "ipv6", "to", "abstract", "tight", "tls-creds", "tls-authz", NULL };

static bool number(const struct kv *kv, const char *key, unsigned max, unsigned *out, struct error *err)
{
	const char *v = kv_get(kv, key);
	char *end;
	unsigned long n = v ? strtoul(v, &end, 10) : 0;

	if (v && (*v < '0' || *v > '9' || *end || n > max))
		return error_set(err, "Parameter '%s' expects a number from 0 to %u", key, max);
	*out = (unsigned)n;
	return true;
}

static bool check_combination(const struct sock *s, const struct kv *kv, struct error *err)
{
	const char *path = kv_get(kv, "path");
	char text[32];

	if (!!path + !!kv_get(kv, "host") + !!kv_get(kv, "fd") > 1)
		return error_set(err, "None or one of 'path', 'fd' or 'host' option required.");
	if (path && !*path)
		return error_set(err, "Unable to parse FD number");
	if (!path && !kv_get(kv, "fd") && !kv_get(kv, "port"))
		return error_set(err, "chardev: socket: no port given");
	if (kv_get(kv, "wait") && !s->server)
		return error_set(err, "'wait' option is incompatible with socket in client connect mode");
	if (s->reconnect && s->server)
		return error_set(err, "'reconnect' option is incompatible with socket in server listen mode");
	if (s->use_websocket && !s->server)
		return error_set(err, "Websocket client is not implemented");
	if (s->use_telnet + s->use_tn3270 + s->use_websocket > 1)
		return error_set(err, "'telnet', 'tn3270' and 'websocket' exclude each other");
	if (s->use_websocket && !tls_websocket_accept("", text))
		return error_set(err, "websocket=on needs a build with gnutls");
	return true;
}

/* tls-authz=ID: whom the server lets in. */
static bool tls_authz(struct sock *s, const char *id, struct error *err)
{
	const char *name = NULL;

	if (!s->creds || !s->server)
		return error_set(err, "'tls-authz' option needs tls-creds= and a server socket");
	name = kv_get(object_find(s->f.c->machine, "authz-simple", id), "identity");
	if (!name)
		return error_set(err, "No authorization object with id '%s'", id);
	s->identity = strdup(name);
	return true;
}

/* fd=: a descriptor we were started with, by number, or one that getfd keeps, by name. */
static bool adopt(struct sock *s, const char *name, struct error *err)
{
	struct machine *m = s->f.c->machine;
	struct sock_addr here = { .len = sizeof(here.sa) };
	char text[160], *end;
	int fd = (int)strtol(name, &end, 10), type = 0, listening = 0;
	socklen_t len = sizeof(type), llen = sizeof(listening);

	if ((*name < '0' || *name > '9' || *end) && (fd = fds_take(m, name, err)) < 0)
		return false;
	if (fd <= STDERR_FILENO || getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) || type != SOCK_STREAM ||
	    getsockname(fd, (struct sockaddr *)&here.sa, &here.len))
		return error_set(err, "File descriptor '%s' is not a socket", name);
	getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &llen);
	if (s->server && !listening && listen(fd, 1))
		return error_set(err, "Failed to listen on socket: %s", strerror(errno));
	if (!s->server && listening)
		return error_set(err, "File descriptor '%s' listens: server=on is wanted", name);
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	s->adopted = true;
	*(s->server ? &s->listener : &s->conn) = fd;
	if (here.sa.ss_family == AF_UNIX) {
		const struct sockaddr_un *un = (const struct sockaddr_un *)&here.sa;
		s->path = strndup(here.len > offsetof(struct sockaddr_un, sun_path) ? un->sun_path : "", sizeof(un->sun_path));
		return true;
	}
	sock_text(&here, text, sizeof(text));
	char *colon = strrchr(text, ':');
	s->port = strdup(colon ? colon + 1 : "0");
	s->host = strndup(text, colon ? (size_t)(colon - text) : strlen(text));
	return true;
}

bool sock_read_options(struct sock *s, const struct kv *kv, struct error *err)
{
	bool delay = true, v4 = false, v6 = false, tight = true;
	const char *host = kv_get(kv, "host"), *path = kv_get(kv, "path");

	if (!chr_bool(kv, "server", &s->server, err) || !chr_bool(kv, "wait", &s->wait, err) || !chr_bool(kv, "telnet", &s->use_telnet, err) ||
	    !chr_bool(kv, "tn3270", &s->use_tn3270, err) || !chr_bool(kv, "websocket", &s->use_websocket, err) ||
	    !chr_bool(kv, "delay", &delay, err) || !chr_bool(kv, "ipv4", &v4, err) || !chr_bool(kv, "ipv6", &v6, err) ||
	    !chr_bool(kv, "abstract", &s->abstract, err) || !chr_bool(kv, "tight", &tight, err) ||
	    !number(kv, "reconnect", 86400, &s->reconnect, err) || !number(kv, "to", 65535, &s->to, err))
		return false;
	s->nodelay = !delay;
	if (!chr_bool(kv, "nodelay", &s->nodelay, err) || !check_combination(s, kv, err))
		return false;
	if (kv_get(kv, "tls-creds") && !(s->creds = tls_creds_find(s->f.c->machine, kv_get(kv, "tls-creds"), s->server, err)))
		return false;
	if (kv_get(kv, "tls-authz") && !tls_authz(s, kv_get(kv, "tls-authz"), err))
		return false;
	if (kv_get(kv, "fd"))
		return adopt(s, kv_get(kv, "fd"), err);
	if (path) {
		s->path = strdup(path);
		return sock_unix(&s->addrs, path, s->abstract, tight, err);
	}
	s->host = strdup(host ? host : "localhost");
	s->port = strdup(kv_get(kv, "port"));
	int family = v4 && !v6 ? AF_INET : v6 && !v4 ? AF_INET6 : AF_UNSPEC;
	return sock_resolve(&s->addrs, s->host, s->port, SOCK_STREAM, family, s->server, err);
}
