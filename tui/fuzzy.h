/* fuzzy.h - how well a few typed letters fit a line. */
#ifndef TUI_FUZZY_H
#define TUI_FUZZY_H
/* The letters in their order, anywhere in text, case ignored.  Higher is better: whole words and beginnings of words count most.
 * -1: they are not there.  Blanks in the pattern divide it: each part is looked for by itself. */
int fuzzy_score(const char *pattern, const char *text);
#endif
