/* memdev.h - -object memory-backend-ram, memory-backend-memfd and memory-backend-file: what the guest's memory is made of.
 * -machine memory-backend=ID takes one; without it memory is private pages named pc.ram. */
#ifndef CORE_MACHINE_MEMDEV_H
#define CORE_MACHINE_MEMDEV_H
#include "core/machine/error.h"
#include "core/machine/options.h"
#include <stdbool.h>
#include <stdint.h>
struct machine;
struct memdev {
	const char *type, *id, *mem_path;       /* mem_path: memory-backend-file, else NULL; all live as long as the object */
	uint64_t size;                          /* bytes */
	bool share, prealloc, merge, dump;
};
/* The types, NULL-terminated. */
extern const char *const memdev_types[];
bool memdev_is_type(const char *qom_type);
/* Read and check the properties of an object of these types.  d points into kv. */
bool memdev_parse(const struct kv *kv, struct memdev *d, struct error *err);
/* The n-th back end there is; the last one that is no -object is pc.ram, unless -machine names another.  False: no more. */
bool memdev_at(struct machine *m, unsigned n, struct memdev *d);
/* Board, before the guest's memory is used: put what -machine memory-backend= names behind [ram_addr, + ram_size). */
bool memdev_back_ram(struct machine *m, uint64_t ram_addr, struct error *err);
#endif
