#include "jobs.h"

#include "pool.h"

size_t jobs_capacity(size_t most)
{
    return (size_t)1 << log2_ceil(most + most / 4 + 64);
}

static struct job *place(const struct jobs *jobs, uint64_t number)
{
    return &jobs->ring[number & (jobs->capacity - 1)];
}

static void append(struct jobs *jobs, const struct job *job)
{
    uint64_t number = jobs->tail++;

    *place(jobs, number) = *job;
    if (job->tally != NULL) {
        struct job_list *list = &job->tally->queued;
        if (list->queued++ == 0)
            list->first = number;
        else
            place(jobs, list->last)->next = number;
        list->last = number;
    }
}

/* All live jobs, in order, into a ring that may be the old one: no job moves away from the head there. */
static void rebuild(struct jobs *jobs, struct job *ring, size_t capacity)
{
    struct jobs from = *jobs;

    for (uint64_t number = from.head; number != from.tail; number++)
        if (place(&from, number)->run != NULL && place(&from, number)->tally != NULL)
            place(&from, number)->tally->queued.queued = 0;
    jobs->ring = ring;
    jobs->capacity = capacity;
    jobs->tail = from.head;
    for (uint64_t number = from.head; number != from.tail; number++) {
        struct job job = *place(&from, number);
        if (job.run != NULL)
            append(jobs, &job);
    }
}

struct job *jobs_move(struct jobs *jobs, struct job *ring, size_t capacity)
{
    struct job *old = jobs->ring;
    rebuild(jobs, ring, capacity);
    return old;
}

void jobs_push(struct jobs *jobs, const struct job *job)
{
    if (UNLIKELY(jobs->tail - jobs->head == jobs->capacity))
        rebuild(jobs, jobs->ring, jobs->capacity);
    append(jobs, job);
    jobs->queued++;
}

/* After a job has left: the head is a live one again. An empty queue begins anew, on lines that are warm. */
static void clear_head(struct jobs *jobs)
{
    if (--jobs->queued == 0) {
        jobs->head = jobs->tail = 0;
        return;
    }
    while (place(jobs, jobs->head)->run == NULL)
        jobs->head++;
}

static void leave_list(struct job_list *list, const struct job *job)
{
    list->queued--;
    list->first = job->next;
}

struct job jobs_pop(struct jobs *jobs)
{
    struct job job = *place(jobs, jobs->head);

    if (job.tally != NULL)
        leave_list(&job.tally->queued, &job);
    place(jobs, jobs->head)->run = NULL;
    clear_head(jobs);
    return job;
}

struct job jobs_take(struct jobs *jobs, struct job_list *list)
{
    struct job *taken = place(jobs, list->first);
    struct job job = *taken;

    leave_list(list, &job);
    taken->run = NULL;
    clear_head(jobs);
    return job;
}
