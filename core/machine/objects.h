/* objects.h - user-creatable objects (-object, object_add, object-add): TLS credentials, who may connect, memory back ends.
 *
 * They live in machine.opt->objects in order of creation, as the options they were made of.  Machine lock held. */
#ifndef CORE_MACHINE_OBJECTS_H
#define CORE_MACHINE_OBJECTS_H
#include "core/machine/error.h"
#include "core/machine/options.h"
#include <stdbool.h>
struct machine;
/* The types, sorted, NULL-terminated. */
extern const char *const object_types[];
/* Start-up: make what the options say. */
bool objects_create(struct machine *m, struct error *err);
/* While the machine runs.  kv (qom-type=, id= and the type's properties) is taken over, also in case of an error. */
bool object_add(struct machine *m, struct kv *kv, struct error *err);
bool object_del(struct machine *m, const char *id, struct error *err);
/* The properties an object of this type was made of, or NULL. */
const struct kv *object_find(struct machine *m, const char *qom_type, const char *id);
#endif
