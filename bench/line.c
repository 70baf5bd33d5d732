/*
 * line - what does a word cost that two cores both change?
 *
 *   bufpool-line    lines of "what: ns"
 *
 * Reports, for two pinned threads, medians of 21 samples of 10 ms:
 *   alone     a read-modify-write of a line that stays in the core's own cache
 *   passed    the same where the other core changed the line since: one way of a
 *             ball that two threads throw each other
 *   crowded   wall ns from one successful compare-and-swap to the next, both
 *             threads changing one word as fast as they can; `lost` is how many
 *             failed for each that did not
 * bench/README.md derives from them, and from what tests/budget counts, what
 * more cores would do.
 *
 * What would fool it: both threads on one core (see measure_pin); a core that
 * keeps the line for many changes in a row, which makes `crowded` cheaper than
 * `passed`; a busy machine, on which the other thread does not run at all.
 */
#include <stdalign.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "crew.h"
#include "measure.h"

#define SAMPLES 21
#define SAMPLE_NS 10000000u
#define CHUNK 1000u

struct line {
    alignas(DESTRUCTIVE_SIZE) _Atomic uint64_t word;
    alignas(DESTRUCTIVE_SIZE) _Atomic bool stop; /* relaxed: says nothing else */
    alignas(DESTRUCTIVE_SIZE) uint64_t done[2];
    uint64_t lost[2];
    uint64_t ns;
};

static struct line line;

/* Member 0 keeps the time; the body says when it has done another chunk. */
static bool go_on(unsigned number, uint64_t start)
{
    if (number == 0) {
        line.ns = measure_now() - start;
        if (line.ns >= SAMPLE_NS)
            atomic_store_explicit(&line.stop, true, memory_order_relaxed);
    }
    return !atomic_load_explicit(&line.stop, memory_order_relaxed);
}

static void alone(struct crew *crew, unsigned number, void *context)
{
    (void)crew;
    (void)context;
    uint64_t start = measure_now();
    do {
        for (unsigned i = 0; i < CHUNK; i++)
            atomic_fetch_add_explicit(&line.word, 1, memory_order_relaxed);
        line.done[number] += CHUNK;
    } while (go_on(number, start));
}

/* Whose number the word has modulo 2 may change it. */
static void passed(struct crew *crew, unsigned number, void *context)
{
    (void)context;
    crew_meet(crew);
    uint64_t start = measure_now();
    do {
        for (unsigned i = 0; i < CHUNK; i++) {
            uint64_t seen = atomic_load_explicit(&line.word, memory_order_relaxed);
            while (seen % 2 != number ||
                   !atomic_compare_exchange_weak_explicit(&line.word, &seen, seen + 1, memory_order_relaxed,
                                                          memory_order_relaxed)) {
                if (atomic_load_explicit(&line.stop, memory_order_relaxed))
                    return;
                seen = atomic_load_explicit(&line.word, memory_order_relaxed);
            }
            line.done[number]++;
        }
    } while (go_on(number, start));
}

static void crowded(struct crew *crew, unsigned number, void *context)
{
    (void)context;
    uint64_t done = 0, lost = 0;
    crew_meet(crew);
    uint64_t start = measure_now();
    do {
        for (unsigned i = 0; i < CHUNK; i++) {
            uint64_t seen = atomic_load_explicit(&line.word, memory_order_relaxed);
            while (!atomic_compare_exchange_weak_explicit(&line.word, &seen, seen + 1, memory_order_relaxed,
                                                          memory_order_relaxed))
                lost++;
        }
        done += CHUNK;
    } while (go_on(number, start));
    line.done[number] = done;
    line.lost[number] = lost;
}

static int compare(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static double median(double *values)
{
    qsort(values, SAMPLES, sizeof(values[0]), compare);
    return values[SAMPLES / 2];
}

static void report(const char *name, unsigned threads, crew_body body)
{
    double ns[SAMPLES], lost[SAMPLES];

    for (unsigned i = 0; i < SAMPLES; i++) {
        line = (struct line){.word = 0};
        crew_run(threads, true, body, NULL);
        double done = (double)(line.done[0] + line.done[1]);
        ns[i] = (double)line.ns / done;
        lost[i] = (double)(line.lost[0] + line.lost[1]) / done;
    }
    double middle = median(ns);
    printf("%s: %.1f (%.1f to %.1f)\n", name, middle, ns[0], ns[SAMPLES - 1]);
    if (body == crowded)
        printf("lost: %.2f\n", median(lost));
}

int main(void)
{
    report("alone", 1, alone);
    report("passed", 2, passed);
    report("crowded", 2, crowded);
    return 0;
}
