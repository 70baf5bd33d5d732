/*
 * server [PATH] - a program that is watched: two pools, one of them in traffic, until its input ends. Says
 * "ready" when it can be asked.
 */
#include <bufpool/observe.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "pools.h"

static bufpool_t *busy;
static _Atomic bool stop;

static void *get_and_put(void *arg)
{
    uint64_t random = (uint64_t)(uintptr_t)arg;
    void *buffers[32] = {NULL};

    while (!stop) {
        unsigned i = random_next(&random) % 32;
        bufpool_put(busy, buffers[i]);
        buffers[i] = bufpool_get(busy, random_size(&random, 256 * KIB));
        if (i == 0)
            usleep(1000); /* watched, not measured: leaves the processor to others */
    }
    put_many(busy, buffers, 32);
    return NULL;
}

int main(int argc, char **argv)
{
    bufpool_config_t config = BUFPOOL_CONFIG_INIT;
    pthread_t threads[2];
    void *held[16];
    char byte;

    config.name = "busy";
    busy = pool_from(&config);
    config.name = "held";
    config.collect_interval_ms = 0;
    bufpool_t *quiet = pool_from(&config);
    /* 5 of 1 MiB in use: 5243840 bytes; 11 of 8 KiB idle. */
    get_many(quiet, 8 * KIB, held, 11);
    put_many(quiet, held, 11);
    get_many(quiet, MIB, held, 5);
    for (uintptr_t i = 0; i < 2; i++)
        MUST(pthread_create(&threads[i], NULL, get_and_put, (void *)(i + 1)) == 0);
    if (argc > 1)
        MUST(bufpool_stats_serve(argv[1]) == 0);
    puts("ready");
    fflush(stdout);
    while (read(STDIN_FILENO, &byte, 1) > 0)
        continue;
    stop = true;
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    put_many(quiet, held, 5);
    return 0;
}
