/* snapshots.h - snapshots of the whole machine: taken, gone back to, deleted, while the workstation goes on. */
#ifndef TUI_SNAPSHOTS_H
#define TUI_SNAPSHOTS_H
#include "core/vm.h"

struct app;
enum { SNAPSHOTS_LISTED = 200 };
struct snapshots {
	struct vm_snapshot_info list[SNAPSHOTS_LISTED]; /* as the menu that is open has them */
	unsigned n, chosen;
	int64_t look_at;                        /* how far it is is shown next, 0 = nothing is under way */
	char trigger[64];                       /* whose it is, "" = a person's */
};

/* The menu: take one, or choose one; then what to do with it.  And the two ways that ask at once which one. */
void snapshots_menu(struct app *a);
void snapshots_menu_back(struct app *a);
void snapshots_menu_delete(struct app *a);
/* tag "" when saving: one is made up.  trigger: whose wish it is, NULL = a person's.  False: it was not begun, and said so. */
bool snapshots_ask(struct app *a, enum vm_snapshot_op op, const char *tag, const char *trigger);
/* A line for the monitor that is savevm, loadvm or delvm, so that nobody waits for it.  False: it is another one. */
bool snapshots_command(struct app *a, const char *line);
/* Show how far it is, or what came of it. */
void snapshots_work(struct app *a, int64_t now);
#endif
