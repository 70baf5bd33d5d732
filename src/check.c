#include "check.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Handler and argument must be read as one. Each setting gets the next place of
 * a small ring and is then published; a report would have to sleep through
 * HANDLERS settings to read a torn pair.
 */
#define HANDLERS 64

static struct {
    pthread_mutex_t setting;
    struct {
        bufpool_misuse_fn function;
        void *arg;
    } handler[HANDLERS];
    _Atomic unsigned current;
} misuse = {.setting = PTHREAD_MUTEX_INITIALIZER};

void bufpool_on_misuse(bufpool_misuse_fn handler, void *arg)
{
    pthread_mutex_lock(&misuse.setting);
    unsigned next = atomic_load_explicit(&misuse.current, memory_order_relaxed) + 1;
    misuse.handler[next % HANDLERS].function = handler;
    misuse.handler[next % HANDLERS].arg = arg;
    /* release [misuse]: the pair comes with its number. */
    atomic_store_explicit(&misuse.current, next, memory_order_release);
    pthread_mutex_unlock(&misuse.setting);
}

void invariant_broken(const char *condition, const char *file, int line)
{
    fprintf(stderr, "bufpool: broken invariant: %s (%s:%d)\n", condition, file, line);
    abort();
}

static const char *misuse_rule(enum misuse rule)
{
    switch (rule) {
    case MISUSE_FOREIGN:
    case MISUSE_OTHER_POOL:
        return "foreign pointer";
    case MISUSE_MISALIGNED:
        return "misaligned pointer";
    case MISUSE_INTERIOR:
        return "interior pointer";
    case MISUSE_UNCARVED:
        return "never handed out";
    case MISUSE_DOUBLE_PUT:
        return "double put";
    case MISUSE_LATE_DOUBLE_PUT:
        return "double put, found late";
    case MISUSE_DESTROYED:
        return "destroyed pool";
    }
    return "misuse";
}

void misuse_report(enum misuse rule, const struct misuse_site *site)
{
    int errno_before = errno;
    char line[320];
    char detail[96] = "";
    char tier[40] = "";

    if (site->tier_size != 0)
        snprintf(tier, sizeof tier, " of tier %zu", site->tier_size);
    if (rule == MISUSE_OTHER_POOL)
        snprintf(detail, sizeof detail, ": belongs to pool '%s'", site->other);
    else if (rule == MISUSE_INTERIOR)
        snprintf(detail, sizeof detail, ": %zu bytes inside a buffer", site->interior_bytes);
    else if (rule == MISUSE_DOUBLE_PUT)
        snprintf(detail, sizeof detail, ": the buffer is already free");
    snprintf(line, sizeof line, "bufpool: pool '%s': %s: %s(%p)%s%s", site->pool, misuse_rule(rule),
             site->call, site->address, tier, detail);

    /* acquire [misuse] */
    unsigned current = atomic_load_explicit(&misuse.current, memory_order_acquire) % HANDLERS;
    if (misuse.handler[current].function == NULL) {
        fprintf(stderr, "%s\n", line);
        abort();
    }
    misuse.handler[current].function(line, misuse.handler[current].arg);
    errno = errno_before;
}
