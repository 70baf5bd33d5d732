/*
 * The variants of the models and what each must come to. Exits with 0 when those that are right hold and
 * those that are sabotaged do not: a model that passes everything proves nothing.
 */
#include "handoff.h"
#include "stack.h"

#include <stdio.h>
#include <string.h>

struct row {
    const char *name;
    const struct model *model;
    const void *variant;
    bool holds;
};

#define HANDOFF(...)                                                                                         \
    &handoff_model, &(const struct handoff_variant)                                                          \
    {                                                                                                        \
        __VA_ARGS__                                                                                          \
    }
#define STACK(...)                                                                                           \
    &stack_model, &(const struct stack_variant)                                                              \
    {                                                                                                        \
        __VA_ARGS__                                                                                          \
    }

/* The size of each is that of the smallest that shows the fault, or of what is visited in some seconds. */
static const struct row rows[] = {
    {"hand-off, one collector", HANDOFF(.operations = 3, .lives = 1, .rounds = {2}), true},
    {"hand-off, two collectors", HANDOFF(.operations = 3, .rounds = {1, 1}), true},
    {"hand-off, takeover, two collections", HANDOFF(.operations = 2, .rounds = {1, 2}), true},
    {"hand-off, takeover, thread exit and the next thread",
     HANDOFF(.operations = 1, .lives = 1, .rounds = {1, 1}), true},
    {"no membarrier", HANDOFF(HANDOFF_NO_MEMBARRIER, .operations = 2, .rounds = {1}), false},
    {"busy cleared before n is stored", HANDOFF(HANDOFF_EARLY_CLEAR, .operations = 2, .rounds = {1}), false},
    {"block exchanged blindly", HANDOFF(HANDOFF_BLIND_EXCHANGE, .operations = 2, .rounds = {1}), false},
    {"block not read again after busy was dropped",
     HANDOFF(HANDOFF_NO_REREAD, .operations = 2, .rounds = {1}), false},
    {"any limbo claimed, swapped out before the membarrier or not",
     HANDOFF(HANDOFF_UNREMEMBERED, .operations = 2, .rounds = {1, 1}), false},
    {"a word of a swap still to come", HANDOFF(HANDOFF_STALE_WORD, .operations = 1, .rounds = {1, 2}), false},
    {"the limbo behind a limbo forgotten",
     HANDOFF(HANDOFF_FORGOTTEN_LIMBO, .operations = 1, .rounds = {1, 2}), false},
    {"stack", STACK(.operations = 4), true},
    {"stack without a tag", STACK(.untagged = true, .operations = 3), false},
};

int main(int argc, char **argv)
{
    bool trace = argc > 1 && strcmp(argv[1], "--trace") == 0;
    int failed = 0;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct verdict verdict = explore(rows[i].model, rows[i].variant, trace);
        bool as_expected = rows[i].holds == !verdict.wrong;

        printf("%s  %-60s %9zu states: %s%s\n", as_expected ? "ok    " : "FAILED", rows[i].name,
               verdict.states, verdict.wrong ? verdict.wrong : "holds",
               as_expected ? "" : ", not as expected");
        failed += !as_expected;
    }
    printf("%d not as expected\n", failed);
    return failed != 0;
}
