/* snapshot.c - the whole machine kept under a tag, and put back. */
#include "core/machine/snapshot.h"
#include "core/block/block.h"
#include "core/cpu/counted.h"
#include "core/machine/input.h"
#include "core/machine/machine.h"
#include "core/machine/snapdesc.h"
#include "core/machine/snapmedia.h"
#include "core/machine/snapram.h"
#include "core/machine/state.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* What belongs to no device. */
struct whole {
	bool     a20, reset_wanted;     /* reset_wanted: it was asked for and has not come */
	uint8_t  cause;                 /* of it */
	uint32_t n_drives;              /* sections "drive" that follow */
	struct counted_state counted;   /* -icount */
};
static const struct state_field counted_fields[] = { STATE_U32(struct counted_state, turns), STATE_U64(struct counted_state, random),
	STATE_U32(struct counted_state, last), STATE_END };
static const struct state_field whole_state[] = { STATE_BOOL(struct whole, a20), STATE_BOOL(struct whole, reset_wanted), STATE_U8(struct whole, cause),
	STATE_U32(struct whole, n_drives), STATE_STRUCT(struct whole, counted, counted_fields), STATE_END };
enum { WHOLE_VERSION = 1, RAM_PART = 700 /* of 1000 that a snapshot takes, for showing how far it is */ };

static struct whole whole_of(struct machine *m)
{
	struct whole w = { .a20 = m->a20, .reset_wanted = m->reset_wanted, .cause = (uint8_t)m->cause, .n_drives = snapmedia_count(m) };

	counted_save(m->counted, &w.counted);
	return w;
}

void snapshot_make_tag(struct machine *m, char tag[SNAPSHOT_TAG])
{
	time_t now = time(NULL);
	struct tm tm;

	localtime_r(&now, &tm);
	size_t n = strftime(tag, SNAPSHOT_TAG, "vm-%Y%m%d%H%M%S", &tm);
	for (unsigned k = 2; snapshot_exists(m, tag); k++)
		snprintf(tag + n, SNAPSHOT_TAG - n, "-%u", k);
}

bool snapshot_exists(struct machine *m, const char *tag)
{
	char place[PATH_MAX];

	return snapstore_place(m, place, NULL) && snapshot_tag_ok(tag, NULL) && snapstore_has(place, tag);
}

/* Large files take their time to go. */
bool snapshot_delete(struct machine *m, const char *tag, struct error *err)
{
	char place[PATH_MAX];

	if (!snapshot_exists(m, tag))
		return true;
	if (!snapstore_place(m, place, err))
		return false;
	machine_unlock(m);
	int fd = snapstore_lock(place, false, err);
	bool ok = fd >= 0 && snapstore_delete(fd, tag, err);
	if (fd >= 0)
		close(fd);
	machine_lock(m);
	return ok;
}

/* ---- saving ------------------------------------------------------------------------------------------------------------------------- */

static struct snap_header header_of(struct machine *m)
{
	struct timespec now;
	struct snap_header h = { .clock_ns = (uint64_t)clock_now(&m->clock), .icount = UINT64_MAX };

	clock_gettime(CLOCK_REALTIME, &now);
	h.date_s = (uint64_t)now.tv_sec;
	h.date_ns = (uint32_t)now.tv_nsec;
	if (m->counted)
		h.icount = counted_instructions(m);
	return h;
}

static bool write_state(struct machine *m, int folder, const struct snap_header *h, const struct text *made_of, const struct state_buf *state,
	struct error *err)
{
	int fd = openat(folder, "state", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		return error_set(err, "could not make a file for the machine's state: %s", strerror(errno));
	struct snap_writer *w = snap_writer_new(fd, h, err);
	bool ok = w && snap_put(w, SNAP_MACHINE, made_of->s, made_of->len, err) && snap_put(w, SNAP_STATE, state->data, state->len, err) &&
		snapram_save(m, w, RAM_PART, err) && snap_writer_end(w, err);
	snap_writer_free(w);
	close(fd);
	return ok;
}

/* The machine stands still. */
static bool save(struct machine *m, const char *place, const char *tag, struct error *err)
{
	struct text made_of = { 0 };
	struct state_buf state = { 0 };
	struct snap_header h = header_of(m);
	struct whole w = whole_of(m);

	snapdesc_write(m, &made_of);
	state_put(&state, "machine", WHOLE_VERSION, whole_state, &w);
	snapmedia_describe(m, &state);
	machine_save_devices(m, &state);
	m->snap_permille = 0;
	bool fits = made_of.len <= SNAPDESC_MAX || error_set(err, "this machine has more devices than a snapshot can name");
	machine_unlock(m);
	int dir = fits ? snapstore_lock(place, true, err) : -1, folder = dir >= 0 ? snapstore_new(dir, tag, err) : -1;
	bool ok = folder >= 0 && write_state(m, folder, &h, &made_of, &state, err) && snapmedia_save(m, folder, err) &&
		snapstore_commit(dir, folder, tag, err);
	if (folder >= 0 && !ok)
		snapstore_discard(dir, tag);
	if (folder >= 0)
		close(folder);
	if (dir >= 0)
		close(dir);
	machine_lock(m);
	text_free(&made_of);
	state_buf_free(&state);
	return ok;
}

bool snapshot_save(struct machine *m, const char *tag, struct error *err)
{
	char place[PATH_MAX];

	if (!snapshot_tag_ok(tag, err) || !snapstore_place(m, place, err))
		return false;
	bool ran = m->state == RUN_RUNNING;
	machine_stop(m, RUN_SAVE_VM);
	bool ok = save(m, place, tag, err);
	if (ran)
		machine_start(m);
	return ok;
}

/* ---- loading ------------------------------------------------------------------------------------------------------------------------ */

struct load {
	struct machine *m;
	struct snap_reader *r;
	struct snap_header head;
	struct state_buf state;         /* of the snapshot; after `open`, at its first device */
	struct whole whole;
	struct snapmedia *media;
	struct snapram *ram;
	/* of the machine as it was */
	struct state_buf old_state;
	struct whole old_whole;
	int64_t old_now;
};

/* All of the file: what is wrong with it shows now. */
static bool check_chunks(struct load *l, struct error *err)
{
	static const char order[] = "the snapshot's state is damaged: its parts are in disorder";
	enum snap_kind kind, before = SNAP_END;
	const uint8_t *data;
	uint64_t last = 0;
	size_t len;

	for (;; before = kind) {
		if (!snap_get(l->r, &kind, &data, &len, err))
			return false;
		if (kind == SNAP_END)
			return before == SNAP_STATE || before == SNAP_RAM || error_set(err, order);
		if (kind != SNAP_RAM && (int)kind != (int)before + 1)
			return error_set(err, order);
		if (kind == SNAP_RAM && before != SNAP_STATE && before != SNAP_RAM)
			return error_set(err, order);
		if (kind == SNAP_MACHINE && !snapdesc_check(l->m, (const char *)data, len, err))
			return false;
		if (kind == SNAP_RAM && !snapram_check(l->m, data, len, &last, err))
			return false;
		if (kind != SNAP_STATE)
			continue;
		if (!(l->state.data = malloc(len + 1)))
			return error_set(err, "no memory to load a snapshot");
		memcpy(l->state.data, data, len);
		l->state.len = len;
	}
}

static bool check_state(struct load *l, int folder, const char *path, struct error *err)
{
	struct machine *m = l->m;
	struct whole *w = &l->whole;

	if (!state_get(&l->state, "machine", WHOLE_VERSION, whole_state, w, err))
		return false;
	if (w->cause > SHUTDOWN_PANIC || (m->counted && w->counted.last >= m->n_cpus))
		return error_set(err, "the snapshot's state is damaged: its machine is in no state that there is");
	l->media = snapmedia_open(m, &l->state, w->n_drives, folder, path, err);
	if (!l->media)
		return false;
	size_t devices = l->state.pos;
	bool ok = machine_check_devices(m, &l->state, err);
	l->state.pos = devices;
	return ok;
}

/* Registers of all that there is, and the time; the memory is there already. */
static bool become(struct machine *m, const struct whole *w, struct state_buf *devices, int64_t now, struct error *err)
{
	machine_reset(m, RESET_LOAD);
	input_flush(m);
	clock_jump(&m->clock, now);
	m->reset_wanted = false;
	counted_load(m->counted, &w->counted);
	if (!machine_load_devices(m, devices, err))
		return false;
	machine_set_a20(m, w->a20);
	if (w->reset_wanted)
		machine_request_reset(m, (enum shutdown_cause)w->cause);
	return true;
}

static bool put_memory(struct load *l, struct error *err)
{
	enum snap_kind kind;
	const uint8_t *data;
	uint64_t last = 0;
	size_t len;

	snap_rewind(l->r);
	do {
		if (!snap_get(l->r, &kind, &data, &len, err) || (kind == SNAP_RAM &&
		    (!snapram_check(l->m, data, len, &last, err) || !snapram_put(l->ram, data, len, err))))
			return false;
	} while (kind != SNAP_END);
	return snapram_rest(l->ram, err);
}

/* The snapshot was refused in the middle.  What the machine itself said of its state a moment ago it takes back.  False: it cannot go on. */
static bool go_back(struct load *l, struct error *err)
{
	struct error why = { "" };

	bool ok = !l->ram || snapram_end(l->ram, false, &why);
	l->ram = NULL;
	l->old_state.pos = 0;
	ok = become(l->m, &l->old_whole, &l->old_state, l->old_now, ok ? &why : NULL) && ok;
	return ok || error_set(err, "neither the snapshot nor the machine as it was could be put back: %s", why.msg);
}

/* Everything has been looked at. */
static bool take_up(struct load *l, bool *torn, struct error *err)
{
	struct machine *m = l->m;

	l->old_whole = whole_of(m);
	l->old_now = clock_now(&m->clock);
	machine_save_devices(m, &l->old_state);
	if (!(l->ram = snapram_begin(m, err)))
		return false;
	drives_hold(m, true);                   /* what devices take up again waits for the disks */
	machine_unlock(m);
	bool ok = put_memory(l, err);
	machine_lock(m);
	ok = ok && become(m, &l->whole, &l->state, (int64_t)l->head.clock_ns, err) && snapmedia_begin(l->media, err);
	if (!ok) {
		*torn = !go_back(l, err);
		drives_hold(m, false);
		return false;
	}
	machine_unlock(m);
	ok = snapmedia_put_back(l->media, err);
	machine_lock(m);
	drives_hold(m, false);
	snapram_end(l->ram, true, NULL);
	*torn = !ok;
	return ok;
}

static bool load(struct load *l, int dir, const char *place, const char *tag, bool *torn, struct error *err)
{
	char path[PATH_MAX + SNAPSHOT_TAG];
	struct machine *m = l->m;

	snprintf(path, sizeof(path), "%s/%s", place, tag);
	int folder = openat(dir, tag, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int fd = folder >= 0 ? openat(folder, "state", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC) : -1;
	if (fd < 0)
		error_set(err, "could not open '%s/state': %s", path, strerror(errno));
	machine_unlock(m);
	bool ok = fd >= 0 && (l->r = snap_reader_new(fd, &l->head, err)) && check_chunks(l, err) && check_state(l, folder, path, err);
	machine_lock(m);
	ok = ok && take_up(l, torn, err);
	snap_reader_free(l->r);
	snapmedia_free(l->media);
	state_buf_free(&l->state);
	state_buf_free(&l->old_state);
	if (fd >= 0)
		close(fd);
	if (folder >= 0)
		close(folder);
	return ok;
}

bool snapshot_load(struct machine *m, const char *tag, struct error *err)
{
	char place[PATH_MAX];
	struct load l = { .m = m };
	bool torn = false, ran = m->state == RUN_RUNNING;

	if (!snapshot_tag_ok(tag, NULL) || !((snapstore_place(m, place, NULL) && snapstore_has(place, tag)) ||
	    (snapstore_place_below(m, place) && snapstore_has(place, tag))))
		return error_set(err, "Snapshot '%s' does not exist in one or more devices", tag);
	int dir = snapstore_lock(place, false, err);
	if (dir < 0)
		return false;
	machine_stop(m, RUN_RESTORE_VM);
	bool ok = load(&l, dir, place, tag, &torn, err);
	close(dir);
	if (ok && m->state != RUN_PRELAUNCH)
		m->state = RUN_PAUSED;          /* whatever stopped it before is no more */
	if (ran && !torn)
		machine_start(m);
	return ok;
}
