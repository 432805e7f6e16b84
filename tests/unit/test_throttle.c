/* test_throttle.c - drives with limits: how long requests wait, who is let through, what the monitor says. */
#include "core/block/block.h"
#include "core/block/throttle.h"
#include "tests/unit/rig.h"
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { PIECE = 100 << 10, PIECES = 8 };
struct job { struct block_req r; struct iovec iov; _Atomic int done, result; };
struct world { struct rig *r; struct drive *d; struct job jobs[PIECES]; };
static char buffer[PIECE];

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct error err = { "" };
	char text[160];
	w->r = rig_new();
	snprintf(text, sizeof(text), "%s/disk", w->r->dir);
	int fd = open(text, O_CREAT | O_RDWR, 0600);
	assert_int_equal(ftruncate(fd, 2 << 20), 0);
	close(fd);
	snprintf(text, sizeof(text), "file=%s/disk,format=raw,if=none,id=d,bps_rd=1000000,throttling.iops-write=50", w->r->dir);
	struct kv *kv = kv_parse(text, NULL, &err);
	machine_lock(w->r->m);
	w->d = drive_new(w->r->m, kv, &err);
	machine_unlock(w->r->m);
	kv_free(kv);
	if (!w->d)
		fail_msg("%s", err.msg);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	char path[96];
	snprintf(path, sizeof(path), "%s/disk", w->r->dir);
	unlink(path);
	rig_free(w->r);
	free(w);
	return 0;
}

static void finished(struct block_req *r, int result)
{
	struct job *j = r->arg;
	j->result = result;
	j->done = 1;
}

static void submit(struct world *w, int n, enum block_op op, size_t len)
{
	struct job *j = &w->jobs[n];
	memset(j, 0, sizeof(*j));
	j->iov = (struct iovec){ buffer, len };
	j->r = (struct block_req){ .op = op, .offset = (uint64_t)n * PIECE / 512 * 512, .iov = &j->iov, .niov = 1, .done = finished, .arg = j };
	drive_submit(w->d, &j->r);
}

static bool all_done(const struct world *w, int n)
{
	for (int i = 0; i < n; i++)
		if (!w->jobs[i].done)
			return false;
	return true;
}

static const char *say(struct world *w, const char *line)
{
	static struct text out;
	text_free(&out);
	monitor_run_line(w->r->m, line, 0, &out);
	return out.s ? out.s : "";
}

/* Eight times 100 KiB at a million bytes a second, a tenth of a second ahead. */
static void bytes_a_second(void **state)
{
	struct world *w = *state;
	int64_t start = now_ms();
	machine_lock(w->r->m);
	for (int i = 0; i < PIECES; i++)
		submit(w, i, BLOCK_READ, PIECE);
	machine_unlock(w->r->m);
	RIG_WAIT(w->r, all_done(w, PIECES));
	int64_t took = now_ms() - start;
	if (took < 600)
		fail_msg("%lld ms", (long long)took);
	for (int i = 0; i < PIECES; i++)
		assert_int_equal(w->jobs[i].result, 0);
}

static void requests_a_second(void **state)
{
	struct world *w = *state;
	int64_t start = now_ms();
	for (int round = 0; round < 3; round++) {
		machine_lock(w->r->m);
		for (int i = 0; i < PIECES; i++)
			submit(w, i, BLOCK_WRITE, 512);
		machine_unlock(w->r->m);
		RIG_WAIT(w->r, all_done(w, PIECES));
	}
	assert_true(now_ms() - start >= 250);   /* 24 of them, 50 a second, 6 of them ahead */
}

/* Those who wait for the drive, and new limits, let everything through; what is taken back never comes. */
static void let_through(void **state)
{
	struct world *w = *state;
	static const uint64_t slow[N_LIMITS] = { [LIMIT_IOPS] = 1 }, none[N_LIMITS] = { 0 };
	machine_lock(w->r->m);
	drive_set_limits(w->d, slow);
	for (int i = 0; i < PIECES; i++)
		submit(w, i, BLOCK_READ, 512);
	drive_cancel(w->d, &w->jobs[PIECES - 1].r);
	drive_drain(w->r->m);
	assert_true(all_done(w, PIECES - 1));
	assert_int_equal(w->jobs[PIECES - 1].done, 0);
	for (int i = 0; i < PIECES; i++)
		submit(w, i, BLOCK_READ, 512);
	drive_set_limits(w->d, none);
	machine_unlock(w->r->m);
	RIG_WAIT(w->r, all_done(w, PIECES));
}

static void told(void **state)
{
	struct world *w = *state;
	machine_lock(w->r->m);
	assert_non_null(strstr(say(w, "info block d"), "    I/O throttling:   bps=0 bps_rd=1000000 bps_wr=0 bps_max=0 bps_rd_max=100000 bps_wr_max=0 iops=0 iops_rd=0 iops_wr=50 "
		"iops_max=0 iops_rd_max=0 iops_wr_max=5 iops_size=0 group=d\n"));
	assert_string_equal(say(w, "block_set_io_throttle d 1 2 3 0 0 0"),
		"Error: bps/iops/max total values and read/write values cannot be used at the same time\n");
	assert_string_equal(say(w, "block_set_io_throttle d 0 0 0 7 0 0"), "");
	assert_int_equal(drive_limits(w->d)[LIMIT_IOPS], 7);
	assert_int_equal(drive_limits(w->d)[LIMIT_BPS_RD], 0);
	assert_string_equal(say(w, "block_set_io_throttle d 0 0 0 0 0 0"), "");
	assert_null(strstr(say(w, "info block d"), "throttling"));
	machine_unlock(w->r->m);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = { T(bytes_a_second), T(requests_a_second), T(let_through), T(told) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
