#include "choices.h"

#include <stdio.h>
#include <stdlib.h>

#define CHOICES_MAX 65536u

static struct {
    uint32_t place;
    uint8_t chosen, options;
} choice[CHOICES_MAX];

static uint32_t given; /* by what was explored before */
static uint32_t taken;

static void fail(const char *message)
{
    fprintf(stderr, "schedules: %s\n", message);
    exit(2);
}

void choices_begin(void)
{
    given = taken = 0;
}

void choices_start(void)
{
    taken = 0;
}

unsigned choices_take(unsigned options, uint32_t place)
{
    if (taken == CHOICES_MAX)
        fail("a schedule has too many decisions");
    if (taken >= given) {
        choice[taken].place = place;
        choice[taken].options = (uint8_t)options;
        choice[taken].chosen = 0;
    } else if (choice[taken].options != options || choice[taken].place != place) {
        fail("the same schedule is not the same");
    }
    return choice[taken++].chosen;
}

bool choices_next(void)
{
    while (taken > 0 && choice[taken - 1].chosen + 1u == choice[taken - 1].options)
        taken--;
    given = taken;
    if (taken == 0)
        return false;
    choice[taken - 1].chosen++;
    return true;
}
