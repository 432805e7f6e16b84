/* panes.h - the consoles' places on the screen, and the actions that change them. */
#ifndef TUI_PANES_H
#define TUI_PANES_H
#include "tui/layout.h"
struct app;
struct view;
/* Is the console on the screen? */
bool panes_visible(const struct app *a, unsigned console);
void panes_draw(struct app *a);
/* The pane at a cell of the grid, -1 = none, and where its console draws. */
int pane_at(const struct app *a, int x, int y, struct rect *r);
/* Where this console draws; false: nowhere. */
bool pane_rect(const struct app *a, unsigned console, struct rect *r);
/* By its number from 1, its label, or "monitor". */
bool pane_is_named(const struct view *v, const char *name);
/* Consoles came or went. */
void panes_sync(struct app *a);
void panes_split(struct app *a, enum node_kind kind);
void panes_close(struct app *a);
void panes_move(struct app *a, enum direction dir);
void panes_resize(struct app *a, enum direction dir);
void panes_zoom(struct app *a);
void panes_even(struct app *a);
void panes_menu(struct app *a);
/* "layout NAME" or "layout v500(1,2)", and "save-layout NAME", of the command line. */
void panes_load(struct app *a, const char *name);
void panes_save(struct app *a, const char *name);
#endif
