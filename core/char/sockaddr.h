/* sockaddr.h - socket addresses as options write them: making, connecting, showing. */
#ifndef CORE_CHAR_SOCKADDR_H
#define CORE_CHAR_SOCKADDR_H
#include "core/machine/error.h"
#include <netdb.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
struct sock_addr {
	struct sockaddr_storage sa;
	socklen_t len;
};
enum { SOCK_ADDRS = 8 };
struct sock_addrs { struct sock_addr a[SOCK_ADDRS]; unsigned n; };
/* Resolve; host NULL with passive: the loopback addresses (nothing listens beyond them unless the user names an address).  family: AF_*.
 * May take as long as a name server takes. */
bool sock_resolve(struct sock_addrs *out, const char *host, const char *port, int type, int family, bool passive, struct error *err);
bool sock_unix(struct sock_addrs *out, const char *path, bool abstract, bool tight, struct error *err);
/* A new descriptor bound to the socket file path (which `to` holds), one that was left there is replaced; or listening at the first address of `to` with
 * a free port, up to last_port.  -1: error. */
int sock_bind_unix(const struct sock_addrs *to, const char *path, bool abstract, struct error *err);
int sock_listen_tcp(const struct sock_addrs *to, unsigned last_port, struct error *err);
void sock_set_port(struct sock_addr *a, unsigned port);
unsigned sock_port(const struct sock_addr *a);
/* "127.0.0.1:4444", "[::1]:4444" */
void sock_text(const struct sock_addr *a, char *buf, size_t size);
#endif
