/* throttle.c - drives that may transfer only so much a second. */
#include "core/block/throttle.h"
#include "core/block/block_int.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

const char *const limit_names[N_LIMITS] = { "bps", "bps_rd", "bps_wr", "iops", "iops_rd", "iops_wr" },
	*const limit_long_names[N_LIMITS] = { "throttling.bps-total", "throttling.bps-read", "throttling.bps-write", "throttling.iops-total",
		"throttling.iops-read", "throttling.iops-write" };

struct throttle {
	uint64_t limit[N_LIMITS];
	double level[N_LIMITS];         /* what was started and has not leaked out yet */
	int64_t seen_ns;                /* host time of the last leak */
	struct req_list waiting;
	unsigned timer;                 /* the loop's, 0 = none */
};

/* Does a limit concern the request, and what does that cost? */
static double cost(enum limit l, const struct block_req *r)
{
	bool wanted = l == LIMIT_BPS || l == LIMIT_IOPS || (l == LIMIT_BPS_RD || l == LIMIT_IOPS_RD) == (r->op == BLOCK_READ);

	return !wanted ? 0 : l < LIMIT_IOPS ? (double)r->bytes : 1;
}

static void leak(struct throttle *t)
{
	int64_t now = host_ns();
	double seconds = (double)(now - t->seen_ns) / (double)NS_PER_SEC;

	t->seen_ns = now;
	for (int l = 0; l < N_LIMITS; l++) {
		t->level[l] -= (double)t->limit[l] * seconds;
		if (t->level[l] < 0)
			t->level[l] = 0;
	}
}

/* Milliseconds until the request may start; 0: now. */
static int64_t must_wait(const struct throttle *t, const struct block_req *r)
{
	double longest = 0;

	for (int l = 0; l < N_LIMITS; l++) {
		double rate = (double)t->limit[l], ahead = rate / 10;
		if (rate > 0 && cost(l, r) > 0 && t->level[l] > ahead && (t->level[l] - ahead) / rate > longest)
			longest = (t->level[l] - ahead) / rate;
	}
	return longest > 0 ? 1 + (int64_t)(longest * 1000) : 0;
}

static void start(struct throttle *t, struct block_req *r)
{
	for (int l = 0; l < N_LIMITS; l++)
		if (t->limit[l])
			t->level[l] += cost(l, r);
	drive_go_on(r);
}

static struct block_req *take(struct throttle *t)
{
	struct block_req *r = t->waiting.head;

	if (r && !(t->waiting.head = r->next))
		t->waiting.end = &t->waiting.head;
	return r;
}

static void on_time(void *arg)
{
	struct drive *d = arg;
	struct throttle *t = d->throttle;
	int64_t ms = 0;

	t->timer = 0;
	leak(t);
	while (t->waiting.head && !(ms = must_wait(t, t->waiting.head)))
		start(t, take(t));
	if (t->waiting.head)
		t->timer = loop_timeout(d->machine->loop, ms, on_time, d);
}

bool throttle_holds(struct drive *d, struct block_req *r)
{
	struct throttle *t = d->throttle;

	if (!t || (r->op != BLOCK_READ && r->op != BLOCK_WRITE))
		return false;
	leak(t);
	int64_t ms = must_wait(t, r);
	if (!t->waiting.head && !ms) {
		start(t, r);
		return true;
	}
	r->next = NULL;
	*t->waiting.end = r;
	t->waiting.end = &r->next;
	if (!t->timer)
		t->timer = loop_timeout(d->machine->loop, ms ? ms : 1, on_time, d);
	return true;
}

/* For those who wait for the drive: limits do not hold them up. */
void throttle_release(struct drive *d)
{
	struct throttle *t = d->throttle;

	if (!t)
		return;
	for (struct block_req *r; (r = take(t));)
		start(t, r);
	if (t->timer)
		loop_timeout_cancel(d->machine->loop, t->timer);
	t->timer = 0;
}

bool throttle_cancel(struct drive *d, struct block_req *r)
{
	struct throttle *t = d->throttle;
	struct block_req **p = t ? &t->waiting.head : NULL;

	while (p && *p && *p != r)
		p = &(*p)->next;
	if (!p || !*p)
		return false;
	*p = r->next;
	if (!*p)
		t->waiting.end = p;
	return true;
}

void throttle_free(struct drive *d)
{
	if (d->throttle && d->throttle->timer)
		loop_timeout_cancel(d->machine->loop, d->throttle->timer);
	free(d->throttle);
	d->throttle = NULL;
}

bool limits_check(const uint64_t limits[N_LIMITS], struct error *err)
{
	for (int total = 0; total < N_LIMITS; total += LIMIT_IOPS)
		if (limits[total] && (limits[total + 1] || limits[total + 2]))
			return error_set(err, "bps/iops/max total values and read/write values cannot be used at the same time");
	for (int l = 0; l < N_LIMITS; l++)
		if (limits[l] > UINT64_C(1000000000000000))
			return error_set(err, "bps/iops/max values must be within [0, 1000000000000000]");
	return true;
}

void drive_set_limits(struct drive *d, const uint64_t limits[N_LIMITS])
{
	bool any = false;

	throttle_release(d);
	for (int l = 0; l < N_LIMITS; l++)
		any |= limits[l] != 0;
	throttle_free(d);
	if (!any)
		return;
	struct throttle *t = calloc(1, sizeof(*t));
	if (!t)
		abort();
	memcpy(t->limit, limits, sizeof(t->limit));
	t->waiting.end = &t->waiting.head;
	t->seen_ns = host_ns();
	d->throttle = t;
}

const uint64_t *drive_limits(const struct drive *d) { return d->throttle ? d->throttle->limit : NULL; }
