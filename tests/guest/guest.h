/* guest.h - start vmux with a real guest on a pseudo terminal. */
#ifndef TESTS_GUEST_GUEST_H
#define TESTS_GUEST_GUEST_H
#include "tests/tui/ptyrun.h"

/* Time limits are for a loaded machine; a test ends as soon as what it waits for is there. */
enum { BOOT_MS = 240000, SHORT_MS = 60000 };
#define GUESTS "build/guests/"

/* build/vmux (or $VMUX) with the arguments up to NULL, on an 80x26 terminal: 25 lines for the guest, one for the status line.
 * Fails the test when it cannot be started. */
struct ptyrun *guest_start(const char *arg, ...) __attribute__((sentinel));
/* Setup functions of cmocka, for a test or a group: guest_start() gives -accel interp, or leaves the engine to the program, unless the test names
 * one.  VMUX_TEST_ACCEL in the environment wins over both. */
int guest_under_interp(void **state);
int guest_under_default(void **state);
/* Skip the test unless the file is there (packages without which a guest cannot run). */
void guest_need(const char *file);
/* ptyrun_expect that fails the running test, after freeing p. */
#define EXPECT(p, re, ms) do { if (!ptyrun_expect((p), (re), (ms))) { ptyrun_free(p); fail_msg("no match for %s", (re)); } } while (0)
/* Expect the program's end with exit status 0. */
#define EXPECT_EXIT(p, ms) do { int st_; if (!ptyrun_wait_exit((p), (ms), &st_)) { ptyrun_dump((p), "still running"); ptyrun_free(p); \
	fail_msg("did not end"); } assert_int_equal(st_, 0); } while (0)
#endif
