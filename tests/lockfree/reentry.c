/*
 * May a signal handler get and put on a pool, wherever it interrupts a get or a
 * put of the same thread?
 *
 *   reentry [--must-fail] [WORD...]   only paths with such a word in the name
 *
 * A process walks each path (paths.h) with the trap flag (step.h). Behind every
 * instruction it forks: the child's handler uses the pool, just there and nowhere
 * else, then its path runs on to the end and the child says what it finds. The
 * parent steps on, undisturbed. (A bare fork, _Fork, by which the pool cannot tell
 * that it is a copy; there is only one thread.)
 *
 * The handler does one of three things: it gets buffers of several tiers and puts
 * them; it gets and keeps; it puts what was got before. The first alone would show
 * little: a buffer taken out and put back to where it was makes no difference.
 *
 * In the end no buffer has two owners, the accounts hold, and every idle buffer can
 * be had.
 *
 * --must-fail: the control. Linked with the library built without the store that
 * says "busy", the program passes if it has found faults where the flag matters.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "paths.h"
#include "pools.h"
#include "process.h"
#include "start.h"
#include "step.h"
#include "witness.h"

#define FAULTS_ENOUGH 3u /* then the rest of the path is not walked: the answer is known */
#define CHILD_CPU_S 20u  /* of less than a millisecond's work: a list that a fault has made endless */

enum act { ACT_GET_AND_PUT, ACT_KEEP, ACT_GIVE, ACTS };
static const char *const act_names[] = {"gets and puts", "gets", "puts"};

/* In memory that all processes share; one writes at a time. */
struct result {
    unsigned instructions;
    unsigned interruptions;
    unsigned faults;
    char said[128];  /* by the last child that found one */
    char fault[256]; /* the first */
};
static struct result *result;

/* One walk. */
static struct {
    const struct path *path;
    struct scene scene;
    bool is_child;
    bool taken; /* the path's figure has grown */
    /* The handler's. */
    bufpool_t
        *pool; /* one that the thread has used before; if the path is its first call of one, the other */
    void *kept[8];
    unsigned kept_count;
    bool two_owners;
} walk;

/* ------------------------------------------------------------ the handler */

static void *handler_get(size_t size)
{
    void *buffer = bufpool_get(walk.pool, size);

    bool must_be_had = walk.path->plan.max_bytes == 0;
    if ((buffer == NULL && must_be_had) ||
        (buffer != NULL && (is_among(buffer, walk.scene.held, walk.scene.held_count) ||
                            is_among(buffer, walk.kept, walk.kept_count))))
        walk.two_owners = true;
    return buffer;
}

static void keep(size_t size)
{
    void *buffer = handler_get(size);
    walk.kept[walk.kept_count++] = buffer;
}

static void give(void)
{
    while (walk.kept_count > 0)
        bufpool_put(walk.pool, walk.kept[--walk.kept_count]);
}

static void handle(enum act act)
{
    switch (act) {
    case ACT_KEEP:
        keep(SCENE_SIZE);
        keep(SCENE_OTHER_SIZE);
        keep(SCENE_SIZE);
        break;
    case ACT_GIVE:
        give();
        break;
    default: {
        void *buffer = handler_get(SCENE_SIZE);
        void *other = handler_get(SCENE_OTHER_SIZE);
        void *oversized = handler_get(SCENE_OVERSIZED);
        bufpool_put(walk.pool, oversized);
        bufpool_put(walk.pool, buffer);
        bufpool_put(walk.pool, other);
    }
    }
}

/* Behind an instruction. In a child that was forked here, false: on at full speed. */
static bool interrupt(unsigned instruction)
{
    const struct rlimit cpu = {.rlim_cur = CHILD_CPU_S, .rlim_max = CHILD_CPU_S};
    int status;

    if (walk.path->leap != 0 && instruction % walk.path->leap != 0)
        return true;

    for (enum act act = 0; act < ACTS; act++) {
        pid_t child = _Fork();
        MUST(child >= 0);
        if (child == 0) {
            walk.is_child = true;
            setrlimit(RLIMIT_CPU, &cpu);
            handle(act);
            return false;
        }
        while (waitpid(child, &status, 0) < 0)
            MUST(errno == EINTR);
        result->interruptions++;
        if (!WIFEXITED(status))
            snprintf(result->said, sizeof result->said, "it died of signal %d", WTERMSIG(status));
        if ((!WIFEXITED(status) || WEXITSTATUS(status) != 0) && result->faults++ == 0)
            snprintf(result->fault, sizeof result->fault, "a handler that %s behind instruction %u: %s",
                     act_names[act], instruction, result->said);
    }
    return result->faults < FAULTS_ENOUGH;
}

/* ------------------------------------------------------------ one walk */

/* Where not all that is idle is to be had, as in quarantine and in limbo, or its pages came without a carve.
 */
static bool goes_home(bufpool_t *pool)
{
    bufpool_trim(pool);
    return stats_of(pool).committed_bytes == 0;
}

/* NULL, or what is wrong, once everybody has put what he holds. */
static const char *verdict(void)
{
    struct scene *scene = &walk.scene;
    const struct scene_plan *plan = &walk.path->plan;

    for (unsigned i = 0; i < scene->held_count; i++)
        walk.two_owners = walk.two_owners || is_among(scene->held[i], scene->held, i) ||
                          is_among(scene->held[i], walk.kept, walk.kept_count);
    if (walk.two_owners)
        return "a buffer has two owners, or could not be had";

    scene_put_all(scene);
    give();
    const char *fault = scene_fault(scene);
    if (fault != NULL)
        return fault;
    if (plan->reserves || plan->words != NULL || plan->max_bytes != 0)
        return goes_home(scene->pool) && goes_home(scene->other) ? NULL : "a buffer is lost";
    return nothing_is_lost(scene->pool) && nothing_is_lost(scene->other) ? NULL : "a buffer is lost";
}

/* The path lies behind us: a child says what it finds, and is gone. */
static void behind_path(void)
{
    unsigned instructions = step_end();

    if (!walk.is_child) {
        result->instructions = instructions;
        return;
    }
    const char *fault = verdict();
    if (fault != NULL)
        snprintf(result->said, sizeof result->said, "%s", fault);
    exit_directly(fault != NULL);
}

/*
 * A path that is a thread's end: to the last of its TLS destructors. libc blocks
 * signals behind them, and a trap that is blocked kills. Ours runs behind the
 * pool's, whose key is older, and like the pool's it lets the first round pass.
 */
static pthread_key_t last_key;

static void last_destructor(void *arg)
{
    static char second_round;

    if (arg == &second_round)
        behind_path();
    else
        MUST(pthread_setspecific(last_key, &second_round) == 0);
}

static void *walk_to_the_end(void *arg)
{
    (void)arg;
    walk.path->prepare(&walk.scene);
    MUST(pthread_setspecific(last_key, &walk) == 0);
    step_begin(interrupt);
    return NULL;
}

static void walk_path(void)
{
    const struct path *path = walk.path;
    uint64_t before;

    if (path->run == NULL) {
        pthread_t thread;
        before = path_figure(path, &walk.scene);
        MUST(pthread_create(&thread, NULL, walk_to_the_end, NULL) == 0);
        MUST(pthread_join(thread, NULL) == 0);
    } else {
        if (path->prepare != NULL)
            path->prepare(&walk.scene);
        before = path_figure(path, &walk.scene);
        step_begin(interrupt);
        path->run(&walk.scene);
        behind_path();
    }
    walk.taken = path_figure(path, &walk.scene) > before;
}

static int walk_scene(void *arg)
{
    (void)arg;
    scene_open(&walk.scene, &walk.path->plan);
    walk.pool = walk.path->first_attach ? walk.scene.other : walk.scene.pool;
    /* What a handler will put. A tier that must not have been used before stays so. */
    keep(SCENE_OTHER_SIZE);
    if (!walk.path->first_use)
        keep(SCENE_SIZE);
    walk_path();
    const char *fault = verdict();
    if (fault == NULL && !walk.taken)
        fault = "undisturbed, the path is not what its name says";
    if (fault != NULL && result->faults++ == 0)
        snprintf(result->fault, sizeof result->fault, "%s", fault);
    scene_close(&walk.scene);
    return 0;
}

/* ------------------------------------------------------------ all paths */

/* In a process of its own: a fault may end it. */
static void measure(void)
{
    memset(result, 0, sizeof *result);
    struct child_end end = child_run(walk_scene, NULL);
    if (!child_exited(&end, 0) && result->faults++ == 0)
        snprintf(result->fault, sizeof result->fault, "the process died, status %#x: %.150s",
                 (unsigned)end.status, end.errors);
}

/* Here a handler that does not see that it interrupts the thread in its block does harm. */
static bool flag_matters(const struct path *path)
{
    static const char *const names[] = {"get, a hit", "put, a hit", "get, refill", "put, flush"};

    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(path->name, names[i]) == 0)
            return true;
    return false;
}

int main(int argc, char **argv)
{
    bool must_fail = argc > 1 && strcmp(argv[1], "--must-fail") == 0;
    unsigned passed = 0;
    unsigned failed = 0;
    unsigned long interruptions = 0;

    start_bound(argv);
    setvbuf(stdout, NULL, _IOLBF, 0);
    result = mmap(NULL, sizeof *result, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    MUST(result != MAP_FAILED);
    bufpool_destroy(still_pool()); /* the pool's key comes before ours */
    MUST(pthread_key_create(&last_key, last_destructor) == 0);

    printf("%-20s %12s %13s %7s\n", "path", "instructions", "interruptions", "faults");
    for (unsigned i = 0; i < paths_count; i++) {
        walk.path = &paths[i];
        /* There is nobody else here who could collect. */
        if (walk.path->others == OTHERS_COLLECT || (must_fail && !flag_matters(walk.path)) ||
            !start_wants(walk.path->name, argc - 1 - must_fail, argv + 1 + must_fail))
            continue;
        measure();
        printf("%-20s %12u %13u %7u\n", walk.path->name, result->instructions, result->interruptions,
               result->faults);
        if (result->faults > 0)
            printf("    %s\n", result->fault);
        bool good = result->interruptions > 0 && must_fail == (result->faults > 0);
        if (!good)
            printf("FAIL %s\n", walk.path->name);
        *(good ? &passed : &failed) += 1;
        interruptions += result->interruptions;
    }
    printf("%lu interruptions\n", interruptions);
    printf("%u passed, %u failed\n", passed, failed);
    return failed != 0;
}
