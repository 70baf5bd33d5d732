#include "crew.h"

#include <string.h>

#include "measure.h"

struct member {
    struct crew *crew;
    crew_body body;
    void *context;
    unsigned number;
};

static void *member_main(void *argument)
{
    struct member *member = argument;
    if (member->crew->pinned)
        measure_pin(member->number);
    member->body(member->crew, member->number, member->context);
    return NULL;
}

void crew_run(unsigned count, bool pinned, crew_body body, void *context)
{
    static struct member members[CREW_MEMBERS_MAX];
    static pthread_t threads[CREW_MEMBERS_MAX];
    struct crew crew = {.count = count, .pinned = pinned && count <= 2};

    if (count < 1 || count > CREW_MEMBERS_MAX)
        die("%u threads: 1 to %d it must be", count, CREW_MEMBERS_MAX);
    pthread_barrier_init(&crew.barrier, NULL, count);
    if (crew.pinned)
        measure_pin(0);
    for (unsigned i = 0; i < count; i++)
        members[i] = (struct member){&crew, body, context, i};
    for (unsigned i = 1; i < count; i++) {
        int error = pthread_create(&threads[i], NULL, member_main, &members[i]);
        if (error)
            die("cannot start thread %u: %s", i, strerror(error));
    }
    member_main(&members[0]);
    for (unsigned i = 1; i < count; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&crew.barrier);
}

void crew_meet(struct crew *crew)
{
    if (crew->count > 1)
        pthread_barrier_wait(&crew->barrier);
}
