/*
 * explore - visit every state a small model can reach, breadth first.
 *
 * A model is a start state and a function that tells all states one step further on. A state is a plain
 * struct without padding: two states are the same when their bytes are. Breadth first, so that the trace to
 * a fault is a shortest one.
 */
#ifndef EXPLORE_H
#define EXPLORE_H

#include <stdbool.h>
#include <stddef.h>

struct explorer;

struct model {
    size_t size; /* bytes of a state */
    void (*start)(void *state, const void *variant);

    /* Calls explore_step for every possible next step, explore_wrong where a step breaks the property. */
    void (*expand)(struct explorer *explorer, const void *state, const void *variant);

    /* What is wrong with a state that has no next step (stuck, or something is missing), or NULL. */
    const char *(*end)(const void *state);
};

struct verdict {
    size_t states;     /* how many different ones were visited */
    const char *wrong; /* the first fault, or NULL: the property holds in all of them */
};

/* Says that `state` can follow the one being expanded, by the step called `label` (a literal). */
void explore_step(struct explorer *explorer, const void *state, const char *label);

/* Says that the property does not hold; `what` is a literal. The exploration ends. */
void explore_wrong(struct explorer *explorer, const char *what);

/*
 * explore - visit all states of the model, up to the first fault.
 *
 * With `trace`, prints the steps that lead to the fault. Aborts when memory is out.
 */
struct verdict explore(const struct model *model, const void *variant, bool trace);

#endif /* EXPLORE_H */
