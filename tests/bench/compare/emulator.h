/* emulator.h - an emulator as a child process on a pseudo-terminal, with the guest's first serial port in our hands. */
#ifndef TESTS_BENCH_COMPARE_EMULATOR_H
#define TESTS_BENCH_COMPARE_EMULATOR_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

enum serial_kind {
	SERIAL_SOCKET,          /* we listen on the path, the emulator connects (vmux, QEMU: -serial unix:PATH) */
	SERIAL_FIFO,            /* the emulator writes to a named pipe (Bochs: com1 mode=file); one way */
};
struct emulator {
	const char *name;
	pid_t pid;
	pid_t machine;          /* the process that runs the guest, by its pid file; 0 = not known, or pid itself */
	int pty, serial, listener;
	char path[108];
	/* called with all that arrives on the serial port, right after it was read; cpu = CPU seconds used at that moment */
	void (*on_serial)(struct emulator *e, const char *data, size_t n, double cpu);
	void *arg;
	char tail[4096];        /* the last bytes of the serial port, for emulator_expect() */
	size_t n_tail;
	char screen[2048];      /* the last bytes written to the terminal, to tell why it died */
	size_t n_screen;
	uint64_t received;
};

/* Make the serial end at `path`, then start argv on a terminal of 100 by 30.  False = said on stderr.  An emulator whose guest runs in
 * a process of its own (vmux with a screen) must be told to write the pid file `path`.pid. */
bool emulator_start(struct emulator *e, const char *name, enum serial_kind kind, const char *path, const char *const argv[]);
void emulator_stop(struct emulator *e);
/* CPU seconds of all its threads, the guest's process included. */
double emulator_cpu(struct emulator *e);
/* Move what there is to move on all terminals and serial ports, for at most ms.  False when one of them has ended. */
bool emulators_pump(struct emulator *const *list, unsigned n, int ms);
/* Pump until `text` came on e's serial port (what is before it is forgotten); false after `seconds` or when one has ended. */
bool emulator_expect(struct emulator *e, struct emulator *const *list, unsigned n, const char *text, double seconds);
bool emulator_send(struct emulator *e, const char *text);
double wall(void);
#endif
