/* virtio_serial.h - the virtio console device: a controller and the ports on its bus.  Ref: VIRTIO 1.2, section 5.3 "Console Device".
 *
 * virtio_serial.c is the controller: queues, the control channel, configuration.  virtio_port.c is a port: "virtconsole", "virtserialport" and what lies
 * between a port's queues and its chardev.  Nothing is copied on the way: output stays in the guest's buffers until the chardev takes it, input in the
 * chardev until the guest has offered buffers. */
#ifndef DEVICES_VIRTIO_VIRTIO_SERIAL_H
#define DEVICES_VIRTIO_VIRTIO_SERIAL_H
#include "core/char/chardev.h"
#include "devices/virtio/virtio_pci.h"

enum { VSERIAL_PORTS = 31 };
struct virtio_serial;

struct vserial_port {
	struct device dev;
	struct chardev *chr;                            /* property; NULL = nothing is connected */
	char    *name;                                  /* property: /dev/virtio-ports/NAME in the guest */
	uint32_t nr;                                    /* property: its number; UINT32_MAX = the first that is free */
	struct virtio_serial *serial;
	bool     host_open;                             /* the chardev has a peer */
	bool     announced;                             /* what listeners were last told of guest_open */
	int64_t  quiet_until_ns; struct timer announce; /* they are told once a second at most */
	bool     throttled;                             /* the chardev has to make room before more is taken from the guest */
	/* state */
	uint8_t  todo;                                  /* control messages that wait for a buffer, VPORT_... */
	uint8_t  ready;                                 /* the driver has taken notice of the port */
	uint8_t  guest_open;                            /* a program in the guest has it open */
	uint8_t  told_open;                             /* what the driver knows of host_open */
	uint16_t told_cols, told_rows;                  /* and of the size */
	uint64_t out_done;                              /* bytes of the first buffer of output that the chardev has taken */
};
enum { VPORT_ADD = 1, VPORT_CONSOLE = 2, VPORT_NAME = 4 };
extern const struct device_desc virtio_serial_pci_desc, virtio_serial_pci_transitional_desc, virtio_serial_pci_non_transitional_desc;
extern const struct device_desc virtconsole_desc, virtserialport_desc;
static inline bool vport_is_console(const struct vserial_port *p) { return p->dev.desc == &virtconsole_desc; }

struct virtio_serial {
	struct virtio_pci vpci;
	struct bus bus;
	char     bus_name[80];
	uint32_t max_ports;                             /* property */
	uint8_t  emergency_write;                       /* property */
	struct vserial_port *port[VSERIAL_PORTS];       /* by number */
	struct timer remind; uint8_t reminders;         /* tell a driver of one port the size again: it may not have listened */
	struct timer resume;                            /* look at the queues again: after loading, and when there was too much for one go */
	/* state */
	uint8_t  driver_ready;                          /* the driver has asked for the ports */
	uint32_t removed;                               /* bit n: the driver has to be told that port n has gone */
};

/* The port's queues. */
struct virtqueue *vserial_input(const struct vserial_port *p);
struct virtqueue *vserial_output(const struct vserial_port *p);
bool vserial_running(const struct virtio_serial *s);
bool vserial_multiport(const struct virtio_serial *s);
/* Does the driver want to know sizes? */
bool vserial_tells_size(const struct virtio_serial *s);
/* Tell the driver what it does not know yet, as far as it has offered buffers. */
void vserial_tell(struct virtio_serial *s);
/* Look at all queues again soon, from the loop. */
void vserial_resume(struct virtio_serial *s);
/* The size of the console at port 0 is another one: it is in the configuration, too. */
void vserial_size_changed(struct virtio_serial *s);

/* virtio_port.c: for the controller. */
void vport_output(struct vserial_port *p);              /* the driver has offered output */
void vport_input_room(struct vserial_port *p);          /* the driver has offered buffers for input */
void vport_set_guest_open(struct vserial_port *p, bool open);
void vport_reset(struct vserial_port *p);
void vport_size(const struct vserial_port *p, unsigned *cols, unsigned *rows);          /* 0 = not known, or no console */
#endif
