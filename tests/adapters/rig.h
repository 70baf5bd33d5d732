/*
 * rig - what the adapters' programs share: properties in order in one process, what the library asked for,
 * and what became of it.
 *
 * A program is one real use of one real library. It installs the adapter in main, before the library has
 * asked for anything, then has its properties checked one after the other.
 */
#ifndef ADAPTERS_RIG_H
#define ADAPTERS_RIG_H

#include <bufpool.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Print what broke a property on stderr; false. */
__attribute__((format(printf, 1, 2))) bool broken(const char *format, ...);

/* In a function that returns bool: on with it only if the condition is true. */
#define REQUIRE(condition)                                                                                   \
    do {                                                                                                     \
        if (!(condition))                                                                                    \
            return broken("%s:%d: not true: %s", __FILE__, __LINE__, #condition);                            \
    } while (0)

struct property {
    const char *name;
    bool (*holds)(void);
};
#define PROPERTY(name)                                                                                       \
    {                                                                                                        \
#name, name                                                                                          \
    }

/* Check them in order, print "N passed, N failed"; what main returns. */
int rig_run(const struct property *properties, size_t count);

/*
 * The default pool, for the drop-in face: as BUFPOOL_CONF has it, but that it collects only when a test asks.
 * Before anything uses it.
 */
void rig_default_pool(void);
/* Has it a tier of this size? What is true only then is a property of its own. */
bool rig_has_tier(size_t size);

/* ------------------------------------------------------------ what the library asks for */

/*
 * Every request that the program's adapter makes of bufpool_get and of the drop-in face, counted by the
 * linker's
 * --wrap: what the library under test asks for, and nothing else. A realloc that stays where it is is no
 * request.
 */
struct meter {
    uint64_t buffers, bytes;           /* all of them */
    uint64_t pool_buffers, pool_bytes; /* those that a tier serves: neither too small nor too large for it */
    uint64_t pool_capacity;            /* and what they take there */
};

/* From zero, for requests of this pool and no other; those of sizes at most `least` the C library serves. */
void meter_begin(bufpool_t *pool, size_t least);
/* The same for the drop-in face. */
void meter_begin_default(void);
/* One request more; and one that the pool was not asked for at all. */
void meter_count(const bufpool_t *pool, const void *buffer, size_t size);
void meter_count_elsewhere(size_t size);
struct meter meter_read(void);

/* From now on note sizes from `from` on, too; what of these was asked for since the meter began, ascending.
 */
void meter_note_sizes(size_t from);
#define METER_SIZES 64
struct meter_size {
    size_t size;
    uint64_t count;
};
size_t meter_sizes(struct meter_size sizes[METER_SIZES]);

/* "NAME: 5 of 6 buffers (83.3 %), 300 of 301 KiB (99.7 %) in the pool, which take 1.04 times that" */
void meter_print(const char *name);

/* Of the gets since `before`, the share that found an idle buffer; 0 where there were none. Prints it. */
double hit_rate_since(const char *name, bufpool_t *pool, const bufpool_stats_t *before);

/* ------------------------------------------------------------ bytes to move */

/*
 * Text that compresses about three to one, the same for the same seed; whoever moves it checks it byte by
 * byte against a second making.
 */
void text_make(char *text, size_t bytes, uint64_t seed);

#ifdef __cplusplus
}
#endif

#endif /* ADAPTERS_RIG_H */
