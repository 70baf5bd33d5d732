/*
 * roll - pools that come and go while somebody counts, or forks: pools of the test's own, whose counting
 * waits.
 */
#include "family/roll.h"

#include <bufpool/observe.h>
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pools.h"

struct figures {
    size_t struct_size;
    uint64_t value;
};

static const struct writer_number numbers[] = {
    {"value", offsetof(struct figures, value), false, "A value.", NULL, NULL}};
static const struct writer writer = {"test", numbers, 1, NULL, 0};

static int tell(void *pool, void *figures)
{
    MUST(((struct figures *)figures)->struct_size == sizeof(struct figures));
    ((struct figures *)figures)->value = *(const uint64_t *)pool;
    return 0;
}

static struct roll_kind kind = {
    .section = "tests", .writer = &writer, .stats_size = sizeof(struct figures), .stats = tell};
static struct roll_kind other_kind = {
    .section = "others", .writer = &writer, .stats_size = sizeof(struct figures), .stats = tell};

static void *dump(void *arg)
{
    char **text = arg;
    size_t size;
    FILE *out = open_memstream(text, &size);

    MUST(out != NULL && bufpool_dump_all(out, BUFPOOL_JSON) == 0 && fclose(out) == 0);
    return NULL;
}

static void assert_told(const char *section)
{
    char *json;

    dump(&json);
    cr_assert(strstr(json, section) != NULL, "not there: %s in %s", section, json);
    free(json);
}

/* Fails when a number is given twice, or grows with every pool that ever was: as many series would. */
Test(observe_roll, a_number_is_the_lowest_that_is_free_of_its_kind)
{
    static uint64_t pool[5] = {10, 11, 12, 13, 14};
    struct roll_entry entry[5];

    for (int i = 0; i < 4; i++)
        roll_enter(&entry[i], i == 2 ? &other_kind : &kind, &pool[i], "x");
    assert_told(
        "\"tests\":[{\"test\":\"x\",\"number\":0,\"value\":10},{\"test\":\"x\",\"number\":1,\"value\":11},"
        "{\"test\":\"x\",\"number\":2,\"value\":13}],\"others\":[{\"test\":\"x\",\"number\":0,\"value\":12}"
        "]");
    roll_leave(&entry[1]);
    roll_enter(&entry[4], &kind, &pool[4], "y");
    assert_told(
        "\"tests\":[{\"test\":\"x\",\"number\":0,\"value\":10},{\"test\":\"y\",\"number\":1,\"value\":14},"
        "{\"test\":\"x\",\"number\":2,\"value\":13}]");
    roll_leave(&entry[0]);
    roll_enter(&entry[1], &kind, &pool[1], "z");
    assert_told("\"tests\":[{\"test\":\"z\",\"number\":0,\"value\":11},{\"test\":\"y\",\"number\":1,");
    for (int i = 1; i < 5; i++)
        roll_leave(&entry[i]);
    assert_told("\"tests\":[],\"others\":[]");
}

/* ------------------------------------------------------------ while somebody counts */

static sem_t counting, may_go_on;
static _Atomic bool has_left, left_meanwhile;

static void wait_for(sem_t *semaphore)
{
    while (sem_wait(semaphore) != 0)
        continue;
}

/* Counts until the gate is open, and then for some turns of the others more. */
static int tell_slowly(void *pool, void *figures)
{
    sem_post(&counting);
    wait_for(&may_go_on);
    for (int i = 0; i < 3; i++)
        sched_yield();
    atomic_store(&left_meanwhile, atomic_load(&has_left));
    return tell(pool, figures);
}

static struct roll_kind slow_kind = {
    .section = "slow", .writer = &writer, .stats_size = sizeof(struct figures), .stats = tell_slowly};

/* Fails when a destroy goes on while its pool is being counted. */
Test(observe_roll, who_leaves_waits_for_who_is_counting)
{
    static uint64_t pool = 7;
    struct roll_entry entry;
    pthread_t dumper;
    char *json;

    sem_init(&counting, 0, 0);
    sem_init(&may_go_on, 0, 0);
    roll_enter(&entry, &slow_kind, &pool, "slow");
    MUST(pthread_create(&dumper, NULL, dump, &json) == 0);
    wait_for(&counting);
    sem_post(&may_go_on);
    roll_leave(&entry);
    atomic_store(&has_left, true);
    pthread_join(dumper, NULL);
    cr_assert(not(atomic_load(&left_meanwhile)));
    cr_assert(strstr(json, "\"value\":7") != NULL, "%s", json);
    free(json);
    assert_told("\"slow\":[]");
}

static void open_gate(void)
{
    sem_post(&may_go_on);
}

/* Fails when a child is born with the lock of a thread that it has not: no pool of it could come or go. */
Test(observe_roll, a_fork_waits_for_who_is_counting)
{
    static uint64_t pool = 7;
    struct roll_entry entry, second;
    pthread_t dumper;
    char *json;
    int status;

    sem_init(&counting, 0, 0);
    sem_init(&may_go_on, 0, 0);
    roll_enter(&entry, &slow_kind, &pool, "slow");
    MUST(pthread_atfork(open_gate, NULL, NULL) == 0); /* the last to be asked is called first */
    MUST(pthread_create(&dumper, NULL, dump, &json) == 0);
    wait_for(&counting);
    pid_t child = fork();
    if (child == 0) {
        /* Nothing here allocates: other threads may have been in malloc. */
        alarm(100);
        roll_enter(&second, &slow_kind, &pool, "second");
        roll_leave(&second);
        _exit(second.number == 1 ? 0 : 1);
    }
    MUST(child > 0 && waitpid(child, &status, 0) == child);
    pthread_join(dumper, NULL);
    free(json);
    roll_leave(&entry);
    cr_assert(eq(int, status, 0), "exited, with 0");
}
