/*
 * choices - the decisions of a schedule, and which schedule comes next: depth
 * first, by running the same from the start and choosing otherwise at the last place
 * that has a way not gone yet.
 */
#ifndef CHOICES_H
#define CHOICES_H

#include <stdbool.h>
#include <stdint.h>

/* No schedule has run. */
void choices_begin(void);

/* A schedule begins. */
void choices_start(void);

/*
 * Which of so many ways to go on; the first where nothing is given. `place` says
 * where we are: a schedule that comes to another place than last time, or
 * finds other ways there, depends on something that is not put back, and ends the
 * program.
 */
unsigned choices_take(unsigned options, uint32_t place);

/* False: that was the last schedule. */
bool choices_next(void);

#endif /* CHOICES_H */
