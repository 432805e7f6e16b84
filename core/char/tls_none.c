/* tls_none.c - a build without gnutls. */
#include "core/char/tls.h"

bool tls_creds_new(struct machine *m, const struct kv *kv, struct error *err) { return error_set(err, "this build has no TLS: gnutls was not there when it was made"); }
struct tls_creds *tls_creds_find(struct machine *m, const char *id, bool server, struct error *err) { error_set(err, "No TLS credentials with id '%s'", id); return NULL; }
void tls_creds_put(struct tls_creds *c) { }
bool tls_creds_remove(struct machine *m, const char *id) { return true; }
void tls_creds_free(struct tls_creds *all) { }
struct tls *tls_start(struct tls_creds *c, int fd, const char *host) { return NULL; }
void tls_stop(struct tls *t) { }
enum tls_shake tls_handshake(struct tls *t) { return TLS_FAILED; }
bool tls_peer_name(struct tls *t, char *buf, size_t size) { return false; }
bool tls_websocket_accept(const char *key, char out[32]) { return false; }
ssize_t tls_recv(struct tls *t, uint8_t *buf, size_t len) { return -1; }
ssize_t tls_send(struct tls *t, const uint8_t *buf, size_t len) { return -1; }
