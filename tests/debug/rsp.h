/* rsp.h - a client of gdb's remote protocol for tests, on a unix socket. */
#ifndef TESTS_DEBUG_RSP_H
#define TESTS_DEBUG_RSP_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RSP_MAX = 40000, RSP_LIMIT_MS = 120000 };
struct rsp { int fd; bool no_ack; uint8_t in[65536]; unsigned at, len; char reply[RSP_MAX]; };

/* Connect, waiting until the server is there; fails the test when it never is. */
void rsp_connect(struct rsp *r, const char *path);
void rsp_close(struct rsp *r);
void rsp_raw(struct rsp *r, const void *buf, size_t len);
/* Send a packet ($ and sum are added). */
void rsp_send(struct rsp *r, const char *data);
/* The next packet, escapes undone; acknowledged.  NULL: the peer closed. */
const char *rsp_receive(struct rsp *r);
/* Does no packet come for ms?  Acknowledgements do not count. */
bool rsp_quiet(struct rsp *r, int ms);
/* Take what is there, without waiting; 0: nothing. */
size_t rsp_drain(struct rsp *r, uint8_t *buf, size_t len);
/* rsp_send and rsp_receive. */
const char *rsp_ask(struct rsp *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Ask and want exactly this answer. */
void rsp_want(struct rsp *r, const char *packet, const char *answer);
#define RSP_OK(r, ...) do { const char *a_ = rsp_ask((r), __VA_ARGS__); if (!a_ || strcmp(a_, "OK")) fail_msg("%s instead of OK", a_ ? a_ : "nothing"); } while (0)

uint64_t rsp_register(struct rsp *r, unsigned n);               /* up to 8 bytes */
void rsp_set_register(struct rsp *r, unsigned n, uint64_t v, unsigned size);
uint64_t rsp_memory(struct rsp *r, uint64_t addr, unsigned size);
void rsp_poke(struct rsp *r, uint64_t addr, uint64_t v, unsigned size);
/* Bytes by X packets. */
void rsp_load(struct rsp *r, uint64_t addr, const uint8_t *buf, size_t len);
#endif
