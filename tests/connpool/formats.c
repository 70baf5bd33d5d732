/*
 * The dump in its three formats, read by strict readers.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lending.h"
#include "pools.h"
#include "text.h"

static struct rig rig;

static char *dump(connpool_t *pool, enum bufpool_format format)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    MUST(out != NULL && connpool_dump(pool, out, format) == 0 && fclose(out) == 0);
    return text;
}

/* Something of everything: 3 open, 1 lent, closes, a time-out, uses. */
static connpool_t *lived_pool(void)
{
    connpool_config_t config = rig_config(&rig);
    connpool_lease_t lease[3], none;
    config.name = "a \"quoted\" \\ name";
    config.max_open = 3;
    connpool_t *pool = rig_start(&rig, &config);

    for (int i = 0; i < 3; i++)
        lease[i] = lease_from(pool);
    MUST(connpool_acquire(pool, 0, &none) == -EAGAIN);
    rig.now_ms += 5;
    connpool_mark_unusable(pool, lease[0]);
    for (int i = 0; i < 3; i++)
        connpool_release(pool, lease[i]);
    (void)lease_from(pool);
    return pool;
}

/* Fails when a document is no JSON, or its numbers are not the statistics. */
Test(connpool_formats, json_is_valid_and_holds_the_statistics)
{
    connpool_t *pool = lived_pool();
    char *text = dump(pool, BUFPOOL_JSON);

    cr_assert(json_is_valid(text), "%s", text);
    cr_assert(strstr(text, "{\"connpool\":\"a \\\"quoted\\\" \\\\ name\",") == text, "%s", text);
    connpool_stats_t stats = conn_stats(pool);
#define SAME(field)                                                                                          \
    {                                                                                                        \
#field, stats.field                                                                                  \
    }
    const struct {
        const char *name;
        uint64_t value;
    } figures[] = {SAME(open),
                   SAME(idle),
                   SAME(in_use),
                   SAME(opening),
                   SAME(waiters),
                   SAME(keys),
                   SAME(acquires),
                   SAME(hits),
                   SAME(waits),
                   SAME(timeouts),
                   SAME(refusals),
                   SAME(opens),
                   SAME(open_failures),
                   SAME(overdue),
                   SAME(misuses),
                   SAME(closed_idle),
                   SAME(closed_old),
                   SAME(closed_unusable),
                   SAME(closed_reset),
                   SAME(closed_check),
                   SAME(closed_gone),
                   SAME(closed_limit),
                   SAME(closed_reclaimed),
                   SAME(closed_evicted),
                   SAME(closed_end),
                   SAME(min_idle),
                   SAME(max_lifetime_ms),
                   SAME(wait_ns),
                   SAME(use_ns)};
#undef SAME
    for (size_t i = 0; i < sizeof figures / sizeof figures[0]; i++)
        cr_assert(eq(u64, json_number(text, figures[i].name), figures[i].value), "%s", figures[i].name);
    cr_assert(eq(u64, stats.in_use, 1));
    cr_assert(eq(u64, stats.timeouts, 1));
    cr_assert(eq(u64, stats.closed_unusable, 1));
    free(text);
    connpool_destroy(pool);
}

/* Fails when the page breaks a rule of the format, or a histogram does not add up. */
Test(connpool_formats, prometheus_is_valid_with_its_histograms)
{
    connpool_t *pool = lived_pool();
    char *text = dump(pool, BUFPOOL_PROMETHEUS);
    const char *fault = prometheus_fault(text);
    const char *const lines[] = {
        "# TYPE connpool_use_seconds histogram\n",
        "connpool_use_seconds_bucket{pool=\"a \\\"quoted\\\" \\\\ name\",le=\"0.004096\"} 0\n",
        "connpool_use_seconds_bucket{pool=\"a \\\"quoted\\\" \\\\ name\",le=\"0.008192\"} 3\n",
        "connpool_use_seconds_bucket{pool=\"a \\\"quoted\\\" \\\\ name\",le=\"+Inf\"} 3\n",
        "connpool_use_seconds_sum{pool=\"a \\\"quoted\\\" \\\\ name\"} 0.015000000\n",
        "connpool_use_seconds_count{pool=\"a \\\"quoted\\\" \\\\ name\"} 3\n",
        "connpool_closed_total{pool=\"a \\\"quoted\\\" \\\\ name\",reason=\"unusable\"} 1\n",
        "connpool_acquires_total{pool=\"a \\\"quoted\\\" \\\\ name\"} 4\n"};

    cr_assert(fault == NULL, "%s in\n%s", fault, text);
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        cr_assert(strstr(text, lines[i]) != NULL, "not there: %s", lines[i]);
    free(text);
    connpool_destroy(pool);
}

/* Fails when the table does not say what a reader looks for first. */
Test(connpool_formats, text_tells_what_is_open_and_why_it_closed)
{
    connpool_t *pool = lived_pool();
    char *text = dump(pool, BUFPOOL_TEXT);

    const char *const lines[] = {"\n                open            2\n",
                                 "\n              in_use            1\n",
                                 "\n     closed_unusable            1\n",
                                 "\n                 use            3         5 ms      8.19 ms"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        cr_assert(strstr(text, lines[i]) != NULL, "not there: %s in\n%s", lines[i], text);
    free(text);
    connpool_destroy(pool);
}

/* Fails when a name breaks the line, the document or the page that it stands in. */
Test(connpool_formats, a_name_is_one_line_of_utf8_whatever_was_given)
{
    connpool_config_t config = rig_config(&rig);
    config.name = "two\nlines, \xff and \xc3\xa9";
    connpool_t *pool = rig_start(&rig, &config);
    char *json = dump(pool, BUFPOOL_JSON), *text = dump(pool, BUFPOOL_TEXT);

    cr_assert(json_is_valid(json), "%s", json);
    cr_assert(strstr(json, "{\"connpool\":\"two?lines, ? and \xc3\xa9\",") == json, "%s", json);
    cr_assert(strstr(text, "connpool 'two?lines, ? and \xc3\xa9'\n") == text, "%s", text);
    free(json);
    free(text);
    text = dump(pool, BUFPOOL_PROMETHEUS);
    cr_assert(eq(ptr, (void *)prometheus_fault(text), NULL));
    free(text);
    cr_assert(rig_ends(&rig));
}

/* Fails when what cannot be written is told as written, or a bad call is taken. */
Test(connpool_formats, what_cannot_be_written_is_told)
{
    connpool_t *pool = lived_pool();
    connpool_stats_t small = CONNPOOL_STATS_INIT;
    FILE *full = fopen("/dev/full", "w");

    MUST(full != NULL);
    cr_assert(eq(int, connpool_dump(pool, full, BUFPOOL_JSON), -EIO));
    fclose(full);
    cr_assert(eq(int, connpool_dump(pool, NULL, BUFPOOL_JSON), -EINVAL));
    cr_assert(eq(int, connpool_dump(pool, stderr, (enum bufpool_format)3), -EINVAL));
    small.struct_size--;
    cr_assert(eq(int, connpool_stats(pool, &small), -EINVAL));
    cr_assert(eq(int, connpool_stats(pool, NULL), -EINVAL));
    connpool_destroy(pool);
}
