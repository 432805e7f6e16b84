/* tls.h - TLS on a socket's bytes.  tls_gnutls.c where gnutls is there when vmux is built, else tls_none.c. */
#ifndef CORE_CHAR_TLS_H
#define CORE_CHAR_TLS_H
#include "core/machine/error.h"
#include "core/machine/options.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
struct machine;
struct tls_creds;
struct tls;
/* -object tls-creds-x509,id=ID,dir=DIR[,endpoint=server|client][,verify-peer=on|off][,passwordid=SECRET],
 * tls-creds-psk,id=ID,dir=DIR[,endpoint=...][,username=NAME] or tls-creds-anon,id=ID[,endpoint=...]: credentials for tls-creds=ID.  For x509 DIR
 * holds ca-cert.pem, server-cert.pem, server-key.pem, client-cert.pem, client-key.pem; for psk keys.psk, a line "NAME:KEY IN HEX" for each user. */
bool tls_creds_new(struct machine *m, const struct kv *kv, struct error *err);
struct tls_creds *tls_creds_find(struct machine *m, const char *id, bool server, struct error *err);
/* Found credentials are in use until they are put back. */
void tls_creds_put(struct tls_creds *c);
/* False: in use. */
bool tls_creds_remove(struct machine *m, const char *id);
void tls_creds_free(struct tls_creds *all);
/* A session on a connected socket; host: whose certificate is expected (client), or NULL. */
struct tls *tls_start(struct tls_creds *c, int fd, const char *host);
void tls_stop(struct tls *t);
enum tls_shake { TLS_DONE, TLS_WANT_READ, TLS_WANT_WRITE, TLS_FAILED };
enum tls_shake tls_handshake(struct tls *t);
/* The name of the peer's certificate ("CN=...,O=..."), at most size - 1 characters.  False: it has shown none. */
bool tls_peer_name(struct tls *t, char *buf, size_t size);
/* Sec-WebSocket-Accept for a client's key (RFC 6455, 4.2.2): 28 characters and a 0.  False: no means to compute it in this build. */
bool tls_websocket_accept(const char *key, char out[32]);
/* As read() and write() on a non-blocking descriptor.  After EAGAIN a write is repeated with the same bytes first. */
ssize_t tls_recv(struct tls *t, uint8_t *buf, size_t len);
ssize_t tls_send(struct tls *t, const uint8_t *buf, size_t len);
#endif
