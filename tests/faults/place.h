/*
 * place - a life, and bursts that fill memory, in whatever surroundings the
 * process has. Its own library, so that a program can load it late (dlopen).
 */
#ifndef PLACE_H
#define PLACE_H

#include <stdbool.h>

/* Print what it came to, one line on stdout; 0, or 1 with the fault on stderr. */
int place_live(bool small);

#endif /* PLACE_H */
