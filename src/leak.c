#include "leak.h"

#include <execinfo.h>
#include <unistd.h>

#include "armour.h"
#include "report.h"

/* Frames of the library's own come first, and are left out. */
#define FRAMES_OWN 8
#define FRAMES_MAX 16
/* Lines that are printed at most. */
#define TOLD_MAX 100u

struct sample {
    struct link link;
    /* NULL: nobody's. Written last and cleared first by who holds the buffer; the rest is relaxed and is read
     * again if this has changed. */
    _Atomic(const void *) buffer;
    _Atomic uint64_t asked;
    _Atomic uint64_t thread;
    _Atomic(void *) frame[FRAMES_MAX]; /* NULL behind the last */
};

void leaks_init(struct leaks *leaks)
{
    void *frame;

    table_init(&leaks->samples, round_up(sizeof(struct sample), DESTRUCTIVE_SIZE));
    stack_init(&leaks->free);
    backtrace(&frame, 1);
}

void leaks_end(struct leaks *leaks)
{
    table_end(&leaks->samples);
}

void leaks_after_fork(struct leaks *leaks)
{
    table_forget(&leaks->samples);
    stack_init(&leaks->free);
}

static struct sample *sample_at(struct bufpool *pool, uint32_t index)
{
    return table_at(&pool->armour->leaks.samples, index);
}

uint32_t leak_sample(struct bufpool *pool, const void *buffer, size_t asked, const void *site)
{
    struct leaks *leaks = &pool->armour->leaks;
    void *frame[FRAMES_OWN + FRAMES_MAX];
    uint32_t index = stack_pop(&leaks->free, &leaks->samples);

    if (index == INDEX_NONE)
        index = table_add(&leaks->samples);
    if (index == INDEX_NONE)
        return 0;
    struct sample *sample = sample_at(pool, index);
    int depth = backtrace(frame, FRAMES_OWN + FRAMES_MAX);
    int first = 0;
    while (first < depth && frame[first] != site)
        first++;
    if (first == depth) /* our caller's frame is not among them: all of it */
        first = 0;
    for (int i = 0; i < FRAMES_MAX; i++)
        atomic_store_explicit(&sample->frame[i], first + i < depth ? frame[first + i] : NULL,
                              memory_order_relaxed);
    atomic_store_explicit(&sample->asked, asked, memory_order_relaxed);
    atomic_store_explicit(&sample->thread, (uint64_t)gettid(), memory_order_relaxed);
    /* release [leak]: the rest comes with it. */
    atomic_store_explicit(&sample->buffer, buffer, memory_order_release);
    return index + 1;
}

void leak_forget(struct bufpool *pool, uint32_t sample)
{
    if (sample == 0)
        return;
    atomic_store_explicit(&sample_at(pool, sample - 1)->buffer, NULL, memory_order_relaxed);
    stack_push(&pool->armour->leaks.free, &pool->armour->leaks.samples, sample - 1);
}

static void tell_sample(struct bufpool *pool, FILE *out, const struct sample *sample, const void *buffer)
{
    uint64_t tier = tiers_of_address(&pool->tiers, buffer);
    char place[160];

    fprintf(out, "bufpool: pool '%s': leak: get(%llu) is %p", pool->name,
            (unsigned long long)atomic_load_explicit(&sample->asked, memory_order_relaxed), buffer);
    if (tier < pool->tiers.count)
        fprintf(out, " of tier %llu, buffer %llu", (unsigned long long)pool->tiers.tier[tier].size,
                (unsigned long long)tier_index(&pool->tiers.tier[tier], buffer));
    else
        fprintf(out, " of oversized buffer %llu",
                (unsigned long long)oversized_index(&pool->oversized, buffer));
    fprintf(out, ", thread %llu",
            (unsigned long long)atomic_load_explicit(&sample->thread, memory_order_relaxed));
    for (unsigned i = 0; i < FRAMES_MAX; i++) {
        const void *frame = atomic_load_explicit(&sample->frame[i], memory_order_relaxed);
        if (frame == NULL)
            break;
        report_place(place, sizeof place, frame);
        fprintf(out, "%s %s", i == 0 ? "; got at" : " <", place);
    }
    fputc('\n', out);
}

void leak_tell(struct bufpool *pool, FILE *out)
{
    uint64_t survivors = 0;

    if (!armour_has(pool, DEBUG_LEAK))
        return;
    uint32_t used = table_used(&pool->armour->leaks.samples);
    for (uint32_t i = 0; i < used; i++) {
        const struct sample *sample = sample_at(pool, i);
        /* acquire [leak] */
        const void *buffer = atomic_load_explicit(&sample->buffer, memory_order_acquire);
        if (buffer != NULL && survivors++ < TOLD_MAX)
            tell_sample(pool, out, sample, buffer);
    }
    if (survivors != 0)
        fprintf(out, "bufpool: pool '%s': leak: one get in %u was sampled, %llu of those are still out\n",
                pool->name, pool->armour->debug.leak, (unsigned long long)survivors);
}
