/* qmp_tables.c - the tables of qmp.def, qmp_types.def and qmp_events.def. */
#include "core/monitor/qmp_handlers.h"

#define QMP(name, args, ret, run, answer, flags, help) { name, args, ret, run, answer, flags, help },
const struct qmp_cmd qmp_commands[] = {
#include "core/monitor/qmp.def"
	{ 0 }
};

#define OBJECT(name, spec) { name, QMP_OBJECT, spec, NULL, NULL },
#define ENUM(name, words)  { name, QMP_ENUM, words, NULL, NULL },
#define ALTERNATE(name, types) { name, QMP_ALTERNATE, types, NULL, NULL },
#define UNION(name, spec, tag, variants) { name, QMP_UNION, spec, tag, variants },
const struct qmp_type qmp_types[] = {
#include "core/monitor/qmp_types.def"
	{ 0 }
};

#define EVENT(number, name, data, pause, help) { number, name, data, pause, help },
const struct qmp_event qmp_events[] = {
#include "core/monitor/qmp_events.def"
	{ 0 }
};
