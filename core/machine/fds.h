/* fds.h - file descriptors that a monitor's client passed to us (SCM_RIGHTS), by name (getfd) and in numbered sets (add-fd). */
#ifndef CORE_MACHINE_FDS_H
#define CORE_MACHINE_FDS_H
#include "core/machine/error.h"
#include <stdbool.h>
struct machine;
/* One descriptor: name, or set >= 0. */
struct passed_fd { char *name, *opaque; int set, fd; struct passed_fd *next; };
/* Keep fd (taken over) under a name; one that had it before is closed. */
void fds_name(struct machine *m, const char *name, int fd);
/* Take the descriptor out of the store: the caller's now.  -1 and err. */
int  fds_take(struct machine *m, const char *name, struct error *err);
/* Add fd to a set (-1: a new one); returns the set. */
int  fds_add(struct machine *m, int set, const char *opaque, int fd);
/* Close a set (fd -1), or one descriptor of it. */
bool fds_remove(struct machine *m, int set, int fd, struct error *err);
/* For /dev/fdset/N: a copy of a descriptor of set N that allows `flags` (O_RDONLY, O_WRONLY, O_RDWR); -1 and errno. */
int  fds_open_set(struct machine *m, int set, int flags);
void fds_free(struct machine *m);
#endif
