/* options_machine.c - options about the machine itself: board, engine, processors, memory, boot order, clock, names. */
#include "core/machine/options_priv.h"
#include "core/machine/machine.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* What a processor's 40 bits of address reach, without the hole below 4 GiB. */
static const uint64_t most_memory = (UINT64_C(1) << 40) - (UINT64_C(1) << 30);

OPTION_SETTER(option_set_memory)
{
	struct kv *kv = kv_parse(arg, "size", err);
	uint64_t size = 0, slots = 0, max = 0;
	char who[128];
	snprintf(who, sizeof(who), "-m %s", arg);
	bool ok = options_check_keys(kv, "m", who, err) && kv_size(kv, "size", 1 << 20, &size, who, err) && kv_u64(kv, "slots", &slots, who, err) &&
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
	if (ok && size > most_memory)
		ok = error_set(err, "%s: at most %llu GiB of memory are supported", who, (unsigned long long)(most_memory >> 30));
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
	if (total > limit)
		return error_set(err, "-smp %s: at most %u CPUs are supported", arg, (unsigned)MAX_CPUS);
	o->smp = (unsigned)s.cpus;
	o->maxcpus = (unsigned)total;
	o->sockets = (unsigned)sockets;
	o->cores = (unsigned)s.cores;
	o->threads = (unsigned)threads;
	return true;
}

OPTION_SETTER(option_set_smp)
{
	struct kv *kv = kv_parse(arg, "cpus", err);
	uint64_t cpus = 0, max = 0, sockets = 0, dies = 1, cores = 0, threads = 0;
	bool ok = options_check_keys(kv, "smp", "-smp", err) && kv_u64(kv, "cpus", &cpus, "-smp", err) && kv_u64(kv, "maxcpus", &max, "-smp", err) &&
		kv_u64(kv, "sockets", &sockets, "-smp", err) && kv_u64(kv, "dies", &dies, "-smp", err) && kv_u64(kv, "cores", &cores, "-smp", err) &&
		kv_u64(kv, "threads", &threads, "-smp", err);
	kv_free(kv);
	if (ok && dies > 1)
		ok = error_set(err, "-smp %s: a socket has one die here: dies=1 is accepted, more are to be counted among sockets or cores", arg);
	return ok && fill_topology(o, arg, (struct smp){ cpus, max, sockets, cores, threads }, err);
}

OPTION_SETTER(option_set_boot)
{
	struct kv *kv = kv_parse(arg, "order", err);
	bool ok = options_check_keys(kv, "boot", "-boot", err) && kv_bool(kv, "menu", &o->boot_menu, "-boot", err) &&
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

OPTION_SETTER(option_set_rtc)
{
	struct kv *kv = kv_parse(arg, NULL, err);
	const char *base = kv_get(kv, "base"), *clock = kv_get(kv, "clock"), *drift = kv_get(kv, "driftfix");
	bool ok = options_check_keys(kv, "rtc", "-rtc", err);
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
	if (ok && drift)
		o->rtc_slew = !strcmp(drift, "slew");
	kv_free(kv);
	return ok;
}

OPTION_SETTER(option_set_localtime)
{
	o->rtc_base = RTC_LOCALTIME;
	return true;
}

/* "on" is taken for split: the 8259s, the I/O APIC and the 8254 have no part in what is fast, and stay ours. */
static bool set_irqchip(struct options *o, const struct kv *kv, const char *who, struct error *err)
{
	static const char *const words[] = { [IRQCHIP_OFF] = "off", [IRQCHIP_SPLIT] = "split", [IRQCHIP_ON] = "on" };
	const char *v = kv_get(kv, "kernel-irqchip");

	for (enum irqchip_wish w = IRQCHIP_OFF; v && w <= IRQCHIP_ON; w++)
		if (!strcmp(v, words[w])) {
			o->kernel_irqchip = w;
			return true;
		}
	return !v || error_set(err, "%s: Parameter 'kernel-irqchip' does not accept value '%s'; accepted are on, off and split", who, v);
}

/* -machine TYPE[,accel=..][,hpet=off]... */
OPTION_SETTER(option_set_machine)
{
	struct kv *kv = kv_parse(arg, "type", err);
	bool hpet = !o->no_hpet, acpi = !o->no_acpi, dummy = true;
	char who[128];
	snprintf(who, sizeof(who), "-machine %s", arg);
	bool ok = options_check_keys(kv, "machine", who, err) && kv_bool(kv, "hpet", &hpet, who, err) && kv_bool(kv, "acpi", &acpi, who, err) &&
		kv_bool(kv, "dump-guest-core", &dummy, who, err) && set_irqchip(o, kv, who, err);
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
OPTION_SETTER(option_set_accel)
{
	struct kv *kv = kv_parse(arg, "accel", err);
	const char *name = kv_get(kv, "accel");
	char *old = o->accel, *all = NULL, who[128];
	snprintf(who, sizeof(who), "-accel %s", arg);
	bool ok = kv && accel_parse(kv, who, &o->accel_conf, err) && set_irqchip(o, kv, who, err);
	if (ok) {
		if (asprintf(&all, "%s%s%s", old ? old : "", old ? ":" : "", name) < 0)
			abort();
		free(old);
		o->accel = all;
	}
	kv_free(kv);
	return ok;
}

OPTION_SETTER(option_set_icount)
{
	struct kv *kv = kv_parse(arg, "shift", err);
	const char *shift = kv_get(kv, "shift");
	bool align = false, sleep = true;
	char *end = NULL, who[128];
	long n = shift ? strtol(shift, &end, 10) : -1;
	snprintf(who, sizeof(who), "-icount %s", arg);
	bool ok = options_check_keys(kv, "icount", who, err) && kv_bool(kv, "sleep", &sleep, who, err) && kv_bool(kv, "align", &align, who, err);
	if (ok && shift && !strcmp(shift, "auto"))
		ok = error_set(err, "%s: shift=auto would follow the host's time, so that no two runs are the same; say a shift from 0 to %d", who, COUNTED_SHIFT_MAX);
	else if (ok && (!shift || end == shift || *end || n < 0 || n > COUNTED_SHIFT_MAX))
		ok = error_set(err, "%s: icount: Invalid shift value; an instruction takes 2^shift ns, shift being 0 to %d", who, COUNTED_SHIFT_MAX);
	if (ok && align)
		ok = error_set(err, "%s: align=on would delay the guest to the host's time; only off is supported", who);
	kv_free(kv);
	if (ok)
		o->icount = (struct icount_conf){ true, sleep, (uint8_t)n };
	return ok;
}

OPTION_SETTER(option_enable_kvm) { return option_set_accel(o, "kvm", r, err); }

OPTION_SETTER(option_set_name)
{
	struct kv *kv = kv_parse(arg, "guest", err);
	bool ok = options_check_keys(kv, "name", "-name", err);
	if (ok && kv_get(kv, "guest")) {
		free(o->name);
		o->name = strdup(kv_get(kv, "guest"));
	}
	kv_free(kv);
	return ok;
}

OPTION_SETTER(option_set_uuid)
{
	unsigned i;
	for (i = 0; i < 36 && arg[i]; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;
		if (dash ? arg[i] != '-' : !isxdigit((unsigned char)arg[i]))
			break;
	}
	if (i != 36 || arg[36])
		return error_set(err, "-uuid %s: failed to parse UUID string: wrong format", arg);
	return option_set_string(o, arg, r, err);
}


OPTION_SETTER(option_set_overcommit)
{
	struct kv *kv = kv_parse(arg, NULL, err);
	bool cpu_pm = false, ok = options_check_keys(kv, "overcommit", "-overcommit", err) && kv_bool(kv, "mem-lock", &o->mem_lock, "-overcommit", err) &&
		kv_bool(kv, "cpu-pm", &cpu_pm, "-overcommit", err);

	kv_free(kv);
	if (ok && cpu_pm)
		return error_set(err, "-overcommit %s: a guest's idle CPU always gives its host CPU back; cpu-pm=on is not supported", arg);
	return ok;
}

OPTION_SETTER(option_set_msg)
{
	struct kv *kv = kv_parse(arg, NULL, err);
	bool ok = options_check_keys(kv, "msg", "-msg", err) && kv_bool(kv, "timestamp", &o->msg_timestamp, "-msg", err) &&
		kv_bool(kv, "guest-name", &o->msg_guest_name, "-msg", err);

	kv_free(kv);
	return ok;
}
