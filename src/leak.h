/*
 * leak - the backtraces of one get in N, kept until the buffer is put. Who has
 * lost buffers is told by those that remain.
 *
 * A sample is an element of a table, never unmapped while the pool lives, and
 * the shadow of its buffer names it. Taking and dropping one is lock-free; where
 * there is no memory for another, none is taken.
 */
#ifndef LEAK_H
#define LEAK_H

#include <stdio.h>

#include "table.h"

struct bufpool;

struct leaks {
    struct table samples;
    struct stack free;
};

/* Allocates nothing of ours; has libgcc loaded, so that no later backtrace needs memory. */
void leaks_init(struct leaks *leaks);
void leaks_end(struct leaks *leaks);
void leaks_after_fork(struct leaks *leaks);

/* Keep the backtrace of a get of `buffer`, from `site` upwards: what its shadow keeps, 0 for none. */
uint32_t leak_sample(struct bufpool *pool, const void *buffer, size_t asked, const void *site);

/* The buffer is put: `sample` is what leak_sample said. */
void leak_forget(struct bufpool *pool, uint32_t sample);

/* One line a survivor, and one in all; nothing for a pool without the word. */
void leak_tell(struct bufpool *pool, FILE *out);

#endif /* LEAK_H */
