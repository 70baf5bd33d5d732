/*
 * config - any configuration and any debug words: create says what API allows it
 * to say, and what it makes is what was asked for.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "input.h"
#include "pools.h"

/* Where flags or words have buffers written whole, so many bytes will do: 64 tiers may be 64 GiB. */
enum { TIERS_MOST = 64, SIZE_LIMIT_BITS = 30, WRITTEN_MOST = 256 * MIB };

static size_t any_size(struct input *input)
{
    return (input_byte(input) & 15) == 0 ? SIZE_MAX - input_byte(input) : input_size(input, 34);
}

/* So many bytes as the byte in front of them says, as a string. */
static const char *any_text(struct input *input, char *text, size_t room)
{
    size_t length = input_below(input, room);

    if (length == 0)
        return NULL;
    for (size_t i = 0; i < length; i++)
        text[i] = (char)input_byte(input);
    text[length] = '\0';
    return text;
}

/* ------------------------------------------------------------ what must come of it */

static bool size_is_bad(size_t size)
{
    return size == 0 || size > (size_t)1 << SIZE_LIMIT_BITS;
}

/* The rules of bufpool_create that need no debug words; UNKNOWN where tiers have to be counted. */
enum validity { VALID, INVALID, UNKNOWN };

static enum validity validity_of_sizes(const bufpool_config_t *config)
{
    if (config->tiers != NULL || config->tiers_count != 0) {
        if (config->tiers == NULL || config->tiers_count == 0 || config->tiers_count > TIERS_MOST)
            return INVALID;
        for (size_t i = 0; i < config->tiers_count; i++) {
            if (size_is_bad(config->tiers[i]))
                return INVALID;
        }
        return VALID;
    }
    if (size_is_bad(config->min_size) || size_is_bad(config->max_size) || config->min_size > config->max_size)
        return INVALID;
    if (config->tier_steps != 1 && config->tier_steps != 2 && config->tier_steps != 4)
        return INVALID;
    /* At most 30 doublings: with two steps the limit of 64 tiers is never met, with four it may be. */
    return config->tier_steps < 4 || config->max_size / config->min_size < 1 << 15 ? VALID : UNKNOWN;
}

/* A struct of a later version, whose tail this library may only know as zeros. */
struct longer {
    bufpool_config_t config;
    uint8_t tail[256];
};

static enum validity validity_of(const struct longer *longer)
{
    const bufpool_config_t *config = &longer->config;

    if (config->struct_size < sizeof *config || !is_zero(longer->tail, config->struct_size - sizeof *config))
        return INVALID;
    if ((config->flags & ~15u) != 0 || config->min_cached_bytes > config->max_cached_bytes ||
        config->min_cached_bytes > config->max_bytes)
        return INVALID;
    return validity_of_sizes(config);
}

/* Is this string of debug words one that a pool may have? Asked of a pool that has nothing else to say. */
static bool words_are_valid(const char *words)
{
    bufpool_config_t config = still_config();
    bufpool_t *pool = NULL;

    config.debug = words;
    config.tier_span = 8 * MIB;
    config.min_size = config.max_size = 4096;
    int error = bufpool_create(&pool, &config);
    MUST(error == 0 || error == -EINVAL);
    bufpool_destroy(pool);
    return error == 0;
}

/* ------------------------------------------------------------ what was made */

static void must_have_tiers(bufpool_t *pool, const bufpool_config_t *config)
{
    size_t sizes[TIERS_MOST];
    size_t count = bufpool_tiers(pool, sizes, TIERS_MOST);

    MUST(count >= 1 && count <= TIERS_MOST);
    for (size_t i = 0; i < count; i++)
        MUST(sizes[i] % 64 == 0 && (i == 0 || sizes[i - 1] < sizes[i]));
    if (config->tiers != NULL)
        return;
    MUST(sizes[0] == (config->min_size + 63) / 64 * 64);
    MUST(sizes[count - 1] == (config->max_size + 63) / 64 * 64);
}

static bool is_written_whole(const bufpool_config_t *config)
{
    return (config->flags & BUFPOOL_SCRUB_ON_PUT) != 0 || (config->debug != NULL && config->debug[0] != '\0');
}

static void must_serve(bufpool_t *pool, const bufpool_config_t *config)
{
    size_t sizes[TIERS_MOST];
    size_t count = bufpool_tiers(pool, sizes, TIERS_MOST);
    size_t left = is_written_whole(config) ? WRITTEN_MOST : SIZE_MAX;

    for (size_t i = 0; i < count && sizes[i] <= left; i++) {
        left -= sizes[i];
        unsigned char *buffer = bufpool_get(pool, sizes[i]);
        if (buffer == NULL) {
            MUST(errno == ENOMEM); /* max_bytes, or a word that has gets fail */
            continue;
        }
        MUST(bufpool_capacity(pool, buffer) >= sizes[i]);
        buffer[0] = buffer[sizes[i] - 1] = 1;
        bufpool_put(pool, buffer);
    }
    bufpool_collect(pool);
    MUST(stats_of(pool).in_use_bytes == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    struct input input = {.at = bytes, .left = count};
    struct longer longer = {.config = BUFPOOL_CONFIG_INIT};
    bufpool_t *const untouched = (bufpool_t *)&longer;
    bufpool_t *pool = untouched;
    size_t tiers[TIERS_MOST + 2];
    char name[256], words[256];
    uint8_t what = input_byte(&input);
    bufpool_config_t config = longer.config;

    config.collect_interval_ms = 0;
    config.tier_span = 8 * MIB;
    config.debug = "";
    if ((what & 1) != 0)
        config.name = any_text(&input, name, sizeof name);
    if ((what & 2) != 0) {
        config.tiers_count = input_below(&input, TIERS_MOST + 3);
        config.tiers = input_byte(&input) % 8 != 0 ? tiers : NULL;
        for (size_t i = 0; i < config.tiers_count; i++)
            tiers[i] = any_size(&input);
    }
    if ((what & 4) != 0) {
        config.min_size = any_size(&input);
        config.max_size = any_size(&input);
        config.tier_steps = input_below(&input, 6);
    }
    if ((what & 8) != 0) {
        config.max_bytes = any_size(&input);
        config.max_cached_bytes = any_size(&input);
        config.min_cached_bytes = any_size(&input);
        config.max_thread_bytes = any_size(&input);
    }
    if ((what & 16) != 0)
        config.flags = input_byte(&input) & 31;
    if ((what & 32) != 0) {
        config.struct_size = input_byte(&input);
        longer.tail[input_byte(&input)] = input_byte(&input) & 1;
    }
    if ((what & 64) != 0)
        config.debug = any_text(&input, words, sizeof words);
    if ((what & 128) != 0)
        config.tier_span = (size_t)1 << input_byte(&input) % 36;

    longer.config = config;
    int error = bufpool_create(&pool, &longer.config);
    enum validity validity = validity_of(&longer);
    bool words_valid = words_are_valid(config.debug);
    MUST(error == 0 || error == -EINVAL || error == -ENOMEM);
    MUST((error == 0) == (pool != untouched));
    if (validity != UNKNOWN)
        MUST((error == -EINVAL) == (validity == INVALID || !words_valid));
    if (error != 0)
        return 0;
    must_have_tiers(pool, &config);
    must_serve(pool, &config);
    bufpool_destroy(pool);
    return 0;
}
