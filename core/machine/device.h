/* device.h - what a device is: one descriptor, one struct, buses, properties.
 *
 * Life: device_new -> device_set (properties) and wires -> device_realize -> reset ... -> device_unplug.  Machine lock held throughout;
 * devices contain no locks and no atomics. */
#ifndef CORE_MACHINE_DEVICE_H
#define CORE_MACHINE_DEVICE_H
#include "core/machine/clock.h"
#include "core/machine/error.h"
#include "core/machine/irq.h"
#include "core/machine/space.h"
#include "core/machine/state.h"
#include "core/machine/text.h"

#define container_of(p, type, member) ((type *)((char *)(p) - offsetof(type, member)))

enum prop_type { PROP_END, PROP_BOOL, PROP_U8, PROP_U16, PROP_U32, PROP_U64, PROP_I32, PROP_SIZE, PROP_STRING, PROP_ENUM,
	PROP_CHARDEV, PROP_DRIVE, PROP_NETDEV, PROP_MAC, PROP_PCI_ADDR };
struct prop {
	const char *name;
	enum prop_type type;
	uint32_t offset;                /* in the device struct; STRING, CHARDEV (struct chardev *), DRIVE (struct drive *): a pointer */
	const char *def;                /* default as text, NULL = zero / absent */
	const char *help;
	const char *const *values;      /* PROP_ENUM: NULL-terminated words, the field is a uint8_t index */
};

enum reset_kind { RESET_POWER_ON, RESET_SYSTEM, RESET_BUS, RESET_LOAD /* a saved state follows: only what is under way is to be forgotten, no device comes or goes */ };
struct device;
struct device_desc {
	const char *name;               /* QEMU's device name: "isa-serial" */
	const char *alias;              /* second name or NULL */
	const char *bus;                /* bus type it sits on: "System", "ISA", "PCI", "IDE", "floppy-bus", "i2c-bus" ... */
	const char *category;           /* as `device_add help` groups them: "Input", "Storage", "Display", "Misc" ... */
	const char *description;
	uint32_t size;                  /* of the device struct, whose first member is struct device */
	bool user_creatable, hotpluggable;
	const struct prop *props;
	const struct state_field *state;
	unsigned state_version;
	bool (*realize)(struct device *d, struct error *err);           /* map regions, register with the bus */
	void (*unrealize)(struct device *d);
	void (*reset)(struct device *d, enum reset_kind kind);          /* own state only, drives no wire */
	void (*reset_done)(struct device *d);                           /* second walk: may drive wires */
	void (*saving)(struct device *d);                               /* bring derived-at-save fields up to date (deadlines) */
	bool (*loaded)(struct device *d, struct error *err);            /* range-check, rebuild, re-arm */
	void (*print)(struct device *d, struct text *out, int indent);  /* extra lines of info qtree, or NULL */
	/* Drive unnamed input wire n, as another device would (interrupt controllers; qtest's set_irq_in), or NULL. */
	void (*gpio_in)(struct device *d, unsigned n, int level);
};

struct bus {
	const char *name;               /* "pci.0", "isa.0", "ide.0" */
	const char *type;
	struct device *parent;          /* NULL: the machine */
	struct device *children;        /* linked by device.sibling, in order of creation */
	struct bus *next;               /* of the same parent */
	/* Place the device on the bus before its realize (address, slot); undo. */
	bool (*attach)(struct bus *b, struct device *d, struct error *err);
	void (*detach)(struct bus *b, struct device *d);
	bool hotplug;
};

/* A listener on a device's wires (qtest's irq_intercept_*): devices with inputs call device_tap_in where a wire reaches them, all call
 * device_tap_out where they drive one, both with the wire's number. */
struct device_tap { void (*fn)(void *arg, unsigned n, int level); void *arg; };

struct device {
	const struct device_desc *desc;
	struct machine *machine;
	char *id;                       /* from -device id=, or NULL */
	char *path;                     /* QOM path: /machine/unattached/device[3], /machine/peripheral/ID */
	struct bus *bus;
	struct device *sibling;
	struct bus *buses;              /* buses it provides */
	struct device *all_next;        /* all devices in order of creation: reset and state walks */
	uint64_t logged;                /* log sites already used, one bit a site (device_log_once) */
	bool realized;
	struct device_tap tap_in, tap_out;
};

static inline void device_tap_in(struct device *d, unsigned n, int level) { if (d->tap_in.fn) d->tap_in.fn(d->tap_in.arg, n, level); }
static inline void device_tap_out(struct device *d, unsigned n, int level) { if (d->tap_out.fn) d->tap_out.fn(d->tap_out.arg, n, level); }

/* The registry is a constant table of all descriptors, built by devices/registry.c from every device file. */
extern const struct device_desc *const device_descs[];          /* NULL-terminated */
const struct device_desc *device_find_desc(const char *name);

struct device *device_new(struct machine *m, const struct device_desc *desc, const char *id, struct error *err);
bool device_set(struct device *d, const char *prop, const char *value, struct error *err);
bool device_realize(struct device *d, struct bus *b, struct error *err);        /* frees d when it fails */
void device_discard(struct device *d);                         /* free one that was never realized */
void device_unplug(struct device *d);                           /* unrealize, detach, free */
void bus_unplug_all(struct bus *b);                             /* last made first: nobody outlives what it is wired to */
/* For boards: new + set ("name=value,..." or NULL) + realize; aborts creation of the machine through err. */
struct device *device_create(struct machine *m, const char *name, struct bus *b, const char *props, struct error *err);
struct device *device_find(struct machine *m, const char *id_or_path);
/* Output of -device help, or of DRIVER,help; nothing for any other text. */
void device_help(const char *arg, struct text *out);
void bus_init(struct bus *b, const char *type, const char *name, struct device *parent);

/* Something a guest should not do: logged (-d guest_errors) once per site and device. */
#define device_log_once(d, site, ...) do { if (!((d)->logged & (UINT64_C(1) << (site)))) { (d)->logged |= UINT64_C(1) << (site); \
	device_log((d), __VA_ARGS__); } } while (0)
void device_log(struct device *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
#endif
