#include "baton.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>

struct baton {
    const struct baton_plan *plan;
    sem_t turn[BATON_MEMBERS_MAX];
    sem_t over;
    /* The rest is whose turn it is. */
    uint64_t random;
    uint64_t done;
    bool measured;
    bool ended;
};

struct member {
    struct baton *baton;
    unsigned number;
    pthread_t thread;
};

static uint64_t random_next(uint64_t *random)
{
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    return *random >> 16; /* the low bits of one number say something about those of the next */
}

/* One turn, and what it leads to. */
static void take_turn(struct baton *baton, unsigned number)
{
    const struct baton_plan *plan = baton->plan;
    uint64_t length = 1 + random_next(&baton->random) % BATON_TURN_MAX;

    baton->done += plan->turn(plan->context, number, length, baton->measured);
    if (!baton->measured && baton->done >= plan->warm_up) {
        baton->measured = true;
        baton->done = 0;
        if (plan->begin != NULL)
            plan->begin(plan->context);
    } else if (baton->measured && baton->done >= plan->measured) {
        baton->ended = true;
        if (plan->end != NULL)
            plan->end(plan->context);
    }
}

static void *member_main(void *argument)
{
    struct member *member = argument;
    struct baton *baton = member->baton;
    unsigned next = member->number;

    cpus_sit_on(member->number);
    for (;;) {
        while (sem_wait(&baton->turn[member->number]) != 0)
            continue; /* a signal */
        do {
            if (baton->ended)
                return NULL;
            take_turn(baton, member->number);
            next = (unsigned)(random_next(&baton->random) % baton->plan->members);
        } while (next == member->number && !baton->ended);
        sem_post(baton->ended ? &baton->over : &baton->turn[next]);
    }
}

void baton_run(const struct baton_plan *plan)
{
    static struct baton baton;
    static struct member members[BATON_MEMBERS_MAX];

    baton = (struct baton){.plan = plan, .random = plan->seed};
    sem_init(&baton.over, 0, 0);
    for (unsigned i = 0; i < plan->members; i++) {
        sem_init(&baton.turn[i], 0, 0);
        members[i] = (struct member){.baton = &baton, .number = i};
        if (pthread_create(&members[i].thread, NULL, member_main, &members[i]) != 0) {
            fputs("baton: cannot start a thread\n", stderr);
            exit(1);
        }
    }
    sem_post(&baton.turn[0]);
    while (sem_wait(&baton.over) != 0)
        continue;
    /* One after the other: leaving a thread is the library's business too. */
    for (unsigned i = 0; i < plan->members; i++) {
        sem_post(&baton.turn[i]);
        pthread_join(members[i].thread, NULL);
        sem_destroy(&baton.turn[i]);
    }
    sem_destroy(&baton.over);
}
