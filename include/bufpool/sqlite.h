/*
 * bufpool/sqlite.h - SQLite on the default pool.
 *
 *     bufpool_sqlite_install();                                  // before anything of SQLite's
 *     sqlite3_config(SQLITE_CONFIG_PAGECACHE, NULL, 0, -1024);   // 1 MiB of each page cache in one buffer
 *
 * When: once, in main, before SQLite is initialised or after sqlite3_shutdown.
 *
 * Catches: all of SQLite's memory: pages, statements, sorters, blobs, and the
 * lookaside slots of a connection (48 KB). Up to half the smallest tier, 256 bytes
 * by default, the C library serves, as bufpool/malloc.h says.
 *
 * Share in the pool (SQLite 3.40, connections that write, sort, group and delete
 * rows of up to 20 KB; the test measures it): 71 % of buffers, 90 % of bytes. What is
 * missing of the bytes are sorters, which grow to the size of the page cache, 2 MB:
 * with max_size 4 MiB it is 99.8 %. SQLite is told what a buffer holds and uses all of it.
 *
 * Pages. SQLite's page cache asks for a page with its header, 4360 bytes, which a
 * tier of 4 KiB does not hold. Three ways to give it memory:
 *
 *   by malloc, as it comes: 20 pages in one piece, then each its own. A full cache of
 *     2 MB takes 3746 KiB of a default pool. A tier of 4416 added to it holds a page
 *     in 1.01 times its bytes, instead of 1.88 times:
 *     BUFPOOL_CONF=tiers:512/1k/2k/4k/4416/8k/16k/32k/64k/128k/256k/512k/1m
 *   SQLITE_CONFIG_PAGECACHE with no memory and -1024: the first 1024 KiB of a
 *     connection's pages are one piece, here a buffer of the 1 MiB tier, and go back as
 *     one with the connection. 2962 KiB, and it is one line: recommended where
 *     connections read that much. (With memory instead of NULL that piece is
 *     never given back, and this adapter would have nothing to do.)
 *   SQLITE_CONFIG_PCACHE2 wants a page cache written anew, with its own hashing and
 *     eviction. All that it could gain is what an added tier gains, so there is none here.
 *
 * Not for: a process whose databases are small and stay open: they ask for memory
 * once.
 */
#ifndef BUFPOOL_SQLITE_H
#define BUFPOOL_SQLITE_H

#include <bufpool/malloc.h>
#include <sqlite3.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What the default pool's tiers hold, ascending, and the largest size that is the C library's; filled as
 * SQLite starts. */
struct bufpool_sqlite_tiers {
    size_t least, count;
    size_t capacity[64];
};

static inline struct bufpool_sqlite_tiers *bufpool_sqlite_tiers(void)
{
    static struct bufpool_sqlite_tiers tiers;

    return &tiers;
}

/* What SQLite calls. */
static inline void *bufpool_sqlite_malloc(int size)
{
    return bufpool_malloc((size_t)size);
}

static inline void bufpool_sqlite_free(void *memory)
{
    bufpool_free(memory);
}

static inline void *bufpool_sqlite_realloc(void *memory, int size)
{
    return bufpool_realloc(memory, (size_t)size);
}

static inline int bufpool_sqlite_size(void *memory)
{
    return (int)bufpool_malloc_usable_size(memory);
}

/*
 * The size that will be given for one that is asked for. SQLite asks for that
 * much then, uses all of it, and finds without a call that what grows within its
 * tier may stay. A multiple of 8 in any case.
 */
static inline int bufpool_sqlite_roundup(int size)
{
    const struct bufpool_sqlite_tiers *tiers = bufpool_sqlite_tiers();

    if ((size_t)size > tiers->least)
        for (size_t i = 0; i < tiers->count; i++)
            if ((size_t)size <= tiers->capacity[i])
                return (int)tiers->capacity[i];
    return (size + 7) & ~7;
}

/* Called by sqlite3_initialize, under its lock. Capacities are asked of a buffer each. */
static inline int bufpool_sqlite_init(void *arg)
{
    struct bufpool_sqlite_tiers *tiers = bufpool_sqlite_tiers();
    size_t sizes[64];

    (void)arg;
    tiers->count = 0;
    tiers->least = 0;
    size_t count = bufpool_tiers(NULL, sizes, 64);
    if (count > 0)
        tiers->least = sizes[0] / 2;
    for (size_t i = 0; i < count; i++) {
        void *buffer = bufpool_get(NULL, sizes[i]);
        if (buffer == NULL)
            break;
        tiers->capacity[tiers->count++] = bufpool_capacity(NULL, buffer);
        (void)bufpool_put(NULL, buffer);
    }
    return SQLITE_OK;
}

static inline void bufpool_sqlite_shutdown(void *arg)
{
    (void)arg;
}

/*
 * bufpool_sqlite_install - have SQLite take its memory from the default pool.
 *
 * SQLITE_OK; SQLITE_MISUSE where SQLite is initialised already, and stays as it
 * was: call it before any other function of SQLite, or after sqlite3_shutdown.
 * Like sqlite3_config, on one thread.
 *
 * sqlite3_memory_used and the heap limits count what buffers hold, not what was
 * asked for.
 */
static inline int bufpool_sqlite_install(void)
{
    static const sqlite3_mem_methods methods = {
        bufpool_sqlite_malloc,  bufpool_sqlite_free, bufpool_sqlite_realloc,  bufpool_sqlite_size,
        bufpool_sqlite_roundup, bufpool_sqlite_init, bufpool_sqlite_shutdown, NULL,
    };

    return sqlite3_config(SQLITE_CONFIG_MALLOC, &methods);
}

#ifdef __cplusplus
}
#endif

#endif /* BUFPOOL_SQLITE_H */
