#include "targets.h"

#include <stdio.h>

enum target_kind {
    TARGET_TIMES_FLOOR, /* at most `bound` times the floor behind a call */
    TARGET_FASTER,      /* glibc and jemalloc both take at least `bound` times as long */
    TARGET_AT_MOST      /* at most `bound` MiB */
};

static const struct target {
    struct sample row; /* its workload, case and metric */
    enum target_kind kind;
    double bound;
} targets[] = {
    {{.workload = "pair", .variant = "4K 1 thread", .metric = "pair"}, TARGET_TIMES_FLOOR, 1.4},
    {{.workload = "pair", .variant = "4K 2 threads", .metric = "pair"}, TARGET_TIMES_FLOOR, 1.4},
    {{.workload = "mix", .variant = "1 thread", .metric = "replacement"}, TARGET_FASTER, 3},
    {{.workload = "handoff", .variant = "16K 1->1", .metric = "buffer"}, TARGET_FASTER, 5},
    {{.workload = "burst", .variant = "all put", .metric = "3 s asleep"}, TARGET_AT_MOST, 8},
    /* Whole pages: what shares a page with a buffer in use cannot go home. The bytes stand one row above. */
    {{.workload = "burst", .variant = "1 in 8 kept", .metric = "3 s beyond pages in use"}, TARGET_AT_MOST, 8},
};

static const char *const formats[] = {
    [TARGET_TIMES_FLOOR] = "<= %g x floor",
    [TARGET_FASTER] = ">= %g x both",
    [TARGET_AT_MOST] = "<= %g MiB",
};

/* Fills value and known. */
static void measure_up(struct verdict *verdict, enum target_kind kind, const struct samples *samples,
                       const struct sample *row)
{
    struct summary ours = samples_summarise(samples, row, "bufpool");
    struct summary floor = samples_summarise(samples, row, "floor");
    struct summary glibc = samples_summarise(samples, row, "glibc");
    struct summary jemalloc = samples_summarise(samples, row, "jemalloc");

    verdict->known = ours.count > 0;
    switch (kind) {
    case TARGET_TIMES_FLOOR:
        verdict->known = verdict->known && floor.count > 0;
        verdict->value = ours.median / floor.median;
        break;
    case TARGET_FASTER:
        verdict->known = verdict->known && glibc.count > 0 && jemalloc.count > 0;
        verdict->value = (glibc.median < jemalloc.median ? glibc.median : jemalloc.median) / ours.median;
        break;
    case TARGET_AT_MOST:
        verdict->value = ours.median;
        break;
    }
}

struct verdict target_judge(const struct samples *samples, const struct sample *row)
{
    struct verdict verdict = {.text = ""};
    for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
        const struct target *target = &targets[i];
        if (!samples_same_row(&target->row, row))
            continue;
        snprintf(verdict.text, sizeof(verdict.text), formats[target->kind], target->bound);
        measure_up(&verdict, target->kind, samples, row);
        verdict.met =
            target->kind == TARGET_FASTER ? verdict.value >= target->bound : verdict.value <= target->bound;
        break;
    }
    return verdict;
}
