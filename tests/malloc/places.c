/*
 * Wherever malloc may be called: before main, at exit, in destructors of
 * thread-specific data, in a forked child.
 *
 *   malloc_places         the properties
 *   malloc_places life    a life that ends by itself, for one of them
 */
#include <bufpool/malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "early.h"
#include "pools.h"
#include "property.h"

static const size_t sizes[] = {40, 256, 257, 2000, 16000, 70000, 1100000};
#define SIZES (sizeof sizes / sizeof sizes[0])

/* Get, grow, shrink and give back one of each size, and look after the bytes. */
static bool works(void)
{
    for (size_t i = 0; i < SIZES; i++) {
        char *memory = i % 2 == 0 ? bufpool_malloc(sizes[i]) : bufpool_calloc(1, sizes[i]);
        REQUIRE(memory != NULL);
        fill(memory, sizes[i], i);
        memory = bufpool_realloc(memory, 3 * sizes[i]);
        REQUIRE(memory != NULL && is_filled(memory, sizes[i], i));
        memory = bufpool_realloc(memory, sizes[i] / 2);
        REQUIRE(memory != NULL && is_filled(memory, sizes[i] / 2, i));
        bufpool_free(memory);
    }
    return true;
}

/* Fails when the pool needs main to have begun, as a library with a constructor of its own may. */
static bool memory_from_before_main_is_like_any_other(void)
{
    struct early *early = early_pieces();

    REQUIRE(early->faults == 0);
    for (unsigned i = 0; i < EARLY_PIECES; i++) {
        REQUIRE(is_filled(early->piece[i], early->size[i], i));
        early->piece[i] = bufpool_realloc(early->piece[i], early->size[i] + 1000);
        REQUIRE(early->piece[i] != NULL && is_filled(early->piece[i], early->size[i], i));
        bufpool_free(early->piece[i]);
    }
    return true;
}

/* ------------------------------------------------------------ exit */

static void *held_at_exit;

static void at_exit(void)
{
    bool whole = is_filled(held_at_exit, 5000, 5) && works();
    bufpool_free(held_at_exit);
    puts(whole ? "atexit: whole" : "atexit: BROKEN");
    fflush(stdout);
}

static void at_thread_end(void *memory)
{
    bool whole = is_filled(memory, 3000, 3) && works();
    bufpool_free(memory);
    puts(whole ? "thread end: whole" : "thread end: BROKEN");
    fflush(stdout);
}

/* The collector's thread never ends, so the process does not end with the last of its own. */
static void *exit_after_main_s_thread(void *thread)
{
    pthread_join(*(pthread_t *)thread, NULL);
    exit(0);
}

/* A process that ends with memory in every hand. */
static int life(void)
{
    static pthread_t first;
    pthread_t last;
    pthread_key_t key;
    void *memory = bufpool_malloc(3000);

    MUST(pthread_key_create(&key, at_thread_end) == 0);
    fill(memory, 3000, 3);
    MUST(pthread_setspecific(key, memory) == 0);
    held_at_exit = bufpool_malloc(5000);
    fill(held_at_exit, 5000, 5);
    MUST(atexit(at_exit) == 0);
    early_tell();
    first = pthread_self();
    MUST(pthread_create(&last, NULL, exit_after_main_s_thread, &first) == 0);
    pthread_exit(NULL);
}

static const char *self;

/* Fails when something is torn down at exit that memory still hangs on: a pool, a table, a lock. */
static bool a_process_ends_with_the_face_in_every_handler(void)
{
    char command[512], text[4096];

    snprintf(command, sizeof command, "'%s' life 2>&1", self);
    FILE *output = popen(command, "r");
    REQUIRE(output != NULL);
    text[fread(text, 1, sizeof text - 1, output)] = '\0';
    int status = pclose(output);
    if (strcmp(text, "thread end: whole\natexit: whole\ndestructor: whole\n") != 0)
        fputs(text, stderr);
    REQUIRE(strcmp(text, "thread end: whole\natexit: whole\ndestructor: whole\n") == 0);
    REQUIRE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    return true;
}

/* ------------------------------------------------------------ destructors of threads */

enum { ROUNDS = 4 /* PTHREAD_DESTRUCTOR_ITERATIONS */ };

struct late {
    pthread_key_t key;
    void *memory[ROUNDS];
    unsigned round, faults;
};

static struct late late[2]; /* one with a key from before the pool's, one from after */

static void in_destructor(void *arg)
{
    struct late *one = arg;

    for (unsigned i = 0; i < one->round; i++)
        one->faults += !is_filled(one->memory[i], 4000, i);
    one->faults += !works();
    one->memory[one->round] = bufpool_malloc(4000);
    fill(one->memory[one->round], 4000, one->round);
    if (++one->round < ROUNDS)
        pthread_setspecific(one->key, one);
}

static void *live_and_leave(void *arg)
{
    (void)arg;
    if (!works())
        late[0].faults++;
    for (int i = 0; i < 2; i++)
        MUST(pthread_setspecific(late[i].key, &late[i]) == 0);
    return NULL;
}

/* Fails when a thread whose cache has gone cannot allocate, or gets a cache that nobody will empty: in the
 * last of the rounds, whichever destructor runs first. */
static bool destructors_of_threads_may_allocate(void)
{
    pthread_t thread;

    REQUIRE(pthread_key_create(&late[1].key, in_destructor) == 0);
    bufpool_stats_t before = stats_of(NULL);
    REQUIRE(pthread_create(&thread, NULL, live_and_leave, NULL) == 0);
    REQUIRE(pthread_join(thread, NULL) == 0);
    for (int i = 0; i < 2; i++) {
        REQUIRE(late[i].round == ROUNDS && late[i].faults == 0);
        for (unsigned j = 0; j < ROUNDS; j++) {
            REQUIRE(is_filled(late[i].memory[j], 4000, j));
            bufpool_free(late[i].memory[j]);
        }
    }
    bufpool_stats_t after = stats_of(NULL);
    REQUIRE(after.in_use_bytes == before.in_use_bytes && after.threads == before.threads);
    return true;
}

/* ------------------------------------------------------------ fork */

static _Atomic bool over;
static pthread_barrier_t begun;

/*
 * What traffic asks for while the process forks. AddressSanitizer's malloc, which serves
 * the small sizes there, does not let go of its locks for a child as the C library's
 * does, so under it traffic keeps to sizes that the pool serves: above half the smallest tier; and no
 * thread is just starting, which allocates too, when the first child is made.
 */
static size_t traffic_size(uint64_t *random)
{
    return (UNDER_SANITIZER ? 256 : 0) + random_size(random, 200000);
}

static void *traffic(void *arg)
{
    uint64_t random = (uintptr_t)arg;
    void *memory[16] = {NULL};

    pthread_barrier_wait(&begun);
    while (!atomic_load_explicit(&over, memory_order_relaxed)) {
        unsigned i = (unsigned)(random_next(&random) >> 32) % 16;
        if (random_next(&random) % 4 == 0) {
            memory[i] = bufpool_realloc(memory[i], traffic_size(&random));
            MUST(memory[i] != NULL);
        } else {
            bufpool_free(memory[i]);
            memory[i] = bufpool_malloc(traffic_size(&random));
            MUST(memory[i] != NULL);
        }
        *(char *)memory[i] = 1;
    }
    for (unsigned i = 0; i < 16; i++)
        bufpool_free(memory[i]);
    return NULL;
}

static bool child_works(void *const *memory)
{
    for (size_t i = 0; i < SIZES; i++) {
        REQUIRE(is_filled(memory[i], sizes[i], i));
        char *moved = bufpool_realloc(memory[i], sizes[i] + sizes[i] / 2);
        REQUIRE(moved != NULL && is_filled(moved, sizes[i], i));
        bufpool_free(moved);
    }
    for (int round = 0; round < 2; round++)
        REQUIRE(works());
    return true;
}

/* Fails when a child inherits a lock that is held, or is given what the parent has in use. */
static bool a_child_of_a_threaded_process_allocates_and_frees(void)
{
    enum { THREADS = 3, FORKS = UNDER_SANITIZER ? 8 : 30 };
    pthread_t threads[THREADS];
    void *memory[SIZES];
    bool whole = true;

    for (size_t i = 0; i < SIZES; i++) {
        memory[i] = bufpool_malloc(sizes[i]);
        REQUIRE(memory[i] != NULL);
        fill(memory[i], sizes[i], i);
    }
    REQUIRE(pthread_barrier_init(&begun, NULL, THREADS + 1) == 0);
    for (uintptr_t i = 0; i < THREADS; i++)
        REQUIRE(pthread_create(&threads[i], NULL, traffic, (void *)(i + 1)) == 0);
    pthread_barrier_wait(&begun);
    for (int i = 0; i < FORKS && whole; i++) {
        int status;
        pid_t child = fork();
        if (child == 0)
            _exit(!child_works(memory));
        whole = child > 0 && waitpid(child, &status, 0) == child && status == 0;
    }
    atomic_store_explicit(&over, true, memory_order_relaxed);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    REQUIRE(whole);
    for (size_t i = 0; i < SIZES; i++) {
        REQUIRE(is_filled(memory[i], sizes[i], i));
        bufpool_free(memory[i]);
    }
    return true;
}

/* Fails when one of the above leaves something behind. */
static bool nothing_is_left(void)
{
    bufpool_stats_t stats = stats_of(NULL);
    REQUIRE(stats.in_use_bytes == 0 && stats.misuses == 0);
    return true;
}

int main(int count, char **arguments)
{
    static const struct property properties[] = {
        PROPERTY(memory_from_before_main_is_like_any_other),
        PROPERTY(a_process_ends_with_the_face_in_every_handler),
        PROPERTY(destructors_of_threads_may_allocate),
        PROPERTY(a_child_of_a_threaded_process_allocates_and_frees),
        PROPERTY(nothing_is_left),
    };

    if (count == 2 && strcmp(arguments[1], "life") == 0)
        return life();
    self = arguments[0];
    return properties_run(properties, sizeof properties / sizeof properties[0]);
}

/* The constructor of early.c has made the pool, and its key, by now; this one is made before even that. */
__attribute__((constructor(101))) static void first_key(void)
{
    pthread_key_create(&late[0].key, in_destructor);
}
