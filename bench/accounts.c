#include "accounts.h"

#include <inttypes.h>
#include <stdio.h>

#include "measure.h"

/* "the pool" or "tier 3", for a message. */
static const char *whose_text(char text[32], int tier)
{
    if (tier < 0)
        snprintf(text, 32, "the pool");
    else
        snprintf(text, 32, "tier %d", tier);
    return text;
}

static void equal(int tier, const char *left_name, uint64_t left, const char *right_name, uint64_t right)
{
    char whose[32];
    if (left != right)
        die("accounts of %s: %s is %" PRIu64 ", %s is %" PRIu64, whose_text(whose, tier), left_name, left,
            right_name, right);
}

static uint64_t gets_found(const bufpool_stats_t *stats)
{
    return stats->hits_private + stats->hits_shared + stats->hits_stolen + stats->hits_victim +
           stats->hits_cold + stats->carves + stats->oversized_gets + stats->failures;
}

static uint64_t committed_found(const bufpool_stats_t *stats)
{
    return stats->in_use_bytes - stats->oversized_bytes + stats->private_bytes + stats->shared_bytes +
           stats->victim_bytes + stats->cold_bytes;
}

static void read_stats(bufpool_t *pool, int tier, bufpool_stats_t *stats)
{
    /* The collector is a call under way too: what it moves may be missed between two places. It is at work
     * for some milliseconds a second, so a few looks find it asleep; books that are wrong stay wrong. */
    for (unsigned look = 0; look < 20; look++) {
        *stats = (bufpool_stats_t)BUFPOOL_STATS_INIT;
        int error = tier < 0 ? bufpool_stats(pool, stats) : bufpool_tier_stats(pool, (size_t)tier, stats);
        if (error)
            die("statistics: error %d", -error);
        if (stats->committed_bytes == committed_found(stats))
            return;
        measure_sleep_until(measure_now() + 10000000u);
    }
}

static void check(int tier, const bufpool_stats_t *stats)
{
    equal(tier, "gets", stats->gets, "the sum of where they were found", gets_found(stats));
    equal(tier, "in_use_bytes", stats->in_use_bytes, "what it must be", 0);
    equal(tier, "oversized_bytes", stats->oversized_bytes, "what it must be", 0);
    equal(tier, "committed_bytes", stats->committed_bytes, "the sum of where they are",
          committed_found(stats));
    equal(tier, "puts", stats->puts, "gets", stats->gets);
    equal(tier, "failures", stats->failures, "what it must be", 0);
    equal(tier, "misuses", stats->misuses, "what it must be", 0);
}

void accounts_check(bufpool_t *pool, const struct accounts_expected *expected, bufpool_stats_t *stats)
{
    uint64_t tier_gets = 0, tier_oversized = 0;
    size_t tiers = bufpool_tiers(pool, NULL, 0);
    for (size_t tier = 0; tier < tiers; tier++) {
        bufpool_stats_t one;
        read_stats(pool, (int)tier, &one);
        check((int)tier, &one);
        tier_gets += one.gets;
        tier_oversized += one.oversized_gets;
    }
    read_stats(pool, -1, stats);
    check(-1, stats);
    equal(-1, "gets", stats->gets, "those of the tiers and the oversized",
          tier_gets + stats->oversized_gets - tier_oversized);
    if (stats->gets < expected->gets_least || stats->gets > expected->gets_most)
        die("accounts of the pool: %" PRIu64 " gets, but %" PRIu64 " to %" PRIu64 " were made", stats->gets,
            expected->gets_least, expected->gets_most);
}
