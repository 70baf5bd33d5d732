/*
 * memory - all memory the library has, at addresses of our own: a snapshot of it
 * is taken once and put back before every schedule. It stands in for region.c.
 *
 * Which pages a schedule has written is known from the first write to each (the
 * page is read-only until then), so what is copied is what can have changed, and
 * nothing can have changed that is not copied.
 */
#ifndef MEMORY_H
#define MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Once, before all else: nothing is given out. */
void memory_begin(void);

/* The state from now on is what memory_restore puts back. */
void memory_snapshot(void);
void memory_restore(void);

/* A write to a page not written before: true if that was it, and it may be tried again. */
bool memory_fault(void *address);

/*
 * The image that a forked child gets, copied in `cuts` parts from low addresses
 * to high ones, as the kernel copies pages one after another: what other threads
 * write between two parts is in those that follow.
 */
unsigned
memory_cuts_fix(void); /* by what has been written so far: how many parts; one before the first call */
void memory_image_begin(void);
void memory_image_part(unsigned part);
/* Be in the image, after all parts; and back in what there was. */
void memory_image_enter(void);
void memory_image_leave(void);

/* Called with each range of pages that the library gives back, before they are. */
extern void (*memory_on_purge)(uintptr_t begin, uintptr_t end);

#endif /* MEMORY_H */
