#include "shared.h"

#include <stdio.h>
#include <stdlib.h>

#define WORDS_MAX 8192u

/* Open addressing, at most half full. A bit for each thread. */
static struct word {
    uintptr_t address;
    uint8_t touched, written;
    bool shared;
} words[WORDS_MAX];

static uint32_t used;
static uint32_t shared;

static struct word *find(uintptr_t address)
{
    uint32_t place = (uint32_t)((address * UINT64_C(0x9e3779b97f4a7c15)) >> 48) % WORDS_MAX;
    while (words[place].address != address) {
        if (words[place].address == 0) {
            if (++used > WORDS_MAX / 2) {
                fputs("schedules: a scenario touches too many words\n", stderr);
                exit(2);
            }
            words[place].address = address;
            break;
        }
        place = (place + 1) % WORDS_MAX;
    }
    return &words[place];
}

bool shared_touch(const volatile void *address, unsigned thread, bool writes, bool copied)
{
    struct word *word = find((uintptr_t)address);

    word->touched |= (uint8_t)(1u << thread);
    if (writes)
        word->written |= (uint8_t)(1u << thread);
    bool by_others = copied || (word->touched & (word->touched - 1)) != 0;
    if (!word->shared && word->written != 0 && by_others) {
        word->shared = true;
        shared++;
    }
    return word->shared;
}

uint32_t shared_words(void)
{
    return shared;
}
