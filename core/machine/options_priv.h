/* options_priv.h - the table of options and the functions that take one option's argument each. */
#ifndef CORE_MACHINE_OPTIONS_PRIV_H
#define CORE_MACHINE_OPTIONS_PRIV_H
#include "core/machine/options.h"
#include <stddef.h>

enum arity { FLAG, ARG };
struct option_row {
	const char *name;
	enum arity arity;
	const char *syntax, *help;      /* syntax NULL: an alias of the row above, not listed */
	bool (*set)(struct options *o, const char *arg, const struct option_row *row, struct error *err);
	size_t offset;                  /* for the generic setters */
	const char *extra;              /* implied key, or the text a fixed alias stands for */
};
/* arg: NULL for a flag.  False: err names the option. */
#define OPTION_SETTER(name) bool name(struct options *o, const char *arg, const struct option_row *r, struct error *err)

/* An option of that name, or NULL. */
const struct option_row *options_find(const char *name);
/* Add to a list what `text` says; text and list are the option's own. */
struct optlist *options_append(struct optlist **list, const char *text, const char *implied, struct error *err);

/* options_machine.c: the board, its processors, memory and clock */
OPTION_SETTER(option_set_memory);
OPTION_SETTER(option_set_smp);
OPTION_SETTER(option_set_boot);
OPTION_SETTER(option_set_rtc);
OPTION_SETTER(option_set_localtime);
OPTION_SETTER(option_set_machine);
OPTION_SETTER(option_set_accel);
OPTION_SETTER(option_enable_kvm);
OPTION_SETTER(option_set_icount);
OPTION_SETTER(option_set_name);
OPTION_SETTER(option_set_uuid);
OPTION_SETTER(option_set_overcommit);
OPTION_SETTER(option_set_msg);

/* options_devices.c: drives, displays, lines to the outside */
OPTION_SETTER(option_set_display);
OPTION_SETTER(option_set_curses);
OPTION_SETTER(option_set_drive_alias);
OPTION_SETTER(option_set_drive);
OPTION_SETTER(option_add_qmp);
OPTION_SETTER(option_set_dir);
OPTION_SETTER(option_set_echr);
OPTION_SETTER(option_set_log);
OPTION_SETTER(option_set_gdb);
OPTION_SETTER(option_set_vga);
OPTION_SETTER(option_add_global);
OPTION_SETTER(option_set_net);
OPTION_SETTER(option_add_audiodev);
OPTION_SETTER(option_read_config);

/* options.c: for any option */
OPTION_SETTER(option_set_flag);
OPTION_SETTER(option_set_string);
OPTION_SETTER(option_add_list);
OPTION_SETTER(option_add_either);
OPTION_SETTER(option_ignore);

#endif
