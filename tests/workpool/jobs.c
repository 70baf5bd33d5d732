/*
 * The queue against a list that is plainly right: any order of pushes, pops and takes, at any capacity.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>

#include "pool.h"
#include "pools.h"

enum { TALLIES = 5, MOST = 40, STEPS = 200000 };

static void nothing(void *arg)
{
    (void)arg;
}

/* The model: numbers of queued jobs in order, and whose they are. */
struct model {
    size_t count;
    uintptr_t number[MOST];
    struct tally *tally[MOST];
};

static void model_remove(struct model *model, size_t at)
{
    model->count--;
    for (size_t i = at; i < model->count; i++) {
        model->number[i] = model->number[i + 1];
        model->tally[i] = model->tally[i + 1];
    }
}

static size_t model_first_of(const struct model *model, const struct tally *tally)
{
    size_t at = 0;
    while (at < model->count && model->tally[at] != tally)
        at++;
    return at;
}

static size_t model_count_of(const struct model *model, const struct tally *tally)
{
    size_t count = 0;
    for (size_t i = 0; i < model->count; i++)
        count += model->tally[i] == tally;
    return count;
}

/* Fails when a job is lost, doubled, or leaves out of order: also where the dead fill the ring, and it is
 * rebuilt. */
Test(workpool_jobs, the_queue_is_a_list_whose_middle_can_be_taken)
{
    static struct tally tally[TALLIES];
    struct model model = {.count = 0};
    struct jobs jobs = {.capacity = 64, .ring = calloc(64, sizeof(struct job))};
    uint64_t random = 7;
    uintptr_t next = 1;

    for (int step = 0; step < STEPS; step++) {
        uint64_t dice = random_next(&random);
        struct tally *of = dice >> 32 & 1 ? &tally[(dice >> 33) % TALLIES] : NULL;
        if (dice % 8 < 4 && model.count < MOST) {
            struct job job = {.run = nothing, .arg = (void *)next, .tally = of};
            jobs_push(&jobs, &job);
            model.number[model.count] = next++;
            model.tally[model.count++] = of;
        } else if (dice % 8 < 6 && of != NULL && of->queued.queued > 0) {
            struct job job = jobs_take(&jobs, &of->queued);
            size_t at = model_first_of(&model, of);
            cr_assert(eq(sz, (size_t)job.arg, model.number[at]), "step %d", step);
            model_remove(&model, at);
        } else if (model.count > 0 && dice >> 50 & 1) {
            struct job job = jobs_pop(&jobs);
            cr_assert(eq(sz, (size_t)job.arg, model.number[0]), "step %d", step);
            model_remove(&model, 0);
        }
        cr_assert(eq(sz, jobs.queued, model.count));
        for (int i = 0; i < TALLIES; i++)
            cr_assert(eq(sz, tally[i].queued.queued, model_count_of(&model, &tally[i])));
        if (step % 50000 == 49999) {
            size_t capacity = jobs.capacity * 2;
            free(jobs_move(&jobs, calloc(capacity, sizeof(struct job)), capacity));
        }
    }
    free(jobs.ring);
}

/* Fails when a ring for so many would be rebuilt at each push, or is smaller than they are. */
Test(workpool_jobs, a_ring_has_room_for_a_quarter_more_than_it_must_hold)
{
    for (size_t most = 1; most < 3000; most++) {
        size_t capacity = jobs_capacity(most);
        cr_assert(ge(sz, capacity, most + most / 4));
        cr_assert(eq(sz, capacity & (capacity - 1), 0));
    }
}
