/* i8042.c - PS/2 keyboard controller with its keyboard and mouse, ports 60h and 64h.
 * Ref: IBM PS/2 Hardware Interface Technical Reference, "Keyboard/Auxiliary Device Controller". */
#include "core/machine/machine.h"
#include "devices/chipset/isa.h"
#include "devices/input/ps2.h"
#include <string.h>

enum { ST_OBF = 1, ST_SYS = 4, ST_CMD = 8, ST_UNLOCKED = 0x10, ST_AUX = 0x20 };
enum { CTR_KBD_INT = 1, CTR_AUX_INT = 2, CTR_SYS = 4, CTR_KBD_OFF = 0x10, CTR_AUX_OFF = 0x20, CTR_XLATE = 0x40 };
enum { CMD_READ_RAM = 0x20, CMD_WRITE_RAM = 0x60, CMD_PASSWORD = 0xa4, CMD_AUX_OFF = 0xa7, CMD_AUX_ON, CMD_AUX_TEST, CMD_SELF_TEST,
       CMD_KBD_TEST, CMD_KBD_OFF = 0xad, CMD_KBD_ON, CMD_READ_INPUT = 0xc0, CMD_READ_OUTPUT = 0xd0, CMD_WRITE_OUTPUT, CMD_FAKE_KBD,
       CMD_FAKE_AUX, CMD_TO_AUX, CMD_A20_OFF = 0xdd, CMD_A20_ON = 0xdf, CMD_TEST_INPUTS = 0xe0, CMD_PULSE = 0xf0 };
enum { OUT_NO_RESET = 1, OUT_A20 = 2, OUT_KBD_IRQ = 0x10, OUT_AUX_IRQ = 0x20, OUT_LINES = 0xc0 };
enum { INPUT_PORT = 0xa0 /* not locked, manufacturing jumper absent */, N_REPLIES = 4 };
/* The least time between a byte being read and the device's next one.  A byte takes about 1 ms on the wire; chained keyboard handlers that
 * read port 60h a second time rely on still finding the same byte. */
enum { BYTE_GAP_NS = 500000 };

struct i8042 {
	struct device   dev;
	struct irq_line kbd_irq, aux_irq;
	struct region   data_port, cmd_port;
	struct timer    gap;
	struct input_sink keys, pointer;
	struct ps2_keyboard kbd;
	struct ps2_mouse    aux;

	uint8_t  ram[32];                       /* [0] is the command byte (CTR) */
	uint8_t  status, data;                  /* output buffer; status keeps OBF, AUX, SYS, CMD */
	uint8_t  want_data;                     /* controller command that waits for a byte on port 60h */
	uint8_t  reply[N_REPLIES], reply_aux[N_REPLIES], n_reply;
	bool     break_code;                    /* translation saw f0 */
	uint64_t next_ns;                       /* earliest time of the next device byte */
	bool     kbd_level, aux_level;
};

static void update_irq(struct i8042 *s)
{
	bool obf = s->status & ST_OBF, aux = s->status & ST_AUX;
	bool k = obf && !aux && (s->ram[0] & CTR_KBD_INT), a = obf && aux && (s->ram[0] & CTR_AUX_INT);
	if (k != s->kbd_level) {
		irq_set(&s->kbd_irq, s->kbd_level = k);
		device_tap_out(&s->dev, 0, k);
	}
	if (a != s->aux_level) {
		irq_set(&s->aux_irq, s->aux_level = a);
		device_tap_out(&s->dev, 1, a);
	}
}

static void fill(struct i8042 *s, uint8_t b, bool aux)
{
	s->data = b;
	s->status = (uint8_t)((s->status & ~ST_AUX) | ST_OBF | (aux ? ST_AUX : 0));
	update_irq(s);
}

/* Set 2 to set 1: f0 in front becomes bit 7 of the code that follows. */
static bool translate(struct i8042 *s, uint8_t *b)
{
	if (!(s->ram[0] & CTR_XLATE))
		return true;
	if (*b == 0xf0) {
		s->break_code = true;
		return false;
	}
	*b = (uint8_t)(ps2_set2_to_set1[*b] | (s->break_code ? 0x80 : 0));
	s->break_code = false;
	return true;
}

static bool may_send(struct i8042 *s, const struct ps2_queue *q)
{
	if (q->n_reply)
		return true;
	if (!q->count)
		return false;
	if ((uint64_t)clock_now(&s->dev.machine->clock) >= s->next_ns)
		return true;
	timer_set(s->dev.machine, &s->gap, (int64_t)s->next_ns);
	return false;
}

/* Between a command and its argument the keyboard "discontinues scanning, and waits for the option byte": the host would take a key for an answer,
 * and it would be lost. */
static bool keyboard_may_send(struct i8042 *s)
{
	return (!s->kbd.want_arg || s->kbd.q.n_reply) && may_send(s, &s->kbd.q);
}

/* Fill the output buffer if the guest has emptied it: controller's answers first, then the keyboard, then the mouse. */
static void pump(struct i8042 *s)
{
	while (!(s->status & ST_OBF)) {
		if (s->n_reply) {
			uint8_t b = s->reply[0];
			bool aux = s->reply_aux[0];
			s->n_reply--;
			memmove(s->reply, s->reply + 1, s->n_reply);
			memmove(s->reply_aux, s->reply_aux + 1, s->n_reply);
			fill(s, b, aux);
		} else if (!(s->ram[0] & CTR_KBD_OFF) && keyboard_may_send(s)) {
			uint8_t b = ps2_take(&s->kbd.q);
			if (translate(s, &b))
				fill(s, b, false);
		} else if (!(s->ram[0] & CTR_AUX_OFF) && may_send(s, &s->aux.q)) {
			fill(s, ps2_take(&s->aux.q), true);
			ps2_mouse_refill(&s->aux);
		} else {
			break;
		}
	}
	input_pump(s->dev.machine);
}

static void i8042_gap_over(void *arg)
{
	pump(arg);
}

static void answer(struct i8042 *s, uint8_t b, bool aux)
{
	if (s->n_reply == N_REPLIES)            /* a guest that never reads */
		return;
	s->reply[s->n_reply] = b;
	s->reply_aux[s->n_reply++] = aux;
}

static void write_output_port(struct i8042 *s, uint8_t v)
{
	machine_set_a20(s->dev.machine, v & OUT_A20);
	if (!(v & OUT_NO_RESET))
		machine_request_reset(s->dev.machine, SHUTDOWN_GUEST_RESET);
}

static uint8_t read_output_port(const struct i8042 *s)
{
	return OUT_NO_RESET | OUT_LINES | (s->dev.machine->a20 ? OUT_A20 : 0) | (s->kbd_level ? OUT_KBD_IRQ : 0) | (s->aux_level ? OUT_AUX_IRQ : 0);
}

static void set_ctr(struct i8042 *s, uint8_t v)
{
	s->ram[0] = v & 0x7f;
	s->status = (uint8_t)((s->status & ~ST_SYS) | (v & CTR_SYS));
	update_irq(s);
}

static void command(struct i8042 *s, uint8_t c)
{
	s->status |= ST_CMD;
	s->want_data = 0;
	if (c >= CMD_READ_RAM && c < CMD_READ_RAM + 32) {
		answer(s, s->ram[c - CMD_READ_RAM], false);
		return;
	}
	if (c >= CMD_PULSE) {                   /* low for 6 us: the output port's bits whose bit is 0; bit 0 is the reset line */
		if (!(c & 1))
			machine_request_reset(s->dev.machine, SHUTDOWN_GUEST_RESET);
		return;
	}
	switch (c) {
	case CMD_WRITE_RAM ... CMD_WRITE_RAM + 31:
	case CMD_WRITE_OUTPUT: case CMD_FAKE_KBD: case CMD_FAKE_AUX: case CMD_TO_AUX:
		s->want_data = c;
		break;
	case CMD_PASSWORD:    answer(s, 0xf1, false); break;            /* none is installed */
	case CMD_AUX_OFF:     s->ram[0] |= CTR_AUX_OFF; break;
	case CMD_AUX_ON:      s->ram[0] &= ~CTR_AUX_OFF; break;
	case CMD_AUX_TEST:    answer(s, 0, false); break;
	case CMD_SELF_TEST:
		s->status |= ST_SYS;
		s->ram[0] |= CTR_SYS;
		answer(s, 0x55, false);
		break;
	case CMD_KBD_TEST:    answer(s, 0, false); break;
	case CMD_KBD_OFF:     s->ram[0] |= CTR_KBD_OFF; break;
	case CMD_KBD_ON:      s->ram[0] &= ~CTR_KBD_OFF; break;
	case CMD_READ_INPUT:  answer(s, INPUT_PORT, false); break;
	case CMD_READ_OUTPUT: answer(s, read_output_port(s), false); break;
	case CMD_A20_OFF:     machine_set_a20(s->dev.machine, false); break;
	case CMD_A20_ON:      machine_set_a20(s->dev.machine, true); break;
	case CMD_TEST_INPUTS: answer(s, 0, false); break;
	default:
		if (log_on(s->dev.machine, LOG_GUEST_ERRORS))
			device_log_once(&s->dev, 0, "controller command %02x is not known", c);
	}
}

static void write_data(struct i8042 *s, uint8_t v)
{
	uint8_t c = s->want_data;
	s->want_data = 0;
	s->status &= ~ST_CMD;
	switch (c) {
	case 0:                                 /* to the keyboard; sending switches its clock on */
		s->ram[0] &= ~CTR_KBD_OFF;
		ps2_keyboard_command(&s->kbd, v);
		break;
	case CMD_WRITE_RAM:    set_ctr(s, v); break;
	case CMD_WRITE_OUTPUT: write_output_port(s, v); break;
	case CMD_FAKE_KBD:     answer(s, v, false); break;
	case CMD_FAKE_AUX:     answer(s, v, true); break;
	case CMD_TO_AUX:
		s->ram[0] &= ~CTR_AUX_OFF;
		ps2_mouse_command(&s->aux, v);
		ps2_mouse_refill(&s->aux);
		break;
	default:               s->ram[c - CMD_WRITE_RAM] = v;
	}
}

static uint64_t i8042_read_data(struct device *d, uint64_t off, unsigned size)
{
	struct i8042 *s = container_of(d, struct i8042, dev);
	uint8_t b = s->data;
	if (s->status & ST_OBF) {
		s->status &= ~(ST_OBF | ST_AUX);
		update_irq(s);
		s->next_ns = (uint64_t)clock_now(&d->machine->clock) + BYTE_GAP_NS;
		pump(s);
	}
	return b;
}

static void i8042_write_data(struct device *d, uint64_t off, unsigned size, uint64_t val)
{
	struct i8042 *s = container_of(d, struct i8042, dev);
	write_data(s, (uint8_t)val);
	pump(s);
}

static uint64_t i8042_read_status(struct device *d, uint64_t off, unsigned size)
{
	return container_of(d, struct i8042, dev)->status | ST_UNLOCKED;
}

static void i8042_write_cmd(struct device *d, uint64_t off, unsigned size, uint64_t val)
{
	struct i8042 *s = container_of(d, struct i8042, dev);
	command(s, (uint8_t)val);
	pump(s);
}

static void i8042_key(void *arg, uint8_t qnum, bool down)
{
	struct i8042 *s = arg;
	ps2_keyboard_key(&s->kbd, qnum, down);
	pump(s);
}

static bool i8042_ready(void *arg)
{
	return ps2_keyboard_idle(&((struct i8042 *)arg)->kbd);
}

static void i8042_mouse(void *arg, int dx, int dy, int dz, unsigned buttons)
{
	struct i8042 *s = arg;
	ps2_mouse_move(&s->aux, dx, dy, dz, buttons);
	pump(s);
}

static const struct io_ops data_io = { .read = i8042_read_data, .write = i8042_write_data, .min = 1, .max = 1 };
static const struct io_ops cmd_io = { .read = i8042_read_status, .write = i8042_write_cmd, .min = 1, .max = 1 };

static bool i8042_realize(struct device *d, struct error *err)
{
	struct i8042 *s = container_of(d, struct i8042, dev);
	struct machine *m = d->machine;
	s->kbd.machine = m;
	timer_init(&s->gap, i8042_gap_over, s);
	if (!isa_irq(d, 1, &s->kbd_irq, err) || !isa_irq(d, 12, &s->aux_irq, err) || !isa_map(d, &s->data_port, "i8042-data", 0x60, 1, &data_io, err))
		return false;
	if (!isa_map(d, &s->cmd_port, "i8042-cmd", 0x64, 1, &cmd_io, err)) {
		isa_unmap(d, &s->data_port);
		return false;
	}
	s->keys = (struct input_sink){ .name = "QEMU PS/2 Keyboard", .key = i8042_key, .ready = i8042_ready, .arg = s };
	s->pointer = (struct input_sink){ .name = "QEMU PS/2 Mouse", .mouse = i8042_mouse, .arg = s };
	input_register(m, &s->keys);
	input_register(m, &s->pointer);
	return true;
}

static void i8042_unrealize(struct device *d)
{
	struct i8042 *s = container_of(d, struct i8042, dev);
	timer_cancel(d->machine, &s->gap);
	input_unregister(d->machine, &s->keys);
	input_unregister(d->machine, &s->pointer);
	isa_unmap(d, &s->data_port);
	isa_unmap(d, &s->cmd_port);
}

static void i8042_reset(struct device *d, enum reset_kind kind)
{
	struct i8042 *s = container_of(d, struct i8042, dev);
	timer_cancel(d->machine, &s->gap);
	memset(s->ram, 0, sizeof s->ram);
	memset(s->reply, 0, sizeof s->reply);
	memset(s->reply_aux, 0, sizeof s->reply_aux);
	s->ram[0] = CTR_KBD_INT | CTR_AUX_INT;
	s->status = s->data = s->want_data = s->n_reply = 0;
	s->break_code = false;
	s->next_ns = 0;
	ps2_keyboard_power_on(&s->kbd);
	ps2_mouse_power_on(&s->aux);
	input_flush(d->machine);
}

static void i8042_reset_done(struct device *d)
{
	struct i8042 *s = container_of(d, struct i8042, dev);
	s->kbd_level = s->aux_level = false;
	irq_set(&s->kbd_irq, 0);
	irq_set(&s->aux_irq, 0);
	machine_set_a20(d->machine, true);
}

static bool i8042_loaded(struct device *d, struct error *err)
{
	struct i8042 *s = container_of(d, struct i8042, dev);
	if (s->n_reply > N_REPLIES || !ps2_keyboard_ok(&s->kbd) || !ps2_mouse_ok(&s->aux) || s->next_ns > INT64_MAX)
		return error_set(err, "i8042: queue positions out of range in the saved state");
	if (s->want_data && !(s->want_data >= CMD_WRITE_RAM && s->want_data < CMD_WRITE_RAM + 32) && s->want_data < CMD_WRITE_OUTPUT)
		return error_set(err, "i8042: pending command %02x of the saved state takes no data", s->want_data);
	if (s->want_data > CMD_TO_AUX)
		return error_set(err, "i8042: pending command %02x of the saved state takes no data", s->want_data);
	input_set_leds(d->machine, s->kbd.leds);
	bool obf = s->status & ST_OBF, aux = s->status & ST_AUX;
	irq_set(&s->kbd_irq, s->kbd_level = obf && !aux && (s->ram[0] & CTR_KBD_INT));
	irq_set(&s->aux_irq, s->aux_level = obf && aux && (s->ram[0] & CTR_AUX_INT));
	timer_cancel(d->machine, &s->gap);
	if (s->kbd.q.count || s->aux.q.count)
		timer_set(d->machine, &s->gap, (int64_t)s->next_ns);
	return true;
}

static const struct state_field i8042_state[] = {
	STATE_BYTES(struct i8042, ram), STATE_U8(struct i8042, status), STATE_U8(struct i8042, data), STATE_U8(struct i8042, want_data),
	STATE_BYTES(struct i8042, reply), STATE_BYTES(struct i8042, reply_aux), STATE_U8(struct i8042, n_reply),
	STATE_BOOL(struct i8042, break_code), STATE_U64(struct i8042, next_ns), STATE_STRUCT(struct i8042, kbd, ps2_keyboard_state),
	STATE_STRUCT(struct i8042, aux, ps2_mouse_state), STATE_END
};

const struct device_desc i8042_desc = {
	.name = "i8042", .bus = "ISA", .category = "Uncategorized", .description = "PS/2 keyboard controller, keyboard and mouse",
	.size = sizeof(struct i8042), .user_creatable = true, .state = i8042_state, .state_version = 1,
	.realize = i8042_realize, .unrealize = i8042_unrealize, .reset = i8042_reset, .reset_done = i8042_reset_done, .loaded = i8042_loaded,
};
