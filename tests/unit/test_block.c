/* test_block.c - drives: options, images, overlays, locks, errors, media. */
#include "core/block/block.h"
#include "core/block/format.h"
#include "core/machine/machine.h"
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

struct world { struct machine *m; char dir[64], img[80], other[80]; };

static void make_file(const char *path, uint64_t size)
{
	int fd = open(path, O_CREAT | O_RDWR | O_TRUNC, 0600);
	assert_true(fd >= 0);
	for (uint64_t i = 0; i < size; i += 512) {
		uint8_t b[512];
		memset(b, (int)(i / 512 % 251 + 1), sizeof(b));
		assert_int_equal(pwrite(fd, b, size - i < 512 ? size - i : 512, (off_t)i), size - i < 512 ? size - i : 512);
	}
	close(fd);
}

static int setup(void **state)
{
	char *argv[] = { "vmux", "-accel", "qtest", "-m", "4", "-nodefaults", "-display", "none", NULL };
	struct world *w = calloc(1, sizeof(*w));
	struct error err = { "" };
	bool done;
	int status;
	struct options *o = options_parse(8, argv, &done, &status, &err);
	assert_non_null(o);
	w->m = machine_new_bare(o, &err);
	assert_non_null(w->m);
	machine_lock(w->m);
	strcpy(w->dir, "/tmp/vmux-block.XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	snprintf(w->img, sizeof(w->img), "%s/a.img", w->dir);
	snprintf(w->other, sizeof(w->other), "%s/b.img", w->dir);
	make_file(w->img, 1 << 20);
	make_file(w->other, 1 << 20);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	machine_unlock(w->m);
	machine_free(w->m);
	unlink(w->img);
	unlink(w->other);
	rmdir(w->dir);
	free(w);
	return 0;
}

static struct drive *try(struct world *w, const char *fmt, struct error *err)
{
	char text[512];
	snprintf(text, sizeof(text), fmt, w->img);
	struct kv *kv = kv_parse(text, NULL, err);
	assert_non_null(kv);
	struct drive *d = drive_new(w->m, kv, err);
	kv_free(kv);
	return d;
}

static struct drive *make(struct world *w, const char *fmt)
{
	struct error err = { "" };
	struct drive *d = try(w, fmt, &err);
	if (!d)
		fail_msg("%s: %s", fmt, err.msg);
	return d;
}

struct wait { struct block_req r; struct iovec iov; int result; unsigned calls; };

static void noted(struct block_req *r, int result)
{
	struct wait *x = r->arg;
	x->result = result;
	x->calls++;
}

static void start(struct drive *d, struct wait *x, enum block_op op, uint64_t off, void *buf, size_t len)
{
	memset(x, 0, sizeof(*x));
	x->iov = (struct iovec){ buf, len };
	x->r = (struct block_req){ .op = op, .offset = off, .length = len, .iov = &x->iov, .niov = op == BLOCK_FLUSH ? 0 : 1, .done = noted, .arg = x };
	drive_submit(d, &x->r);
	assert_int_equal(x->calls, 0);          /* never inside submit */
}

static int run(struct drive *d, enum block_op op, uint64_t off, void *buf, size_t len)
{
	struct wait x;
	start(d, &x, op, off, buf, len);
	drive_drain(d->machine);
	assert_int_equal(x.calls, 1);
	return x.result;
}

/* ---- options ------------------------------------------------------------------------------------------------------------------------ */

static void wrong_options(void **state)
{
	static const struct { const char *opt, *msg; } t[] = {
		{ "file=/nonexistent/x,format=raw", "Could not open '/nonexistent/x': No such file or directory" },
		{ "file=/tmp,format=raw", "'file' driver requires '/tmp' to be a regular file" },
		{ "format=raw", "A block device must be specified for \"file\"" },
		{ "if=nosuch,file=%s", "unsupported bus type 'nosuch'" },
		{ "file=%s,format=nosuch", "Unknown driver 'nosuch'" },
		{ "file=%s,media=bad", "'bad' invalid media" },
		{ "file=%s,cache=bad", "invalid cache option" },
		{ "file=%s,readonly=bad", "Parameter 'read-only' expects 'on' or 'off'" },
		{ "file=%s,werror=bad", "'bad' invalid write error action" },
		{ "file=%s,rerror=enospc", "'enospc' invalid read error action" },
		{ "file=%s,if=floppy,werror=stop", "werror is not supported by this bus type" },
		{ "file=%s,aio=bad", "invalid aio option" },
		{ "file=%s,aio=native", "aio=native was specified, but it requires cache.direct=on, which was not specified." },
		{ "file=%s,discard=bad", "Invalid discard option" },
		{ "file=%s,detect-zeroes=bad", "invalid parameter value: bad" },
		{ "file=%s,detect-zeroes=unmap", "setting detect-zeroes to unmap is not allowed without setting discard operation to unmap" },
		{ "file=%s,format=raw,cyls=3", "Block format 'raw' does not support the option 'cyls'" },
		{ "file=%s,unit=3", "unit 3 too big (max is 1)" },
		{ "file=%s,index=zz", "Parameter 'index' expects a number" },
		{ "file=%s,index=1,unit=1", "index cannot be used with bus and unit" },
		{ "file=%s,snapshot=zz", "Parameter 'snapshot' expects 'on' or 'off'" },
		{ "file=nbd://host/x", "Unknown protocol 'nbd'" },
	};
	struct world *w = *state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct error err = { "" };
		assert_null(try(w, t[i].opt, &err));
		assert_string_equal(err.msg, t[i].msg);
	}
	assert_null(drive_first(w->m));
}

static void names_and_places(void **state)
{
	struct world *w = *state;
	struct error err = { "" };
	assert_string_equal(make(w, "file=%s,format=raw,readonly=on")->id, "ide0-hd0");
	assert_string_equal(make(w, "file=%s,format=raw,readonly=on")->id, "ide0-hd1");
	assert_string_equal(make(w, "file=%s,media=cdrom")->id, "ide1-cd0");
	assert_string_equal(make(w, "if=floppy,file=%s,readonly=on")->id, "floppy0");
	assert_string_equal(make(w, "if=none,file=%s,readonly=on")->id, "none0");
	assert_string_equal(make(w, "if=none,id=mine,file=%s,readonly=on")->id, "mine");
	assert_null(try(w, "if=none,id=mine,file=%s,readonly=on", &err));
	assert_string_equal(err.msg, "Duplicate ID 'mine' for drive");
	assert_null(try(w, "index=2,media=cdrom", &err));
	assert_string_equal(err.msg, "drive with bus=1, unit=0 (index=2) exists");
	assert_null(try(w, "if=none,id=9x,file=%s,readonly=on", &err));
	assert_ptr_equal(drive_at(w->m, IF_IDE, 0, 1), drive_find(w->m, "ide0-hd1"));
	assert_false(drives_all_used(w->m, &err));
	assert_string_equal(err.msg, "machine type does not support if=ide,bus=0,unit=0");
}

/* ---- images ------------------------------------------------------------------------------------------------------------------------- */

static void locks(void **state)
{
	struct world *w = *state;
	struct error err = { "" };
	char want[256];
	make(w, "file=%s,format=raw");
	snprintf(want, sizeof(want), "Failed to get \"write\" lock\nIs another process using the image [%s]?", w->img);
	assert_null(try(w, "file=%s,format=raw", &err));
	assert_string_equal(err.msg, want);
	snprintf(want, sizeof(want), "Failed to get shared \"write\" lock\nIs another process using the image [%s]?", w->img);
	assert_null(try(w, "file=%s,format=raw,readonly=on", &err));
	assert_string_equal(err.msg, want);
	make(w, "file=%s,format=raw,file.locking=off,if=none");
	drive_delete(drive_find(w->m, "ide0-hd0"));
	make(w, "file=%s,format=raw,readonly=on");
	make(w, "file=%s,format=raw,readonly=on");
}

static void requests(void **state)
{
	struct world *w = *state;
	struct drive *d = make(w, "file=%s,format=raw");
	uint8_t buf[2048];
	assert_int_equal(run(d, BLOCK_READ, 512 * 7, buf, 512), 0);
	assert_int_equal(buf[0], 8);
	assert_int_equal(buf[511], 8);
	memset(buf, 0xa5, sizeof(buf));
	assert_int_equal(run(d, BLOCK_WRITE, 4096, buf, sizeof(buf)), 0);
	assert_int_equal(run(d, BLOCK_FLUSH, 0, NULL, 0), 0);
	memset(buf, 0, sizeof(buf));
	assert_int_equal(run(d, BLOCK_READ, 4096 + 1536, buf, 1024), 0);
	assert_int_equal(buf[511], 0xa5);
	assert_int_equal(buf[512], 13);
	assert_int_equal(run(d, BLOCK_READ, 1 << 20, buf, 512), -EIO);
	assert_int_equal(run(d, BLOCK_READ, UINT64_MAX - 511, buf, 512), -EIO);
	assert_int_equal(d->rd.ops, 2);
	assert_int_equal(d->rd.bytes, 1536);
	assert_int_equal(d->wr.ops, 1);
	assert_int_equal(d->flush.ops, 1);
	assert_int_equal(d->in_flight, 0);
	assert_true(d->activity);
	struct drive *ro = drive_new_empty(w->m, IF_IDE, 1, 0, true, NULL);
	assert_int_equal(run(ro, BLOCK_READ, 0, buf, 512), -ENOMEDIUM);
}

static void many_at_once(void **state)
{
	struct world *w = *state;
	struct drive *d = make(w, "file=%s,format=raw");
	enum { N = 200 };
	struct wait *x = calloc(N, sizeof(*x));
	uint8_t (*buf)[512] = calloc(N, 512);
	for (int i = 0; i < N; i++)
		start(d, &x[i], BLOCK_READ, (uint64_t)i * 512, buf[i], 512);
	assert_int_equal(d->in_flight, N);
	for (int i = 0; i < N; i += 3)
		drive_cancel(d, &x[i].r);
	drive_drain(w->m);
	for (int i = 0; i < N; i++) {
		assert_int_equal(x[i].calls, i % 3 ? 1 : 0);
		if (i % 3)
			assert_int_equal(buf[i][3], i % 251 + 1);
	}
	assert_int_equal(d->in_flight, 0);
	free(buf);
	free(x);
}

static void long_scatter_lists(void **state)
{
	struct world *w = *state;
	struct drive *d = make(w, "file=%s,format=raw,snapshot=on");
	enum { N = 1500 };
	uint8_t *buf = calloc(N, 8);
	struct iovec iov[N];
	for (int i = 0; i < N; i++)             /* backwards, so that order shows */
		iov[i] = (struct iovec){ buf + (N - 1 - i) * 8, 8 };
	struct wait x = { .r = { .op = BLOCK_READ, .offset = 1000, .iov = iov, .niov = N, .done = noted, .arg = &x } };
	drive_submit(d, &x.r);
	drive_drain(w->m);
	assert_int_equal(x.result, 0);
	for (int i = 0; i < N * 8; i++)
		assert_int_equal(buf[(N - 1 - i / 8) * 8 + i % 8], (1000 + i) / 512 % 251 + 1);
	free(buf);
}

static void overlay_against_model(void **state)
{
	struct world *w = *state;
	struct drive *d = make(w, "file=%s,format=raw,snapshot=on");
	uint8_t *model = malloc(1 << 20), *buf = malloc(1 << 20);
	assert_int_equal(drive_read_now(d, 0, model, 1 << 20), 0);
	srand(7);
	for (int i = 0; i < 600; i++) {
		size_t len = (size_t)(rand() % 40 + 1) * 512, off = (size_t)(rand() % 2008) * 512;
		if (rand() & 1) {
			for (size_t k = 0; k < len; k++)
				buf[k] = (uint8_t)rand();
			memcpy(model + off, buf, len);
			assert_int_equal(run(d, BLOCK_WRITE, off, buf, len), 0);
		} else {
			assert_int_equal(run(d, BLOCK_READ, off, buf, len), 0);
			assert_memory_equal(buf, model + off, len);
		}
	}
	assert_int_equal(run(d, BLOCK_READ, 0, buf, 1 << 20), 0);
	assert_memory_equal(buf, model, 1 << 20);
	drive_delete(d);
	/* nothing of it reached the image; then a commit does */
	d = make(w, "file=%s,format=raw,snapshot=on");
	struct error err = { "" };
	memset(buf, 0x33, 3000 / 512 * 512);
	assert_int_equal(run(d, BLOCK_WRITE, 5 * 512, buf, 3000 / 512 * 512), 0);
	assert_true(drive_commit(d, &err));
	memset(buf, 0, 512);
	assert_int_equal(run(d, BLOCK_READ, 7 * 512, buf, 512), 0);
	assert_int_equal(buf[1], 0x33);
	for (int i = 5; i < 10; i++)
		memset(buf + (i - 5) * 512, i % 251 + 1, 512);
	assert_int_equal(run(d, BLOCK_WRITE, 5 * 512, buf, 2560), 0);
	drive_delete(d);
	d = make(w, "file=%s,format=raw");
	assert_int_equal(run(d, BLOCK_READ, 7 * 512, buf, 512), 0);
	assert_int_equal(buf[1], 0x33);
	for (int i = 5; i < 10; i++)
		memset(buf + (i - 5) * 512, i % 251 + 1, 512);
	assert_int_equal(run(d, BLOCK_WRITE, 5 * 512, buf, 2560), 0);
	assert_false(drive_commit(d, &err));
	drive_delete(d);
	d = make(w, "file=%s,format=raw,readonly=on");
	assert_int_equal(run(d, BLOCK_READ, 0, buf, 1 << 20), 0);
	for (int i = 0; i < 2048; i++)
		assert_int_equal(buf[i * 512 + 100], i % 251 + 1);
	free(model);
	free(buf);
}

static void odd_sizes(void **state)
{
	struct world *w = *state;
	uint8_t buf[1024];
	make_file(w->img, 1000);
	struct drive *d = make(w, "file=%s,format=raw");
	assert_int_equal(d->size, 1024);
	assert_int_equal(run(d, BLOCK_READ, 512, buf, 512), 0);
	assert_int_equal(buf[487], 2);
	assert_int_equal(buf[488], 0);
	memset(buf, 0x77, 512);
	assert_int_equal(run(d, BLOCK_WRITE, 512, buf, 512), 0);
	assert_int_equal(run(d, BLOCK_READ, 512, buf, 512), 0);
	assert_int_equal(buf[511], 0x77);
	assert_int_equal(run(d, BLOCK_READ, 1024, buf, 512), -EIO);
}

static void guessed_raw_stays_raw(void **state)
{
	struct world *w = *state;
	uint8_t buf[1024] = "QFI\xfb\0\0\0\3";
	int saved = dup(2), null = open("/dev/null", O_WRONLY);
	dup2(null, 2);                          /* the warning */
	struct drive *d = make(w, "file=%s");
	dup2(saved, 2);
	close(saved);
	close(null);
	assert_string_equal(d->format, "raw");
	assert_int_equal(run(d, BLOCK_WRITE, 0, buf, 1024), -EPERM);
	assert_int_equal(run(d, BLOCK_WRITE, 512, buf, 512), 0);
	buf[0] = 0;
	assert_int_equal(run(d, BLOCK_WRITE, 0, buf, 512), 0);
	drive_delete(d);
	buf[0] = 'Q';
	d = make(w, "file=%s,format=raw");      /* said so: anything goes */
	assert_int_equal(run(d, BLOCK_WRITE, 0, buf, 512), 0);
	drive_delete(d);
	struct error err = { "" };
	assert_null(try(w, "file=%s", &err));
	assert_non_null(strstr(err.msg, "it is a qcow2 image"));
}

static void zeroes_and_discard(void **state)
{
	struct world *w = *state;
	uint8_t *buf = calloc(1, 65536);
	struct stat st;
	struct drive *d = make(w, "file=%s,format=raw,discard=unmap,detect-zeroes=unmap,cache=writethrough");
	assert_true(drive_discards(d));
	assert_true(drive_writethrough(d));
	assert_int_equal(run(d, BLOCK_WRITE, 65536, buf, 65536), 0);
	assert_int_equal(run(d, BLOCK_DISCARD, 131072, NULL, 131072), 0);
	buf[5] = 9;
	assert_int_equal(run(d, BLOCK_READ, 65536, buf, 65536), 0);
	assert_int_equal(buf[5], 0);
	stat(w->img, &st);
	assert_true(st.st_blocks * 512 < 1 << 20 || st.st_blocks * 512 > 1 << 20);      /* holes are the file system's affair */
	free(buf);
}

/* ---- errors ------------------------------------------------------------------------------------------------------------------------- */

static int full(struct image *im, uint64_t off, const struct iovec *iov, int n) { return -ENOSPC; }
static int broken(struct image *im, uint64_t off, const struct iovec *iov, int n) { return -EIO; }
static int flush_ok(struct image *im) { return 0; }
static const struct image_format bad_format = { .name = "raw", .read = broken, .write = full, .flush = flush_ok };

static void full_disk_stops_the_machine(void **state)
{
	struct world *w = *state;
	struct drive *d = make(w, "file=%s,format=raw");
	const struct image_format *good = d->image->format;
	uint8_t buf[512];
	struct wait x, y;
	void *priv = d->image->priv;
	memset(buf, 0x42, sizeof(buf));
	w->m->state = RUN_RUNNING;
	d->image->format = &bad_format;
	start(d, &x, BLOCK_WRITE, 1024, buf, 512);
	drive_drain(w->m);
	assert_int_equal(x.calls, 0);
	assert_int_equal(w->m->state, RUN_IO_ERROR);
	assert_int_equal(run(d, BLOCK_READ, 0, buf, 512), -EIO);        /* a bad read is the guest's to handle */
	d->image->format = good;
	assert_ptr_equal(d->image->priv, priv);
	memset(buf, 0x42, sizeof(buf));
	w->m->state = RUN_RUNNING;
	machine_emit(w->m, EV_RESUME, NULL);
	drive_drain(w->m);
	assert_int_equal(x.calls, 1);
	assert_int_equal(x.result, 0);
	/* one that is held can be taken back */
	d->image->format = &bad_format;
	start(d, &y, BLOCK_WRITE, 1024, buf, 512);
	drive_drain(w->m);
	drive_cancel(d, &y.r);
	d->image->format = good;
	machine_emit(w->m, EV_RESUME, NULL);
	drive_drain(w->m);
	assert_int_equal(y.calls, 0);
}

static void error_policies(void **state)
{
	struct world *w = *state;
	uint8_t buf[512];
	struct drive *d = make(w, "file=%s,format=raw,werror=report,rerror=ignore");
	const struct image_format *good = d->image->format;
	w->m->state = RUN_RUNNING;
	d->image->format = &bad_format;
	memset(buf, 1, sizeof(buf));
	assert_int_equal(run(d, BLOCK_WRITE, 0, buf, 512), -ENOSPC);
	assert_int_equal(run(d, BLOCK_READ, 0, buf, 512), 0);
	assert_int_equal(buf[100], 0);
	assert_int_equal(w->m->state, RUN_RUNNING);
	d->image->format = good;
}

/* ---- media -------------------------------------------------------------------------------------------------------------------------- */

struct seen { unsigned gone, came, asked; };
static void changed(void *arg, bool loaded) { struct seen *s = arg; if (loaded) s->came++; else s->gone++; }
static void asked(void *arg, bool force) { ((struct seen *)arg)->asked++; }

static void change_and_eject(void **state)
{
	struct world *w = *state;
	struct error err = { "" };
	struct seen s = { 0 };
	struct text out = { 0 };
	struct drive *hd = make(w, "file=%s,format=raw"), *d = drive_new_empty(w->m, IF_IDE, 1, 0, true, &err);
	d->medium_changed = changed;
	d->eject_requested = asked;
	d->change_arg = &s;
	assert_false(drive_eject(hd, true, &err));
	assert_string_equal(err.msg, "Device 'ide0-hd0' is not removable");
	assert_false(drive_change(d, "/nonexistent", NULL, -1, &err));
	assert_string_equal(err.msg, "Could not open '/nonexistent': No such file or directory");
	assert_false(drive_change(d, w->other, "badfmt", -1, &err));
	assert_string_equal(err.msg, "Unknown driver 'badfmt'");
	assert_true(drive_change(d, w->other, NULL, -1, &err));
	assert_true(drive_loaded(d));
	assert_true(d->readonly);
	assert_int_equal(s.came, 1);
	drive_set_locked(d, true);
	assert_false(drive_eject(d, false, &err));
	assert_string_equal(err.msg, "Device 'ide1-cd0' is locked and force was not specified, wait for tray to open and try again");
	assert_int_equal(s.asked, 1);
	drive_set_tray(d, true);                /* the guest gives way */
	assert_true(drive_eject(d, false, &err));
	assert_null(d->image);
	assert_true(d->tray_open);
	drive_info(d, false, &out);
	assert_string_equal(out.s, "ide1-cd0: [not inserted]\n    Removable device: locked, tray open\n");
	text_free(&out);
	assert_true(drive_change(d, w->other, "raw", 1, &err));
	assert_false(d->tray_open);
	drive_set_locked(d, false);
	assert_true(drive_eject(d, false, &err));
	d->cdrom = d->opts->readonly = false;
	assert_true(drive_change(d, w->other, "raw", 0, &err));
	assert_true(drive_change(d, w->other, "raw", 0, &err));         /* once more, in spite of its own lock */
	assert_false(drive_change(d, w->img, "raw", 0, &err));
	assert_non_null(strstr(err.msg, "Is another process using the image"));
	assert_string_equal(d->file, w->other);
}

static void descriptions(void **state)
{
	struct world *w = *state;
	struct text out = { 0 };
	char want[512];
	drive_info(make(w, "file=%s,format=raw"), true, &out);
	snprintf(want, sizeof(want), "ide0-hd0 (#block100): %s (raw)\n    Cache mode:       writeback\n\nImages:\nimage: %s\nfile format: raw\n"
		"virtual size: 1 MiB (1048576 bytes)\n", w->img, w->img);
	out.s[strlen(want)] = 0;
	assert_string_equal(out.s, want);
	text_free(&out);
	out = (struct text){ 0 };
	drive_info(make(w, "file=%s,media=cdrom,file.locking=off,index=2"), false, &out);
	snprintf(want, sizeof(want), "ide1-cd0 (#block101): %s (raw, read-only)\n    Removable device: not locked, tray closed\n    Cache mode:       writeback\n", w->img);
	assert_string_equal(out.s, want);
	text_free(&out);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(wrong_options), T(names_and_places), T(locks), T(requests), T(many_at_once), T(long_scatter_lists), T(overlay_against_model),
		T(odd_sizes), T(guessed_raw_stays_raw), T(zeroes_and_discard), T(full_disk_stops_the_machine), T(error_policies), T(change_and_eject),
		T(descriptions),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
