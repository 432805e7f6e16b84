/* test_pcihp.c - PCI cards that come and go: what the guest's ACPI sees in ports ae00h, and what it takes until a card is gone. */
#include "core/monitor/monitor.h"
#include "tests/dev/board.h"

enum { UP = 0xae00, DOWN = 0xae04, EJECT = 0xae08, REMOVABLE = 0xae0c, BUS = 0xae10, GPE_STS = 0xafe0, EVENT = 2 };
struct watch { struct machine *m; struct listener l; unsigned deleted; char last[128]; };

static void on_event(void *arg, enum machine_event ev, const char *detail)
{
	struct watch *w = arg;
	if (ev != EV_DEVICE_DELETED)
		return;
	w->deleted++;
	snprintf(w->last, sizeof(w->last), "%s", detail);
}

static int setup(void **state)
{
	struct watch *w = calloc(1, sizeof(*w));
	w->m = board_new("-nodefaults -device pci-testdev,id=cold,addr=5");
	w->l = (struct listener){ .fn = on_event, .arg = w };
	machine_listen(w->m, &w->l);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct watch *w = *state;
	board_free(w->m);
	free(w);
	return 0;
}

static void say(struct watch *w, const char *line, const char *want)
{
	struct text out = { 0 };
	monitor_run_line(w->m, line, 0, &out);
	assert_string_equal(out.s ? out.s : "", want);
	text_free(&out);
}

static void come_and_go(void **state)
{
	struct watch *w = *state;
	struct machine *m = w->m;

	assert_int_equal(in32(m, REMOVABLE), 1 << 5);
	say(w, "device_add pci-testdev,id=hot,addr=7", "");
	assert_int_equal(in8(m, GPE_STS) & EVENT, EVENT);
	out8(m, GPE_STS, EVENT);
	assert_int_equal(in32(m, UP), 1 << 7);
	assert_int_equal(in32(m, UP), 0);               /* reading it clears */
	assert_int_equal(in32(m, REMOVABLE), 1 << 5 | 1 << 7);
	say(w, "device_del hot", "");
	assert_int_equal(w->deleted, 0);
	assert_int_equal(in8(m, GPE_STS) & EVENT, EVENT);
	assert_int_equal(in32(m, DOWN), 1 << 7);
	assert_non_null(device_find(m, "hot"));
	say(w, "device_del hot", "Error: Device hot is already in the process of unplug\n");
	out32(m, BUS, 1);                               /* another bus: there is none */
	out32(m, EJECT, 1 << 7);
	assert_int_equal(in32(m, DOWN), 0);
	out32(m, BUS, 0);
	assert_int_equal(in32(m, DOWN), 1 << 7);
	out32(m, EJECT, 1 << 7);
	assert_int_equal(w->deleted, 1);
	assert_string_equal(w->last, "{\"device\": \"hot\", \"path\": \"/machine/peripheral/hot\"}");
	assert_null(device_find(m, "hot"));
	assert_int_equal(in32(m, DOWN), 0);
	assert_int_equal(cfg_read(m, DEVFN(7, 0), 0, 4), 0xffffffff);
	/* what cannot go stays, whatever the guest writes */
	out32(m, EJECT, 0xffffffff);
	assert_int_equal(w->deleted, 2);                /* the card in slot 5, which the guest may let go of by itself */
	assert_int_equal(cfg_read(m, DEVFN(1, 0), 0, 2), 0x8086);
}

/* A guest that does not listen: the next reset takes the card out. */
static void reset_ends_the_wait(void **state)
{
	struct watch *w = *state;

	say(w, "device_del cold", "");
	machine_reset(w->m, RESET_SYSTEM);
	assert_int_equal(w->deleted, 1);
	assert_null(device_find(w->m, "cold"));
	say(w, "device_del cold", "Error: Device 'cold' not found\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test_setup_teardown(come_and_go, setup, teardown),
		cmocka_unit_test_setup_teardown(reset_ends_the_wait, setup, teardown) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
