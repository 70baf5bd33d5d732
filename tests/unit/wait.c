/*
 * wait.h: sleeping until a signal or a deadline, by the system's clock and by
 * the tests' own.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>
#include <unistd.h>

#include "pools.h"
#include "wait.h"

static struct event event, answer;
static _Atomic uint64_t now = 1000;
static _Atomic unsigned waking;

static uint64_t own_clock(void)
{
    return atomic_load(&now);
}

static void pause_ms(unsigned ms)
{
    struct timespec time = {.tv_nsec = (long)ms * 1000000};
    nanosleep(&time, NULL);
}

/* Fails when the collector sleeps past what is due, or by the wrong clock. */
Test(unit_wait, deadline_that_has_come_returns_at_once)
{
    clock_use(own_clock);
    cr_assert(eq(u64, clock_ms(), 1000));
    event_wait(&event, event_seen(&event), 1000);
    event_wait(&event, event_seen(&event), 1);
    event_wait(&event, event_seen(&event), 0);
    clock_use(NULL);
    event_wait(&event, event_seen(&event), clock_ms());
    event_wait(&event, event_seen(&event), 0);
}

/* Fails when a sleeper returns early, or a deadline is taken for a length of time. */
Test(unit_wait, sleeps_until_the_deadline_by_the_systems_clock)
{
    for (uint64_t ms = 1; ms <= 256; ms *= 4) {
        uint64_t deadline = clock_ms() + ms;
        event_wait(&event, event_seen(&event), deadline);
        cr_assert(ge(u64, clock_ms(), deadline));
        cr_assert(lt(u64, clock_ms(), deadline + 5000));
    }
}

/* Fails when a signal between the look and the sleep is lost. */
Test(unit_wait, signal_before_the_sleep_ends_it)
{
    for (int i = 0; i < 100; i++) {
        uint32_t seen = event_seen(&event);
        event_signal(&event);
        event_wait(&event, seen, WAIT_FOREVER);
        cr_assert(ne(u32, event_seen(&event), seen));
    }
}

static void *sleep_once(void *arg)
{
    uint32_t seen = event_seen(&event);
    atomic_fetch_add(&waking, 1);
    event_wait(&event, seen, *(uint64_t *)arg);
    atomic_fetch_sub(&waking, 1);
    return NULL;
}

static void wake_sleepers(uint64_t deadline)
{
    enum { SLEEPERS = 5 };
    pthread_t thread[SLEEPERS];
    for (unsigned i = 0; i < SLEEPERS; i++)
        pthread_create(&thread[i], NULL, sleep_once, &deadline);
    while (atomic_load(&waking) != SLEEPERS)
        pause_ms(1);
    pause_ms(20);
    cr_assert(eq(uint, atomic_load(&waking), SLEEPERS), "nobody may wake by itself");
    event_signal(&event);
    for (unsigned i = 0; i < SLEEPERS; i++)
        pthread_join(thread[i], NULL);
    cr_assert(eq(uint, atomic_load(&waking), 0));
}

/* Fails when only one of several sleepers is woken. */
Test(unit_wait, signal_wakes_all_sleepers)
{
    wake_sleepers(WAIT_FOREVER);
    wake_sleepers(clock_ms() + 3600000);
}

/* Fails when the tests' clock is compared with the system's: a sleeper would be hours late or never sleep. */
Test(unit_wait, sleeper_looks_at_the_tests_clock_only_when_signalled)
{
    clock_use(own_clock);
    wake_sleepers(2000);
    atomic_store(&now, UINT64_C(1) << 50);
    wake_sleepers((UINT64_C(1) << 50) + 1);
    clock_use(NULL);
}

static void nothing(int number)
{
    (void)number;
}

static void *interrupt(void *arg)
{
    for (int i = 0; i < 20; i++) {
        pause_ms(5);
        pthread_kill(*(pthread_t *)arg, SIGUSR1);
    }
    return NULL;
}

/* Fails when a signal handler that runs in the sleeper ends its sleep. */
Test(unit_wait, interrupted_sleep_goes_on)
{
    struct sigaction action = {.sa_handler = nothing};
    pthread_t self = pthread_self();
    pthread_t thread;

    sigaction(SIGUSR1, &action, NULL);
    pthread_create(&thread, NULL, interrupt, &self);
    uint64_t deadline = clock_ms() + 200;
    event_wait(&event, event_seen(&event), deadline);
    cr_assert(ge(u64, clock_ms(), deadline));
    pthread_join(thread, NULL);
}

enum { TURNS = 100000 };

static _Atomic unsigned ball;

static void play(struct event *mine, struct event *theirs, unsigned odd)
{
    for (unsigned turn = odd; turn < 2 * TURNS; turn += 2) {
        for (;;) {
            uint32_t seen = event_seen(mine);
            if (atomic_load(&ball) == turn)
                break;
            event_wait(mine, seen, WAIT_FOREVER);
        }
        atomic_store(&ball, turn + 1);
        event_signal(theirs);
    }
}

static void *play_odd(void *arg)
{
    (void)arg;
    play(&answer, &event, 1);
    return NULL;
}

/* Fails, by not ending, when one wake-up in 200,000 is lost. */
Test(unit_wait, no_wake_up_is_lost_between_two_threads)
{
    pthread_t thread;
    pthread_create(&thread, NULL, play_odd, NULL);
    play(&event, &answer, 0);
    pthread_join(thread, NULL);
    cr_assert(eq(uint, atomic_load(&ball), 2 * TURNS));
}

/* Fails when the clock goes by the wall, or its unit is not the millisecond. */
Test(unit_wait, clock_is_monotonic_milliseconds)
{
    uint64_t begin = clock_ms();
    pause_ms(60);
    uint64_t end = clock_ms();
    cr_assert(ge(u64, end - begin, 59));
    cr_assert(lt(u64, end - begin, 5000));
}
