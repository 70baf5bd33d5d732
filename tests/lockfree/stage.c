#include "stage.h"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "cpus.h"
#include "pools.h"
#include "tracer.h"

#define OVERSIZED_PAIRS 100u /* a round, each some two system calls */
#define COLLECT_EVERY 16u    /* bursts */

static struct {
    struct stage *stage;
    const struct play *play;
    struct scene scene;
    struct locked *locked;
    size_t size;          /* what the others ask for just now */
    unsigned enough;      /* operations a round */
    unsigned alone;       /* only this one of the others works in the round; OTHERS: all do */
    uint64_t figure;      /* the path's, before it */
    _Atomic uint32_t run; /* the subject's */
    _Atomic bool wrong;   /* two owners, or no buffer: found by the others */
} show;

/* ------------------------------------------------------------ words */

void word_set(_Atomic uint32_t *word, uint32_t value)
{
    atomic_store(word, value);
    syscall(SYS_futex, word, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
}

void word_wait(_Atomic uint32_t *word, uint32_t value, unsigned timeout_ms)
{
    struct timespec timeout = {.tv_sec = timeout_ms / 1000, .tv_nsec = timeout_ms % 1000 * 1000000L};
    if (atomic_load(word) == value)
        syscall(SYS_futex, word, FUTEX_WAIT, value, &timeout, NULL, 0);
}

/* Wait for the next value of a word: returns it. */
static uint32_t word_next(_Atomic uint32_t *word, uint32_t seen)
{
    while (atomic_load(word) == seen)
        word_wait(word, seen, 1000);
    return atomic_load(word);
}

/* ------------------------------------------------------------ the others */

/* Whose a buffer is stands in its first word: two owners would overwrite each other. */
static void *other_get(struct other *self, size_t size)
{
    void **buffer = show.play->path != NULL ? bufpool_get(show.scene.pool, size) : locked_get(show.locked);

    if (buffer != NULL)
        *buffer = self;
    else if (show.play->path == NULL || show.play->path->plan.max_bytes == 0)
        atomic_store(&show.wrong, true);
    atomic_fetch_add_explicit(&self->operations, 1, memory_order_relaxed);
    return buffer;
}

static void other_put(struct other *self, void *buffer)
{
    if (buffer == NULL)
        return;
    if (*(void **)buffer != self)
        atomic_store(&show.wrong, true);
    if (show.play->path != NULL)
        bufpool_put(show.scene.pool, buffer);
    else
        locked_put(show.locked, buffer);
    atomic_fetch_add_explicit(&self->operations, 1, memory_order_relaxed);
}

/*
 * BURST gets on one processor, BURST puts on another: more than a bin holds, so
 * both go to the depot, and what was put on the one is stolen from the other.
 */
static void burst(struct other *self, unsigned gets_on, unsigned puts_on)
{
    void *buffers[BURST];

    cpus_sit_on(gets_on);
    for (unsigned i = 0; i < BURST; i++)
        buffers[i] = other_get(self, show.size);
    cpus_sit_on(puts_on);
    for (unsigned i = 0; i < BURST; i++)
        other_put(self, buffers[i]);
}

static void other_round(struct other *self)
{
    enum others kind = show.play->path != NULL ? show.play->path->others : OTHERS_GET_AND_PUT;
    unsigned number = (unsigned)(self - show.stage->other);
    uint64_t enough = atomic_load(&self->operations) + show.enough;

    for (unsigned i = 0; atomic_load(&self->operations) < enough; i++) {
        burst(self, number + i, number + i / 2);
        if (kind == OTHERS_COLLECT && i % COLLECT_EVERY == 0)
            bufpool_collect(show.scene.pool);
    }
    for (unsigned i = 0; kind == OTHERS_OVERSIZED && i < OVERSIZED_PAIRS; i++)
        other_put(self, other_get(self, SCENE_OVERSIZED));
}

static void *other_main(void *arg)
{
    struct other *self = arg;
    struct stage *stage = show.stage;
    uint32_t round = 0;

    atomic_store(&self->thread, (uint32_t)gettid());
    for (;;) {
        round = word_next(&stage->round, round);
        if (show.alone == OTHERS || self == &stage->other[show.alone])
            other_round(self);
        atomic_store(&self->finished, round);
        atomic_fetch_add(&stage->arrivals, 1);
        syscall(SYS_futex, &stage->arrivals, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
    }
    return NULL;
}

/* Until the others have finished what they were last asked for. */
static void await_others(void)
{
    struct stage *stage = show.stage;

    for (unsigned i = 0; i < OTHERS; i++)
        while (atomic_load(&stage->other[i].finished) != atomic_load(&stage->round))
            word_wait(&stage->arrivals, atomic_load(&stage->arrivals), 10);
}

/* ------------------------------------------------------------ the subject */

static void *subject_main(void *arg)
{
    struct stage *stage = show.stage;
    const struct path *path = show.play->path;
    uint32_t run = atomic_load(&show.run);
    void *buffer = NULL;

    (void)arg;
    cpus_sit_on(0);
    if (path == NULL && show.play->lock != LOCK_NONE_FAR)
        locked_put(show.locked, locked_get(show.locked));
    else if (path != NULL && path->prepare != NULL)
        path->prepare(&show.scene);
    if (path != NULL)
        show.figure = path_figure(path, &show.scene);

    word_set(&stage->subject, (uint32_t)gettid());
    while (atomic_load(&stage->begin) != run)
        word_wait(&stage->begin, run - 1, 1000);
    TRACER_HERE();
    if (path == NULL) {
        buffer = locked_get(show.locked);
        locked_put(show.locked, buffer);
    } else if (path->run != NULL) {
        path->run(&show.scene);
    } else {
        return NULL; /* into the destructors: the path ends with the thread */
    }
    atomic_store_explicit(&stage->behind, true, memory_order_relaxed);

    if (path != NULL) {
        stage->taken = path_figure(path, &show.scene) > show.figure;
        scene_put_all(&show.scene);
    }
    return NULL;
}

/* ------------------------------------------------------------ a run */

/*
 * A round while nobody is in a path, so that no first call falls into what is
 * measured. One after the other, so that what it leaves behind is always the same.
 */
static void warm_up(void)
{
    show.enough = WARM_UP_OPERATIONS;
    for (show.alone = 0; show.alone < OTHERS; show.alone++) {
        word_set(&show.stage->round, atomic_load(&show.stage->round) + 1);
        await_others();
    }
}

static void run_open(uint32_t run)
{
    struct stage *stage = show.stage;
    const struct path *path = show.play->path;

    stage->fault[0] = '\0';
    stage->taken = path == NULL;
    atomic_store(&stage->behind, false);
    atomic_store(&stage->subject, 0);
    atomic_store(&show.run, run);
    if (path == NULL) {
        show.locked = locked_create(show.play->lock, SCENE_SIZE, (OTHERS + 1) * BURST);
    } else {
        scene_open(&show.scene, &path->plan);
        show.size = path->first_use ? SCENE_OTHER_SIZE : SCENE_SIZE;
    }
    warm_up();
    show.size = SCENE_SIZE;
    show.enough = ROUND_OPERATIONS;
    show.alone = OTHERS;
}

static void run_close(void)
{
    struct stage *stage = show.stage;
    const struct path *path = show.play->path;

    if (atomic_load(&show.wrong))
        snprintf(stage->fault, sizeof stage->fault, "the others found a buffer with two owners, or none");
    if (path == NULL) {
        locked_destroy(show.locked);
        return;
    }
    if (path->run == NULL)
        stage->taken = path_figure(path, &show.scene) > show.figure;
    bufpool_stats_t stats = stats_of(show.scene.pool);
    stage->steals = stats.hits_stolen;
    stage->depot = stats.gets - stats.hits_private - stats.oversized_gets;
    const char *fault = scene_fault(&show.scene);
    if (fault != NULL)
        snprintf(stage->fault, sizeof stage->fault, "%s", fault);
    scene_close(&show.scene);
}

_Noreturn void stage_play(struct stage *stage, const struct play *play)
{
    pthread_t thread;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    show.stage = stage;
    show.play = play;
    for (unsigned i = 0; i < OTHERS; i++)
        MUST(pthread_create(&thread, NULL, other_main, &stage->other[i]) == 0);
    for (uint32_t run = 0; (run = word_next(&stage->run, run)) != RUN_NONE;) {
        run_open(run);
        MUST(pthread_create(&thread, NULL, subject_main, NULL) == 0);
        MUST(pthread_join(thread, NULL) == 0);
        await_others(); /* whom the subject, suspended, had stalled */
        run_close();
        word_set(&stage->ended, run);
    }
    _exit(0);
}
