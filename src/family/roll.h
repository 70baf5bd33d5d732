/*
 * roll - the living pools of a kind, so that the documents of all pools (bufpool/observe.h) tell of them.
 *
 * A create enters its pool, the last thing it does; a destroy takes it out while it still counts, and waits
 * for who is counting. One lock for all kinds of a library, held while pools are counted, never while they
 * are written. A forked child keeps the roll: what it inherits and may not use tells nothing there.
 */
#ifndef FAMILY_ROLL_H
#define FAMILY_ROLL_H

#include <stdatomic.h>

#include "writer.h"

struct roll_kind {
    const char *section; /* "workpools" */
    const struct writer *writer;
    size_t stats_size;
    /* The pool's statistics, their struct_size being set; else a negative errno. Neither enters nor leaves a
     * pool, and takes no lock that is held while one does. */
    int (*stats)(void *pool, void *stats);
    /* In a forked child: what the pool counts begins anew. It is alone there. NULL: the pool is the parent's,
     * or nothing does. */
    void (*after_fork)(void *pool);
    _Atomic bool is_told; /* the section is added */
};

/* A pool's place; the roll's. */
struct roll_entry {
    struct roll_kind *kind;
    void *pool;
    const char *name;
    uint32_t number; /* the lowest that no other living pool of the kind has */
    struct roll_entry *next;
};

/* `name`, of name_copy, lives as long as the pool. Where there is no memory for what a fork needs the pool is
 * not told of.
 */
void roll_enter(struct roll_entry *entry, struct roll_kind *kind, void *pool, const char *name);

/* Nobody looks at the pool from here on. Also of one that was not entered. */
void roll_leave(struct roll_entry *entry);

#endif /* FAMILY_ROLL_H */
