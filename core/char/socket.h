/* socket.h - what the socket back end (socket.c) and the reader of its options (socket_opts.c) share. */
#ifndef CORE_CHAR_SOCKET_H
#define CORE_CHAR_SOCKET_H
#include "core/char/fdio.h"
#include "core/char/sockaddr.h"

struct sock {
	struct chr_fd f;
	struct sock_addrs addrs;
	char *host, *port, *path;               /* path: a unix socket */
	bool adopted;                           /* fd=: the address is not ours to take away */
	bool server, wait, nodelay, use_telnet, use_tn3270, use_websocket, abstract;
	unsigned reconnect, timer;              /* seconds, 0 = never; loop_timeout id */
	unsigned to;                            /* last port to try when listening */
	int listener, conn, dialing;            /* descriptors or -1; dialing: a connect on its way */
	unsigned dial_next;                     /* which address is tried */
	bool closing;                           /* the peer is gone, its last words are still being read out */
	bool complained;
	struct telnet *telnet;
	struct tls_creds *creds; struct tls *tls;       /* tls-creds= */
	char *identity;                         /* tls-authz=: the only name a peer's certificate may have, or NULL */
	struct websock *websock;
	int shaking;                            /* a connection whose handshakes (TLS, WebSocket) are on their way, or -1 */
	bool secure;                            /* TLS is done */
};

/* Options of the kind, NULL at the end. */
extern const char *const sock_keys[];
/* Fill s from kv: names and addresses, what to speak, and the descriptor of fd=.  s->f.c is set.  What s holds when it fails, the caller frees. */
bool sock_read_options(struct sock *s, const struct kv *kv, struct error *err);
#endif
