/* test_monitor_rows.c - every row of the monitor's tables: a good call, bad arguments, completion, help, and in the machine protocol the
 * type of what comes back. */
#include "core/monitor/commands.h"
#include "core/monitor/internal.h"
#include "core/monitor/qmp_handlers.h"
#include "tests/dev/board.h"
#include <fnmatch.h>
#include <stdio.h>
#include <unistd.h>

static struct machine *m;
static char dir[] = "/tmp/vmux-rows-XXXXXX";

static int setup(void **state)
{
	char args[256];

	assert_non_null(mkdtemp(dir));
	setenv("XDG_DATA_HOME", dir, 1);        /* snapshots */
	snprintf(args, sizeof(args), "-serial null -monitor none -parallel none -chardev ringbuf,id=rb,size=64 -audiodev none,id=quiet -name rows");
	m = board_new(args);
	assert_int_equal(chdir(dir), 0);        /* files with made-up names */
	return 0;
}

static int teardown(void **state)
{
	char cmd[64];

	board_free(m);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd);
}

static const char *say(const char *line)
{
	static struct text out;

	text_free(&out);
	monitor_run_line(m, line, 0, &out);
	return out.s ? out.s : "";
}

/* ---- the human monitor -------------------------------------------------------------------------------------------------------------- */

/* Rows that do something: a line (DIR stands for an empty folder) and a pattern of the answer. */
static const struct { const char *name, *line, *want; } good[] = {
	{ "accel", "accel jit", "Error: jit: this machine runs no guest code (qtest)\n" },
	{ "announce_self", "announce_self", "" },
	{ "block_passwd", "block_passwd ide1-cd0 x", "Error: Device 'ide1-cd0' is not encrypted\n" },
	{ "block_resize", "block_resize ide1-cd0 1M", "Error: Device 'ide1-cd0' has no medium\n" },
	{ "block_set_io_throttle", "block_set_io_throttle ide1-cd0 0 0 0 0 0 0", "Error: Device has no medium\n" },
	{ "block_stream", "block_stream nosuch", "Error: Cannot find device='nosuch' nor node-name='nosuch'\n" },
	{ "boot_set", "boot_set cdn", "boot device list now set to cdn\n" },
	{ "change", "change ide1-cd0 DIR/medium raw", "" },
	{ "chardev-add", "chardev-add null,id=cn", "" },
	{ "chardev-change", "chardev-change cn ringbuf", "" },
	{ "chardev-send-break", "chardev-send-break cn", "" },
	{ "chardev-remove", "chardev-remove cn", "" },
	{ "client_migrate_info", "client_migrate_info spice h", "Error: SPICE is not in use\n" },
	{ "commit", "commit all", "" },
	{ "cont", "c", "" },
	{ "cpu", "cpu 7", "invalid CPU index\n" },
	{ "cpu-add", "cpu-add 9", "Error: Invalid CPU id: 9, max allowed: 0\n" },
	{ "device_add", "device_add pci-testdev,id=t1", "" },
	{ "device_del", "device_del t1", "" },
	{ "drive_add", "drive_add 0 if=none,id=d1", "OK\n" },
	{ "drive_backup", "drive_backup d1 x", "Error: *not in this build\n" },
	{ "drive_mirror", "drive_mirror d1 x", "Error: *not in this build\n" },
	{ "drive_del", "drive_del d1", "" },
	{ "dump-guest-memory", "dump-guest-memory DIR/core 0 4096", "" },
	{ "eject", "eject ide1-cd0", "" },
	{ "expire_password", "expire_password vnc now", "Error: Could not set password expire time\n" },
	{ "gdbserver", "gdbserver none", "Disabled gdbserver\n" },
	{ "gpa2hpa", "gpa2hpa 0x100000", "*" },
	{ "gpa2hva", "gpa2hva 0x100000", "Host virtual address for 0x100000 (pc.ram) is 0x*\n" },
	{ "gva2gpa", "gva2gpa 0", "*" },
	{ "help", "help quit", "quit|q  -- end the program\n" },
	{ "hostfwd_add", "hostfwd_add n0 tcp::1-:2", "unrecognized netdev id 'n0'\n" },
	{ "hostfwd_remove", "hostfwd_remove tcp::1", "this machine has no user-mode network\n" },
	{ "i", "i /h 0x64", "portw[[]0x0064] = 0x*\n" },
	{ "info", "info", "info accel  -- *info vnc  -- *\n" },
	{ "log", "log none", "" },
	{ "logfile", "logfile DIR/log", "" },
	{ "mce", "mce 0 9 0 0 0 0", "*" },
	{ "memsave", "memsave 0 16 DIR/m", "*" },
	{ "migrate", "migrate tcp:h:1", "Error: this machine cannot be migrated\n" },
	{ "migrate_cancel", "migrate_cancel", "" },
	{ "migrate_continue", "migrate_continue bad", "Error: invalid parameter value: bad\n" },
	{ "migrate_set_capability", "migrate_set_capability events off", "" },
	{ "migrate_set_parameter", "migrate_set_parameter nosuch 1", "Error: invalid parameter value: nosuch\n" },
	{ "mouse_button", "mouse_button 1", "" },
	{ "mouse_move", "mouse_move 1 2 3", "" },
	{ "mouse_set", "mouse_set 99", "Mouse at index '99' not found\n" },
	{ "nbd_server_add", "nbd_server_add ide1-cd0", "Error: NBD server not running\n" },
	{ "nbd_server_start", "nbd_server_start h:1", "Error: this build has no NBD server*\n" },
	{ "netdev_add", "netdev_add nosuch,id=n", "Error: Parameter 'type' does not accept value 'nosuch'\n" },
	{ "nmi", "nmi", "" },
	{ "o", "o /b 0x80 1", "" },
	{ "closefd", "closefd nosuch", "Error: File descriptor named 'nosuch' not found\n" }, { "getfd", "getfd a", "Error: No file descriptor supplied via SCM_RIGHTS\n" },
	{ "object_add", "object_add memory-backend-ram,id=o,size=64K", "" }, { "object_del", "object_del o", "" },
	{ "object_del", "object_del o", "Error: object 'o' not found\n" }, { "object_add", "object_add", "Error: Parameter 'qom-type' is missing\n" },
	{ "object_add", "object_add nosuch,id=o", "Error: Parameter 'qom-type' does not accept value 'nosuch'\n" },
	{ "pcie_aer_inject_error", "pcie_aer_inject_error nosuch 1", "id or pci device path is invalid or device not found. nosuch\n" },
	{ "pmemsave", "pmemsave 0 16 DIR/p", "" },
	{ "print", "p /x (1+2)*3", "0x9\n" },
	{ "qemu-io", "qemu-io nosuch \"read 0 512\"", "Error: Cannot find device=*\n" },
	{ "qom-get", "qom-get /machine type", "\"pc-i440fx-7.2-machine\"\n" },
	{ "qom-list", "qom-list /", "type (string)\nbackend (child<container>)\n*" },
	{ "qom-set", "qom-set /machine type x", "Error: Property 'pc-i440fx-7.2-machine.type' is not writable\n" },
	{ "quit", "quit extra", "quit|q: extraneous characters at the end of line\n*" },
	{ "ringbuf_write", "ringbuf_write rb hello", "" },
	{ "ringbuf_read", "ringbuf_read rb 5", "hello\n" },
	{ "screendump", "screendump DIR/s.ppm", "" }, { "screendump", "screendump DIR/s.png -f png", "" },
	{ "screendump", "screendump DIR/s.gif -f gif", "Error: invalid parameter value: gif\n" },
	{ "delvm", "delvm nosuch", "" }, { "loadvm", "loadvm nosuch", "Error: Snapshot 'nosuch' does not exist in one or more devices\n" },
	{ "savevm", "savevm s1", "" }, { "loadvm", "loadvm s1", "" }, { "savevm", "savevm ../x", "Error: the tag of a snapshot *" },
	{ "info snapshots", "info snapshots", "List of snapshots present on all disks:\nID*\n--        s1 *iB 20*\n" }, { "delvm", "delvm s1", "" },
	{ "info snapshots", "info snapshots", "There is no snapshot available.\n" },
	{ "sendkey", "sendkey a", "" },
	{ "set_password", "set_password foo x", "Error: invalid parameter value: foo\n" },
	{ "singlestep", "singlestep foo", "unexpected option foo\n" },
	{ "snapshot_blkdev", "snapshot_blkdev ide1-cd0 x", "Error: *" },
	{ "snapshot_blkdev_internal", "snapshot_blkdev_internal ide1-cd0 x", "Error: *" },
	{ "snapshot_delete_blkdev_internal", "snapshot_delete_blkdev_internal ide1-cd0 x", "Error: *" },
	{ "stop", "s", "" },
	{ "stopcapture", "stopcapture 0", "" },
	{ "sum", "sum 0 16", "00000\n" },
	{ "sync-profile", "sync-profile", "sync-profile is off\n" },
	{ "system_powerdown", "system_powerdown", "" },
	{ "system_reset", "system_reset", "" },
	{ "watch", "watch 1 info status", "Error: watch needs a monitor of the workstation, where it can have a console\n" },
	{ "watchdog_action", "watchdog_action pause", "" },
	{ "wavcapture", "wavcapture f nosuch", "Audiodev 'nosuch' not found\n" },
	{ "wavcapture", "wavcapture f quiet", "this machine has no sound device that audiodev 'quiet' could record\n" },
	{ "x", "x /1xb 0", "*" },
	{ "xp", "xp /2xb 0x100000", "0000000000100000: 0x00 0x00\n" },
	{ "info block", "info block", "ide1-cd0: *\n" },
	{ "info blockstats", "info blockstats", "ide1-cd0: rd_bytes=*\n" },
	{ "info chardev", "info chardev", "*rb: filename=ringbuf\n*" },
	{ "info cpus", "info cpus", "*" },
	{ "info dump", "info dump", "Status: *\n" },
	{ "info history", "info history", "" },
	{ "info hotpluggable-cpus", "info hotpluggable-cpus", "Hotpluggable CPUs:\n*" },
	{ "info irq", "info irq", "IRQ statistics for *" },
	{ "info accel", "info accel", "engine: *; *" },
	{ "info jit", "info jit", "Error: JIT information is only available with accel=jit; this engine is *: *\n" },
	{ "info kvm", "info kvm", "kvm support: disabled\nengine: *; *\n" },
	{ "info lapic", "info lapic", "*" },
	{ "info mem", "info mem", "*" },
	{ "info memdev", "info memdev", "memory backend: pc.ram\n  size:  134217728\n*" },
	{ "info memory_size_summary", "info memory_size_summary", "base memory: 134217728\nplugged memory: 0\n" },
	{ "info mice", "info mice", "[*] Mouse #*: QEMU PS/2 Mouse\n" },
	{ "info migrate_capabilities", "info migrate_capabilities", "xbzrle: off\n*postcopy-preempt: off\n" },
	{ "info mtree", "info mtree", "address-space: I/O\n*" },
	{ "info name", "info name", "rows\n" },
	{ "info pci", "info pci", "  Bus  0, device   0, function 0:\n    Host bridge: PCI device 8086:1237\n*" },
	{ "info pic", "info pic", "ioapic0: ver=0x20*" },
	{ "info qdm", "info qdm", "Storage devices:\n*" },
	{ "info qom-tree", "info qom-tree /objects", "/objects (container)\n  /pc.ram (memory-backend-ram)\n" },
	{ "info qtree", "info qtree", "bus: main-system-bus\n  type System\n*" },
	{ "info ramblock", "info ramblock", " * Block Name *pc.ram *" },
	{ "info registers", "info registers 9", "CPU#9 not available\n" },
	{ "info roms", "info roms", "*" },
	{ "info stats", "info stats nosuch", "Error: invalid parameter value: nosuch\n" },
	{ "info status", "info status", "VM status: *\n" },
	{ "info tlb", "info tlb", "*" },
	{ "info trace-events", "info trace-events nosuch", "unknown event \"nosuch\"\n" },
	{ "info uuid", "info uuid", "00000000-0000-0000-0000-000000000000\n" },
	{ "info version", "info version", "[0-9]*\n" } };
enum { N_GOOD = sizeof(good) / sizeof(good[0]) };

/* DIR/x -> /tmp/.../x */
static void with_dir(const char *text, char *buf, size_t size)
{
	const char *at = strstr(text, "DIR");

	if (at)
		snprintf(buf, size, "%.*s%s%s", (int)(at - text), text, dir, at + 3);
	else
		snprintf(buf, size, "%s", text);
}

static void good_calls(void **state)
{
	char line[512], path[64];

	snprintf(path, sizeof(path), "%s/medium", dir);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(ftruncate(fileno(f), 1 << 20), 0);
	fclose(f);
	for (size_t i = 0; i < N_GOOD; i++) {
		with_dir(good[i].line, line, sizeof(line));
		const char *got = say(line);
		if (fnmatch(good[i].want, got, 0))
			fail_msg("%s: wanted \"%s\", got \"%s\"", line, good[i].want, got);
	}
}

/* Name of a row without its aliases, behind "info " or "". */
static void row_name(const char *lead, const struct mon_cmd *c, char *buf, size_t size)
{
	snprintf(buf, size, "%s%.*s", lead, (int)strcspn(c->name, "|"), c->name);
}

static bool has_example(const char *name)
{
	for (size_t i = 0; i < N_GOOD; i++)
		if (!strcmp(good[i].name, name))
			return true;
	return false;
}

/* Next argument of "name:type,name:type?". */
static bool next_arg(const char **spec, const char **type, bool *optional)
{
	if (!**spec)
		return false;
	*type = *spec + strcspn(*spec, ":") + 1;
	*spec += strcspn(*spec, ",");
	*optional = (*spec)[-1] == '?' || **type == '-';
	*spec += **spec == ',';
	return true;
}

static const char *sample(char type)
{
	return type == 'B' ? "ide1-cd0" : type == 's' || type == 'F' || type == 'S' ? "word" : type == 'b' ? "on" : type == '/' ? "/x" : "1";
}

/* What an absent row says about `word`. */
static void absent_text(const char *text, const char *word, char *buf, size_t size)
{
	size_t n = 0;

	for (buf[0] = 0; *text && n + 64 < size; text++)
		if (text[0] == '%' && text[1] == 's')
			n += (size_t)sprintf(buf + n, "%s", word), text++;
		else
			buf[n++] = *text, buf[n] = 0;
}

static void check_row(const char *lead, const struct mon_cmd *c)
{
	char name[64], line[512], want[1024], first[64] = "";
	const char *spec = c->args, *type;
	bool optional, required = false, rest = false;

	row_name(lead, c, name, sizeof(name));
	/* help */
	snprintf(line, sizeof(line), "help %s", name);
	snprintf(want, sizeof(want), "%s%s %s -- %s\n", lead, c->name, c->params, c->help);
	if (strcmp(name, "log") && strcmp(name, "info"))      /* these two print lists */
		assert_string_equal(say(line), want);
	/* completion */
	struct text out = { 0 };
	snprintf(line, sizeof(line), "%.*s", (int)strlen(name) - (*lead ? 1 : 0), name);
	monitor_complete_line(m, line, &out);
	snprintf(want, sizeof(want), "%s\n", name + strlen(lead));
	assert_non_null(out.s);
	assert_non_null(strstr(out.s, want));
	text_free(&out);
	/* too little, with the words for the type that is missing */
	size_t n = (size_t)snprintf(line, sizeof(line), "%s", name);
	while (next_arg(&spec, &type, &optional)) {
		if (optional)
			continue;
		if (!required && *type != '/') {
			required = true;
			const char *got = say(line);
			const char *words = *type == 's' || *type == 'S' ? "string expected" : *type == 'F' ? "filename expected" :
				*type == 'B' ? "block device name expected" : *type == 'b' ? "Expected 'on' or 'off'" : *type == 'o' ? "invalid size" :
				"unexpected end of expression";
			if (!strstr(got, words) || !strstr(got, "Try \"help "))
				fail_msg("%s without arguments: \"%s\"", name, got);
		}
		if (!*first && strchr("sFBS", *type))
			snprintf(first, sizeof(first), "%s", sample(*type));
		rest |= *type == 'S';
		n += (size_t)snprintf(line + n, sizeof(line) - n, " %s", sample(*type));
	}
	/* a good call of what is not there */
	if (!c->run) {
		absent_text(c->absent, first, want, sizeof(want));
		assert_string_equal(say(line), want);
	} else if (!has_example(name)) {
		fail_msg("no example of %s in this test", name);
	}
	/* too much */
	spec = c->args;
	while (next_arg(&spec, &type, &optional))
		rest |= optional && *type != '-';
	if (!rest) {
		snprintf(line + n, sizeof(line) - n, " )");
		const char *got = say(line);
		if (!strstr(got, "extraneous characters at the end of line"))
			fail_msg("%s: \"%s\"", line, got);
	}
}

static void all_rows(void **state)
{
	for (const struct mon_cmd *c = mon_commands; c->name; c++)
		check_row("", c);
	for (const struct mon_cmd *c = mon_infos; c->name; c++)
		check_row("info ", c);
	/* what a row says of the other protocol is there */
	for (const struct mon_cmd *const *t = (const struct mon_cmd *const[]){ mon_commands, mon_infos, NULL }; *t; t++)
		for (const struct mon_cmd *c = *t; c->name; c++)
			for (const char *s = c->qmp; *s; s += strcspn(s, " "), s += strspn(s, " ")) {
				char name[64];
				snprintf(name, sizeof(name), "%.*s", (int)strcspn(s, " "), s);
				if (!qmp_find(name))
					fail_msg("%s names the QMP command %s, which is not there", c->name, name);
			}
}

/* ---- the machine protocol ------------------------------------------------------------------------------------------------------------ */

static const struct { const char *name, *args, *want; } calls[] = {
	{ "add-fd", "{}", "No file descriptor supplied via SCM_RIGHTS" }, { "remove-fd", "{'fdset-id': 1}", "File descriptor named 'fdset-id:1' not found" },
	{ "getfd", "{'fdname': 'a'}", "No file descriptor supplied via SCM_RIGHTS" }, { "closefd", "{'fdname': 'a'}", "File descriptor named 'a' not found" },
	{ "object-add", "{'qom-type': 'memory-backend-ram', 'id': 'o', 'size': 65536}", NULL }, { "object-del", "{'id': 'o'}", NULL },
	{ "object-add", "{'qom-type': 'nosuch', 'id': 'o'}", "Parameter 'qom-type' does not accept value 'nosuch'" },
	{ "x-accel-set", "{'accel': 'jit,off=sse'}", "jit,off=sse: this machine runs no guest code (qtest)" },
	{ "block-stream", "{'device': 'nosuch'}", "Cannot find device='nosuch' nor node-name='nosuch'" },
	{ "block_set_io_throttle", "{'device': 'ide1-cd0', 'bps': 0, 'bps_rd': 0, 'bps_wr': 0, 'iops': 0, 'iops_rd': 0, 'iops_wr': 0}", "Device has no medium" },
	{ "blockdev-add", "{'driver': 'null-co'}", "'node-name' must be specified for the root node" },
	{ "blockdev-add", "{'driver': 'nosuch', 'node-name': 'n'}", "Parameter 'driver' does not accept value 'nosuch'" },
	{ "blockdev-add", "{'driver': 'file', 'node-name': 'n'}", "Parameter 'filename' is missing" },
	{ "blockdev-add", "{'driver': 'file', 'node-name': 'n', 'filename': 'medium', 'foo': 1}", "Parameter 'foo' is unexpected" },
	{ "blockdev-add", "{'driver': 'file', 'node-name': '1n', 'filename': 'medium'}", "Invalid node-name: '1n'" },
	{ "blockdev-add", "{'driver': 'raw', 'node-name': 'n', 'file': {'driver': 'file'}}", "Parameter 'file.filename' is missing" },
	{ "blockdev-add", "{'driver': 'raw', 'node-name': 'n', 'file': 'nosuch'}", "Cannot find device='nosuch' nor node-name='nosuch'" },
	{ "blockdev-add", "{'driver': 'raw', 'node-name': 'n', 'read-only': true, 'file': {'driver': 'file', 'filename': 'medium'}}", NULL },
	{ "blockdev-add", "{'driver': 'null-co', 'node-name': 'n'}", "Duplicate nodes with node-name='n'" },
	{ "blockdev-close-tray", "{'device': 'ide1-cd0'}", NULL },
	{ "blockdev-insert-medium", "{'id': 'ide1-cd0', 'node-name': 'n'}", "Tray of the device is not open" },
	{ "blockdev-open-tray", "{'device': 'ide1-cd0'}", NULL }, { "blockdev-insert-medium", "{'id': 'ide1-cd0', 'node-name': 'nosuch'}", "Node 'nosuch' not found" },
	{ "blockdev-insert-medium", "{'id': 'ide1-cd0', 'node-name': 'n'}", NULL },
	{ "blockdev-insert-medium", "{'id': 'ide1-cd0', 'node-name': 'n'}", "Node 'n' is already in use" },
	{ "blockdev-del", "{'node-name': 'n'}", "Node n is in use" }, { "blockdev-remove-medium", "{'id': 'ide1-cd0'}", NULL },
	{ "blockdev-close-tray", "{'device': 'ide1-cd0'}", NULL },
	{ "blockdev-remove-medium", "{'id': 'ide1-cd0'}", "Tray of device 'ide1-cd0' is not open" },
	{ "blockdev-del", "{'node-name': 'n'}", NULL }, { "blockdev-del", "{'node-name': 'n'}", "Failed to find node with node-name='n'" },
	{ "blockdev-add", "{'driver': 'null-co', 'node-name': 'n', 'size': 1048576}", NULL },
	{ "block_resize", "{'node-name': 'n', 'size': 1024}", "Image format driver 'null-co' does not support resize" },
	{ "block_resize", "{'node-name': 'nosuch', 'size': 1024}", "Cannot find device='' nor node-name='nosuch'" }, { "blockdev-del", "{'node-name': 'n'}", NULL },
	{ "blockdev-open-tray", "{'device': 'ide1-cd0'}", NULL }, { "blockdev-remove-medium", "{'id': 'ide1-cd0'}", NULL },
	{ "blockdev-close-tray", "{'device': 'ide1-cd0'}", NULL },
	{ "blockdev-change-medium", "{'device': 'nosuch', 'filename': 'x'}", "DeviceNotFound: Device 'nosuch' not found" },
	{ "chardev-add", "{'id': 'c1', 'backend': {'type': 'ringbuf', 'data': {'size': 64}}}", NULL },
	{ "chardev-add", "{'id': 'c1', 'backend': {'type': 'nosuch', 'data': {}}}", "Parameter 'type' does not accept value 'nosuch'" },
	{ "chardev-add", "{'id': 'c2', 'backend': {'type': 'file', 'data': {}}}", "Parameter 'backend.data.out' is missing" },
	{ "chardev-change", "{'id': 'c1', 'backend': {'type': 'null', 'data': {}}}", NULL },
	{ "chardev-send-break", "{'id': 'c1'}", NULL }, { "chardev-remove", "{'id': 'c1'}", NULL },
	{ "chardev-remove", "{'id': 'c1'}", "Chardev 'c1' not found" },
	{ "device-list-properties", "{'typename': 'isa-debugcon'}", NULL },
	{ "device-list-properties", "{'typename': 'nosuch'}", "DeviceNotFound: Device 'nosuch' not found" },
	{ "device_add", "{'driver': 'pci-testdev', 'id': 't2'}", NULL }, { "device_del", "{'id': 't2'}", NULL }, { "device_add", "{'driver': 'nosuch'}", "'nosuch' is not a valid device model name" },
	{ "device_add", "{'driver': 'pci-testdev', 'id': 't1'}", "Duplicate device ID 't1'" },
	{ "device_del", "{'id': 't1'}", "Device t1 is already in the process of unplug" }, { "device_del", "{'id': 'nosuch'}", "DeviceNotFound: Device 'nosuch' not found" },
	{ "device_add", "{'driver': 'isa-serial'}", "Bus 'isa.0' does not support hotplugging" },
	{ "dump-guest-memory", "{'paging': false, 'protocol': 'x'}", "Invalid parameter 'protocol'" },
	{ "eject", "{'device': 'nosuch'}", "DeviceNotFound: Device 'nosuch' not found" },
	{ "human-monitor-command", "{'command-line': 'info name'}", NULL },
	{ "input-send-event", "{'events': []}", "VM not running" }, { "cont", "{}", NULL },
	{ "input-send-event", "{'events': [{'type': 'rel', 'data': {'axis': 'x', 'value': 5}}, {'type': 'key', 'data': {'down': true, 'key': {'type': 'qcode', 'data': 'a'}}}]}", NULL },
	{ "input-send-event", "{'events': [{'type': 'rel', 'data': {'axis': 'z', 'value': 5}}]}", "Parameter 'axis' does not accept value 'z'" },
	{ "stop", "{}", NULL }, { "transaction", "{'actions': []}", NULL }, { "transaction", "{'actions': [{'type': 'abort', 'data': {}}]}", "this build has none of the actions of transactions: 'abort' is not carried out" },
	{ "yank", "{'instances': []}", NULL }, { "yank", "{'instances': [{}]}", "DeviceNotFound: none of these connections can be cut" },
	{ "block-dirty-bitmap-clear", "{'node': 'nosuch', 'name': 'b'}", "Node 'nosuch' not found" },
	{ "memsave", "{'val': 0, 'size': 1, 'filename': 'x'}", "Parameter 'cpu-index' expects a CPU number" },
	{ "pmemsave", "{'val': 0, 'size': 1, 'filename': '/nosuch/x'}", "Could not open '/nosuch/x': No such file or directory" },
	{ "migrate-set-capabilities", "{'capabilities': [{'capability': 'events', 'state': true}]}", NULL },
	{ "migrate-set-capabilities", "{'capabilities': [{'capability': 'nosuch', 'state': true}]}", "Parameter 'capability' does not accept value 'nosuch'" },
	{ "qom-get", "{'path': '/machine', 'property': 'type'}", NULL }, { "qom-get", "{'path': '/nosuch', 'property': 'a'}", "DeviceNotFound: Device '/nosuch' not found" },
	{ "qom-list", "{'path': '/machine/unattached'}", NULL }, { "qom-list-properties", "{'typename': 'VGA'}", NULL },
	{ "qom-list-properties", "{'typename': 'nosuch'}", "DeviceNotFound: Class 'nosuch' not found" }, { "qom-list-types", "{'implements': 'device'}", NULL },
	{ "qom-set", "{'path': '/machine', 'property': 'nosuch', 'value': 1}", "Property 'pc-i440fx-7.2-machine.nosuch' not found" },
	{ "query-cpu-model-expansion", "{'type': 'full', 'model': {'name': 'core2duo'}}", NULL },
	{ "query-cpu-model-expansion", "{'type': 'full', 'model': {'name': 'nosuch'}}", "CPU model 'nosuch' not found" },
	{ "query-command-line-options", "{'option': 'drive'}", NULL }, { "query-command-line-options", "{'option': 'nosuch'}", "invalid option name: nosuch" },
	{ "ringbuf-write", "{'device': 'rb', 'data': 'aGVsbG8=', 'format': 'base64'}", NULL }, { "ringbuf-read", "{'device': 'rb', 'size': 9}", NULL },
	{ "ringbuf-write", "{'device': 'rb', 'data': '%%%', 'format': 'base64'}", "Base64 data '%%%' is not valid" },
	{ "ringbuf-read", "{'device': 'nosuch', 'size': 9}", "Device 'nosuch' not found" },
	{ "screendump", "{'filename': '/nosuch/x.ppm'}", "failed to open file '/nosuch/x.ppm': No such file or directory" },
	{ "send-key", "{'keys': [{'type': 'qcode', 'data': 'a'}]}", NULL }, { "send-key", "{'keys': [{'type': 'number', 'data': 30}]}", NULL },
	{ "send-key", "{'keys': [{'type': 'qcode', 'data': 'nosuch'}]}", "Parameter 'data' does not accept value 'nosuch'" },
	{ "send-key", "{'keys': [{'data': 30}]}", "Parameter 'keys[0].type' is missing" },
	{ "set-action", "{'shutdown': 'pause'}", NULL }, { "watchdog-set-action", "{'action': 'none'}", NULL } };

/* A value of a type, as text with single quotes. */
static json_t *example(const char *type, size_t len)
{
	const struct qmp_type *t = qmp_find_type(type, len);
	struct qmp_member member;

	if (*type == '[')
		return json_pack("[o]", example(type + 1, len - 2));
	if (!strncmp(type, "str", len))
		return json_string("word");
	if (!strncmp(type, "int", len) || !strncmp(type, "number", len))
		return json_integer(1);
	if (!strncmp(type, "bool", len))
		return json_true();
	if (!strncmp(type, "any", len))
		return json_object();
	if (!t || t->kind == QMP_ENUM) {
		const char *words = t ? t->spec : type;
		return json_stringn(words, strcspn(words, "|,"));
	}
	json_t *o = json_object();
	for (const char *s = t->spec; qmp_next_member(&s, &member);)
		if (!member.optional)
			json_object_set_new(o, member.name, example(member.type, member.type_len));
	if (t->kind == QMP_UNION) {
		const char *v = t->variants + strcspn(t->variants, "=") + 1;
		const struct qmp_type *extra = qmp_find_type(v, strcspn(v, "|"));
		for (const char *s = extra->spec; qmp_next_member(&s, &member);)
			if (!member.optional)
				json_object_set_new(o, member.name, example(member.type, member.type_len));
	}
	return o;
}

static json_t *example_args(const struct qmp_cmd *c)
{
	struct qmp_member member;

	if (qmp_find_type(c->args, strlen(c->args)))
		return example(c->args, strlen(c->args));
	json_t *o = json_object();

	for (const char *s = c->args; qmp_next_member(&s, &member);)
		if (!member.optional)
			json_object_set_new(o, member.name, example(member.type, member.type_len));
	return o;
}

/* NULL: it went well and the value is of the promised type; else "Class: message", class left out when generic. */
static const char *call(const struct qmp_cmd *c, json_t *args)
{
	static char answer[1200];
	struct error err = { "" }, why;
	json_t *v = qmp_call(m, c, args, &err);
	const char *msg = err.msg, *class = qmp_error_class(&msg);

	if (v) {
		if (!qmp_fits(c->ret, v, &why))
			fail_msg("%s: %s", c->name, why.msg);
		json_decref(v);
		return NULL;
	}
	assert_true(*msg);
	assert_null(strchr(msg, '\n'));
	snprintf(answer, sizeof(answer), "%s%s%s", strcmp(class, "GenericError") ? class : "", strcmp(class, "GenericError") ? ": " : "", msg);
	return answer;
}

static void qmp_calls(void **state)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		char text[512];
		size_t n = strlen(calls[i].args);
		for (size_t k = 0; k <= n; k++)
			text[k] = calls[i].args[k] == '\'' ? '"' : calls[i].args[k];
		json_t *args = json_loads(text, 0, NULL);
		const struct qmp_cmd *c = qmp_find(calls[i].name);
		assert_non_null(args);
		assert_non_null(c);
		const char *got = call(c, args);
		if (!got != !calls[i].want || (got && strcmp(got, calls[i].want)))
			fail_msg("%s %s: wanted \"%s\", got \"%s\"", c->name, calls[i].args, calls[i].want ? calls[i].want : "success", got ? got : "success");
		json_decref(args);
	}
}

static bool ends_or_waits(const char *name) { return !strcmp(name, "quit") || !strcmp(name, "system_reset") || !strcmp(name, "qmp_capabilities"); }
static bool has_call(const char *name)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (!strcmp(calls[i].name, name))
			return true;
	return false;
}

static void check_arguments(const struct qmp_cmd *c)
{
	struct qmp_member member;
	struct error err = { "" };
	char want[160];
	json_t *args = example_args(c);

	assert_true(qmp_check(c->args, args, false, &err));
	for (const char *s = qmp_members(c); qmp_next_member(&s, &member);) {
		json_t *bad = json_deep_copy(args);
		if (!member.optional) {
			json_object_del(bad, member.name);
			assert_false(qmp_check(c->args, bad, false, &err));
			snprintf(want, sizeof(want), "Parameter '%s' is missing", member.name);
			assert_string_equal(err.msg, want);
		}
		if (strncmp(member.type, "any", member.type_len)) {
			json_object_set_new(bad, member.name, json_null());
			assert_false(qmp_check(c->args, bad, false, &err));
			snprintf(want, sizeof(want), "Invalid parameter type for '%s', expected: ", member.name);
			assert_int_equal(strncmp(err.msg, want, strlen(want)), 0);
		}
		json_decref(bad);
	}
	json_object_set_new(args, "nosuch", json_integer(1));
	assert_int_equal(qmp_check(c->args, args, qmp_flag(c, "open"), &err), qmp_flag(c, "open"));
	if (!qmp_flag(c, "open"))
		assert_string_equal(err.msg, "Parameter 'nosuch' is unexpected");
	json_decref(args);
}

static void qmp_rows(void **state)
{
	for (const struct qmp_cmd *c = qmp_commands; c->name; c++) {
		check_arguments(c);
		if (ends_or_waits(c->name))
			continue;
		json_t *args = example_args(c);
		const char *got = call(c, args);
		/* with arguments made up, what needs a real thing must have an example above */
		if (got && c->run && !qmp_flag(c, "absent") && !has_call(c->name))
			fail_msg("%s: \"%s\", and no example in this test", c->name, got);
		json_decref(args);
	}
}

/* Every name in the description leads somewhere, and every command and event is in it. */
static void qmp_description(void **state)
{
	json_t *list = qmp_schema(), *names = json_object(), *e, *x;
	size_t i, k;
	static const char *const refs[] = { "arg-type", "ret-type", "element-type" };

	json_array_foreach(list, i, e) {
		const char *name = json_string_value(json_object_get(e, "name"));
		if (json_object_get(names, name))
			fail_msg("%s is described twice", name);
		json_object_set(names, name, e);
	}
	for (const struct qmp_cmd *c = qmp_commands; c->name; c++)
		assert_int_equal(json_object_get(names, c->name) != NULL, qmp_works(c));
	for (const struct qmp_event *v = qmp_events; v->name; v++)
		assert_non_null(json_object_get(names, v->name));
	json_array_foreach(list, i, e) {
		for (k = 0; k < 3; k++)
			if (json_object_get(e, refs[k]))
				assert_non_null(json_object_get(names, json_string_value(json_object_get(e, refs[k]))));
		json_array_foreach(json_object_get(e, "members"), k, x)
			if (json_object_get(x, "type"))
				assert_non_null(json_object_get(names, json_string_value(json_object_get(x, "type"))));
		json_array_foreach(json_object_get(e, "variants"), k, x)
			assert_non_null(json_object_get(names, json_string_value(json_object_get(x, "type"))));
	}
	json_decref(names);
	json_decref(list);
}

/* A value is well-typed, and each object can be listed and each of its properties read. */
static void objects(void **state)
{
	char line[600];
	json_t *none = json_object(), *types = qmp_call(m, qmp_find("qom-list-types"), none, NULL);

	assert_true(json_array_size(types) > 100);
	for (struct device *d = m->devices; d; d = d->all_next) {
		struct error err = { "" };
		json_t *args = json_pack("{s:s}", "path", d->path), *list = qmp_call(m, qmp_find("qom-list"), args, &err), *p;
		size_t i;
		assert_true(json_array_size(list) > 2);
		json_array_foreach(list, i, p) {
			snprintf(line, sizeof(line), "qom-get %s %s", d->path, json_string_value(json_object_get(p, "name")));
			assert_int_not_equal(strncmp(say(line), "Error", 5), 0);
		}
		json_decref(list);
		json_decref(args);
	}
	json_decref(types);
	json_decref(none);
}

static void filters(void **state)
{
	static const struct { const char *line, *want; } cases[] = { { "info migrate_capabilities | /^x-/", "x-colo: off\nx-ignore-shared: off\n" },
		{ "info migrate_capabilities | !/[^x]$/", "" }, { "info name | /o.s/ ", "rows\n" }, { "info name | /(/", "invalid regular expression /(/: *" },
		{ "p 6|1", "7\n" }, { "info name | / /", "" }, { "p /x 8|1", "0x9\n" }, { "info name | /(r|o)*(r|o)*(r|o)*w/", "rows\n" }, { "info name || //", "*" },
		{ "info nosuch | /name/", "unknown command: 'info nosuch'\n" }, { "p (1 | /7/", "*\nTry \"help p\"*" }, { "cpu 77 | /x/", "?*" } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct text out = { 0 };
		say("p /d 0");
		monitor_run_command(m, cases[i].line, &out);
		if (fnmatch(cases[i].want, out.s ? out.s : "", 0))
			fail_msg("%s: \"%s\"", cases[i].line, out.s);
		text_free(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(good_calls), cmocka_unit_test(all_rows), cmocka_unit_test(qmp_calls), cmocka_unit_test(qmp_rows),
		cmocka_unit_test(qmp_description), cmocka_unit_test(objects), cmocka_unit_test(filters) };

	return cmocka_run_group_tests(tests, setup, teardown);
}
