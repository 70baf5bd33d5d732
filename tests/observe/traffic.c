/*
 * The statistics socket in the middle of traffic: threads that get and put, pools that come and go, two
 * clients at once. Without Criterion, so that it runs under ThreadSanitizer too.
 */
#include <bufpool/observe.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "pools.h"
#include "talk.h"
#include "text.h"

#define HELD 7
#define HELD_SIZE (64 * KIB)
#define DOCUMENTS 60

static bufpool_t *busy, *quiet;
static char *path;
static _Atomic bool stop;

static void *get_and_put(void *arg)
{
    uint64_t random = (uint64_t)(uintptr_t)arg;
    void *buffers[32] = {NULL};

    while (!stop) {
        unsigned i = random_next(&random) % 32;
        bufpool_put(busy, buffers[i]);
        buffers[i] = bufpool_get(busy, random_size(&random, 2 * MIB));
        MUST(buffers[i] != NULL);
    }
    put_many(busy, buffers, 32);
    return NULL;
}

static void *come_and_go(void *arg)
{
    bufpool_config_t config = BUFPOOL_CONFIG_INIT;

    (void)arg;
    config.name = "passing";
    config.tier_span = 8 * MIB;
    while (!stop) {
        bufpool_t *pool = pool_from(&config);
        bufpool_put(pool, bufpool_get(pool, 4096));
        bufpool_destroy(pool);
    }
    return NULL;
}

/* What the pool "quiet" has in use, in a JSON document of all. */
static uint64_t quiet_in_use(const char *json)
{
    const char *own = strstr(json, "\"pool\":\"quiet\"");
    return own == NULL ? UINT64_MAX : json_number(own, "in_use_bytes");
}

static void *ask(void *arg)
{
    (void)arg;
    for (int i = 0; i < DOCUMENTS; i++) {
        char *json = talk(path, "json\n");
        MUST(json_is_valid(json));
        MUST(quiet_in_use(json) == HELD * capacity_of_size(HELD_SIZE));
        free(json);
        char *text = talk(path, "text\n");
        MUST(strstr(text, "bufpool 'busy' #0: ") != NULL);
        free(text);
    }
    return NULL;
}

int main(void)
{
    bufpool_config_t config = BUFPOOL_CONFIG_INIT;
    void *held[HELD];
    pthread_t working[3], asking[2];

    config.tier_span = 256 * MIB;
    config.name = "busy";
    busy = pool_from(&config);
    config.name = "quiet";
    quiet = pool_from(&config);
    get_many(quiet, HELD_SIZE, held, HELD);
    path = talk_path();
    MUST(bufpool_stats_serve(path) == 0);

    for (uintptr_t i = 0; i < 3; i++)
        MUST(pthread_create(&working[i], NULL, i < 2 ? get_and_put : come_and_go, (void *)(i + 1)) == 0);
    for (int i = 0; i < 2; i++)
        MUST(pthread_create(&asking[i], NULL, ask, NULL) == 0);
    for (int i = 0; i < 2; i++)
        pthread_join(asking[i], NULL);
    /* The parser keeps its findings in one place: one page at a time. Passing pools may share a name, not a
     * number. */
    for (int i = 0; i < 20; i++) {
        char *page = talk(path, "GET /metrics HTTP/1.1\r\n\r\n");
        const char *fault = prometheus_fault(strstr(page, "\r\n\r\n") + 4);
        if (fault != NULL)
            fprintf(stderr, "%s\n%s", fault, page);
        MUST(fault == NULL);
        free(page);
    }
    stop = true;
    for (int i = 0; i < 3; i++)
        pthread_join(working[i], NULL);
    MUST(bufpool_stats_serve(NULL) == 0);
    put_many(quiet, held, HELD);
    bufpool_destroy(quiet);
    bufpool_destroy(busy);
    puts("observe_traffic: all documents whole, what is held is told exactly");
    return 0;
}
