/* pidfile.h - the file of -pidfile: holds the process id, locked while the machine lives, removed at its end. */
#ifndef CORE_MACHINE_PIDFILE_H
#define CORE_MACHINE_PIDFILE_H
#include "core/machine/error.h"
struct pidfile;
struct pidfile *pidfile_create(const char *path, struct error *err);    /* NULL and err, also when a live machine holds it */
void pidfile_remove(struct pidfile *p);                                  /* unlink and free */
#endif
