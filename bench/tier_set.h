/*
 * tier_set - the tiers that a configuration makes: sizes, capacities, and which
 * one serves a size.
 */
#ifndef TIER_SET_H
#define TIER_SET_H

#include <bufpool.h>
#include <stddef.h>
#include <stdint.h>

#define TIERS_MOST 64u

struct tier_set {
    unsigned count;
    uint64_t size[TIERS_MOST], capacity[TIERS_MOST]; /* ascending */
};

/* Asked of the library, so that the two cannot differ. Dies where it refuses. */
void tier_set_of(struct tier_set *set, const bufpool_config_t *config);

/* The smallest tier that holds so many bytes: its size, and what it holds. Sizes are whole cache lines; from
 * 16 KiB on a tier holds 192 bytes more. */
uint64_t tier_size_for(uint64_t bytes);
uint64_t tier_capacity(uint64_t size);

/* The number of the tier that serves a size; set->count where none does. */
unsigned tier_set_find(const struct tier_set *set, uint64_t size);

/* "512/4k/1m" to numbers; how many. Dies where it is no such list. */
unsigned tier_list_parse(const char *text, size_t sizes[TIERS_MOST]);

/* "512", "16k", "1m": a size as BUFPOOL_CONF takes it. Returns `text`. */
const char *size_word(char text[24], uint64_t size);

/* "512/4k/1m", as tier_list_parse and BUFPOOL_CONF take it. Returns `text`. */
const char *tier_set_text(const struct tier_set *set, char *text, size_t capacity);

#endif /* TIER_SET_H */
