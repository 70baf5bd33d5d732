#include "wait.h"

#include <ck_ec.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

_Static_assert(sizeof(struct event) == sizeof(struct ck_ec32), "an event is libck's 32-bit event count");

/* relaxed: set by tests while the library is idle. */
static _Atomic(uint64_t (*)(void)) test_clock;

void clock_use(uint64_t (*now_ms)(void))
{
    atomic_store_explicit(&test_clock, now_ms, memory_order_relaxed);
}

static struct timespec timespec_of_ms(uint64_t ms)
{
    return (struct timespec){.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000 * 1000000)};
}

uint64_t clock_ms(void)
{
    uint64_t (*now_ms)(void) = atomic_load_explicit(&test_clock, memory_order_relaxed);
    struct timespec now;

    if (now_ms != NULL)
        return now_ms();
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static int ops_gettime(const struct ck_ec_ops *ops, struct timespec *out)
{
    (void)ops;
    *out = timespec_of_ms(clock_ms());
    return 0;
}

static void ops_wait32(const struct ck_ec_wait_state *state, const uint32_t *address, uint32_t expected,
                       const struct timespec *deadline)
{
    (void)state;
    if (atomic_load_explicit(&test_clock, memory_order_relaxed) != NULL)
        deadline = NULL;
    syscall(SYS_futex, address, FUTEX_WAIT_BITSET_PRIVATE, expected, deadline, NULL, FUTEX_BITSET_MATCH_ANY);
}

static void ops_wake32(const struct ck_ec_ops *ops, const uint32_t *address)
{
    (void)ops;
    syscall(SYS_futex, address, FUTEX_WAKE_PRIVATE, INT_MAX);
}

static const struct ck_ec_ops ops = {.gettime = ops_gettime, .wait32 = ops_wait32, .wake32 = ops_wake32};
static const struct ck_ec_mode mode = {.ops = &ops, .single_producer = false};

uint32_t event_seen(const struct event *event)
{
    return ck_ec32_value((const struct ck_ec32 *)event);
}

/*
 * ck_ec sleeps in growing steps for its first second, in case a flag was lost;
 * with several producers none is, so each step is the whole way.
 */
static int sleep_to_deadline(const struct ck_ec_wait_state *state, struct timespec *deadline)
{
    *deadline = *(const struct timespec *)state->data;
    return 0;
}

void event_wait(struct event *event, uint32_t seen, uint64_t deadline_ms)
{
    /* ck_ec's "for ever" is the largest time_t. */
    struct timespec deadline = {.tv_sec = (time_t)(~(uint64_t)0 >> 1)};
    if (deadline_ms != WAIT_FOREVER)
        deadline = timespec_of_ms(deadline_ms);
    ck_ec32_wait_pred((struct ck_ec32 *)event, &mode, seen, sleep_to_deadline, &deadline, &deadline);
}

void event_signal(struct event *event)
{
    ck_ec32_inc((struct ck_ec32 *)event, &mode);
}
