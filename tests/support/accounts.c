#include "accounts.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "pools.h"

static _Thread_local char fault[256];

__attribute__((format(printf, 2, 3))) static bool is_fault(const char *where, const char *format, ...)
{
    va_list arguments;
    size_t used = (size_t)snprintf(fault, sizeof fault, "accounts of %s: ", where);

    va_start(arguments, format);
    vsnprintf(fault + used, sizeof fault - used, format, arguments);
    va_end(arguments);
    return true;
}

/* One row an equation: left and right must be equal. */
static bool differs(const char *where, const char *what, uint64_t left, uint64_t right)
{
    if (left == right)
        return false;
    return is_fault(where, "%s: %" PRIu64 " is not %" PRIu64, what, left, right);
}

static uint64_t served(const bufpool_stats_t *s)
{
    return s->hits_private + s->hits_shared + s->hits_stolen + s->hits_victim + s->hits_cold + s->carves +
           s->oversized_gets + s->failures;
}

/* bufpool.h's two equations, and that no part is larger than its whole. */
static bool equations_break(const char *where, const bufpool_stats_t *s)
{
    if (differs(where, "gets and where they were served", s->gets, served(s)))
        return true;
    if (s->oversized_bytes > s->in_use_bytes)
        return is_fault(where, "oversized_bytes %" PRIu64 " above in_use_bytes %" PRIu64, s->oversized_bytes,
                        s->in_use_bytes);
    if (differs(where, "committed_bytes and in use + idle", s->committed_bytes,
                s->in_use_bytes - s->oversized_bytes + idle_bytes(s)))
        return true;
    if (s->committed_bytes > s->reserved_bytes)
        return is_fault(where, "committed_bytes %" PRIu64 " above reserved_bytes %" PRIu64,
                        s->committed_bytes, s->reserved_bytes);
    if (s->refused_oversized + s->refused_limit > s->puts)
        return is_fault(where, "more refusals than puts");
    return false;
}

/*
 * In a tier every gauge is a number of whole buffers, and what went out and did
 * not come back is what is in use. Oversized gets of a used-up tier would blur
 * that, so a tier that had some is let off.
 */
static bool tier_breaks(const char *where, const bufpool_stats_t *s, uint64_t capacity, bool pages_too)
{
    const uint64_t gauges[] = {s->in_use_bytes - s->oversized_bytes, s->private_bytes, s->shared_bytes,
                               s->victim_bytes, s->cold_bytes};
    const char *const names[] = {"in_use_bytes", "private_bytes", "shared_bytes", "victim_bytes",
                                 "cold_bytes"};

    for (size_t i = 0; i < sizeof gauges / sizeof gauges[0]; i++) {
        if (gauges[i] % capacity != 0)
            return is_fault(where, "%s %" PRIu64 " is no multiple of the capacity %" PRIu64, names[i],
                            gauges[i], capacity);
    }
    if (differs(where, "tiers", s->tiers, 1))
        return true;
    /* Two counts that know nothing of gauges. */
    if (pages_too && differs(where, "committed_bytes and carves - purges", s->committed_bytes,
                             (s->carves - s->purges) * capacity))
        return true;
    return s->oversized_gets == 0 && differs(where, "in_use_bytes and gets - failures - puts",
                                             s->in_use_bytes, (s->gets - s->failures - s->puts) * capacity);
}

static void add(bufpool_stats_t *sum, const bufpool_stats_t *s)
{
    sum->gets += s->gets;
    sum->hits_private += s->hits_private;
    sum->hits_shared += s->hits_shared;
    sum->hits_stolen += s->hits_stolen;
    sum->hits_victim += s->hits_victim;
    sum->hits_cold += s->hits_cold;
    sum->carves += s->carves;
    sum->oversized_gets += s->oversized_gets;
    sum->failures += s->failures;
    sum->puts += s->puts;
    sum->refused_oversized += s->refused_oversized;
    sum->refused_limit += s->refused_limit;
    sum->purges += s->purges;
    sum->in_use_bytes += s->in_use_bytes;
    sum->oversized_bytes += s->oversized_bytes;
    sum->private_bytes += s->private_bytes;
    sum->shared_bytes += s->shared_bytes;
    sum->victim_bytes += s->victim_bytes;
    sum->cold_bytes += s->cold_bytes;
    sum->committed_bytes += s->committed_bytes;
}

/* What is above the largest capacity belongs to no tier; all else is the sum of the tiers. */
static bool sums_break(const bufpool_stats_t *all, const bufpool_stats_t *sum)
{
    const char *where = "pool against the sum of its tiers";

    return differs(where, "hits_private", all->hits_private, sum->hits_private) ||
           differs(where, "hits_shared", all->hits_shared, sum->hits_shared) ||
           differs(where, "hits_stolen", all->hits_stolen, sum->hits_stolen) ||
           differs(where, "hits_victim", all->hits_victim, sum->hits_victim) ||
           differs(where, "hits_cold", all->hits_cold, sum->hits_cold) ||
           differs(where, "carves", all->carves, sum->carves) ||
           differs(where, "refused_limit", all->refused_limit, sum->refused_limit) ||
           differs(where, "purges", all->purges, sum->purges) ||
           differs(where, "private_bytes", all->private_bytes, sum->private_bytes) ||
           differs(where, "shared_bytes", all->shared_bytes, sum->shared_bytes) ||
           differs(where, "victim_bytes", all->victim_bytes, sum->victim_bytes) ||
           differs(where, "cold_bytes", all->cold_bytes, sum->cold_bytes) ||
           differs(where, "committed_bytes", all->committed_bytes, sum->committed_bytes) ||
           differs(where, "in use less oversized", all->in_use_bytes - all->oversized_bytes,
                   sum->in_use_bytes - sum->oversized_bytes) ||
           differs(where, "puts less refused_oversized", all->puts - all->refused_oversized,
                   sum->puts - sum->refused_oversized) ||
           (all->failures < sum->failures && is_fault(where, "fewer failures")) ||
           (all->oversized_gets < sum->oversized_gets && is_fault(where, "fewer oversized_gets"));
}

static const char *find_fault(bufpool_t *pool, bool pages_too)
{
    size_t sizes[64];
    size_t tiers = bufpool_tiers(pool, sizes, 64);
    bufpool_stats_t all = stats_of(pool);
    bufpool_stats_t sum;
    char where[64];

    memset(&sum, 0, sizeof sum);
    if (equations_break("pool", &all) || differs("pool", "tiers", all.tiers, tiers))
        return fault;
    for (size_t tier = 0; tier < tiers; tier++) {
        bufpool_stats_t s = tier_stats_of(pool, tier);
        /* A page-aligned pool has no headroom; a buffer in use tells which it is, else either fits. */
        uint64_t capacity = capacity_of_size(sizes[tier]);
        if (s.committed_bytes % capacity != 0)
            capacity = sizes[tier];

        snprintf(where, sizeof where, "tier %zu", sizes[tier]);
        if (equations_break(where, &s) || tier_breaks(where, &s, capacity, pages_too))
            return fault;
        add(&sum, &s);
    }
    return sums_break(&all, &sum) ? fault : NULL;
}

const char *accounts_fault(bufpool_t *pool)
{
    return find_fault(pool, false);
}

const char *accounts_and_pages_fault(bufpool_t *pool)
{
    return find_fault(pool, true);
}
