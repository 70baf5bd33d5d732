/*
 * All pools of a process in one document, in three formats.
 */
#include <bufpool/observe.h>
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pools.h"
#include "process.h"
#include "text.h"

static bufpool_t *named_pool(const char *name)
{
    bufpool_config_t config = still_config();
    config.name = name;
    return pool_from(&config);
}

static char *dump_all_text(enum bufpool_format format)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);

    MUST(out != NULL);
    MUST(bufpool_dump_all(out, format) == 0);
    MUST(fclose(out) == 0);
    return text;
}

static size_t count_of(const char *text, const char *part)
{
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, part)) != NULL; at += strlen(part))
        count++;
    return count;
}

/* The sum of a metric's samples whose labels begin with these. */
static uint64_t sum_of(const char *page, const char *metric, const char *labels)
{
    char begin[128];
    uint64_t sum = 0;

    snprintf(begin, sizeof begin, "\n%s{%s", metric, labels);
    for (const char *at = page; (at = strstr(at, begin)) != NULL; at++)
        sum += strtoull(strchr(at, '}') + 2, NULL, 10);
    return sum;
}

/* Fails when the histogram of a pool with the word `sizes` is in its own document only. */
Test(observe_formats, the_document_of_all_has_the_sizes_that_pools_were_asked_for)
{
    bufpool_config_t config = still_config();
    config.debug = "sizes";
    bufpool_t *asked = pool_from(&config);
    bufpool_t *another = named_pool("another");

    bufpool_put(asked, bufpool_get(asked, 5000));
    char *all = dump_all_text(BUFPOOL_JSON);
    cr_assert(eq(sz, count_of(all, "\"sizes\":{"), 1));
    cr_assert(strstr(all, "\"largest\":5000,\"gets\":1,\"in_use\":0,\"at_peak\":1}") != NULL, "%s", all);
    free(all);
    bufpool_destroy(asked);
    bufpool_destroy(another);
}

/* Fails when two pools of one name give the same series, or each pool its own HELP and TYPE. */
Test(observe_formats, one_page_has_every_series_once)
{
    named_pool("twin");
    named_pool("twin");
    named_pool("\"quoted\" \\");
    char *page = dump_all_text(BUFPOOL_PROMETHEUS);
    const char *fault = prometheus_fault(page);

    cr_assert(fault == NULL, "%s\n%s", fault, page);
    cr_assert(eq(sz, count_of(page, "# TYPE bufpool_gets_total "), 1));
    cr_assert(eq(sz, count_of(page, "# HELP bufpool_gets_total "), 1));
    cr_assert(eq(sz, count_of(page, "\nbufpool_threads{"), 3));
    cr_assert(eq(sz, count_of(page, "\nbufpool_threads{pool=\"twin\","), 2));
    cr_assert(eq(sz, count_of(page, "\nbufpool_threads{pool=\"\\\"quoted\\\" \\\\\","), 1));
    free(page);
}

/* Fails when a dead pool is read, or a living one forgotten. */
Test(observe_formats, living_pools_are_there_and_destroyed_ones_are_not)
{
    char *nothing = dump_all_text(BUFPOOL_JSON);
    cr_assert(json_is_valid(nothing), "%s", nothing);
    cr_assert(strstr(nothing, "\"pools\":[]") != NULL, "%s", nothing);
    free(nothing);

    named_pool("stays");
    bufpool_t *dies = named_pool("dies");
    named_pool("stays too");
    bufpool_destroy(dies);
    for (int format = BUFPOOL_TEXT; format <= BUFPOOL_PROMETHEUS; format++) {
        char *text = dump_all_text((enum bufpool_format)format);
        cr_assert(strstr(text, "stays") != NULL, "%s", text);
        cr_assert(strstr(text, "stays too") != NULL, "%s", text);
        cr_assert(strstr(text, "dies") == NULL, "%s", text);
        free(text);
    }
}

/* Fails when the document is another process's, or its resident memory no number of bytes. */
Test(observe_formats, json_says_whose_it_is_and_what_is_resident)
{
    char *json = dump_all_text(BUFPOOL_JSON);
    size_t resident = status_bytes("VmRSS");

    cr_assert(json_is_valid(json), "%s", json);
    cr_assert(eq(u64, json_number(json, "pid"), (uint64_t)getpid()));
    /* Not the same moment: half and twice leave room for what changes between. */
    cr_assert(gt(u64, json_number(json, "rss_bytes"), resident / 2));
    cr_assert(lt(u64, json_number(json, "rss_bytes"), resident * 2));
    free(json);
}

static void cached_is_not_in_use(bufpool_t *pool, uint64_t held)
{
    char *json = dump_text(pool, BUFPOOL_JSON);
    char *page = dump_all_text(BUFPOOL_PROMETHEUS);
    char *table = dump_text(pool, BUFPOOL_TEXT);
    bufpool_stats_t stats = stats_of(pool);
    char row[16], used[16];

    cr_assert(eq(u64, json_number(json, "in_use_bytes"), held), "%s", json);
    cr_assert(eq(u64, sum_of(page, "bufpool_in_use_bytes", "pool=\"cached\""), held), "%s", page);
    cr_assert(eq(u64,
                 sum_of(page, "bufpool_private_bytes", "") + sum_of(page, "bufpool_shared_bytes", "") +
                     sum_of(page, "bufpool_victim_bytes", "") + sum_of(page, "bufpool_cold_bytes", ""),
                 idle_bytes(&stats)));
    /* The table's last row but one: "all", and what is in use: whole K. */
    cr_assert(eq(int, sscanf(strstr(table, "\n     all"), "%15s %15s", row, used), 2), "%s", table);
    char expected[16] = "0";
    if (held != 0)
        snprintf(expected, sizeof expected, "%zuK", (size_t)held / KIB);
    cr_assert(eq(str, used, expected), "%s", table);
    free(table);
    free(page);
    free(json);
}

/* Fails when what is idle counts as in use, in whatever place, in any of the formats. */
Test(observe_formats, what_is_cached_is_never_in_use)
{
    bufpool_config_t config = still_config();
    config.name = "cached";
    config.min_cached_bytes = 512 * KIB; /* so that some becomes and stays cold */
    bufpool_t *pool = pool_from(&config);
    const size_t size = 8 * KIB;
    void *buffers[120];

    get_many(pool, size, buffers, 120);
    cached_is_not_in_use(pool, 120 * size);
    put_many(pool, buffers + 3, 117);
    bufpool_stats_t stats = stats_of(pool);
    MUST(stats.private_bytes != 0 && stats.shared_bytes != 0);
    cached_is_not_in_use(pool, 3 * size);
    bufpool_collect(pool);
    stats = stats_of(pool);
    MUST(stats.victim_bytes != 0);
    cached_is_not_in_use(pool, 3 * size);
    bufpool_collect(pool);
    stats = stats_of(pool);
    MUST(stats.cold_bytes != 0);
    cached_is_not_in_use(pool, 3 * size);
    put_many(pool, buffers, 3);
    cached_is_not_in_use(pool, 0);
}

/* Fails when a column is too narrow for what a server shows: a table is read down its columns. */
Test(observe_formats, rows_of_the_table_end_in_one_column)
{
    bufpool_t *pool = named_pool("busy");
    void *buffers[2000];

    for (size_t size = 512; size <= MIB; size *= 2) {
        get_many(pool, size, buffers, 2000);
        put_many(pool, buffers, size < 64 * KIB ? 2000 : 1900);
    }
    char *table = dump_text(pool, BUFPOOL_TEXT);
    const char *head = strchr(table, '\n') + 1;
    size_t width = strcspn(head, "\n");
    unsigned rows = 0;
    for (const char *row = head; strncmp(row, "oversized", 9) != 0; row += width + 1, rows++)
        cr_assert(eq(sz, strcspn(row, "\n"), width), "%s", table);
    cr_assert(eq(uint, rows, 14), "%s", table); /* its head, 12 tiers, and all */
    free(table);
}

/* Fails when a failing disk or a bad argument goes unnoticed. */
Test(observe_formats, bad_arguments_are_einval_and_a_full_device_is_eio)
{
    FILE *full = fopen("/dev/full", "w");

    MUST(full != NULL);
    named_pool("one");
    for (int format = BUFPOOL_TEXT; format <= BUFPOOL_PROMETHEUS; format++) {
        cr_assert(eq(int, bufpool_dump_all(full, (enum bufpool_format)format), -EIO));
        cr_assert(eq(int, bufpool_dump_all(NULL, (enum bufpool_format)format), -EINVAL));
    }
    cr_assert(eq(int, bufpool_dump_all(stderr, (enum bufpool_format)77), -EINVAL));
    fclose(full);
}

static _Atomic bool dumped;

static void *come_and_go(void *arg)
{
    (void)arg;
    while (!dumped) {
        bufpool_t *pool = named_pool("comes and goes");
        bufpool_put(pool, bufpool_get(pool, 4096));
        bufpool_destroy(pool);
    }
    return NULL;
}

/* Fails (at the latest under AddressSanitizer) when a pool is destroyed while it is read. */
Test(observe_formats, pools_may_come_and_go_meanwhile)
{
    pthread_t thread;

    named_pool("stays");
    MUST(pthread_create(&thread, NULL, come_and_go, NULL) == 0);
    for (int i = 0; i < 300; i++) {
        char *json = dump_all_text(BUFPOOL_JSON);
        cr_assert(json_is_valid(json), "%s", json);
        cr_assert(strstr(json, "\"stays\"") != NULL);
        free(json);
    }
    dumped = true;
    pthread_join(thread, NULL);
}
