/*
 * Never two owners: the ledger says it at once, the stamps when a page was lost, the sanitizers why.
 */
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

#include "ledger.h"
#include "properties.h"
#include "team.h"
#include "witness.h"

struct crowd {
    bufpool_t *pool;
    struct ledger *ledger;
    size_t operations; /* a thread */
    _Atomic uint64_t served;
};

/* Borrow up to four at once, so that 32 threads want twice what there is; hand over what is in the private
 * cache every other time, so that they do not only live on that. */
static bool scramble(unsigned number, void *shared)
{
    struct crowd *crowd = shared;
    uint64_t random = number + 1;
    void *held[4];
    bool result = true;

    for (size_t i = 0; i < crowd->operations && result; i++) {
        size_t count = 0;
        size_t wanted = 1 + random_next(&random) % 4;

        while (count < wanted && (held[count] = bufpool_get(crowd->pool, 4096)) != NULL) {
            result = ledger_take(crowd->ledger, held[count], number + 1) && result;
            stamp(held[count++], 4096, number);
        }
        if (random_next(&random) % 16 == 0)
            sched_yield();
        atomic_fetch_add_explicit(&crowd->served, count, memory_order_relaxed);
        while (count-- > 0) {
            if (!is_stamped(held[count], 4096, number))
                result = broken("somebody else wrote into buffer %p", held[count]);
            result = ledger_give(crowd->ledger, held[count], number + 1) && result;
            bufpool_put(crowd->pool, held[count]);
        }
        if (i % 2 == 0)
            bufpool_thread_idle(crowd->pool);
    }
    return result;
}

/*
 * CONFORMANCE 23: 64 buffers, 32 threads. max_bytes keeps it at 64, so that the same few go round all the
 * time, which is where a stack without a tag (pop, pop, push) and a block claimed under its owner break; the
 * misses run emergency trims, that is collections, against each other.
 */
bool prop_64_buffers_and_32_threads_never_two_owners(void)
{
    bufpool_config_t config = plain_config();
    struct crowd crowd = {.ledger = ledger_new(1 << 12), .operations = SCALED(100000)};

    config.min_size = config.max_size = 4096;
    config.max_bytes = (size_t)64 * 4096;
    crowd.pool = pool_from(&config);
    REQUIRE(team_run(32, scramble, &crowd));

    /* Or else each lived on its own, and this proved nothing. */
    bufpool_stats_t stats = stats_of(crowd.pool);
    REQUIRE(stats.hits_shared + stats.hits_stolen > crowd.served / 100);
    REQUIRE(stats.committed_bytes <= config.max_bytes);
    REQUIRE(ledger_owned(crowd.ledger) == 0);
    ledger_free(crowd.ledger);
    return ends_well(crowd.pool);
}

#define SLOTS 64u

struct slot {
    void *buffer;
    uint64_t value;
};

struct mixer {
    struct crowd *crowd;
    unsigned owner;
    uint64_t random;
    struct slot slots[SLOTS];
};

/* Stamps of two pages at most: the pool is to be tested, not the memory. */
static size_t stamped_bytes(struct mixer *mixer, const struct slot *slot)
{
    size_t capacity = bufpool_capacity(mixer->crowd->pool, slot->buffer);
    return capacity < 8192 ? capacity : 8192;
}

static bool mixer_take(struct mixer *mixer, struct slot *slot, void *buffer)
{
    REQUIRE(buffer != NULL);
    slot->buffer = buffer;
    slot->value = random_next(&mixer->random);
    stamp(buffer, stamped_bytes(mixer, slot), slot->value);
    return ledger_take(mixer->crowd->ledger, buffer, mixer->owner);
}

/* The slot's buffer is about to be given away; its bytes must be what they were. */
static bool mixer_give(struct mixer *mixer, struct slot *slot)
{
    if (!is_stamped(slot->buffer, stamped_bytes(mixer, slot), slot->value))
        return broken("somebody else wrote into buffer %p", slot->buffer);
    return ledger_give(mixer->crowd->ledger, slot->buffer, mixer->owner);
}

/* One in a thousand is oversized. */
static size_t mixed_size(struct mixer *mixer)
{
    if (random_next(&mixer->random) % 1024 == 0)
        return MIB + 64 * KIB;
    return random_size(&mixer->random, MIB);
}

static bool mix_resize(struct mixer *mixer, struct slot *slot)
{
    uint64_t first;
    void *moved;

    if (!mixer_give(mixer, slot))
        return false;
    memcpy(&first, slot->buffer, sizeof first);
    moved = bufpool_resize(mixer->crowd->pool, slot->buffer, mixed_size(mixer));
    REQUIRE(moved != NULL);
    if (memcmp(moved, &first, sizeof first) != 0)
        return broken("resize did not keep the bytes of buffer %p", slot->buffer);
    return mixer_take(mixer, slot, moved);
}

static bool mix_batch(struct mixer *mixer)
{
    void *buffers[20];
    size_t count = 1 + random_next(&mixer->random) % 20;
    size_t size = random_size(&mixer->random, 16 * KIB);
    size_t got = bufpool_get_batch(mixer->crowd->pool, size, buffers, count);

    REQUIRE(got == count);
    for (size_t i = 0; i < count; i++)
        if (!ledger_take(mixer->crowd->ledger, buffers[i], mixer->owner))
            return false;
    for (size_t i = 0; i < count; i++)
        if (!ledger_give(mixer->crowd->ledger, buffers[i], mixer->owner))
            return false;
    REQUIRE(bufpool_put_batch(mixer->crowd->pool, buffers, count) == count);
    return true;
}

/* What is not get and put, now and then. */
static bool mix_rare(struct mixer *mixer)
{
    bufpool_t *pool = mixer->crowd->pool;
    uint64_t which = random_next(&mixer->random) % 64;

    if (which == 0)
        bufpool_trim(pool);
    else if (which < 8)
        bufpool_collect(pool);
    else if (which < 16)
        bufpool_thread_idle(pool);
    else if (which < 20)
        (void)stats_of(pool);
    else
        return mix_batch(mixer);
    return true;
}

static bool mix_once(struct mixer *mixer)
{
    struct slot *slot = &mixer->slots[random_next(&mixer->random) % SLOTS];
    uint64_t what = random_next(&mixer->random) % 1024;

    if (what == 0)
        return mix_rare(mixer);
    if (slot->buffer == NULL)
        return mixer_take(mixer, slot, bufpool_get(mixer->crowd->pool, mixed_size(mixer)));
    if (what < 32)
        return mix_resize(mixer, slot);
    if (!mixer_give(mixer, slot))
        return false;
    bufpool_put(mixer->crowd->pool, slot->buffer);
    slot->buffer = NULL;
    return true;
}

static bool mix(unsigned number, void *shared)
{
    struct crowd *crowd = shared;
    struct mixer mixer = {.crowd = crowd, .owner = number + 1, .random = number + 1};

    for (size_t i = 0; i < crowd->operations; i++)
        if (!mix_once(&mixer))
            return false;
    for (unsigned i = 0; i < SLOTS; i++) {
        if (mixer.slots[i].buffer == NULL)
            continue;
        if (!mixer_give(&mixer, &mixer.slots[i]))
            return false;
        bufpool_put(crowd->pool, mixer.slots[i].buffer);
    }
    return true;
}

/*
 * CONFORMANCE 24: 10 x 1,000,000 operations on all tiers from many threads, everything the API has, with
 * collections and trims in between. Whatever hands a buffer out twice, purges one in use, or loses one, shows
 * here in one of three ways: ledger, stamp, accounts.
 */
bool prop_ten_million_mixed_operations(void)
{
    struct crowd crowd = {.pool = plain_pool(), .ledger = ledger_new(1 << 18), .operations = SCALED(1000000)};

    REQUIRE(team_run(10, mix, &crowd));
    REQUIRE(ledger_owned(crowd.ledger) == 0);
    ledger_free(crowd.ledger);
    return ends_well(crowd.pool);
}
