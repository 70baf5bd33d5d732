/*
 * Does a thread that is stopped anywhere, for ever, keep others from getting and
 * putting?
 *
 *   lockfree [--all] [WORD...]   only paths with such a word in the name
 *
 * A thread of another process walks each path (paths.h). First it is stepped
 * through, undisturbed; what it executes is written down. Then, for every k (of
 * paths above LONG_PATH instructions every LEAP-th, with --all every one), it runs
 * to instruction k and is suspended there (tracer.h), and two others must finish a
 * round of gets and puts (stage.h) before it goes on. Once a run, since what they
 * do sends it another way: a get that was about to carve finds what they have put.
 *
 * The control is a pool with a lock: where it does not stall, nothing is proved
 * and the program fails. The library is the one that users link.
 */
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pools.h"
#include "stall.h"
#include "start.h"
#include "tracer.h"

#define LONG_PATH 1200u /* instructions */
#define LEAP 5u         /* a prime, so that no loop keeps step with it */
#define INSTRUCTIONS_MAX (1u << 17)
#define STALLS_ENOUGH 3u /* then the rest of the path is not walked: the answer is known */
#define SUSPENSIONS_MIN 10000u
#define EXIT_SKIPPED 77

struct result {
    unsigned instructions;
    unsigned suspensions;
    unsigned places; /* distinct addresses among them */
    unsigned stalls;
    uint64_t least; /* operations of one of the others during a suspension */
    uint64_t depot; /* gets that no bin served, all suspensions together */
    uint64_t steals;
    char fault[256];
};

struct walk {
    struct stage *stage;
    pid_t process;
    struct result *result;
    bool quiet; /* stalls are expected */
    uint32_t run;
    uintptr_t place[INSTRUCTIONS_MAX]; /* of instruction k, undisturbed */
};

static bool fail(struct walk *walk, const char *why)
{
    if (walk->result->fault[0] == '\0')
        snprintf(walk->result->fault, sizeof walk->result->fault, "%s", why);
    return false;
}

/* Wait until the word is no longer `value`; false: the process has ended. */
static bool answered(struct walk *walk, _Atomic uint32_t *word, uint32_t value)
{
    while (atomic_load(word) == value) {
        siginfo_t end = {0};
        word_wait(word, value, 100);
        if (waitid(P_PID, (id_t)walk->process, &end, WEXITED | WNOHANG | WNOWAIT) != 0 || end.si_pid != 0)
            return fail(walk, "the process has ended");
    }
    return true;
}

/* ------------------------------------------------------------ one run */

/* A subject in front of its path, stopped. */
static bool run_begin(struct walk *walk, pid_t *subject)
{
    struct stage *stage = walk->stage;

    atomic_store(&stage->subject, 0);
    word_set(&stage->run, ++walk->run);
    if (!answered(walk, &stage->subject, 0))
        return false;
    *subject = (pid_t)atomic_load(&stage->subject);
    int error = tracer_seize(*subject);
    if (error != 0)
        return fail(walk, strerror(-error));
    word_set(&stage->begin, walk->run);
    tracer_await(*subject);
    return true;
}

/* It has been let go, or has ended; those who stalled go on then. */
static bool run_end(struct walk *walk)
{
    if (!answered(walk, &walk->stage->ended, walk->run - 1))
        return false;
    return walk->stage->fault[0] == '\0' || fail(walk, walk->stage->fault);
}

static bool run_undisturbed(struct walk *walk)
{
    unsigned count = 0;
    pid_t subject;

    if (!run_begin(walk, &subject))
        return false;
    bool ended = false;
    while (!ended && !atomic_load(&walk->stage->behind) && count < INSTRUCTIONS_MAX) {
        uintptr_t place = tracer_place(subject);
        if (count == 0 ||
            walk->place[count - 1] != place) /* a repeated string operation is one instruction */
            walk->place[count++] = place;
        ended = !tracer_step(subject);
    }
    if (!ended)
        tracer_release(subject);
    walk->result->instructions = count;
    if (!run_end(walk))
        return false;
    if (!walk->stage->taken)
        return fail(walk, "undisturbed, the path is not what its name says");
    return count < INSTRUCTIONS_MAX || fail(walk, "the path is longer than this test thought");
}

/* "libbufpool.so.0+0x1234": for addr2line. The process is our fork, so addresses mean the same here. */
static void say_where(uintptr_t place, unsigned instruction, const char *why)
{
    Dl_info info;
    const char *file = "?";
    uintptr_t base = 0;

    if (dladdr((void *)place, &info) != 0 && info.dli_fname != NULL) {
        const char *slash = strrchr(info.dli_fname, '/');
        file = slash != NULL ? slash + 1 : info.dli_fname;
        base = (uintptr_t)info.dli_fbase;
    }
    printf("    stall at instruction %u, %s+%#lx: %s\n", instruction, file, (unsigned long)(place - base),
           why);
}

/* The subject stands still: the others' turn. */
static void suspend(struct walk *walk, unsigned instruction)
{
    struct stage *stage = walk->stage;
    struct result *result = walk->result;
    uint32_t round = atomic_load(&stage->round) + 1;
    uint64_t before[OTHERS];

    for (unsigned i = 0; i < OTHERS; i++)
        before[i] = atomic_load(&stage->other[i].operations);
    word_set(&stage->round, round);
    const char *why = stall_watch(stage, walk->process, round);
    for (unsigned i = 0; i < OTHERS; i++) {
        uint64_t done = atomic_load(&stage->other[i].operations) - before[i];
        if (done < result->least)
            result->least = done;
    }
    result->suspensions++;
    result->stalls += why != NULL;
    if (why != NULL && !walk->quiet)
        say_where(walk->place[instruction], instruction, why);
}

static unsigned times_until(const struct walk *walk, unsigned instruction)
{
    unsigned times = 0;
    for (unsigned i = 0; i <= instruction; i++)
        times += walk->place[i] == walk->place[instruction];
    return times;
}

/*
 * A run that is suspended at instruction k. The first stands at the stop in front
 * of the path. Should it go another way than the undisturbed one and not come
 * there, it is one suspension less; is_good says how few may be missing.
 */
static bool run_suspended(struct walk *walk, unsigned instruction)
{
    struct result *result = walk->result;
    pid_t subject;

    if (!run_begin(walk, &subject))
        return false;
    unsigned times = times_until(walk, instruction);
    bool there = tracer_place(subject) == walk->place[instruction] && times == 1;
    if (there || tracer_run_to(subject, walk->place[instruction], times)) {
        result->places += times == 1;
        suspend(walk, instruction);
        tracer_release(subject);
    }
    if (!run_end(walk))
        return false;
    result->depot += walk->stage->depot;
    result->steals += walk->stage->steals;
    return true;
}

/* ------------------------------------------------------------ one path */

static struct walk *walk_begin(const struct play *play, struct result *result)
{
    struct walk *walk = calloc(1, sizeof *walk);

    MUST(walk != NULL);
    walk->stage = mmap(NULL, sizeof *walk->stage, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    MUST(walk->stage != MAP_FAILED);
    *result = (struct result){.least = UINT64_MAX};
    walk->result = result;
    walk->quiet = play->path == NULL && (play->lock == LOCK_MUTEX || play->lock == LOCK_SPIN);
    fflush(NULL);
    walk->process = fork();
    MUST(walk->process >= 0);
    if (walk->process == 0)
        stage_play(walk->stage, play);
    return walk;
}

static void walk_end(struct walk *walk)
{
    int status;

    word_set(&walk->stage->run, RUN_NONE);
    if (walk->result->fault[0] != '\0')
        kill(walk->process, SIGKILL);
    while (waitpid(walk->process, &status, 0) < 0)
        MUST(errno == EINTR);
    if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
        snprintf(walk->result->fault, sizeof walk->result->fault, "died of signal %d", WTERMSIG(status));
    munmap(walk->stage, sizeof *walk->stage);
    free(walk);
}

static unsigned leap_of(const struct path *path, unsigned instructions, bool all)
{
    if (all || path == NULL)
        return 1;
    return path->leap != 0 ? path->leap : instructions <= LONG_PATH ? 1 : LEAP;
}

static void measure(const struct play *play, bool all, struct result *result)
{
    struct walk *walk = walk_begin(play, result);
    bool good = run_undisturbed(walk);
    unsigned leap = leap_of(play->path, result->instructions, all);

    for (unsigned k = 0; good && k < result->instructions && result->stalls < STALLS_ENOUGH; k += leap)
        good = run_suspended(walk, k);
    if (result->suspensions == 0)
        result->least = 0;
    walk_end(walk);
}

/* ------------------------------------------------------------ all of them */

static struct {
    unsigned passed, failed;
} cases;

static void count_case(bool good, const char *name)
{
    if (!good)
        printf("FAIL %s\n", name);
    *(good ? &cases.passed : &cases.failed) += 1;
}

static void print_result(const char *name, const struct result *result)
{
    printf("%-20s %12u %11u %7u %13llu %10llu %8llu %7u\n", name, result->instructions, result->suspensions,
           result->places, (unsigned long long)result->least, (unsigned long long)result->depot,
           (unsigned long long)result->steals, result->stalls);
    if (result->fault[0] != '\0')
        printf("    %s\n", result->fault);
}

/* Nine in ten runs come where they should; each other does its round; and it cannot do it from its bin. */
static bool is_good(const struct path *path, const struct result *result, bool all)
{
    unsigned leap = leap_of(path, result->instructions, all);
    uint64_t bursts = (uint64_t)result->suspensions * OTHERS * ROUND_OPERATIONS / (2 * BURST);

    return result->fault[0] == '\0' && result->stalls == 0 && result->least >= ROUND_OPERATIONS &&
           result->suspensions >= result->instructions / leap / 10 * 9 && result->depot >= bursts &&
           (path->no_shards || result->steals > 0);
}

static unsigned measure_paths(bool all, int words_count, char **words)
{
    unsigned suspensions = 0;

    for (unsigned i = 0; i < paths_count; i++) {
        struct result result;
        if (!start_wants(paths[i].name, words_count, words))
            continue;
        measure(&(struct play){.path = &paths[i]}, all, &result);
        print_result(paths[i].name, &result);
        count_case(is_good(&paths[i], &result, all), paths[i].name);
        suspensions += result.suspensions;
    }
    return suspensions;
}

/* A lock must stall; an idle connection acquired and released, while others do the same, must not. */
static void measure_locked(enum lock_kind lock, const char *name)
{
    struct result result;

    measure(&(struct play){.lock = lock}, true, &result);
    print_result(name, &result);
    bool is_good = lock == LOCK_MUTEX || lock == LOCK_SPIN
                       ? result.stalls >= STALLS_ENOUGH
                       : result.stalls == 0 && result.least >= ROUND_OPERATIONS &&
                             result.suspensions >= result.instructions / 10 * 9;
    count_case(result.fault[0] == '\0' && is_good, name);
}

int main(int argc, char **argv)
{
    bool all = argc > 1 && strcmp(argv[1], "--all") == 0;
    int words = argc - 1 - all;

    start_bound(argv);
    setvbuf(stdout, NULL, _IOLBF, 0);
    int error = tracer_error();
    if (error != 0) {
        printf("lockfree: skipped: this system does not let a process trace its child (%s)\n",
               strerror(-error));
        return EXIT_SKIPPED;
    }

    printf("%-20s %12s %11s %7s %13s %10s %8s %7s\n", "path", "instructions", "suspensions", "places",
           "others' least", "depot", "steals", "stalls");
    unsigned suspensions = measure_paths(all, words, argv + 1 + all);
    if (start_wants("connections", words, argv + 1 + all)) {
        measure_locked(LOCK_NONE, "connections");
        measure_locked(LOCK_NONE_FAR, "connections, far");
    }
    measure_locked(LOCK_MUTEX, "control: mutex");
    measure_locked(LOCK_SPIN, "control: spin lock");
    if (words == 0)
        count_case(suspensions >= SUSPENSIONS_MIN, "at least 10000 suspensions");
    printf("%u suspensions\n", suspensions);
    printf("%u passed, %u failed\n", cases.passed, cases.failed);
    return cases.failed != 0;
}
