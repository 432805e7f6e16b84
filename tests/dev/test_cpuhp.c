/* test_cpuhp.c - CPUs that come and go: what the monitor says, what the guest's ACPI sees in ports af00h, and what it takes until one is gone. */
#include "core/cpu/cpu.h"
#include "core/monitor/monitor.h"
#include "tests/dev/board.h"
#include <elf.h>
#include <stdlib.h>
#include <unistd.h>

enum { SELECT = 0xaf00, FLAGS = 0xaf04, COMMAND = 0xaf05, DATA = 0xaf08, GPE_STS = 0xafe0, EVENT = 4 };
enum { PRESENT = 1, CAME = 2, TO_GO = 4, EJECT = 8, NEXT = 0, APIC_ID = 3 };
#define NAME "qemu64-x86_64-cpu"
static unsigned deleted;

static void on_event(void *arg, enum machine_event ev, const char *detail)
{
	deleted += ev == EV_DEVICE_DELETED && strstr(detail, "\"hot\"");
}

static void say(struct machine *m, const char *line, const char *want)
{
	struct text out = { 0 };
	monitor_run_line(m, line, 0, &out);
	assert_string_equal(out.s ? out.s : "", want);
	text_free(&out);
}

static bool lists_cpu(struct machine *m, const char *what)
{
	struct text out = { 0 };
	monitor_run_line(m, "info cpus", 0, &out);
	bool yes = out.s && strstr(out.s, what);
	text_free(&out);
	return yes;
}

/* Notes in a dump of the guest's memory: one a CPU. */
static unsigned notes_in_dump(struct machine *m)
{
	char path[] = "/tmp/vmux-dump-XXXXXX", line[96];
	int fd = mkstemp(path);
	unsigned n = 0;
	Elf64_Ehdr eh;
	Elf64_Phdr ph;
	Elf64_Nhdr nh;
	snprintf(line, sizeof line, "dump-guest-memory %s", path);
	say(m, line, "");
	assert_int_equal(pread(fd, &eh, sizeof eh, 0), sizeof eh);
	assert_int_equal(pread(fd, &ph, sizeof ph, (off_t)eh.e_phoff), sizeof ph);
	assert_int_equal(ph.p_type, PT_NOTE);
	for (uint64_t at = 0; at < ph.p_filesz; at += sizeof nh + (nh.n_namesz + 3u) / 4 * 4 + (nh.n_descsz + 3u) / 4 * 4, n++)
		assert_int_equal(pread(fd, &nh, sizeof nh, (off_t)(ph.p_offset + at)), sizeof nh);
	close(fd);
	unlink(path);
	return n;
}

static unsigned flags_of(struct machine *m, unsigned n) { out32(m, SELECT, n); return in8(m, FLAGS); }

static void come_and_go(void **state)
{
	struct machine *m = board_new("-accel interp -S -m 16 -smp 2,sockets=2,cores=2,maxcpus=4");
	struct listener l = { .fn = on_event };
	machine_listen(m, &l);
	assert_int_equal(flags_of(m, 1), PRESENT);
	assert_int_equal(flags_of(m, 2), 0);
	assert_int_equal(flags_of(m, 4), 0);
	assert_false(lists_cpu(m, "CPU #2"));
	say(m, "cpu 2", "invalid CPU index\n");
	assert_int_equal(notes_in_dump(m), 2);
	say(m, "device_add " NAME, "Error: CPU socket-id is not set\n");
	say(m, "device_add " NAME ",socket-id=9,core-id=0,thread-id=0", "Error: Invalid CPU socket-id: 9 must be in range 0:1\n");
	say(m, "device_add " NAME ",socket-id=0,core-id=1,thread-id=0", "Error: CPU[1] with APIC ID 1 exists\n");
	say(m, "device_add Haswell-x86_64-cpu,socket-id=1,core-id=0,thread-id=0", "Error: Invalid CPU type, expected cpu type: 'qemu64-x86_64-cpu'\n");
	say(m, "device_add " NAME ",socket-id=1,core-id=1,thread-id=0,id=hot", "");
	say(m, "device_add " NAME ",socket-id=1,core-id=0,thread-id=0,id=hot", "Error: Duplicate device ID 'hot'\n");
	assert_true(lists_cpu(m, "CPU #3"));
	assert_false(lists_cpu(m, "CPU #2"));
	/* the guest hears of it */
	assert_int_equal(in8(m, GPE_STS) & EVENT, EVENT);
	out8(m, GPE_STS, EVENT);
	out32(m, SELECT, 0);
	out8(m, COMMAND, NEXT);
	assert_int_equal(in32(m, DATA), 3);
	assert_int_equal(in8(m, FLAGS), PRESENT | CAME);
	out8(m, FLAGS, CAME);
	assert_int_equal(in8(m, FLAGS), PRESENT);
	out8(m, COMMAND, APIC_ID);
	assert_int_equal(in32(m, DATA), 3);
	/* and lets go */
	say(m, "device_del hot", "");
	say(m, "device_del hot", "Error: Device hot is already in the process of unplug\n");
	assert_int_equal(in8(m, GPE_STS) & EVENT, EVENT);
	assert_int_equal(flags_of(m, 3), PRESENT | TO_GO);
	out8(m, FLAGS, TO_GO);
	assert_int_equal(in8(m, FLAGS), PRESENT);
	out32(m, SELECT, 0);
	out8(m, COMMAND, NEXT);                 /* it knows already */
	assert_int_equal(in32(m, DATA), 0);
	say(m, "device_del hot", "Error: Device hot is already in the process of unplug\n");
	assert_int_equal(flags_of(m, 3), PRESENT | TO_GO);      /* but is reminded */
	machine_reset(m, RESET_LOAD);           /* no reset lets go of it when a saved state follows */
	assert_int_equal(flags_of(m, 3), PRESENT);
	say(m, "device_del hot", "");
	assert_int_equal(flags_of(m, 3), PRESENT | TO_GO);
	assert_int_equal(deleted, 0);
	out8(m, FLAGS, EJECT);
	assert_int_equal(in8(m, FLAGS), 0);
	assert_int_equal(deleted, 1);
	assert_false(lists_cpu(m, "CPU #3"));
	say(m, "device_del hot", "Error: Device 'hot' not found\n");
	/* the boot processor stays, and numbers from nowhere do nothing */
	out32(m, SELECT, 0);
	out8(m, FLAGS, EJECT);
	assert_int_equal(in8(m, FLAGS), PRESENT);
	out32(m, SELECT, 0xffffffff);
	out8(m, FLAGS, 0xff);
	out8(m, COMMAND, NEXT);
	assert_int_equal(in32(m, DATA), 0);
	/* a place that was used is one again */
	say(m, "device_add " NAME ",socket-id=1,core-id=1,thread-id=0,id=hot", "");
	assert_int_equal(flags_of(m, 3), PRESENT | CAME);
	machine_unlisten(m, &l);
	board_free(m);
}

#define FOUR "-accel interp -S -m 16 -smp 1,sockets=2,cores=2,maxcpus=4 -device " NAME

/* -device: they are there from the start, the guest is told of nothing, and device_del takes them out as any other. */
static void on_the_command_line(void **state)
{
	struct machine *m = board_new(FOUR ",socket-id=1,core-id=0,thread-id=0,id=first -device " NAME ",socket-id=0,core-id=1,thread-id=0");
	struct error err;
	assert_true(lists_cpu(m, "CPU #1"));
	assert_true(lists_cpu(m, "CPU #2"));
	assert_false(lists_cpu(m, "CPU #3"));
	assert_int_equal(flags_of(m, 2), PRESENT);
	assert_int_equal(in8(m, GPE_STS) & EVENT, 0);
	say(m, "device_add " NAME ",socket-id=1,core-id=0,thread-id=0", "Error: CPU[2] with APIC ID 2 exists\n");
	say(m, "device_del first", "");
	assert_int_equal(flags_of(m, 2), PRESENT | TO_GO);
	out8(m, FLAGS, EJECT);
	assert_false(lists_cpu(m, "CPU #2"));
	board_free(m);
	assert_string_equal(board_error(FOUR ",core-id=0,thread-id=0", &err), "-device " NAME ",core-id=0,thread-id=0: CPU socket-id is not set");
	assert_non_null(strstr(board_error(FOUR ",socket-id=0,core-id=0,thread-id=0", &err), ": CPU[0] with APIC ID 0 exists"));
	assert_non_null(strstr(board_error(FOUR ",socket-id=0,core-id=1,thread-id=0,speed=9", &err), "Invalid parameter 'speed'"));
	assert_non_null(strstr(board_error("-accel interp -S -smp 1,maxcpus=2 -device Haswell-x86_64-cpu,socket-id=1", &err),
		": Invalid CPU type, expected cpu type: 'qemu64-x86_64-cpu'"));
	assert_non_null(strstr(board_error("-device " NAME ",socket-id=0", &err), ": a machine without CPUs takes none"));
}

/* MWAIT would not let a host's core go while other CPUs are there, or may come. */
static void mwait(void **state)
{
	static const struct { const char *args; bool offered; } rows[] = { { "-accel interp -S -cpu max", true }, { "-accel interp -S -cpu max -smp 2", false },
		{ "-accel interp -S -cpu max -smp 1,maxcpus=2", false }, { "-accel interp -S -cpu max,+monitor -smp 2", true } };

	for (unsigned n = 0; n < sizeof rows / sizeof rows[0]; n++) {
		struct machine *m = board_new(rows[n].args);
		assert_int_equal(cpu_cpuid(m->cpus[0], 1, 0).ecx >> 3 & 1, rows[n].offered);
		board_free(m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(come_and_go), cmocka_unit_test(on_the_command_line), cmocka_unit_test(mwait) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
