/*
 * early - a shared object that uses the face before main and after it.
 */
#ifndef EARLY_H
#define EARLY_H

#include <stddef.h>

#define EARLY_PIECES 6

struct early {
    void *piece[EARLY_PIECES]; /* filled with their number, by the constructor */
    size_t size[EARLY_PIECES];
    unsigned faults; /* things that were not as they should be, before main */
};

struct early *early_pieces(void);

/* From now on the destructor, which runs after main and its atexit handlers, prints what it finds. */
void early_tell(void);

#endif /* EARLY_H */
