#include "targets.h"

#include <fnmatch.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "roles.h"

/* The words "not behind" leave the noise between two equals. */
#define LEVEL 0.97

enum relation {
    TIMES_BETTER,  /* at least `bound` times as good as the best of theirs */
    WITHIN_TIMES,  /* costs at most `bound` times the best of theirs */
    WITHIN_ABOVE,  /* at most `bound` above the best of theirs */
    AT_MOST,       /* at most `bound` */
    FLAT,          /* within the share `bound` of our own figure in the case `base` */
    AT_MOST_ABOVE, /* at most `bound` above our own figure in the case `base` */
};

/* Workload, case and metric are patterns as of the shell: one line here is for all sizes, all threads... */
static const struct target {
    const char *workload, *variant, *metric;
    enum relation relation;
    double bound;
    unsigned theirs; /* roles */
    const char *text;
    const char *base;
    unsigned ours; /* role; 0: ROLE_OURS */
} targets[] = {
    {"pair", "*", "pair", WITHIN_TIMES, 1.25, ROLE_FLOOR, "<= 1.25 x the floor", NULL, 0},
    {"pair", "*", "pair", TIMES_BETTER, LEVEL, ROLE_MALLOC, "not behind any malloc", NULL, 0},
    {"pair", "*", "pair", TIMES_BETTER, LEVEL, ROLE_MEMPOOL, "inlined, not behind mempool", NULL,
     ROLE_INLINED},
    {"batch", "*", "buffer", TIMES_BETTER, 2, ROLE_MALLOC, ">= 2 x the best malloc", NULL, 0},
    {"batch", "*", "buffer", TIMES_BETTER, 0.9, ROLE_MEMPOOL, ">= 0.9 x mempool", NULL, 0},
    {"mix", "*", "replacement", TIMES_BETTER, 1.5, ROLE_MALLOC, ">= 1.5 x the best malloc", NULL, 0},
    {"mix", "*", "replacement", TIMES_BETTER, LEVEL, ROLE_MEMPOOL, "not behind mempool", NULL, 0},
    {"handoff", "*", "buffer", TIMES_BETTER, 3, ROLE_MALLOC, ">= 3 x the best malloc", NULL, 0},
    {"handoff", "*", "buffer", WITHIN_TIMES, 1.25, ROLE_MEMPOOL, "<= 1.25 x mempool", NULL, 0},
    {"crowd", "*", "throughput", TIMES_BETTER, 2, ROLE_MALLOC, ">= 2 x the best malloc", NULL, 0},
    {"crowd", "*", "throughput", TIMES_BETTER, LEVEL, ROLE_MEMPOOL, "not behind mempool", NULL, 0},
    {"crowd", "*", "[gp][eu]t p99.9", WITHIN_TIMES, 1.25, ROLE_MALLOC | ROLE_MEMPOOL,
     "<= 1.25 x the best peer", NULL, 0},
    /* Two collections after the last put. */
    {"burst", "all put", "3 s asleep", AT_MOST, 8, 0, "<= 8 MiB", NULL, 0},
    /* Whole pages: what shares a page with a buffer in use cannot go home. */
    {"burst", "1 in * kept", "* s beyond pages in use", AT_MOST, 8, 0, "<= 8 MiB", NULL, 0},
    {"breathing", "*", "buffer", TIMES_BETTER, LEVEL, ROLE_GIVES_BACK, "not behind what gives back", NULL, 0},
    {"breathing", "every 0.5 s", "buffer", WITHIN_TIMES, 1.3, ROLE_KEEPS, "<= 1.3 x the best that keeps",
     NULL, 0},
    {"mix", "*", "peak", WITHIN_ABOVE, 0.5, ROLE_LEAN, "<= the leanest + 0.5 MiB", NULL, 0},
    {"mix", "*", "mean", WITHIN_ABOVE, 0.5, ROLE_LEAN, "<= the leanest + 0.5 MiB", NULL, 0},
    {"handoff", "*", "peak", WITHIN_ABOVE, 0.5, ROLE_LEAN, "<= the leanest + 0.5 MiB", NULL, 0},
    {"handoff", "*", "mean", WITHIN_ABOVE, 0.5, ROLE_LEAN, "<= the leanest + 0.5 MiB", NULL, 0},
    {"replay", "*", "peak", WITHIN_ABOVE, 0.5, ROLE_LEAN, "<= the leanest + 0.5 MiB", NULL, 0},
    {"replay", "*", "mean", WITHIN_ABOVE, 0.5, ROLE_LEAN, "<= the leanest + 0.5 MiB", NULL, 0},
    {"replay", "*", "event", TIMES_BETTER, LEVEL, ROLE_MALLOC, "not behind any malloc", NULL, 0},
    {"scale", "* thread*", "an operation", FLAT, 0.1, 0, "within 10 % of 1 thread", "1 thread", 0},
    {"scale", "* pool*", "an operation", FLAT, 0.1, 0, "within 10 % of 1 pool", "1 pool", 0},
    {"scale", "* live", "an operation", FLAT, 0.1, 0, "within 10 % of 1000 live", "1000 live", 0},
    /* In 1,000 operations: 0.02 in one. */
    {"scale", "*", "shared atomics", AT_MOST_ABOVE, 20, 0, "<= 20 above 1 thread", "1 thread", 0},
    {"*", "*", "*", TIMES_BETTER, 1, ROLE_GO, "ahead of Go's pools", NULL, 0},
};

size_t targets_count(void)
{
    return sizeof(targets) / sizeof(targets[0]);
}

static bool is_about(const struct target *target, const struct row *row)
{
    return fnmatch(target->workload, row->workload, 0) == 0 &&
           fnmatch(target->variant, row->variant, 0) == 0 && fnmatch(target->metric, row->metric, 0) == 0;
}

/* Fills `is`: the figure, and whose the other one was or, of ours, which configuration. */
static void describe(struct verdict *verdict, const char *format, double value, struct best ours,
                     struct best theirs)
{
    int length = snprintf(verdict->is, sizeof(verdict->is), format, value);
    bool plain = !ours.peer || strcmp(ours.peer, "bufpool") == 0;
    if (theirs.peer || !plain)
        snprintf(verdict->is + length, sizeof(verdict->is) - (size_t)length, " (%s%s%s)",
                 theirs.peer ? theirs.peer : "", theirs.peer && !plain ? "; " : "", plain ? "" : ours.peer);
}

static bool compare(const struct target *target, const struct row *row, struct best ours, struct best theirs,
                    struct verdict *verdict)
{
    double we = ours.summary.median, they = theirs.summary.median;
    /* How many times as good as theirs: more pairs a second, or less of everything else. */
    double better = we == they ? 1 : row_more_is_better(row) ? we / they : they / we;
    switch (target->relation) {
    case TIMES_BETTER:
        describe(verdict, "%.2f x", better, ours, theirs);
        return better >= target->bound;
    case WITHIN_TIMES:
        describe(verdict, "%.2f x", 1 / better, ours, theirs);
        return 1 / better <= target->bound;
    case WITHIN_ABOVE:
        describe(verdict, "%+.2f", we - they, ours, theirs);
        return we - they <= target->bound;
    case AT_MOST:
        describe(verdict, "%.2f", we, ours, theirs);
        return we <= target->bound;
    case FLAT:
        describe(verdict, "%+.1f %%", 100 * (we / they - 1), ours, (struct best){0});
        return fabs(we / they - 1) <= target->bound;
    case AT_MOST_ABOVE:
        describe(verdict, "%+.2f", we - they, ours, (struct best){0});
        return we - they <= target->bound;
    }
    return false;
}

struct verdict target_judge(const struct samples *samples, unsigned row, size_t index)
{
    const struct target *target = &targets[index];
    const struct row *about = &samples->row[row];
    struct verdict verdict = {.outcome = OUTCOME_NO_TARGET};
    struct best theirs = {0};
    struct best ours = role_best(samples, row, target->ours ? target->ours : ROLE_OURS);

    /* The pool inlined is judged where there is one, Go's pools where they have the row; none against itself.
     */
    if (!is_about(target, about) || (target->ours == ROLE_INLINED && !ours.peer) ||
        (target->base && strcmp(target->base, about->variant) == 0))
        return verdict;
    if (target->base) {
        unsigned base = samples_row(samples, about->workload, target->base, about->metric);
        if (base < samples->rows)
            theirs = role_best(samples, base, ROLE_OURS);
    } else {
        theirs = role_best(samples, row, target->theirs);
    }
    if (target->theirs == ROLE_GO && !theirs.peer)
        return verdict;

    snprintf(verdict.target, sizeof(verdict.target), "%s", target->text);
    if (!ours.peer || (!theirs.peer && target->relation != AT_MOST)) {
        verdict.outcome = OUTCOME_UNKNOWN;
        snprintf(verdict.is, sizeof(verdict.is), "%s",
                 theirs.dry   ? "runs dry"
                 : !ours.peer ? "bufpool not measured"
                              : "peer not measured");
        return verdict;
    }
    verdict.outcome = compare(target, about, ours, theirs, &verdict) ? OUTCOME_MET : OUTCOME_MISSED;
    return verdict;
}
