#include "tier_set.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"

#define LINE ((uint64_t)64)
#define HEADROOM_FROM ((uint64_t)16 << 10)
#define HEADROOM (3 * LINE)

void tier_set_of(struct tier_set *set, const bufpool_config_t *config)
{
    bufpool_config_t still = *config;
    bufpool_t *pool;
    size_t sizes[TIERS_MOST];

    still.collect_interval_ms = 0; /* nothing of it runs */
    still.debug = "off";
    int error = bufpool_create(&pool, &still);
    if (error)
        die("the library refuses these tiers: %s", strerror(-error));
    set->count = (unsigned)bufpool_tiers(pool, sizes, TIERS_MOST);
    for (unsigned i = 0; i < set->count; i++) {
        void *buffer = bufpool_get(pool, sizes[i]);
        set->size[i] = sizes[i];
        set->capacity[i] = bufpool_capacity(pool, buffer);
        bufpool_put(pool, buffer);
    }
    bufpool_destroy(pool);
}

uint64_t tier_capacity(uint64_t size)
{
    return size < HEADROOM_FROM ? size : size + HEADROOM;
}

uint64_t tier_size_for(uint64_t bytes)
{
    uint64_t lines = ((bytes ? bytes : 1) + LINE - 1) / LINE * LINE;
    if (lines < HEADROOM_FROM)
        return lines;
    return lines <= HEADROOM_FROM + HEADROOM ? HEADROOM_FROM : lines - HEADROOM;
}

unsigned tier_set_find(const struct tier_set *set, uint64_t size)
{
    unsigned from = 0, to = set->count;
    while (from < to) {
        unsigned middle = (from + to) / 2;
        if (set->capacity[middle] < size)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

unsigned tier_list_parse(const char *text, size_t sizes[TIERS_MOST])
{
    const char *at = text;

    for (unsigned count = 0; count < TIERS_MOST; at++) {
        char *end;
        unsigned long size = strtoul(at, &end, 10);
        unsigned shift = *end == 'k' ? 10 : *end == 'm' ? 20 : 0;
        if (*at < '0' || *at > '9' || size == 0 || size > (size_t)1 << 30 >> shift)
            break;
        sizes[count++] = size << shift;
        at = end + (shift != 0);
        if (*at == '\0')
            return count;
        if (*at != '/')
            break;
    }
    die("\"%s\" is no list of at most %u tiers, as 512/4k/1m is", text, TIERS_MOST);
}

const char *size_word(char text[24], uint64_t size)
{
    const char *unit = size % (1 << 20) == 0 ? "m" : size % (1 << 10) == 0 ? "k" : "";
    unsigned shift = *unit == 'm' ? 20 : *unit == 'k' ? 10 : 0;
    snprintf(text, 24, "%llu%s", (unsigned long long)(size >> shift), unit);
    return text;
}

const char *tier_set_text(const struct tier_set *set, char *text, size_t capacity)
{
    size_t used = 0;
    char word[24];

    text[0] = '\0';
    for (unsigned i = 0; i < set->count && used < capacity; i++)
        used += (size_t)snprintf(text + used, capacity - used, "%s%s", i ? "/" : "",
                                 size_word(word, set->size[i]));
    return text;
}
