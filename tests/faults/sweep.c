/*
 * sweep - every call the library makes to the system fails once: for each kind of
 * call the 1st, the 2nd, the 3rd, until a whole life of a pool goes by without one
 * left to fail. Each time in a process of its own:
 *
 *   - what fails says so: a negative errno, or NULL with ENOMEM; else nothing happens
 *   - afterwards the same pool serves the same life without a failure
 *   - nothing is lost: the accounts hold, all that idled can go home
 *   - destroy leaves as much address space as there was
 *
 *   sweep [--words=WORDS] [KIND [K]]      all, one kind, or one call of it; with debug words a smaller life
 *
 * The last line is "N passed, N failed[, N skipped]", counting kinds.
 */
#include <errno.h>
#include <execinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "injector.h"
#include "life.h"
#include "pools.h"
#include "process.h"

#define NAME_OF(name) #name,
static const char *const kind_name[] = {FAULT_KINDS(NAME_OF)};

static const char *words; /* NULL: those of the build, mostly none */

/* Shared with the process of a run. */
struct run {
    enum fault_kind kind;
    unsigned k;
    bool reached;       /* a call failed */
    bool create_failed; /* with a clear error */
    uint64_t failures;  /* calls that told of it */
    size_t grown;       /* address space that was not there before */
    char fault[256];
};
static struct run *run;

static void say(const char *fault)
{
    if (fault != NULL && run->fault[0] == '\0')
        snprintf(run->fault, sizeof run->fault, "%s", fault);
}

static bool has_word(const char *word)
{
    return words != NULL && strstr(words, word) != NULL;
}

static bufpool_config_t config_of_run(void)
{
    bufpool_config_t config = life_config();
    config.debug = words;
    return config;
}

/* A pool, with the fault armed; NULL where create told of it. */
static bufpool_t *create_armed(void)
{
    bufpool_config_t config = config_of_run();
    bufpool_t *const untouched = (bufpool_t *)&config;
    bufpool_t *pool = untouched;

    injector_arm();
    int error = bufpool_create(&pool, &config);
    injector_disarm();
    if (error == 0)
        return pool;
    run->create_failed = true;
    if (pool != untouched || (error != -ENOMEM && error != -EAGAIN))
        say("create failed without a clear error");
    return NULL;
}

static void live_with_a_fault(struct life *life)
{
    if (life->pool == NULL)
        return;
    life->may_fail = true;
    injector_arm();
    life_run(life);
    injector_disarm();
    run->failures = life->failures;
    if (life->failures > 1 && run->kind != FAULT_NONE)
        say("one call of the system failed, and more than one of the pool's"); /* it can be tried again */
}

/* Again, and now nothing fails; with a new pool where there was none. */
static void live_without(struct life *life)
{
    bufpool_config_t config = config_of_run();

    if (life->pool == NULL && bufpool_create(&life->pool, &config) != 0) {
        say("a second create fails too");
        return;
    }
    life->may_fail = false;
    life_run(life);
    say(life->fault);
    injector_arm(); /* giving back counts too */
    worker_end(&life->worker);
    bufpool_destroy(life->pool);
    injector_disarm();
}

static int run_in_child(void *arg)
{
    /* Each word is one more step a buffer, and guard some system calls. */
    const bool guarded = has_word("guard");
    const unsigned each = guarded ? 1 : words != NULL ? 2 : 0;
    struct life life = {.seed = 1, .small = words != NULL, .each = each, .guarded = guarded};
    size_t before;

    (void)arg;
    const char *excuse = injector_prepare(run->kind, run->k);
    if (excuse != NULL) {
        say(excuse);
        return 77;
    }
    before = status_bytes("VmSize");
    life.pool = create_armed();
    worker_start(&life.worker);
    live_with_a_fault(&life);
    live_without(&life);
    run->grown = status_bytes("VmSize") - before;
    run->reached = injector_has_failed();
    return 0;
}

static struct child_end run_once(enum fault_kind kind, unsigned k)
{
    memset(run, 0, sizeof *run);
    run->kind = kind;
    run->k = k;
    return child_run(run_in_child, NULL);
}

/* Threads' stacks, which libc keeps, and handles of pools, which we do. */
static size_t grown_usually;

/* What a munmap that was refused leaves behind is the refusal's. */
static bool leaks(void)
{
    return !UNDER_SANITIZER && run->kind != FAULT_RELEASE && run->grown > grown_usually;
}

static bool is_good(const struct child_end *end)
{
    const char *name = run->kind == FAULT_NONE ? "no call" : kind_name[run->kind];

    if (child_exited(end, 0) && end->errors[0] == '\0' && run->fault[0] == '\0' && !leaks())
        return true;
    printf("FAIL %s %u: status %#x%s%s%s%s; %zu bytes of address space more than before, usually %zu\n", name,
           run->k, (unsigned)end->status, run->fault[0] != '\0' ? ", " : "", run->fault,
           end->errors[0] != '\0' ? ", printed " : "", end->errors, run->grown, grown_usually);
    return false;
}

/* Enough for any life; more is a loop that never ends. */
enum { K_MOST = 5000 };

/* Does a life make such a call? With guard or quarantine no thread caches anything that a collection takes.
 */
static bool is_met(enum fault_kind kind)
{
    return kind != FAULT_BARRIER || (!has_word("guard") && !has_word("quarantine"));
}

static bool sweep_kind(enum fault_kind kind, unsigned *told)
{
    unsigned k = 0;
    bool good = true;

    *told = 0;
    do {
        struct child_end end = run_once(kind, k);
        good = is_good(&end) && good;
        *told += run->failures != 0 || run->create_failed;
    } while (run->reached && ++k < K_MOST);
    good = good && (k > 0) == is_met(kind) && k < K_MOST;
    printf("%s %s: %u calls failed one by one, %u times a caller was told\n", good ? "pass" : "FAIL",
           kind_name[kind], k, *told);
    return good;
}

static unsigned kind_of_name(const char *name)
{
    unsigned kind = 0;
    while (kind < FAULT_NONE && strcmp(kind_name[kind], name) != 0)
        kind++;
    return kind;
}

int main(int argc, char **argv)
{
    static const char option[] = "--words=";
    unsigned count[2] = {0, 0};
    unsigned told;

    if (argc > 1 && strncmp(argv[1], option, strlen(option)) == 0) {
        words = argv[1] + strlen(option);
        argv[1] = argv[0];
        argv++;
        argc--;
    }
    unsigned wanted = argc > 1 ? kind_of_name(argv[1]) : FAULT_NONE;

    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc > 3 || (argc > 1 && wanted == FAULT_NONE)) {
        fprintf(stderr, "usage: %s [--words=WORDS] [KIND [K]]\n", argv[0]);
        return 2;
    }
    void *frame;
    backtrace(&frame, 1); /* libc loads a library for its first one: those calls are not ours to fail */
    run = mmap(NULL, sizeof *run, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    MUST(run != MAP_FAILED);
    struct child_end end = run_once(FAULT_NONE, 0);
    if (child_exited(&end, 77)) {
        printf("   skipped: %s\n0 passed, 0 failed, 1 skipped\n", run->fault);
        return 0;
    }
    grown_usually = run->grown;
    if (!is_good(&end))
        return 1;
    if (argc == 3) {
        end = run_once(wanted, (unsigned)strtoul(argv[2], NULL, 10));
        return !is_good(&end);
    }
    for (unsigned kind = 0; kind < FAULT_NONE; kind++) {
        if ((wanted == FAULT_NONE || kind == wanted) && injector_knows(kind))
            count[sweep_kind(kind, &told)]++;
    }
    printf("%u passed, %u failed\n", count[true], count[false]);
    return count[false] != 0;
}
