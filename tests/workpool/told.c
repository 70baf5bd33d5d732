/*
 * What the pool tells of itself: histograms, and the three formats.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "crew.h"
#include "text.h"

static void let_time_pass(void *arg)
{
    atomic_fetch_add(&crew_now_ms, *(const uint64_t *)arg);
}

/* Fails when a time is counted into another bucket than the header says. */
Test(workpool_told, histograms_count_waits_and_runs_by_powers_of_two_of_microseconds)
{
    /* In microseconds 0, 1000, 2000, 64000: below 2^0, 2^10, 2^11, 2^16. */
    static const uint64_t ms[] = {0, 1, 2, 64}, bucket[] = {0, 10, 11, 16};
    workpool_t *pool = crew_of(1, 4);
    struct gate gate;

    for (int i = 0; i < 4; i++) {
        gate_init(&gate);
        gate_occupy(&gate, pool);
        crew_submit(pool, let_time_pass, (void *)(uintptr_t)&ms[i]);
        atomic_fetch_add(&crew_now_ms, ms[i]); /* passes while it waits, and while the gate is run */
        gate_open(&gate);
        cr_assert(eq(int, workpool_drain(pool, UINT32_MAX), 0));
    }
    workpool_stats_t stats = crew_stats(pool);
    for (int i = 1; i < 4; i++) {
        cr_assert(eq(u64, stats.wait_histogram[bucket[i]], 1), "%d", i);
        cr_assert(eq(u64, stats.run_histogram[bucket[i]], 2), "%d", i);
    }
    cr_assert(eq(u64, stats.wait_histogram[0], 5), "of the gates', and the first");
    cr_assert(eq(u64, stats.run_histogram[0], 2));
    cr_assert(eq(u64, stats.wait_ns, 67000000));
    cr_assert(eq(u64, stats.run_ns, 134000000));
    workpool_destroy(pool);
}

static char *dump_of(workpool_t *pool, enum bufpool_format format)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    MUST(out != NULL);
    cr_assert(eq(int, workpool_dump(pool, out, format), 0));
    fclose(out);
    return text;
}

/* Fails when a format is not what its readers take, or a number differs from the statistics'. */
Test(workpool_told, dumps_are_a_table_valid_json_and_prometheus_text)
{
    workpool_config_t config = crew_config(2, 8);
    _Atomic unsigned runs = 0;
    workpool_stats_t small = WORKPOOL_STATS_INIT;

    config.name = "a \"quoted\\ name";
    workpool_t *pool = crew_from(&config);
    for (int i = 0; i < 5; i++)
        cr_assert(eq(int, workpool_submit_wait(pool, job_count, &runs), 0));
    cr_assert(eq(int, workpool_drain(pool, UINT32_MAX), 0));

    char *text = dump_of(pool, BUFPOOL_JSON);
    cr_assert(json_is_valid(text), "%s", text);
    cr_assert(eq(u64, json_number(text, "submits"), 5));
    cr_assert(eq(u64, json_number(text, "runs"), 5));
    free(text);
    text = dump_of(pool, BUFPOOL_PROMETHEUS);
    cr_assert(prometheus_fault(text) == NULL, "%s in\n%s", prometheus_fault(text), text);
    cr_assert(strstr(text, "workpool_runs_total{pool=\"a \\\"quoted\\\\ name\"} 5\n") != NULL, "%s", text);
    cr_assert(strstr(text, "workpool_wait_seconds_bucket{pool=\"a \\\"quoted\\\\ name\",le=\"+Inf\"} 5\n") !=
              NULL);
    cr_assert(strstr(text, "workpool_run_seconds_count{pool=\"a \\\"quoted\\\\ name\"} 5\n") != NULL);
    free(text);
    text = dump_of(pool, BUFPOOL_TEXT);
    cr_assert(strstr(text, "workpool 'a \"quoted\\ name'\n") != NULL, "%s", text);
    cr_assert(strstr(text, "                runs            5\n") != NULL, "%s", text);
    free(text);

    cr_assert(eq(int, workpool_dump(pool, NULL, BUFPOOL_TEXT), -EINVAL));
    cr_assert(eq(int, workpool_dump(pool, stderr, (enum bufpool_format)9), -EINVAL));
    FILE *full = fopen("/dev/full", "w");
    MUST(full != NULL);
    cr_assert(eq(int, workpool_dump(pool, full, BUFPOOL_TEXT), -EIO));
    fclose(full);
    small.struct_size--;
    cr_assert(eq(int, workpool_stats(pool, &small), -EINVAL));
    cr_assert(eq(int, workpool_stats(pool, NULL), -EINVAL));
    workpool_destroy(pool);
}
