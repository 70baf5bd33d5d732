/*
 * What advise assumes of the library, held against it; and what it reads.
 */
#include <bufpool.h>
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "json.h"
#include "simulation.h"
#include "tier_set.h"

static uint64_t random_next(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return *state >> 33;
}

static uint64_t random_size(uint64_t *random, unsigned powers)
{
    uint64_t power = (uint64_t)64 << random_next(random) % powers;
    return power + random_next(random) % power;
}

static uint64_t capacity_in_library(uint64_t size)
{
    bufpool_config_t config = BUFPOOL_CONFIG_INIT;
    struct tier_set set;
    config.tiers = &(size_t){size};
    config.tiers_count = 1;
    tier_set_of(&set, &config);
    return set.capacity[0];
}

/* Fails when advise is wrong about headroom or rounding: then what it advises does not hold what it is for.
 */
Test(advise_parts, the_smallest_tier_that_holds_is_the_librarys_too)
{
    uint64_t random = 11;
    for (unsigned round = 0; round < 300; round++) {
        uint64_t bytes = round < 20 ? 16384 - 640 + 64 * round + round % 2 : random_size(&random, 15);
        uint64_t size = tier_size_for(bytes);
        cr_assert(eq(u64, tier_capacity(size), capacity_in_library(size)));
        cr_assert(tier_capacity(size) >= bytes, "%lu", (unsigned long)bytes);
        cr_assert(size == 64 || capacity_in_library(size - 64) < bytes, "%lu: %lu", (unsigned long)bytes,
                  (unsigned long)size);
    }
    cr_assert(eq(u64, tier_size_for(16392), 16384));
    cr_assert(eq(u64, tier_size_for(16576), 16384));
    cr_assert(eq(u64, tier_size_for(0), 64));
}

/* Fails when a size goes to another tier than in the library. */
Test(advise_parts, a_size_finds_its_tier)
{
    const bufpool_config_t config = BUFPOOL_CONFIG_INIT;
    struct tier_set set;
    tier_set_of(&set, &config);
    cr_assert(eq(uint, set.count, 12));
    cr_assert(eq(uint, tier_set_find(&set, 0), 0));
    cr_assert(eq(uint, tier_set_find(&set, 512), 0));
    cr_assert(eq(uint, tier_set_find(&set, 513), 1));
    cr_assert(eq(uint, tier_set_find(&set, 16392), 5));
    cr_assert(eq(uint, tier_set_find(&set, (1 << 20) + 192), 11));
    cr_assert(eq(uint, tier_set_find(&set, (1 << 20) + 193), 12));
}

/* Fails when a list is not written as it is read. */
Test(advise_parts, lists_of_tiers_are_read_as_they_are_written)
{
    struct tier_set set = {.count = 4, .size = {64, 4096, 29824, 1 << 20}};
    size_t sizes[TIERS_MOST];
    char text[64];
    cr_assert(strcmp(tier_set_text(&set, text, sizeof text), "64/4k/29824/1m") == 0, "%s", text);
    cr_assert(eq(uint, tier_list_parse(text, sizes), 4));
    for (unsigned i = 0; i < 4; i++)
        cr_assert(eq(sz, sizes[i], set.size[i]));
}

/* Fails when a value is taken for another one, or what is no JSON is read all the same. */
Test(advise_parts, json_is_read_by_its_structure)
{
    const char *text =
        "{\"pid\":7,\"pools\":[ {\"pool\":\"a\\\"b\",\"total\":{\"gets\":5,\"tiers\":1},\"tiers\":[]},"
        "{\"pool\":\"two\",\"tiers\":[{\"gets\":1},{\"gets\":18446744073709551615}],\"total\":{}}]}\n";
    const char *one = json_find_pool(text, NULL), *two = json_find_pool(text, "two");

    cr_assert(one != NULL && one == json_find_pool(text, "a\"b"));
    cr_assert(json_find_pool(text, "three") == NULL);
    cr_assert(eq(u64, json_number(json_member(json_member(one, "total"), "gets")), 5));
    cr_assert(json_first(json_member(one, "tiers")) == NULL);
    const char *tier = json_first(json_member(two, "tiers"));
    cr_assert(eq(u64, json_number(json_member(tier, "gets")), 1));
    tier = json_next(tier);
    cr_assert(eq(u64, json_number(json_member(tier, "gets")), UINT64_MAX));
    cr_assert(json_next(tier) == NULL);
    cr_assert(eq(u64, json_number(json_member(tier, "puts")), 0));
    cr_assert(eq(u64, json_number("18446744073709551616"), 0));
    cr_assert(eq(u64, json_number("1.5"), 0));
    cr_assert(json_find_pool("{\"pool\":\"x\",\"total\":{}", NULL) == NULL);
    cr_assert(json_find_pool("", NULL) == NULL);
    cr_assert(json_find_pool("[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", NULL) == NULL);
    cr_assert(json_find_pool("{\"total\":{},\"pool\":\"x\"}", NULL) != NULL);
}

/* ------------------------------------------------------------ the model and the pool */

#define HELD 300u

/* Buffers in use grow and shrink by phases, so that all of a bin, the depot and carving are met. */
static void use(bufpool_t *pool)
{
    void *held[HELD] = {NULL};
    uint64_t random = 5;

    for (unsigned i = 0; i < 60000; i++) {
        unsigned at = (unsigned)(random_next(&random) % HELD);
        bool fill = i / 3000 % 2 == 0;
        if (held[at] == NULL && (fill || random_next(&random) % 4 == 0))
            held[at] =
                bufpool_get(pool, random_size(&random, 12) + (random_next(&random) % 500 == 0) * (2u << 20));
        else if (held[at] != NULL && random_next(&random) % 8 == 0)
            held[at] = bufpool_resize(pool, held[at], random_size(&random, 12));
        else if (held[at] != NULL && (!fill || random_next(&random) % 4 == 0)) {
            bufpool_put(pool, held[at]);
            held[at] = NULL;
        }
    }
    for (unsigned i = 0; i < HELD; i++)
        bufpool_put(pool, held[i]);
}

/* Fails when what is predicted of a pool is not what the pool then counts. */
Test(advise_parts, a_thread_alone_is_predicted_to_the_last_get)
{
    bufpool_config_t config = BUFPOOL_CONFIG_INIT;
    bufpool_stats_t stats = BUFPOOL_STATS_INIT;
    bufpool_t *pool;
    struct trace trace;
    struct tier_set tiers;
    struct simulation result;
    char path[64];

    snprintf(path, sizeof path, "/tmp/bufpool-advise-%d.bpt", (int)getpid());
    config.collect_interval_ms = 0;
    config.debug = "off";
    tier_set_of(&tiers, &config);
    cr_assert(setenv("BUFPOOL_TRACE", path, 1) == 0); /* not of the pool that was asked for its tiers */
    cr_assert(bufpool_create(&pool, &config) == 0);
    use(pool);
    bufpool_stats(pool, &stats);
    bufpool_destroy(pool);

    trace_load(&trace, path);
    unlink(path);
    const struct simulation_terms terms = {.tiers = &tiers, .max_thread_bytes = config.max_thread_bytes};
    simulate(&result, &trace, &terms);
    cr_assert(eq(u64, result.gets, stats.gets));
    cr_assert(eq(u64, result.oversized, stats.oversized_gets));
    cr_assert(eq(u64, result.carves, stats.carves));
    uint64_t misses = stats.gets - stats.hits_private - stats.oversized_gets;
    cr_assert(eq(u64, result.misses, misses));
    trace_free(&trace);
}
