/* options.c - the command line: one row an option, one small function for those with sub-options. */
#include "core/machine/options.h"
#include "core/char/chardev.h"
#include "core/cpu/cpu.h"
#include "core/machine/machine.h"
#include "core/machine/text.h"
#include "core/machine/vmfile.h"
#include "core/version.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum arity { FLAG, ARG };
struct option_row {
	const char *name;
	enum arity arity;
	const char *syntax, *help;      /* syntax NULL: an alias of the row above, not listed */
	bool (*set)(struct options *o, const char *arg, const struct option_row *row, struct error *err);
	size_t offset;                  /* for the generic setters */
	const char *extra;              /* implied key, or the text a fixed alias stands for */
};
#define AT(f) offsetof(struct options, f)

/* ---- generic setters ------------------------------------------------------------------------------------------------------------ */

static bool set_flag(struct options *o, const char *arg, const struct option_row *r, struct error *err)
{
	*(bool *)((char *)o + r->offset) = true;
	return true;
}

static bool set_string(struct options *o, const char *arg, const struct option_row *r, struct error *err)
{
	char **s = (char **)((char *)o + r->offset);
	free(*s);
	*s = strdup(arg);
	return true;
}

static struct optlist *append_entry(struct optlist **list, const char *text, const char *implied, struct error *err)
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

static bool append(struct optlist **list, const char *text, const char *implied, struct error *err)
{
	return append_entry(list, text, implied, err) != NULL;
}

static bool add_list(struct options *o, const char *arg, const struct option_row *r, struct error *err)
{
	return append((struct optlist **)((char *)o + r->offset), arg, r->extra, err);
}

static bool ignore(struct options *o, const char *arg, const struct option_row *r, struct error *err)
{
	return true;
}

/* ---- options with a shape of their own ------------------------------------------------------------------------------------------- */

static bool set_display(struct options *o, const char *arg, const struct option_row *r, struct error *err)
{
	size_t n = strcspn(arg, ",");
	const char *rest = arg + n;
	if (!strncmp(arg, "curses", n) && n == 6) {
		if (*rest && strncmp(rest, ",charset=", 9))
			return error_set(err, "-display %s: Parameter '%.*s' is unexpected", arg, (int)strcspn(rest + 1, "="), rest + 1);
		o->display = DISPLAY_CURSES;
	} else if (!strcmp(arg, "none")) {
		o->display = DISPLAY_NONE;
	} else {
		return error_set(err, "-display %s: Parameter 'type' does not accept value '%.*s'; accepted are curses and none", arg, (int)n, arg);
	}
	return true;
}

static bool set_curses(struct options *o, const char *arg, const struct option_row *r, struct error *err)
{
	o->display = DISPLAY_CURSES;
	return true;
}

static bool set_memory(struct options *o, const char *arg, const struct option_row *r, struct error *err)
{
	static const char *const keys[] = { "size", "slots", "maxmem", NULL };
	struct kv *kv = kv_parse(arg, "size", err);
	uint64_t size = 0, slots = 0, max = 0;
	char who[128];
	snprintf(who, sizeof(who), "-m %s", arg);
	bool ok = kv_only(kv, keys, who, err) && kv_size(kv, "size", 1 << 20, &size, who, err) && kv_u64(kv, "slots", &slots, who, err) &&
		kv_size(kv, "maxmem", 1, &max, who, err);
	if (ok && kv_get(kv, "slots") && !kv_get(kv, "maxmem"))
		ok = error_set(err, "%s: invalid -m option value: slots specified but no max-size", who);
	if (ok && kv_get(kv, "maxmem") && max < size)
		ok = error_set(err, "%s: invalid value of maxmem: maximum memory size (0x%llx) must be at least the initial memory size (0x%llx)",
			who, (unsigned long long)max, (unsigned long long)size);
	if (ok && size)
		o->ram_bytes = (size + 8191) & ~(uint64_t)8191;
	if (ok && size && size < (1 << 20))
		ok = error_set(err, "%s: at least 1 MiB of memory is needed", who);
	kv_free(kv);
	return ok;
}

struct smp { uint64_t cpus, max, sockets, cores, threads; };

/* What is not said follows from the rest; cores come before sockets, as in QEMU since 6.2. */
static bool fill_topology(struct options *o, const char *arg, struct smp s, struct error *err)
{
	uint64_t limit = MAX_CPUS;

	if (s.cpus > limit || s.max > limit || s.sockets > limit || s.cores > limit || s.threads > limit)
		return error_set(err, "-smp %s: at most %u CPUs are supported", arg, (unsigned)MAX_CPUS);
	uint64_t total = s.max ? s.max : s.cpus, sockets = s.sockets ? s.sockets : 1, threads = s.threads ? s.threads : 1;
	if (!s.cores)
		s.cores = total > sockets * threads ? total / (sockets * threads) : 1;
	if (!s.sockets)
		sockets = total > s.cores * threads ? total / (s.cores * threads) : 1;
	if (!s.threads)
		threads = total > s.cores * sockets ? total / (s.cores * sockets) : 1;
	if (!total)
		total = sockets * s.cores * threads;
	if (!s.cpus)
		s.cpus = total;
	if (sockets * s.cores * threads != total)
		return error_set(err, "-smp %s: Invalid CPU topology: product of the hierarchy must match maxcpus: sockets (%u) * cores (%u) * threads (%u) "
			"!= maxcpus (%u)", arg, (unsigned)sockets, (unsigned)s.cores, (unsigned)threads, (unsigned)total);
	if (s.cpus > total)
		return error_set(err, "-smp %s: Invalid CPU topology: maxcpus must be equal to or greater than smp: maxcpus (%u) < smp_cpus (%u)", arg,
			(unsigned)total, (unsigned)s.cpus);
	if (s.cpus < total)
		return error_set(err, "-smp %s: CPUs cannot be plugged in later: maxcpus (%u) has to be the number of CPUs (%u)", arg, (unsigned)total,
			(unsigned)s.cpus);
	if (total > limit)
		return error_set(err, "-smp %s: at most %u CPUs are supported", arg, (unsigned)MAX_CPUS);
	o->smp = (unsigned)s.cpus;
	o->maxcpus = (unsigned)total;
	o->sockets = (unsigned)sockets;
	o->cores = (unsigned)s.cores;
	o->threads = (unsigned)threads;
	return true;
}

static bool set_smp(struct options *o, const char *arg, const struct option_row *r, struct error *err)
{
	static const char *const keys[] = { "cpus", "maxcpus", "sockets", "dies", "cores", "threads", NULL };
	struct kv *kv = kv_parse(arg, "cpus", err);
	uint64_t cpus = 0, max = 0, sockets = 0, cores = 0, threads = 0;
	bool ok = kv_only(kv, keys, "-smp", err) && kv_u64(kv, "cpus", &cpus, "-smp", err) && kv_u64(kv, "maxcpus", &max, "-smp", err) &&
		kv_u64(kv, "sockets", &sockets, "-smp", err) && kv_u64(kv, "cores", &cores, "-smp", err) &&
		kv_u64(kv, "threads", &threads, "-smp", err);
	kv_free(kv);
	return ok && fill_topology(o, arg, (struct smp){ cpus, max, sockets, cores, threads }, err);
}

static bool set_boot(struct options *o, const char *arg, const struct option_row *r, struct error *err)
{
	static const char *const keys[] = { "order", "once", "menu", "splash", "splash-time", "reboot-timeout", "strict", NULL };
	struct kv *kv = kv_parse(arg, "order", err);
	bool ok = kv_only(kv, keys, "-boot", err) && kv_bool(kv, "menu", &o->boot_menu, "-boot", err) &&
		kv_bool(kv, "strict", &o->boot_strict, "-boot", err);
	for (int which = 0; ok && which < 2; which++) {
		const char *v = kv_get(kv, which ? "once" : "order");
		for (const char *c = v; ok && c && *c; c++) {
			if (*c < 'a' || *c > 'p')
				ok = error_set(err, "-boot %s: Invalid boot device '%c'", arg, *c);
			else if (strchr(c + 1, *c))
				ok = error_set(err, "-boot %s: Boot device '%c' was given twice", arg, *c);
		}
		if (ok && v) {
			char **s = which ? &o->boot_once : &o->boot_order;
			free(*s);
			*s = strdup(v);
		}
	}
	const char *t = kv_get(kv, "reboot-timeout");
	if (ok && t) {
		char *end;
		long n = strtol(t, &end, 10);
		if (*end || end == t || n < -1 || n > 65535)
			ok = error_set(err, "-boot %s: reboot timeout is invalid,it should be a value between -1 and 65535", arg);
		o->reboot_timeout = n;
	}
	kv_free(kv);
	return ok;
}

static bool check_date(const char *s)
{
	int y, mo, d, h, mi, sec, n = 0;
	if (sscanf(s, "%d-%d-%dT%d:%d:%d%n", &y, &mo, &d, &h, &mi, &sec, &n) == 6 && !s[n])
		return mo >= 1 && mo <= 12 && d >= 1 && d <= 31 && h < 24 && mi < 60 && sec < 61;
	return sscanf(s, "%d-%d-%d%n", &y, &mo, &d, &n) == 3 && !s[n] && mo >= 1 && mo <= 12 && d >= 1 && d <= 31;
}

static bool set_rtc(struct options *o, const char *arg, const struct option_row *r, struct error *err)
{
	static const char *const keys[] = { "base", "clock", "driftfix", NULL };
	struct kv *kv = kv_parse(arg, NULL, err);
	const char *base = kv_get(kv, "base"), *clock = kv_get(kv, "clock"), *drift = kv_get(kv, "driftfix");
	bool ok = kv_only(kv, keys, "-rtc", err);
	if (ok && base) {
		if (!strcmp(base, "utc"))
			o->rtc_base = RTC_UTC;
		else if (!strcmp(base, "localtime"))
			o->rtc_base = RTC_LOCALTIME;
		else if (check_date(base)) {
			o->rtc_base = RTC_DATE;
			free(o->rtc_date);
			o->rtc_date = strdup(base);
		} else
			ok = error_set(err, "-rtc %s: invalid datetime format\nvalid formats: '2006-06-17T16:01:21' or '2006-06-17'", arg);
	}
	if (ok && clock) {
		if (!strcmp(clock, "host"))
			o->rtc_clock = RTC_HOST;
		else if (!strcmp(clock, "rt"))
			o->rtc_clock = RTC_RT;
		else if (!strcmp(clock, "vm"))
			o->rtc_clock = RTC_VM;
		else
			ok = error_set(err, "-rtc %s: invalid option value '%s'", arg, clock);
	}
	if (ok && drift && strcmp(drift, "none") && strcmp(drift, "slew"))
		ok = error_set(err, "-rtc %s: invalid option value '%s'", arg, drift);
	kv_free(kv);
	return ok;
}

static bool set_localtime(struct options *o, const char *arg, const struct option_row *r, struct error *err)
{
	o->rtc_base = RTC_LOCALTIME;
	return true;
}

/* -machine TYPE[,accel=..][,hpet=off]... */
static bool set_machine(struct options *o, const char *arg, const struct option_row *r, struct error *err)
{
	static const char *const keys[] = { "type", "accel", "hpet", "acpi", "usb", "graphics", "vmport", "dump-guest-core", "smm", "memory-backend", NULL };
	struct kv *kv = kv_parse(arg, "type", err);
	bool hpet = !o->no_hpet, acpi = !o->no_acpi, dummy = true;
	char who[128];
	snprintf(who, sizeof(who), "-machine %s", arg);
	bool ok = kv_only(kv, keys, who, err) && kv_bool(kv, "hpet", &hpet, who, err) && kv_bool(kv, "acpi", &acpi, who, err) &&
		kv_bool(kv, "dump-guest-core", &dummy, who, err);
	if (ok && kv_get(kv, "type")) {
		free(o->machine);
		o->machine = strdup(kv_get(kv, "type"));
	}
	if (ok && kv_get(kv, "memory-backend")) {
		free(o->memory_backend);
		o->memory_backend = strdup(kv_get(kv, "memory-backend"));
	}
	if (ok && kv_get(kv, "accel")) {
		free(o->accel);
		o->accel = strdup(kv_get(kv, "accel"));
	}
	o->no_hpet = !hpet;
	o->no_acpi = !acpi;
	kv_free(kv);
	return ok;
}

/* -accel may be given several times: a list of engines to try in order. */
static bool set_accel(struct options *o, const char *arg, const struct option_row *r, struct error *err)
{
	static const char *const keys[] = { "accel", "thread", NULL };
	struct kv *kv = kv_parse(arg, "accel", err);
	const char *name = kv_get(kv, "accel"), *thread = kv_get(kv, "thread");
	char *old = o->accel, *all = NULL, who[128];
	snprintf(who, sizeof(who), "-accel %s", arg);
	bool ok = kv && kv_only(kv, keys, who, err) && (name || error_set(err, "%s: the name of an engine is missing", who));
	if (ok && thread && strcmp(thread, "multi"))
		ok = error_set(err, "%s: Parameter 'thread' does not accept value '%s'; each CPU has a thread of its own (multi)", who, thread);
	if (ok) {
		if (asprintf(&all, "%s%s%s", old ? old : "", old ? ":" : "", name) < 0)
			abort();
		free(old);
		o->accel = all;
	}
	kv_free(kv);
	return ok;
}

/* What messages call a drive: the option as the user wrote it. */
static void name_drive(struct optlist *e, const char *option, const char *arg)
{
	free(e->text);
	if (asprintf(&e->text, "-%s %s", option, arg) < 0)
		abort();
}

/* -hda F and the like: an entry of `drives`; commas in the name are doubled so that the list parser gives them back. */
static bool set_drive_alias(struct options *o, const char *arg, const struct option_row *r, struct error *err)
{
	char *text = malloc(2 * strlen(arg) + strlen(r->extra) + 8), *p = text;
	const char *given = arg;
	if (!text)
		abort();
	p += sprintf(p, "%s,file=", r->extra);
	for (; *arg; arg++) {
		*p++ = *arg;
		if (*arg == ',')
			*p++ = ',';
	}
	*p = 0;
	name_drive(append_entry(&o->drives, text, NULL, err), r->name, given);
	free(text);
	return true;
}

static bool set_drive(struct options *o, const char *arg, const struct option_row *r, struct error *err)
{
	name_drive(append_entry(&o->drives, arg, NULL, err), "drive", arg);
	return true;
}

static bool add_qmp(struct options *o, const char *arg, const struct option_row *r, struct error *err)
{
	append(&o->qmps, arg, NULL, err);
	struct optlist *e = o->qmps;
	while (e->next)
		e = e->next;
	kv_free(e->kv);
	e->kv = r->extra ? kv_parse(r->extra, NULL, err) : NULL;
	return true;
}

static bool set_dir(struct options *o, const char *arg, const struct option_row *r, struct error *err)
{
	if (o->n_data_dirs == sizeof(o->data_dirs) / sizeof(o->data_dirs[0]))
		return error_set(err, "-L %s: at most 16 directories", arg);
	o->data_dirs[o->n_data_dirs++] = strdup(arg);
	return true;
}

static bool set_echr(struct options *o, const char *arg, const struct option_row *r, struct error *err)
{
	char *end;
	unsigned long v = strtoul(arg, &end, 0);
	if (*end || end == arg || v > 255)
		return error_set(err, "-echr %s: Bad argument to echr; a character number from 0 to 255 is expected", arg);
	o->echr = (uint8_t)v;
	return true;
}

static bool set_log(struct options *o, const char *arg, const struct option_row *r, struct error *err)
{
	if (log_parse_items(arg, &o->log_mask))
		return true;
	struct text t = { 0 };
	log_help(&t);
	error_set(err, "-d %s: unknown log item\n%s", arg, t.s);
	err->msg[strlen(err->msg) - 1] = 0;     /* the last line end is added by the caller */
	text_free(&t);
	return false;
}

static bool set_name(struct options *o, const char *arg, const struct option_row *r, struct error *err)
{
	static const char *const keys[] = { "guest", "process", "debug-threads", NULL };
	struct kv *kv = kv_parse(arg, "guest", err);
	bool ok = kv_only(kv, keys, "-name", err);
	if (ok && kv_get(kv, "guest")) {
		free(o->name);
		o->name = strdup(kv_get(kv, "guest"));
	}
	kv_free(kv);
	return ok;
}

static bool set_uuid(struct options *o, const char *arg, const struct option_row *r, struct error *err)
{
	unsigned i;
	for (i = 0; i < 36 && arg[i]; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;
		if (dash ? arg[i] != '-' : !isxdigit((unsigned char)arg[i]))
			break;
	}
	if (i != 36 || arg[36])
		return error_set(err, "-uuid %s: failed to parse UUID string: wrong format", arg);
	return set_string(o, arg, r, err);
}

static bool set_vga(struct options *o, const char *arg, const struct option_row *r, struct error *err)
{
	if (strcmp(arg, "std") && strcmp(arg, "none"))
		return error_set(err, "-vga %s: unknown vga type: %s; accepted are std and none", arg, arg);
	return append(&o->vgas, arg, NULL, err);
}

/* -global DRIVER.PROP=VALUE, or driver=D,property=P,value=V */
static bool add_global(struct options *o, const char *arg, const struct option_row *r, struct error *err)
{
	int dot = (int)strcspn(arg, ".="), eq = (int)strcspn(arg, "=");
	char *text = NULL;
	if (arg[dot] == '.' && arg[eq] == '=' && dot && eq > dot + 1) {
		if (asprintf(&text, "driver=%.*s,property=%.*s,value=%s", dot, arg, eq - dot - 1, arg + dot + 1, arg + eq + 1) < 0)
			abort();
	}
	struct optlist *e = append_entry(&o->globals, text ? text : arg, NULL, err);
	free(text);
	if (!kv_get(e->kv, "driver") || !kv_get(e->kv, "property") || !kv_get(e->kv, "value"))
		return error_set(err, "-global %s: DRIVER.PROPERTY=VALUE or driver=DRIVER,property=PROPERTY,value=VALUE is expected", arg);
	return true;
}

/* Networking is not part of the machine yet: say so rather than start a machine without the card that was asked for. */
static bool set_net(struct options *o, const char *arg, const struct option_row *r, struct error *err)
{
	if (!strcmp(arg, "none"))
		return true;
	return error_set(err, "-%s %s: this build has no network devices; only none is accepted", r->name, arg);
}

static bool read_config(struct options *o, const char *arg, const struct option_row *r, struct error *err)
{
	return config_read(o, arg, err);
}

/* ---- the table -------------------------------------------------------------------------------------------------------------------- */

static const struct option_row rows[] = {
	{ "h", FLAG, "-h, -help", "print this list and exit", NULL, 0, NULL },
	{ "help", FLAG, NULL, NULL, NULL, 0, NULL },
	{ "version", FLAG, "-version", "print the version and exit", NULL, 0, NULL },
	{ "machine", ARG, "-machine [type=]NAME[,prop=value...]", "the board (pc); accel=, hpet=, acpi=, memory-backend=", set_machine, 0, NULL },
	{ "M", ARG, NULL, NULL, set_machine, 0, NULL },
	{ "cpu", ARG, "-cpu MODEL[,+feat][,-feat][,feat=on|off]", "CPU model (-cpu help lists them)", set_string, AT(cpu), NULL },
	{ "accel", ARG, "-accel interp|tcg|jit|qtest[,thread=multi]", "the engine that runs guest code: the interpreter (also spelt tcg), the translator, or none for device tests", set_accel, 0, NULL },
	{ "smp", ARG, "-smp [cpus=]N[,sockets=S][,cores=C][,threads=T]", "number of CPUs, up to 64, and where they sit", set_smp, 0, NULL },
	{ "m", ARG, "-m [size=]N[K|M|G|T]", "memory; a plain number is MiB (default 128)", set_memory, 0, NULL },
	{ "name", ARG, "-name TEXT", "name of the guest", set_name, 0, NULL },
	{ "uuid", ARG, "-uuid U", "system UUID", set_uuid, AT(uuid), NULL },
	{ "device", ARG, "-device DRIVER[,prop=value...]", "add a device (-device help lists them)", add_list, AT(devices), "driver" },
	{ "global", ARG, "-global DRIVER.PROP=VALUE", "default of a device property", add_global, 0, NULL },
	{ "hda", ARG, "-hda, -hdb, -hdc, -hdd FILE", "IDE disk 0 to 3", set_drive_alias, 0, "index=0,media=disk" },
	{ "hdb", ARG, NULL, NULL, set_drive_alias, 0, "index=1,media=disk" },
	{ "hdc", ARG, NULL, NULL, set_drive_alias, 0, "index=2,media=disk" },
	{ "hdd", ARG, NULL, NULL, set_drive_alias, 0, "index=3,media=disk" },
	{ "cdrom", ARG, "-cdrom FILE", "CD in the drive at index 2", set_drive_alias, 0, "index=2,media=cdrom" },
	{ "fda", ARG, "-fda, -fdb FILE", "floppy in drive A, B", set_drive_alias, 0, "if=floppy,index=0" },
	{ "fdb", ARG, NULL, NULL, set_drive_alias, 0, "if=floppy,index=1" },
	{ "drive", ARG, "-drive file=F[,format=raw][,if=ide|floppy|none][,index=N][,media=disk|cdrom][,readonly=on]...", "a drive", set_drive, 0, NULL },
	{ "snapshot", FLAG, "-snapshot", "write to temporary overlays instead of the images", set_flag, AT(snapshot), NULL },
	{ "boot", ARG, "-boot [order=]LETTERS[,once=LETTERS][,menu=on|off]", "boot order: a floppy, c disk, d CD, n network", set_boot, 0, NULL },
	{ "kernel", ARG, "-kernel FILE", "boot a Linux or multiboot kernel", set_string, AT(kernel), NULL },
	{ "initrd", ARG, "-initrd FILE", "its initial RAM disk, or multiboot modules", set_string, AT(initrd), NULL },
	{ "append", ARG, "-append TEXT", "its command line", set_string, AT(append), NULL },
	{ "bios", ARG, "-bios FILE", "firmware image", set_string, AT(bios), NULL },
	{ "L", ARG, "-L DIR", "search DIR for firmware and key maps first", set_dir, 0, NULL },
	{ "fw_cfg", ARG, "-fw_cfg [name=]NAME,file=F|string=S", "add a firmware configuration file", add_list, AT(fw_cfg), "name" },
	{ "display", ARG, "-display curses|none", "the workstation in this terminal, or nothing", set_display, 0, NULL },
	{ "curses", FLAG, "-curses", "same as -display curses", set_curses, 0, NULL },
	{ "nographic", FLAG, "-nographic", "no workstation; first serial port and monitor share stdio (Ctrl-a h for help)", set_flag, AT(nographic), NULL },
	{ "vga", ARG, "-vga std|none", "display card", set_vga, 0, NULL },
	{ "k", ARG, "-k LAYOUT", "keyboard layout (default en-us)", set_string, AT(keymap), NULL },
	{ "serial", ARG, "-serial DEV", "back end of the next serial port: vc, stdio, file:F, pty, unix:P, tcp:H:P, mon:DEV, null, none", add_list, AT(serials), NULL },
	{ "parallel", ARG, "-parallel DEV", "back end of the next parallel port", add_list, AT(parallels), NULL },
	{ "monitor", ARG, "-monitor DEV", "back end of a monitor", add_list, AT(monitors), NULL },
	{ "mon", ARG, "-mon [chardev=]ID[,mode=readline|control]", "monitor on a named chardev", add_list, AT(mons), "chardev" },
	{ "qmp", ARG, "-qmp DEV", "machine protocol monitor", add_qmp, 0, NULL },
	{ "qmp-pretty", ARG, "-qmp-pretty DEV", "the same with indented output", add_qmp, 0, "pretty=on" },
	{ "debugcon", ARG, "-debugcon DEV", "debug console at port 0xe9", add_list, AT(debugcons), NULL },
	{ "chardev", ARG, "-chardev KIND,id=ID[,...]", "named character back end", add_list, AT(chardevs), "backend" },
	{ "echr", ARG, "-echr N", "escape character of a shared line (1 = Ctrl-a)", set_echr, 0, NULL },
	{ "daemonize", FLAG, "-daemonize", "run in the background; returns when the machine is ready, or says why it is not", set_flag, AT(daemonize), NULL },
	{ "S", FLAG, "-S", "do not start the CPU", set_flag, AT(paused), NULL },
	{ "no-reboot", FLAG, "-no-reboot", "exit instead of rebooting", set_flag, AT(no_reboot), NULL },
	{ "no-shutdown", FLAG, "-no-shutdown", "stop instead of exiting when the guest powers off", set_flag, AT(no_shutdown), NULL },
	{ "no-hpet", FLAG, "-no-hpet", "no HPET", set_flag, AT(no_hpet), NULL },
	{ "no-acpi", FLAG, "-no-acpi", "no ACPI tables", set_flag, AT(no_acpi), NULL },
	{ "nodefaults", FLAG, "-nodefaults", "no default devices", set_flag, AT(nodefaults), NULL },
	{ "no-user-config", FLAG, "-no-user-config", "read no configuration of the user", ignore, 0, NULL },
	{ "rtc", ARG, "-rtc base=utc|localtime|DATE[,clock=host|rt|vm]", "the real-time clock", set_rtc, 0, NULL },
	{ "localtime", FLAG, "-localtime", "same as -rtc base=localtime", set_localtime, 0, NULL },
	{ "net", ARG, "-net none", "no network", set_net, 0, NULL },
	{ "nic", ARG, "-nic none", "no network", set_net, 0, NULL },
	{ "object", ARG, "-object TYPE,id=ID[,...]", "tls-creds-x509,id=ID,dir=DIR[,endpoint=server|client][,verify-peer=off], tls-creds-psk,id=ID,dir=DIR[,endpoint=server|client][,username=NAME], tls-creds-anon,id=ID, authz-simple,id=ID,identity=NAME, memory-backend-ram|memfd,id=ID,size=SIZE, memory-backend-file,id=ID,size=SIZE,mem-path=PATH[,share=on]", add_list, AT(objects),
	  "qom-type" },
	{ "readconfig", ARG, "-readconfig FILE", "take options from FILE: [group \"id\"] lines and key = \"value\" lines", read_config, 0, NULL },
	{ "writeconfig", ARG, "-writeconfig FILE", "write the machine's options to such a file (- is stdout) and go on", set_string, AT(write_config), NULL },
	{ "pidfile", ARG, "-pidfile FILE", "write the process id", set_string, AT(pidfile), NULL },
	{ "d", ARG, "-d ITEM[,ITEM...]", "log items (-d help lists them)", set_log, 0, NULL },
	{ "D", ARG, "-D FILE", "log to FILE", set_string, AT(log_file), NULL },
	{ "qtest", ARG, "-qtest DEV", "device-test protocol (with -accel qtest)", add_list, AT(qtests), NULL },
	{ "qtest-log", ARG, "-qtest-log FILE", "log of the device-test protocol", set_string, AT(qtest_log), NULL },
};
enum { N_ROWS = sizeof(rows) / sizeof(rows[0]) };

static const struct option_row *find_row(const char *name)
{
	for (size_t i = 0; i < N_ROWS; i++)
		if (!strcmp(rows[i].name, name))
			return &rows[i];
	return NULL;
}

bool options_row(unsigned n, const char **name, const char **syntax)
{
	/* names that QEMU's lists have for what is spelt otherwise on the command line */
	static const struct { const char *option, *listed; } names[] = { { "m", "memory" }, { "smp", "smp-opts" }, { "boot", "boot-opts" } };

	for (size_t i = 0; i < N_ROWS; i++) {
		if (!rows[i].syntax || n--)
			continue;
		*name = rows[i].name;
		*syntax = rows[i].syntax;
		for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++)
			if (!strcmp(names[k].option, *name))
				*name = names[k].listed;
		return true;
	}
	return false;
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
		text_printf(&t, "Engines in this build:\ninterp (also spelt tcg)\njit\nqtest\n");
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
		append(&o->serials, "mon:stdio", NULL, err);
	} else if (!o->nodefaults) {
		if (!o->monitors && !o->qmps && !o->mons)
			append(&o->monitors, o->nographic ? "stdio" : "vc", NULL, err);
		if (!o->serials)
			append(&o->serials, o->nographic ? "null" : "vc", NULL, err);
	}
	if (!o->parallels && !o->nodefaults)
		append(&o->parallels, o->nographic ? "null" : "vc", NULL, err);
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
	const struct option_row *r = find_row(name);
	return r && r->arity == ARG;
}

bool options_apply(struct options *o, const char *name, const char *arg, struct error *err)
{
	const struct option_row *r = find_row(name);
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
			if (!set_drive_alias(o, word, find_row("hda"), err))
				goto fail;
			continue;
		}
		const char *name = word[1] == '-' ? word + 2 : word + 1;
		const struct option_row *r = find_row(name);
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
	struct optlist *lists[] = { o->serials, o->parallels, o->monitors, o->mons, o->qmps, o->debugcons, o->chardevs, o->drives, o->devices,
		o->globals, o->qtests, o->gdbs, o->fw_cfg, o->vgas, o->objects };
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		optlist_free(lists[i]);
	char *strings[] = { o->prog, o->machine, o->accel, o->cpu, o->name, o->bios, o->kernel, o->initrd, o->append, o->dtb, o->keymap,
		o->pidfile, o->uuid, o->log_items, o->log_file, o->boot_order, o->boot_once, o->rtc_date, o->qtest_log, o->write_config, o->memory_backend, o->history };
	for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++)
		free(strings[i]);
	free(o);
}
