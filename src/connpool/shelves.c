#include "pool.h"

#include <errno.h>
#include <string.h>

/*
 * A key is written under the lock, while its shelf's version is odd, and compared by calls that hold nothing;
 * the version tells afterwards whether what was read was one key [version]. A look-up that meets a change
 * finds nothing, and its call goes the slow way, which looks under the lock. Whoever has a connection of the
 * shelf keeps it from being reused, so it is enough to look at the version once after the claim.
 */

static uint64_t hash_of(const void *key, size_t size)
{
    const unsigned char *bytes = key;
    uint64_t hash = UINT64_C(0xcbf29ce484222325) ^ size;

    for (; size >= 8; size -= 8, bytes += 8) {
        uint64_t word;
        memcpy(&word, bytes, 8);
        hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 29;
    }
    for (; size > 0; size--, bytes++)
        hash = (hash ^ *bytes) * UINT64_C(0x100000001b3);
    hash ^= hash >> 32;
    return hash * UINT64_C(0xd6e8feb86659fd93);
}

static _Atomic uint16_t *bucket_of(struct connpool *pool, uint64_t hash)
{
    return &pool->bucket[hash >> 51]; /* the upper 13 bits */
}
_Static_assert(CONN_BUCKETS_OF_KEYS == 1 << 13, "64 - 51 bits");

/* The i-th eight bytes of a key, zeros behind its end. */
static uint64_t word_of(const void *key, size_t size, size_t i)
{
    uint64_t word = 0;
    size_t left = size - i * 8;
    memcpy(&word, (const char *)key + i * 8, left < 8 ? left : 8);
    return word;
}

static bool has_key(const struct conn_shelf *shelf, uint64_t hash, const void *key, size_t size)
{
    /* acquire [version] each: if it is a newer key's, the version read next says so. */
    if (atomic_load_explicit(&shelf->hash, memory_order_acquire) != hash ||
        atomic_load_explicit(&shelf->key_size, memory_order_acquire) != size)
        return false;
    for (size_t i = 0; i * 8 < size; i++)
        if (atomic_load_explicit(&shelf->key[i], memory_order_acquire) != word_of(key, size, i))
            return false;
    return true;
}

unsigned conn_shelf_look(struct connpool *pool, const void *key, size_t size, uint32_t *version)
{
    uint64_t hash = hash_of(key, size);
    /* acquire [bucket]: a shelf that is linked has been written. */
    unsigned number = atomic_load_explicit(bucket_of(pool, hash), memory_order_acquire);

    /* Shelves may move to other buckets under our feet; that must not make a circle of it. */
    for (unsigned steps = 0; number != 0 && steps < 64; steps++) {
        struct conn_shelf *shelf = &pool->shelves[number - 1];
        /* acquire [version]: the key's words are of this version or later. */
        *version = atomic_load_explicit(&shelf->version, memory_order_acquire);
        if (*version % 2 == 0 && has_key(shelf, hash, key, size) && conn_shelf_is(pool, number - 1, *version))
            return number - 1;
        number = atomic_load_explicit(&shelf->next, memory_order_acquire);
    }
    return CONN_NONE;
}

bool conn_shelf_is(struct connpool *pool, unsigned shelf, uint32_t version)
{
    /* relaxed [version]: after the key's words, or after the claim, both of which acquire. */
    return atomic_load_explicit(&pool->shelves[shelf].version, memory_order_relaxed) == version;
}

/* ------------------------------------------------------------ under the lock */

static unsigned find_locked(struct connpool *pool, uint64_t hash, const void *key, size_t size)
{
    unsigned number = atomic_load_explicit(bucket_of(pool, hash), memory_order_relaxed);

    for (; number != 0; number = atomic_load_explicit(&pool->shelves[number - 1].next, memory_order_relaxed))
        if (has_key(&pool->shelves[number - 1], hash, key, size))
            return number - 1;
    return CONN_NONE;
}

static void unlink_shelf(struct connpool *pool, unsigned shelf)
{
    _Atomic uint16_t *link =
        bucket_of(pool, atomic_load_explicit(&pool->shelves[shelf].hash, memory_order_relaxed));

    /* relaxed: the lock is held. */
    while (atomic_load_explicit(link, memory_order_relaxed) != shelf + 1)
        link = &pool->shelves[atomic_load_explicit(link, memory_order_relaxed) - 1].next;
    /* release [bucket] */
    atomic_store_explicit(link, atomic_load_explicit(&pool->shelves[shelf].next, memory_order_relaxed),
                          memory_order_release);
}

static void write_key(struct connpool *pool, unsigned number, uint64_t hash, const void *key, size_t size)
{
    struct conn_shelf *shelf = &pool->shelves[number];
    uint32_t version = atomic_load_explicit(&shelf->version, memory_order_relaxed);
    _Atomic uint16_t *bucket = bucket_of(pool, hash);

    /* relaxed, and release on each word of the key [version]: who reads one of them with what it is now
     * reads the version, later, as odd or newer. */
    atomic_store_explicit(&shelf->version, version + 1, memory_order_relaxed);
    atomic_store_explicit(&shelf->hash, hash, memory_order_release);
    atomic_store_explicit(&shelf->key_size, (uint16_t)size, memory_order_release);
    for (size_t i = 0; i * 8 < size; i++)
        atomic_store_explicit(&shelf->key[i], word_of(key, size, i), memory_order_release);
    atomic_store_explicit(&shelf->gone_until, 0, memory_order_relaxed);
    atomic_store_explicit(&shelf->gone_error, 0, memory_order_relaxed);
    atomic_store_explicit(&shelf->gone_backoff, 0, memory_order_relaxed);
    atomic_store_explicit(&shelf->refused, 0, memory_order_relaxed);
    atomic_store_explicit(&shelf->next, atomic_load_explicit(bucket, memory_order_relaxed),
                          memory_order_release);
    /* release [version], then [bucket]: the whole key. */
    atomic_store_explicit(&shelf->version, version + 2, memory_order_release);
    atomic_store_explicit(bucket, (uint16_t)(number + 1), memory_order_release);
}

/* A shelf that nobody uses: a new one, else one whose key has no connections. */
static unsigned free_shelf(struct connpool *pool)
{
    uint32_t high = atomic_load_explicit(&pool->shelves_high, memory_order_relaxed);

    if (high < CONN_SHELVES) {
        atomic_store_explicit(&pool->shelves_high, high + 1, memory_order_relaxed);
        return high;
    }
    for (unsigned tried = 0; tried < high; tried++) {
        unsigned shelf = pool->next_reused++ % high;
        if (pool->shelves[shelf].users == 0 &&
            atomic_load_explicit(&pool->shelves[shelf].open, memory_order_relaxed) == 0) {
            unlink_shelf(pool, shelf);
            return shelf;
        }
    }
    return CONN_NONE;
}

int conn_shelf_hold(struct connpool *pool, const void *key, size_t size)
{
    uint64_t hash = hash_of(key, size);

    pthread_mutex_lock(&pool->lock);
    unsigned shelf = find_locked(pool, hash, key, size);
    if (shelf == CONN_NONE && (shelf = free_shelf(pool)) != CONN_NONE)
        write_key(pool, shelf, hash, key, size);
    if (shelf != CONN_NONE)
        pool->shelves[shelf].users++;
    pthread_mutex_unlock(&pool->lock);
    return shelf == CONN_NONE ? -ENOSPC : (int)shelf;
}

void conn_shelf_drop(struct connpool *pool, unsigned shelf)
{
    pthread_mutex_lock(&pool->lock);
    pool->shelves[shelf].users--;
    pthread_mutex_unlock(&pool->lock);
}

size_t conn_shelf_key(const struct connpool *pool, unsigned number, void *key)
{
    const struct conn_shelf *shelf = &pool->shelves[number];
    size_t size = atomic_load_explicit(&shelf->key_size, memory_order_relaxed);

    for (size_t i = 0; i * 8 < size; i++) {
        uint64_t word = atomic_load_explicit(&shelf->key[i], memory_order_relaxed);
        memcpy((char *)key + i * 8, &word, size - i * 8 < 8 ? size - i * 8 : 8);
    }
    return size;
}
