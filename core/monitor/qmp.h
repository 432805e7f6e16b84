/* qmp.h - the machine protocol: what qmp.c (messages), qmp_check.c and qmp_schema.c (types) and the handlers share. */
#ifndef CORE_MONITOR_QMP_H
#define CORE_MONITOR_QMP_H
#include "core/machine/error.h"
#include "core/machine/machine.h"
#include <jansson.h>

/* The first character of a message or answer names the error's class; without one it is GenericError, but DeviceNotFound for
 * "Device '...' not found". */
#define GENERIC    "\2"
#define NOT_FOUND  "\3"
#define NOT_ACTIVE "\4"
#define NO_COMMAND "\5"
#define INFO_TEXT  "\6"

/* A row of qmp.def.  run gets checked arguments (never NULL) and returns the value of "return" (owned by the caller), or NULL and err;
 * NULL with an empty message: the answer comes with the next RESET or SHUTDOWN. */
struct qmp_cmd {
	const char *name, *args, *ret;
	json_t *(*run)(struct machine *m, const json_t *args, struct error *err);
	const char *answer, *flags, *help;
};
enum qmp_type_kind { QMP_OBJECT, QMP_ENUM, QMP_UNION, QMP_ALTERNATE };
struct qmp_type { const char *name; enum qmp_type_kind kind; const char *spec, *tag, *variants; };
struct qmp_event { enum machine_event number; const char *name, *data; unsigned pause_ms; const char *help; };
extern const struct qmp_cmd qmp_commands[];             /* these three end with name NULL */
extern const struct qmp_type qmp_types[];
extern const struct qmp_event qmp_events[];

/* Can it do anything but fail? */
bool qmp_works(const struct qmp_cmd *c);
bool qmp_flag(const struct qmp_cmd *c, const char *flag);
const struct qmp_type *qmp_find_type(const char *name, size_t len);
json_t *qmp_version_info(void);
/* Next member of "name:type,name?:type" at *spec. */
struct qmp_member { char name[64]; bool optional; const char *type; size_t type_len; };
bool qmp_next_member(const char **spec, struct qmp_member *out);
/* Word after word of "a|b|c", or of variants "a=X|b=". */
bool qmp_next_word(const char **list, const char **word, size_t *len);
/* The members that a command's arguments always may have. */
const char *qmp_members(const struct qmp_cmd *c);
/* Do the arguments fit?  open: further members may be there. */
bool qmp_check(const char *spec, const json_t *args, bool open, struct error *err);
bool qmp_fits(const char *type, const json_t *value, struct error *err);        /* "" = an empty object */
/* Check and carry out a command; NULL and err as qmp_cmd's run. */
const struct qmp_cmd *qmp_find(const char *name);
json_t *qmp_call(struct machine *m, const struct qmp_cmd *c, json_t *args, struct error *err);
/* Class of an error message, and the message without its mark. */
const char *qmp_error_class(const char **msg);
json_t *qmp_schema(void);

#define QMP_HANDLER(name) json_t *name(struct machine *m, const json_t *a, struct error *err)
static inline const char *qmp_str(const json_t *a, const char *key) { return json_string_value(json_object_get(a, key)); }
static inline int64_t qmp_num(const json_t *a, const char *key) { return json_integer_value(json_object_get(a, key)); }
static inline bool qmp_bool(const json_t *a, const char *key) { return json_is_true(json_object_get(a, key)); }
static inline json_t *qmp_done(bool ok) { return ok ? json_object() : NULL; }
/* Text that may hold bytes that are no UTF-8. */
json_t *qmp_text(const char *s, size_t len);
#endif
