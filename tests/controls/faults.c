#include "faults.h"

#include <bufpool.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pools.h"

#define BYTES 24

static volatile int sink;

static char *bytes_new(void)
{
    char *bytes = malloc(BYTES);
    MUST(bytes != NULL);
    memset(bytes, 1, BYTES);
    return bytes;
}

void fault_use_after_free(void)
{
    char *volatile bytes = bytes_new();
    free(bytes);
    sink = ((volatile char *)bytes)[3];
}

void fault_overflow(void)
{
    char *volatile bytes = bytes_new();
    ((volatile char *)bytes)[BYTES] = 1;
    free(bytes);
}

void fault_use_after_put(void)
{
    bufpool_t *pool = still_pool();
    volatile char *buffer = bufpool_get(pool, BYTES);
    MUST(buffer != NULL);
    bufpool_put(pool, (void *)buffer);
    sink = buffer[3];
    bufpool_destroy(pool);
}

void fault_misaligned(void)
{
    static _Alignas(16) char bytes[BYTES];
    volatile uintptr_t odd = (uintptr_t)bytes + 1;
    sink = *(volatile int *)odd; // NOLINT(performance-no-int-to-ptr)
}

void fault_signed_overflow(void)
{
    volatile int most = INT_MAX;
    sink = most + 1;
}

void fault_leak(void)
{
    static char *volatile bytes;
    bytes = bytes_new();
    sink = bytes[3];
    bytes = NULL;
    /* Nor may the pointer survive below the stack's end. */
    volatile char stack[4096];
    for (size_t i = 0; i < sizeof stack; i++)
        stack[i] = 0;
}

void fault_uninitialised(void)
{
    char *volatile bytes = malloc(BYTES);
    MUST(bytes != NULL);
    if (((volatile char *)bytes)[3] == 17)
        sink = 1;
    free(bytes);
}

/* ------------------------------------------------------------ between threads */

static int payload;
static _Atomic bool is_ready;

static void *read_payload(void *arg)
{
    (void)arg;
    while (!atomic_load_explicit(&is_ready, memory_order_acquire))
        sched_yield();
    sink = payload;
    return NULL;
}

/* Whatever the schedule: what is missing is an order, not luck. */
static void publish(bool with_release)
{
    pthread_t reader;
    MUST(pthread_create(&reader, NULL, read_payload, NULL) == 0);
    payload = 1;
    if (with_release)
        atomic_store_explicit(&is_ready, true, memory_order_release);
    else
        atomic_store_explicit(&is_ready, true, memory_order_relaxed);
    MUST(pthread_join(reader, NULL) == 0);
}

void fault_relaxed(void)
{
    publish(false);
}

static void *write_buffer(void *buffer)
{
    *(volatile char *)buffer = 2;
    return NULL;
}

void fault_race_in_buffer(void)
{
    bufpool_t *pool = still_pool();
    pthread_t writer;
    char *buffer = bufpool_get(pool, BYTES);
    MUST(buffer != NULL);
    MUST(pthread_create(&writer, NULL, write_buffer, buffer) == 0);
    *(volatile char *)buffer = 1;
    MUST(pthread_join(writer, NULL) == 0);
    bufpool_put(pool, buffer);
    bufpool_destroy(pool);
}

/* What the faults do, done right. */
void fault_well(void)
{
    bufpool_t *pool = still_pool();
    char *buffer = bufpool_get(pool, BYTES);
    char *bytes = bytes_new();

    MUST(buffer != NULL);
    write_buffer(buffer);
    sink = buffer[0] + bytes[3];
    free(bytes);
    bufpool_put(pool, buffer);
    bufpool_destroy(pool);
    publish(true);
}
