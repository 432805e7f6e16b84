/* names.h - lists of words that both faces of the monitor accept; each ends with NULL. */
#ifndef CORE_MONITOR_NAMES_H
#define CORE_MONITOR_NAMES_H
#include <stdbool.h>
extern const char *const names_migrate_capabilities[], *const names_migrate_parameters[], *const names_watchdog_actions[],
	*const names_netdev_types[], *const names_migrate_states[];
/* qmp_absent.c: why there is no migration to this address.  False. */
struct error;
bool migration_refused(const char *uri, struct error *err);
bool name_listed(const char *const *list, const char *word);
#endif
