/*
 * screen - a terminal that is borrowed: shown a page at a time, and given back as it
 * was, whatever ends the program.
 */
#ifndef BENCH_SCREEN_H
#define BENCH_SCREEN_H

#include <stdbool.h>

/* False where standard input and output are no terminal. */
bool screen_begin(void);

/* As much of the page as fits, each line cut at the last column. */
void screen_show(const char *page);

/* Wait so long for a key: it; 0 when none came or the size has changed; -1 when the program is to end. */
int screen_key(int wait_ms);

/* The terminal as it was. Does nothing where it was not borrowed, so it may come twice. */
void screen_end(void);

/* After screen_end: if a signal ended it, die of that, so that a shell knows. */
void screen_pass_signal_on(void);

#endif /* BENCH_SCREEN_H */
