/* fake_clock.c - tui/wallclock.h for tui-fake: $FAKE_CLOCK holds the time still, at so many milliseconds since 1970. */
#include "tui/wallclock.h"
#include <stdlib.h>
#include <time.h>

int64_t wallclock_ms(void)
{
	const char *still = getenv("FAKE_CLOCK");
	struct timespec ts;
	if (still)
		return atoll(still);
	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}
