/*
 * The statistics socket with the tests' clock, and with a thread that cannot be had.
 */
#include <bufpool/observe.h>
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "hook.h"
#include "pools.h"
#include "process.h"
#include "talk.h"
#include "text.h"
#include "wait.h"

TestSuite(observe_hooked, .timeout = 120);

static _Atomic uint64_t now_ms = 1000;

static uint64_t our_clock(void)
{
    return now_ms;
}

/* Fails when a client that says nothing keeps its place for ever; or loses it before its ten seconds. */
Test(observe_hooked, the_silent_are_sent_away_after_ten_seconds)
{
    char *path = talk_path();

    clock_use(our_clock);
    MUST(bufpool_stats_serve(path) == 0);
    int silent = talk_to(path);
    free(talk(path, "json\n")); /* the silent one is in; and whoever comes has the clock looked at */
    now_ms += 9999;
    free(talk(path, "json\n"));
    char byte;
    MUST(fcntl(silent, F_SETFL, O_NONBLOCK) == 0);
    cr_assert(eq(long, read(silent, &byte, 1), -1));
    cr_assert(eq(int, errno, EAGAIN));
    now_ms += 1;
    free(talk(path, "json\n"));
    MUST(fcntl(silent, F_SETFL, 0) == 0);
    cr_assert(eq(long, read(silent, &byte, 1), 0));
    bufpool_stats_serve(NULL);
}

/* Fails when one that has gone is kept, and polled again and again, until its time is up. */
Test(observe_hooked, who_hangs_up_is_forgotten_at_once)
{
    char *path = talk_path();

    clock_use(our_clock);
    MUST(bufpool_stats_serve(path) == 0);
    size_t before = entry_count("/proc/self/fd");
    for (int i = 0; i < 10; i++)
        close(talk_to(path));
    /* Who comes now is let in behind them; who comes then is served when they have been looked at. */
    free(talk(path, "json\n"));
    free(talk(path, "json\n"));
    cr_assert(eq(sz, entry_count("/proc/self/fd"), before));
    bufpool_stats_serve(NULL);
}

static bool no_thread(enum hook_call call)
{
    return call == HOOK_THREAD;
}

/* Fails when a socket is left that nobody answers at, or the path stays lost. */
Test(observe_hooked, without_a_thread_there_is_no_socket)
{
    char *path = talk_path();

    hook_on_call(no_thread);
    cr_assert(eq(int, bufpool_stats_serve(path), -EAGAIN));
    cr_assert(eq(int, access(path, F_OK), -1));
    hook_on_call(NULL);
    cr_assert(eq(int, bufpool_stats_serve(path), 0));
    char *json = talk(path, "json\n");
    cr_assert(json_is_valid(json));
    free(json);
    bufpool_stats_serve(NULL);
}
