/* options.h - the command line, parsed and checked: one table of options, one struct. */
#ifndef CORE_MACHINE_OPTIONS_H
#define CORE_MACHINE_OPTIONS_H
#include "core/cpu/accel_conf.h"
#include "core/cpu/counted.h"
#include "core/machine/error.h"
#include <stdint.h>
#include <stdio.h>

/* key=value,... as QEMU writes it: ",," is a literal comma; a first word without "=" gets the implied key; KEY alone = on, noKEY = off. */
struct kv { char *key, *val; struct kv *next; };
struct optlist { char *text; struct kv *kv; struct optlist *next; };            /* one occurrence of an option */
struct kv *kv_parse(const char *text, const char *implied_key, struct error *err);
void kv_free(struct kv *kv);
void kv_append(struct kv **list, const char *key, const char *val);             /* both are copied */
/* json_kv.c: the same list from a JSON object, as newer management programs write option arguments; members of members get dotted keys
 * ("file.filename"), booleans are "on" and "off".  False: err says what cannot be read.  json_t is jansson's. */
struct json_t;
bool kv_from_json(const struct json_t *o, struct kv **out, struct error *err);
/* An option's argument in either spelling: text that begins with "{" is JSON. */
bool kv_parse_either(const char *text, const char *implied_key, struct kv **out, struct error *err);
const char *kv_get(const struct kv *kv, const char *key);                       /* last one wins; NULL when absent */
/* Value checks; absent key leaves *out alone.  `who` names the option in the message. */
bool kv_bool(const struct kv *kv, const char *key, bool *out, const char *who, struct error *err);
bool kv_u64(const struct kv *kv, const char *key, uint64_t *out, const char *who, struct error *err);
bool kv_size(const struct kv *kv, const char *key, uint64_t unit, uint64_t *out, const char *who, struct error *err);
/* Error unless every key is in the NULL-terminated list. */
bool kv_only(const struct kv *kv, const char *const *allowed, const char *who, struct error *err);
bool identifier_ok(const char *id);                                             /* letters, digits, "-", ".", "_", a letter first */
bool parse_size(const char *s, uint64_t unit, uint64_t *out);                   /* 512, 1.5G, 64K ... */

enum display_kind { DISPLAY_DEFAULT, DISPLAY_CURSES, DISPLAY_NONE };
enum rtc_base { RTC_UTC, RTC_LOCALTIME, RTC_DATE };
enum rtc_clock { RTC_HOST, RTC_RT, RTC_VM };
enum irqchip_wish { IRQCHIP_ANY, IRQCHIP_OFF, IRQCHIP_SPLIT, IRQCHIP_ON };     /* kernel-irqchip=: who has the local APICs under KVM */
struct options {
	char *prog;
	char *machine, *accel, *cpu, *name, *bios, *kernel, *initrd, *append, *dtb, *keymap, *pidfile, *uuid, *log_items, *log_file, *loadvm, *data_dirs[16];
	unsigned n_data_dirs;
	uint64_t ram_bytes;
	unsigned smp, maxcpus, sockets, cores, threads;
	char *boot_order, *boot_once; bool boot_menu, boot_strict; int64_t reboot_timeout;
	struct optlist *serials, *parallels, *monitors, *mons, *qmps, *debugcons, *chardevs, *blockdevs, *drives, *devices, *globals, *qtests, *gdbs, *fw_cfg, *vgas;
	char *qtest_log;
	enum display_kind display; bool nographic;
	bool paused /* -S */, no_reboot, no_shutdown, nodefaults, snapshot, no_hpet, no_acpi, daemonize;
	enum rtc_base rtc_base; char *rtc_date; enum rtc_clock rtc_clock; bool rtc_slew; enum irqchip_wish kernel_irqchip;
	char *history;                  /* file of what is typed at monitors by hand, or NULL */
	char *memory_backend;           /* -machine memory-backend=, or NULL */
	uint8_t echr;
	uint64_t log_mask;
	bool msg_timestamp, msg_guest_name;      /* -msg: in front of lines on stderr */
	bool mem_lock;                  /* -overcommit mem-lock=on */
	char *write_config;
	struct optlist *objects, *audiodevs;
	struct icount_conf icount;      /* -icount */
	struct accel_conf accel_conf;   /* sub-options of all -accel together */
};
/* Parse argv.  NULL and err with one sentence naming the option; *done set when help or version was printed to stdout and the
 * program should exit with *status.  Drives of -hda, -cdrom, -fda ... arrive as entries of `drives`. */
struct options *options_parse(int argc, char **argv, bool *done, int *status, struct error *err);
void options_free(struct options *o);
/* options_keys.c: the n-th option that is a list, by its name in machine-readable lists, and its parameters.  False: past the end. */
bool options_keys(unsigned n, const char **listed, const char **keys);
/* The next of its parameters; type: b(oolean), n(umber), s(ize) or t(ext). */
bool options_next_key(const char **keys, const char **name, size_t *len, char *type);
bool options_has_key(const char *option, const char *key);
/* Error unless the option has every key. */
bool options_check_keys(const struct kv *kv, const char *option, const char *who, struct error *err);
/* For files that stand for options: one option by its name without dashes; arg NULL: none was given. */
bool options_apply(struct options *o, const char *name, const char *arg, struct error *err);
bool options_takes_argument(const char *name);
/* config.c: -readconfig, -writeconfig. */
bool config_read(struct options *o, const char *file, struct error *err);
bool config_write(const struct options *o, const char *file, struct error *err);
#endif
