#include "live.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "pools.h"

static struct {
    pthread_mutex_t lock;
    size_t least, count; /* SIZE_MAX: note nothing */
    struct {
        const void *memory;
        size_t size;
    } held[LIVE_MAX];
} live = {.lock = PTHREAD_MUTEX_INITIALIZER, .least = SIZE_MAX};

void live_begin(size_t least)
{
    pthread_mutex_lock(&live.lock);
    live.least = least;
    live.count = 0;
    pthread_mutex_unlock(&live.lock);
}

void live_end(void)
{
    live_begin(SIZE_MAX);
}

void live_add(const void *memory, size_t size)
{
    pthread_mutex_lock(&live.lock);
    if (memory != NULL && size > live.least) {
        MUST(live.count < LIVE_MAX);
        live.held[live.count].memory = memory;
        live.held[live.count].size = size;
        live.count++;
    }
    pthread_mutex_unlock(&live.lock);
}

/* Newest first: most die young. */
void live_remove(const void *memory)
{
    pthread_mutex_lock(&live.lock);
    for (size_t i = live.count; i-- > 0;)
        if (live.held[i].memory == memory) {
            live.held[i] = live.held[--live.count];
            break;
        }
    pthread_mutex_unlock(&live.lock);
}

size_t live_sizes(size_t sizes[LIVE_MAX])
{
    pthread_mutex_lock(&live.lock);
    size_t count = live.count;
    for (size_t i = 0; i < count; i++)
        sizes[i] = live.held[i].size;
    pthread_mutex_unlock(&live.lock);
    return count;
}
