#include "explore.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "block.h"
#include "choices.h"
#include "coroutine.h"
#include "memory.h"
#include "point.h"
#include "shared.h"

/* Changes of thread that are told of a fault; steps after which a thread is stuck. */
#define SWITCHES_MAX 64u
#define STEPS_MAX 100000u
#define KEPT_MAX 8u

struct thread {
    struct coroutine coroutine;
    struct thread_table table, table_saved; /* its thread-local variable, while it does not run */
    const bool *waits;
    bool ended;
};

static struct {
    const struct scenario *scenario;
    unsigned bound;
    bool trace;

    /* This schedule. */
    bool on;
    unsigned current;
    unsigned preemptions;
    uint32_t steps, points;
    struct {
        unsigned from, to;
        const char *site;
        uint32_t step;
    } switches[SWITCHES_MAX];
    unsigned switch_count;

    /* All of them. */
    bool everywhere; /* learning: every operation is a point */
    unsigned cuts;

    struct {
        void *address;
        uint32_t size;
        char *copy;
    } kept[KEPT_MAX];
    unsigned kept_count;
    unsigned threads;
    struct thread thread[THREADS_MAX];
    struct coroutine explorer;
    bool failed;
    char fault[256];
} run;

/* ------------------------------------------------------------ faults */

static void print_trace(void)
{
    for (unsigned i = 0; i < run.switch_count; i++)
        printf("        step %5u: thread %u stops before %s, thread %u goes on\n",
               (unsigned)run.switches[i].step, run.switches[i].from, run.switches[i].site,
               run.switches[i].to);
    printf("        step %5u: thread %u finds: %s\n", (unsigned)run.steps, run.current, run.fault);
}

void explore_fail(const char *format, ...)
{
    struct coroutine nowhere;
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(run.fault, sizeof run.fault, format, arguments);
    va_end(arguments);
    run.failed = true;
    if (run.trace)
        print_trace();
    if (run.threads == 0) { /* in setup: the scenario is wrong */
        fprintf(stderr, "schedules: %s: %s\n", run.scenario->name, run.fault);
        exit(2);
    }
    run.on = false;
    coroutine_switch(&nowhere, &run.explorer);
    abort();
}

static void on_signal(int number, siginfo_t *info, void *context)
{
    (void)context;
    if (number == SIGSEGV && memory_fault(info->si_addr))
        return;
    explore_fail("%s at %p",
                 number == SIGABRT   ? "aborted"
                 : number == SIGSEGV ? "a wild access"
                                     : "crashed",
                 info->si_addr);
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_NODEFER};
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGABRT, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
    sigaction(SIGFPE, &action, NULL);
}

/* ------------------------------------------------------------ points */

static bool can_run(const struct thread *thread)
{
    return !thread->ended && (thread->waits == NULL || !*thread->waits);
}

/* The other threads that could go on, a bit each. */
static unsigned others(void)
{
    unsigned mask = 0;
    for (unsigned i = 0; i < run.threads; i++)
        if (i != run.current && can_run(&run.thread[i]))
            mask |= 1u << i;
    return mask;
}

static unsigned nth_bit(unsigned mask, unsigned n)
{
    for (; n > 0; n--)
        mask &= mask - 1;
    return (unsigned)__builtin_ctz(mask);
}

static void go_on_as(unsigned next, const char *site)
{
    struct thread *from = &run.thread[run.current];
    struct thread *to = &run.thread[next];

    if (run.switch_count < SWITCHES_MAX) {
        run.switches[run.switch_count].from = run.current;
        run.switches[run.switch_count].to = next;
        run.switches[run.switch_count].site = site;
        run.switches[run.switch_count++].step = run.steps;
    }
    from->table = thread_table;
    thread_table = to->table;
    run.current = next;
    coroutine_switch(&from->coroutine, &to->coroutine);
}

void schedule_point(const volatile void *word, const char *site, bool writes)
{
    if (!run.on)
        return;
    bool shared = shared_touch(word, run.current, writes, run.scenario->forks);
    if (++run.steps > STEPS_MAX)
        explore_fail("a thread makes no progress at %s", site);
    if (run.preemptions == run.bound || !(shared || run.everywhere))
        return;
    unsigned mask = others();
    if (mask == 0)
        return;
    run.points++;
    unsigned chosen = choices_take(1 + (unsigned)__builtin_popcount(mask), (uint32_t)(uintptr_t)word);
    if (chosen == 0)
        return;
    run.preemptions++;
    go_on_as(nth_bit(mask, chosen - 1), site);
}

/* This thread cannot go on: somebody else must. */
static void give_up(const char *site)
{
    unsigned mask = others();
    if (mask == 0)
        explore_fail("all threads wait");
    unsigned options = (unsigned)__builtin_popcount(mask);
    unsigned chosen = options > 1 ? choices_take(options, mask) : 0;
    go_on_as(nth_bit(mask, chosen), site);
}

void explore_wait(const bool *held)
{
    if (!run.on) {
        if (*held)
            explore_fail("somebody waits who is alone");
        return;
    }
    schedule_point(held, "a lock", true);
    run.thread[run.current].waits = held;
    while (*held)
        give_up("a lock that is held");
    run.thread[run.current].waits = NULL;
}

bool explore_switch(bool on)
{
    bool was = run.on;
    run.on = on;
    return was;
}

unsigned explore_cuts(void)
{
    return run.cuts;
}

unsigned explore_thread(void)
{
    return run.current;
}

/* ------------------------------------------------------------ a schedule */

static void thread_body(void)
{
    run.scenario->thread[run.current]();
    run.thread[run.current].ended = true;
    for (unsigned i = 0; i < run.threads; i++)
        if (!run.thread[i].ended)
            give_up("its end");
    run.on = false;
    run.thread[run.current].table = thread_table;
    run.scenario->check();
    coroutine_switch(&run.thread[run.current].coroutine, &run.explorer);
}

static void run_schedule(void)
{
    memory_restore();
    for (unsigned i = 0; i < run.kept_count; i++)
        memcpy(run.kept[i].address, run.kept[i].copy, run.kept[i].size);
    for (unsigned i = 0; i < run.threads; i++) {
        struct thread *thread = &run.thread[i];
        coroutine_reset(&thread->coroutine, thread_body);
        thread->table = thread->table_saved;
        thread->waits = NULL;
        thread->ended = false;
    }
    run.preemptions = run.switch_count = 0;
    run.steps = run.points = 0;
    choices_start();
    run.on = true;
    unsigned first = run.threads > 1 ? choices_take(run.threads, 0) : 0;
    run.current = first;
    thread_table = run.thread[first].table;
    coroutine_switch(&run.explorer, &run.thread[first].coroutine);
}

/* All schedules from the first one on; false: a word is shared that was not known to be, or a fault. */
static bool run_all(unsigned bound, struct outcome *outcome)
{
    run.bound = bound;
    uint32_t known = shared_words();

    choices_begin();
    outcome->schedules = 0;
    outcome->points = 0;
    do {
        run_schedule();
        if (run.failed || (shared_words() != known && !run.everywhere))
            return false;
        outcome->schedules++;
        if (run.points > outcome->points)
            outcome->points = run.points;
    } while (choices_next());
    return true;
}

/* ------------------------------------------------------------ a scenario */

void explore_as(unsigned thread, void (*function)(void))
{
    struct thread_table mine = thread_table;
    unsigned me = run.current;

    thread_table = run.thread[thread].table;
    run.current = thread;
    function();
    run.thread[thread].table = thread_table;
    run.current = me;
    thread_table = mine;
}

void explore_keep(void *address, uint32_t size)
{
    if (run.kept_count == KEPT_MAX)
        explore_fail("too much is kept");
    run.kept[run.kept_count].address = address;
    run.kept[run.kept_count].size = size;
    run.kept[run.kept_count++].copy = malloc(size);
}

static void begin(const struct scenario *scenario)
{
    catch_signals();
    memory_begin();
    run.cuts = 1;
    run.scenario = scenario;
    for (unsigned i = 0; i < THREADS_MAX; i++)
        run.thread[i].table = thread_table; /* what every thread begins with */
    scenario->setup();
    for (unsigned i = 0; i < THREADS_MAX && scenario->thread[i] != NULL; i++) {
        run.thread[i].table_saved = run.thread[i].table;
        run.threads++;
    }
    for (unsigned i = 0; i < run.kept_count; i++)
        memcpy(run.kept[i].copy, run.kept[i].address, run.kept[i].size);
    memory_snapshot();
}

struct outcome explore(const struct scenario *scenario, unsigned bound, bool trace)
{
    struct outcome outcome = {0};

    run.trace = trace;
    begin(scenario);
    run.everywhere = true;
    bool all = run_all(1, &outcome);
    run.everywhere = false;
    if (all) {
        do
            run.cuts = memory_cuts_fix();
        while (!run_all(bound, &outcome) && !run.failed);
    }
    outcome.words = shared_words();
    outcome.fault = run.failed ? run.fault : NULL;
    return outcome;
}
