/*
 * days - thirty days of a pool that is busy now and then: does idle memory go home each time, and does
 * nothing grow?
 *
 *   soak_days [--long]
 *
 * The clock is the test's own; a second is a step, and the collector's interval. Bursts of random sizes come
 * at random, are held for a while, and are put by one of two threads, of which one then sleeps. Two intervals
 * after the last put of a lull no more may be backed than is in use, and the process may be no larger than
 * after the first hour by more than GROWTH_MOST (not asked of a sanitizer's
 * build, which keeps memory of its own).
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "worker.h"
#include "witness.h"

#define STEP_MS 1000u
#define STEPS_A_DAY 86400u
#define BURST_MOST 256u
#define LULL 3u /* the last put falls between two collections; then it is a victim, then cold and gone */
#define GROWTH_MOST ((size_t)1 << 20)

struct days {
    bufpool_t *pool;
    struct worker other;
    uint64_t random;
    void *buffers[BURST_MOST];
    unsigned held;
    unsigned steps_idle; /* since the last put */
    uint64_t bursts, lulls;
    size_t resident, resident_most;
};

static size_t resident_bytes(void)
{
    char text[128];
    int file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    ssize_t got = read(file, text, sizeof text - 1);
    char *pages;

    close(file);
    MUST(got > 0);
    text[got] = '\0';
    strtoul(text, &pages, 10);
    return strtoul(pages, NULL, 10) * (size_t)sysconf(_SC_PAGESIZE);
}

static void burst(void *arg)
{
    struct days *days = arg;
    unsigned count = 1 + (unsigned)(random_next(&days->random) % BURST_MOST);
    size_t most = (size_t)512 << random_next(&days->random) % 12;

    while (days->held < count) {
        size_t size = random_size(&days->random, most);
        void *buffer = bufpool_get(days->pool, size);
        MUST(buffer != NULL);
        memset(buffer, 1, size < 16 * KIB ? size : 16 * KIB);
        days->buffers[days->held++] = buffer;
    }
    days->bursts++;
}

static void put_all(void *arg)
{
    struct days *days = arg;

    while (days->held > 0)
        bufpool_put(days->pool, days->buffers[--days->held]);
    days->steps_idle = 0;
}

static void by_somebody(struct days *days, void (*job)(void *arg))
{
    if (random_next(&days->random) % 2 == 0)
        job(days);
    else
        worker_do(&days->other, job, days);
}

static bool step(struct days *days)
{
    uint64_t dice = random_next(&days->random) % 16;

    if (days->held == 0 && dice == 0)
        by_somebody(days, burst);
    else if (days->held > 0 && dice < 4)
        by_somebody(days, put_all);
    later(STEP_MS);
    if (days->held > 0 || ++days->steps_idle != LULL)
        return true;
    days->lulls++;
    bufpool_stats_t stats = stats_of(days->pool);
    if (stats.committed_bytes != 0)
        return broken("%llu bytes are backed %u intervals after the last put, none in use",
                      (unsigned long long)stats.committed_bytes, LULL);
    size_t resident = resident_bytes();
    if (!UNDER_SANITIZER && days->resident != 0 && resident > days->resident + GROWTH_MOST)
        return broken("%zu KiB are resident, %zu after the first hour", resident >> 10, days->resident >> 10);
    if (resident > days->resident_most)
        days->resident_most = resident;
    return true;
}

static bool live(struct days *days, uint64_t steps)
{
    for (uint64_t i = 0; i < steps; i++) {
        REQUIRE(step(days));
        if (i == 3600)
            days->resident = days->resident_most;
        if (i % STEPS_A_DAY == STEPS_A_DAY - 1)
            fprintf(stderr, "soak_days: day %llu\n", (unsigned long long)(i / STEPS_A_DAY + 1));
    }
    put_all(days);
    return true;
}

int main(int argc, char **argv)
{
    static struct days days = {.random = 1};
    bool is_long = argc == 2 && strcmp(argv[1], "--long") == 0;
    bufpool_config_t config = plain_config();

    if (argc > 1 && !is_long) {
        fprintf(stderr, "usage: soak_days [--long]\n");
        return 2;
    }
    uint64_t steps = SCALED(is_long ? 30 * STEPS_A_DAY : STEPS_A_DAY / 2);
    config.collect_interval_ms = STEP_MS;
    days.pool = pool_from(&config);
    if (!stats_of(days.pool).remote_reclaim) {
        printf("    skipped: no membarrier here, or not to be used\n1 passed, 0 failed\n");
        return 0;
    }
    clock_begin(NULL);
    bufpool_put(days.pool, bufpool_get(days.pool, 4096)); /* starts the collector */
    worker_start(&days.other);
    bool holds = live(&days, steps);
    worker_end(&days.other);
    uint64_t collections = stats_of(days.pool).collections;
    holds = holds && ends_well(days.pool);
    clock_end();
    printf("soak_days: %.1f days, %llu bursts, %llu lulls, %llu collections; resident %zu KiB after an hour, "
           "%zu at most\n",
           (double)steps / STEPS_A_DAY, (unsigned long long)days.bursts, (unsigned long long)days.lulls,
           (unsigned long long)collections, days.resident >> 10, days.resident_most >> 10);
    printf("%d passed, %d failed\n", holds, !holds);
    return !holds;
}
