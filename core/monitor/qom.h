/* qom.h - the machine as a tree of objects with properties, made from what is there at the moment it is asked for.
 *
 *   /machine                      the board            /machine/unattached/device[N]   its devices, and the CPUs
 *   /machine/peripheral/ID        devices with id=     /chardevs/LABEL, /objects/ID    back ends
 *
 * Machine lock held. */
#ifndef CORE_MONITOR_QOM_H
#define CORE_MONITOR_QOM_H
#include "core/machine/error.h"
#include "core/machine/text.h"
#include <jansson.h>
#include <stdbool.h>

struct machine;
struct prop;
struct device;

enum qom_kind { QOM_CONTAINER, QOM_MACHINE, QOM_CPU, QOM_DEVICE, QOM_BUS, QOM_CHARDEV, QOM_MEMORY };
struct qom_node { char *path; char type[72]; enum qom_kind kind; void *p; };
struct qom_tree { struct machine *m; struct qom_node *nodes; size_t n, cap; };
struct qom_tree *qom_build(struct machine *m);
void qom_free(struct qom_tree *t);
/* A path, or the end of one when only one object has it.  NULL and err (class DeviceNotFound in QMP). */
const struct qom_node *qom_find(const struct qom_tree *t, const char *path, struct error *err);
bool qom_is_child(const struct qom_node *parent, const struct qom_node *node);
const char *qom_leaf(const struct qom_node *node);
/* What the object has: [{name, type, description?, value}], a "child<TYPE>" for each object below. */
json_t *qom_properties(const struct qom_tree *t, const struct qom_node *node);

/* qom-list, qom-get, qom-set: NULL, false and err as QMP words it. */
json_t *qom_list(struct machine *m, const char *path, struct error *err);
json_t *qom_get(struct machine *m, const char *path, const char *property, struct error *err);
bool qom_set(struct machine *m, const char *path, const char *property, struct error *err);

/* qom_types.c */
const char *qom_prop_type(const struct prop *p);
json_t *qom_prop_default(const struct prop *p);                 /* NULL: none */
json_t *qom_types(const char *implements, bool abstract);       /* abstract ones too */
json_t *qom_device_properties(const char *type, struct error *err);
json_t *qom_type_properties(const char *type, struct error *err);
const char *qom_machine_type(const struct machine *m, char *buf, size_t size);

/* qom_cpu.c: where CPU n sits. */
struct cpu_place { char model[48]; const char *path; unsigned socket, core, thread; };
struct cpu_place cpu_place(struct machine *m, unsigned n);
void qom_cpu_properties(struct machine *m, unsigned n, json_t *list);
/* A model's features: {name: bool}; implemented: without those this build lacks, else all the model has. */
bool cpu_model_features(const char *model, bool implemented, json_t *props, json_t *missing);
void qom_add(json_t *list, const char *name, const char *type, const char *description, json_t *value);
#endif
