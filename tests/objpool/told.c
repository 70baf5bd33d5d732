/*
 * What a pool of objects tells of itself: its counts, and the three formats.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "ledger.h"
#include "misuse.h"
#include "pools.h"
#include "process.h"
#include "text.h"

enum { ALL = 10, IDLE = 4 };

static struct ledger ledger;

/*
 * Ten objects were constructed and one construct failed, one get found max_objects in use; six came back, of
 * which four are kept, one was refused and one discarded; one of the kept was got again. Five are out.
 */
static objpool_t *lived_pool(void **out)
{
    objpool_config_t config = ledger_config(&ledger);
    config.name = "a \"quoted\" \\ name";
    config.max_objects = ALL;
    config.max_idle = IDLE;
    objpool_t *pool = objects_from(&config);

    atomic_store(&ledger.refuses, true);
    MUST(objpool_get(pool) == NULL);
    atomic_store(&ledger.refuses, false);
    get_all(pool, out, ALL);
    MUST(objpool_get(pool) == NULL);
    objpool_discard(pool, out[ALL - 1]);
    MUST(put_all(pool, out + IDLE, IDLE + 1) == IDLE);
    MUST((out[IDLE] = objpool_try_get(pool)) != NULL);
    return pool;
}

static void end(objpool_t *pool, void **out)
{
    put_all(pool, out, IDLE + 1);
    objpool_destroy(pool);
    cr_assert(eq(u64, ledger.faults, 0));
}

static char *dump(objpool_t *pool, enum bufpool_format format)
{
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);

    MUST(stream != NULL && objpool_dump(pool, stream, format) == 0 && fclose(stream) == 0);
    return text;
}

/* Fails when an event is counted twice, not at all, or as another one. */
Test(objpool_told, each_event_is_counted_once)
{
    void *out[ALL];
    objpool_t *pool = lived_pool(out);

    objpool_stats_t stats = objects_of(pool);
    cr_assert(eq(u64, stats.in_use, IDLE + 1));
    cr_assert(eq(u64, stats.idle, IDLE - 1));
    cr_assert(eq(u64, stats.gets, ALL + 3));
    cr_assert(eq(u64, stats.hits, 1));
    cr_assert(eq(u64, stats.failures, 1));
    cr_assert(eq(u64, stats.constructs, ALL));
    cr_assert(eq(u64, stats.construct_failures, 1));
    cr_assert(eq(u64, stats.puts, IDLE + 2));
    cr_assert(eq(u64, stats.refusals, 2));
    cr_assert(eq(u64, stats.destructs, 2));
    cr_assert(eq(u64, stats.misuses, 0));

    struct misuse_record record = {0};
    misuse_record(&record);
    objpool_put(pool, out); /* an address that is none of its objects */
    cr_assert(eq(uint, record.calls, 1));
    stats = objects_of(pool);
    cr_assert(eq(u64, stats.misuses, 1));
    cr_assert(eq(u64, stats.puts, IDLE + 2), "misuse is no return");
    end(pool, out);
}

/* Fails when a get is served in a way that no counter has: by a word that keeps objects back, or from another
 * generation. */
Test(objpool_told, every_get_is_a_hit_a_construct_or_a_failure)
{
    static const char *const words[] = {"off", "state,tag,canary", "quarantine", "drop", "guard"};
    enum { COUNT = 300 };
    void *objects[COUNT];

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        struct ledger own = {0};
        objpool_config_t config = ledger_config(&own);
        config.debug = words[i];
        config.max_idle = COUNT / 2;
        objpool_t *pool = objects_from(&config);
        for (int round = 0; round < 6; round++) {
            get_all(pool, objects, COUNT);
            put_all(pool, objects, COUNT);
            if (round % 2 == 1)
                bufpool_collect(objpool_buffers(pool));
        }
        objpool_stats_t stats = objects_of(pool);
        cr_assert(eq(u64, stats.gets, (uint64_t)6 * COUNT), "%s", words[i]);
        cr_assert(eq(u64, stats.puts, (uint64_t)6 * COUNT), "%s", words[i]);
        cr_assert(
            eq(u64, stats.gets, stats.hits + stats.constructs + stats.construct_failures + stats.failures),
            "%s: %llu hits, %llu constructs", words[i], (unsigned long long)stats.hits,
            (unsigned long long)stats.constructs);
        cr_assert(eq(u64, stats.in_use, 0), "%s", words[i]);
        objpool_destroy(pool);
        cr_assert(eq(u64, own.faults, 0), "%s", words[i]);
    }
}

static int lives_on(void *arg)
{
    objpool_t *pool = arg;
    void *out[ALL];
    objpool_stats_t stats = objects_of(pool);

    if (stats.gets + stats.hits + stats.failures + stats.constructs + stats.construct_failures != 0 ||
        stats.puts + stats.refusals + stats.destructs + stats.in_use + stats.idle != 0)
        return 1;
    atomic_store(&ledger.refuses, true);
    if (objpool_get(pool) != NULL)
        return 2;
    atomic_store(&ledger.refuses, false);
    get_all(pool, out, IDLE + 2);
    objpool_discard(pool, out[IDLE + 1]);
    put_all(pool, out, IDLE + 1);
    stats = objects_of(pool);
    if (stats.gets != stats.hits + stats.constructs + stats.construct_failures + stats.failures)
        return 3;
    return stats.gets == IDLE + 3 && stats.puts == IDLE + 2 && stats.refusals == 2 ? 0 : 4;
}

/* Fails when a child's counts are its own here and its parent's there: they are sums and differences. */
Test(objpool_told, in_a_forked_child_all_counts_begin_at_0)
{
    void *out[ALL];
    objpool_t *pool = lived_pool(out);

    struct child_end end_of_child = child_run(lives_on, pool);
    cr_assert(child_exited(&end_of_child, 0), "status %d: %s", end_of_child.status, end_of_child.errors);
    end(pool, out);
}

/* Fails when an object that no tier holds is counted by the pages that it takes: more objects than there are.
 * With `guard` a tier holds only the first few, as it does where its address space is used up. */
Test(objpool_told, an_object_outside_the_tier_is_one_object)
{
    enum { OUT = 20 };
    objpool_config_t config = OBJPOOL_CONFIG_INIT;
    void *objects[OUT];
    config.object_size = 5000;
    config.collect_interval_ms = 0;
    config.debug = "guard";
    objpool_t *pool = objects_from(&config);

    get_all(pool, objects, OUT);
    cr_assert(gt(u64, stats_of(objpool_buffers(pool)).oversized_gets, 0));
    cr_assert(eq(u64, objects_of(pool).in_use, OUT));
    objpool_discard(pool, objects[0]);
    cr_assert(eq(sz, put_all(pool, objects + 1, 10), 0));
    cr_assert(eq(u64, objects_of(pool).in_use, OUT - 11));
    cr_assert(eq(u64, objects_of(pool).refusals, 11));
    put_all(pool, objects + 11, OUT - 11);
    cr_assert(eq(u64, objects_of(pool).in_use, 0));
    objpool_destroy(pool);
}

/* Fails when a document is none of its format, or its numbers are not the statistics. */
Test(objpool_told, dumps_are_a_table_valid_json_and_prometheus_text)
{
    void *out[ALL];
    objpool_t *pool = lived_pool(out);
    char *text = dump(pool, BUFPOOL_JSON);

    cr_assert(json_is_valid(text), "%s", text);
    const char *const object =
        "{\"objpool\":\"a \\\"quoted\\\" \\\\ name\",\"in_use\":5,\"idle\":3,\"gets\":13,\"hits\":1,"
        "\"failures\":1,\"constructs\":10,\"construct_failures\":1,\"puts\":6,\"refusals\":2,"
        "\"destructs\":2,\"misuses\":0}\n";
    cr_assert(strcmp(text, object) == 0, "%s", text);
    free(text);
    text = dump(pool, BUFPOOL_PROMETHEUS);
    cr_assert(prometheus_fault(text) == NULL, "%s in\n%s", prometheus_fault(text), text);
    cr_assert(strstr(text, "# TYPE objpool_in_use gauge\n"
                           "objpool_in_use{pool=\"a \\\"quoted\\\" \\\\ name\"} 5\n") != NULL,
              "%s", text);
    cr_assert(strstr(text, "\nobjpool_gets_total{pool=\"a \\\"quoted\\\" \\\\ name\"} 13\n") != NULL, "%s",
              text);
    free(text);
    text = dump(pool, BUFPOOL_TEXT);
    const char *const table = "objpool 'a \"quoted\" \\ name'\n"
                              "              in_use            5\n"
                              "                idle            3\n"
                              "                gets           13\n"
                              "                hits            1\n"
                              "            failures            1\n"
                              "          constructs           10\n"
                              "  construct_failures            1\n"
                              "                puts            6\n"
                              "            refusals            2\n"
                              "           destructs            2\n"
                              "             misuses            0\n";
    cr_assert(strcmp(text, table) == 0, "%s", text); /* it has no times, so nothing of them */
    free(text);
    end(pool, out);
}

/* Fails when a name breaks the line that it stands in. */
Test(objpool_told, a_name_is_one_line_of_utf8_and_objpool_by_default)
{
    objpool_config_t config = ledger_config(&ledger);
    config.name = "two\nlines, \xff and \xc3\xa9";
    objpool_t *pool = objects_from(&config);
    char *text = dump(pool, BUFPOOL_JSON);

    cr_assert(strstr(text, "{\"objpool\":\"two?lines, ? and \xc3\xa9\",") == text, "%s", text);
    free(text);
    objpool_destroy(pool);
    config.name = NULL;
    pool = objects_from(&config);
    text = dump(pool, BUFPOOL_TEXT);
    cr_assert(strstr(text, "objpool 'objpool'\n") == text, "%s", text);
    free(text);
    objpool_destroy(pool);
}

static int destroy_with(void *arg)
{
    int out = *(int *)arg;
    objpool_config_t config = OBJPOOL_CONFIG_INIT;
    config.name = "requests";
    config.object_size = 5000;
    config.collect_interval_ms = 0;
    config.debug = out < 0 ? "guard" : "off"; /* most of them outside the tier */
    objpool_t *pool = objects_from(&config);
    for (int i = out < 0 ? -out : out; i > 0; i--)
        MUST(objpool_get(pool) != NULL);
    objpool_destroy(pool);
    return 0;
}

/* Fails when the line speaks of what the user never asked for: buffers, tiers, pages. */
Test(objpool_told, destroy_tells_how_many_objects_are_out_by_the_name_of_their_pool)
{
    static const struct {
        int out;
        const char *line;
    } cases[] = {{0, ""},
                 {1, "bufpool: pool 'requests': destroyed with 1 object still out\n"},
                 {30, "bufpool: pool 'requests': destroyed with 30 objects still out\n"},
                 {-30, "bufpool: pool 'requests': destroyed with 30 objects still out\n"}};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct child_end end = child_run(destroy_with, (void *)(uintptr_t)&cases[i].out);
        cr_assert(child_exited(&end, 0), "%zu: status %d: %s", i, end.status, end.errors);
        cr_assert(strcmp(end.errors, cases[i].line) == 0, "%zu: %s", i, end.errors);
    }
}

/* Fails when what cannot be written is told as written, a struct of an unknown size is written to, or a later
 * one is not filled. */
Test(objpool_told, what_cannot_be_written_is_told)
{
    objpool_config_t config = ledger_config(&ledger);
    objpool_t *pool = objects_from(&config);
    objpool_stats_t small = OBJPOOL_STATS_INIT;
    struct {
        objpool_stats_t known;
        uint64_t added;
    } later = {.known = {.struct_size = sizeof later}, .added = 7};
    FILE *full = fopen("/dev/full", "w");

    MUST(full != NULL);
    cr_assert(eq(int, objpool_dump(pool, full, BUFPOOL_JSON), -EIO));
    fclose(full);
    cr_assert(eq(int, objpool_dump(pool, NULL, BUFPOOL_JSON), -EINVAL));
    cr_assert(eq(int, objpool_dump(pool, stderr, (enum bufpool_format)3), -EINVAL));
    cr_assert(eq(int, objpool_stats(pool, NULL), -EINVAL));
    small.struct_size--;
    small.gets = 7;
    cr_assert(eq(int, objpool_stats(pool, &small), -EINVAL));
    cr_assert(eq(u64, small.gets, 7));
    objpool_put(pool, objpool_get(pool));
    cr_assert(eq(int, objpool_stats(pool, &later.known), 0));
    cr_assert(eq(sz, later.known.struct_size, sizeof later));
    cr_assert(eq(u64, later.known.gets, 1));
    cr_assert(eq(u64, later.added, 0), "a count that this version does not have");
    objpool_destroy(pool);
}
