/* wire.h - what a machine and the programs at its control socket say to each other.
 *
 * SOCK_SEQPACKET over a Unix socket: a packet a message.  Whoever connects must be the same user (or root); what it sends is checked like
 * any other input.  `vmux attach` hands its terminal over as a descriptor, so that nothing stands between machine and terminal, and stays
 * to put the terminal right at the end, whatever became of the machine. */
#ifndef TUI_WIRE_H
#define TUI_WIRE_H
#include "core/vm.h"
#include <sys/types.h>
#include <termios.h>

enum { WIRE_VERSION = 0x766d0002, WIRE_DATA = 32000, WIRE_NAME = 64 };
enum wire_type {
	/* to the machine */
	WIRE_ATTACH = 1,        /* data: struct wire_attach, with the terminal's descriptor; answered by WELCOME or DONE */
	WIRE_SIZE,              /* num: columns, rows */
	WIRE_SUSPEND,           /* leave the terminal alone; answered by SUSPENDED */
	WIRE_RESUME,            /* num: columns, rows */
	WIRE_DETACH,            /* answered by LEAVE */
	WIRE_SIGNAL,            /* num: signal, sender: end the machine */
	WIRE_LIST,              /* answered by DONE with "STATE\tSECONDS\tCLIENTS\tPID\tNAME\tTITLE" */
	WIRE_SEND,              /* num: pane (0 = the first); data: text, then a zero byte, then the pane's name or nothing */
	WIRE_SCREEN,            /* num: ANSI (0/1); data: the pane's name or number, or nothing; answered by TEXT ... DONE */
	WIRE_WAIT,              /* num: milliseconds (0 = for ever); data: pane, a zero byte, a regular expression */
	WIRE_STOP,              /* num: 0 = press the power button, 1 = end at once */
	/* from the machine */
	WIRE_READY = 64,        /* to the one that started it: give me the terminal; or, where it has none, it runs (data: its name) */
	WIRE_WELCOME,           /* data: bytes that put the terminal right; a descriptor of what is printed meanwhile may come along */
	WIRE_SUSPENDED,
	WIRE_LEAVE,             /* num: enum wire_leave, cut (the last sequence may be incomplete); data: the machine's name for `vmux attach` */
	WIRE_STATUS,            /* num: exit status: the machine has ended and let go of everything */
	WIRE_TEXT,              /* data: a piece of text */
	WIRE_DONE,              /* num: exit status; data: one sentence, or nothing */
};
enum wire_leave { LEAVE_ENDING, LEAVE_DETACHED };
struct wire_msg {
	uint32_t version, type;
	int32_t num[4];
	char data[WIRE_DATA + 1];       /* len bytes, then a zero that is not sent */
	size_t len;                     /* not sent: the packet's size tells */
};
struct wire_attach {
	int32_t cols, rows;
	uint8_t read_only, direct_colour, no_colour, utf8, erase, mux, linear;
	char term[64], locale[64];
	struct termios saved, ours;     /* modes as found, and as the client set them */
};
/* Where control sockets are: $XDG_RUNTIME_DIR/vmux, or /tmp/vmux-UID.  Made (0700) when `make`; one that others could write
 * to is refused. */
bool wire_dir(char *buf, size_t size, bool make, struct error *err);
/* The socket's path of a machine's name; characters that make no good file name become '_'. */
bool wire_path(const char *name, char *buf, size_t size, bool make, struct error *err);
/* Listen as that name, or, where a live machine has it, as NAME-2, NAME-3 ...  path gets what to unlink.  -1: err. */
int wire_listen(const char *name, char *path, size_t size, struct error *err);
/* -1 with errno set.  A socket that nobody listens on is removed. */
int wire_connect(const char *path);
/* Connect to the machine of that name; -1: err names those that there are. */
int wire_connect_name(const char *name, struct error *err);
/* True when the other end is the same user or root. */
bool wire_peer_ok(int sock);
/* fd: a descriptor to send along, or -1.  False with errno: not sent. */
bool wire_send(int sock, const struct wire_msg *m, int fd);
/* A message of this type and these bytes (cut at WIRE_DATA). */
void wire_make(struct wire_msg *m, enum wire_type type, const void *data, size_t len);
bool wire_say(int sock, enum wire_type type, int32_t a, int32_t b);
/* 1 = a message, 0 = none now, -1 = the end or nonsense.  *fd: the descriptor that came along, -1 = none; NULL: closed at once. */
int wire_recv(int sock, struct wire_msg *m, int *fd);
#endif
