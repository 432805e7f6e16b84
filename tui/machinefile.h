/* machinefile.h - the user's folder of machine files: list, new, clone, delete. */
#ifndef TUI_MACHINEFILE_H
#define TUI_MACHINEFILE_H
#include "core/vm.h"
#include "tui/remote.h"
enum { MACHINE_NAME = 48 };
struct machinefile {
	char name[64];
	char path[1100];                        /* "" = it runs, but has no file here */
	bool running;
	struct remote_machine live;             /* while it runs */
};
struct machineform { char name[64], memory[16], cpus[8], disk[24], cd[600]; };
/* All machines, sorted by name; at most max. */
unsigned machinefile_list(struct machinefile *out, unsigned max);
/* A field of the form as typed; an empty one becomes its default.  False: why it will not do. */
bool machineform_check(struct machineform *f, unsigned field, struct error *err);
/* Write NAME.ini, and make NAME.raw when a disk is wanted.  Nothing that exists is overwritten. */
bool machinefile_new(const struct machineform *f, struct error *err);
/* Another file with the same settings.  Disk images are not copied: both name the same. */
bool machinefile_clone(const struct machinefile *m, const char *name, struct error *err);
bool machinefile_folder(char *buf, size_t size, bool make);
#endif
