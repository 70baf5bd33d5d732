/*
 * subject - a program that does what it logs, for its recording to be held
 * against.
 *
 *   trace_subject MODE      MODE: exit, destroy, crash, child, quiet
 *
 * Four threads get, resize and put on two pools, and hand a part of their buffers
 * on to the next thread. On stdout, a line for each call, of one thread after
 * another: "THREAD OPERATION SIZE", the size being that asked for, of a put what
 * the buffer was last asked for. No two gets ask for the same.
 *
 *   exit      ends without destroying its pools
 *   destroy   destroys them first
 *   crash     is killed while its threads live, their tapes as they are
 *   child     forks when all is done; a line "child PID", then the child does it all again and logs instead
 *   quiet     does a single get and put and logs nothing; says whether AT_SECURE is set
 */
#include <bufpool.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pools.h"

#define THREADS 4u
#define STEPS 20000u
#define HELD 24u
#define RING 64u
/* Up to above 1 MiB: all tiers, and oversized ones. */
#define SIZE_MOST ((size_t)1200 << 10)

struct held {
    void *buffer;
    size_t size;
    bufpool_t *pool;
};

/* From one thread to the next: a slot is full, or not. */
struct ring {
    _Atomic(struct held *) slot[RING];
};

struct worker {
    pthread_t thread;
    unsigned number;
    uint64_t random, gets;
    struct held held[HELD];
    struct held *given; /* what is on its way to the next */
    char *log;
    size_t used;
};

static bufpool_t *pools[2];
static bool is_crash;
static _Atomic unsigned finished;
static struct ring ring[THREADS];
static struct worker worker[THREADS];

/* At most 20 bytes. */
static void log_call(struct worker *self, char operation, size_t size)
{
    self->used += (size_t)sprintf(self->log + self->used, "%u %c %zu\n", self->number, operation, size);
}

/* Log-uniform, and unlike any other: its lowest bits tell the thread, and the same for the rounding. */
static size_t next_size(struct worker *self)
{
    size_t size = random_size(&self->random, SIZE_MOST / 2) + SIZE_MOST / 2 * (self->gets % 64 == 0);
    self->gets++;
    return size / THREADS * THREADS + self->number + THREADS;
}

static void get(struct worker *self, struct held *held)
{
    held->pool = pools[random_next(&self->random) % 2];
    held->size = next_size(self);
    held->buffer = bufpool_get(held->pool, held->size);
    MUST(held->buffer != NULL);
    log_call(self, 'g', held->size);
}

static void put(struct worker *self, struct held *held)
{
    log_call(self, 'p', held->size);
    bufpool_put(held->pool, held->buffer);
    held->buffer = NULL;
}

static void resize(struct worker *self, struct held *held)
{
    held->size = next_size(self);
    held->buffer = bufpool_resize(held->pool, held->buffer, held->size);
    MUST(held->buffer != NULL);
    log_call(self, 'r', held->size);
}

/* To the next thread, if there is room. */
static void give(struct worker *self, struct held *held)
{
    _Atomic(struct held *) *slot = &ring[self->number].slot[random_next(&self->random) % RING];
    struct held *none = NULL;
    struct held *given = malloc(sizeof *given);

    *given = *held;
    if (atomic_compare_exchange_strong(slot, &none, given))
        held->buffer = NULL;
    else
        free(given);
}

/* From the one before. */
static void take(struct worker *self, unsigned number)
{
    struct held *taken = atomic_exchange(&ring[(self->number + THREADS - 1) % THREADS].slot[number], NULL);

    if (taken != NULL)
        put(self, taken);
    free(taken);
}

static void *work(void *arg)
{
    struct worker *self = arg;

    for (unsigned step = 0; step < STEPS; step++) {
        struct held *held = &self->held[random_next(&self->random) % HELD];
        if (held->buffer == NULL)
            get(self, held);
        else if (random_next(&self->random) % 4 == 0)
            give(self, held);
        else if (random_next(&self->random) % 4 == 0)
            resize(self, held);
        else
            put(self, held);
        take(self, step % RING);
    }
    for (unsigned i = 0; i < HELD; i++)
        if (self->held[i].buffer != NULL)
            put(self, &self->held[i]);
    atomic_fetch_add(&finished, 1);
    while (is_crash)
        pause();
    return NULL;
}

static void work_all(void)
{
    for (unsigned i = 0; i < THREADS; i++) {
        char *log = worker[i].log != NULL ? worker[i].log : malloc((size_t)STEPS * 3 * 24);
        worker[i] = (struct worker){.number = i, .random = 77 + i, .log = log};
        MUST(pthread_create(&worker[i].thread, NULL, work, &worker[i]) == 0);
    }
    for (unsigned i = 0; i < THREADS && !is_crash; i++)
        MUST(pthread_join(worker[i].thread, NULL) == 0);
    while (atomic_load(&finished) < THREADS)
        sched_yield();
    /* What nobody has taken is put by the first: it alone runs. */
    for (unsigned i = 0; i < THREADS; i++)
        for (unsigned slot = 0; slot < RING; slot++) {
            struct held *left = atomic_exchange(&ring[i].slot[slot], NULL);
            if (left != NULL)
                bufpool_put(left->pool, left->buffer); /* the main thread's: logged as thread 4 */
            if (left != NULL)
                printf("4 p %zu\n", left->size);
            free(left);
        }
    for (unsigned i = 0; i < THREADS; i++)
        fwrite(worker[i].log, 1, worker[i].used, stdout);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    bufpool_config_t config = still_config();
    const char *mode = argc == 2 ? argv[1] : "";

    config.name = "one";
    pools[0] = pool_from(&config);
    config.name = "other";
    config.min_size = 1024;
    config.tier_steps = 2;
    pools[1] = pool_from(&config);
    if (strcmp(mode, "quiet") == 0) {
        bufpool_put(pools[0], bufpool_get(pools[0], 100));
        puts(getauxval(AT_SECURE) != 0 ? "secure" : "not secure");
        return 0;
    }
    if (strcmp(mode, "child") == 0) {
        bufpool_put(pools[0], bufpool_get(pools[0], 100));
        pid_t child = fork();
        MUST(child >= 0);
        if (child != 0) {
            int status;
            MUST(waitpid(child, &status, 0) == child && status == 0);
            return 0;
        }
        printf("child %d\n", (int)getpid());
    }
    is_crash = strcmp(mode, "crash") == 0;
    work_all();
    if (is_crash)
        raise(SIGKILL);
    if (strcmp(mode, "destroy") == 0) {
        bufpool_destroy(pools[0]);
        bufpool_destroy(pools[1]);
    }
    return 0;
}
