/* pages.h - the pages and menus that actions show, each on top of the panes. */
#ifndef TUI_PAGES_H
#define TUI_PAGES_H
struct app;
void page_help(struct app *a);
void page_consoles(struct app *a);
void page_send_keys(struct app *a);
/* "macro NAME" of the command line. */
void page_macro(struct app *a, const char *name);
void page_machine(struct app *a);
void page_command_log(struct app *a);
void page_events(struct app *a);
#endif
