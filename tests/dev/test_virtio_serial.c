/* test_virtio_serial.c - the console device: its control channel, what passes between queues and chardevs, ports that come and go. */
#include "core/monitor/monitor.h"
#include "devices/virtio/virtio_serial.h"
#include "tests/dev/virtiorig.h"

enum { IN = 0, OUT = 1, CONTROL_IN = 2, CONTROL_OUT = 3, IN1 = 4, OUT1 = 5, QUEUES = 8 };
enum { DEVICE_READY, PORT_ADD, PORT_REMOVE, PORT_READY, CONSOLE_PORT, RESIZE, PORT_OPEN, PORT_NAME };
#define F_SIZE VIRTIO_BIT(0)
#define F_MULTIPORT VIRTIO_BIT(1)
#define PORTS "-device virtconsole,chardev=c,id=con -device virtserialport,chardev=d,name=org.line,id=line"

static void control(struct vrig *r, unsigned port, unsigned event, unsigned value)
{
	const uint8_t msg[8] = { (uint8_t)port, (uint8_t)(port >> 8), 0, 0, (uint8_t)event, 0, (uint8_t)value, 0 };
	uint64_t addr;
	uint32_t n;

	vrig_offer(r, CONTROL_OUT, msg, sizeof msg, false);
	vrig_notify(r, CONTROL_OUT);
	assert_true(vrig_used(r, CONTROL_OUT, &addr, &n));
}

static void offer_control(struct vrig *r, unsigned n)
{
	while (n--)
		vrig_offer(r, CONTROL_IN, NULL, 64, true);
	vrig_notify(r, CONTROL_IN);
}

/* The next message to the driver must be this one; more: its further bytes. */
static void told(struct vrig *r, unsigned port, unsigned event, unsigned value, const void *more, size_t len)
{
	uint8_t msg[64];
	uint64_t addr;
	uint32_t n;

	assert_true(vrig_used(r, CONTROL_IN, &addr, &n));
	vrig_peek(r, addr, msg, sizeof msg);
	if (msg[0] != port || msg[4] != event || msg[6] != value)
		fail_msg("port %u event %u value %u instead of %u %u %u", msg[0], msg[4], msg[6], port, event, value);
	assert_int_equal(n, 8 + len);
	assert_memory_equal(msg + 8, more ? more : "", len);
}

static void told_nothing(struct vrig *r)
{
	uint64_t addr;
	uint32_t n;

	assert_false(vrig_used(r, CONTROL_IN, &addr, &n));
}

/* From the driver's first word to where it has taken notice of port 0: it is told of both ports, and that this one is an open console. */
static void greet(struct vrig *r)
{
	control(r, 0, DEVICE_READY, 1);
	told(r, 0, PORT_ADD, 1, NULL, 0);
	told(r, 1, PORT_ADD, 1, NULL, 0);
	told_nothing(r);
	control(r, 0, PORT_READY, 1);
	told(r, 0, CONSOLE_PORT, 1, NULL, 0);
	told(r, 0, PORT_OPEN, 1, NULL, 0);
}

/* Up to where both ports are open. */
static struct vrig *open_ports(const char *device)
{
	struct vrig *r = vrig_new(device, PORTS);

	assert_true(vrig_start(r, 0, QUEUES));
	offer_control(r, 24);
	control(r, 0, DEVICE_READY, 0);                         /* it could not */
	told_nothing(r);
	greet(r);
	told_nothing(r);
	control(r, 1, PORT_READY, 1);
	told(r, 1, PORT_NAME, 1, "org.line", 8);
	told(r, 1, PORT_OPEN, 1, NULL, 0);
	control(r, 0, PORT_OPEN, 1);
	control(r, 1, PORT_OPEN, 1);
	told_nothing(r);
	return r;
}

static void opening(void **state)
{
	struct vrig *r = open_ports("virtio-serial-pci");
	struct text out = { 0 };

	assert_int_equal(vread(r, V_CONFIG + 4, 4), 31);
	monitor_run_line(r->m, "info qtree", 0, &out);
	assert_non_null(strstr(out.s, "bus: vs.0\n"));
	assert_non_null(strstr(out.s, "port 0, guest on, host on, throttle off\n"));
	text_free(&out);
	/* The other end of a line comes and goes; a console is there for the guest whoever looks. */
	vread(r, V_ISR, 1);
	chr_event(r->chr[1].c, CHR_CLOSED);
	assert_int_equal(vread(r, V_ISR, 1), 1);
	told(r, 1, PORT_OPEN, 0, NULL, 0);
	chr_event(r->chr[1].c, CHR_OPENED);
	told(r, 1, PORT_OPEN, 1, NULL, 0);
	chr_event(r->chr[0].c, CHR_CLOSED);
	told_nothing(r);
	/* A driver that takes notice once more is told once more. */
	control(r, 1, PORT_READY, 1);
	told(r, 1, PORT_NAME, 1, "org.line", 8);
	told(r, 1, PORT_OPEN, 1, NULL, 0);
	told_nothing(r);
	vrig_free(r);
}

/* Messages wait for buffers, and nothing of them is lost: there is one at a time here. */
static void few_buffers(void **state)
{
	struct vrig *r = vrig_new("virtio-serial-pci", PORTS);
	static const struct { unsigned port, event; } want[] = { { 0, PORT_ADD }, { 1, PORT_ADD }, { 0, CONSOLE_PORT }, { 0, PORT_OPEN }, { 0, RESIZE }, { 1, PORT_NAME },
		{ 1, PORT_OPEN } };
	uint64_t addr;
	uint32_t n;
	uint8_t msg[64];

	r->chr[0].cols = 80;
	r->chr[0].rows = 25;
	assert_true(vrig_start(r, 0, QUEUES));
	control(r, 0, DEVICE_READY, 1);
	for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
		if (want[i].event == CONSOLE_PORT) {
			control(r, 0, PORT_READY, 1);
			control(r, 1, PORT_READY, 1);
		}
		vrig_save_load_save(r);
		told_nothing(r);
		offer_control(r, 1);
		assert_true(vrig_used(r, CONTROL_IN, &addr, &n));
		vrig_peek(r, addr, msg, sizeof msg);
		assert_int_equal(msg[0], want[i].port);
		assert_int_equal(msg[4], want[i].event);
	}
	offer_control(r, 1);
	told_nothing(r);
	vrig_free(r);
}

/* ---- bytes --------------------------------------------------------------------------------------------------------------------- */

static void output(void **state)
{
	struct vrig *r = open_ports("virtio-serial-pci");
	uint64_t addr, first;
	uint32_t n;

	vrig_offer(r, OUT, "to the console", 14, false);
	vrig_offer(r, OUT1, "to the line", 11, false);
	vrig_notify(r, OUT);
	vrig_notify(r, OUT1);
	assert_int_equal(r->chr[0].out_len, 14);
	assert_memory_equal(r->chr[0].out, "to the console", 14);
	assert_memory_equal(r->chr[1].out, "to the line", 11);
	assert_true(vrig_used(r, OUT, &addr, &n));
	/* The chardev takes little: the guest's buffers wait, nothing is lost, also across saving. */
	r->chr[0].out_len = 0;
	r->chr[0].room = 4;
	first = vrig_offer(r, OUT, "abcdefghij", 10, false);
	vrig_offer(r, OUT, "KLM", 3, false);
	vrig_notify(r, OUT);
	assert_int_equal(r->chr[0].out_len, 4);
	assert_false(vrig_used(r, OUT, &addr, &n));
	r->chr[0].room = 100;
	vrig_notify(r, OUT);                            /* asking again does not help, before the chardev has said that it has room */
	assert_int_equal(r->chr[0].out_len, 4);
	r->chr[0].room = 0;
	vrig_save_load_save(r);
	r->chr[0].room = 3;
	board_step(r->m, 1);                            /* after loading it looks by itself */
	assert_int_equal(r->chr[0].out_len, 7);
	r->chr[0].room = 100;
	chr_can_write(r->chr[0].c);
	assert_int_equal(r->chr[0].out_len, 13);
	assert_memory_equal(r->chr[0].out, "abcdefghijKLM", 13);
	assert_true(vrig_used(r, OUT, &addr, &n));
	assert_int_equal(addr, first);
	assert_true(vrig_used(r, OUT, &addr, &n));
	/* A line without a peer takes everything and keeps nothing. */
	chr_event(r->chr[1].c, CHR_CLOSED);
	r->chr[1].out_len = 0;
	assert_true(vrig_used(r, OUT1, &addr, &n));
	vrig_offer(r, OUT1, "lost", 4, false);
	vrig_notify(r, OUT1);
	assert_true(vrig_used(r, OUT1, &addr, &n));
	assert_int_equal(r->chr[1].out_len, 0);
	/* What still waits for a peer that hangs up goes the same way. */
	chr_event(r->chr[1].c, CHR_OPENED);
	r->chr[1].room = 0;
	vrig_offer(r, OUT1, "too late", 8, false);
	vrig_notify(r, OUT1);
	assert_false(vrig_used(r, OUT1, &addr, &n));
	chr_event(r->chr[1].c, CHR_CLOSED);
	assert_true(vrig_used(r, OUT1, &addr, &n));
	assert_int_equal(r->chr[1].out_len, 0);
	/* A port that is not there, too. */
	vrig_offer(r, 7, "nobody", 6, false);
	vrig_notify(r, 7);
	assert_true(vrig_used(r, 7, &addr, &n));
	vrig_free(r);
}

/* So much that it does not go in one piece: others get their turn in between. */
static void much_output(void **state)
{
	struct vrig *r = open_ports("virtio-serial-pci");
	unsigned used = 0;
	uint64_t addr;
	uint32_t n;

	chr_event(r->chr[1].c, CHR_CLOSED);                     /* takes everything */
	vrig_offer(r, OUT1, NULL, 3 << 20, false);
	vrig_notify(r, OUT1);
	assert_false(vrig_used(r, OUT1, &addr, &n));
	for (int i = 0; i < 4; i++)
		board_step(r->m, 1);
	assert_true(vrig_used(r, OUT1, &addr, &n));
	for (int i = 0; i < 3; i++)
		vrig_offer(r, OUT1, NULL, 1 << 20, false);
	vrig_notify(r, OUT1);
	while (vrig_used(r, OUT1, &addr, &n))
		used++;
	assert_in_range(used, 1, 2);
	for (int i = 0; i < 4; i++)
		board_step(r->m, 1);
	while (vrig_used(r, OUT1, &addr, &n))
		used++;
	assert_int_equal(used, 3);
	vrig_free(r);
}

/* No output is taken from a driver that is not there, whatever the chardev says. */
static void output_without_a_driver(void **state)
{
	struct vrig *r = open_ports("virtio-serial-pci");
	uint64_t addr;
	uint32_t n;

	vwrite(r, V_STATUS, 1, 0xb);
	vrig_offer(r, OUT, "x", 1, false);
	chr_event(r->chr[0].c, CHR_OPENED);
	assert_false(vrig_used(r, OUT, &addr, &n));
	assert_int_equal(r->chr[0].out_len, 0);
	vrig_free(r);
}

/* The driver takes back one queue alone: what of it was on its way is forgotten. */
static void output_and_queue_reset(void **state)
{
	struct vrig *r = open_ports("virtio-serial-pci");

	r->chr[0].room = 2;
	vrig_offer(r, OUT, "abcdef", 6, false);
	vrig_notify(r, OUT);
	vwrite(r, V_QUEUE_SELECT, 2, OUT);
	vwrite(r, V_QUEUE_RESET, 2, 1);
	vrig_queue(r, OUT);
	r->chr[0].room = 100;
	chr_can_write(r->chr[0].c);
	vrig_offer(r, OUT, "again", 5, false);
	vrig_notify(r, OUT);
	assert_int_equal(r->chr[0].out_len, 7);
	assert_memory_equal(r->chr[0].out, "abagain", 7);
	vrig_free(r);
}

/* What is queued by a driver that goes away is forgotten. */
static void output_and_reset(void **state)
{
	struct vrig *r = open_ports("virtio-serial-pci");

	r->chr[0].room = 2;
	vrig_offer(r, OUT, "abcdef", 6, false);
	vrig_notify(r, OUT);
	vwrite(r, V_STATUS, 1, 0);
	r->chr[0].room = 100;
	chr_can_write(r->chr[0].c);
	assert_int_equal(r->chr[0].out_len, 2);
	assert_int_equal(chr_can_read(r->chr[0].c), 0);
	assert_true(vrig_start(r, F_MULTIPORT, 2));
	vrig_offer(r, OUT, "again", 5, false);
	vrig_notify(r, OUT);
	assert_memory_equal(r->chr[0].out, "abagain", 7);
	vrig_free(r);
}

static void input(void **state)
{
	struct vrig *r = open_ports("virtio-serial-pci");
	uint64_t addr;
	uint32_t n;
	char got[16];

	assert_int_equal(vrig_type(r, 0, "early", 5), 0);       /* no buffers: it waits in the chardev */
	r->chr[0].asked = 0;
	vrig_offer(r, IN, NULL, 4, true);
	vrig_offer(r, IN, NULL, 0, true);
	vrig_offer(r, IN, NULL, 8, true);
	vrig_notify(r, IN);
	assert_int_equal(r->chr[0].asked, 1);
	vread(r, V_ISR, 1);
	assert_int_equal(vrig_type(r, 0, "0123456789abcdef", 16), 12);
	assert_int_equal(vread(r, V_ISR, 1), 1);
	assert_true(vrig_used(r, IN, &addr, &n));
	assert_int_equal(n, 4);
	vrig_peek(r, addr, got, 4);
	assert_memory_equal(got, "0123", 4);
	assert_true(vrig_used(r, IN, &addr, &n));
	assert_int_equal(n, 0);
	assert_true(vrig_used(r, IN, &addr, &n));
	assert_int_equal(n, 8);
	vrig_peek(r, addr, got, 8);
	assert_memory_equal(got, "456789ab", 8);
	/* Nothing for a port that nobody has open. */
	vrig_offer(r, IN1, NULL, 100, true);
	vrig_notify(r, IN1);
	assert_int_equal(chr_can_read(r->chr[1].c), 100);
	control(r, 1, PORT_OPEN, 0);
	assert_int_equal(chr_can_read(r->chr[1].c), 0);
	r->chr[1].asked = 0;
	vrig_notify(r, IN1);
	assert_int_equal(r->chr[1].asked, 0);
	vrig_free(r);
}

/* ---- sizes --------------------------------------------------------------------------------------------------------------------- */

static void resize(struct vrig *r, unsigned cols, unsigned rows)
{
	r->chr[0].cols = cols;
	r->chr[0].rows = rows;
	chr_event(r->chr[0].c, CHR_RESIZED);
}

static void sizes(void **state)
{
	struct vrig *r = open_ports("virtio-serial-pci");

	resize(r, 132, 43);
	told(r, 0, RESIZE, 0, "\x84\0\x2b\0", 4);               /* columns first */
	resize(r, 132, 43);
	told_nothing(r);                                        /* it knows */
	assert_int_equal(vread(r, V_ISR, 1) & 2, 0);            /* and needs no other news */
	assert_int_equal(vread(r, V_CONFIG, 4), 43 << 16 | 132);
	chr_event(r->chr[1].c, CHR_RESIZED);                    /* a line has no size */
	told_nothing(r);
	resize(r, 0, 0);
	told_nothing(r);
	/* A driver that starts anew is told anew. */
	resize(r, 100, 30);
	assert_true(vrig_start(r, 0, QUEUES));
	offer_control(r, 8);
	greet(r);
	told(r, 0, RESIZE, 0, "\x64\0\x1e\0", 4);
	/* Without the feature there is no such message. */
	assert_true(vrig_start(r, F_SIZE, QUEUES));
	offer_control(r, 8);
	greet(r);
	resize(r, 90, 20);
	told_nothing(r);
	assert_true(vrig_start(r, F_SIZE | F_MULTIPORT, 2));
	resize(r, 91, 20);
	assert_int_equal(vread(r, V_ISR, 1), 0);
	vrig_free(r);
}

/* A driver that knows of one port looks into the configuration. */
static void one_port(void **state)
{
	static const char *const kinds[] = { "virtio-serial-pci,max_ports=1", "virtio-serial-pci" };

	for (int k = 0; k < 2; k++) {
		struct vrig *r = vrig_new(kinds[k], "-device virtconsole,chardev=c");
		uint64_t addr;
		uint32_t n;
		assert_int_equal(vread(r, V_NUM_QUEUES, 2), k ? 64 : 2);
		assert_true(vrig_start(r, F_MULTIPORT, 2));
		uint8_t before = (uint8_t)vread(r, V_GENERATION, 1);
		assert_int_equal(vread(r, V_ISR, 1), 0);
		resize(r, 132, 43);
		assert_int_equal(vread(r, V_ISR, 1), 2);
		assert_int_not_equal(vread(r, V_GENERATION, 1), before);
		assert_int_equal(vread(r, V_CONFIG, 2), 132);
		assert_int_equal(vread(r, V_CONFIG + 2, 2), 43);
		for (unsigned reminder = 0; reminder < 3; reminder++) {
			board_step(r->m, 6 * NS_PER_SEC);
			assert_int_equal(vread(r, V_ISR, 1), reminder ? 0 : 2);
		}
		vrig_offer(r, OUT, "x", 1, false);
		vrig_notify(r, OUT);
		vrig_offer(r, IN, NULL, 10, true);
		vrig_notify(r, IN);
		assert_int_equal(r->chr[0].out_len, 1);
		assert_int_equal(vrig_type(r, 0, "y", 1), 1);
		assert_true(vrig_used(r, IN, &addr, &n));
		vrig_free(r);
	}
}

static void by_the_legacy_interface(void **state)
{
	struct vrig *r = vrig_new("virtio-serial-pci-transitional", PORTS);
	uint64_t addr;
	uint32_t n;

	resize(r, 80, 25);
	vrig_start_legacy(r, 0, QUEUES);
	offer_control(r, 8);
	greet(r);
	told(r, 0, RESIZE, 0, "\x50\0\x19\0", 4);
	control(r, 0, PORT_OPEN, 1);
	vrig_offer(r, OUT, "legacy", 6, false);
	vrig_notify(r, OUT);
	assert_memory_equal(r->chr[0].out, "legacy", 6);
	vrig_offer(r, IN, NULL, 10, true);
	vrig_notify(r, IN);
	assert_int_equal(vrig_type(r, 0, "key", 3), 3);
	assert_true(vrig_used(r, IN, &addr, &n));
	assert_int_equal(in32(r->m, V_IO + 20), 25 << 16 | 80);
	vrig_free(r);
}

static void emergency(void **state)
{
	struct vrig *r = vrig_new("virtio-serial-pci", PORTS);

	vwrite(r, V_CONFIG + 8, 4, '!');                        /* no driver, no queues */
	vwrite(r, V_CONFIG + 4, 4, 77);                         /* read-only */
	assert_int_equal(r->chr[0].out_len, 1);
	assert_int_equal(r->chr[0].out[0], '!');
	assert_int_equal(vread(r, V_CONFIG + 4, 4), 31);
	vrig_free(r);
	r = vrig_new("virtio-serial-pci,emergency-write=off", PORTS);
	vwrite(r, V_CONFIG + 8, 4, '!');
	assert_int_equal(r->chr[0].out_len, 0);
	vrig_free(r);
}

/* ---- ports that come and go ---------------------------------------------------------------------------------------------------- */

static void say(struct vrig *r, const char *line, const char *want)
{
	struct text out = { 0 };

	monitor_run_line(r->m, line, 0, &out);
	assert_string_equal(out.s ? out.s : "", want);
	text_free(&out);
}

static void come_and_go(void **state)
{
	struct vrig *r = open_ports("virtio-serial-pci");

	say(r, "device_add virtserialport,id=hot,name=org.hot", "");
	told(r, 2, PORT_ADD, 1, NULL, 0);
	control(r, 2, PORT_READY, 1);
	told(r, 2, PORT_NAME, 1, "org.hot", 7);                 /* nothing is connected: it is not open */
	told_nothing(r);
	say(r, "device_del line", "");
	told(r, 1, PORT_REMOVE, 1, NULL, 0);
	say(r, "device_add virtserialport,id=line,chardev=d,nr=1", "");
	told(r, 1, PORT_ADD, 1, NULL, 0);
	/* Gone before the driver could hear of it. */
	say(r, "device_add virtserialport,id=short,nr=9", "");
	told(r, 9, PORT_ADD, 1, NULL, 0);
	vrig_free(r);

	r = vrig_new("virtio-serial-pci", "");
	assert_true(vrig_start(r, 0, QUEUES));
	control(r, 0, DEVICE_READY, 1);
	say(r, "device_add virtserialport,id=brief", "");
	say(r, "device_del brief", "");
	offer_control(r, 4);
	told_nothing(r);
	say(r, "device_del vs", "");                            /* the guest is asked for the card; a reset ends the wait */
	machine_reset(r->m, RESET_SYSTEM);
	assert_null(device_find(r->m, "vs"));
	say(r, "device_add virtio-serial-pci,id=vs,addr=5", "");
	say(r, "device_add virtconsole,chardev=c,id=again", "");
	vrig_free(r);
}

static void refusals(void **state)
{
	static const struct { const char *args, *want; } bad[] = {
		{ "-device virtconsole", "No 'virtio-serial-bus' bus found for device 'virtconsole'" },
		{ "-device virtio-serial,max_ports=0", "Maximum number of serial ports not specified" },
		{ "-device virtio-serial,max_ports=32", "max_ports=32: a controller has 1 to 31 ports" },
		{ "-device virtio-serial,max_ports=1 -device virtserialport", "Out-of-range port id specified, max. allowed: 0" },
		{ "-device virtio-serial -device virtserialport,nr=0", "Port number 0 on virtio-serial devices reserved for virtconsole" },
		{ "-device virtio-serial -device virtserialport,nr=31", "Out-of-range port id specified, max. allowed: 30" },
		{ "-device virtio-serial,max_ports=2 -device virtserialport -device virtserialport", "Maximum port limit for this device reached" },
		{ "-device virtio-serial -device virtconsole -device virtconsole,nr=0", "A port already exists at id 0" },
		{ "-device virtio-serial -device virtserialport,name=x -device virtserialport,name=x", "A port already exists by name x" },
		{ "-device virtio-serial -chardev null,id=c -device virtconsole,chardev=c -device virtconsole,chardev=c",
			"Property 'virtconsole.chardev' can't take value 'c': Device 'c' is in use" } };
	struct error err;

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (!strstr(board_error(bad[i].args, &err), bad[i].want))
			fail_msg("%s: %s", bad[i].args, err.msg);
	/* Two controllers: the ports go to the first with room. */
	struct machine *m = board_new("-device virtio-serial,max_ports=1 -device virtio-serial -device virtconsole -device virtconsole,id=x");
	assert_string_equal(device_find(m, "x")->bus->name, "virtio-serial-bus.1");
	board_free(m);
}

static void wrong_messages(void **state)
{
	struct vrig *r = open_ports("virtio-serial-pci");
	uint64_t addr;
	uint32_t n;

	control(r, 99, PORT_READY, 1);
	control(r, 0xffff, PORT_OPEN, 1);
	control(r, 5, PORT_OPEN, 1);
	control(r, 0, 77, 1);
	control(r, 1, PORT_READY, 0);
	vrig_offer(r, CONTROL_OUT, "\1", 1, false);             /* cut off */
	vrig_offer(r, CONTROL_OUT, NULL, 0, false);
	vrig_notify(r, CONTROL_OUT);
	assert_true(vrig_used(r, CONTROL_OUT, &addr, &n));
	assert_true(vrig_used(r, CONTROL_OUT, &addr, &n));
	told_nothing(r);
	assert_int_equal(vread(r, V_STATUS, 1), 0xf);
	chr_event(r->chr[1].c, CHR_CLOSED);                     /* it was no DEVICE_READY that failed */
	told(r, 1, PORT_OPEN, 0, NULL, 0);
	/* A buffer that no message fits in takes as much as it holds. */
	vrig_free(r);
	r = vrig_new("virtio-serial-pci", PORTS);
	assert_true(vrig_start(r, 0, QUEUES));
	vrig_offer(r, CONTROL_IN, NULL, 3, true);
	control(r, 0, DEVICE_READY, 1);
	assert_true(vrig_used(r, CONTROL_IN, &addr, &n));
	assert_int_equal(n, 3);
	vrig_free(r);
}

static void events(void *arg, enum machine_event ev, const char *detail)
{
	if (ev == EV_VSERPORT_CHANGE)
		text_printf(arg, "%s\n", detail);
}

static void announced(void **state)
{
	struct vrig *r = open_ports("virtio-serial-pci");
	struct text seen = { 0 };
	struct listener l = { .fn = events, .arg = &seen };

	board_step(r->m, NS_PER_SEC);
	machine_listen(r->m, &l);
	for (int i = 0; i < 3; i++) {                           /* of many changes in a second the last is told at its end */
		control(r, 1, PORT_OPEN, 0);
		control(r, 1, PORT_OPEN, 0);
		control(r, 1, PORT_OPEN, 1);
	}
	assert_string_equal(seen.s, "{\"id\": \"line\", \"open\": false}\n");
	board_step(r->m, NS_PER_SEC);
	assert_string_equal(seen.s, "{\"id\": \"line\", \"open\": false}\n{\"id\": \"line\", \"open\": true}\n");
	board_step(r->m, 2 * NS_PER_SEC);
	seen.len = 0;
	machine_reset(r->m, RESET_SYSTEM);
	assert_string_equal(seen.s, "{\"id\": \"con\", \"open\": false}\n{\"id\": \"line\", \"open\": false}\n");
	/* One that goes while it is open. */
	machine_unlisten(r->m, &l);
	vrig_free(r);
	r = open_ports("virtio-serial-pci");
	machine_listen(r->m, &l);
	seen.len = 0;
	say(r, "device_del line", "");
	assert_string_equal(seen.s, "{\"id\": \"line\", \"open\": false}\n");
	machine_unlisten(r->m, &l);
	text_free(&seen);
	vrig_free(r);
}

/* What no port and no controller can have been in is refused. */
static void saved_state(void **state)
{
	struct vrig *r = open_ports("virtio-serial-pci");
	struct device *line = device_find(r->m, "line"), *vs = device_find(r->m, "vs");
	struct vserial_port *p = container_of(line, struct vserial_port, dev);
	struct virtio_serial *s = p->serial;
	uint8_t *const fields[] = { &p->todo, &p->ready, &p->guest_open, &p->told_open, &s->driver_ready };
	struct error err;

	for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
		struct device *d = i < 4 ? line : vs;
		uint8_t was = *fields[i];
		*fields[i] = i ? 2 : 8;
		if (d->desc->loaded(d, &err))
			fail_msg("field %zu", i);
		*fields[i] = was;
		assert_true(d->desc->loaded(d, &err));
	}
	vrig_free(r);
}

/* ---- noise --------------------------------------------------------------------------------------------------------------------- */

static uint32_t rnd(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return (uint32_t)(*s >> 16);
}

static void one_step(struct vrig *r, uint64_t *s)
{
	static const uint8_t lens[] = { 1, 2, 4, 8 };
	unsigned q = rnd(s) % QUEUES;
	uint8_t bytes[16];

	for (unsigned i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)(rnd(s) % 4 ? rnd(s) % 8 : rnd(s));
	switch (rnd(s) % 10) {
	case 0: vwrite(r, V_BAR4 + rnd(s) % 64, lens[rnd(s) % 3], rnd(s)); break;
	case 1: vread(r, V_BAR4 + rnd(s) % 0x4000, lens[rnd(s) % 4]); break;
	case 2: vwrite(r, V_CONFIG + rnd(s) % 16, lens[rnd(s) % 3], rnd(s)); break;
	case 3: space_write(&r->m->io, V_IO + rnd(s) % 64, lens[rnd(s) % 3], rnd(s) % 2 ? rnd(s) % 70 : rnd(s)); break;
	case 4: cfg_write(r->m, V_SLOT, 0x40 + (rnd(s) % 0x68 & ~3u), 4, rnd(s)); break;
	case 5: vrig_poke(r, RIG_RINGS + q * RIG_RING_STEP + rnd(s) % RIG_RING_STEP, bytes, 1 + rnd(s) % 8); break;
	case 6: if (r->q[q].size) vrig_offer(r, q, bytes, rnd(s) % 16, rnd(s) & 1); break;
	case 7: vrig_type(r, rnd(s) & 1, bytes, rnd(s) % 16); break;
	case 8: r->chr[rnd(s) & 1].room = rnd(s) % 64; chr_can_write(r->chr[rnd(s) & 1].c); break;
	default: vrig_notify(r, q); break;
	}
	if (r->next_buffer > 0xe00000)
		r->next_buffer = RIG_BUFFERS;
}

static void noise(void **state)
{
	uint64_t s = UINT64_C(0x123456789abcdef1);
	struct vrig *r = vrig_new("virtio-serial-pci", PORTS);

	for (unsigned round = 0; round < 400; round++) {
		r->legacy = false;
		cfg_write(r->m, V_SLOT, 4, 2, PCI_CMD_IO | PCI_CMD_MEM | PCI_CMD_MASTER);
		if (rnd(&s) % 4)
			vrig_start(r, rnd(&s) % 4 ? 0 : rnd(&s), QUEUES);
		else
			vrig_start_legacy(r, rnd(&s) % 4 ? 0 : rnd(&s), QUEUES);
		for (unsigned i = 0; i < 200; i++)
			one_step(r, &s);
		for (unsigned i = 0; i < 2; i++)
			r->chr[i].out_len = 0;
		board_step(r->m, 1000);
		if (rnd(&s) % 8 == 0)
			vrig_save_load_save(r);
	}
	vrig_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(opening), cmocka_unit_test(few_buffers), cmocka_unit_test(output), cmocka_unit_test(output_and_reset),
		cmocka_unit_test(much_output), cmocka_unit_test(output_without_a_driver), cmocka_unit_test(output_and_queue_reset), cmocka_unit_test(saved_state),
		cmocka_unit_test(input), cmocka_unit_test(sizes), cmocka_unit_test(one_port), cmocka_unit_test(by_the_legacy_interface), cmocka_unit_test(emergency),
		cmocka_unit_test(come_and_go), cmocka_unit_test(refusals), cmocka_unit_test(wrong_messages), cmocka_unit_test(announced), cmocka_unit_test(noise) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
