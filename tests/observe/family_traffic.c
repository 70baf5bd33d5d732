/*
 * Pools of every kind come, work and go while others ask for documents of all. Without Criterion, so that it
 * runs under ThreadSanitizer too.
 */
#include <bufpool/bytebuf.h>
#include <bufpool/connpool.h>
#include <bufpool/objpool.h>
#include <bufpool/observe.h>
#include <bufpool/workpool.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "pools.h"
#include "text.h"

#define DOCUMENTS 25

static _Atomic bool stop;
static _Atomic unsigned lives; /* of pools, to their end */

static void *objects_come_and_go(void *arg)
{
    objpool_config_t config = OBJPOOL_CONFIG_INIT;

    config.object_size = 200;
    config.collect_interval_ms = 0;
    while (!stop) {
        objpool_t *pool = NULL;
        MUST(objpool_create(&pool, &config) == 0);
        objpool_put(pool, objpool_get(pool));
        objpool_destroy(pool);
        lives++;
    }
    return arg;
}

static void *bytes_come_and_go(void *buffers)
{
    bytebuf_pool_config_t config = BYTEBUF_POOL_CONFIG_INIT;

    config.buffers = buffers;
    config.collect_interval_ms = 0;
    while (!stop) {
        bytebuf_pool_t *pool = NULL;
        MUST(bytebuf_pool_create(&pool, &config) == 0);
        bytebuf_t *bytes = bytebuf_get(pool);
        MUST(bytes != NULL && bytebuf_printf(bytes, "%d", 7) == 1);
        bytebuf_put(bytes);
        bytebuf_pool_destroy(pool);
        lives++;
    }
    return NULL;
}

static int connect_to_nobody(void **resource, const connpool_target_t *target, void *arg)
{
    (void)target;
    *resource = arg;
    return 0;
}

static void hang_up(void *resource, void *arg)
{
    (void)resource;
    (void)arg;
}

static void *connections_come_and_go(void *arg)
{
    connpool_config_t config = CONNPOOL_CONFIG_INIT;
    connpool_lease_t lease;

    config.open = connect_to_nobody;
    config.close = hang_up;
    while (!stop) {
        connpool_t *pool = NULL;
        MUST(connpool_create(&pool, &config) == 0);
        MUST(connpool_acquire(pool, 0, &lease) == 0);
        connpool_release(pool, lease);
        connpool_destroy(pool);
        lives++;
    }
    return arg;
}

static void work(void *count)
{
    atomic_fetch_add((_Atomic unsigned *)count, 1);
}

static void *workers_come_and_go(void *arg)
{
    workpool_config_t config = WORKPOOL_CONFIG_INIT;
    _Atomic unsigned runs = 0;

    config.max_workers = 2;
    while (!stop) {
        workpool_t *pool = NULL;
        MUST(workpool_create(&pool, &config) == 0);
        for (int i = 0; i < 4; i++)
            MUST(workpool_submit(pool, work, &runs) == 0);
        workpool_destroy(pool);
        lives++;
    }
    MUST(runs % 4 == 0);
    return arg;
}

static char *document(enum bufpool_format format)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    MUST(out != NULL && bufpool_dump_all(out, format) == 0 && fclose(out) == 0);
    return text;
}

/* One pool of each kind that stays is in every document, whatever comes and goes beside it. */
static void *ask(void *arg)
{
    for (int i = 0; i < DOCUMENTS; i++) {
        char *json = document(BUFPOOL_JSON);
        MUST(json_is_valid(json));
        MUST(strstr(json, "{\"connpool\":\"stays\",\"number\":0,") != NULL);
        MUST(strstr(json, "{\"objpool\":\"stays\",\"number\":0,") != NULL);
        free(json);
        free(document(BUFPOOL_TEXT));
    }
    return arg;
}

int main(void)
{
    void *(*const working[])(void *) = {objects_come_and_go, bytes_come_and_go, connections_come_and_go,
                                        workers_come_and_go};
    connpool_config_t config = CONNPOOL_CONFIG_INIT;
    objpool_config_t objects = OBJPOOL_CONFIG_INIT;
    pthread_t workers[4], asking[2];
    bufpool_t *buffers = still_pool();
    connpool_t *stays = NULL;
    objpool_t *stay = NULL;

    config.name = objects.name = "stays";
    config.open = connect_to_nobody;
    config.close = hang_up;
    objects.object_size = 64;
    MUST(connpool_create(&stays, &config) == 0 && objpool_create(&stay, &objects) == 0);
    for (int i = 0; i < 4; i++)
        MUST(pthread_create(&workers[i], NULL, working[i], buffers) == 0);
    for (int i = 0; i < 2; i++)
        MUST(pthread_create(&asking[i], NULL, ask, NULL) == 0);
    for (int i = 0; i < 2; i++)
        pthread_join(asking[i], NULL);
    /* The reader keeps its findings in one place: one page at a time. */
    for (int i = 0; i < 5; i++) {
        char *page = document(BUFPOOL_PROMETHEUS);
        const char *fault = prometheus_fault(page);
        if (fault != NULL)
            fprintf(stderr, "%s\n%s", fault, page);
        MUST(fault == NULL);
        free(page);
    }
    stop = true;
    for (int i = 0; i < 4; i++)
        pthread_join(workers[i], NULL);
    connpool_destroy(stays);
    objpool_destroy(stay);
    bufpool_destroy(buffers);
    printf("observe_family_traffic: all documents whole, %s\n",
           lives > 0 ? "pools lived and died" : "no pool lived");
    return lives > 0 ? 0 : 1;
}
