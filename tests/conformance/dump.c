/*
 * bufpool_dump writes what its readers accept.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pools.h"
#include "process.h"
#include "text.h"

static bufpool_t *pool_with_traffic(const char *name)
{
    bufpool_config_t config = still_config();
    config.name = name;
    bufpool_t *pool = pool_from(&config);
    void *buffers[40];

    for (size_t size = 512; size <= 2 * MIB; size *= 2) {
        get_many(pool, size, buffers, 40);
        put_many(pool, buffers, 33);
    }
    bufpool_collect(pool);
    MUST(bufpool_get(pool, SIZE_MAX) == NULL);
    return pool;
}

/* Fails when the readers of this file accept everything. */
Test(conformance_dump, readers_refuse_what_is_not_well_formed)
{
    const char *const bad_json[] = {"",
                                    "{",
                                    "{\"a\":01}",
                                    "{\"a\":1,}",
                                    "[1 2]",
                                    "{\"a\" 1}",
                                    "{\"a\":\"\n\"}",
                                    "{} {}",
                                    "{\"a\":\"\\x\"}"};
    const char *const bad_prometheus[] = {"",
                                          "a 1\n",
                                          "# TYPE a counter\na 1",
                                          "# TYPE a counter\na{x=\"1} 2\n",
                                          "# TYPE a counter\na x\n",
                                          "# TYPE a counter\nb 1\n",
                                          "# TYPE a counter\na 1\na 1\n",
                                          "# TYPE a counter\na 1\n# TYPE a counter\n"};

    for (size_t i = 0; i < sizeof bad_json / sizeof bad_json[0]; i++)
        cr_assert(not(json_is_valid(bad_json[i])), "%s", bad_json[i]);
    cr_assert(json_is_valid(" {\"a\": [1, -2.5e3, \"\\u00e4\\n\", true, null], \"b\": {}}\n"));
    for (size_t i = 0; i < sizeof bad_prometheus / sizeof bad_prometheus[0]; i++)
        cr_assert(prometheus_fault(bad_prometheus[i]) != NULL, "%s", bad_prometheus[i]);
    cr_assert(prometheus_fault("# HELP a b\n# TYPE a gauge\na{x=\"\\\"\",y=\"2\"} 1\na 2\n") == NULL);
}

/* Fails when a number is missing, from another moment, or in a second style. */
Test(conformance_dump, json_is_valid_and_holds_the_counters)
{
    bufpool_t *pool = pool_with_traffic("dumped");
    bufpool_stats_t stats = stats_of(pool);
    char *text = dump_text(pool, BUFPOOL_JSON);

    cr_assert(json_is_valid(text), "%s", text);
    cr_assert(strstr(text, "\"dumped\"") != NULL, "%s", text);
    const struct {
        const char *key;
        uint64_t value;
    } rows[] = {{"gets", stats.gets},
                {"hits_private", stats.hits_private},
                {"carves", stats.carves},
                {"oversized_gets", stats.oversized_gets},
                {"failures", stats.failures},
                {"puts", stats.puts},
                {"refused_oversized", stats.refused_oversized},
                {"collections", stats.collections},
                {"in_use_bytes", stats.in_use_bytes},
                {"victim_bytes", stats.victim_bytes},
                {"committed_bytes", stats.committed_bytes},
                {"reserved_bytes", stats.reserved_bytes}};
    /* The pool's own numbers come before those of its tiers. */
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        cr_assert(eq(u64, json_number(text, rows[i].key), rows[i].value), "%s", rows[i].key);
    free(text);
}

/* Fails when a scraper would refuse the page. */
Test(conformance_dump, prometheus_text_is_well_formed)
{
    bufpool_t *pool = pool_with_traffic("dumped");
    char *text = dump_text(pool, BUFPOOL_PROMETHEUS);
    const char *fault = prometheus_fault(text);

    cr_assert(fault == NULL, "%s\n%s", fault, text);
    cr_assert(strstr(text, "dumped") != NULL);
    free(text);
}

/* Fails when a tier is missing from the table. */
Test(conformance_dump, text_names_the_pool_and_has_a_line_for_every_tier)
{
    bufpool_t *pool = pool_with_traffic("dumped");
    char *text = dump_text(pool, BUFPOOL_TEXT);

    cr_assert(strstr(text, "dumped") != NULL, "%s", text);
    /* How sizes are abbreviated is free; a line a tier and one for the pool are not. */
    cr_assert(ge(uint, count_lines(text), 13), "%s", text);
    cr_assert(eq(chr, text[strlen(text) - 1], '\n'));
    free(text);
}

/* Fails when a name is printed raw: a quote ends the string, a newline the line. */
Test(conformance_dump, strange_names_are_escaped)
{
    const char *const names[] = {"a \"quoted\" name", "back\\slash", "two\nlines", "tab\tand\x01", ""};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        bufpool_t *pool = pool_with_traffic(names[i]);
        char *json = dump_text(pool, BUFPOOL_JSON);
        cr_assert(json_is_valid(json), "%s", json);
        char *prometheus = dump_text(pool, BUFPOOL_PROMETHEUS);
        const char *fault = prometheus_fault(prometheus);
        cr_assert(fault == NULL, "%s\n%s", fault, prometheus);
        char *text = dump_text(pool, BUFPOOL_TEXT);
        char *first_line_end = strchr(text, '\n');
        cr_assert(strstr(text, "collections") < first_line_end, "%s", text);
        free(text);
        free(prometheus);
        free(json);
    }
}

/* Fails when a reader of UTF-8 would refuse the page: a name cut within a character, or raw bytes. */
Test(conformance_dump, names_are_whole_characters_of_utf8)
{
    const struct {
        const char *given;
        const char *kept;
    } names[] = {
        {"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x92\xa7", "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x92\xa7"},
        {"raw \xff\xfe", "raw ??"},
        {"cut \xc3", "cut ?"},
        {"long \xc0\xaf \xe0\x80\xaf \xf0\x80\x80\xaf", "long ?? ??? ????"},
        {"half \xed\xa0\x80, beyond \xf4\x90\x80\x80", "half ???, beyond ????"},
        {"escapes \x1b[2J \xc2\x9b"
         "2J \x7f",
         "escapes ?[2J ??2J ?"},
        {"thirty bytes of it, and then: \xc3\xa9", "thirty bytes of it, and then: "},
        {"twenty-nine bytes, and then: \xc3\xa9", "twenty-nine bytes, and then: \xc3\xa9"},
        {"more than thirty-one bytes are cut off", "more than thirty-one bytes are "},
    };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char *json = dump_text(pool_with_traffic(names[i].given), BUFPOOL_JSON);
        char begin[64];
        snprintf(begin, sizeof begin, "{\"pool\":\"%s\"", names[i].kept);
        cr_assert(strncmp(json, begin, strlen(begin)) == 0, "%s, not %.50s", begin, json);
        free(json);
    }
}

/* Fails when a full disk is not noticed. */
Test(conformance_dump, bad_arguments_are_einval_and_a_full_device_is_eio)
{
    bufpool_t *pool = pool_with_traffic("dumped");
    FILE *full = fopen("/dev/full", "w");
    FILE *null = fopen("/dev/null", "w");

    MUST(full != NULL && null != NULL);
    for (int format = BUFPOOL_TEXT; format <= BUFPOOL_PROMETHEUS; format++) {
        cr_assert(eq(int, bufpool_dump(pool, full, (enum bufpool_format)format), -EIO));
        cr_assert(eq(int, bufpool_dump(pool, NULL, (enum bufpool_format)format), -EINVAL));
        cr_assert(eq(int, bufpool_dump(pool, null, (enum bufpool_format)format), 0));
    }
    cr_assert(eq(int, bufpool_dump(pool, null, (enum bufpool_format)77), -EINVAL));
    fclose(null);
    fclose(full);
}
