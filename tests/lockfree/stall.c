#include "stall.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the kernel knows of a thread. */
struct kernel_view {
    char state; /* R runs or could, S sleeps, D waits in the kernel */
    uint64_t cpu_ms;
    uint64_t sleeps; /* how often it gave the processor away */
};

struct watched {
    uint64_t operations;     /* finished when we last saw it get on */
    struct kernel_view then; /* at that moment */
    struct kernel_view last; /* at the last look */
    unsigned asleep;         /* looks in a row without having run */
};

static bool read_file(const char *path, char *text, size_t size)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    size_t got = fread(text, 1, size - 1, file);
    fclose(file);
    text[got] = '\0';
    return got > 0;
}

static bool look(pid_t process, uint32_t thread, struct kernel_view *view)
{
    char path[64];
    char text[4096];
    unsigned long user;
    unsigned long system;
    unsigned long long sleeps;

    snprintf(path, sizeof path, "/proc/%d/task/%u/stat", (int)process, thread);
    if (!read_file(path, text, sizeof text))
        return false;
    const char *behind_name = strrchr(text, ')');
    if (behind_name == NULL || sscanf(behind_name, ") %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
                                      &view->state, &user, &system) != 3)
        return false;
    view->cpu_ms = (user + system) * 1000 / (unsigned long)sysconf(_SC_CLK_TCK);

    snprintf(path, sizeof path, "/proc/%d/task/%u/status", (int)process, thread);
    if (!read_file(path, text, sizeof text))
        return false;
    const char *line = strstr(text, "\nvoluntary_ctxt_switches:");
    if (line == NULL || sscanf(line, "\nvoluntary_ctxt_switches: %llu", &sleeps) != 1)
        return false;
    view->sleeps = sleeps;
    return true;
}

enum going { GETS_ON, ASLEEP, SPINS, CIRCLES };

/* One that has not finished, seen anew. */
static enum going judge(struct watched *watched, uint64_t operations, const struct kernel_view *now)
{
    bool first = watched->then.state == '\0';

    if (first || operations != watched->operations) {
        *watched = (struct watched){.operations = operations, .then = *now, .last = *now};
        return GETS_ON;
    }
    watched->asleep = now->state == 'S' && watched->last.state == 'S' && now->sleeps == watched->last.sleeps
                          ? watched->asleep + 1
                          : 0;
    watched->last = *now;
    if (now->cpu_ms - watched->then.cpu_ms >= SPIN_CPU_MS)
        return SPINS;
    if (now->sleeps - watched->then.sleeps >= SLEEPS_MAX)
        return CIRCLES;
    return watched->asleep >= LOOKS_ASLEEP ? ASLEEP : GETS_ON;
}

const char *stall_watch(struct stage *stage, pid_t process, uint32_t round)
{
    struct watched watched[OTHERS];

    memset(watched, 0, sizeof watched);
    for (;;) {
        uint32_t arrivals = atomic_load(&stage->arrivals);
        unsigned unfinished = 0;
        for (unsigned i = 0; i < OTHERS; i++)
            unfinished += atomic_load(&stage->other[i].finished) != round;
        if (unfinished == 0)
            return NULL;
        word_wait(&stage->arrivals, arrivals, LOOK_EVERY_MS);
        if (atomic_load(&stage->arrivals) != arrivals)
            continue;

        unsigned asleep = 0;
        for (unsigned i = 0; i < OTHERS; i++) {
            const struct other *other = &stage->other[i];
            struct kernel_view now;
            if (atomic_load(&other->finished) == round)
                continue;
            if (!look(process, atomic_load(&other->thread), &now))
                return "the process has ended";
            switch (judge(&watched[i], atomic_load(&other->operations), &now)) {
            case SPINS:
                return "one spins";
            case CIRCLES:
                return "one sleeps and wakes without end";
            case ASLEEP:
                asleep++;
                break;
            case GETS_ON:
                break;
            }
        }
        if (asleep > 0 && asleep == unfinished)
            return "all who have not finished sleep";
    }
}
