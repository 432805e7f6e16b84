/* test_snapstate.c - snapshots of a whole board without a guest: what comes back, what is refused, and that nothing is left half done. */
#include "core/block/block.h"
#include "core/block/content.h"
#include "core/block/format.h"
#include "core/cpu/cpu.h"
#include "core/machine/input.h"
#include "core/machine/le.h"
#include "core/machine/snapdesc.h"
#include "core/machine/snapram.h"
#include "core/machine/snapshot.h"
#include "core/machine/state.h"
#include "core/monitor/monitor.h"
#include "tests/dev/board.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DISK = 3 << 20 };
#define ARGS "-m 16 -drive file=a.img,format=raw,index=0"
static char dir[] = "/tmp/vmux-snapstate-XXXXXX";
static struct machine *m;

static void fill(const char *name, size_t size, unsigned char c)
{
	FILE *f = fopen(name, "w");
	assert_non_null(f);
	for (size_t i = 0; i < size && c; i += 4096)
		assert_int_equal(fseek(f, (long)i, SEEK_SET) || fputc(c, f) != c, 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(truncate(name, (off_t)size), 0);
}

static int byte_at(const char *name, long at)
{
	FILE *f = fopen(name, "r");
	assert_non_null(f);
	fseek(f, at, SEEK_SET);
	int c = fgetc(f);
	fclose(f);
	return c;
}

static void put_byte(const char *name, long at, int c)
{
	FILE *f = fopen(name, "r+");
	assert_non_null(f);
	fseek(f, at, SEEK_SET);
	fputc(c, f);
	fclose(f);
}

static int group_setup(void **state)
{
	if (!mkdtemp(dir) || chdir(dir))
		return -1;
	setenv("TMPDIR", dir, 1);
	return setenv("XDG_DATA_HOME", dir, 1);
}

static int group_teardown(void **state)
{
	char cmd[80];
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return chdir("/") || system(cmd);
}

static int setup(void **state)
{
	fill("a.img", DISK, 'a');
	m = board_new(ARGS);
	return 0;
}

static int teardown(void **state)
{
	board_free(m);
	return system("rm -rf *.img* vmux");
}

static void save(const char *tag)
{
	struct error err = { "" };
	if (!snapshot_save(m, tag, &err))
		fail_msg("%s", err.msg);
}

static void load(const char *tag)
{
	struct error err = { "" };
	if (!snapshot_load(m, tag, &err))
		fail_msg("%s", err.msg);
}

static void expect_refused(const char *tag, const char *why)
{
	struct error err = { "" };
	if (snapshot_load(m, tag, &err) || !strstr(err.msg, why))
		fail_msg("\"%s\" is not \"%s\"", err.msg, why);
}

static struct state_buf devices(void)
{
	struct state_buf b = { 0 };
	machine_save_devices(m, &b);
	return b;
}

static void assert_same(const struct state_buf *a, const struct state_buf *b)
{
	assert_int_equal(a->len, b->len);
	assert_memory_equal(a->data, b->data, a->len);
}

/* ---- what comes back ---------------------------------------------------------------------------------------------------------------- */

static void scramble(void)
{
	out8(m, 0x3fb, 0x1b);                   /* line control of the serial port */
	out8(m, 0x70, 0x20);
	out8(m, 0x71, 0x77);
	out8(m, 0x43, 0x34);
	out8(m, 0x40, 0x10);
	out8(m, 0x40, 0x27);
	out8(m, 0x3c8, 5);
	out8(m, 0x3c9, 33);
	board_step(m, 7777777);
}

static void all_comes_back(void **state)
{
	scramble();
	for (uint64_t at = 0x100000; at < 0xf00000; at += 0x12340)
		poke32(m, at, (uint32_t)at * 2654435761u);
	poke32(m, 0x112000, 0);                 /* a page that stays zero */
	struct state_buf then = devices();
	int64_t clock = clock_now(&m->clock);
	save("one");
	put_byte("a.img", 4096, 'X');
	put_byte("a.img", 12345, 'Y');
	board_step(m, 123456789);
	out8(m, 0x3fb, 3);
	out8(m, 0x92, 0);                       /* address line 20 goes down */
	for (uint64_t at = 0x100000; at < 0xf00000; at += 0x1000)
		poke32(m, at + 8, 0xdeadbeef);
	load("one");
	struct state_buf now = devices();
	assert_same(&then, &now);
	assert_int_equal(clock_now(&m->clock), clock);
	assert_true(m->a20);
	for (uint64_t at = 0x100000; at < 0xf00000; at += 0x12340) {
		assert_int_equal(peek32(m, at), (uint32_t)at * 2654435761u);
		assert_int_equal(peek32(m, at + 8), 0);
	}
	assert_int_equal(byte_at("a.img", 4096), 'a');
	assert_int_equal(byte_at("a.img", 12345), 0);
	assert_int_equal(m->state, RUN_PRELAUNCH);
	state_buf_free(&then);
	state_buf_free(&now);
}

static void another_machine_takes_it_up(void **state)
{
	scramble();
	poke32(m, 0x5000, 0x12345678);
	struct state_buf then = devices();
	save("t");
	board_free(m);
	put_byte("a.img", 0, 'Z');
	m = board_new(ARGS);
	load("t");
	struct state_buf now = devices();
	assert_same(&then, &now);
	assert_int_equal(peek32(m, 0x5000), 0x12345678);
	assert_int_equal(byte_at("a.img", 0), 'a');
	state_buf_free(&then);
	state_buf_free(&now);
}

/* A pending timer goes on as long as it had to go; the clock may go back or on. */
static void timers_go_on(void **state)
{
	out8(m, 0x43, 0x30);                    /* counter 0, mode 0: 0x2710 ticks of 838 ns, then OUT goes up */
	out8(m, 0x40, 0x10);
	out8(m, 0x40, 0x27);
	board_step(m, 1000000);
	save("t");
	for (int later = 0; later < 2; later++) {
		load("t");
		board_step(m, 7000000);
		out8(m, 0x43, 0xe2);
		assert_int_equal(in8(m, 0x40) & 0x80, 0);
		board_step(m, 1000000);
		out8(m, 0x43, 0xe2);
		assert_int_equal(in8(m, 0x40) & 0x80, 0x80);
		board_step(m, 3000000000);
	}
}

/* What no device keeps: address line 20, a reset that was asked for, memory behind the last page that was kept; and keys that wait are of the other time. */
static void the_board_comes_back(void **state)
{
	struct error err = { "" };
	unsigned room = input_key_room(m);
	uint8_t *end = m->ram.host + m->ram.used - 1;
	uint8_t was = *end;
	machine_set_a20(m, false);
	m->reset_wanted = true;
	m->cause = SHUTDOWN_GUEST_RESET;
	save("t");
	machine_set_a20(m, true);
	m->reset_wanted = false;
	m->cause = SHUTDOWN_HOST_QUIT;
	*end = (uint8_t)~was;
	assert_true(input_sendkey(m, "a-b-c", 1000, &err));
	assert_true(input_key_room(m) < room);
	load("t");
	assert_false(m->a20);
	assert_true(m->reset_wanted);
	assert_int_equal(m->cause, SHUTDOWN_GUEST_RESET);
	assert_int_equal(*end, was);
	assert_int_equal(input_key_room(m), room);
}

/* A card that is to go, when the guest lets it: loading is no reset, in which it would. */
static void cards_stay(void **state)
{
	struct text out = { 0 };
	monitor_run_line(m, "device_add pci-testdev,id=card", 0, &out);
	save("whole");
	monitor_run_line(m, "device_del card", 0, &out);
	save("going");
	load("whole");
	assert_non_null(device_find(m, "card"));
	load("going");
	assert_non_null(device_find(m, "card"));
	machine_reset(m, RESET_SYSTEM);
	assert_null(device_find(m, "card"));
	expect_refused("whole", "the machine of the snapshot had a device pci-testdev (/machine/peripheral/card), which this one has not");
	text_free(&out);
}

/* ---- disks -------------------------------------------------------------------------------------------------------------------------- */

static void restart(const char *args)
{
	board_free(m);
	m = board_new(args);
}

static void guest_writes(unsigned n, uint64_t at, char c)
{
	char sector[512];
	struct iovec iov = { sector, sizeof(sector) };
	struct drive *d = drive_at(m, IF_IDE, 0, (int)n);
	memset(sector, c, sizeof(sector));
	assert_int_equal(d->image->format->write(d->image, at, &iov, 1), 0);
}

static int guest_reads(unsigned n, uint64_t at)
{
	char sector[512];
	assert_int_equal(drive_read_now(drive_at(m, IF_IDE, 0, (int)n), at, sector, sizeof(sector)), 0);
	return sector[0];
}

static void two_disks_and_a_floppy(void **state)
{
	fill("b.img", 1000000, 'b');            /* not whole sectors */
	fill("f.img", 1474560, 0);
	restart(ARGS " -drive file=b.img,format=raw,index=1 -fda f.img");
	save("t");
	guest_writes(0, 512, '0');
	guest_writes(1, 999936, '1');
	put_byte("f.img", 70000, '2');
	load("t");
	assert_int_equal(guest_reads(0, 512), 0);
	assert_int_equal(guest_reads(1, 999936), 0);
	assert_int_equal(byte_at("f.img", 70000), 0);
	struct stat st;
	assert_int_equal(stat("b.img", &st), 0);
	assert_int_equal(st.st_size, 1000000);
	assert_int_equal(access("b.img.snapshots", F_OK), -1);
	assert_int_equal(access("a.img.snapshots/.restoring", F_OK), -1);
}

/* With snapshot=on the image stays as it is, and what the overlay held comes back; into another process' overlay, too. */
static void overlays(void **state)
{
	const char *args = "-m 16 -name over -drive file=a.img,format=raw,index=0,snapshot=on";
	restart(args);
	guest_writes(0, 8192, 'o');
	save("t");
	assert_int_equal(access("vmux/snapshots/over/t/disk0", F_OK), 0);
	guest_writes(0, 8192, 'p');
	guest_writes(0, 65536, 'q');
	load("t");
	assert_int_equal(guest_reads(0, 8192), 'o');
	assert_int_equal(guest_reads(0, 65536), 'a');
	restart(args);
	assert_int_equal(guest_reads(0, 8192), 'a');
	load("t");
	assert_int_equal(guest_reads(0, 8192), 'o');
	assert_int_equal(byte_at("a.img", 8192), 'a');
}

/* A snapshot of the disk itself goes into an overlay just as well. */
static void into_an_overlay(void **state)
{
	save("t");
	put_byte("a.img", 4096, 'X');
	restart(ARGS ",snapshot=on -name over");
	load("t");
	assert_int_equal(guest_reads(0, 4096), 'a');
	assert_int_equal(byte_at("a.img", 4096), 'X');
}

static void part_of_a_file(void **state)
{
	fill("w.img", 2 << 20, 'w');
	restart("-m 16 -name part -nodefaults -blockdev driver=raw,node-name=w,offset=1M,size=512K,file.driver=file,file.filename=w.img -device ide-hd,drive=w");
	save("t");
	put_byte("w.img", (1 << 20) + 4096, 'X');
	put_byte("w.img", 4096, 'Y');
	load("t");
	assert_int_equal(byte_at("w.img", (1 << 20) + 4096), 'w');
	assert_int_equal(byte_at("w.img", 4096), 'Y');          /* not of this disk */
	restart("-m 16 -name part -nodefaults -blockdev driver=raw,node-name=w,offset=1M,size=256K,file.driver=file,file.filename=w.img -device ide-hd,drive=w");
	expect_refused("t", "has 262144 bytes now, and had 524288 when the snapshot was taken");
	assert_int_equal(system("rm -rf w.img*"), 0);
}

static void another_size_comes_back(void **state)
{
	struct error err = { "" };
	save("t");
	assert_true(drive_resize(drive_at(m, IF_IDE, 0, 0), 5 << 20, &err));
	load("t");
	assert_int_equal(drive_at(m, IF_IDE, 0, 0)->size, DISK);
	struct stat st;
	assert_int_equal(stat("a.img", &st), 0);
	assert_int_equal(st.st_size, DISK);
}

/* The program ended while the image was put back: whoever writes to it next finishes that, who only reads is told. */
static void interrupted(void **state)
{
	struct error err = { "" };
	struct image_opts read_only = { .readonly = true, .no_lock = true };
	char content[200];
	save("t");
	snprintf(content, sizeof(content), "%s/a.img.snapshots/t/disk0", dir);
	assert_true(restore_begin(drive_at(m, IF_IDE, 0, 0), content, &err));
	put_byte("a.img", 4096, 'X');
	assert_null(image_open("a.img", "raw", &read_only, &err));
	assert_non_null(strstr(err.msg, "was being put back to a snapshot"));
	restart(ARGS);
	assert_int_equal(byte_at("a.img", 4096), 'a');
	assert_int_equal(access("a.img.snapshots/.restoring", F_OK), -1);
	/* and when its content is gone */
	assert_true(restore_begin(drive_at(m, IF_IDE, 0, 0), "/nosuch/content", &err));
	board_free(m);
	m = NULL;
	assert_non_null(strstr(board_error(ARGS, &err), "cannot be finished"));
	assert_int_equal(unlink("a.img.snapshots/.restoring"), 0);
	m = board_new(ARGS);
}

/* A marker names what its image is overwritten with: nobody else's is believed, nor one that is no plain file, nor half of one. */
static void bad_markers(void **state)
{
	static const char *const make[] = { ": >$M", "printf 'vmux-restoring 1\n' >$M", "printf 'vmux-restoring 1\n%s/own' $PWD >$M", "printf 'vmux-restoring 1\nown\n' >$M",
		"printf 'vmux-restoring 2\n%s/own\n' $PWD >$M", "mkfifo $M", "mkfifo pipe && printf 'vmux-restoring 1\n%s/pipe\n' $PWD >$M", "ln -s $PWD/named $M",
		"printf 'vmux-restoring 1\n%s/link\n' $PWD >$M && ln -s own link", "cp named $M && chown 12345 $M", "cp named $M && chown 12345 own" };
	struct error err = { "" };
	char cmd[400];
	board_free(m);
	m = NULL;
	fill("own", DISK, 'o');
	for (size_t i = 0; i < sizeof(make) / sizeof(make[0]); i++) {
		if (strstr(make[i], "chown") && geteuid())
			continue;
		snprintf(cmd, sizeof(cmd), "rm -rf a.img.snapshots && mkdir a.img.snapshots && printf 'vmux-restoring 1\n%s/own\n' $PWD >named && "
			"M=a.img.snapshots/.restoring && %s", "%s", make[i]);
		assert_int_equal(system(cmd), 0);
		errno = 0;
		if (!strstr(board_error(ARGS, &err), "cannot be finished"))
			fail_msg("%s: \"%s\"", make[i], err.msg);
		assert_int_equal(byte_at("a.img", 0), 'a');
	}
	assert_int_equal(system("rm -rf a.img.snapshots own named link pipe"), 0);
	m = board_new(ARGS);
}

/* ---- refusals ----------------------------------------------------------------------------------------------------------------------- */

static void tags(void **state)
{
	static const char *const bad[] = { "", "..", ".x", "a/b", "../a", "a\nb",
		"12345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678" };
	struct error err;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(snapshot_save(m, bad[i], &err));
		assert_false(snapshot_exists(m, bad[i]));
		assert_false(snapshot_load(m, bad[i], &err));
		assert_true(snapshot_delete(m, bad[i], &err));
	}
	save("with blanks, and %s");
	load("with blanks, and %s");
	char tag[SNAPSHOT_TAG], again[SNAPSHOT_TAG];
	snapshot_make_tag(m, tag);
	save(tag);
	snapshot_make_tag(m, again);
	assert_string_not_equal(tag, again);
	assert_true(snapshot_delete(m, tag, &err));
	assert_false(snapshot_exists(m, tag));
	assert_true(snapshot_exists(m, "with blanks, and %s"));
}

static void of_another_make(void **state)
{
	static const struct { const char *args, *why; } other[] = {
		{ "-m 32 -drive file=a.img,format=raw,index=0", "16 MiB of memory, this one has 32" },
		{ ARGS " -device pci-testdev,id=more", "this machine has a device pci-testdev (/machine/peripheral/more), which the one of the snapshot had not" },
		{ ARGS " -vga none", "the machine of the snapshot had a device VGA" },
		{ ARGS " -drive file=b.img,format=raw,index=1", "this machine has a device ide-hd" },
		{ ARGS " -name x -device pci-testdev -vga none", "this machine has a device pci-testdev" },
	};
	fill("b.img", 4096, 0);
	save("t");
	for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++) {
		restart(other[i].args);
		struct state_buf before = devices();
		expect_refused("t", other[i].why);
		struct state_buf after = devices();
		assert_same(&before, &after);
		state_buf_free(&before);
		state_buf_free(&after);
	}
	restart(ARGS);
	load("t");
}

static void media_must_be_there(void **state)
{
	struct error err = { "" };
	fill("c1.img", 4096, 0);
	fill("c2.img", 4096, 0);
	restart(ARGS " -cdrom c1.img");
	struct drive *cd = drive_at(m, IF_IDE, 1, 0);
	save("t");
	load("t");
	assert_true(drive_change(cd, "c2.img", "raw", -1, &err));
	expect_refused("t", "drive 'ide1-cd0' held 'c1.img' when the snapshot was taken, and holds 'c2.img' now");
	assert_true(drive_eject(cd, true, &err));
	expect_refused("t", "drive 'ide1-cd0' held 'c1.img' when the snapshot was taken, and is empty now");
	save("empty");
	assert_true(drive_change(cd, "c1.img", "raw", -1, &err));
	expect_refused("empty", "was empty when the snapshot was taken, and holds 'c1.img' now");
	load("t");
	fill("c1.img", 8192, 0);
	assert_true(drive_change(cd, "c1.img", "raw", -1, &err));
	expect_refused("t", "'c1.img' in drive 'ide1-cd0' had 4096 bytes");
}

/* A disk that is full: nothing is left, and what had the tag is as it was. */
static void a_full_disk(void **state)
{
	struct rlimit old, small = { 1 << 20, 1 << 20 };
	struct error err = { "" };
	poke32(m, 0x5000, 1);
	save("t");
	poke32(m, 0x5000, 2);
	for (uint64_t at = 0x100000; at < 0xf00000; at += 8)
		poke32(m, at, (uint32_t)(at * 2654435761u >> 7));
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small.rlim_max = old.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_false(snapshot_save(m, "t", &err));
	assert_non_null(strstr(err.msg, "File too large"));
	assert_false(snapshot_save(m, "u", &err));
	/* nor can the memory be kept, for the way back */
	expect_refused("t", "File too large");
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(peek32(m, 0x5000), 2);
	assert_int_equal(system("test \"$(ls -A a.img.snapshots)\" = t"), 0);
	load("t");
	assert_int_equal(peek32(m, 0x5000), 1);
	save("t");
}

/* What a program that was killed has left is put right by the next one. */
static void leftovers(void **state)
{
	save("t");
	assert_int_equal(system("cd a.img.snapshots && cp -r t .new-x && cp -r t .old-y && cp -r t .old-t"), 0);
	save("u");
	assert_int_equal(system("test \"$(ls -A a.img.snapshots | tr '\\n' ' ')\" = 't u '"), 0);
	assert_int_equal(system("cd a.img.snapshots && mv t .old-t && touch .replacing"), 0);
	save("u");
	load("t");
}

/* One program at a time. */
static void somebody_else_is_at_work(void **state)
{
	struct error err = { "" };
	save("t");
	int fd = open("a.img.snapshots", O_RDONLY | O_DIRECTORY);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
	assert_false(snapshot_save(m, "u", &err));
	assert_non_null(strstr(err.msg, "another program is at work on the snapshots in"));
	expect_refused("t", "another program is at work");
	assert_false(snapshot_delete(m, "t", &err));
	close(fd);
	load("t");
	assert_false(snapshot_exists(m, "u"));
}

/* ---- bad files ---------------------------------------------------------------------------------------------------------------------- */

#define STATE "a.img.snapshots/t/state"

static void damaged(void **state)
{
	struct stat st;
	save("t");
	assert_int_equal(stat(STATE, &st), 0);
	assert_int_equal(system("cp " STATE " keep"), 0);
	struct state_buf before = devices();
	for (off_t at = 0; at < st.st_size; at += at < 200 ? 1 : 1 + st.st_size / 61) {
		put_byte(STATE, at, byte_at(STATE, at) ^ 1 << at % 8);
		expect_refused("t", "");
		put_byte(STATE, at, byte_at("keep", at));
	}
	load("t");
	for (off_t at = st.st_size - 1; at > 0; at -= at < 200 ? 1 : 1 + st.st_size / 61) {
		assert_int_equal(truncate(STATE, at), 0);
		expect_refused("t", at < 48 ? "" : "the snapshot's state is ");
	}
	assert_int_equal(system("cp keep " STATE " && echo >>" STATE), 0);
	expect_refused("t", "something follows its end");
	assert_int_equal(system("mv keep " STATE), 0);
	load("t");
	struct state_buf after = devices();
	assert_same(&before, &after);
	state_buf_free(&before);
	state_buf_free(&after);
	assert_int_equal(truncate("a.img.snapshots/t/disk0", 5), 0);
	expect_refused("t", "content of drive 'ide0-hd0' is damaged");
	assert_int_equal(unlink("a.img.snapshots/t/disk0"), 0);
	expect_refused("t", "could not open what the snapshot kept of drive 'ide0-hd0'");
}

/* Files whose sums are right, and whose content is anything: `change` is given each chunk, and may say another length. */
static uint32_t seed = 4711;
static uint32_t rnd(uint32_t n) { return (seed = seed * 1664525 + 1013904223, seed >> 8) % n; }

static void rewrite(enum snap_kind hit, unsigned chunk)
{
	struct snap_header h;
	struct error err = { "" };
	enum snap_kind kind = SNAP_END;
	const uint8_t *data;
	size_t len;
	int from = open("keep", O_RDONLY), to = open(STATE, O_WRONLY | O_TRUNC);
	assert_true(from >= 0 && to >= 0);
	struct snap_reader *r = snap_reader_new(from, &h, &err);
	struct snap_writer *w = snap_writer_new(to, &h, &err);
	assert_true(r && w);
	while (snap_get(r, &kind, &data, &len, &err) && kind != SNAP_END) {
		uint8_t *copy = malloc(len + 16);
		assert_non_null(copy);
		memcpy(copy, data, len);
		if (kind == hit && (kind != SNAP_RAM || !chunk--)) {
			for (unsigned n = 1 + rnd(4); len && n; n--) {
				size_t at = kind == SNAP_RAM ? rnd(60) : rnd((uint32_t)len);
				copy[at % len] = rnd(3) ? (uint8_t)rnd(256) : (uint8_t)(copy[at % len] ^ 1u << rnd(8));
			}
			if (!rnd(10))
				len = rnd((uint32_t)len + 16);
		}
		if (rnd(200))
			assert_true(snap_put(w, kind, copy, len, &err));
		free(copy);
	}
	assert_true(snap_writer_end(w, &err));
	snap_reader_free(r);
	snap_writer_free(w);
	close(from);
	close(to);
}

/* Lengths and kinds that no chunk has: found before anything is read by them. */
static void impossible_chunks(void **state)
{
	enum { FIRST = 48, VERSION_AT = 8, KIND = FIRST, PACKED = FIRST + 4, LENGTH = FIRST + 8, STORED = FIRST + 16 };
	static const struct { int at, value; const char *why; } bad[] = { { KIND, 4, "no sensible length" }, { KIND + 3, 1, "no sensible length" },
		{ KIND, SNAP_END, "no sensible length" }, { PACKED, 2, "no sensible length" }, { LENGTH + 7, 0x80, "no sensible length" },
		{ STORED + 2, 1, "no sensible length" }, { STORED + 7, 0xff, "no sensible length" }, { VERSION_AT, 2, "has version 2, this program knows 1" } };
	struct snap_header h = { .clock_ns = UINT64_MAX };
	struct error err = { "" };
	save("t");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int was = byte_at(STATE, bad[i].at);
		put_byte(STATE, bad[i].at, bad[i].value);
		expect_refused("t", bad[i].why);
		put_byte(STATE, bad[i].at, was);
	}
	/* Not packed: with half of it; and with both lengths alike, but more than fits anywhere. */
	int fd = open(STATE, O_RDWR);
	uint8_t half[24] = { SNAP_MACHINE, [8] = 100, [16] = 50 }, head[24] = { SNAP_MACHINE, [11] = 2, [19] = 2 };
	assert_int_equal(pwrite(fd, half, sizeof(half), FIRST), sizeof(half));
	expect_refused("t", "no sensible length");
	assert_int_equal(pwrite(fd, head, sizeof(head), FIRST), sizeof(head));
	assert_int_equal(ftruncate(fd, 40 << 20), 0);
	expect_refused("t", "no sensible length");
	assert_int_equal(ftruncate(fd, 0), 0);
	struct snap_writer *w = snap_writer_new(fd, &h, &err);
	assert_true(w && snap_writer_end(w, &err));
	snap_writer_free(w);
	close(fd);
	expect_refused("t", "its time is out of range");
}

/* Whole chunks with right sums, but not in their order. */
static void impossible_order(void **state)
{
	static const enum snap_kind orders[][4] = { { SNAP_END }, { SNAP_STATE }, { SNAP_RAM }, { SNAP_MACHINE, SNAP_END }, { SNAP_MACHINE, SNAP_RAM },
		{ SNAP_MACHINE, SNAP_MACHINE }, { SNAP_MACHINE, SNAP_STATE, SNAP_STATE }, { SNAP_MACHINE, SNAP_STATE, SNAP_MACHINE } };
	struct snap_header h = { .clock_ns = 1 };
	struct error err = { "" };
	struct text own = { 0 };
	save("t");
	snapdesc_write(m, &own);
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		int fd = open(STATE, O_WRONLY | O_TRUNC);
		struct snap_writer *w = snap_writer_new(fd, &h, &err);
		assert_true(w);
		for (unsigned k = 0; k < 4 && orders[i][k] != SNAP_END; k++)
			assert_true(snap_put(w, orders[i][k], own.s, own.len, &err));
		assert_true(snap_writer_end(w, &err));
		snap_writer_free(w);
		close(fd);
		expect_refused("t", "its parts are in disorder");
	}
	text_free(&own);
}

/* A guest that was told of what this machine's processor has not. */
static void impossible_processor(void **state)
{
	struct text own = { 0 }, other = { 0 };
	struct error err = { "" };
	assert_int_equal(m->n_cpus, 0);                 /* as no engine runs here */
	m->cpus[0] = cpu_create(m, 0, "qemu64", &err);
	assert_non_null(m->cpus[0]);
	m->n_cpus = 1;
	snapdesc_write(m, &own);
	assert_true(snapdesc_check(m, own.s, own.len, &err));
	char *at = strstr(own.s, "\ncpuid "), *end = strchr(at + 1, '\n');
	text_add(&other, own.s, (size_t)(at - own.s));
	text_printf(&other, "\ncpuid");
	for (const char *p = at + 6; p < end; p++)
		if (*p == ' ')
			text_printf(&other, " ffffffff");
	text_printf(&other, "%s", end);
	assert_false(snapdesc_check(m, other.s, other.len, &err));
	assert_non_null(strstr(err.msg, "was told of processor features that"));
	/* Fewer are no harm. */
	other.len = 0;
	text_add(&other, own.s, (size_t)(at - own.s));
	text_printf(&other, "\ncpuid");
	for (const char *p = at + 6; p < end; p++)
		if (*p == ' ')
			text_printf(&other, " 0");
	text_printf(&other, "%s", end);
	assert_true(snapdesc_check(m, other.s, other.len, &err));
	text_free(&own);
	text_free(&other);
	m->n_cpus = 0;
	cpu_destroy(m->cpus[0]);
	m->cpus[0] = NULL;
}

/* Pages that this machine has not, that a chunk has not, or that stand elsewhere. */
static void impossible_memory(void **state)
{
	enum { WINDOW = 256, HEAD = 48, PAGE = 4096, ALL = (16 << 20) / PAGE };
	static const struct { unsigned block, pages; uint64_t first; unsigned bit; size_t len; bool fits; } chunks[] = {
		{ 0, WINDOW, 0, 0, HEAD + PAGE, true }, { 0, WINDOW, WINDOW, 255, HEAD + PAGE, true }, { 0, WINDOW, ALL - WINDOW, 0, HEAD + PAGE, true },
		{ 0, WINDOW, 0, 0, HEAD - 1, false }, { 0, WINDOW, 0, 0, HEAD, false }, { 0, WINDOW, 0, 0, HEAD + PAGE - 1, false }, { 0, WINDOW, 0, 0, HEAD + 2 * PAGE, false },
		{ 99, WINDOW, 0, 0, HEAD + PAGE, false }, { 0, 0, 0, 0, HEAD + PAGE, false }, { 0, WINDOW + 1, 0, 0, HEAD + PAGE, false }, { 0, UINT32_MAX, 0, 0, HEAD + PAGE, false },
		{ 0, WINDOW, 1, 0, HEAD + PAGE, false }, { 0, WINDOW, ALL, 0, HEAD + PAGE, false }, { 0, WINDOW, UINT64_MAX - 255, 0, HEAD + PAGE, false },
		{ 0, 10, 0, 10, HEAD + PAGE, false } };
	uint8_t *chunk = calloc(1, HEAD + 2 * PAGE);
	struct error err = { "" };
	assert_non_null(chunk);
	assert_string_equal(m->ram.blocks->name, "pc.ram");
	for (size_t i = 0; i < sizeof(chunks) / sizeof(chunks[0]); i++) {
		uint64_t last = 0;
		memset(chunk, 0, HEAD);
		le_put(chunk, chunks[i].block, 4);
		le_put(chunk + 4, chunks[i].pages, 4);
		le_put(chunk + 8, chunks[i].first, 8);
		chunk[16 + chunks[i].bit / 8] = (uint8_t)(1 << chunks[i].bit % 8);
		if (snapram_check(m, chunk, chunks[i].len, &last, &err) != chunks[i].fits)
			fail_msg("chunk %zu", i);
		if (chunks[i].fits && snapram_check(m, chunk, chunks[i].len, &last, &err))
			fail_msg("chunk %zu twice", i);
	}
	free(chunk);
}

/* The file again, with another value in a byte of the first field of that name in the state: of its data, or (at -9) its type. */
static void patch_field(const char *name, int at, uint8_t value)
{
	struct snap_header h;
	struct error err = { "" };
	enum snap_kind kind = SNAP_END;
	const uint8_t *data;
	bool found = false;
	size_t len;
	int from = open("keep", O_RDONLY), to = open(STATE, O_WRONLY | O_TRUNC);
	assert_true(from >= 0 && to >= 0);
	struct snap_reader *r = snap_reader_new(from, &h, &err);
	struct snap_writer *w = snap_writer_new(to, &h, &err);
	while (snap_get(r, &kind, &data, &len, &err) && kind != SNAP_END) {
		uint8_t *copy = malloc(len), *p;
		assert_non_null(copy);
		memcpy(copy, data, len);
		if (kind == SNAP_STATE && (p = memmem(copy, len, name, strlen(name)))) {
			p[(int)strlen(name) + 9 + at] = value;
			found = true;
		}
		assert_true(snap_put(w, kind, copy, len, &err));
		free(copy);
	}
	assert_true(found && snap_writer_end(w, &err));
	snap_reader_free(r);
	snap_writer_free(w);
	close(from);
	close(to);
}

static unsigned open_files(void)
{
	unsigned n = 0;
	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void impossible_values(void **state)
{
	save("t");
	assert_int_equal(system("cp " STATE " keep"), 0);
	patch_field("\4kind", 0, 4);
	expect_refused("t", "held something unknown");
	patch_field("\5cause", 0, 200);
	expect_refused("t", "in no state that there is");
	patch_field("\10n_drives", 0, 99);
	expect_refused("t", "is of a machine with 99 drives");
	patch_field("\4cmos", -9, 99);
	expect_refused("t", "wrong type");
	assert_int_equal(rename("keep", STATE), 0);
	load("t");
	restart(ARGS ",id=mine");
	expect_refused("t", "a drive 'ide0-hd0' where this one has 'mine'");
	restart(ARGS " -blockdev driver=null-co,node-name=n,size=1M -drive if=none,id=more");
	expect_refused("t", "drives, this one has");
}

/* What was made ready for a snapshot that is refused after all goes again. */
static void nothing_is_left_open(void **state)
{
	restart("-m 16 -name over -drive file=a.img,format=raw,index=0,snapshot=on");
	guest_writes(0, 8192, 'o');
	save("t");
	load("t");
	assert_int_equal(rename("vmux/snapshots/over/t/state", "keep"), 0);
	assert_int_equal(system("mkdir -p a.img.snapshots/t && : >" STATE), 0);
	patch_field("\4cmos", -9, 99);
	assert_int_equal(rename(STATE, "vmux/snapshots/over/t/state"), 0);
	unsigned before = open_files();
	expect_refused("t", "wrong type");
	assert_int_equal(open_files(), before);
	assert_int_equal(unlink("keep"), 0);
}

/* Text that would be compared for hours. */
static void made_of_too_much(void **state)
{
	struct snap_header h = { .clock_ns = 1 };
	struct error err = { "" };
	static char text[1 << 20];
	for (size_t n = 0; n + 16 < sizeof(text); n += 12)
		snprintf(text + n, 13, "device %4zx\n", n / 12 & 0xffff);
	save("t");
	int fd = open(STATE, O_WRONLY | O_TRUNC);
	struct snap_writer *w = snap_writer_new(fd, &h, &err);
	assert_true(w && snap_put(w, SNAP_MACHINE, text, sizeof(text), &err) && snap_put(w, SNAP_STATE, text, 100, &err) && snap_writer_end(w, &err));
	snap_writer_free(w);
	close(fd);
	expect_refused("t", "no machine is made of so much");
}

static void hostile(void **state)
{
	static const enum snap_kind kinds[] = { SNAP_STATE, SNAP_STATE, SNAP_STATE, SNAP_MACHINE, SNAP_RAM };
	const char *rounds = getenv("VMUX_FUZZ_ROUNDS");
	unsigned taken = 0, refused = 0;
	scramble();
	for (uint64_t at = 0x100000; at < 0xf00000; at += 0x12340)
		poke32(m, at, (uint32_t)at);
	save("t");
	assert_int_equal(system("cp " STATE " keep"), 0);
	for (unsigned n = rounds ? (unsigned)atoi(rounds) : 300; n; n--) {
		struct error err = { "" };
		rewrite(kinds[rnd(5)], rnd(14));
		poke32(m, 0x100004, n);
		struct state_buf before = devices();
		if (snapshot_load(m, "t", &err)) {
			taken++;
		} else {
			struct state_buf after = devices();
			refused++;
			assert_true(*err.msg);
			assert_same(&before, &after);   /* as it was */
			assert_int_equal(peek32(m, 0x100004), n);
			state_buf_free(&after);
		}
		state_buf_free(&before);
		board_step(m, 1000000);
	}
	assert_true(taken && refused);
	assert_int_equal(system("mv keep " STATE), 0);
	load("t");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(all_comes_back), T(another_machine_takes_it_up), T(timers_go_on), T(the_board_comes_back), T(cards_stay), T(two_disks_and_a_floppy), T(overlays), T(into_an_overlay), T(part_of_a_file),
		T(another_size_comes_back), T(interrupted), T(bad_markers), T(tags), T(of_another_make), T(media_must_be_there), T(a_full_disk), T(leftovers), T(somebody_else_is_at_work), T(damaged), T(impossible_chunks), T(impossible_order), T(impossible_processor), T(impossible_memory), T(impossible_values), T(nothing_is_left_open), T(made_of_too_much), T(hostile),
	};
	return cmocka_run_group_tests_name("snapshot state", tests, group_setup, group_teardown);
}
