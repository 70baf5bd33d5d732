#include "life.h"

#include <errno.h>
#include <string.h>

#include "accounts.h"
#include "pools.h"

enum { TIERS = 12, EACH_MOST = 20, HELD_MOST = TIERS * EACH_MOST };

/* What one thread holds. */
struct held {
    struct life *life;
    size_t each; /* buffers of a tier */
    size_t count;
    struct {
        unsigned char *buffer;
        size_t size;
        uint64_t seed;
    } at[HELD_MOST];
};

static struct held mine, the_worker_s;

static void fault(struct life *life, const char *what)
{
    if (life->fault == NULL)
        life->fault = what;
}

/* A call that came back empty-handed: allowed to, and with the errno of its contract? */
static void failed(struct life *life, int error)
{
    life->failures++;
    if (!life->may_fail)
        fault(life, "a call failed that must not");
    else if (error != ENOMEM)
        fault(life, "a call failed with another errno than ENOMEM");
}

/* Both ends of a buffer are written, not all of it: a life is lived some hundred times. */
enum { MARK = 256 };

static void mark(unsigned char *buffer, size_t size, uint64_t seed)
{
    fill(buffer, MARK, seed);
    fill(buffer + size - MARK, MARK, seed);
}

static bool is_marked(const unsigned char *buffer, size_t size, uint64_t seed)
{
    return is_filled(buffer + size - MARK, MARK, seed) && (size < 2 * MARK || is_filled(buffer, MARK, seed));
}

/* ------------------------------------------------------------ get and put */

static void take_as(struct held *held, void *buffer, size_t size)
{
    struct life *life = held->life;
    uint64_t seed = ++life->seed;

    if (buffer == NULL) {
        failed(life, errno);
        return;
    }
    if (bufpool_capacity(life->pool, buffer) < size)
        fault(life, "a buffer is smaller than was asked");
    mark(buffer, size, seed);
    life->gets++;
    held->at[held->count].buffer = buffer;
    held->at[held->count].size = size;
    held->at[held->count++].seed = seed;
}

static void give(struct held *held)
{
    struct life *life = held->life;

    held->count--;
    unsigned char *buffer = held->at[held->count].buffer;
    size_t size = held->at[held->count].size;
    if (!is_marked(buffer, size, held->at[held->count].seed))
        fault(life, "a buffer's bytes have changed in its borrower's hands");
    life->digest = life->digest * 31 + buffer[size - 1] + size;
    errno = 4711;
    bufpool_put(life->pool, buffer);
    if (errno != 4711)
        fault(life, "a put changed errno");
    life->puts++;
}

static void take_all_tiers(void *arg)
{
    struct held *held = arg;

    for (size_t size = 500; size <= MIB; size *= 2) {
        for (size_t i = 0; i < held->each; i++)
            take_as(held, bufpool_get(held->life->pool, size), size);
    }
}

static void give_all(void *arg)
{
    struct held *held = arg;
    while (held->count > 0)
        give(held);
}

/* Each puts what the other got. */
static void exchange(struct life *life)
{
    worker_do(&life->worker, give_all, &mine);
    give_all(&the_worker_s);
}

/* ------------------------------------------------------------ the other calls */

static void live_resize(struct life *life)
{
    const size_t sizes[] = {1000, 100000, 500, 3 * MIB, 5 * MIB, 4000};
    unsigned char *buffer = NULL;
    size_t kept = 0; /* bytes that must be as they were written */

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        unsigned char *moved = bufpool_resize(life->pool, buffer, sizes[i]);
        if (moved == NULL) {
            failed(life, errno);
            continue;
        }
        buffer = moved;
        if (!is_filled(buffer, kept, life->seed))
            fault(life, "a resize lost bytes");
        kept = MARK;
        fill(buffer, kept, ++life->seed);
    }
    MUST(bufpool_resize(life->pool, buffer, 0) == NULL);
}

static void live_oversized(struct life *life)
{
    for (size_t size = 2 * MIB; size <= 4 * MIB; size += MIB)
        take_as(&mine, bufpool_get(life->pool, size), size);
    give_all(&mine);
}

static void live_zeroed(struct life *life)
{
    for (size_t size = 600; size <= 600000; size *= 10) {
        void *buffer = bufpool_get_zeroed(life->pool, size);
        if (buffer != NULL && !is_zero(buffer, bufpool_capacity(life->pool, buffer)))
            fault(life, "a zeroed buffer is not zero");
        take_as(&mine, buffer, size);
    }
    give_all(&mine);
}

static void live_batch(struct life *life)
{
    void *buffers[100];
    const size_t count = life->small ? 20 : 100;

    size_t got = bufpool_get_batch(life->pool, 4096, buffers, count);
    if (got < count)
        failed(life, errno);
    for (size_t i = 0; i < got; i++)
        mark(buffers[i], 4096, i);
    for (size_t i = 0; i < got; i++) {
        if (!is_marked(buffers[i], 4096, i))
            fault(life, "a batch has a buffer twice");
    }
    size_t kept = bufpool_put_batch(life->pool, buffers, got);
    if (!life->guarded ? kept != got : kept > life->may_fail) /* a tier serves where no pages are to be had */
        fault(life, "a batch was not kept, or what was guarded is");
}

static void live_reserve(struct life *life)
{
    int error = bufpool_reserve(life->pool, 2048, 300);
    if (error != 0)
        failed(life, -error);
}

/* ------------------------------------------------------------ the whole */

bufpool_config_t life_config(void)
{
    bufpool_config_t config = BUFPOOL_CONFIG_INIT;
    config.name = "life";
    config.collect_interval_ms = 3600 * 1000;
    return config;
}

void life_check_rest(struct life *life)
{
    const char *accounts = accounts_fault(life->pool);
    bufpool_stats_t stats = stats_of(life->pool);

    if (accounts != NULL)
        fault(life, accounts);
    if (stats.in_use_bytes != 0)
        fault(life, "something is in use that nobody has");
    if (stats.misuses != 0)
        fault(life, "a misuse was reported that there was not");
}

void life_run(struct life *life)
{
    mine = (struct held){.life = life, .each = life->each != 0 ? life->each : life->small ? 4 : EACH_MOST};
    the_worker_s = (struct held){.life = life, .each = mine.each};

    for (int round = 0; round < 3; round++) {
        take_all_tiers(&mine);
        worker_do(&life->worker, take_all_tiers, &the_worker_s);
        exchange(life);
        bufpool_collect(life->pool);
    }
    live_reserve(life);
    live_oversized(life);
    live_resize(life);
    live_zeroed(life);
    live_batch(life);
    for (int i = 0; i < 3; i++)
        bufpool_collect(life->pool);
    take_all_tiers(&mine);
    give_all(&mine);
    bufpool_thread_idle(life->pool);
    bufpool_trim(life->pool);
    life_check_rest(life);
}
