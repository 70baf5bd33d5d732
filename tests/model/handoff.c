#include "handoff.h"

#include <string.h>

void handoff_touch(struct explorer *explorer, const struct state *state, size_t address)
{
    size_t blocks = offsetof(struct memory, blocks);

    if (address >= blocks && state->holder[(address - blocks) / sizeof(struct block)] != IN_SERVICE)
        explore_wrong(explorer, "the owner touches a block that was taken from it");
}

void handoff_take(struct explorer *explorer, struct state *state, uint8_t buffer, uint8_t *to)
{
    uint8_t bit = (uint8_t)(1u << buffer);

    if (buffer == 0)
        explore_wrong(explorer, "a buffer is read where none was written");
    if ((state->in_hand | state->victims) & bit)
        explore_wrong(explorer, "a buffer has two owners");
    *to |= bit;
}

void handoff_hold(struct explorer *explorer, struct state *state, uint8_t block)
{
    if (state->holder[block] != IN_SERVICE)
        explore_wrong(explorer, "a block is claimed that is not in service");
    state->holder[block] = HELD;
}

void handoff_empty(struct explorer *explorer, struct state *state, uint8_t block)
{
    struct block *b = &state->memory.blocks[block];

    for (uint8_t i = 0; i < b->n; i++)
        handoff_take(explorer, state, b->buffer[i], &state->victims);
    *b = (struct block){0};
    state->holder[block] = FREE;
}

uint8_t handoff_claim_previous(struct explorer *explorer, struct state *state, uint8_t block,
                               uint8_t expected)
{
    uint8_t *previous = &state->memory.blocks[block].previous;

    if (expected == 0 || *previous != expected)
        return 0;
    *previous = 0;
    handoff_hold(explorer, state, expected & 3);
    return expected & 3;
}

static void drain(struct explorer *explorer, const struct state *state)
{
    struct state next = *state;
    struct store oldest = state->pending[0];

    if (state->pending_count == 0)
        return;
    handoff_touch(explorer, state, oldest.address);
    ((uint8_t *)&next.memory)[oldest.address] = oldest.value;
    next.pending_count--;
    memmove(next.pending, next.pending + 1, (PENDING - 1) * sizeof(struct store));
    next.pending[PENDING - 1] = (struct store){0, 0};
    explore_step(explorer, &next, "          the owner's oldest store reaches memory");
}

/* At the start the first block holds buffer 1, the user buffer 2. */
static void start(void *start_state, const void *start_variant)
{
    struct state *state = start_state;
    const struct handoff_variant *variant = start_variant;

    state->memory.block = 1;
    state->memory.blocks[1].n = 1;
    state->memory.blocks[1].buffer[0] = 1;
    state->holder[1] = IN_SERVICE;
    state->in_hand = 1u << 2;
    state->owner.operations = variant->operations;
    state->owner.lives = variant->lives;
    for (int i = 0; i < COLLECTORS; i++)
        state->collectors[i].rounds = variant->rounds[i];
}

static void expand(struct explorer *explorer, const void *state, const void *expand_variant)
{
    const struct handoff_variant *variant = expand_variant;

    drain(explorer, state);
    handoff_owner(explorer, state, variant->sabotage);
    for (int i = 0; i < COLLECTORS; i++)
        handoff_collector(explorer, state, i, variant->sabotage);
}

static const char *end(const void *end_state)
{
    const struct state *state = end_state;
    const struct memory *memory = &state->memory;
    unsigned times[BUFFERS + 1] = {0};
    int in_service = 0;

    if (state->owner.at != OWNER_IDLE && state->owner.at != OWNER_GONE)
        return "the owner is stuck";
    for (int i = 0; i < COLLECTORS; i++)
        if (state->collectors[i].at != COLLECTOR_IDLE)
            return "a collector is stuck";
    if (state->owner.at == OWNER_GONE && memory->block)
        return "a dead record has a block";

    for (uint8_t block = 1; block <= BLOCKS; block++) {
        if (state->holder[block] == HELD)
            return "a block is held by nobody";
        in_service += state->holder[block] == IN_SERVICE;
    }

    /* The record's block, and the limbo behind it. */
    for (uint8_t block = memory->block; block && in_service > 0; block = memory->blocks[block].previous & 3) {
        in_service--;
        for (uint8_t i = 0; i < memory->blocks[block].n; i++)
            times[memory->blocks[block].buffer[i]]++;
    }
    if (in_service)
        return "a block is lost";

    for (unsigned buffer = 1; buffer <= BUFFERS; buffer++) {
        times[buffer] += (state->in_hand >> buffer & 1) + (state->victims >> buffer & 1);
        if (times[buffer] != 1)
            return times[buffer] ? "a buffer is in two places" : "a buffer is lost";
    }
    return NULL;
}

const struct model handoff_model = {sizeof(struct state), start, expand, end};
