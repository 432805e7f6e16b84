/* vmfile_keys.c - what the keys of a Proxmox file stand for.  Where Proxmox adds things of its own (its sockets, its daemon, a VNC server)
 * the machine here stays a foreground one. */
#include "core/cpu/cpuid.h"
#include "core/machine/device.h"
#include "core/machine/machine.h"
#include "core/machine/vmfile.h"
#include "core/machine/vmfile_priv.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SET(name) static bool set_##name(struct vmfile *f, unsigned n, const char *value, struct error *err)

/* ---- plain ones ------------------------------------------------------------------------------------------------------------------------- */

SET(name) { vmfile_option(f, "name", "%s", value); return true; }
SET(keyboard) { vmfile_option(f, "k", "%s", value); return true; }
SET(reboot) { if (!vmfile_flag(value)) vmfile_option(f, "no-reboot", NULL); return true; }
SET(freeze) { if (vmfile_flag(value)) vmfile_option(f, "S", NULL); return true; }
SET(acpi) { if (!vmfile_flag(value)) vmfile_option(f, "no-acpi", NULL); return true; }
SET(tdf) { if (vmfile_flag(value)) vmfile_option(f, "rtc", "driftfix=slew"); return true; }
SET(kvm) { f->no_kvm = !vmfile_flag(value); return true; }
SET(smbios1) { struct kv *kv = kv_parse(value, NULL, err); if (kv_get(kv, "uuid")) vmfile_option(f, "uuid", "%s", kv_get(kv, "uuid")); kv_free(kv); return true; }

SET(localtime)
{
	f->localtime_said = true;
	if (vmfile_flag(value))
		vmfile_option(f, "rtc", "base=localtime");
	return true;
}

SET(startdate)
{
	if (strcmp(value, "now"))
		vmfile_option(f, "rtc", "base=%s", value);
	return true;
}

SET(memory)
{
	struct kv *kv = kv_parse(value, "current", err);
	const char *mib = kv_get(kv, "current");
	bool ok = mib && *mib && !mib[strspn(mib, "0123456789")];
	if (ok)
		vmfile_option(f, "m", "%s", mib);
	kv_free(kv);
	return ok || vmfile_bad(f, "a number of MiB is expected", err);
}

static bool count(struct vmfile *f, const char *value, unsigned *out, struct error *err)
{
	char *end;
	unsigned long v = strtoul(value, &end, 10);
	if (!isdigit((unsigned char)*value) || *end || !v || v > 1024)
		return vmfile_bad(f, "a number from 1 on is expected", err);
	*out = (unsigned)v;
	return true;
}

SET(sockets) { return count(f, value, &f->sockets, err); }
SET(cores) { return count(f, value, &f->cores, err); }

SET(ostype)
{
	static const char *const no_hpet[] = { "win7", "win8", "win10", "win11", "w2k8", "wvista", NULL };
	f->windows = *value == 'w';
	for (const char *const *w = no_hpet; *w; w++)
		if (!strcmp(value, *w))
			vmfile_option(f, "no-hpet", NULL);
	return true;
}

SET(machine)
{
	struct kv *kv = kv_parse(value, "type", err);
	const char *type = kv_get(kv, "type");
	char plain[64];
	snprintf(plain, sizeof(plain), "%.*s", (int)strcspn(type ? type : "pc", "+"), type ? type : "pc");
	bool known = !strncmp(plain, "pc-i440fx-", 10);
	for (const struct board *b = boards; b->name; b++)
		if (!strcmp(plain, b->name)) {
			vmfile_option(f, "machine", "%s", plain);
			known = true;
		}
	if (!known)
		vmfile_warn(f, "this build has no such board; the machine is a pc");
	kv_free(kv);
	return true;
}

/* MODEL and flags "+F;-F".  host is the best model there is. */
SET(cpu)
{
	struct kv *kv = kv_parse(value, "cputype", err);
	const char *model = kv_get(kv, "cputype"), *flags = kv_get(kv, "flags");
	char spec[512];
	bool known = false;
	if (!model || !strcmp(model, "host"))
		model = "max";
	for (const struct cpu_model *c = cpu_models; c->name; c++)
		known |= !strcmp(c->name, model);
	int at = snprintf(spec, sizeof(spec), "%s", model);
	while (flags && *flags && at < (int)sizeof(spec)) {
		size_t len = strcspn(flags, ";");
		at += snprintf(spec + at, sizeof(spec) - (size_t)at, ",%.*s", (int)len, flags);
		flags += len + (flags[len] == ';');
	}
	if (known)
		vmfile_option(f, "cpu", "%s", spec);
	else
		vmfile_warn(f, "this build has no such CPU model");
	kv_free(kv);
	return true;
}

SET(bios)
{
	if (strcmp(value, "seabios"))
		vmfile_warn(f, "the firmware is SeaBIOS; another one is given by args: -bios FILE");
	return true;
}

SET(vga)
{
	struct kv *kv = kv_parse(value, "type", err);
	const char *type = kv_get(kv, "type");
	if (type && (!strncmp(type, "serial", 6) || !strcmp(type, "none")))
		vmfile_option(f, "vga", "none");
	else if (type)
		vmfile_option(f, "vga", "%s", type);
	kv_free(kv);
	return true;
}

SET(boot)
{
	free(f->boot);
	f->boot = strdup(value);
	return true;
}

SET(bootdisk)
{
	free(f->bootdisk);
	f->bootdisk = strdup(value);
	return true;
}

SET(args)
{
	char **words = words_split(value);
	struct error why = { "" };
	bool ok = words != NULL;
	if (!ok)
		return vmfile_bad(f, "a quote is not closed", err);
	for (char **w = words; ok && *w; w++) {
		const char *name = *w + strspn(*w, "-");
		if (**w != '-')
			ok = options_apply(f->o, "hda", *w, &why);
		else if (options_takes_argument(name) && w[1])
			ok = options_apply(f->o, name, *++w, &why);
		else
			ok = options_apply(f->o, name, NULL, &why);
	}
	words_free(words);
	return ok || error_set(err, "%s:%u: args: %s", f->path, f->line, why.msg);
}

/* ---- ports -------------------------------------------------------------------------------------------------------------------------------- */

static const char *socket_dir(char *buf, size_t size)
{
	const char *run = getenv("XDG_RUNTIME_DIR");
	if (!access("/var/run/qemu-server", W_OK))
		return "/var/run/qemu-server";
	snprintf(buf, size, "%s", run && *run ? run : "/tmp");
	return buf;
}

SET(serial)
{
	char dir[2048];
	if (n > 3)
		return vmfile_bad(f, "serial0 to serial3 are there", err);
	f->ports = true;
	if (!strcmp(value, "socket"))
		vmfile_option(f, "chardev", "socket,id=serial%u,path=%s/%s.serial%u,server=on,wait=off", n, socket_dir(dir, sizeof(dir)), f->vmid, n);
	else if (!strncmp(value, "/dev/", 5))
		vmfile_option(f, "chardev", "serial,id=serial%u,path=%s", n, value);
	else
		return vmfile_bad(f, "socket or /dev/... is expected", err);
	f->serials |= 1u << n;
	vmfile_option(f, "device", "isa-serial,chardev=serial%u,index=%u", n, n);
	return true;
}

static bool add_agent_socket(struct vmfile *f)
{
	char dir[2048];
	return vmfile_option(f, "chardev", "socket,id=qga0,path=%s/%s.qga,server=on,wait=off", socket_dir(dir, sizeof(dir)), f->vmid);
}

/* agent: [enabled=]0|1[,type=virtio|isa]: the channel of the guest's agent, a named port or a serial port. */
SET(agent)
{
	struct kv *kv = kv_parse(value, "enabled", err);
	const char *on = kv_get(kv, "enabled"), *type = kv_get(kv, "type");
	bool ok = kv && on && (!type || !strcmp(type, "virtio") || !strcmp(type, "isa"));

	if (!ok) {
		vmfile_bad(f, "[enabled=]0 or 1, and type=virtio or type=isa are expected", err);
	} else if (vmfile_flag(on) && type && !strcmp(type, "isa")) {
		f->isa_agent = true;
	} else if (vmfile_flag(on) && add_agent_socket(f) && vmfile_option(f, "device", "virtio-serial,id=qga0,bus=pci.0,addr=0x8")) {
		vmfile_option(f, "device", "virtserialport,bus=qga0.0,chardev=qga0,name=org.qemu.guest_agent.0");
	}
	kv_free(kv);
	return ok;
}

/* At the first port that is free when all keys are read. */
static void add_isa_agent(struct vmfile *f)
{
	unsigned port = 0;

	f->key = "agent";
	while (f->serials & 1u << port)
		port++;
	if (port > 3) {
		vmfile_warn(f, "all four serial ports are in use");
		return;
	}
	add_agent_socket(f);
	vmfile_option(f, "device", "isa-serial,chardev=qga0,index=%u", port);
}

SET(parallel)
{
	if (n > 2)
		return vmfile_bad(f, "parallel0 to parallel2 are there", err);
	if (strncmp(value, "/dev/", 5))
		return vmfile_bad(f, "/dev/parportN or /dev/usb/lpN is expected", err);
	vmfile_option(f, "chardev", "%s,id=parallel%u,path=%s", strncmp(value, "/dev/parport", 12) ? "file" : "parallel", n, value);
	vmfile_option(f, "device", "isa-parallel,chardev=parallel%u,index=%u", n, n);
	return true;
}

/* ---- drives ------------------------------------------------------------------------------------------------------------------------------- */

/* STORAGE:PATH, an absolute path, or a bare name that is looked for where images and ISO files are kept. */
static void volume_path(const struct vmfile *f, const char *volume, char *out, size_t size)
{
	const char *storage = strchr(volume, ':'), *name = storage ? storage + 1 : volume;
	const char *iso = !strncmp(name, "iso/", 4) ? name + 4 : name;
	const char *slash = strchr(iso, '/');
	const struct { const char *dir, *mid, *name; } places[] = { { f->dir, "", iso }, { f->dir, f->vmid, iso }, { f->dir, "images", slash ? iso : "" },
		{ "/var/lib/vz/template/iso", "", iso }, { "/var/lib/vz/images", slash ? "" : f->vmid, iso } };

	snprintf(out, size, "%s", volume);
	if (*volume == '/')
		return;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		char path[4096];
		snprintf(path, sizeof(path), "%s/%s%s%s", places[i].dir, places[i].mid, *places[i].mid ? "/" : "", places[i].name);
		if (*places[i].name && !access(path, F_OK)) {
			snprintf(out, size, "%s", path);
			return;
		}
	}
	if (storage)
		snprintf(out, size, "/var/lib/vz/%s/%s", iso == name ? "images" : "template/iso", iso);
	else
		snprintf(out, size, "%s/%s", f->dir, volume);
}

/* "file=...,media=..." for -drive; commas in the name are doubled.  False: an empty CD drive, or a malformed value (err). */
static bool drive_text(struct vmfile *f, const char *value, bool cdrom, char *out, size_t size, struct error *err)
{
	static const char *const kept[] = { "format", "snapshot", "cache", "readonly", NULL };
	struct kv *kv = kv_parse(value, "file", err);
	const char *volume = kv_get(kv, "file"), *media = kv_get(kv, "media");
	char path[4096];
	size_t n = 0;

	if (!volume || !*volume) {
		kv_free(kv);
		return vmfile_bad(f, "a volume is expected", err);
	}
	cdrom |= media && !strcmp(media, "cdrom");
	n += (size_t)snprintf(out, size, "media=%s", cdrom ? "cdrom" : "disk");
	for (const char *const *k = kept; *k; k++)
		if (kv_get(kv, *k))
			n += (size_t)snprintf(out + n, size - n, ",%s=%s", *k, kv_get(kv, *k));
	if (strcmp(volume, "none")) {
		volume_path(f, strcmp(volume, "cdrom") ? volume : "/dev/cdrom", path, sizeof(path));
		n += (size_t)snprintf(out + n, size - n, ",file=");
		for (const char *p = path; *p && n + 3 < size; p++) {
			out[n++] = *p;
			if (*p == ',')
				out[n++] = ',';
		}
		out[n] = 0;
	}
	kv_free(kv);
	return true;
}

static bool add_ide(struct vmfile *f, unsigned n, const char *value, bool cdrom, struct error *err)
{
	char text[5000];
	if (n > 3)
		return vmfile_bad(f, "ide0 to ide3 are there", err);
	if (!drive_text(f, value, cdrom, text, sizeof(text), err))
		return false;
	vmfile_option(f, "drive", "if=ide,index=%u,%s", n, text);
	return true;
}

SET(ide) { return add_ide(f, n, value, false, err); }
SET(cdrom) { return add_ide(f, 2, value, true, err); }
SET(hda) { return add_ide(f, (unsigned)(f->key[2] - 'a'), value, false, err); }

/* A disk with a device of its own, where this build has that device. */
static bool add_device_disk(struct vmfile *f, const char *kind, unsigned n, const char *value, const char *driver, struct error *err)
{
	char text[5000];
	if (!device_find_desc(driver)) {
		snprintf(text, sizeof(text), "this build has no %s", driver);
		vmfile_warn(f, text);
		return true;
	}
	if (!drive_text(f, value, false, text, sizeof(text), err))
		return false;
	if (vmfile_option(f, "drive", "if=none,id=drive-%s%u,%s", kind, n, text))
		vmfile_option(f, "device", "%s,drive=drive-%s%u,id=%s%u", driver, kind, n, kind, n);
	return true;
}

SET(virtio) { return add_device_disk(f, "virtio", n, value, "virtio-blk-pci", err); }
SET(scsi) { return add_device_disk(f, "scsi", n, value, "scsi-hd", err); }
SET(sata) { return add_device_disk(f, "sata", n, value, "ahci", err); }

/* ---- network ------------------------------------------------------------------------------------------------------------------------------ */

/* MODEL=MAC[,bridge=..] or model=MODEL; a MAC of X's means any. */
SET(net)
{
	struct kv *kv = kv_parse(value, "model", err);
	const char *model = kv_get(kv, "model"), *mac = kv_get(kv, "macaddr");
	char driver[64], why[128];
	if (!model && kv) {
		model = kv->key;
		mac = kv->val;
	}
	snprintf(driver, sizeof(driver), "%s", !model ? "" : !strcmp(model, "virtio") ? "virtio-net-pci" : model);
	if (!device_find_desc(driver)) {
		snprintf(why, sizeof(why), "this build has no network card %.60s", driver);
		vmfile_warn(f, why);
	} else if (vmfile_option(f, "netdev", "user,id=net%u", n)) {
		bool real = mac && isxdigit((unsigned char)*mac);
		vmfile_option(f, "device", "%s,netdev=net%u,id=net%u%s%s", driver, n, n, real ? ",mac=" : "", real ? mac : "");
	}
	kv_free(kv);
	return true;
}

SET(tablet)
{
	if (vmfile_flag(value) && !device_find_desc("usb-tablet"))
		vmfile_warn(f, "this build has no usb-tablet");
	else if (vmfile_flag(value))
		vmfile_option(f, "usbdevice", "tablet");
	return true;
}

#define NO_DEVICE "this build has no such device"
const struct vmfile_key vmfile_keys[] = {
	{ "name", set_name, NULL }, { "memory", set_memory, NULL }, { "smp", set_sockets, NULL }, { "sockets", set_sockets, NULL },
	{ "cores", set_cores, NULL }, { "cpu", set_cpu, NULL }, { "ostype", set_ostype, NULL }, { "kvm", set_kvm, NULL },
	{ "machine", set_machine, NULL }, { "bios", set_bios, NULL }, { "boot", set_boot, NULL }, { "bootdisk", set_bootdisk, NULL },
	{ "reboot", set_reboot, NULL }, { "freeze", set_freeze, NULL }, { "localtime", set_localtime, NULL }, { "startdate", set_startdate, NULL },
	{ "tdf", set_tdf, NULL }, { "acpi", set_acpi, NULL }, { "keyboard", set_keyboard, NULL }, { "tablet", set_tablet, NULL },
	{ "vga", set_vga, NULL }, { "serialN", set_serial, NULL }, { "parallelN", set_parallel, NULL }, { "args", set_args, NULL },
	{ "ideN", set_ide, NULL }, { "cdrom", set_cdrom, NULL }, { "hda", set_hda, NULL }, { "hdb", set_hda, NULL }, { "hdc", set_hda, NULL },
	{ "hdd", set_hda, NULL }, { "scsiN", set_scsi, NULL }, { "sataN", set_sata, NULL }, { "virtioN", set_virtio, NULL },
	{ "netN", set_net, NULL }, { "vlanN", set_net, NULL }, { "vlanu", set_net, NULL }, { "smbios1", set_smbios1, NULL },
	/* for the host's administration only */
	{ "description", NULL, NULL }, { "onboot", NULL, NULL }, { "startup", NULL, NULL }, { "autostart", NULL, NULL }, { "cpuunits", NULL, NULL },
	{ "shares", NULL, NULL }, { "unusedN", NULL, NULL }, { "migrate_speed", NULL, NULL }, { "migrate_downtime", NULL, NULL }, { "lock", NULL, NULL },
	{ "protection", NULL, NULL }, { "template", NULL, NULL }, { "tags", NULL, NULL }, { "hookscript", NULL, NULL }, { "meta", NULL, NULL },
	{ "digest", NULL, NULL }, { "parent", NULL, NULL }, { "snaptime", NULL, NULL }, { "vmstate", NULL, NULL }, { "runningmachine", NULL, NULL },
	{ "runningcpu", NULL, NULL }, { "spice_enhancements", NULL, NULL }, { "scsihw", NULL, NULL }, { "arch", NULL, NULL },
	/* not provided */
	{ "cpulimit", NULL, "the CPU time of the machine is not limited" }, { "vcpus", NULL, "CPUs are not plugged at start" },
	{ "numa", NULL, "memory is one node" }, { "numaN", NULL, "memory is one node" }, { "hugepages", NULL, "memory is of ordinary pages" },
	{ "balloon", NULL, "this build has no virtio-balloon-pci" }, { "efidisk0", NULL, NO_DEVICE }, { "tpmstate0", NULL, NO_DEVICE },
	{ "usbN", NULL, NO_DEVICE }, { "hostusb", NULL, NO_DEVICE }, { "agent", set_agent, NULL }, { "audio0", NULL, NO_DEVICE },
	{ "watchdog", NULL, NO_DEVICE }, { "rng0", NULL, NO_DEVICE }, { "hostpciN", NULL, NO_DEVICE }, { "ivshmem", NULL, NO_DEVICE },
	{ "virtiofsN", NULL, NO_DEVICE }, { "vmgenid", NULL, NO_DEVICE }, { "hotplug", NULL, NULL }, { "ciuser", NULL, "there is no cloud-init drive" },
	{ "cipassword", NULL, "there is no cloud-init drive" }, { "citype", NULL, "there is no cloud-init drive" },
	{ "cicustom", NULL, "there is no cloud-init drive" }, { "ciupgrade", NULL, "there is no cloud-init drive" },
	{ "ipconfigN", NULL, "there is no cloud-init drive" }, { "nameserver", NULL, "there is no cloud-init drive" },
	{ "searchdomain", NULL, "there is no cloud-init drive" }, { "sshkeys", NULL, "there is no cloud-init drive" },
	{ NULL, NULL, NULL }
};

/* Letters for -boot: the old value has them, "order=ide0;net0" is turned into kinds of devices. */
static void boot_letters(const struct vmfile *f, char *out)
{
	const char *order = f->boot && !strncmp(f->boot, "order=", 6) ? f->boot + 6 : NULL, *p;
	size_t n = 0;

	for (p = order ? order : f->boot; p && *p && n < 8; p += order ? strcspn(p, ";") + (p[strcspn(p, ";")] == ';') : 1) {
		char c = *p;
		if (order) {
			c = *p == 'n' ? 'n' : 'c';
			for (const struct optlist *d = f->o->drives; d; d = d->next) {
				const char *index = kv_get(d->kv, "index"), *media = kv_get(d->kv, "media");
				if (!strncmp(p, "ide", 3) && index && *index == p[3] && media && !strcmp(media, "cdrom"))
					c = 'd';
			}
		}
		if (c >= 'a' && c <= 'p' && !memchr(out, c, n))
			out[n++] = c;
	}
	out[n] = 0;
}

bool vmfile_finish(struct vmfile *f, struct error *err)
{
	unsigned sockets = f->sockets ? f->sockets : 1, cores = f->cores ? f->cores : 1;
	char letters[16] = "";

	boot_letters(f, letters);
	f->key = "boot";
	if (*letters)
		vmfile_option(f, "boot", "order=%s", letters);
	f->key = f->cores ? "cores" : "sockets";
	if (sockets * cores > 1)
		vmfile_option(f, "smp", "%u,sockets=%u,cores=%u,maxcpus=%u", sockets * cores, sockets, cores, sockets * cores);
	f->key = "ostype";
	if (f->windows && !f->localtime_said)
		vmfile_option(f, "rtc", "base=localtime");
	if (f->isa_agent)
		add_isa_agent(f);
	/* No port but those of the file. */
	if (!f->o->serials)
		options_apply(f->o, "serial", "none", err);
	if (!f->o->parallels)
		options_apply(f->o, "parallel", "none", err);
	return true;
}
