/*
 * watched - what a running process says of its pools, over its statistics socket.
 */
#ifndef BENCH_WATCHED_H
#define BENCH_WATCHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The accounts of a tier, or of a pool in all, as far as they are shown. */
struct watched_row {
    uint64_t size;                                              /* nominal; 0: the pool in all */
    uint64_t in_use, in_private, in_shared, in_victim, in_cold; /* bytes */
    uint64_t gets, hits, refused;                               /* so far */
};

struct watched_pool {
    char name[128]; /* whatever was said, it moves no cursor */
    uint64_t number, threads, collections, oversized;
    bool remote;
    struct watched_row total;
    size_t tiers;
    struct watched_row *tier;
};

struct watched {
    uint64_t pid;
    bool has_resident;
    uint64_t resident;
    uint64_t at_ns; /* when it was asked */
    size_t pools;
    struct watched_pool *pool; /* the largest first: by what they have backed */
};

/* What went wrong, for a person. */
struct watched_error {
    char text[256];
};

/*
 * Where to ask: `who` is the path of a socket, or the number of a process that was
 * started with BUFPOOL_STATS. False, and why, where there is none.
 */
bool watched_find(const char *who, char path[108], struct watched_error *error);

/* Ask. False, and why, where nobody answers, or not in five seconds, or with something else. */
bool watched_ask(struct watched *watched, const char *path, struct watched_error *error);
void watched_end(struct watched *watched);

/* The pool with this number and name, or NULL. */
const struct watched_pool *watched_pool_like(const struct watched *watched, const struct watched_pool *pool);

#endif /* BENCH_WATCHED_H */
