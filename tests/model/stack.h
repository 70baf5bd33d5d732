/*
 * stack - the depot's stack of magazines, as a model.
 *
 * One head word { tag, index }, a `next` a magazine, threads that pop and push as they like. Only locked
 * instructions change what others see, so the order of memory is that of the steps. Right because the tag
 * grows on every change; without it a pop that slept through pop, pop, push installs a `next` of long ago.
 */
#ifndef STACK_H
#define STACK_H

#include "explore.h"

#include <stdint.h>

struct stack_variant {
    bool untagged;      /* sabotage: the tag stays as it is */
    uint8_t operations; /* pops and pushes of each thread, at most */
};

extern const struct model stack_model;

#endif /* STACK_H */
