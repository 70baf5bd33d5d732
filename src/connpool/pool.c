#include "keeper.h"
#include "slots.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include "../name.h"
#include "../version.h"

_Atomic uint32_t conn_forks;

static void forked(void)
{
    /* relaxed: the child has one thread. */
    atomic_fetch_add_explicit(&conn_forks, 1, memory_order_relaxed);
}

static void watch_forks(void)
{
    pthread_atfork(NULL, NULL, forked);
}

/* ------------------------------------------------------------ what is asked for */

static bool limits_are_good(size_t max_open, size_t max_idle, size_t min_idle, size_t min_idle_most)
{
    return max_open > 0 && max_open <= CONNPOOL_MAX_OPEN && min_idle <= max_idle && min_idle <= max_open &&
           (min_idle_most == 0 || min_idle_most >= min_idle);
}

static bool key_is_good(const void *key, size_t size)
{
    return key != NULL && size > 0 && size <= CONNPOOL_MAX_KEY;
}

static bool config_is_good(const connpool_config_t *config)
{
    const uint32_t flags = CONNPOOL_CHECK_ON_ACQUIRE | CONNPOOL_RECLAIM | CONNPOOL_NO_KEEPER;

    if (config == NULL || !version_is_known(config, config->struct_size, sizeof *config) ||
        config->open == NULL || config->close == NULL)
        return false;
    if (!limits_are_good(config->max_open, config->max_idle, config->min_idle, config->min_idle_most) ||
        config->max_open_per_key == 0 || (unsigned)config->order > CONNPOOL_LRU ||
        (config->flags & ~flags) != 0 ||
        (config->max_lifetime_most_ms != 0 && config->max_lifetime_most_ms < config->max_lifetime_ms) ||
        (config->members == NULL ? config->members_count != 0 : config->members_count > CONNPOOL_MAX_MEMBERS))
        return false;
    for (size_t i = 0; i < config->members_count; i++)
        if (!key_is_good(config->members[i].key, config->members[i].key_size))
            return false;
    return true;
}

/* Name, members and their keys behind one another, in one allocation that `members` owns. */
static int copy_config(connpool_config_t *copy, const connpool_config_t *config)
{
    const char *name = config->name != NULL ? config->name : "connpool";
    size_t size = config->members_count * sizeof *config->members + strlen(name) + 1;

    for (size_t i = 0; i < config->members_count; i++)
        size += config->members[i].key_size;
    char *memory = malloc(size);
    if (memory == NULL)
        return -ENOMEM;
    *copy = *config;
    connpool_member_t *members = (connpool_member_t *)(void *)memory;
    memory += config->members_count * sizeof *members;
    for (size_t i = 0; i < config->members_count; i++) {
        members[i] = config->members[i];
        members[i].key = memcpy(memory, config->members[i].key, members[i].key_size);
        memory += members[i].key_size;
    }
    copy->members = members;
    name_copy(memory, strlen(name) + 1, name);
    copy->name = memory;
    return 0;
}

/* ------------------------------------------------------------ memory */

static uint32_t shards_wanted(void)
{
    long cpus = sysconf(_SC_NPROCESSORS_CONF);
    uint32_t shards = 1;

    while (shards < cpus && shards < CONN_SHARDS_MOST)
        shards *= 2;
    return shards;
}

/* All that lies side by side and is backed as it is used: one mapping. */
static int map(struct connpool *pool)
{
    uint32_t shards = shards_wanted();
    size_t slots = (CONN_SLOTS + 1) * sizeof *pool->slots;
    size_t hints = (size_t)CONN_SHELVES * shards * sizeof *pool->hints;
    size_t shard = shards * sizeof *pool->shards;
    size_t shelves = CONN_SHELVES * sizeof *pool->shelves;

    pool->mapped = slots + hints + shard + shelves;
    char *memory =
        mmap(NULL, pool->mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        return -errno;
    pool->shard_mask = shards - 1;
    pool->slots = (struct conn_slot *)(void *)memory;
    pool->hints = (struct conn_hints *)(void *)(memory + slots);
    pool->shards = (struct conn_shard *)(void *)(memory + slots + hints);
    pool->shelves = (struct conn_shelf *)(void *)(memory + slots + hints + shard);
    return 0;
}

static void unmake(struct connpool *pool)
{
    if (pool->slots != NULL)
        munmap(pool->slots, pool->mapped);
    free((void *)(uintptr_t)pool->config.members);
    conn_queue_end(pool);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

/* ------------------------------------------------------------ create */

/* Do idle ones have to be counted? Only where there can be too many. */
static uint64_t counts_for(const connpool_config_t *config, size_t max_open, size_t max_idle)
{
    return max_idle < max_open || config->max_idle_per_key < max_open ? CONN_COUNTED : 0;
}

/* Generations begin somewhere in the lower half of their 48 bits: a pool has 2^47 leases a slot before they
 * wrap. */
static uint64_t random_start(struct connpool *pool)
{
    uint64_t seed;

    if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) != (ssize_t)sizeof seed)
        seed = conn_system_ns() ^ (uint64_t)(uintptr_t)pool ^ (uint64_t)getpid() << 32;
    atomic_store_explicit(&pool->sequence, seed, memory_order_relaxed);
    return (conn_random(pool) & (UINT64_MAX >> (CONN_GENERATION_SHIFT + 1))) | 1;
}

static void set_up(struct connpool *pool)
{
    static _Atomic uint32_t created; /* relaxed: only that neighbours differ */
    const connpool_config_t *config = &pool->config;

    pthread_mutex_init(&pool->lock, NULL);
    pool->clock = config->clock;
    pool->arg = config->arg;
    pool->sample_mask = config->clock != NULL ? 0 : 15;
    pool->near = atomic_fetch_add_explicit(&created, 1, memory_order_relaxed) % CONN_NEAR;
    pool->release_clock = config->order == CONNPOOL_LIFO ? CLOCK_MONOTONIC_COARSE : CLOCK_MONOTONIC;
    pool->times_leases = config->overdue_ms != 0;
    /* relaxed: nobody else has the pool yet. */
    pool->forks = atomic_load_explicit(&conn_forks, memory_order_relaxed);
    atomic_store_explicit(&pool->lifetime_ms,
                          config->max_lifetime_ms != 0 ? config->max_lifetime_ms : UINT64_MAX,
                          memory_order_relaxed);
    atomic_store_explicit(&pool->max_open, config->max_open, memory_order_relaxed);
    atomic_store_explicit(&pool->max_idle, config->max_idle, memory_order_relaxed);
    atomic_store_explicit(&pool->min_idle_least, config->min_idle, memory_order_relaxed);
    atomic_store_explicit(&pool->min_idle, config->min_idle, memory_order_relaxed);
    pool->first_generation = random_start(pool);
    bool checks = (config->flags & CONNPOOL_CHECK_ON_ACQUIRE) != 0 && config->check != NULL;
    atomic_store_explicit(&pool->attention,
                          counts_for(config, config->max_open, config->max_idle) |
                              (config->reset != NULL ? CONN_RESETS : 0) | (checks ? CONN_CHECKS : 0) |
                              (config->order != CONNPOOL_LIFO ? CONN_ORDERED : 0),
                          memory_order_relaxed);
}

int connpool_create(connpool_t **pool, const connpool_config_t *config)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    if (pool == NULL || !config_is_good(config))
        return -EINVAL;
    pthread_once(&once, watch_forks);
    struct connpool *made = aligned_alloc(_Alignof(struct connpool), sizeof *made);
    if (made == NULL)
        return -ENOMEM;
    memset(made, 0, sizeof *made);
    int error = copy_config(&made->config, config);
    if (error == 0)
        error = map(made);
    if (error == 0) {
        set_up(made);
        conn_shelf_hold(made, NULL, 0); /* shelf 0, of connpool_acquire */
        error = conn_keeper_begin(made);
    }
    if (error != 0) {
        unmake(made);
        return error;
    }
    roll_enter(&made->entry, &conn_kind, made, made->config.name);
    *pool = made;
    return 0;
}

/* ------------------------------------------------------------ resize */

static size_t idle_now(const struct connpool *pool)
{
    size_t idle = 0;

    for (size_t i = 0; i < conn_high(pool); i++)
        idle += conn_state_of(atomic_load_explicit(&pool->slots[i].word, memory_order_relaxed)) == CONN_IDLE;
    return idle;
}

/* Those unused for longest go, until the rest is within the limits. */
static void close_excess(struct connpool *pool, size_t max_idle)
{
    struct conn_slot *slot;

    while ((atomic_load_explicit(&pool->attention, memory_order_relaxed) & CONN_OVER) != 0 &&
           (slot = conn_claim_oldest(pool, CONN_NONE, CONN_KEPT)) != NULL) {
        if (!conn_close_over(pool, slot)) {
            conn_make_idle(pool, slot);
            break; /* enough are being closed; CONN_OVER stays until they are */
        }
    }
    while (idle_now(pool) > max_idle && (slot = conn_claim_oldest(pool, CONN_NONE, CONN_CLOSING)) != NULL)
        conn_close(pool, slot, CONN_BY_LIMIT);
}

/* Each idle one that is not counted yet comes to be. */
static void count_all(struct connpool *pool)
{
    for (size_t i = 0; i < conn_high(pool); i++) {
        struct conn_slot *slot = &pool->slots[i];
        uint64_t word = atomic_load_explicit(&slot->word, memory_order_relaxed);
        if (conn_claim(pool, slot, word, CONN_KEPT))
            conn_make_idle(pool, slot);
    }
}

int connpool_resize(connpool_t *pool, size_t max_open, size_t max_idle, size_t min_idle)
{
    if (conn_is_inherited(pool))
        return -ECHILD;
    if (!limits_are_good(max_open, max_idle, min_idle, pool->config.min_idle_most))
        return -EINVAL;
    uint64_t now = conn_now_ms(pool);
    pthread_mutex_lock(&pool->lock);
    atomic_store_explicit(&pool->max_open, max_open, memory_order_relaxed);
    atomic_store_explicit(&pool->max_idle, max_idle, memory_order_relaxed);
    atomic_store_explicit(&pool->min_idle_least, min_idle, memory_order_relaxed);
    atomic_store_explicit(&pool->min_idle, min_idle, memory_order_relaxed);
    bool is_over = atomic_load_explicit(&pool->open, memory_order_relaxed) - pool->leaving > max_open;
    uint64_t flags = counts_for(&pool->config, max_open, max_idle) | (is_over ? CONN_OVER : 0);
    /* seq_cst [attention]: say so, then look at what is idle; conn_make_idle does it the other way round. */
    uint64_t before = atomic_fetch_or_explicit(&pool->attention, flags, memory_order_seq_cst);
    /* relaxed: what binds no more is looked after for nothing, for a moment. Each slot knows whether it is
     * counted. */
    atomic_fetch_and_explicit(&pool->attention, ~((CONN_OVER | CONN_COUNTED) & ~flags), memory_order_relaxed);
    struct conn_waiter *served = conn_serve(pool, now);
    pthread_mutex_unlock(&pool->lock);
    conn_wake(served);
    close_excess(pool, max_idle);
    if ((flags & ~before & CONN_COUNTED) != 0)
        count_all(pool);
    conn_keeper_wake(pool);
    return 0;
}

/* ------------------------------------------------------------ the end */

/* In one go: what is made idle behind us is closed by who does it. */
static void close_idle(struct connpool *pool)
{
    for (size_t i = 0; i < conn_high(pool); i++) {
        /* seq_cst [attention]: CONN_CLOSED first, then the words; conn_make_idle does it the other way round.
         */
        uint64_t word = atomic_load_explicit(&pool->slots[i].word, memory_order_seq_cst);
        if (conn_claim(pool, &pool->slots[i], word, CONN_CLOSING))
            conn_close(pool, &pool->slots[i], CONN_BY_END);
    }
}

int connpool_close(connpool_t *pool, uint32_t timeout_ms)
{
    if (conn_is_inherited(pool))
        return -ECHILD;
    uint64_t deadline = timeout_ms == UINT32_MAX ? WAIT_FOREVER : clock_ms() + timeout_ms;
    /* seq_cst [attention]: say so, then look at what is idle. */
    atomic_fetch_or_explicit(&pool->attention, CONN_CLOSED, memory_order_seq_cst);
    conn_dismiss(pool);
    close_idle(pool);
    for (;;) {
        uint32_t seen = event_seen(&pool->emptied);
        /* acquire [emptied]: all closes have returned. */
        if (atomic_load_explicit(&pool->open, memory_order_acquire) == 0)
            return 0;
        if (deadline != WAIT_FOREVER && clock_ms() >= deadline)
            return -ETIMEDOUT;
        event_wait(&pool->emptied, seen, deadline);
    }
}

/* Those whose borrowers have not come back. */
static size_t close_lent(struct connpool *pool)
{
    size_t lent = 0;

    for (size_t i = 0; i < conn_high(pool); i++) {
        struct conn_slot *slot = &pool->slots[i];
        uint64_t word = atomic_load_explicit(&slot->word, memory_order_acquire);
        if (conn_word_is_in_use(word) && conn_slot_move(slot, &word, conn_word_as(word, CONN_KEPT))) {
            conn_close(pool, slot, CONN_BY_END);
            lent++;
        }
    }
    return lent;
}

void connpool_destroy(connpool_t *pool)
{
    if (pool == NULL || conn_is_inherited(pool))
        return;
    connpool_close(pool, 0);
    conn_keeper_end(pool);
    size_t lent = close_lent(pool);
    if (lent != 0)
        fprintf(stderr, "connpool: pool '%s': destroyed with %zu connection%s lent out\n", pool->config.name,
                lent, lent == 1 ? "" : "s");
    roll_leave(&pool->entry);
    unmake(pool);
}
