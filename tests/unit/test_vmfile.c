/* test_vmfile.c - Proxmox machine files, -readconfig and -writeconfig. */
#include "core/machine/machine.h"
#include "core/machine/vmfile.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

struct fixture { char dir[64]; int out; char said[8192]; };

static int setup(void **state)
{
	struct fixture *x = calloc(1, sizeof(*x));
	strcpy(x->dir, "/tmp/vmux-vmfile-XXXXXX");
	assert_non_null(mkdtemp(x->dir));
	setenv("XDG_CONFIG_HOME", x->dir, 1);
	*state = x;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *x = *state;
	char cmd[128];
	snprintf(cmd, sizeof(cmd), "rm -rf %s", x->dir);
	assert_int_equal(system(cmd), 0);
	free(x);
	return 0;
}

static char *put(struct fixture *x, const char *name, const char *text)
{
	static char path[256];
	snprintf(path, sizeof(path), "%s/%s", x->dir, name);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	return path;
}

/* The options of a command line; what is said on stderr meanwhile goes to x->said. */
static struct options *parse(struct fixture *x, struct error *err, const char *a, const char *b, const char *c, const char *d)
{
	char *argv[] = { "vmux", (char *)a, (char *)b, (char *)c, (char *)d, NULL }, path[256];
	int argc = 0, status, saved = dup(2);
	bool done;
	while (argv[argc])
		argc++;
	snprintf(path, sizeof(path), "%s/stderr", x->dir);
	assert_non_null(freopen(path, "w+", stderr));
	struct options *o = options_parse(argc, argv, &done, &status, err);
	fflush(stderr);
	FILE *f = fopen(path, "r");
	x->said[fread(x->said, 1, sizeof(x->said) - 1, f)] = 0;
	fclose(f);
	dup2(saved, 2);
	close(saved);
	return o;
}

static struct options *run(struct fixture *x, const char *text, struct error *err)
{
	char *path = put(x, "104.conf", text);
	return parse(x, err, "run", path, NULL, NULL);
}

static void the_old_form(void **state)
{
	struct fixture *x = *state;
	struct error err = { "" };
	put(x, "debian-500-i386-netinst.iso", "");
	mkdir(strcat(strcpy(x->said, x->dir), "/104"), 0700);
	put(x, "104/vm-104-disk.qcow2", "");
	struct options *o = run(x, "name: testVM\nide2: debian-500-i386-netinst.iso,media=cdrom\nsmp: 1\nvlan0: rtl8139=XX:XX:XX:XX:XX:XX\n"
		"bootdisk: ide0\nide0: vm-104-disk.qcow2\nostype: other\nmemory: 256\nargs: -serial /dev/ttyS0\n", &err);
	if (!o)
		fail_msg("%s", err.msg);
	assert_string_equal(o->name, "testVM");
	assert_int_equal(o->ram_bytes, 256 << 20);
	assert_string_equal(o->serials->text, "/dev/ttyS0");
	assert_null(o->serials->next);
	const struct kv *cd = o->drives->kv, *disk = o->drives->next->kv;
	assert_string_equal(kv_get(cd, "index"), "2");
	assert_string_equal(kv_get(cd, "media"), "cdrom");
	assert_string_equal(strrchr(kv_get(cd, "file"), '/'), "/debian-500-i386-netinst.iso");
	assert_string_equal(kv_get(disk, "index"), "0");
	assert_non_null(strstr(kv_get(disk, "file"), "/104/vm-104-disk.qcow2"));
	options_free(o);
}

static void today_s_form(void **state)
{
	struct fixture *x = *state;
	struct error err = { "" };
	setenv("XDG_RUNTIME_DIR", x->dir, 1);
	struct options *o = run(x, "# a note\naudio0: device=AC97\nboot: order=ide2;ide0;net0\ncores: 1\ncpu: host\nkvm: 0\nfreeze: 1\nreboot: 0\nlocaltime: 1\n"
		"ide0: local:104/vm-104-disk-0.raw,size=8G,format=raw,cache=none\nide2: none,media=cdrom\nserial0: socket\nserial2: /dev/ttyS0\n"
		"memory: current=512\nsmbios1: uuid=7b10d7af-b932-4c66-b2c3-3996152ec465\nonboot: 1\nvga: serial0\nacpi: 0\n\n[before]\nmemory: 1\n", &err);
	if (!o)
		fail_msg("%s", err.msg);
	assert_int_equal(o->ram_bytes, 512 << 20);
	assert_true(o->paused && o->no_reboot && o->no_acpi);
	assert_int_equal(o->rtc_base, RTC_LOCALTIME);
	assert_string_equal(o->boot_order, "dcn");
	assert_string_equal(o->uuid, "7b10d7af-b932-4c66-b2c3-3996152ec465");
	assert_string_equal(o->serials->text, "none");
	assert_non_null(strstr(kv_get(o->chardevs->kv, "path"), "/104.serial0"));
	assert_string_equal(kv_get(o->chardevs->next->kv, "path"), "/dev/ttyS0");
	assert_string_equal(kv_get(o->devices->next->kv, "index"), "2");
	assert_string_equal(kv_get(o->drives->kv, "file"), "/var/lib/vz/images/104/vm-104-disk-0.raw");
	assert_null(kv_get(o->drives->next->kv, "file"));
	/* what is not provided is named, once, with its line */
	assert_non_null(strstr(x->said, "104.conf:2: warning: audio0 is left out"));
	assert_null(strstr(strstr(x->said, "audio0") + 1, "audio0"));
	assert_null(strstr(x->said, "onboot"));
	options_free(o);
}

/* Every key that Proxmox has had, with a value that it takes: none is unknown, none is refused, and each that is left out says so once. */
static void every_key_is_known(void **state)
{
	static const struct { const char *line, *left_out; } keys[] = {
		{ "name: vm", NULL }, { "description: a%0Ab", NULL }, { "ostype: l26", NULL }, { "memory: 256", NULL }, { "smp: 1", NULL }, { "sockets: 1", NULL }, { "cores: 1", NULL },
		{ "vcpus: 1", "vcpus" }, { "cpu: kvm64,flags=+aes", NULL }, { "cpulimit: 1.5", "cpulimit" }, { "cpuunits: 1024", NULL }, { "numa: 1", "numa" },
		{ "numa0: cpus=0,memory=256", "numa0" }, { "hugepages: any", "hugepages" }, { "balloon: 0", "balloon" }, { "shares: 1000", NULL }, { "kvm: 0", NULL },
		{ "machine: pc", NULL }, { "bios: seabios", NULL }, { "efidisk0: local:1/e.qcow2", "efidisk0" }, { "tpmstate0: local:1/t.raw,version=v2.0", "tpmstate0" },
		{ "boot: order=ide0;net0", NULL }, { "bootdisk: ide0", NULL }, { "onboot: 1", NULL }, { "startup: order=1", NULL }, { "autostart: 1", NULL }, { "reboot: 1", NULL }, { "freeze: 0", NULL },
		{ "localtime: 0", NULL }, { "startdate: now", NULL }, { "tdf: 0", NULL }, { "acpi: 1", NULL }, { "keyboard: de", NULL }, { "usb0: host=1234:5678", "usb0" }, { "hostusb: 1", "hostusb" },
		{ "vga: std", NULL }, { "serial0: socket", NULL }, { "serial3: /dev/ttyS1", NULL }, { "parallel0: /dev/parport0", NULL }, { "parallel1: /dev/usb/lp0", NULL }, { "args: -no-hpet", NULL },
		{ "ide0: none,media=cdrom", NULL }, { "cdrom: none", NULL }, { "unused0: local:1/u.raw", NULL }, { "scsihw: lsi", NULL }, { "agent: 0", NULL },
		{ "agent: 1", NULL }, { "agent: 1,fstrim_cloned_disks=1", NULL }, { "agent: enabled=1,type=isa", NULL }, { "audio0: device=AC97", "audio0" }, { "watchdog: model=i6300esb", "watchdog" },
		{ "rng0: source=/dev/urandom", "rng0" }, { "hostpci0: 01:00.0", "hostpci0" }, { "ivshmem: size=4", "ivshmem" }, { "virtiofs0: a", "virtiofs0" },
		{ "smbios1: uuid=7b10d7af-b932-4c66-b2c3-3996152ec465", NULL }, { "vmgenid: 1", "vmgenid" }, { "spice_enhancements: foldersharing=1", NULL }, { "hotplug: disk", NULL },
		{ "migrate_speed: 0", NULL }, { "migrate_downtime: 0.1", NULL }, { "lock: backup", NULL }, { "protection: 1", NULL }, { "template: 0", NULL }, { "tags: a", NULL }, { "hookscript: a", NULL },
		{ "meta: a", NULL }, { "ciuser: a", "ciuser" }, { "cipassword: a", "cipassword" }, { "citype: nocloud", "citype" }, { "cicustom: a", "cicustom" },
		{ "ciupgrade: 1", "ciupgrade" }, { "ipconfig0: ip=dhcp", "ipconfig0" }, { "nameserver: 1.1.1.1", "nameserver" },
		{ "searchdomain: a", "searchdomain" }, { "sshkeys: a", "sshkeys" }, { "arch: x86_64", NULL }, { "parent: a", NULL }, { "snaptime: 1", NULL }, { "vmstate: a", NULL },
		{ "runningmachine: pc", NULL }, { "runningcpu: qemu64", NULL } };
	struct fixture *x = *state;
	char text[160], want[80];
	setenv("XDG_RUNTIME_DIR", x->dir, 1);
	for (unsigned i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		struct error err = { "" };
		snprintf(text, sizeof(text), "%s\n", keys[i].line);
		struct options *o = run(x, text, &err);
		if (!o)
			fail_msg("%s: %s", keys[i].line, err.msg);
		snprintf(want, sizeof(want), "104.conf:1: warning: %s is left out: ", keys[i].left_out ? keys[i].left_out : "");
		if (keys[i].left_out ? !strstr(x->said, want) : *x->said)
			fail_msg("%s: %s", keys[i].line, x->said);
		options_free(o);
	}
}

/* The agent's serial port is the first that no key has taken, wherever in the file they stand; its other channel is a named port. */
static void the_agent_has_a_port(void **state)
{
	struct fixture *x = *state;
	struct error err = { "" };
	setenv("XDG_RUNTIME_DIR", x->dir, 1);
	struct options *o = run(x, "agent: 1,type=isa\nserial0: socket\nserial2: socket\n", &err);
	assert_non_null(o);
	assert_string_equal(x->said, "");
	assert_non_null(strstr(kv_get(o->chardevs->next->next->kv, "path"), "/104.qga"));
	assert_string_equal(kv_get(o->devices->next->next->kv, "chardev"), "qga0");
	assert_string_equal(kv_get(o->devices->next->next->kv, "index"), "1");
	options_free(o);
	o = run(x, "agent: 1\n", &err);
	assert_non_null(o);
	assert_string_equal(x->said, "");
	assert_non_null(strstr(kv_get(o->chardevs->kv, "path"), "/104.qga"));
	assert_string_equal(kv_get(o->devices->kv, "driver"), "virtio-serial");
	assert_string_equal(kv_get(o->devices->kv, "addr"), "0x8");
	assert_string_equal(kv_get(o->devices->next->kv, "driver"), "virtserialport");
	assert_string_equal(kv_get(o->devices->next->kv, "name"), "org.qemu.guest_agent.0");
	options_free(o);
	assert_null(run(x, "agent: 1,type=pci\n", &err));
	assert_non_null(strstr(err.msg, "104.conf:1: vm 104 - unable to parse value of 'agent' - [enabled=]0 or 1, and type=virtio or type=isa are expected"));
}

static void names_are_looked_up(void **state)
{
	struct fixture *x = *state;
	struct error err = { "" };
	char dir[128];
	snprintf(dir, sizeof(dir), "%s/vmux", x->dir);
	mkdir(dir, 0700);
	strcat(dir, "/vms");
	mkdir(dir, 0700);
	put(x, "vmux/vms/mine.conf", "memory: 64\n");
	struct options *o = parse(x, &err, "run", "mine", "-m", "96");  /* options after the name win */
	assert_non_null(o);
	assert_int_equal(o->ram_bytes, 96 << 20);
	options_free(o);
	assert_null(parse(x, &err, "run", "nosuch", NULL, NULL));
	assert_non_null(strstr(err.msg, "run nosuch: there is no such file here, nor nosuch.conf in"));
	assert_null(parse(x, &err, "run", NULL, NULL, NULL));
	assert_non_null(strstr(err.msg, "run: requires the file"));
}

static void malformed_lines_are_refused(void **state)
{
	static const struct { const char *text, *want; } cases[] = {
		{ "name: a\nhello world\n", "104.conf:2: not a line of the form KEY: VALUE: hello world" },
		{ "\n\n: x\n", "104.conf:3: not a line of the form KEY: VALUE" },
		{ "memory: lots\n", "104.conf:1: vm 104 - unable to parse value of 'memory' - a number of MiB is expected" },
		{ "cores: 0\n", "104.conf:1: vm 104 - unable to parse value of 'cores'" },
		{ "ide7: x\n", "104.conf:1: vm 104 - unable to parse value of 'ide7' - ide0 to ide3 are there" },
		{ "ide0: \n", "unable to parse value of 'ide0' - a volume is expected" },
		{ "serial0: x\n", "unable to parse value of 'serial0' - socket or /dev/... is expected" },
		{ "serial9: socket\n", "serial0 to serial3 are there" },
		{ "args: -name 'a\n", "unable to parse value of 'args' - a quote is not closed" },
		{ "args: -nosuch 1\n", "104.conf:1: args: -nosuch: invalid option" },
		{ "args: -m\n", "104.conf:1: args: -m: requires an argument" },
		{ "args: -m x\n", "104.conf:1: args: -m x: Parameter 'size'" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct error err = { "" };
		assert_null(run(*state, cases[i].text, &err));
		if (!strstr(err.msg, cases[i].want))
			fail_msg("%s: said %s", cases[i].text, err.msg);
	}
}

static void args_are_split_as_a_shell_would(void **state)
{
	static const struct { const char *text; const char *words[6]; } cases[] = {
		{ "-no-reboot  -no-hpet", { "-no-reboot", "-no-hpet" } }, { "a'b c'd", { "ab cd" } }, { "\"a \\\" b\" c", { "a \" b", "c" } },
		{ "a\\ b '' x", { "a b", "", "x" } }, { "'\\' \"\\n\" $HOME *", { "\\", "\\n", "$HOME", "*" } }, { "", { NULL } } };
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char **w = words_split(cases[i].text);
		assert_non_null(w);
		for (int k = 0; cases[i].words[k] || w[k]; k++) {
			assert_non_null(w[k]);
			assert_non_null(cases[i].words[k]);
			assert_string_equal(w[k], cases[i].words[k]);
		}
		words_free(w);
	}
	assert_null(words_split("a 'b"));
	assert_null(words_split("\""));
}

static void config_files(void **state)
{
	struct fixture *x = *state;
	struct error err = { "" };
	char *path = put(x, "c.cfg", "# note\n[memory]\n  size = \"64\"\n[chardev \"a\"]\n  backend = \"file\"\n  path = \"/tmp/x,y\"\n\n[device \"s\"]\n"
		"  driver = \"isa-serial\"\n  chardev = \"a\"\n[machine]\n  type = \"pc\"\n");
	char written[128];
	snprintf(written, sizeof(written), "%s/w.cfg", x->dir);
	struct options *o = parse(x, &err, "-readconfig", path, "-writeconfig", written);
	if (!o)
		fail_msg("%s", err.msg);
	assert_int_equal(o->ram_bytes, 64 << 20);
	assert_string_equal(kv_get(o->chardevs->kv, "path"), "/tmp/x,y");
	assert_string_equal(kv_get(o->devices->kv, "id"), "s");
	options_free(o);
	/* what was written reads as the same */
	o = parse(x, &err, "-readconfig", written, NULL, NULL);
	if (!o)
		fail_msg("%s", err.msg);
	assert_int_equal(o->ram_bytes, 64 << 20);
	assert_string_equal(kv_get(o->chardevs->kv, "path"), "/tmp/x,y");
	assert_string_equal(kv_get(o->devices->kv, "driver"), "isa-serial");
	options_free(o);
}

static void bad_config_files(void **state)
{
	static const struct { const char *text, *want; } cases[] = { { "a = \"b\"\n", "c.cfg:1: no group defined" },
		{ "[memory]\n[nosuch]\n", "c.cfg:2: There is no option group 'nosuch'" }, { "[memory\n", "c.cfg:1: parse error" },
		{ "[memory]\nsize = 64\n", "c.cfg:2: parse error" }, { "[memory]\nsize = \"x\"\n", "c.cfg:1: -m size=x: Parameter 'size'" } };
	struct error err = { "" };
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *path = put(*state, "c.cfg", cases[i].text);
		assert_null(parse(*state, &err, "-readconfig", path, NULL, NULL));
		if (!strstr(err.msg, cases[i].want))
			fail_msg("%s: said %s", cases[i].text, err.msg);
	}
	assert_null(parse(*state, &err, "-readconfig", "/nosuch", NULL, NULL));
	assert_string_equal(err.msg, "-readconfig /nosuch: Could not open '/nosuch': No such file or directory");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = { T(the_old_form), T(today_s_form), T(every_key_is_known), T(the_agent_has_a_port), T(names_are_looked_up), T(malformed_lines_are_refused),
		T(args_are_split_as_a_shell_would), T(config_files), T(bad_config_files) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
