/* vm_snapshot.c - snapshots for a front end: asked for here, done by the loop. */
#include "core/machine/snapshot.h"
#include "core/vm_priv.h"
#include <stdlib.h>
#include <string.h>

_Static_assert((int)VM_SNAPSHOT_TAG == (int)SNAPSHOT_TAG, "tags have one length");

/* The loop, machine lock held. */
static void carry_out(void *arg)
{
	struct vm *vm = arg;
	struct vm_snapshot_state s;
	struct error err = { "" };
	bool ok = true;

	pthread_mutex_lock(&vm->snapshot_lock);
	s = vm->snapshot;
	pthread_mutex_unlock(&vm->snapshot_lock);
	switch (s.op) {
	case VM_SNAPSHOT_SAVE:
		if (!*s.tag)
			snapshot_make_tag(vm->m, s.tag);
		ok = snapshot_save(vm->m, s.tag, &err);
		break;
	case VM_SNAPSHOT_LOAD:   ok = snapshot_load(vm->m, s.tag, &err); break;
	case VM_SNAPSHOT_DELETE: ok = snapshot_delete(vm->m, s.tag, &err); break;
	}
	pthread_mutex_lock(&vm->snapshot_lock);
	memcpy(vm->snapshot.tag, s.tag, sizeof(s.tag));
	vm->snapshot.busy = false;
	vm->snapshot.done = true;
	vm->snapshot.failed = !ok;
	vm->snapshot.err = err;
	pthread_mutex_unlock(&vm->snapshot_lock);
	vm_wake(vm);
}

bool vm_snapshot(struct vm *vm, enum vm_snapshot_op op, const char *tag, struct error *err)
{
	if (!vm->loop_started || vm->ended)
		return error_set(err, "the machine does not run any more");
	if ((op != VM_SNAPSHOT_SAVE || *tag) && !snapshot_tag_ok(tag, err))
		return false;
	pthread_mutex_lock(&vm->snapshot_lock);
	bool busy = vm->snapshot.busy;
	if (!busy) {
		vm->snapshot = (struct vm_snapshot_state){ .busy = true, .op = op };
		snprintf(vm->snapshot.tag, sizeof(vm->snapshot.tag), "%s", tag);
		vm->m->snap_permille = 0;
	}
	pthread_mutex_unlock(&vm->snapshot_lock);
	if (busy)
		return error_set(err, "another snapshot is being taken or put back");
	loop_post(vm->m->loop, carry_out, vm);
	return true;
}

bool vm_snapshot_state(struct vm *vm, struct vm_snapshot_state *out)
{
	pthread_mutex_lock(&vm->snapshot_lock);
	*out = vm->snapshot;
	vm->snapshot.done = false;
	pthread_mutex_unlock(&vm->snapshot_lock);
	out->percent = vm->m->snap_permille / 10;
	return out->busy || out->done;
}

unsigned vm_snapshots(struct vm *vm, struct vm_snapshot_info *out, unsigned most)
{
	char place[PATH_MAX];
	unsigned n = 0, kept = 0;

	machine_lock(vm->m);
	bool ok = snapstore_place(vm->m, place, NULL);
	machine_unlock(vm->m);
	struct snapshot_info *list = ok ? snapstore_list(place, &n) : NULL;
	while (n && kept < most) {
		const struct snapshot_info *s = &list[--n];
		struct vm_snapshot_info *to = &out[kept++];
		*to = (struct vm_snapshot_info){ .size = s->size, .date = (int64_t)s->head.date_s, .clock_ns = s->head.clock_ns };
		memcpy(to->tag, s->tag, sizeof(to->tag));
	}
	free(list);
	return kept;
}
