/* options.c - the command line: one row an option, one small function for those with sub-options. */
#include "core/machine/options.h"
#include "core/char/chardev.h"
#include "core/cpu/cpu.h"
#include "core/machine/machine.h"
#include "core/machine/text.h"
#include "core/machine/vmfile.h"
#include "core/machine/options_priv.h"
#include "core/version.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define AT(f) offsetof(struct options, f)

/* ---- generic setters ------------------------------------------------------------------------------------------------------------ */

OPTION_SETTER(option_set_flag)
{
	*(bool *)((char *)o + r->offset) = true;
	return true;
}

OPTION_SETTER(option_set_string)
{
	char **s = (char **)((char *)o + r->offset);
	free(*s);
	*s = strdup(arg);
	return true;
}

struct optlist *options_append(struct optlist **list, const char *text, const char *implied, struct error *err)
{
	struct optlist *e = calloc(1, sizeof(*e));
	if (!e)
		abort();
	e->text = strdup(text);
	e->kv = kv_parse(text, implied, err);
	while (*list)
		list = &(*list)->next;
	*list = e;
	return e;
}

OPTION_SETTER(option_add_list)
{
	return options_append((struct optlist **)((char *)o + r->offset), arg, r->extra, err) != NULL;
}

/* The same for options that may also be written as JSON. */
OPTION_SETTER(option_add_either)
{
	struct kv *kv;
	if (!kv_parse_either(arg, r->extra, &kv, err))
		return error_prefix(err, "-%s %.200s: ", r->name, arg);
	struct optlist *e = options_append((struct optlist **)((char *)o + r->offset), "", NULL, err);
	free(e->text);
	e->text = strdup(arg);
	e->kv = kv;
	return true;
}

OPTION_SETTER(option_ignore)
{
	return true;
}

/* ---- the table -------------------------------------------------------------------------------------------------------------------- */

static const struct option_row rows[] = {
	{ "h", FLAG, "-h, -help", "print this list and exit", NULL, 0, NULL },
	{ "help", FLAG, NULL, NULL, NULL, 0, NULL },
	{ "version", FLAG, "-version", "print the version and exit", NULL, 0, NULL },
	{ "machine", ARG, "-machine [type=]NAME[,prop=value...]", "the board (pc); accel=, hpet=, acpi=, memory-backend=", option_set_machine, 0, NULL },
	{ "M", ARG, NULL, NULL, option_set_machine, 0, NULL },
	{ "cpu", ARG, "-cpu MODEL[,+feat][,-feat][,feat=on|off]", "CPU model (-cpu help lists them)", option_set_string, AT(cpu), NULL },
	{ "accel", ARG, "-accel jit|tcg|interp|kvm|qtest[,thread=single|multi][,tb-size=N][,split-wx=on][,one-insn-per-tb=on|off][,off=FAMILY[:FAMILY]...][,lockstep=N][,count=on|off]", "the engine that runs guest code: the translator (also spelt tcg), the interpreter, the host's processor, or none for device tests; given again, the next to try; without it kvm where the processor runs all modes, else jit", option_set_accel, 0, NULL },
	{ "enable-kvm", FLAG, "-enable-kvm", "as -accel kvm", option_enable_kvm, 0, NULL },
	{ "icount", ARG, "-icount [shift=]N[,sleep=on|off]", "time by instruction count, 2^N ns each, all CPUs in one thread: runs that can be repeated; sleep=off skips idle time", option_set_icount, 0, NULL },
	{ "smp", ARG, "-smp [cpus=]N[,maxcpus=M][,sockets=S][,cores=C][,threads=T]", "number of CPUs, up to 64, and where they sit; M places, the rest for device_add", option_set_smp, 0, NULL },
	{ "m", ARG, "-m [size=]N[K|M|G|T]", "memory; a plain number is MiB (default 128)", option_set_memory, 0, NULL },
	{ "name", ARG, "-name TEXT", "name of the guest", option_set_name, 0, NULL },
	{ "uuid", ARG, "-uuid U", "system UUID", option_set_uuid, AT(uuid), NULL },
	{ "device", ARG, "-device DRIVER[,prop=value...]", "add a device (-device help lists them)", option_add_either, AT(devices), "driver" },
	{ "global", ARG, "-global DRIVER.PROP=VALUE", "default of a device property", option_add_global, 0, NULL },
	{ "hda", ARG, "-hda, -hdb, -hdc, -hdd FILE", "IDE disk 0 to 3", option_set_drive_alias, 0, "index=0,media=disk" },
	{ "hdb", ARG, NULL, NULL, option_set_drive_alias, 0, "index=1,media=disk" },
	{ "hdc", ARG, NULL, NULL, option_set_drive_alias, 0, "index=2,media=disk" },
	{ "hdd", ARG, NULL, NULL, option_set_drive_alias, 0, "index=3,media=disk" },
	{ "cdrom", ARG, "-cdrom FILE", "CD in the drive at index 2", option_set_drive_alias, 0, "index=2,media=cdrom" },
	{ "fda", ARG, "-fda, -fdb FILE", "floppy in drive A, B", option_set_drive_alias, 0, "if=floppy,index=0" },
	{ "fdb", ARG, NULL, NULL, option_set_drive_alias, 0, "if=floppy,index=1" },
	{ "drive", ARG, "-drive file=F[,format=raw][,if=ide|floppy|none][,index=N][,media=disk|cdrom][,readonly=on]...", "a drive", option_set_drive, 0, NULL },
	{ "blockdev", ARG, "-blockdev driver=file|host_device|raw|null-co,node-name=N[,filename=F][,file=NODE][,read-only=on]...", "a named image, for drive= of a device", option_add_either, AT(blockdevs), "driver" },
	{ "snapshot", FLAG, "-snapshot", "write to temporary overlays instead of the images", option_set_flag, AT(snapshot), NULL },
	{ "loadvm", ARG, "-loadvm TAG", "start with a snapshot of the whole machine (savevm), disks included", option_set_string, AT(loadvm), NULL },
	{ "boot", ARG, "-boot [order=]LETTERS[,once=LETTERS][,menu=on|off]", "boot order: a floppy, c disk, d CD, n network", option_set_boot, 0, NULL },
	{ "kernel", ARG, "-kernel FILE", "boot a Linux or multiboot kernel", option_set_string, AT(kernel), NULL },
	{ "initrd", ARG, "-initrd FILE", "its initial RAM disk, or multiboot modules", option_set_string, AT(initrd), NULL },
	{ "append", ARG, "-append TEXT", "its command line", option_set_string, AT(append), NULL },
	{ "bios", ARG, "-bios FILE", "firmware image", option_set_string, AT(bios), NULL },
	{ "L", ARG, "-L DIR", "search DIR for firmware and key maps first", option_set_dir, 0, NULL },
	{ "fw_cfg", ARG, "-fw_cfg [name=]NAME,file=F|string=S", "add a firmware configuration file", option_add_list, AT(fw_cfg), "name" },
	{ "display", ARG, "-display curses|none", "the workstation in this terminal, or nothing", option_set_display, 0, NULL },
	{ "curses", FLAG, "-curses", "same as -display curses", option_set_curses, 0, NULL },
	{ "nographic", FLAG, "-nographic", "no workstation; first serial port and monitor share stdio (Ctrl-a h for help)", option_set_flag, AT(nographic), NULL },
	{ "vga", ARG, "-vga std|none", "display card", option_set_vga, 0, NULL },
	{ "k", ARG, "-k LAYOUT", "keyboard layout (default en-us)", option_set_string, AT(keymap), NULL },
	{ "serial", ARG, "-serial DEV", "back end of the next serial port: vc, stdio, file:F, pty, unix:P, tcp:H:P, mon:DEV, null, none", option_add_list, AT(serials), NULL },
	{ "parallel", ARG, "-parallel DEV", "back end of the next parallel port", option_add_list, AT(parallels), NULL },
	{ "monitor", ARG, "-monitor DEV", "back end of a monitor", option_add_list, AT(monitors), NULL },
	{ "mon", ARG, "-mon [chardev=]ID[,mode=readline|control]", "monitor on a named chardev", option_add_list, AT(mons), "chardev" },
	{ "qmp", ARG, "-qmp DEV", "machine protocol monitor", option_add_qmp, 0, NULL },
	{ "qmp-pretty", ARG, "-qmp-pretty DEV", "the same with indented output", option_add_qmp, 0, "pretty=on" },
	{ "debugcon", ARG, "-debugcon DEV", "debug console at port 0xe9", option_add_list, AT(debugcons), NULL },
	{ "chardev", ARG, "-chardev KIND,id=ID[,...]", "named character back end", option_add_list, AT(chardevs), "backend" },
	{ "echr", ARG, "-echr N", "escape character of a shared line (1 = Ctrl-a)", option_set_echr, 0, NULL },
	{ "daemonize", FLAG, "-daemonize", "run in the background; returns when the machine is ready, or says why it is not", option_set_flag, AT(daemonize), NULL },
	{ "gdb", ARG, "-gdb DEV", "wait for gdb on DEV: tcp::PORT, unix:P,server=on, pty, stdio, chardev:ID ...; none", option_add_list, AT(gdbs), NULL },
	{ "s", FLAG, "-s", "same as -gdb tcp::1234", option_set_gdb, 0, NULL },
	{ "S", FLAG, "-S", "do not start the CPU", option_set_flag, AT(paused), NULL },
	{ "no-reboot", FLAG, "-no-reboot", "exit instead of rebooting", option_set_flag, AT(no_reboot), NULL },
	{ "no-shutdown", FLAG, "-no-shutdown", "stop instead of exiting when the guest powers off", option_set_flag, AT(no_shutdown), NULL },
	{ "no-hpet", FLAG, "-no-hpet", "no HPET", option_set_flag, AT(no_hpet), NULL },
	{ "no-acpi", FLAG, "-no-acpi", "no ACPI tables", option_set_flag, AT(no_acpi), NULL },
	{ "nodefaults", FLAG, "-nodefaults", "no default devices", option_set_flag, AT(nodefaults), NULL },
	{ "no-user-config", FLAG, "-no-user-config", "read no configuration of the user", option_ignore, 0, NULL },
	{ "rtc", ARG, "-rtc base=utc|localtime|DATE[,clock=host|rt|vm]", "the real-time clock", option_set_rtc, 0, NULL },
	{ "localtime", FLAG, "-localtime", "same as -rtc base=localtime", option_set_localtime, 0, NULL },
	{ "net", ARG, "-net none", "no network", option_set_net, 0, NULL },
	{ "nic", ARG, "-nic none", "no network", option_set_net, 0, NULL },
	{ "object", ARG, "-object TYPE,id=ID[,...]", "tls-creds-x509,id=ID,dir=DIR[,endpoint=server|client][,verify-peer=off], tls-creds-psk,id=ID,dir=DIR[,endpoint=server|client][,username=NAME], tls-creds-anon,id=ID, authz-simple,id=ID,identity=NAME, secret,id=ID,data=TEXT|file=PATH[,format=raw|base64], memory-backend-ram|memfd,id=ID,size=SIZE, memory-backend-file,id=ID,size=SIZE,mem-path=PATH[,share=on]", option_add_either, AT(objects),
	  "qom-type" },
	{ "audiodev", ARG, "-audiodev none,id=ID", "a sound back end: none is the only one, sound is not heard", option_add_audiodev, 0, NULL },
	{ "overcommit", ARG, "-overcommit mem-lock=on|off", "mem-lock=on keeps the guest's memory from being swapped out", option_set_overcommit, 0, NULL },
	{ "msg", ARG, "-msg timestamp=on|off[,guest-name=on|off]", "put the time, or the guest's name, in front of messages on stderr", option_set_msg, 0, NULL },
	{ "readconfig", ARG, "-readconfig FILE", "take options from FILE: [group \"id\"] lines and key = \"value\" lines", option_read_config, 0, NULL },
	{ "writeconfig", ARG, "-writeconfig FILE", "write the machine's options to such a file (- is stdout) and go on", option_set_string, AT(write_config), NULL },
	{ "pidfile", ARG, "-pidfile FILE", "write the process id", option_set_string, AT(pidfile), NULL },
	{ "d", ARG, "-d ITEM[,ITEM...]", "log items (-d help lists them)", option_set_log, 0, NULL },
	{ "D", ARG, "-D FILE", "log to FILE", option_set_string, AT(log_file), NULL },
	{ "qtest", ARG, "-qtest DEV", "device-test protocol (with -accel qtest)", option_add_list, AT(qtests), NULL },
	{ "qtest-log", ARG, "-qtest-log FILE", "log of the device-test protocol", option_set_string, AT(qtest_log), NULL },
};
enum { N_ROWS = sizeof(rows) / sizeof(rows[0]) };

const struct option_row *options_find(const char *name)
{
	for (size_t i = 0; i < N_ROWS; i++)
		if (!strcmp(rows[i].name, name))
			return &rows[i];
	return NULL;
}

static void print_help(const char *prog)
{
	printf("usage: %s [options] [disk image]\n       %s run FILE.conf|NAME [options]\n\nRuns a PC in this terminal; options are QEMU's.  run starts the machine "
		"of a Proxmox file.\n\n", prog, prog);
	for (size_t i = 0; i < N_ROWS; i++)
		if (rows[i].syntax)
			printf("%s\n        %s\n", rows[i].syntax, rows[i].help);
}

/* -device help and -device DRIVER,help, -machine help, -accel help, -cpu help... that exit with a list on stdout. */
static bool asks_for_list(const char *name, const char *arg, int *status)
{
	bool help = !strcmp(arg, "help") || !strcmp(arg, "?");
	struct text t = { 0 };
	int st = 0;
	if ((!strcmp(name, "machine") || !strcmp(name, "M")) && help) {
		text_printf(&t, "Supported machines are:\n");
		for (const struct board *b = boards; b->name; b++)
			text_printf(&t, "%-20s %s%s\n", b->name, b->description, b == boards ? " (default)" : "");
	} else if (!strcmp(name, "accel") && help) {
		text_printf(&t, "Engines in this build:\njit (also spelt tcg; the default)\ninterp\nkvm\nqtest\n");
	} else if (!strcmp(name, "display") && help) {
		text_printf(&t, "Available display backend types:\nnone\ncurses\n");
	} else if (!strcmp(name, "vga") && help) {
		text_printf(&t, "none                 no display card\nstd                  standard VGA (default)\n");
	} else if (!strcmp(name, "L") && help) {
		text_printf(&t, "/usr/local/share/vmux\n/usr/share/vmux\n/usr/share/seabios\n/usr/share/qemu\n");
	} else if (!strcmp(name, "d") && help) {
		log_help(&t);
		st = 1;                         /* as QEMU */
	} else if (!strcmp(name, "device")) {
		device_help(arg, &t);
	} else if (!strcmp(name, "cpu") && help) {
		cpu_help(&t);
	} else if (!strcmp(name, "audiodev") && help) {
		text_printf(&t, "Available audio drivers:\nnone\n");
	} else if (!strcmp(name, "chardev") && help) {
		chardev_help(&t);
	}
	if (!t.s)
		return false;
	*status = st;
	fputs(t.s, stdout);
	text_free(&t);
	return true;
}

/* ---- defaults --------------------------------------------------------------------------------------------------------------------- */

static bool only_none(const struct optlist *l)
{
	return l && !l->next && !strcmp(l->text, "none");
}

/* What is there when the user said nothing (surface: chardevs, row "default"). */
static void add_defaults(struct options *o, struct error *err)
{
	bool mux = o->nographic && !o->serials && !o->monitors && !o->nodefaults;
	if (o->nographic && o->display == DISPLAY_DEFAULT)
		o->display = DISPLAY_NONE;
	if (mux) {
		options_append(&o->serials, "mon:stdio", NULL, err);
	} else if (!o->nodefaults) {
		if (!o->monitors && !o->qmps && !o->mons)
			options_append(&o->monitors, o->nographic ? "stdio" : "vc", NULL, err);
		if (!o->serials)
			options_append(&o->serials, o->nographic ? "null" : "vc", NULL, err);
	}
	if (!o->parallels && !o->nodefaults)
		options_append(&o->parallels, o->nographic ? "null" : "vc", NULL, err);
	if (only_none(o->monitors)) {
		free(o->monitors->text);
		kv_free(o->monitors->kv);
		free(o->monitors);
		o->monitors = NULL;
	}
}

static bool check_together(const struct options *o, struct error *err)
{
	if (o->initrd && !o->kernel)
		return error_set(err, "-initrd only allowed with -kernel option");
	if (o->append && !o->kernel)
		return error_set(err, "-append only allowed with -kernel option");
	if (o->nographic && o->display == DISPLAY_CURSES)
		return error_set(err, "-nographic cannot be used with -display curses");
	if (o->qtests && (!o->accel || strcmp(o->accel, "qtest")))
		return error_set(err, "-qtest %s: needs -accel qtest", o->qtests->text);
	return true;
}

bool options_takes_argument(const char *name)
{
	const struct option_row *r = options_find(name);
	return r && r->arity == ARG;
}

bool options_apply(struct options *o, const char *name, const char *arg, struct error *err)
{
	const struct option_row *r = options_find(name);
	if (!r || !r->set)
		return error_set(err, "-%s: invalid option; -h lists the accepted ones", name);
	if (r->arity == ARG && !arg)
		return error_set(err, "-%s: requires an argument: %s", name, r->syntax ? r->syntax : r[-1].name);
	return r->set(o, arg, r, err);
}

struct options *options_parse(int argc, char **argv, bool *done, int *status, struct error *err)
{
	struct options *o = calloc(1, sizeof(*o));
	if (!o)
		abort();
	const char *slash = argc ? strrchr(argv[0], '/') : NULL;
	o->prog = strdup(slash ? slash + 1 : argc ? argv[0] : "vmux");
	o->ram_bytes = UINT64_C(128) << 20;
	o->smp = o->maxcpus = o->sockets = o->cores = o->threads = 1;
	o->echr = 1;
	o->reboot_timeout = -1;
	*done = false;
	*status = 1;
	int first = 1;
	if (argc > 1 && !strcmp(argv[1], "run")) {
		if (argc < 3 || *argv[2] == '-') {
			error_set(err, "run: requires the file of a machine, or its name: run FILE.conf|NAME [options]");
			goto fail;
		}
		if (!vmfile_run(o, argv[2], err))
			goto fail;
		first = 3;
	}
	for (int i = first; i < argc; i++) {
		const char *word = argv[i];
		if (*word != '-') {
			if (!option_set_drive_alias(o, word, options_find("hda"), err))
				goto fail;
			continue;
		}
		const char *name = word[1] == '-' ? word + 2 : word + 1;
		const struct option_row *r = options_find(name);
		if (!r) {
			error_set(err, "%s: invalid option; -h lists the accepted ones", word);
			goto fail;
		}
		if (!strcmp(name, "h") || !strcmp(name, "help") || !strcmp(name, "version")) {
			if (*name == 'h')
				print_help(o->prog);
			else
				printf("vmux %s\nCopyright (c) 2026 the vmux authors; MIT licence\n", VMUX_VERSION);
			*status = 0;
			goto finished;
		}
		const char *arg = NULL;
		if (r->arity == ARG && !(arg = argv[++i])) {
			error_set(err, "%s: requires an argument: %s", word, r->syntax ? r->syntax : r[-1].name);
			goto fail;
		}
		if (arg && asks_for_list(name, arg, status))
			goto finished;
		if (!r->set(o, arg, r, err))
			goto fail;
	}
	if (!check_together(o, err))
		goto fail;
	if (o->write_config && !config_write(o, o->write_config, err))
		goto fail;
	add_defaults(o, err);
	return o;
finished:
	*done = true;
fail:
	options_free(o);
	return NULL;
}

static void optlist_free(struct optlist *l)
{
	while (l) {
		struct optlist *next = l->next;
		free(l->text);
		kv_free(l->kv);
		free(l);
		l = next;
	}
}

void options_free(struct options *o)
{
	if (!o)
		return;
	for (unsigned i = 0; i < o->n_data_dirs; i++)
		free(o->data_dirs[i]);
	struct optlist *lists[] = { o->serials, o->parallels, o->monitors, o->mons, o->qmps, o->debugcons, o->chardevs, o->blockdevs, o->drives, o->devices,
		o->globals, o->qtests, o->gdbs, o->fw_cfg, o->vgas, o->objects, o->audiodevs };
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		optlist_free(lists[i]);
	char *strings[] = { o->prog, o->machine, o->accel, o->cpu, o->name, o->bios, o->kernel, o->initrd, o->append, o->dtb, o->keymap,
		o->pidfile, o->uuid, o->log_items, o->log_file, o->loadvm, o->boot_order, o->boot_once, o->rtc_date, o->qtest_log, o->write_config, o->memory_backend, o->history };
	for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++)
		free(strings[i]);
	free(o);
}
