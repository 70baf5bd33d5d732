/*
 * BUFPOOL_CONF as a program meets it: what each word does to the default pool,
 * what is said of a bad one, and that the others hold.
 */
#include <bufpool/malloc.h>
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "misuse.h"
#include "pools.h"
#include "process.h"
#include "text.h"

/* What a child found in its default pool. */
struct found {
    const char *conf;
    bool (*is_so)(void);
};

static int look(void *arg)
{
    struct found *found = arg;
    MUST(setenv("BUFPOOL_CONF", found->conf, 1) == 0);
    errno = 4711;
    return bufpool_default() != NULL && errno == 4711 && found->is_so() ? 0 : 1;
}

/* With this BUFPOOL_CONF it is so, and so many lines are said. */
static struct child_end assert_conf(const char *conf, bool (*is_so)(void), unsigned lines)
{
    struct found found = {.conf = conf, .is_so = is_so};
    struct child_end end = child_run(look, &found);
    cr_assert(child_exited(&end, 0), "'%s': status %#x %s", conf, (unsigned)end.status, end.errors);
    cr_assert(eq(uint, count_lines(end.errors), lines), "'%s': %s", conf, end.errors);
    return end;
}

static size_t sizes[64];

static bool has_tiers(size_t count, size_t first, size_t last)
{
    return bufpool_tiers(NULL, sizes, 64) == count && sizes[0] == first && sizes[count - 1] == last;
}

static bool has_defaults(void)
{
    return has_tiers(12, 512, MIB);
}

/* ------------------------------------------------------------ each word */

static bool ends_at_256k(void)
{
    return has_tiers(10, 512, 256 * KIB);
}

static bool begins_at_2k(void)
{
    void *small = bufpool_malloc(1024), *large = bufpool_malloc(1025);
    bool split = stats_of(NULL).gets == 1; /* half the smallest tier is the C library's */
    bufpool_free(small);
    bufpool_free(large);
    return split && has_tiers(10, 2 * KIB, MIB);
}

static bool has_two_steps(void)
{
    return has_tiers(23, 512, MIB) && sizes[1] == 768;
}

static bool has_three(void)
{
    return has_tiers(3, 4096, 64 * KIB) && sizes[1] == 16 * KIB;
}

static bool has_one_gib(void)
{
    return has_tiers(1, (size_t)1 << 30, (size_t)1 << 30);
}

static bool has_small_spans(void)
{
    return stats_of(NULL).reserved_bytes < 512 * MIB;
}

static bool fails_beyond_64k(void)
{
    void *fits = bufpool_get(NULL, 32 * KIB);
    return fits != NULL && bufpool_get(NULL, 64 * KIB) == NULL && bufpool_put(NULL, fits);
}

static bool caches_nothing(void)
{
    return !bufpool_put(NULL, bufpool_get(NULL, 4096));
}

static bool keeps_through_collections(void)
{
    MUST(bufpool_put(NULL, bufpool_get(NULL, 64 * KIB)));
    for (int i = 0; i < 4; i++)
        bufpool_collect(NULL);
    bufpool_stats_t stats = stats_of(NULL);
    return idle_bytes(&stats) >= 64 * KIB;
}

/* 16 buffers of 64 KiB do not fit a private cache of 128 KiB. */
static bool has_small_caches(void)
{
    void *buffers[16];
    get_many(NULL, 64 * KIB, buffers, 16);
    put_many(NULL, buffers, 16);
    return stats_of(NULL).private_bytes <= 3 * 65 * KIB;
}

static bool has_no_collector(void)
{
    MUST(bufpool_put(NULL, bufpool_get(NULL, 4096)));
    return status_bytes("Threads") == 1 * KIB; /* it takes every number for KiB */
}

static bool has_a_collector(void)
{
    MUST(bufpool_put(NULL, bufpool_get(NULL, 4096)));
    return status_bytes("Threads") == 2 * KIB;
}

static bool is_cooperative(void)
{
    return stats_of(NULL).remote_reclaim == 0;
}

static bool scrubs(void)
{
    char *buffer = bufpool_get(NULL, 4096);
    memset(buffer, 1, 4096);
    bufpool_put(NULL, buffer);
    char *again = bufpool_get(NULL, 4096);
    return again == buffer && is_zero(again, 4096);
}

static bool is_page_aligned(void)
{
    char *buffer = bufpool_get(NULL, 20000);
    return (uintptr_t)buffer % 4096 == 0 && bufpool_capacity(NULL, buffer) == 32 * KIB;
}

static bool is_named(void)
{
    char *text = dump_text(NULL, BUFPOOL_JSON);
    return strstr(text, "\"edge cache\"") != NULL;
}

static bool has_state_and_fails_third(void)
{
    struct misuse_record misuse;
    void *first = bufpool_get(NULL, 4096), *second = bufpool_get(NULL, 4096);

    if (bufpool_get(NULL, 4096) != NULL)
        return false;
    misuse_record(&misuse);
    bufpool_put(NULL, first);
    bufpool_put(NULL, second);
    return !bufpool_put(NULL, first) && misuse.calls == 1;
}

/* Fails when a word does nothing, or to another field than its own. */
Test(conf, each_word_configures_the_default_pool)
{
    assert_conf("", has_defaults, 0);
    assert_conf(",,", has_defaults, 0);
    assert_conf("max_size:256k", ends_at_256k, 0);
    assert_conf("max_size:262144", ends_at_256k, 0);
    assert_conf("max_size:1m,,max_size:256K,", ends_at_256k, 0);
    assert_conf("min_size:2k", begins_at_2k, 0);
    assert_conf("tier_steps:2", has_two_steps, 0);
    assert_conf("tiers:64k/4096/16k", has_three, 0);
    assert_conf("tiers:1g", has_one_gib, 0);
    assert_conf("tier_span:8m", has_small_spans, 0);
    assert_conf("max_bytes:64k", fails_beyond_64k, 0);
    assert_conf("max_cached_bytes:0", caches_nothing, 0);
    assert_conf("collect_interval_ms:0,min_cached_bytes:1m", keeps_through_collections, 0);
    assert_conf("max_thread_bytes:128k", has_small_caches, 0);
    assert_conf("collect_interval_ms:0", has_no_collector, 0);
    assert_conf("collect_interval_ms:3600000", has_a_collector, 0);
    assert_conf("cooperative:1", is_cooperative, 0);
    assert_conf("scrub_on_put:1", scrubs, 0);
    assert_conf("huge_pages:1,page_aligned:1,huge_pages:0", is_page_aligned, 0);
    assert_conf("name:edge cache", is_named, 0);
    assert_conf("debug:state/fail=3", has_state_and_fails_third, 0);
}

/* ------------------------------------------------------------ bad ones */

/* Fails when a bad pair takes others with it, keeps the pool from being made, or is not named. */
Test(conf, a_bad_pair_is_one_line_and_the_others_hold)
{
    static const char *const bad[][2] = {
        {"max_sise:256k", "no such word"},
        {"max_size", "a size from 1 to 1g"},
        {"max_size:", "a size from 1 to 1g"},
        {"max_size:0", "a size from 1 to 1g"},
        {"max_size:2g", "a size from 1 to 1g"},
        {"max_size:256kb", "a size from 1 to 1g"},
        {"max_size:-1", "a size from 1 to 1g"},
        {"max_size: 1m", "a size from 1 to 1g"},
        {"max_bytes:k", "a size, such as"},
        {"max_bytes:18446744073709551616", "a size, such as"},
        {"max_bytes:17179869184g", "a size, such as"},
        {"tier_steps:3", "1, 2 or 4"},
        {"tier_steps:0", "1, 2 or 4"},
        {"tiers:", "sizes"},
        {"tiers:4k/", "sizes"},
        {"tiers:4k//8k", "sizes"},
        {"tiers:4k/2g", "sizes"},
        {"collect_interval_ms:1k", "a number from 0 to 4294967295"},
        {"collect_interval_ms:4294967296", "a number from 0 to 4294967295"},
        {"cooperative:yes", "0 or 1"},
        {"scrub_on_put:2", "0 or 1"},
        {"name:", "1 to 255 bytes"},
        {"debug:stat", "debug words"},
        {"debug:state/", "debug words"},
        {"debug:fail", "debug words"},
        {"help:1", "no value"},
        {":", "no such word"},
        {"struct_size:1", "no such word"},
    };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char conf[128], quoted[128];
        snprintf(conf, sizeof conf, "%s,max_size:256k", bad[i][0]);
        struct child_end end =
            assert_conf(conf, ends_at_256k, strcmp(bad[i][0], "debug:state/") == 0 ? 0 : 1);
        if (end.errors[0] == '\0')
            continue;
        snprintf(quoted, sizeof quoted, "bufpool: BUFPOOL_CONF: '%s' is ignored: ", bad[i][0]);
        cr_assert(strncmp(end.errors, quoted, strlen(quoted)) == 0, "%s", end.errors);
        cr_assert(strstr(end.errors, bad[i][1]) != NULL, "%s", end.errors);
        cr_assert(strstr(end.errors, "; known are help, name, min_size, max_size, ") != NULL, "%s",
                  end.errors);
    }
}

static bool has_64(void)
{
    return has_tiers(64, 64, 4096);
}

/* Fails when 65 sizes are written beyond 64, or a name beyond its room. */
Test(conf, what_is_too_long_is_ignored)
{
    static char conf[1000] = "tiers:64";

    for (int i = 2; i <= 64; i++)
        sprintf(conf + strlen(conf), "/%d", 64 * i);
    assert_conf(conf, has_64, 0);
    strcat(conf, "/8k,max_size:256k");
    assert_conf(conf, ends_at_256k, 1);
    memset(conf, 'n', sizeof conf - 1);
    memcpy(conf, "max_size:256k,name:", 19);
    struct child_end end = assert_conf(conf, ends_at_256k, 1);
    cr_assert(strlen(end.errors) < 500, "%s", end.errors);
}

/* Fails when a line has more lines in it: the environment is anybody's. */
Test(conf, control_characters_are_not_passed_on)
{
    struct child_end end = assert_conf("max\n\033[2Jsize:1k", has_defaults, 1);
    cr_assert(strstr(end.errors, "'max??[2Jsize:1k'") != NULL, "%s", end.errors);
}

/* Fails when values that bufpool_create refuses leave no pool, or a half of them holds. */
Test(conf, values_that_do_not_go_together_are_all_ignored)
{
    static const char *const refused[] = {
        "min_size:2m,name:gone",
        "min_size:4k,max_size:1k",
        "min_size:64,max_size:1g,tier_steps:4",
        "min_cached_bytes:2m,max_cached_bytes:1m,max_size:256k",
        "min_cached_bytes:2m,max_bytes:1m",
    };

    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        struct child_end end = assert_conf(refused[i], has_defaults, 1);
        cr_assert(strstr(end.errors, "do not go together") != NULL, "%s", end.errors);
    }
}

static bool other_pools_are_as_they_say(void)
{
    return bufpool_tiers(still_pool(), NULL, 0) == 12;
}

/* Fails when a program's own pools are changed behind its back. */
Test(conf, other_pools_are_not_concerned)
{
    assert_conf("tiers:4096", other_pools_are_as_they_say, 0);
}

/* Fails when a word is added, or its meaning changed, and the header still says what was. */
Test(conf, the_header_says_what_help_says)
{
    static char header[16384], comment[8192];
    struct child_end end = assert_conf("help", has_defaults, 18);
    char *out = comment;

    for (char *line = strtok(strchr(end.errors, '\n') + 1, "\n"); line != NULL; line = strtok(NULL, "\n"))
        out += sprintf(out, " * %s\n", line);
    FILE *file = fopen(SOURCE_DIRECTORY "/include/bufpool/conf.h", "r");
    MUST(file != NULL && fread(header, 1, sizeof header - 1, file) > 0);
    fclose(file);
    cr_assert(strstr(header, comment) != NULL, "bufpool/conf.h has not:\n%s", comment);
}
