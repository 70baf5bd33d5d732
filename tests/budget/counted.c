#include "counted.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* Far more than the words a pool has that threads share often. */
#define WORDS_MAX (1u << 16)

static struct word {
    const volatile void *address;
    uint64_t count;
} words[WORDS_MAX];

static bool counting;
static uint64_t total;
static unsigned used;

void counted_atomic(const volatile void *word)
{
    if (!counting)
        return;
    total++;
    unsigned place = (unsigned)(((uintptr_t)word * UINT64_C(0x9e3779b97f4a7c15)) >> 48) % WORDS_MAX;
    while (words[place].address != NULL && words[place].address != word)
        place = (place + 1) % WORDS_MAX;
    if (words[place].address == NULL && ++used == WORDS_MAX)
        abort();
    words[place].address = word;
    words[place].count++;
}

void counted_start(void)
{
    memset(words, 0, sizeof words);
    total = 0;
    used = 0;
    counting = true;
}

void counted_stop(void)
{
    counting = false;
}

uint64_t counted_total(void)
{
    return total;
}

void counted_each(void (*visit)(const volatile void *word, uint64_t count, void *context), void *context)
{
    for (unsigned i = 0; i < WORDS_MAX; i++) {
        if (words[i].address != NULL)
            visit(words[i].address, words[i].count, context);
    }
}
