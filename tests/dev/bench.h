/* bench.h - a bare machine for one device: an ISA bus whose wires are watched, a PCI bus, a stepped clock, a back end that keeps what
 * it gets. */
#ifndef TESTS_DEV_BENCH_H
#define TESTS_DEV_BENCH_H
#include "core/char/chardev.h"
#include "core/machine/machine.h"
#include "devices/pci/pci.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

struct bench {
	struct machine *m;
	struct bus isa;
	struct pci_bus pci;
	int      level[16];
	unsigned rises[16];
	struct chardev *chr;                    /* label "t" */
	uint8_t  out[8192];                     /* what the device sent */
	size_t   out_len, room;                 /* room: bytes the back end still takes */
	struct serial_params params;
	unsigned lines_out, lines_in, breaks, asked_for_input;
};
/* The machine is locked for the whole test. */
struct bench *bench_new(void);
void bench_free(struct bench *b);
struct device *bench_device(struct bench *b, const char *name, const char *props);      /* on the bus its descriptor asks for */
void bench_reset(struct device *d);
void outb(struct bench *b, uint16_t port, uint8_t v);
uint8_t inb(struct bench *b, uint16_t port);
void step(struct bench *b, int64_t ns);
/* The device is saved, loaded into itself after a reset, saved again: both saved states must be equal. */
void bench_save_load_save(struct device *d);
/* Without the second time. */
void bench_save_load(struct device *d);
#endif
