/*
 * A recording against what its program has done: every call, of every thread in
 * order, and of every buffer in order; whole after exit and destroy, all but its
 * tail after a crash.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pools.h"
#include "process.h"
#include "reading.h"

#define CALLS_MOST 200000u
#define LOGGED_THREADS 5u

struct call {
    char operation;
    size_t size;
};

struct log {
    struct call *call[LOGGED_THREADS];
    size_t count[LOGGED_THREADS];
    int status;
    int child; /* process number; 0: none */
};

static char path[256];

static void name_the_file(void)
{
    snprintf(path, sizeof path, "/tmp/bufpool-trace-%d.bpt", (int)getpid());
}

static void remove_the_file(void)
{
    char command[600];
    snprintf(command, sizeof command, "rm -f %s %s.*", path, path);
    MUST(system(command) == 0);
}

TestSuite(recorded, .init = name_the_file, .fini = remove_the_file);

static void run_subject(const char *mode, struct log *log)
{
    char command[1024], line[64];
    unsigned thread;
    struct call call;

    snprintf(command, sizeof command, "BUFPOOL_TRACE=%s exec %s %s", path, SUBJECT, mode);
    *log = (struct log){.status = 0};
    for (unsigned i = 0; i < LOGGED_THREADS; i++)
        MUST((log->call[i] = calloc(CALLS_MOST, sizeof *log->call[i])) != NULL);
    FILE *out = popen(command, "r");
    MUST(out != NULL);
    while (fgets(line, sizeof line, out) != NULL) {
        if (sscanf(line, "child %d", &log->child) == 1)
            continue;
        MUST(sscanf(line, "%u %c %zu", &thread, &call.operation, &call.size) == 3);
        MUST(thread < LOGGED_THREADS && log->count[thread] < CALLS_MOST);
        log->call[thread][log->count[thread]++] = call;
    }
    log->status = pclose(out);
}

static void log_free(struct log *log)
{
    for (unsigned i = 0; i < LOGGED_THREADS; i++)
        free(log->call[i]);
}

/* The subject's number of each thread of the recording: a get's size has it. The main thread gets nothing. */
static void find_threads(const struct reading *reading, unsigned subject[16])
{
    cr_assert(reading->threads <= LOGGED_THREADS, "%u threads", reading->threads);
    for (unsigned i = 0; i < 16; i++)
        subject[i] = 4;
    for (size_t i = 0; i < reading->count; i++)
        if (reading->event[i].operation != 'p')
            subject[reading->event[i].thread] = reading->event[i].size % 4;
}

/* Each thread's calls in its order; `all`: puts too, and to the last one. */
static void assert_as_logged(const struct reading *reading, const struct log *log, bool all)
{
    unsigned subject[16];
    size_t next[LOGGED_THREADS] = {0};

    find_threads(reading, subject);
    for (size_t i = 0; i < reading->count; i++) {
        const struct told *told = &reading->event[i];
        unsigned thread = subject[told->thread];
        if (!all && told->operation == 'p')
            continue; /* also those that the reader has added */
        while (!all && next[thread] < log->count[thread] &&
               log->call[thread][next[thread]].size != told->size)
            next[thread]++; /* a put, or on the tape of the other pool */
        cr_assert(next[thread] < log->count[thread], "thread %u: more events than calls", thread);
        const struct call *call = &log->call[thread][next[thread]++];
        bool same = told->size == call->size && (!all || told->operation == call->operation);
        cr_assert(same, "thread %u, call %zu: recorded %c of %zu, made was %c of %zu", thread,
                  next[thread] - 1, told->operation, told->size, call->operation, call->size);
    }
    for (unsigned i = 0; all && i < LOGGED_THREADS; i++)
        cr_assert(eq(sz, next[i], log->count[i]), "thread %u", i);
}

/* Nothing had to be mended: in the order of the file each put and each resize found its buffer, and the two
 * pools' buffers of one number were kept apart. */
static void assert_whole(const struct reading *reading)
{
    cr_assert(eq(u64, reading->cut_bytes, 0));
    cr_assert(eq(u64, reading->added, 0));
    cr_assert(eq(u64, reading->left_out, 0));
}

/* Fails when a call is not recorded, twice, with another size, as another thread's, out of its thread's
 * order, or a put behind the next get of its buffer; or what is on a tape at exit is lost. */
Test(recorded, all_calls_of_a_program_that_exits)
{
    struct log log;
    struct reading reading;

    run_subject("exit", &log);
    cr_assert(eq(int, log.status, 0));
    reading_load(&reading, path);
    assert_whole(&reading);
    assert_as_logged(&reading, &log, true);
    cr_assert(eq(uint, reading.pools, 2));
    cr_assert(strcmp(reading.name[0], "one") != strcmp(reading.name[1], "one"));
    cr_assert(eq(sz, reading.tiers[strcmp(reading.name[0], "one") == 0 ? 0 : 1], 12));
    reading_free(&reading);
    log_free(&log);
}

/* Fails when destroy leaves a tape behind, or takes one for its own that is another pool's. */
Test(recorded, all_calls_of_pools_that_are_destroyed)
{
    struct log log;
    struct reading reading;

    run_subject("destroy", &log);
    cr_assert(eq(int, log.status, 0));
    reading_load(&reading, path);
    assert_whole(&reading);
    assert_as_logged(&reading, &log, true);
    reading_free(&reading);
    log_free(&log);
}

/* Fails when a crash leaves a file that cannot be read, or takes more than what is on the threads' tapes. */
Test(recorded, all_but_the_tail_of_a_program_that_crashes)
{
    struct log log;
    struct reading reading;
    size_t calls = 0;

    run_subject("crash", &log);
    const struct child_end end = {.status = log.status};
    cr_assert(child_died(&end, SIGKILL));
    reading_load(&reading, path);
    cr_assert(eq(u64, reading.cut_bytes, 0));
    assert_as_logged(&reading, &log, false);
    for (unsigned i = 0; i < LOGGED_THREADS; i++)
        calls += log.count[i];
    /* Of each thread and pool less than a tape, of at least four bytes an event. */
    cr_assert(reading.count < calls && reading.count + 8 * (32 << 10) / 4 > calls, "%zu of %zu",
              reading.count, calls);
    cr_assert(reading.count > 1000, "%zu", reading.count);
    reading_free(&reading);
    log_free(&log);
}

/* Fails when a child writes to its parent's file, does not have all of its own, or the parent's tapes in it.
 */
Test(recorded, a_forked_child_has_a_file_of_its_own)
{
    struct log log;
    struct reading reading;
    char path_child[300];

    run_subject("child", &log);
    cr_assert(eq(int, log.status, 0));
    reading_load(&reading, path);
    assert_whole(&reading);
    cr_assert(eq(sz, reading.count, 2)); /* one get, one put, before the fork */
    reading_free(&reading);

    snprintf(path_child, sizeof path_child, "%s.%d", path, log.child);
    reading_load(&reading, path_child);
    assert_whole(&reading);
    assert_as_logged(&reading, &log, true);
    reading_free(&reading);
    log_free(&log);
}

static int load_quietly(void *arg)
{
    struct reading reading;
    reading_load(&reading, arg);
    return reading.cut_bytes == 0 ? 3 : 0;
}

/* Fails when the reader cannot make do with a file that ends anywhere, or does not say that it does. */
Test(recorded, a_file_cut_anywhere_is_read_up_to_there)
{
    struct log log;
    struct stat state;
    char copy[300], command[700];

    run_subject("exit", &log);
    log_free(&log);
    MUST(stat(path, &state) == 0);
    snprintf(copy, sizeof copy, "%s.cut", path);
    snprintf(command, sizeof command, "cp %s %s", path, copy);
    MUST(system(command) == 0);
    for (off_t length = state.st_size - 1; length > 64; length -= state.st_size / 40 + 1) {
        MUST(truncate(copy, length) == 0);
        struct child_end end = child_run(load_quietly, copy);
        /* 3: by chance between two blocks; 1: in the first one, and then it says so. */
        cr_assert(child_exited(&end, 0) || child_exited(&end, 3) ||
                      (child_exited(&end, 1) && strstr(end.errors, "no events") != NULL),
                  "%ld of %ld bytes: status %d, %s", (long)length, (long)state.st_size, end.status,
                  end.errors);
    }
}

/* Fails when a set-uid program writes where its caller says. */
Test(recorded, a_set_uid_program_does_not_record)
{
    char program[300], command[1500], word[16] = "";

    snprintf(program, sizeof program, "%s.secure", path);
    snprintf(command, sizeof command, "cp %s %s && chown nobody %s && chmod 4755 %s", SUBJECT, program,
             program, program);
    if (UNDER_SANITIZER)
        cr_skip_test("LeakSanitizer cannot look into a set-uid program");
    if (geteuid() != 0 || system(command) != 0)
        cr_skip_test("only root can make a set-uid program");
    snprintf(command, sizeof command, "BUFPOOL_TRACE=%s %s quiet", path, program);
    FILE *out = popen(command, "r");
    MUST(out != NULL && fgets(word, sizeof word, out) != NULL && pclose(out) == 0);
    if (strcmp(word, "secure\n") != 0)
        cr_skip_test("this file system does not honour set-uid");
    cr_assert(access(path, F_OK) != 0);
}
