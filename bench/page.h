/*
 * page - pools as a table: bytes by tier and place, and what happens a second.
 */
#ifndef BENCH_PAGE_H
#define BENCH_PAGE_H

#include <stdio.h>

#include "watched.h"

/* Of which pools: all, or the one with this number. */
#define PAGE_ALL UINT64_MAX

/* `before` is what was said a while ago, NULL where this is the first: then there are no rates. */
void page_write(FILE *out, const struct watched *now, const struct watched *before, uint64_t pool);

#endif /* BENCH_PAGE_H */
