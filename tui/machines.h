/* machines.h - the machine list: what `vmux` without arguments shows on a terminal.
 *
 * Machines are files of ~/.config/vmux/machines: NAME.ini (as -readconfig takes) and NAME.conf (Proxmox); running ones are listed with them. */
#ifndef TUI_MACHINES_H
#define TUI_MACHINES_H
#include "core/vm.h"
/* Until the user leaves; returns the exit status. */
int machines_main(void);
#endif
