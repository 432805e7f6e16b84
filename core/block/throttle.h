/* throttle.h - limits on what a drive transfers a second: leaky buckets that may run ahead by a tenth of a second.  Machine lock held. */
#ifndef CORE_BLOCK_THROTTLE_H
#define CORE_BLOCK_THROTTLE_H
#include "core/machine/error.h"
#include <stdbool.h>
#include <stdint.h>

enum limit { LIMIT_BPS, LIMIT_BPS_RD, LIMIT_BPS_WR, LIMIT_IOPS, LIMIT_IOPS_RD, LIMIT_IOPS_WR, N_LIMITS };
/* As -drive and the monitor spell them, and as throttling.* does. */
extern const char *const limit_names[N_LIMITS], *const limit_long_names[N_LIMITS];
struct drive;
struct block_req;
/* Bytes or requests a second, 0 is no limit.  Error: a total and its parts at the same time. */
bool limits_check(const uint64_t limits[N_LIMITS], struct error *err);
void drive_set_limits(struct drive *d, const uint64_t limits[N_LIMITS]);
/* NULL: the drive has none. */
const uint64_t *drive_limits(const struct drive *d);

/* For request.c. */
bool throttle_holds(struct drive *d, struct block_req *r);      /* true: r waits and comes back through drive_go_on */
void throttle_release(struct drive *d);                         /* nothing waits any more */
bool throttle_cancel(struct drive *d, struct block_req *r);     /* false: it does not wait here */
void throttle_free(struct drive *d);
void drive_go_on(struct block_req *r);                          /* request.c: to the workers */
#endif
