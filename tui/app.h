/* app.h - the workstation: one struct that everything hangs from. */
#ifndef TUI_APP_H
#define TUI_APP_H
#include "core/vm.h"
#include "tui/channellog.h"
#include "tui/client.h"
#include "tui/curses.h"
#include "tui/fifo.h"
#include "tui/grid.h"
#include "tui/guard.h"
#include "tui/keydec.h"
#include "tui/keymap.h"
#include "tui/layout.h"
#include "tui/mouse.h"
#include "tui/paste.h"
#include "tui/pixels.h"
#include "tui/prompt.h"
#include "tui/record.h"
#include "tui/snapshots.h"
#include "tui/theme.h"
#include "tui/triggers.h"
#include "tui/tty.h"
#include "tui/views/view.h"

enum { APP_MAX_CONSOLES = 64, APP_MAX_CLIENTS = 32, APP_SPARE_SCREENS = 64, APP_MIN_COLS = 20, APP_MIN_ROWS = 5, APP_BINDINGS = 192 };
enum key_mode { MODE_DIRECT, MODE_PREFIX, MODE_STICKY };
enum { APP_MACROS = 32 };
struct drag { bool pressed; unsigned console; int x, y; };      /* where in its pane the button went down */
struct macro { char name[48], text[256]; };  /* text: as vmux send takes it */

enum action_id {
#define ACTION(id, name, keys, map, group, help) ACT_##id,
#include "tui/actions.def"
#undef ACTION
	ACT_COUNT
};
enum binding_map { MAP_PREFIX, MAP_DIRECT, MAP_TEXT, MAP_SCROLL };
struct binding { enum binding_map map; struct key key; enum action_id action; int arg; };

/* What the status line says of the CPU, sampled once a second so that it does not flicker. */
struct speed { uint64_t icount, busy_ns; int64_t at_ms; double rate /* MIPS, or % of a CPU of the host where nobody counts */; char cpu_mode[16]; bool disk, disk_seen; };

struct app {
	struct vm *vm;
	struct guard *guard;
	struct client *clients[APP_MAX_CLIENTS];
	unsigned n_clients;
	struct curses *spare[APP_SPARE_SCREENS];        /* of terminals that went away; see curses_close() */
	unsigned n_spare;
	struct client *actor;                   /* whose key it is, or was last; NULL: no terminal */
	int listen_fd;                          /* the control socket, -1 = none */
	char socket_path[200];
	int64_t started;                        /* seconds since 1970 */
	struct grid grid;                       /* what all terminals show */
	unsigned esc_ms;                        /* see keydec.h */
	unsigned scrollback_mib;                /* what a text console keeps, at most */
	char theme_name[64];                    /* as the settings have it, "" = default */
	struct keymap keymap;
	struct theme theme;
	enum renderer renderer;                 /* of graphics modes */
	struct key prefix;
	unsigned sticky;                        /* modifiers for the next key, or, locked, for all */
	bool sticky_locked;
	struct macro macro[APP_MACROS];
	unsigned n_macros;
	struct binding bindings[APP_BINDINGS];
	unsigned n_bindings;

	struct view *views[APP_MAX_CONSOLES];
	unsigned n_views, before_monitor;
	unsigned focus;                         /* the console that has the keys: that of the layout's focused pane */
	struct layout layout;
	bool tiled;                             /* several panes are on the screen, each below a title */
	struct view *popup;
	enum key_mode mode;
	struct prompt prompt;
	char prompt_mark;                       /* what it asks for: ':' the command line, or something of copy mode's */
	struct text copied;                     /* what was copied last */
	struct paste paste;
	int64_t paste_at, shown_paste;          /* when it goes on, -1 = not by itself; when its progress was shown */
	unsigned copy_keys;                     /* enum copy_keys */
	bool working;                           /* a view has more to do */
	char message[256];
	bool message_is_error;
	struct text command_log;                /* the monitor command that each action was, a line each */
	int64_t message_until;                  /* 0: no message */
	long log_seen;

	struct vm_status st;
	struct triggers *triggers;              /* NULL: none */
	struct snapshots snapshots;
	char log_dir[400];                      /* where logs and recordings go, "" = the user's state folder */
	uint64_t log_size;                      /* bytes of a log before it is rotated, 0 = never */
	unsigned log_keep;                      /* how many that are full are kept */
	enum log_mode log_mode;                 /* the last one chosen */
	struct log_wish log_wish[LOG_WISHES];
	unsigned n_log_wishes;
	bool linear;                            /* terminals that come are shown text only; see linear.h */
	enum mouse_mode mouse;
	struct drag drag;
	struct { bool known; int x, y; unsigned buttons; } pointer;     /* the guest's: where it was last */
	struct recording *recording[RECORD_MOST];
	struct speed speed;
	int64_t sample_at;                      /* next look at speed and lights, 0 = not until something happens */
	struct fifo keys;                       /* to the guest's keyboard: two bytes an event, qnum and down */

	int sig_fd;
	bool dirty;                             /* draw */
	bool more, screens;                     /* take from text consoles; look at display adapters with the next frame */
	bool waiting;                           /* something typed waits for room */
	int64_t look_at;                        /* when a picture that is shown is to be looked at again, 0 = none */
	int64_t check_at;                       /* when someone who waits for text gives up, -1 = never */
	int64_t rush_until;                     /* a screen that no terminal shows scrolls: look as often as if one did */
	int64_t last_frame, listen_at, retry_at, retry_ms;
	bool heard;                             /* the machine had something new */
	unsigned events;                        /* how often, since events_since */
	int64_t events_since;
	size_t took;                            /* bytes that consoles had printed, when looked at last */
	unsigned key_frames;                    /* a key was typed: so many frames need not wait for their time */
	size_t left;                            /* bytes that waited when last looked at */
	bool quit;
	int quit_signal;                        /* what ended it, for the message; 0 = the user or the machine */
	long quit_pid;
	int cols, rows;
	int foot;                               /* rows at the bottom that belong to the status line or a message */
};
/* Who is to hear the exit status once everything is put away. */
struct farewell { int sock[APP_MAX_CLIENTS]; unsigned n; };

/* Make the workstation, load themes and key maps.  No terminal shows it yet.  NULL: could not; err says why.  A machine that starts without
 * a screen (unseen) does without what it does not find. */
struct app *app_open(struct vm *vm, struct guard *guard, int sig_fd, bool unseen, struct error *err);
/* Let others attach, by this name.  Without a control socket the machine runs all the same; err says why there is none. */
bool app_listen(struct app *a, struct error *err);
/* The terminal of the program that started this one, at the other end of sock; waits until it is there.  False: there will be none. */
bool app_first_client(struct app *a, int sock);
/* Run until the machine ends, the user leaves, or a signal comes.  Without terminals it goes on. */
void app_loop(struct app *a);
/* Give terminals back and free everything but the connections in f. */
void app_close(struct app *a, struct farewell *f);
void farewell_say(struct farewell *f, int status);
int64_t app_now_ms(void);

/* app.c */
void app_message(struct app *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void app_error(struct app *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Bytes for the terminal of the one who acts (an OSC 52 and the like); nothing without one. */
void app_terminal_put(struct app *a, const void *bytes, size_t len);
/* A terminal came; terminals came, went, or changed their sizes. */
void app_attached(struct app *a, struct client *c);
void app_resized(struct app *a);
void app_spare_screen(struct app *a, struct curses *screen);
struct curses *app_take_screen(struct app *a, const struct curses_options *o);  /* NULL: none fits */
void app_forget_screens(struct app *a);         /* draw everything anew */
struct rect app_area(const struct app *a);      /* where panes go: all but the status line */
struct view *app_focused(struct app *a);        /* NULL: no consoles */
void app_select(struct app *a, unsigned console);
void app_popup(struct app *a, struct view *v);  /* NULL closes */
/* Ask for a line of text; mark stands before it. */
void app_ask(struct app *a, char mark);
/* Views for consoles that came, none for those that went. */
void app_sync_consoles(struct app *a);
/* Take new output of some consoles; by_frame: those that are looked at once a frame. */
void app_update_views(struct app *a, bool by_frame);
void app_layout(struct app *a);
void app_draw(struct app *a);
/* A console rang: pass it on with the next frame if someone looks at that console. */
void app_bell(struct app *a, const struct view *v);
/* Something waits to be handed to the machine. */
void app_typed(struct app *a);
/* Queue key events for the guest's keyboard; false when the queue is full. */
bool app_guest_key(struct app *a, uint8_t qnum, bool down);
bool app_load_theme(struct app *a, const char *name, struct error *err);
bool app_load_keymap(struct app *a, const char *name, struct error *err);

/* config.c: a setting by name, from the command line or the file. */
bool app_set(struct app *a, const char *name, const char *value, struct error *err);

/* input.c */
void app_key(void *app, const struct key *k);   /* keydec's emit */

/* status.c */
void status_sample(struct app *a, int64_t now);
void status_draw(struct app *a);
/* The console that the status line names at column x, -1 = none. */
int status_console_at(struct app *a, int x);
#endif
