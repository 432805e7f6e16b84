/* input.h - keys and pointer events on their way from a front end to a device. */
#ifndef CORE_MACHINE_INPUT_H
#define CORE_MACHINE_INPUT_H
#include "core/machine/error.h"
#include <stdbool.h>
#include <stdint.h>
struct machine;

/* Key numbers: "qnum" = set-1 scancode, with 0x80 added for keys that carry an E0 prefix (right Ctrl = 0x9d, Up = 0xc8 ...).
 * Pause = 0xc6, Print = 0xb7 (SysRq = 0x54). */
enum { KEY_EXTENDED = 0x80 };
struct key_name { const char *name; uint8_t qnum; };
extern const struct key_name key_names[];                /* QEMU's sendkey names: "ret", "ctrl", "alt_r", "kp_add" ...; ends with NULL */
int key_by_name(const char *name);                       /* qnum, or -1 */

enum { MOUSE_LEFT = 1, MOUSE_RIGHT = 2, MOUSE_MIDDLE = 4, MOUSE_SIDE = 8, MOUSE_EXTRA = 16 };
enum { LED_SCROLL = 1, LED_NUM = 2, LED_CAPS = 4 };     /* bits as the ED command carries them */
struct input_sink {
	const char *name;                                /* "QEMU PS/2 Mouse" as info mice prints it */
	void (*key)(void *arg, uint8_t qnum, bool down);
	/* dx right, dy down, dz wheel up (away from the user) are positive. */
	void (*mouse)(void *arg, int dx, int dy, int dz, unsigned buttons);
	bool (*ready)(void *arg);                        /* may the next queued key come now?  NULL: always */
	bool absolute;
	void *arg;
	struct input_sink *next;
};
struct input *input_new(struct machine *m);
void input_free(struct input *in);
/* Devices register at realize; the last one that takes keys (or the pointer) gets them. */
void input_register(struct machine *m, struct input_sink *s);
void input_unregister(struct machine *m, struct input_sink *s);
/* Machine lock held.  Keys queue here and are paced by the device (8042 output buffer): input_key_room is how many more events the
 * queue takes; input_key drops nothing as long as the caller asks first. */
void input_key(struct machine *m, uint8_t qnum, bool down);
unsigned input_key_room(struct machine *m);
void input_mouse(struct machine *m, int dx, int dy, int dz, unsigned buttons);
/* Monitor's sendkey: "ctrl-alt-f1" pressed together, released after hold_ms (default 100). */
bool input_sendkey(struct machine *m, const char *keys, unsigned hold_ms, struct error *err);
/* Called by a sink that can take a key again after its ready() returned false. */
void input_pump(struct machine *m);
void input_flush(struct machine *m);                     /* forget queued keys (system reset) */
/* Keyboard lights as the guest set them (LED_* bits). */
void input_set_leds(struct machine *m, unsigned leds);
unsigned input_leds(struct machine *m);
/* Pointers for info mice and mouse_set: follow ->next; *current gets the events. */
const struct input_sink *input_sinks(struct machine *m, const struct input_sink **current);
bool input_select_mouse(struct machine *m, unsigned index);
#endif
