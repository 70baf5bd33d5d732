#include "clock.h"

#include <pthread.h>
#include <stdatomic.h>

#include "collector.h"

static _Atomic uint64_t now_ms = 1;

static uint64_t test_clock(void)
{
    return atomic_load(&now_ms);
}

/* How often the collector has gone to sleep. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t slept = PTHREAD_COND_INITIALIZER;
static unsigned sleeps;
static void (*also_called)(enum hook_point point);

static void count_sleeps(enum hook_point point)
{
    if (also_called != NULL)
        also_called(point);
    if (point != HOOK_COLLECTOR_WAITS)
        return;
    pthread_mutex_lock(&lock);
    sleeps++;
    pthread_cond_broadcast(&slept);
    pthread_mutex_unlock(&lock);
}

static void wake_and_wait(void)
{
    pthread_mutex_lock(&lock);
    unsigned before = sleeps;
    collector_wake();
    while (sleeps == before)
        pthread_cond_wait(&slept, &lock);
    pthread_mutex_unlock(&lock);
}

void clock_begin(void (*also)(enum hook_point point))
{
    also_called = also;
    hook_on_point(count_sleeps);
    collector_use_clock(test_clock);
}

void clock_end(void)
{
    collector_use_clock(NULL);
    hook_on_point(NULL);
}

/* Twice: the first time the collector may only end a round that it began before; the second is a whole one.
 */
void later(uint64_t ms)
{
    atomic_fetch_add(&now_ms, ms);
    wake_and_wait();
    wake_and_wait();
}
