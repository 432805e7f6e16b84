/* telnet.h - the telnet protocol on a socket's bytes. */
#ifndef CORE_CHAR_TELNET_H
#define CORE_CHAR_TELNET_H
#include "core/char/fdio.h"
struct telnet;
/* A peer is there: ask it for character mode and clean 8 bits; as the server, also to leave the echo to us.  tn3270 (server only): what a
 * 3270 terminal expects: its type, binary data and ends of records (RFC 1576). */
enum telnet_role { TELNET_CLIENT, TELNET_SERVER, TELNET_TN3270 };
struct telnet *telnet_start(struct chr_fd *f, enum telnet_role role);
void telnet_break(struct telnet *t);              /* our side of the line breaks */
void telnet_stop(struct telnet *t);
unsigned telnet_decode(struct telnet *t, uint8_t *buf, unsigned len, int *break_at);
bool telnet_flush(struct telnet *t);
size_t telnet_write(struct telnet *t, const uint8_t *buf, size_t len);
#endif
