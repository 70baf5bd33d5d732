#include "work.h"

#include <errno.h>

#include "family/histogram.h"
#include "future.h"
#include "room.h"

/* ------------------------------------------------------------ what this thread is inside */

/* Jobs that this thread runs, or tells of as dropped: a job that waits runs others on top of itself. */
struct frame {
    const struct workpool *pool;
    const struct tally *tally;
    bool is_told;
    const struct frame *below;
};

static _Thread_local const struct frame *frames __attribute__((tls_model("initial-exec")));

bool work_is_inside(const struct workpool *pool)
{
    const struct frame *frame = frames;
    while (frame != NULL && frame->pool != pool)
        frame = frame->below;
    return frame != NULL;
}

bool work_is_inside_tally(const struct tally *tally)
{
    const struct frame *frame = frames;
    while (frame != NULL && frame->tally != tally)
        frame = frame->below;
    return frame != NULL;
}

bool work_is_telling(const struct workpool *pool)
{
    const struct frame *frame = frames;
    while (frame != NULL && !(frame->is_told && frame->pool == pool))
        frame = frame->below;
    return frame != NULL;
}

/* ------------------------------------------------------------ one job */

_Static_assert(WORKPOOL_BUCKETS == HISTOGRAM_BUCKETS, "as the header says");

/* relaxed: a number. A worker's has one writer. */
static void add(_Atomic uint64_t *number, uint64_t value, bool has_one_writer)
{
    if (has_one_writer)
        atomic_store_explicit(number, atomic_load_explicit(number, memory_order_relaxed) + value,
                              memory_order_relaxed);
    else
        atomic_fetch_add_explicit(number, value, memory_order_relaxed);
}

static void count(struct times *times, uint64_t waited_ns, uint64_t ran_ns, bool has_one_writer)
{
    add(&times->wait[histogram_bucket(waited_ns / 1000)], 1, has_one_writer);
    add(&times->run[histogram_bucket(ran_ns / 1000)], 1, has_one_writer);
    add(&times->wait_ns, waited_ns, has_one_writer);
    add(&times->run_ns, ran_ns, has_one_writer);
}

uint64_t work_run(struct workpool *pool, const struct job *job, struct times *times, uint64_t begun_ns)
{
    struct frame frame = {.pool = pool, .tally = job->tally, .below = frames};
    bool is_own = times != &pool->others_times;

    frames = &frame;
    job->run(job->arg);
    frames = frame.below;
    uint64_t ended_ns = pool_now_ns(pool);
    /* The submitter may have looked at the clock later than this thread did. */
    count(times, subtract_to_zero(begun_ns, job->submitted_ns), ended_ns - begun_ns, is_own);
    return ended_ns;
}

void work_tell(struct workpool *pool, const struct job *job)
{
    struct frame frame = {.pool = pool, .tally = job->tally, .is_told = true, .below = frames};

    frames = &frame;
    pool->dropped(job->run, job->arg, pool->arg);
    frames = frame.below;
}

static bool is_quiet(const struct workpool *pool)
{
    return pool->running == 0 && pool->jobs.queued == 0;
}

struct tally *work_end(struct workpool *pool, const struct job *job)
{
    struct tally *tally = job->tally;

    if (is_quiet(pool))
        sleepers_settle_all(&pool->for_quiet, 0);
    if (tally == NULL || --tally->pending > 0)
        return NULL;
    sleepers_settle_all(&tally->sleepers, 0);
    return tally->forgotten ? tally : NULL;
}

void work_here(struct workpool *pool, const struct job *job)
{
    pool->running++;
    pthread_mutex_unlock(&pool->lock);
    work_run(pool, job, &pool->others_times, pool_now_ns(pool));
    pthread_mutex_lock(&pool->lock);
    pool->running--;
    pool->runs++;
    struct tally *forgotten = work_end(pool, job);
    if (forgotten != NULL) {
        pthread_mutex_unlock(&pool->lock);
        future_free(forgotten);
        pthread_mutex_lock(&pool->lock);
    }
}

/* ------------------------------------------------------------ waiting */

int work_wait(struct workpool *pool, struct tally *tally, uint32_t timeout_ms)
{
    uint64_t deadline_ms = deadline_in(timeout_ms);
    bool helps = work_is_inside(pool);

    if (work_is_inside_tally(tally))
        return -EDEADLK;
    while (helps && tally->queued.queued > 0 && !pool->dropping) {
        struct job job = jobs_take(&pool->jobs, &tally->queued);
        room_admit(pool);
        pool->runs_by_waiters++;
        work_here(pool, &job);
    }
    if (tally->pending == 0)
        return 0;
    /* Who tells of a dropped job has those behind it yet to drop. */
    if (tally->queued.queued > 0 && work_is_telling(pool))
        return -EDEADLK;
    return sleepers_sleep(pool, &tally->sleepers, deadline_ms);
}
