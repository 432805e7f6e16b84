/* vmfile_priv.h - shared by vmfile.c (lines) and vmfile_keys.c (what they stand for). */
#ifndef CORE_MACHINE_VMFILE_PRIV_H
#define CORE_MACHINE_VMFILE_PRIV_H
#include "core/machine/options.h"

struct vmfile {
	struct options *o;
	char *path, *dir, *vmid;
	unsigned line;
	const char *key;                        /* of the line being read */
	/* keys that are carried out together, at the end */
	unsigned sockets, cores;
	char *boot, *bootdisk;
	unsigned serials;                       /* bit n: serialN is there */
	bool no_kvm, windows, localtime_said, ports, isa_agent;
};
/* set NULL: nothing to do (absent NULL), or not provided (why). */
struct vmfile_key { const char *name; bool (*set)(struct vmfile *f, unsigned n, const char *value, struct error *err); const char *absent; };
extern const struct vmfile_key vmfile_keys[];            /* ends with name NULL; a last N stands for a number */
bool vmfile_finish(struct vmfile *f, struct error *err);

void vmfile_warn(struct vmfile *f, const char *why);
/* An option; one that this build refuses is a warning.  False: it was refused. */
bool vmfile_option(struct vmfile *f, const char *name, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
bool vmfile_bad(struct vmfile *f, const char *reason, struct error *err);
bool vmfile_flag(const char *value);
#endif
