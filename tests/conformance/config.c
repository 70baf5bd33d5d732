/*
 * What bufpool_create accepts, and that it leaves nothing behind where it does
 * not. CONFORMANCE.md line 1, and the contract of bufpool_config_t.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "accounts.h"
#include "pools.h"
#include "process.h"

#define UNTOUCHED ((bufpool_t *)0x5a5a)

/* The result; a pool that was made is destroyed again, one that was not must not be stored. */
static int try_create(const bufpool_config_t *config)
{
    bufpool_t *pool = UNTOUCHED;
    int result = bufpool_create(&pool, config);

    if (result == 0)
        bufpool_destroy(pool);
    else
        cr_assert(eq(ptr, pool, UNTOUCHED));
    return result;
}

/* Each row takes a good configuration and breaks one thing. */
#define ASSERT_INVALID(...)                                                                                  \
    do {                                                                                                     \
        bufpool_config_t config = still_config();                                                            \
        __VA_ARGS__;                                                                                         \
        int result = try_create(&config);                                                                    \
        cr_assert(eq(int, result, -EINVAL), "%s", #__VA_ARGS__);                                             \
    } while (0)

#define ASSERT_VALID(...)                                                                                    \
    do {                                                                                                     \
        bufpool_config_t config = still_config();                                                            \
        __VA_ARGS__;                                                                                         \
        int result = try_create(&config);                                                                    \
        cr_assert(eq(int, result, 0), "%s", #__VA_ARGS__);                                                   \
    } while (0)

static void assert_bad_sizes_are_refused(void)
{
    size_t zero[] = {512, 0, 1024};
    size_t huge[] = {512, SIZE_MAX};
    size_t many[65];

    for (size_t i = 0; i < 65; i++)
        many[i] = (i + 1) * 64;
    ASSERT_INVALID(config.min_size = 2048, config.max_size = 1024);
    ASSERT_INVALID(config.min_size = 0);
    ASSERT_INVALID(config.max_size = 0);
    ASSERT_INVALID(config.min_size = 0, config.max_size = 0);
    ASSERT_INVALID(config.max_size = SIZE_MAX);
    ASSERT_INVALID(config.max_size = SIZE_MAX - 63);
    ASSERT_INVALID(config.min_size = SIZE_MAX, config.max_size = SIZE_MAX);
    ASSERT_INVALID(config.min_size = 64, config.max_size = (size_t)1 << 42, config.tier_steps = 4);
    ASSERT_INVALID(config.tiers = zero, config.tiers_count = 3);
    ASSERT_INVALID(config.tiers = huge, config.tiers_count = 2);
    ASSERT_INVALID(config.tiers = many, config.tiers_count = 65);
    ASSERT_INVALID(config.tiers = many, config.tiers_count = 0);
}

/* Fails when an endless doubling, an overflow or an empty list gets through. */
Test(conformance_config, line_01_bad_sizes_are_refused)
{
    assert_bad_sizes_are_refused();
}

/* Fails when a refused create leaks what it made before it looked. */
Test(conformance_config, line_01_refused_create_leaves_no_memory_behind)
{
    if (UNDER_SANITIZER)
        cr_skip_test("a sanitizer maps memory for itself");
    assert_bad_sizes_are_refused();
    size_t size_before = status_bytes("VmSize");
    size_t maps_before = map_count();
    for (int i = 0; i < 20; i++)
        assert_bad_sizes_are_refused();
    cr_assert(eq(sz, status_bytes("VmSize"), size_before));
    cr_assert(eq(sz, map_count(), maps_before));
}

/* Fails when a value outside its range is taken for a default. */
Test(conformance_config, bad_steps_limits_flags_and_spans_are_refused)
{
    ASSERT_INVALID(config.tier_steps = 0);
    ASSERT_INVALID(config.tier_steps = 3);
    ASSERT_INVALID(config.tier_steps = 8);
    ASSERT_INVALID(config.min_cached_bytes = MIB, config.max_cached_bytes = MIB - 1);
    ASSERT_INVALID(config.min_cached_bytes = MIB, config.max_bytes = MIB - 1);
    ASSERT_INVALID(config.flags = 16);
    ASSERT_INVALID(config.flags = 0x80000000u);
}

/* Fails when a limit is compared with the wrong sense at its border. */
Test(conformance_config, values_at_the_border_are_accepted)
{
    size_t one[] = {1};
    size_t many[64];

    for (size_t i = 0; i < 64; i++)
        many[i] = (i + 1) * 64;
    ASSERT_VALID(config.min_size = 1, config.max_size = 1);
    ASSERT_VALID(config.min_cached_bytes = MIB, config.max_cached_bytes = MIB, config.max_bytes = MIB);
    ASSERT_VALID(config.tiers = one, config.tiers_count = 1);
    ASSERT_VALID(config.tiers = many, config.tiers_count = 64);
    ASSERT_VALID(config.max_thread_bytes = 0);
    ASSERT_VALID(config.max_bytes = 0);
    ASSERT_VALID(config.tier_span = 1);
    ASSERT_VALID(config.tier_span = SIZE_MAX);
    ASSERT_VALID(config.flags =
                     BUFPOOL_COOPERATIVE | BUFPOOL_SCRUB_ON_PUT | BUFPOOL_HUGE_PAGES | BUFPOOL_PAGE_ALIGNED);
}

/* Fails when NULL is dereferenced. */
Test(conformance_config, null_config_means_all_defaults_and_null_pool_is_refused)
{
    bufpool_t *pool = NULL;
    int without_pool = bufpool_create(NULL, NULL);
    int without_config = bufpool_create(&pool, NULL);

    cr_assert(eq(int, without_pool, -EINVAL));
    cr_assert(eq(int, without_config, 0));
    size_t sizes[64];
    size_t tiers = bufpool_tiers(pool, sizes, 64);
    cr_assert(eq(sz, tiers, 12));
    cr_assert(eq(sz, sizes[0], 512));
    cr_assert(eq(sz, sizes[11], MIB));
    bufpool_destroy(pool);
}

/* A program compiled against a later header passes a longer struct. */
struct longer_config {
    bufpool_config_t known;
    uint64_t later[4];
};

/* Fails when a later struct is refused although it asks for nothing new, or is accepted although it does. */
Test(conformance_config, longer_struct_is_accepted_when_its_tail_is_zero)
{
    struct longer_config longer = {.known = BUFPOOL_CONFIG_INIT};
    longer.known.collect_interval_ms = 0;
    longer.known.struct_size = sizeof longer;

    int zero_tail = try_create(&longer.known);
    cr_assert(eq(int, zero_tail, 0));
    for (size_t byte = 0; byte < sizeof longer.later; byte++) {
        memset(longer.later, 0, sizeof longer.later);
        ((unsigned char *)longer.later)[byte] = 1;
        int set_tail = try_create(&longer.known);
        cr_assert(eq(int, set_tail, -EINVAL), "tail byte %zu", byte);
    }
}

/* Fails when a struct that was never initialised is read. */
Test(conformance_config, struct_too_small_is_refused)
{
    ASSERT_INVALID(config.struct_size = 0);
    ASSERT_INVALID(config.struct_size = sizeof(size_t));
    ASSERT_INVALID(config.struct_size = sizeof config - 1);
}

/* Fails when a word is ignored: a typo would switch a check off in silence. */
Test(conformance_config, unknown_debug_word_is_refused)
{
    ASSERT_INVALID(config.debug = "no-such-word");
    ASSERT_INVALID(config.debug = "off,no-such-word");
    ASSERT_INVALID(config.debug = "offf");
    ASSERT_INVALID(config.debug = "of");
    ASSERT_VALID(config.debug = "off");
    ASSERT_VALID(config.debug = "");
}

/* Fails when the environment is not asked, or asked although the program has spoken. */
Test(conformance_config, environment_gives_the_debug_words_where_the_program_does_not)
{
    MUST(setenv("BUFPOOL_DEBUG", "no-such-word", 1) == 0);
    ASSERT_INVALID(config.debug = NULL);
    ASSERT_VALID(config.debug = "off");
    MUST(setenv("BUFPOOL_DEBUG", "off", 1) == 0);
    ASSERT_VALID(config.debug = NULL);
    MUST(setenv("BUFPOOL_DEBUG", "", 1) == 0);
    ASSERT_VALID(config.debug = NULL);
    MUST(unsetenv("BUFPOOL_DEBUG") == 0);
    ASSERT_VALID(config.debug = NULL);
}

/* Fails when a name is referred to instead of copied, or a long one overruns its field. */
Test(conformance_config, name_is_copied_and_cut_to_31_bytes)
{
    char name[] = "a-name-of-more-than-thirty-one-bytes-in-all";
    const char *cut = "a-name-of-more-than-thirty-one-";
    bufpool_config_t config = still_config();
    config.name = name;
    bufpool_t *pool = pool_from(&config);
    memset(name, 'x', sizeof name - 1);

    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);
    cr_assert(bufpool_dump(pool, out, BUFPOOL_JSON) == 0);
    fclose(out);
    const char *at = strstr(text, cut);
    cr_assert(at != NULL);
    cr_assert(at[strlen(cut)] == '"');
    cr_assert(strstr(text, "xxx") == NULL);
    free(text);
    bufpool_destroy(pool);
}

/* Fails when a slot is lost on destroy or on failure: the second thousand would then not fit. */
Test(conformance_config, pool_4097_is_refused_until_one_is_destroyed)
{
    enum { POOLS = 4096 };
    static bufpool_t *pools[POOLS];
    bufpool_t *one_more = UNTOUCHED;
    bufpool_config_t config = still_config();
    config.min_size = config.max_size = 4096;
    config.tier_span = 8 * MIB;

    for (size_t i = 0; i < POOLS; i++) {
        int result = bufpool_create(&pools[i], &config);
        if (result == -ENOMEM && UNDER_SANITIZER)
            cr_skip_test("not enough address space under a sanitizer");
        cr_assert(eq(int, result, 0), "pool number %zu", i);
    }
    int refused = bufpool_create(&one_more, &config);
    cr_assert(eq(int, refused, -EAGAIN));
    cr_assert(eq(ptr, one_more, UNTOUCHED));
    bufpool_destroy(pools[1000]);
    int accepted = bufpool_create(&pools[1000], &config);
    cr_assert(eq(int, accepted, 0));
    cr_assert(bufpool_put(pools[1000], bufpool_get(pools[1000], 1)));
    for (size_t i = 0; i < POOLS; i++)
        bufpool_destroy(pools[i]);
}
