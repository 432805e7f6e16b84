/* rig.h - a bare machine whose loop runs in a thread of its own, and front ends that note what happens to them. */
#ifndef TESTS_UNIT_RIG_H
#define TESTS_UNIT_RIG_H
#include "core/char/chardev.h"
#include "core/machine/machine.h"
#include "core/monitor/monitor.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

struct rig { struct machine *m; pthread_t loop; char dir[64]; };
struct rig *rig_new(void);                      /* with monitors; dir: an empty folder */
void rig_free(struct rig *r);
/* Wait (a minute at most: machines are shared) until cond holds; it is looked at with the machine lock held. */
#define RIG_WAIT(r, cond) do { \
	int tries_ = 60000; \
	for (;;) { \
		machine_lock((r)->m); bool ok_ = (cond); machine_unlock((r)->m); \
		if (ok_) break; \
		if (!--tries_) fail_msg("waited in vain for %s", #cond); \
		rig_nap(); \
	} } while (0)
void rig_nap(void);

/* A front end. */
struct probe {
	struct chardev *c;
	struct text got, events;                /* events: letters o c b i u = opened closed break mux-in mux-out */
	unsigned room;                          /* what can_read says */
	unsigned writable;                      /* calls of can_write */
	struct text more;                       /* what can_write sends */
};
struct chardev *rig_chardev(struct rig *r, const char *label, const char *spec);        /* must succeed */
/* spec with p as its front end, before the loop sees either. */
struct chardev *rig_chardev_probe(struct rig *r, const char *label, const char *spec, struct probe *p);
void probe_attach(struct rig *r, struct probe *p, struct chardev *c);
void probe_detach(struct rig *r, struct probe *p);
bool probe_has(struct probe *p, const char *text);              /* lock held */
size_t probe_write(struct rig *r, struct probe *p, const void *buf, size_t len);
void probe_room(struct rig *r, struct probe *p, unsigned room);

/* Peers: blocking sockets with a time limit. */
int peer_unix(const char *path);
int peer_tcp(unsigned port);
void peer_send(int fd, const void *buf, size_t len);
void peer_expect(int fd, const char *text);                     /* reads until text has come, and nothing behind it */
#endif
