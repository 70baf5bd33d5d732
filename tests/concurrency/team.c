#include "team.h"

#include <pthread.h>
#include <stdlib.h>

#include "pools.h"

struct member {
    pthread_t thread;
    unsigned number;
    bool (*body)(unsigned number, void *shared);
    void *shared;
    pthread_barrier_t *start;
    bool result;
};

static void *member_run(void *arg)
{
    struct member *member = arg;

    pthread_barrier_wait(member->start);
    member->result = member->body(member->number, member->shared);
    return NULL;
}

bool team_run(unsigned count, bool (*body)(unsigned number, void *shared), void *shared)
{
    struct member *members = calloc(count, sizeof *members);
    pthread_barrier_t start;
    bool result = true;

    MUST(members != NULL);
    MUST(pthread_barrier_init(&start, NULL, count) == 0);
    for (unsigned i = 0; i < count; i++) {
        members[i] = (struct member){.number = i, .body = body, .shared = shared, .start = &start};
        MUST(pthread_create(&members[i].thread, NULL, member_run, &members[i]) == 0);
    }
    for (unsigned i = 0; i < count; i++) {
        MUST(pthread_join(members[i].thread, NULL) == 0);
        result = result && members[i].result;
    }
    pthread_barrier_destroy(&start);
    free(members);
    return result;
}
