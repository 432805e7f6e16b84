/* actions.h - the table of actions, and their keys. */
#ifndef TUI_ACTIONS_H
#define TUI_ACTIONS_H
#include "tui/app.h"
struct action { const char *name, *keys; enum binding_map map; const char *group, *help; };
extern const struct action actions[ACT_COUNT];
/* For the palette: an action with its argument (counted from 1), its help and keys.  False: there is no such argument, or it is not for
 * the palette. */
bool action_describe(const struct app *a, enum action_id id, int arg, char *name, size_t name_size, char *help, size_t help_size, char *keys, size_t keys_size);
/* Give an action these keys and no others. */
bool actions_bind(struct app *a, const char *action, char *const *keys, unsigned n, struct error *err);
void actions_bind_defaults(struct app *a);
void action_run(struct app *a, enum action_id id, int arg);
const struct binding *binding_find(const struct app *a, enum binding_map map, const struct key *k);
#endif
