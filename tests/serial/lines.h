/* lines.h - a vmux whose guest joins COM1 and COM2 (bridge.S), counterparts for COM1, and bytes that cross both ways. */
#ifndef TESTS_SERIAL_LINES_H
#define TESTS_SERIAL_LINES_H
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <cmocka.h>

enum { MIB = 1 << 20, PATIENCE_MS = 180000 /* without any progress */ };
struct proc { pid_t pid; int in, out; };        /* our ends of its stdin and stdout */
struct lines {
	char dir[64];
	struct proc vm, peer;
	int com2;                               /* the guest's second port */
	unsigned port;                          /* a free TCP or UDP port, and the next one */
};
struct lines *lines_new(void);
/* Start vmux: args up to NULL, in which %d stands for dir, %p and %q for port and the one after it.  COM1 is what they say (-serial, or
 * -device with a chardev); COM2 is ours.  The guest runs when this returns. */
void lines_vm(struct lines *l, const char *arg, ...) __attribute__((sentinel));
void lines_vmux(struct lines *l, const char *arg, ...) __attribute__((sentinel));        /* nothing but these arguments */
int  lines_unix(const struct lines *l, const char *name);        /* a connection to dir/name, patiently */
/* Start COM1's counterpart, the same way. */
void lines_peer(struct lines *l, const char *arg, ...) __attribute__((sentinel));
char *lines_text(const struct lines *l, const char *text);       /* %d %p %q replaced; to be freed */
void lines_wait_file(const struct lines *l, const char *name);   /* until it is there: "s" in dir */
int  lines_connect(const struct lines *l);                       /* to port, patiently */
void lines_free(struct lines *l);
void need_program(const char *name);                             /* skip the test without it */

/* What is sent on one side and has to come out of the other. */
struct flow { int to, from; uint8_t *data; size_t len; uint8_t *wire; size_t wire_len; size_t sent, got, window; };
/* n random bytes from `to` to `from`; wire is what is written (data itself unless the caller encodes it). */
struct flow flow_new(int to, int from, size_t n, unsigned seed);
void flow_free(struct flow *f);
/* Carry all flows at once; `decode` (or NULL) takes a protocol out of what came from flow 0's end.  Fails the test on a difference. */
void flows_run(struct flow *f, unsigned n, size_t (*decode)(void *arg, uint8_t *buf, size_t len), void *arg);
/* The usual: 1 MiB from COM2 to the peer and 1 MiB back. */
void lines_cross(struct lines *l, int to_peer, int from_peer);
void read_until(int fd, const char *text);                       /* or fail */
#endif
