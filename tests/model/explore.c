#include "explore.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NO_STATE UINT32_MAX

/*
 * The states visited, in the order they were found, are also the queue: those before `current` are
 * expanded, those behind it wait. `table` finds a state by its hash: open addressing, indices into `states`,
 * at most half full.
 */
struct explorer {
    const struct model *model;
    unsigned char *states;
    uint32_t *parents;
    const char **labels;
    size_t count, room, current;
    size_t steps; /* out of the current state */
    uint32_t *table;
    size_t table_size;
    const char *wrong;
};

static void *grown(void *old, size_t count, size_t size)
{
    void *new = realloc(old, count * size);

    if (!new) {
        fputs("explore: out of memory\n", stderr);
        abort();
    }
    return new;
}

static unsigned char *state_at(const struct explorer *explorer, size_t index)
{
    return explorer->states + index * explorer->model->size;
}

/* FNV-1a with a last mix, because the table takes the low bits. */
static uint64_t hash(const unsigned char *state, size_t size)
{
    uint64_t value = 0xcbf29ce484222325u;

    for (size_t i = 0; i < size; i++)
        value = (value ^ state[i]) * 0x100000001b3u;
    return value ^ (value >> 29);
}

/* Where the state stands in the table, or the free place where it belongs. */
static size_t place_of(const struct explorer *explorer, const void *state)
{
    size_t place = hash(state, explorer->model->size) & (explorer->table_size - 1);

    while (explorer->table[place] != NO_STATE &&
           memcmp(state_at(explorer, explorer->table[place]), state, explorer->model->size) != 0)
        place = (place + 1) & (explorer->table_size - 1);
    return place;
}

static void grow(struct explorer *explorer)
{
    explorer->room = explorer->room ? explorer->room * 2 : 1u << 16;
    explorer->states = grown(explorer->states, explorer->room, explorer->model->size);
    explorer->parents = grown(explorer->parents, explorer->room, sizeof(*explorer->parents));
    explorer->labels = grown(explorer->labels, explorer->room, sizeof(*explorer->labels));
    explorer->table_size = explorer->room * 2;
    explorer->table = grown(explorer->table, explorer->table_size, sizeof(*explorer->table));
    memset(explorer->table, 0xff, explorer->table_size * sizeof(*explorer->table));
    for (size_t i = 0; i < explorer->count; i++)
        explorer->table[place_of(explorer, state_at(explorer, i))] = (uint32_t)i;
}

void explore_step(struct explorer *explorer, const void *state, const char *label)
{
    size_t place;

    explorer->steps++;
    if (explorer->count == explorer->room)
        grow(explorer);
    place = place_of(explorer, state);
    if (explorer->table[place] != NO_STATE)
        return;
    explorer->table[place] = (uint32_t)explorer->count;
    memcpy(state_at(explorer, explorer->count), state, explorer->model->size);
    explorer->parents[explorer->count] = (uint32_t)explorer->current;
    explorer->labels[explorer->count] = label;
    explorer->count++;
}

void explore_wrong(struct explorer *explorer, const char *what)
{
    if (!explorer->wrong)
        explorer->wrong = what;
}

static void print_trace(const struct explorer *explorer, size_t index)
{
    if (index == 0)
        return;
    print_trace(explorer, explorer->parents[index]);
    printf("        %s\n", explorer->labels[index]);
}

struct verdict explore(const struct model *model, const void *variant, bool trace)
{
    struct explorer explorer = {.model = model};
    unsigned char *state = grown(NULL, 1, model->size);
    struct verdict verdict;

    memset(state, 0, model->size);
    model->start(state, variant);
    explore_step(&explorer, state, "start");

    /* A copy of the state is expanded: `states` moves when it grows. */
    for (; explorer.current < explorer.count && !explorer.wrong; explorer.current++) {
        memcpy(state, state_at(&explorer, explorer.current), model->size);
        explorer.steps = 0;
        model->expand(&explorer, state, variant);
        if (explorer.steps == 0 && !explorer.wrong)
            explorer.wrong = model->end(state);
    }
    if (explorer.wrong && trace)
        print_trace(&explorer, explorer.current - 1);

    verdict = (struct verdict){.states = explorer.count, .wrong = explorer.wrong};
    free(explorer.states);
    free(explorer.parents);
    free(explorer.labels);
    free(explorer.table);
    free(state);
    return verdict;
}
