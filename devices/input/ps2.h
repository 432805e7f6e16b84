/* ps2.h - what hangs on the two ports of the 8042: a keyboard and a mouse.
 *
 * A device queues bytes; the controller takes them one at a time.  Replies to a command go ahead of scan codes and movement. */
#ifndef DEVICES_INPUT_PS2_H
#define DEVICES_INPUT_PS2_H
#include "core/machine/device.h"
#include "core/machine/input.h"

enum { PS2_QUEUE = 32, PS2_REPLIES = 8 };
struct ps2_queue {
	uint8_t reply[PS2_REPLIES], n_reply;    /* first out first */
	uint8_t data[PS2_QUEUE], head, count;
	uint8_t last;                           /* for the resend command */
};
extern const struct state_field ps2_queue_state[];
bool ps2_queue_ok(const struct ps2_queue *q);           /* after loading */
void ps2_queue_clear(struct ps2_queue *q);
void ps2_reply(struct ps2_queue *q, uint8_t b);
void ps2_data(struct ps2_queue *q, uint8_t b);
static inline bool ps2_has_byte(const struct ps2_queue *q) { return q->n_reply || q->count; }
uint8_t ps2_take(struct ps2_queue *q);                  /* next byte; only when there is one */

struct ps2_keyboard {
	struct machine *machine;
	struct ps2_queue q;
	uint8_t set;                            /* scan code set 1-3 */
	uint8_t want_arg;                       /* command that waits for its argument, 0 = none */
	uint8_t leds, typematic;
	bool    scanning;
	uint8_t down[32];                       /* bit n: key with qnum n is held */
	uint8_t no_break[32];                   /* set 3: bit n: key with code n sends no break code */
};
extern const struct state_field ps2_keyboard_state[];
void ps2_keyboard_power_on(struct ps2_keyboard *k);
void ps2_keyboard_command(struct ps2_keyboard *k, uint8_t b);   /* a byte from the host */
void ps2_keyboard_key(struct ps2_keyboard *k, uint8_t qnum, bool down);
static inline bool ps2_keyboard_idle(const struct ps2_keyboard *k) { return !ps2_has_byte(&k->q) && !k->want_arg; }
bool ps2_keyboard_ok(const struct ps2_keyboard *k);
/* The 8042's translation of set 2 into set 1 (IBM PS/2 Technical Reference, "Keyboard/Auxiliary Device Controller"). */
extern const uint8_t ps2_set2_to_set1[256];

enum { PS2_MOUSE_MOVES = 16 };
struct ps2_move { int32_t dx, dy, dz; uint8_t buttons; };
struct ps2_mouse {
	struct ps2_queue q;
	struct ps2_move  moves[PS2_MOUSE_MOVES];        /* movement the host has not fetched, one entry per change of buttons */
	uint8_t n_moves;
	uint8_t buttons;                        /* as last reported */
	uint8_t want_arg, id;                   /* 0 standard, 3 IntelliMouse, 4 Explorer */
	uint8_t rate, resolution, knock[2];     /* the two sample rates before this one */
	bool    enabled, remote, wrap, scale21;
};
extern const struct state_field ps2_mouse_state[];
void ps2_mouse_power_on(struct ps2_mouse *m);
void ps2_mouse_command(struct ps2_mouse *m, uint8_t b);
void ps2_mouse_move(struct ps2_mouse *m, int dx, int dy, int dz, unsigned buttons);
void ps2_mouse_refill(struct ps2_mouse *m);             /* queue was emptied: form the next packet */
bool ps2_mouse_ok(const struct ps2_mouse *m);
#endif
