#include "hold.h"

#include "pools.h"

enum { RUNNING, STOPPED, RELEASED, ENDED };

/* One lock for all: nothing here is to be fast. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static _Thread_local struct held *myself;

static void change(struct held *held, int state)
{
    pthread_mutex_lock(&lock);
    held->state = state;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static void stop_here(enum hook_point point)
{
    struct held *held = myself;

    if (held == NULL || held->point != point || held->skip-- > 0)
        return;
    myself = NULL;
    change(held, STOPPED);
    pthread_mutex_lock(&lock);
    while (held->state != RELEASED)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
}

static void *run(void *arg)
{
    struct held *held = arg;

    myself = held;
    held->job(held->arg);
    myself = NULL;
    change(held, ENDED);
    return NULL;
}

bool held_start(struct held *held)
{
    hook_on_point(stop_here);
    held->state = RUNNING;
    MUST(pthread_create(&held->thread, NULL, run, held) == 0);
    pthread_mutex_lock(&lock);
    while (held->state == RUNNING)
        pthread_cond_wait(&changed, &lock);
    bool stopped = held->state == STOPPED;
    pthread_mutex_unlock(&lock);
    return stopped;
}

void held_release(struct held *held)
{
    pthread_mutex_lock(&lock);
    if (held->state == STOPPED)
        held->state = RELEASED;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    MUST(pthread_join(held->thread, NULL) == 0);
}
