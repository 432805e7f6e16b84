/* virtio_port.c - ports of a virtio console controller: "virtconsole" (hvcN in Linux) and "virtserialport" (/dev/virtio-ports/NAME).
 * Ref: VIRTIO 1.2, section 5.3.6 "Device Operation". */
#include "devices/virtio/virtio_serial.h"
#include "core/machine/machine.h"
#include <stdio.h>

enum { CHUNK = 4096, AT_A_TIME = 1 << 20 };             /* bytes of output in one go, so that nobody waits long for the machine lock */

static struct vserial_port *of(struct device *d) { return container_of(d, struct vserial_port, dev); }

/* ---- output -------------------------------------------------------------------------------------------------------------------- */

/* The rest of a buffer.  False: the chardev is full, or the device broke. */
static bool put_buffer(struct vserial_port *p, struct virtqueue *q, const struct vq_chain *c, size_t *budget)
{
	uint8_t bytes[CHUNK];

	while (p->out_done < c->out_len && *budget) {
		size_t want = c->out_len - p->out_done < CHUNK ? (size_t)(c->out_len - p->out_done) : CHUNK;
		size_t n = virtqueue_read(q, c, p->out_done, bytes, want);
		if (!n)
			return false;
		size_t took = p->chr && p->host_open ? chardev_write(p->chr, p, bytes, n) : n;
		p->out_done += took;
		*budget -= took < *budget ? took : *budget;
		if (took < n) {
			p->throttled = true;            /* can_write follows */
			return false;
		}
	}
	return p->out_done >= c->out_len;
}

void vport_output(struct vserial_port *p)
{
	struct virtqueue *q = vserial_output(p);
	size_t budget = AT_A_TIME;
	struct vq_chain c;

	if (!vserial_running(p->serial) || p->throttled)
		return;
	while (virtqueue_peek(q, &c) && put_buffer(p, q, &c, &budget)) {
		virtqueue_taken(q);
		virtqueue_push(q, c.head, 0);
		p->out_done = 0;
		budget -= budget < CHUNK ? budget : CHUNK / 64;
		if (!budget)
			break;
	}
	virtqueue_signal(q);
	if (!budget)
		vserial_resume(p->serial);
}

/* ---- input --------------------------------------------------------------------------------------------------------------------- */

/* The next buffer with room.  Those without are given back, as long as there are some left of *looks: other vCPUs may offer such without end. */
static bool next_room(struct virtqueue *q, struct vq_chain *c, unsigned *looks)
{
	for (; *looks && virtqueue_peek(q, c); --*looks) {
		if (c->in_len)
			return true;
		virtqueue_taken(q);
		virtqueue_push(q, c->head, 0);
	}
	return false;
}

static unsigned can_read(void *arg)
{
	struct vserial_port *p = arg;
	unsigned looks = VQ_SIZE_MAX;
	struct vq_chain c;

	if (!vserial_running(p->serial) || !p->guest_open || !next_room(vserial_input(p), &c, &looks))
		return 0;
	return c.in_len < CHUNK ? (unsigned)c.in_len : CHUNK;
}

static void read_input(void *arg, const uint8_t *buf, unsigned len)
{
	struct vserial_port *p = arg;
	struct virtqueue *q = vserial_input(p);
	unsigned looks = VQ_SIZE_MAX;
	struct vq_chain c;

	while (len && next_room(q, &c, &looks)) {
		unsigned n = (unsigned)virtqueue_write(q, &c, 0, buf, len);
		virtqueue_taken(q);
		virtqueue_push(q, c.head, n);
		buf += n;
		len -= n;
	}
	virtqueue_signal(q);
}

void vport_input_room(struct vserial_port *p)
{
	if (p->chr && p->guest_open)
		chardev_accept_input(p->chr, p);
}

/* ---- the chardev's side -------------------------------------------------------------------------------------------------------- */

static void can_write(void *arg)
{
	struct vserial_port *p = arg;

	p->throttled = false;
	vport_output(p);
}

static void event(void *arg, enum chr_event ev)
{
	struct vserial_port *p = arg;

	if (ev == CHR_OPENED || ev == CHR_CLOSED) {
		/* A console is there for the guest whoever listens. */
		p->host_open = ev == CHR_OPENED || vport_is_console(p);
		can_write(p);
		vserial_tell(p->serial);
	} else if (ev == CHR_RESIZED) {
		vserial_tell(p->serial);
		if (!p->nr)
			vserial_size_changed(p->serial);
	}
}

void vport_size(const struct vserial_port *p, unsigned *cols, unsigned *rows)
{
	*cols = *rows = 0;
	if (vport_is_console(p) && p->chr)
		chardev_size(p->chr, cols, rows);
}

/* ---- the controller's side ----------------------------------------------------------------------------------------------------- */

static void tell_listeners(struct vserial_port *p)
{
	char detail[256];

	if (!p->dev.id || p->announced == p->guest_open)
		return;
	p->announced = p->guest_open;
	p->quiet_until_ns = clock_now(&p->dev.machine->clock) + NS_PER_SEC;
	snprintf(detail, sizeof detail, "{\"id\": \"%.200s\", \"open\": %s}", p->dev.id, p->guest_open ? "true" : "false");
	machine_emit(p->dev.machine, EV_VSERPORT_CHANGE, detail);
}

static void on_announce(void *arg) { tell_listeners(arg); }

/* A guest that opens and closes without end does not flood who listens: what is true when the second is over is told then. */
static void announce(struct vserial_port *p)
{
	struct machine *m = p->dev.machine;

	if (clock_now(&m->clock) >= p->quiet_until_ns)
		tell_listeners(p);
	else
		timer_set(m, &p->announce, p->quiet_until_ns);
}

void vport_set_guest_open(struct vserial_port *p, bool open)
{
	if (p->guest_open == open)
		return;
	p->guest_open = open;
	announce(p);
	vport_input_room(p);
}

void vport_reset(struct vserial_port *p)
{
	vport_set_guest_open(p, false);
	p->todo = p->ready = p->told_open = 0;
	p->told_cols = p->told_rows = 0;
	p->out_done = 0;
}

/* ---- life ---------------------------------------------------------------------------------------------------------------------- */

static bool realize(struct device *d, struct error *err)
{
	struct vserial_port *p = of(d);
	const struct chr_front f = { .can_read = can_read, .read = read_input, .can_write = can_write, .event = event, .arg = p,
		.told_size = vport_is_console(p), .name = p->name ? p->name : d->desc->name };

	timer_init(&p->announce, on_announce, p);
	if (p->chr && !chardev_attach(p->chr, &f, err))
		return error_prefix(err, "Property '%s.chardev' can't take value '%s': ", d->desc->name, p->chr->label);
	p->host_open = p->chr && vport_is_console(p);
	if (p->serial->driver_ready)
		p->todo = VPORT_ADD;
	vserial_tell(p->serial);
	return true;
}

static void unrealize(struct device *d)
{
	struct vserial_port *p = of(d);

	timer_cancel(d->machine, &p->announce);
	p->guest_open = false;
	tell_listeners(p);
	if (p->chr)
		chardev_detach(p->chr, p);
}

static bool loaded(struct device *d, struct error *err)
{
	struct vserial_port *p = of(d);

	if (p->todo & ~(VPORT_ADD | VPORT_CONSOLE | VPORT_NAME) || p->ready > 1 || p->guest_open > 1 || p->told_open > 1)
		return error_set(err, "saved state of a port is out of range");
	p->throttled = false;
	timer_cancel(d->machine, &p->announce);         /* the clock is another one */
	p->quiet_until_ns = 0;
	tell_listeners(p);
	return true;
}

static void print(struct device *d, struct text *out, int indent)
{
	const struct vserial_port *p = of(d);

	text_printf(out, "%*sport %u, guest %s, host %s, throttle %s\n", indent, "", p->nr, p->guest_open ? "on" : "off",
	            p->host_open ? "on" : "off", p->throttled ? "on" : "off");
}

static const struct prop port_props[] = {
	{ "chardev", PROP_CHARDEV, offsetof(struct vserial_port, chr), NULL, "id of the chardev that carries the line", NULL },
	{ "nr", PROP_U32, offsetof(struct vserial_port, nr), "4294967295", "number of the port; without it the first that is free", NULL },
	{ "name", PROP_STRING, offsetof(struct vserial_port, name), NULL, "what the guest finds it by, /dev/virtio-ports/NAME", NULL },
	{ 0 }
};
static const struct state_field port_state[] = {
	STATE_U8(struct vserial_port, todo), STATE_U8(struct vserial_port, ready), STATE_U8(struct vserial_port, guest_open),
	STATE_U8(struct vserial_port, told_open), STATE_U16(struct vserial_port, told_cols), STATE_U16(struct vserial_port, told_rows), STATE_U64(struct vserial_port, out_done), STATE_END
};
#define PORT(dev, text) { \
	.name = dev, .bus = "virtio-serial-bus", .category = "Input", .description = text, .size = sizeof(struct vserial_port), \
	.user_creatable = true, .hotpluggable = true, .props = port_props, .state = port_state, .state_version = 1, \
	.realize = realize, .unrealize = unrealize, .loaded = loaded, .print = print }
const struct device_desc virtconsole_desc = PORT("virtconsole", "console of a guest, told the size of its terminal");
const struct device_desc virtserialport_desc = PORT("virtserialport", "named line between guest and host");
