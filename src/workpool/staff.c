#include "staff.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "future.h"
#include "hook.h"
#include "room.h"
#include "work.h"

/* After a thread could not be started, so many jobs pass before it is tried again where it can be done
 * without. */
#define STARTS_SPARED 64

/* ------------------------------------------------------------ the idle ones */

static void idle_push(struct workpool *pool, struct worker *worker)
{
    worker->is_idle = true;
    worker->above = NULL;
    worker->below = pool->idle_top;
    *(pool->idle_top != NULL ? &pool->idle_top->above : &pool->idle_bottom) = worker;
    pool->idle_top = worker;
    pool->idle++;
}

static void idle_remove(struct workpool *pool, struct worker *worker)
{
    worker->is_idle = false;
    *(worker->above != NULL ? &worker->above->below : &pool->idle_top) = worker->below;
    *(worker->below != NULL ? &worker->below->above : &pool->idle_bottom) = worker->above;
    pool->idle--;
}

/* Off the books: what it does from now on is to end. */
static void leave_books(struct workpool *pool, struct worker *worker)
{
    worker->leaves = true;
    pool->workers--;
    pool->established--;
}

static bool is_surplus(const struct workpool *pool)
{
    /* The last one stays until another has begun for sure: a start may still fail. */
    return pool->workers > pool->max_workers && (pool->established > 1 || pool->max_workers == 0);
}

static bool has_ended(const struct workpool *pool)
{
    return pool->closed && (pool->jobs.queued == 0 || pool->dropping);
}

/* ------------------------------------------------------------ called and started */

void staff_reserve(struct workpool *pool)
{
    pool->workers++;
    pool->coming++;
    pool->starting++;
    pool->threads++;
}

/* Who was called is. Who is being started may fail to, and takes longer than who is idle. */
static bool is_somebody_coming(const struct workpool *pool)
{
    return pool->coming > (pool->idle > 0 ? pool->starting : 0);
}

struct summons staff_summon(struct workpool *pool)
{
    struct summons summons = {NULL, false};
    bool is_wanted = pool->jobs.queued > 0 || pool->for_room.first != NULL;

    if (!is_wanted || is_somebody_coming(pool) || pool->dropping)
        return summons;
    if (pool->idle > 0) {
        summons.call = pool->idle_top;
        idle_remove(pool, summons.call);
        pool->coming++;
    } else if (pool->workers < pool->max_workers) {
        if (pool->starts_spared > 0) {
            pool->starts_spared--;
        } else {
            summons.start = true;
            staff_reserve(pool);
        }
    }
    return summons;
}

void staff_send(struct workpool *pool, const struct summons *summons)
{
    if (summons->call != NULL)
        event_signal(&summons->call->event);
    if (UNLIKELY(summons->start))
        staff_start(pool);
}

void staff_shed(struct workpool *pool)
{
    while (pool->idle > 0 && is_surplus(pool)) {
        struct worker *worker = pool->idle_bottom;
        idle_remove(pool, worker);
        leave_books(pool, worker);
        event_signal(&worker->event);
    }
}

void staff_call_all(struct workpool *pool)
{
    while (pool->idle > 0) {
        struct worker *worker = pool->idle_top;
        idle_remove(pool, worker);
        pool->coming++;
        event_signal(&worker->event);
    }
}

size_t staff_expire(struct workpool *pool, uint64_t now_ms)
{
    size_t count = 0;

    if (pool->idle_timeout_ms == 0 || pool->jobs.queued > 0)
        return 0;
    while (pool->idle > 0 && pool->workers > pool->min_workers &&
           subtract_to_zero(now_ms, pool->idle_bottom->idle_since_ms) >= pool->idle_timeout_ms) {
        struct worker *worker = pool->idle_bottom;
        idle_remove(pool, worker);
        leave_books(pool, worker);
        event_signal(&worker->event);
        pool->expiries++;
        count++;
    }
    return count;
}

/* ------------------------------------------------------------ a worker's life */

static void spare_put(struct workpool *pool, struct worker *worker)
{
    worker->next_spare = pool->spare;
    pool->spare = worker;
}

/* Under the lock, given away meanwhile: idle, until it is called (true) or has left the books. *now_ns is
 * when it begins, and then when it ends. */
static bool worker_rest(struct worker *self, uint64_t *now_ns)
{
    struct workpool *pool = self->pool;
    bool expires = pool->idle_timeout_ms != 0 && pool->clock == NULL;

    self->idle_since_ms = *now_ns / 1000000;
    idle_push(pool, self);
    while (self->is_idle) {
        uint32_t seen = event_seen(&self->event);
        pthread_mutex_unlock(&pool->lock);
        event_wait(&self->event, seen, expires ? deadline_in(pool->idle_timeout_ms) : WAIT_FOREVER);
        *now_ns = pool_now_ns(pool);
        pthread_mutex_lock(&pool->lock);
        if (self->is_idle && expires)
            staff_expire(pool, *now_ns / 1000000);
    }
    if (!self->leaves)
        pool->coming--;
    return !self->leaves;
}

/* Under the lock, given away meanwhile: the first job. Gives the time when it has ended. */
static uint64_t worker_work(struct worker *self, uint64_t now_ns)
{
    struct workpool *pool = self->pool;
    struct job job = jobs_pop(&pool->jobs);

    pool->busy++;
    pool->running++;
    room_admit(pool);
    struct summons summons = staff_summon(pool);
    pthread_mutex_unlock(&pool->lock);
    staff_send(pool, &summons);
    now_ns = work_run(pool, &job, &self->times, now_ns);
    pthread_mutex_lock(&pool->lock);
    pool->busy--;
    pool->running--;
    pool->runs++;
    struct tally *forgotten = work_end(pool, &job);
    if (UNLIKELY(forgotten != NULL)) {
        pthread_mutex_unlock(&pool->lock);
        future_free(forgotten);
        pthread_mutex_lock(&pool->lock);
    }
    return now_ns;
}

/* Under the lock, which it gives away for good. Who ends joins those who ended before, so that stacks do not
 * pile up: one is left over, until the next one ends or the pool. */
static void worker_end(struct worker *self)
{
    struct workpool *pool = self->pool;
    struct worker *before = pool->ended, *next;

    pool->ended = NULL;
    pthread_mutex_unlock(&pool->lock);
    for (struct worker *worker = before; worker != NULL; worker = worker->next_spare)
        pthread_join(worker->thread, NULL);
    pthread_mutex_lock(&pool->lock);
    for (; before != NULL; before = next) {
        next = before->next_spare;
        spare_put(pool, before);
    }
    self->next_spare = pool->ended;
    pool->ended = self;
    if (--pool->threads == 0)
        event_signal(&pool->gone);
    pthread_mutex_unlock(&pool->lock);
}

static void *worker_main(void *arg)
{
    struct worker *self = arg;
    struct workpool *pool = self->pool;
    uint64_t now_ns = pool_now_ns(pool);
    char name[16];

    memcpy(name, pool->name, sizeof name - 1);
    name[sizeof name - 1] = '\0';
    pthread_setname_np(pthread_self(), name);
    pthread_mutex_lock(&pool->lock);
    pool->coming--;
    for (;;) {
        room_admit(pool);
        if (is_surplus(pool) || has_ended(pool)) {
            leave_books(pool, self);
            break;
        }
        if (pool->jobs.queued > 0 && !pool->dropping) {
            now_ns = worker_work(self, now_ns);
            continue;
        }
        if (!worker_rest(self, &now_ns))
            break;
    }
    worker_end(self);
    return NULL;
}

/* ------------------------------------------------------------ starting one */

static struct worker *spare_take(struct workpool *pool)
{
    pthread_mutex_lock(&pool->lock);
    struct worker *worker = pool->spare;
    if (worker != NULL)
        pool->spare = worker->next_spare;
    pthread_mutex_unlock(&pool->lock);
    return worker;
}

static struct worker *worker_new(struct workpool *pool)
{
    struct worker *worker = aligned_alloc(alignof(struct worker), sizeof *worker);

    if (worker == NULL)
        return NULL;
    memset(worker, 0, sizeof *worker);
    worker->pool = pool;
    pthread_mutex_lock(&pool->lock);
    worker->next = pool->all;
    pool->all = worker;
    pthread_mutex_unlock(&pool->lock);
    return worker;
}

/* All signals are blocked: they are for threads that know of them. */
static int thread_start(struct worker *worker)
{
    pthread_attr_t attributes;
    sigset_t all;

    sigfillset(&all);
    int error = pthread_attr_init(&attributes);
    if (error != 0)
        return -error;
    error = pthread_attr_setsigmask_np(&attributes, &all);
    if (error == 0)
        error = hook_call_fails(HOOK_THREAD)
                    ? EAGAIN
                    : pthread_create(&worker->thread, &attributes, worker_main, worker);
    pthread_attr_destroy(&attributes);
    return -error;
}

int staff_start(struct workpool *pool)
{
    struct worker *worker = spare_take(pool);
    int error = -ENOMEM;

    if (worker == NULL)
        worker = worker_new(pool);
    if (worker != NULL) {
        worker->leaves = false;
        error = thread_start(worker);
    }
    struct summons instead = {NULL, false};
    pthread_mutex_lock(&pool->lock);
    pool->starting--;
    if (error == 0) {
        pool->established++;
        pool->starts++;
        pool->peak_workers = max_u64(pool->peak_workers, pool->workers);
        staff_shed(pool); /* the limit may have sunk meanwhile */
    } else {
        pool->workers--;
        pool->coming--;
        pool->threads--;
        pool->start_failures++;
        pool->starts_spared = STARTS_SPARED;
        if (worker != NULL)
            spare_put(pool, worker);
        /* Jobs that were queued meanwhile counted on it, and somebody may be idle again. */
        if (pool->idle > 0)
            instead = staff_summon(pool);
    }
    event_signal(&pool->started);
    pthread_mutex_unlock(&pool->lock);
    staff_send(pool, &instead);
    return error;
}

void staff_join(struct workpool *pool)
{
    for (;;) {
        uint32_t seen = event_seen(&pool->gone);
        pthread_mutex_lock(&pool->lock);
        bool all_gone = pool->threads == 0;
        pthread_mutex_unlock(&pool->lock);
        if (all_gone)
            break;
        event_wait(&pool->gone, seen, WAIT_FOREVER);
    }
    for (struct worker *worker = pool->ended; worker != NULL; worker = worker->next_spare)
        pthread_join(worker->thread, NULL);
    for (struct worker *worker = pool->all, *next; worker != NULL; worker = next) {
        next = worker->next;
        free(worker);
    }
}
