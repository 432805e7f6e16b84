/* vmfile.h - virtual machine files of Proxmox, the old form and today's: KEY: VALUE lines that stand for options. */
#ifndef CORE_MACHINE_VMFILE_H
#define CORE_MACHINE_VMFILE_H
#include "core/machine/options.h"

/* `vmux run WHAT`: a path, or the name of a file (with or without ".conf") in the user's VM folder ($XDG_CONFIG_HOME/vmux/vms, else
 * ~/.config/vmux/vms) or one of the system's (/etc/vmux/vms, /etc/pve/qemu-server, /etc/qemu-server).  Options are added to o.  A key that
 * this build cannot carry out is named in one line on stderr; a malformed line is an error that says file and line. */
bool vmfile_run(struct options *o, const char *what, struct error *err);
/* Split as a shell would: blanks, quotes, backslashes; nothing is expanded.  NULL-terminated, to be freed by words_free.  NULL: a quote is
 * not closed. */
char **words_split(const char *text);
void words_free(char **words);
#endif
