/*
 * The same calls to the face and to the C library, with the same visible results:
 * NULL or not, errno, contents. One pseudo-random sequence a seed.
 */
#include <bufpool/malloc.h>
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>

#include "pools.h"
#include "property.h"

enum { SLOTS = 64, STEPS = 4000, SEEDS = 12 };

#define UNTOUCHED 4711

static const struct family {
    void *(*malloc)(size_t size);
    void *(*calloc)(size_t count, size_t size);
    void *(*realloc)(void *memory, size_t size);
    void (*free)(void *memory);
    void *(*aligned_alloc)(size_t alignment, size_t size);
    size_t (*usable_size)(void *memory);
} families[2] = {
    {malloc, calloc, realloc, free, aligned_alloc, malloc_usable_size},
    {bufpool_malloc, bufpool_calloc, bufpool_realloc, bufpool_free, bufpool_aligned_alloc,
     bufpool_malloc_usable_size},
};

/* One side of the comparison. */
struct side {
    const struct family *family;
    char *memory[SLOTS];
    void *result;
    int error;
    bool whole;
};

struct step {
    enum { MALLOC, CALLOC, REALLOC, FREE, ALIGNED, FREE_OTHERWISE, KINDS } kind;
    unsigned slot;
    size_t size, count, alignment;
    uint64_t seed; /* of the bytes written there */
};

/* What is asked for in each slot, the same on both sides. */
static size_t asked[SLOTS];
static uint64_t seeds[SLOTS];

static size_t any_size(uint64_t *random)
{
    static const size_t odd[] = {0,
                                 0,
                                 255,
                                 256,
                                 257,
                                 512,
                                 513,
                                 SIZE_MAX,
                                 SIZE_MAX - 100,
                                 PTRDIFF_MAX,
                                 (size_t)PTRDIFF_MAX + 1,
                                 (size_t)1 << 62};
    unsigned choice = (unsigned)(random_next(random) >> 32) % 100;

    if (choice < 10)
        return odd[(random_next(random) >> 32) % (sizeof odd / sizeof odd[0])];
    return random_size(random, choice < 97 ? 100000 : 3 * MIB);
}

static struct step any_step(uint64_t *random)
{
    struct step step = {.kind = (unsigned)(random_next(random) >> 32) % KINDS};

    step.slot = (unsigned)(random_next(random) >> 32) % SLOTS;
    step.size = any_size(random);
    step.count = random_next(random) % 7 == 0 ? random_next(random) : (random_next(random) >> 32) % 5;
    step.alignment = (size_t)1 << (random_next(random) >> 32) % 14;
    step.seed = random_next(random);
    /* ASan has a rule of its own that glibc has not. */
    if (UNDER_SANITIZER && step.size < PTRDIFF_MAX)
        step.size = step.kind == ALIGNED ? (step.size + 8191) / 8192 * 8192 : step.size;
    return step;
}

/* `before` bytes were asked for there, filled with the seed `seed`. */
static void take(struct side *side, const struct step *step, size_t before, uint64_t seed)
{
    const struct family *family = side->family;
    char **memory = &side->memory[step->slot];
    size_t kept = before < step->size ? before : step->size;

    side->whole = *memory == NULL || is_filled(*memory, before, seed);
    side->result = *memory;
    errno = UNTOUCHED;
    switch (step->kind) {
    case MALLOC:
        family->free(*memory);
        side->result = *memory = family->malloc(step->size);
        break;
    case CALLOC:
        family->free(*memory);
        side->result = *memory = family->calloc(step->count, step->size);
        break;
    case ALIGNED:
        family->free(*memory);
        side->result = *memory = family->aligned_alloc(step->alignment, step->size);
        break;
    case REALLOC:
        side->result = family->realloc(*memory, step->size);
        if (side->result != NULL || step->size == 0) {
            side->whole &= *memory == NULL || side->result == NULL || is_filled(side->result, kept, seed);
            *memory = side->result;
        }
        break;
    case FREE:
    case FREE_OTHERWISE:
        family->free(*memory);
        *memory = NULL;
        break;
    default:
        break;
    }
    side->error = errno;
}

/* What both have to show for it. */
static bool agree(const struct side *sides, const struct step *step, size_t bytes)
{
    for (int i = 0; i < 2; i++) {
        const struct side *side = &sides[i];
        char *memory = side->memory[step->slot];
        REQUIRE(side->whole);
        if (memory == NULL)
            continue;
        size_t alignment = step->kind == ALIGNED && step->alignment > 16 ? step->alignment : 16;
        REQUIRE(step->kind == FREE || (uintptr_t)side->result % alignment == 0 || side->result != memory);
        REQUIRE(side->family->usable_size(memory) >= bytes);
        if (step->kind == CALLOC)
            REQUIRE(is_zero(memory, bytes));
    }
    REQUIRE((sides[0].result == NULL) == (sides[1].result == NULL));
    REQUIRE((sides[0].memory[step->slot] == NULL) == (sides[1].memory[step->slot] == NULL));
    REQUIRE(sides[0].error == sides[1].error);
    return true;
}

static bool run(uint64_t seed)
{
    struct side sides[2] = {{.family = &families[0]}, {.family = &families[1]}};
    uint64_t random = seed;

    for (unsigned i = 0; i < STEPS; i++) {
        struct step step = any_step(&random);
        size_t before = asked[step.slot];
        for (int s = 0; s < 2; s++)
            take(&sides[s], &step, before, seeds[step.slot]);
        bool failed = step.kind == REALLOC && sides[0].result == NULL && step.size != 0;
        size_t bytes = sides[0].memory[step.slot] == NULL ? 0
                       : failed                           ? before
                       : step.kind == CALLOC              ? step.count * step.size
                                                          : step.size;
        if (!agree(sides, &step, bytes)) {
            fprintf(stderr, "seed %llu, step %u: kind %d, size %zu, count %zu, alignment %zu\n",
                    (unsigned long long)seed, i, (int)step.kind, step.size, step.count, step.alignment);
            return false;
        }
        asked[step.slot] = bytes;
        seeds[step.slot] = step.seed;
        for (int s = 0; s < 2; s++)
            if (sides[s].memory[step.slot] != NULL)
                fill(sides[s].memory[step.slot], bytes, step.seed);
    }
    for (unsigned slot = 0; slot < SLOTS; slot++) {
        asked[slot] = 0;
        for (int s = 0; s < 2; s++)
            sides[s].family->free(sides[s].memory[slot]);
    }
    return true;
}

/* Fails when a caller could tell the two apart by anything but addresses and usable sizes. */
static bool the_face_does_what_the_c_library_does(void)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        REQUIRE(run(seed));
    bufpool_stats_t stats = stats_of(NULL);
    REQUIRE(stats.in_use_bytes == 0 && stats.gets > SEEDS * STEPS / 5);
    return true;
}

int main(void)
{
    static const struct property properties[] = {PROPERTY(the_face_does_what_the_c_library_does)};
    return properties_run(properties, 1);
}
