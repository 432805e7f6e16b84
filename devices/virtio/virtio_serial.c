/* virtio_serial.c - the controller of virtio consoles, "virtio-serial-pci".  Ref: VIRTIO 1.2, section 5.3.
 *
 *   queues          0 input of port 0 | 1 output of port 0 | 2 control, to the driver | 3 control, from the driver
 *                   | 2n+2 input of port n | 2n+3 output of port n
 *   configuration   columns u16 | rows u16 | ports u32 | emergency write u32
 *   control         port u32 | event u16 | value u16 | a resize: columns u16, rows u16; a name: its bytes */
#include "devices/virtio/virtio_serial.h"
#include "core/machine/le.h"
#include "core/machine/machine.h"
#include <stdio.h>
#include <string.h>

enum { F_SIZE = 0, F_MULTIPORT = 1, F_EMERG_WRITE = 2 };
enum { Q_CONTROL_IN = 2, Q_CONTROL_OUT = 3, DATA_SIZE = 128, CONTROL_SIZE = 32 };
enum { CONFIG_COLS = 0, CONFIG_ROWS = 2, CONFIG_PORTS = 4, CONFIG_EMERG = 8, CONFIG_LEN = 12 };
enum { EV_DEVICE_READY, EV_PORT_ADD, EV_PORT_REMOVE, EV_PORT_READY, EV_CONSOLE_PORT, EV_VS_RESIZE, EV_PORT_OPEN, EV_PORT_NAME };
enum { MESSAGE = 8, NAME_MAX_BYTES = 256 };
enum { LOG_CONTROL = 44, LOG_PORT_FAILED };              /* sites of device_log_once */

static struct virtio_serial *of(struct device *d) { return container_of(d, struct virtio_serial, vpci.pci.dev); }
static struct virtio_serial *of_virtio(struct virtio *v) { return container_of(v, struct virtio_serial, vpci.v); }
static struct device *dev_of(struct virtio_serial *s) { return &s->vpci.pci.dev; }

bool vserial_running(const struct virtio_serial *s) { return virtio_running(&s->vpci.v); }
bool vserial_multiport(const struct virtio_serial *s) { return virtio_has(&s->vpci.v, F_MULTIPORT); }
bool vserial_tells_size(const struct virtio_serial *s) { return virtio_has(&s->vpci.v, F_SIZE); }

static unsigned input_queue(unsigned port) { return port ? 2 * port + 2 : 0; }
struct virtqueue *vserial_input(const struct vserial_port *p) { return &p->serial->vpci.vq[input_queue(p->nr)]; }
struct virtqueue *vserial_output(const struct vserial_port *p) { return &p->serial->vpci.vq[input_queue(p->nr) + 1]; }

/* ---- the control channel, to the driver ---------------------------------------------------------------------------------------- */

/* False: the driver has offered no buffer; the message has to wait. */
static bool send(struct virtio_serial *s, unsigned port, unsigned event, unsigned value, const void *more, size_t len)
{
	struct virtqueue *q = &s->vpci.vq[Q_CONTROL_IN];
	uint8_t msg[MESSAGE + NAME_MAX_BYTES] = { (uint8_t)port };
	struct vq_chain c;

	if (!virtqueue_peek(q, &c))
		return false;
	le_put(msg + 4, event, 2);
	le_put(msg + 6, value, 2);
	if (len)
		memcpy(msg + MESSAGE, more, len);
	size_t n = virtqueue_write(q, &c, 0, msg, MESSAGE + len);
	virtqueue_taken(q);
	virtqueue_push(q, c.head, (uint32_t)n);
	return true;
}

static bool send_todo(struct virtio_serial *s, struct vserial_port *p, uint8_t what, unsigned event, const void *more, size_t len)
{
	if (!(p->todo & what))
		return true;
	if (!send(s, p->nr, event, 1, more, len))
		return false;
	p->todo &= (uint8_t)~what;
	return true;
}

static bool send_size(struct virtio_serial *s, struct vserial_port *p)
{
	unsigned cols, rows;
	uint8_t size[4];

	vport_size(p, &cols, &rows);
	if (!cols || !vserial_tells_size(s) || (cols == p->told_cols && rows == p->told_rows))
		return true;
	le_put(size, cols, 2);
	le_put(size + 2, rows, 2);
	if (!send(s, p->nr, EV_VS_RESIZE, 0, size, sizeof size))
		return false;
	p->told_cols = (uint16_t)cols;
	p->told_rows = (uint16_t)rows;
	return true;
}

/* All that the driver has to know of a port, in the order in which it can make use of it. */
static bool tell_port(struct virtio_serial *s, struct vserial_port *p)
{
	size_t len = p->name ? strnlen(p->name, NAME_MAX_BYTES) : 0;

	if (!send_todo(s, p, VPORT_ADD, EV_PORT_ADD, NULL, 0))
		return false;
	if (!p->ready)
		return true;
	if (!send_todo(s, p, VPORT_CONSOLE, EV_CONSOLE_PORT, NULL, 0) || !send_todo(s, p, VPORT_NAME, EV_PORT_NAME, p->name, len))
		return false;
	if (p->told_open != p->host_open) {
		if (!send(s, p->nr, EV_PORT_OPEN, p->host_open, NULL, 0))
			return false;
		p->told_open = p->host_open;
	}
	return !vport_is_console(p) || send_size(s, p);
}

void vserial_tell(struct virtio_serial *s)
{
	bool room = true;

	if (!vserial_running(s) || !vserial_multiport(s) || !s->driver_ready)
		return;
	for (unsigned n = 0; n < s->max_ports && room; n++) {
		if (s->removed >> n & 1) {
			room = send(s, n, EV_PORT_REMOVE, 1, NULL, 0);
			if (room)
				s->removed &= ~(UINT32_C(1) << n);
		}
		if (room && s->port[n])
			room = tell_port(s, s->port[n]);
	}
	virtqueue_signal(&s->vpci.vq[Q_CONTROL_IN]);
}

void vserial_size_changed(struct virtio_serial *s)
{
	if (vserial_tells_size(s) && !vserial_multiport(s))
		virtio_config_changed(&s->vpci.v);
}

/* Linux, when it uses one port only, never asks how large the terminal is, and hears of it only once it has made its console, some time after
 * DRIVER_OK: so it is told after 0, 1/4, 1 and 4 seconds. */
enum { REMINDERS = 3 };

static void on_remind(void *arg)
{
	struct virtio_serial *s = arg;
	struct machine *m = dev_of(s)->machine;
	unsigned cols = 0, rows;

	if (s->port[0])
		vport_size(s->port[0], &cols, &rows);
	if (cols)
		vserial_size_changed(s);
	if (s->reminders)
		timer_set(m, &s->remind, clock_now(&m->clock) + (4 * NS_PER_SEC >> 2 * --s->reminders));
}

/* ---- later --------------------------------------------------------------------------------------------------------------------- */

static void on_resume(void *arg)
{
	struct virtio_serial *s = arg;

	virtio_look(&s->vpci.v);
	vserial_tell(s);
}

void vserial_resume(struct virtio_serial *s) { timer_set(dev_of(s)->machine, &s->resume, 0); }

/* ---- the control channel, from the driver -------------------------------------------------------------------------------------- */

static void port_ready(struct vserial_port *p, bool worked)
{
	if (!worked) {
		device_log_once(dev_of(p->serial), LOG_PORT_FAILED, "the driver could not add port %u", p->nr);
		return;
	}
	p->ready = true;
	p->told_open = p->told_cols = p->told_rows = 0;
	p->todo = (uint8_t)((p->todo & VPORT_ADD) | (vport_is_console(p) ? VPORT_CONSOLE : 0) | (p->name && *p->name ? VPORT_NAME : 0));
}

static void control(struct virtio_serial *s, unsigned port, unsigned event, unsigned value)
{
	struct vserial_port *p = port < s->max_ports ? s->port[port] : NULL;

	if (event == EV_DEVICE_READY) {
		s->driver_ready = value == 1;
		s->removed = 0;
		for (unsigned n = 0; n < s->max_ports; n++)
			if (s->port[n])
				s->port[n]->todo = VPORT_ADD;
	} else if (!p) {                                /* it may just have gone */
		device_log_once(dev_of(s), LOG_CONTROL, "control message %u for port %u, which is not there", event, port);
	} else if (event == EV_PORT_READY) {
		port_ready(p, value == 1);
	} else if (event == EV_PORT_OPEN) {
		vport_set_guest_open(p, value != 0);
	}
}

static void read_control(struct virtio_serial *s)
{
	struct virtqueue *q = &s->vpci.vq[Q_CONTROL_OUT];
	struct vq_chain c;
	unsigned n = 0;

	for (; n < CONTROL_SIZE && virtqueue_peek(q, &c); n++) {
		uint8_t b[MESSAGE] = { 0 };
		bool whole = virtqueue_read(q, &c, 0, b, sizeof b) == sizeof b;
		virtqueue_taken(q);
		virtqueue_push(q, c.head, 0);
		if (whole)
			control(s, (unsigned)le_get(b, 4), (unsigned)le_get(b + 4, 2), (unsigned)le_get(b + 6, 2));
	}
	virtqueue_signal(q);
	vserial_tell(s);
	if (n == CONTROL_SIZE)
		vserial_resume(s);
}

/* ---- what virtio.c calls ------------------------------------------------------------------------------------------------------- */

static uint64_t features(struct virtio *v)
{
	const struct virtio_serial *s = of_virtio(v);
	return VIRTIO_BIT(F_SIZE) | (s->max_ports > 1 ? VIRTIO_BIT(F_MULTIPORT) : 0) | (s->emergency_write ? VIRTIO_BIT(F_EMERG_WRITE) : 0);
}

static void get_config(struct virtio *v, uint8_t *config)
{
	struct virtio_serial *s = of_virtio(v);
	unsigned cols = 0, rows = 0;

	if (s->port[0])
		vport_size(s->port[0], &cols, &rows);
	le_put(config + CONFIG_COLS, cols, 2);
	le_put(config + CONFIG_ROWS, rows, 2);
	le_put(config + CONFIG_PORTS, s->max_ports, 2);
}

/* Emergency write: a character for the first console, whatever the state of the queues. */
static void set_config(struct virtio *v, unsigned off, const uint8_t *bytes, unsigned len)
{
	struct virtio_serial *s = of_virtio(v);

	if (off != CONFIG_EMERG || !s->emergency_write)
		return;
	for (unsigned n = 0; n < s->max_ports; n++)
		if (s->port[n] && vport_is_console(s->port[n]) && s->port[n]->chr) {
			chardev_write(s->port[n]->chr, s->port[n], bytes, 1);
			return;
		}
}

static struct vserial_port *port_of(struct virtio_serial *s, unsigned queue)
{
	unsigned n = queue < 2 ? 0 : queue / 2 - 1;
	return n < s->max_ports ? s->port[n] : NULL;
}

/* Output that goes nowhere is taken all the same: nothing is left of a port that is not there. */
static void discard(struct virtio_serial *s, struct virtqueue *q)
{
	struct vq_chain c;
	unsigned n = 0;

	for (; n < DATA_SIZE && virtqueue_peek(q, &c); n++) {
		virtqueue_taken(q);
		virtqueue_push(q, c.head, 0);
	}
	virtqueue_signal(q);
	if (n == DATA_SIZE)
		vserial_resume(s);
}

static void notified(struct virtio *v, unsigned queue)
{
	struct virtio_serial *s = of_virtio(v);
	struct vserial_port *p;

	if (queue == Q_CONTROL_IN)
		vserial_tell(s);
	else if (queue == Q_CONTROL_OUT)
		read_control(s);
	else if ((p = port_of(s, queue)) != NULL)
		(queue & 1 ? vport_output : vport_input_room)(p);
	else if (queue & 1)
		discard(s, &s->vpci.vq[queue]);
}

/* A driver that knows of one port only does not say when it is open. */
static void started(struct virtio *v)
{
	struct virtio_serial *s = of_virtio(v);

	if (vserial_multiport(s))
		return;
	if (s->port[0])
		vport_set_guest_open(s->port[0], true);
	s->reminders = REMINDERS;
	on_remind(s);
}

static void serial_reset(struct virtio *v)
{
	struct virtio_serial *s = of_virtio(v);

	s->driver_ready = false;
	s->removed = 0;
	timer_cancel(dev_of(s)->machine, &s->remind);
	for (unsigned n = 0; n < VSERIAL_PORTS; n++)
		if (s->port[n])
			vport_reset(s->port[n]);
}

static void queue_reset(struct virtio *v, unsigned queue)
{
	struct vserial_port *p = queue == Q_CONTROL_IN || queue == Q_CONTROL_OUT ? NULL : port_of(of_virtio(v), queue);

	if (p && (queue & 1))
		p->out_done = 0;
}

static const struct virtio_ops serial_ops = { VIRTIO_ID_CONSOLE, features, get_config, set_config, notified, started, serial_reset,
	queue_reset };

/* ---- the bus ------------------------------------------------------------------------------------------------------------------- */

static unsigned free_number(const struct virtio_serial *s, bool console)
{
	unsigned n = console && !s->port[0] ? 0 : 1;    /* port 0 is for a console: old drivers know no other */

	while (n < s->max_ports && s->port[n])
		n++;
	return n;
}

static bool attach(struct bus *b, struct device *d, struct error *err)
{
	struct virtio_serial *s = container_of(b, struct virtio_serial, bus);
	struct vserial_port *p = container_of(d, struct vserial_port, dev);
	unsigned n = p->nr == UINT32_MAX ? free_number(s, vport_is_console(p)) : p->nr;

	if (!n && !vport_is_console(p))
		return error_set(err, "Port number 0 on virtio-serial devices reserved for virtconsole devices for backward compatibility.");
	if (n >= s->max_ports && p->nr == UINT32_MAX && s->max_ports > 1)
		return error_set(err, "virtio-serial-bus: Maximum port limit for this device reached");
	if (n >= s->max_ports)
		return error_set(err, "virtio-serial-bus: Out-of-range port id specified, max. allowed: %u", s->max_ports - 1);
	if (s->port[n])
		return error_set(err, "virtio-serial-bus: A port already exists at id %u", n);
	for (unsigned i = 0; p->name && i < s->max_ports; i++)
		if (s->port[i] && s->port[i]->name && !strcmp(s->port[i]->name, p->name))
			return error_set(err, "virtio-serial-bus: A port already exists by name %s", p->name);
	p->nr = n;
	p->serial = s;
	s->port[n] = p;
	return true;
}

static void detach(struct bus *b, struct device *d)
{
	struct virtio_serial *s = container_of(b, struct virtio_serial, bus);
	struct vserial_port *p = container_of(d, struct vserial_port, dev);

	s->port[p->nr] = NULL;
	/* A driver that has not heard of it yet need not hear that it has gone. */
	if (d->realized && s->driver_ready && !(p->todo & VPORT_ADD))
		s->removed |= UINT32_C(1) << p->nr;
	vserial_tell(s);
}

/* ID.0, or virtio-serial-bus.N with the first N that is free. */
static void name_bus(struct virtio_serial *s)
{
	const struct device *d = dev_of(s);
	bool taken = true;

	if (d->id) {
		snprintf(s->bus_name, sizeof s->bus_name, "%.77s.0", d->id);
		return;
	}
	for (unsigned n = 0; taken; n++) {
		snprintf(s->bus_name, sizeof s->bus_name, "virtio-serial-bus.%u", n);
		taken = false;
		for (const struct device *o = d->machine->devices; o; o = o->all_next)
			for (const struct bus *b = o->buses; b; b = b->next)
				taken |= !strcmp(b->name, s->bus_name);
	}
}

/* ---- life ---------------------------------------------------------------------------------------------------------------------- */

static bool realize(struct device *d, struct error *err)
{
	struct virtio_serial *s = of(d);

	if (!s->max_ports)
		return error_set(err, "Maximum number of serial ports not specified");
	if (s->max_ports > VSERIAL_PORTS)
		return error_set(err, "max_ports=%u: a controller has 1 to %d ports", s->max_ports, VSERIAL_PORTS);
	if (d->desc == &virtio_serial_pci_non_transitional_desc)
		s->vpci.disable_legacy = VIRTIO_LEGACY_OFF;
	s->vpci.v.ops = &serial_ops;
	s->vpci.v.config_len = CONFIG_LEN;
	s->vpci.v.n_vq = s->max_ports > 1 ? input_queue(s->max_ports - 1) + 2 : 2;
	for (unsigned n = 0; n < s->vpci.v.n_vq; n++)
		s->vpci.vq[n].size_max = n == Q_CONTROL_IN || n == Q_CONTROL_OUT ? CONTROL_SIZE : DATA_SIZE;
	s->vpci.transitional_id = 0x1003;
	if (!virtio_pci_realize(&s->vpci, 0x078000, err))
		return false;
	timer_init(&s->resume, on_resume, s);
	timer_init(&s->remind, on_remind, s);
	name_bus(s);
	bus_init(&s->bus, "virtio-serial-bus", s->bus_name, d);
	s->bus.attach = attach;
	s->bus.detach = detach;
	s->bus.hotplug = true;
	return true;
}

static void unrealize(struct device *d)
{
	timer_cancel(d->machine, &of(d)->resume);       /* the other one goes with the reset */
	virtio_pci_unrealize(&of(d)->vpci);
}

static void reset(struct device *d, enum reset_kind kind) { virtio_pci_reset(&of(d)->vpci); }

static bool loaded(struct device *d, struct error *err)
{
	if (of(d)->driver_ready > 1)
		return error_set(err, "saved state of a virtio console is out of range");
	vserial_resume(of(d));                          /* chardevs and their sizes may be others than they were */
	of(d)->reminders = 0;
	timer_set(d->machine, &of(d)->remind, 0);
	return virtio_pci_loaded(&of(d)->vpci, err);
}

#define SERIAL_PROPS VIRTIO_PCI_PROPS("2"), \
	{ "max_ports", PROP_U32, offsetof(struct virtio_serial, max_ports), "31", "ports that there can be, 1 to 31", NULL }, \
	{ "emergency-write", PROP_BOOL, offsetof(struct virtio_serial, emergency_write), "on", \
	  "offer a register for the output of a guest in distress", NULL }, { 0 }
static const struct prop any_props[] = { VIRTIO_PCI_MODES, SERIAL_PROPS }, fixed_props[] = { SERIAL_PROPS };
static const struct state_field serial_state[] = {
	STATE_STRUCT(struct virtio_serial, vpci, virtio_pci_state), STATE_U8(struct virtio_serial, driver_ready),
	STATE_U32(struct virtio_serial, removed), STATE_END
};

#define VIRTIO_SERIAL(dev, other, text, properties) { \
	.name = dev, .alias = other, .bus = "PCI", .category = "Input", .description = text, .size = sizeof(struct virtio_serial), \
	.user_creatable = true, .hotpluggable = true, .props = properties, .state = serial_state, .state_version = 1, \
	.realize = realize, .unrealize = unrealize, .reset = reset, .loaded = loaded, .print = pci_print }
const struct device_desc virtio_serial_pci_desc = VIRTIO_SERIAL("virtio-serial-pci", "virtio-serial",
	"controller of virtio consoles and ports", any_props);
const struct device_desc virtio_serial_pci_transitional_desc = VIRTIO_SERIAL("virtio-serial-pci-transitional", NULL,
	"controller of virtio consoles and ports, legacy and modern", fixed_props);
const struct device_desc virtio_serial_pci_non_transitional_desc = VIRTIO_SERIAL("virtio-serial-pci-non-transitional", NULL,
	"controller of virtio consoles and ports, modern only", fixed_props);
