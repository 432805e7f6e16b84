/* vm_priv.h - shared by the files behind vm.h. */
#ifndef CORE_VM_PRIV_H
#define CORE_VM_PRIV_H
#include "core/machine/machine.h"
#include "core/vm.h"

struct vm {
	struct machine *m;
	pthread_t loop_thread;
	bool loop_started;
	int event_fd;
	_Atomic bool signalled, ended;
	struct listener listener;
	struct pidfile *pidfile;
	unsigned resets_seen;
	pthread_mutex_t snapshot_lock;  /* a leaf: guards snapshot */
	struct vm_snapshot_state snapshot;
};
/* Any thread: wake the front end once until it acknowledges. */
void vm_wake(void *vm);
#endif
