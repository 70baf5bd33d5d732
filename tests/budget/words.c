#include "words.h"

#include "pool.h"

struct range {
    const char *name;
    const volatile void *from;
    size_t size;
};

const char *word_name(const bufpool_t *pool, const volatile void *address)
{
    const struct depot *depot = &pool->depot;
    const struct range ranges[] = {
        {"word of cached bytes", &pool->cached, sizeof pool->cached},
        {"word of backed bytes", &pool->backed, sizeof pool->backed},
        {"stacks of empty magazines", &depot->empty, sizeof depot->empty},
        {"stacks of full magazines", depot->stacks, depot->stacks_size},
        {"words of accounts", pool->account, sizeof pool->account},
        {"words of spans", pool->span, sizeof pool->span},
        {"words of spans' bits", pool->reserved, pool->reserved_size},
        {"stacks of free blocks and records", &pool->records_free, 2 * sizeof(struct stack)},
        {"words of the collection", &pool->collection, sizeof pool->collection},
    };
    uintptr_t at = (uintptr_t)address;

    for (unsigned i = 0; i < depot->tiers; i++) {
        const struct depot_tier *tier = &depot->tier[i];
        if (address == &tier->shared.nonempty || address == &tier->victim.nonempty)
            return "words of non-empty shards";
    }
    for (unsigned i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        if (at - (uintptr_t)ranges[i].from < ranges[i].size)
            return ranges[i].name;
    }
    return "other words";
}
