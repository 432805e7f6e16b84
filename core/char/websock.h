/* websock.h - the WebSocket protocol, server side, on a socket's bytes.  Ref: RFC 6455. */
#ifndef CORE_CHAR_WEBSOCK_H
#define CORE_CHAR_WEBSOCK_H
#include "core/char/fdio.h"
#include "core/char/tls.h"
struct websock;
/* A client is there.  Until websock_greet says TLS_DONE nothing else may be called but websock_stop. */
struct websock *websock_start(struct chr_fd *f);
/* The HTTP request and its answer, over descriptor fd with f->recv and f->send where those are set; non-blocking, called again when fd is
 * ready.  TLS_FAILED: the request was none of ours and has been told so. */
enum tls_shake websock_greet(struct websock *w, int fd);
void websock_stop(struct websock *w);
/* Take the frames off what came, in place; pings and closing are answered.  The new length. */
unsigned websock_decode(struct websock *w, uint8_t *buf, unsigned len);
bool websock_flush(struct websock *w);          /* frames that wait; false: no room yet */
size_t websock_write(struct websock *w, const uint8_t *buf, size_t len);
#endif
