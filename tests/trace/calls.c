/*
 * One call at a time: what each leaves in the recording, and what the recording
 * leaves alone.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include "accounts.h"
#include "pool.h"
#include "pools.h"
#include "process.h"
#include "reading.h"

static char path[256];
static struct reading reading;

static void name_the_file(void)
{
    snprintf(path, sizeof path, "/tmp/bufpool-calls-%d.bpt", (int)getpid());
    MUST(setenv("BUFPOOL_TRACE", path, 1) == 0);
}

static void remove_the_file(void)
{
    unlink(path);
}

TestSuite(calls, .init = name_the_file, .fini = remove_the_file);

/* What is recorded, as a word: "g100 p100". */
static void assert_recorded(const char *expected)
{
    char text[512] = "";
    size_t used = 0;

    reading_load(&reading, path);
    for (size_t i = 0; i < reading.count && used < sizeof text - 32; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%c%zu", i == 0 ? "" : " ",
                                 reading.event[i].operation, reading.event[i].size);
    cr_assert(strcmp(text, expected) == 0, "%s", text);
    cr_assert(eq(u64, reading.cut_bytes, 0));
    cr_assert(eq(u64, reading.left_out, 0));
}

/* Fails when a resize is two buffers, or a move another one, or the buffer has its old size. */
Test(calls, a_resize_is_one_event_of_one_buffer)
{
    bufpool_t *pool = still_pool();
    void *buffer = bufpool_resize(pool, NULL, 1000);
    buffer = bufpool_resize(pool, buffer, 1010);    /* stays */
    buffer = bufpool_resize(pool, buffer, 5000);    /* to another tier */
    buffer = bufpool_resize(pool, buffer, 3 * MIB); /* to none */
    void *other = bufpool_get(pool, 1000);          /* where the first one was */
    buffer = bufpool_resize(pool, buffer, 600);
    MUST(bufpool_resize(pool, buffer, 0) == NULL);
    bufpool_put(pool, other);
    assert_accounts(pool);
    bufpool_destroy(pool);
    assert_recorded("g1000 r1010 r5000 r3145728 g1000 r600 p600 p1000");
    cr_assert(eq(u64, reading.added, 0));
    cr_assert(reading.event[0].slot == reading.event[5].slot &&
              reading.event[4].slot != reading.event[5].slot);
}

/* Fails when a kind of call goes past the recorder. */
Test(calls, every_kind_of_get_and_put)
{
    bufpool_t *pool = still_pool();
    void *batch[3];

    bufpool_put(pool, bufpool_get_zeroed(pool, 700));
    MUST(bufpool_get_batch(pool, 900, batch, 3) == 3);
    bufpool_put_batch(pool, batch, 3);
    bufpool_put(pool, bufpool_get(pool, 0));
    bufpool_put(pool, NULL);
    MUST(bufpool_reserve(pool, 900, 4) == 0);
    bufpool_trim(pool);
    bufpool_destroy(pool);
    assert_recorded("g700 p700 g900 g900 g900 p900 p900 p900 g0 p0");
    cr_assert(eq(u64, reading.added, 0));
}

/* Fails when buffers still out at destroy are taken for those of a later pool. */
Test(calls, a_destroyed_pools_buffers_end_with_it)
{
    for (unsigned i = 0; i < 2; i++) {
        bufpool_t *pool = still_pool();
        MUST(bufpool_get(pool, 1000 + i) != NULL);
        bufpool_destroy(pool);
    }
    assert_recorded("g1000 p1000 g1001 p1001");
    cr_assert(eq(u64, reading.added, 2));
    cr_assert(eq(uint, reading.pools, 2));
}

static bufpool_t *signalled;
static volatile sig_atomic_t handled;

static void get_and_put(int signal)
{
    (void)signal;
    void *buffer = bufpool_get(signalled, 2000);
    bufpool_put(signalled, buffer);
    handled = handled + 1;
}

/* Fails when a handler that interrupts the recorder waits for it, or either loses an event. */
Test(calls, a_signal_handlers_calls_are_recorded_too)
{
    const struct itimerval often = {{0, 30}, {0, 30}}, never = {{0, 0}, {0, 0}};
    unsigned gets[2] = {0};
    unsigned calls = 0;

    signalled = still_pool();
    bufpool_put(signalled, bufpool_get(signalled, 1000));
    signal(SIGALRM, get_and_put);
    MUST(setitimer(ITIMER_REAL, &often, NULL) == 0);
    for (calls = 1; calls < 200000; calls++)
        bufpool_put(signalled, bufpool_get(signalled, 1000));
    MUST(setitimer(ITIMER_REAL, &never, NULL) == 0);
    signal(SIGALRM, SIG_IGN);
    bufpool_destroy(signalled);
    reading_load(&reading, path);
    for (size_t i = 0; i < reading.count; i++)
        if (reading.event[i].operation == 'g')
            gets[reading.event[i].size == 2000]++;
    cr_assert(eq(uint, gets[0], calls));
    cr_assert(eq(uint, gets[1], (unsigned)handled));
    cr_assert(eq(sz, reading.count, 2 * (size_t)(gets[0] + gets[1])));
    cr_assert(eq(u64, reading.added, 0));
    cr_assert(eq(u64, reading.left_out, 0));
}

static void *get_and_put_often(void *pool)
{
    for (unsigned i = 0; i < 30000; i++)
        bufpool_put(pool, bufpool_get(pool, 1000));
    return NULL;
}

/* Fails when a put is numbered after its buffer can be got again: nothing is cached, so the next get, of
 * whatever thread, has it. */
Test(calls, a_put_is_numbered_before_the_next_get_of_its_buffer)
{
    bufpool_config_t config = still_config();
    pthread_t thread[8];

    config.max_cached_bytes = 0;
    config.min_size = config.max_size = 1024;
    bufpool_t *pool = pool_from(&config);
    for (unsigned i = 0; i < 8; i++)
        MUST(pthread_create(&thread[i], NULL, get_and_put_often, pool) == 0);
    for (unsigned i = 0; i < 8; i++)
        MUST(pthread_join(thread[i], NULL) == 0);
    bufpool_destroy(pool);
    reading_load(&reading, path);
    cr_assert(eq(sz, reading.count, 8 * 2 * 30000));
    cr_assert(eq(u64, reading.added, 0));
    cr_assert(eq(u64, reading.left_out, 0));
}

/* ------------------------------------------------------------ where it cannot be recorded */

/* Enough to fill tapes; the pool works all the same. */
static int use_a_pool(void *arg)
{
    bufpool_t *pool = still_pool();
    (void)arg;
    for (unsigned i = 0; i < 20000; i++)
        bufpool_put(pool, bufpool_get(pool, 1000 + i));
    bool right = accounts_fault(pool) == NULL;
    bufpool_destroy(pool);
    return right ? 0 : 1;
}

static void assert_goes_on(const char *file, const char *line)
{
    MUST(setenv("BUFPOOL_TRACE", file, 1) == 0);
    struct child_end end = child_run(use_a_pool, NULL);
    cr_assert(child_exited(&end, 0), "status %d: %s", end.status, end.errors);
    cr_assert(strcmp(end.errors, line) == 0, "%s", end.errors);
}

/* Fails when a full disk or a path that cannot be stops the program, is not told, or is told again and again.
 */
Test(calls, what_cannot_be_written_is_told_once_and_the_program_goes_on)
{
    assert_goes_on("/dev/full",
                   "bufpool: BUFPOOL_TRACE: /dev/full: No space left on device; nothing is recorded "
                   "from here on\n");
    assert_goes_on("/nowhere/trace",
                   "bufpool: BUFPOOL_TRACE: /nowhere/trace: No such file or directory; nothing "
                   "is recorded from here on\n");
    assert_goes_on("/tmp",
                   "bufpool: BUFPOOL_TRACE: /tmp: Is a directory; nothing is recorded from here on\n");
    assert_goes_on("", "");
}

static int use_within_a_limit(void *arg)
{
    const struct rlimit limit = {64 << 10, 64 << 10};
    MUST(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    return use_a_pool(arg);
}

/* Fails when the limit of a file's size kills the program with SIGXFSZ, or what came before it is lost. */
Test(calls, a_limit_of_the_files_size_ends_the_recording_alone)
{
    struct child_end end = child_run(use_within_a_limit, NULL);
    cr_assert(child_exited(&end, 0), "status %d: %s", end.status, end.errors);
    cr_assert(eq(uint, count_lines(end.errors), 1), "%s", end.errors);
    cr_assert(strstr(end.errors, "limit of a file's size") != NULL, "%s", end.errors);
    reading_load(&reading, path);
    cr_assert(reading.count > 1000 && reading.count < 40000);
}

static int close_all(void *arg)
{
    bufpool_t *pool = still_pool();
    int other = -1;

    for (int file = 3; file < 64; file++)
        close(file);
    while (other < 63) /* every number is now somebody else's */
        MUST((other = open(arg, O_WRONLY | O_CREAT | O_APPEND, 0600)) >= 0);
    for (unsigned i = 0; i < 20000; i++)
        bufpool_put(pool, bufpool_get(pool, 1000 + i));
    bufpool_destroy(pool);
    return 0;
}

/* Fails when a server that closes every descriptor finds a recording in its next connection. */
Test(calls, a_descriptor_that_the_program_has_closed_is_not_written_to)
{
    char other[300];

    snprintf(other, sizeof other, "%s.other", path);
    struct child_end end = child_run(close_all, other);
    cr_assert(child_exited(&end, 0), "status %d: %s", end.status, end.errors);
    cr_assert(eq(uint, count_lines(end.errors), 1), "%s", end.errors);
    FILE *file = fopen(other, "r");
    MUST(file != NULL && unlink(other) == 0);
    cr_assert(eq(int, getc(file), EOF));
}

/* Fails when two processes with one environment spoil each other's recording. */
Test(calls, a_file_that_another_process_records_to_is_left_alone)
{
    char beside[300];
    int file = open(path, O_WRONLY | O_CREAT, 0600);

    MUST(file >= 0 && flock(file, LOCK_EX) == 0 && write(file, "theirs", 6) == 6);
    bufpool_t *pool = still_pool();
    bufpool_put(pool, bufpool_get(pool, 900));
    bufpool_destroy(pool);
    cr_assert(eq(int, (int)lseek(file, 0, SEEK_END), 6));
    snprintf(beside, sizeof beside, "%s.%d", path, (int)getpid());
    reading_load(&reading, beside);
    cr_assert(eq(sz, reading.count, 2));
    unlink(beside);
}

/* ------------------------------------------------------------ what is not recorded */

/* Fails when a pool pays for a recorder that it has not: its calls are hits no more. */
Test(calls, a_pool_that_is_not_recorded_has_no_recorder)
{
    bufpool_config_t config = still_config();
    config.debug = "off"; /* AddressSanitizer's own */

    MUST(unsetenv("BUFPOOL_TRACE") == 0);
    bufpool_t *pool = pool_from(&config);
    cr_assert(pool->armour == NULL);
    cr_assert(eq(u64, pool->key, (uintptr_t)pool));
    bufpool_destroy(pool);
    cr_assert(access(path, F_OK) != 0);
}

/* Fails when a put that is misuse is recorded: a replay would put the next borrower's buffer. */
static void ignore(const char *message, void *arg)
{
    (void)message;
    (void)arg;
}

Test(calls, misuse_is_not_recorded)
{
    bufpool_config_t config = still_config();
    config.debug = "state";
    bufpool_t *pool = pool_from(&config);
    char *buffer = bufpool_get(pool, 1000);

    bufpool_on_misuse(ignore, NULL);
    bufpool_put(pool, buffer + 64);
    bufpool_put(pool, &config);
    bufpool_put(pool, buffer);
    bufpool_put(pool, buffer);
    cr_assert(bufpool_resize(pool, buffer, 10) == NULL);
    cr_assert(eq(int, errno, EINVAL));
    bufpool_destroy(pool);
    assert_recorded("g1000 p1000");
}
