#include "measure.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

uint64_t measure_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void measure_sleep_until(uint64_t moment)
{
    struct timespec until = {(time_t)(moment / 1000000000u), (long)(moment % 1000000000u)};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
        ;
}

struct measured measure_loop(peer_loop loop, void *context, uint64_t chunk, unsigned milliseconds)
{
    struct measured result = {0, 0};
    uint64_t start = measure_now();
    do {
        loop(context, chunk);
        result.count += chunk;
        result.ns = measure_now() - start;
    } while (result.ns < (uint64_t)milliseconds * 1000000u);
    return result;
}

static uint64_t sum_of(const struct measure_count counts[], unsigned members)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < members; i++)
        sum += atomic_load_explicit(&counts[i].operations, memory_order_relaxed);
    return sum;
}

struct measured measure_counts(const struct measure_count counts[], unsigned members, unsigned milliseconds)
{
    uint64_t start = measure_now(), before = sum_of(counts, members);
    measure_sleep_until(start + milliseconds * UINT64_C(1000000));
    uint64_t end = measure_now();
    return (struct measured){end - start, sum_of(counts, members) - before};
}

unsigned measure_cpus(void)
{
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0)
        die("sched_getaffinity: %s", strerror(errno));
    return (unsigned)CPU_COUNT(&allowed);
}

/* Which core a CPU is a thread of: the lowest-numbered CPU of that core; `cpu` itself where it is not told.
 */
static int core_of(int cpu)
{
    char path[96];
    int first = cpu;
    snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", cpu);
    FILE *file = fopen(path, "re");
    if (!file)
        return cpu;
    if (fscanf(file, "%d", &first) != 1)
        first = cpu;
    fclose(file);
    return first;
}

void measure_pin(unsigned member)
{
    /* Chosen once, before any thread is pinned: a pinned thread would see only its own CPU. */
    static int chosen[2] = {-1, -1};
    if (chosen[0] < 0) {
        cpu_set_t allowed;
        if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0)
            die("sched_getaffinity: %s", strerror(errno));
        for (int cpu = CPU_SETSIZE - 1; cpu >= 0; cpu--) {
            if (!CPU_ISSET(cpu, &allowed))
                continue;
            if (chosen[0] < 0)
                chosen[0] = chosen[1] = cpu;
            else if (chosen[1] == chosen[0])
                chosen[1] = cpu; /* a sibling will do as long as nothing better is found */
            if (core_of(cpu) != core_of(chosen[0])) {
                chosen[1] = cpu;
                break;
            }
        }
    }
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(chosen[member % 2], &one);
    if (sched_setaffinity(0, sizeof(one), &one) != 0)
        die("cannot pin a thread to CPU %d: %s", chosen[member % 2], strerror(errno));
}

/* The file's text, cut to the buffer and terminated; false where it cannot be read. No stdio: that would
 * use the heap that is measured. */
static bool read_text(const char *path, char *text, size_t capacity)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return false;
    size_t length = 0;
    ssize_t got;
    while (length < capacity - 1 && (got = read(file, text + length, capacity - 1 - length)) > 0)
        length += (size_t)got;
    close(file);
    text[length] = '\0';
    return length > 0;
}

uint64_t measure_resident(void)
{
    char text[4096];
    if (read_text("/proc/self/smaps_rollup", text, sizeof(text))) {
        const char *line = strstr(text, "\nRss:");
        if (line)
            return strtoull(line + strlen("\nRss:"), NULL, 10) * 1024;
    }
    unsigned long long pages;
    if (read_text("/proc/self/statm", text, sizeof(text)) && sscanf(text, "%*u %llu", &pages) == 1)
        return pages * (uint64_t)sysconf(_SC_PAGESIZE);
    die("cannot read this process's resident memory; is /proc mounted?");
}

double measure_growth_mib(uint64_t start)
{
    return ((double)measure_resident() - (double)start) / MIB;
}
