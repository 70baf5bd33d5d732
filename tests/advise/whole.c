/*
 * bench/advise as a program, on what a pool has recorded of itself and on what it
 * tells of itself, where the best tiers are known.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pools.h"
#include "text.h"

static char path[64], output[16384];

static void name_the_file(void)
{
    snprintf(path, sizeof path, "/tmp/bufpool-whole-%d", (int)getpid());
}

static void remove_the_file(void)
{
    unlink(path);
}

TestSuite(advise_whole, .init = name_the_file, .fini = remove_the_file);

/* What it prints, and its exit status. */
static int advise(const char *arguments)
{
    char command[512];
    snprintf(command, sizeof command, "%s %s 2>&1", PROGRAM, arguments);
    FILE *out = popen(command, "r");
    MUST(out != NULL);
    output[fread(output, 1, sizeof output - 1, out)] = '\0';
    return pclose(out);
}

static void assert_says(const char *text)
{
    cr_assert(strstr(output, text) != NULL, "'%s' is not in\n%s", text, output);
}

/*
 * Four sizes, far apart, in use together: each wants a tier that holds it and no
 * more. 16,392 is what 16 KiB tiers hold with their headroom; 5,000 is rounded
 * up to whole pages; 70,016 less the headroom is 69,824.
 */
static void load(bufpool_t *pool)
{
    static const struct {
        size_t size;
        unsigned count;
    } asked[] = {{1000, 400}, {5000, 300}, {16392, 200}, {70000, 100}};
    static void *held[4][400];

    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < 4; i++)
            get_many(pool, asked[i].size, held[i], asked[i].count);
        for (unsigned i = 0; i < 4; i++)
            put_many(pool, held[i], asked[i].count);
    }
}

static const char *tiers_known = "1k/8k/16k/69824";

/* Fails when a better set of tiers is overlooked, or a trace is read for something else. */
Test(advise_whole, the_best_tiers_of_a_trace)
{
    char arguments[128];

    MUST(setenv("BUFPOOL_TRACE", path, 1) == 0);
    bufpool_t *pool = still_pool();
    load(pool);
    bufpool_destroy(pool);
    snprintf(arguments, sizeof arguments, "--tiers %s", path);
    cr_assert(eq(int, advise(arguments), 0));
    output[strcspn(output, "\n")] = '\0';
    cr_assert(strcmp(output, tiers_known) == 0, "%s", output);

    cr_assert(eq(int, advise(path), 0));
    assert_says(": 3000 gets and resizes on 1 thread");
    assert_says("in 1000 buffers; the largest 70000 bytes");
    assert_says("\ndefault         12 ");
    assert_says("\nadvised          4 ");
    assert_says("config.tiers_count = 4;");
    assert_says("BUFPOOL_CONF=\"tiers:1k/8k/16k/69824");
    assert_says("so that no get is oversized");
    assert_says("too short to tell anything of intervals");
}

/* Fails when the line to copy is none that BUFPOOL_CONF takes, or makes other tiers. */
Test(advise_whole, the_line_to_copy_configures_the_default_pool)
{
    static const size_t tiers[] = {1024, 8192, 16384, 69824};
    size_t sizes[8];

    MUST(setenv("BUFPOOL_TRACE", path, 1) == 0);
    bufpool_t *pool = still_pool();
    load(pool);
    bufpool_destroy(pool);
    cr_assert(eq(int, advise(path), 0));
    char *line = strstr(output, "BUFPOOL_CONF=\"");
    cr_assert(line != NULL);
    line += strlen("BUFPOOL_CONF=\"");
    line[strcspn(line, "\"")] = '\0';
    MUST(setenv("BUFPOOL_CONF", line, 1) == 0);
    cr_assert(eq(sz, bufpool_tiers(NULL, sizes, 8), 4), "%s", line);
    cr_assert(memcmp(sizes, tiers, sizeof tiers) == 0);
}

/* Fails when the tiers that a pool has are taken for the default ones. */
Test(advise_whole, what_would_be_saved_is_against_the_tiers_of_now)
{
    bufpool_config_t config = still_config();

    MUST(setenv("BUFPOOL_TRACE", path, 1) == 0);
    config.min_size = config.max_size = 16384;
    bufpool_t *pool = pool_from(&config);
    load(pool);
    bufpool_destroy(pool);
    cr_assert(eq(int, advise(path), 0));
    assert_says("\nnow              1    300 = 10.00 % ");
    assert_says("config.tiers_count = 4;");
}

/* Fails when one pool of several is advised by what the others were asked for. */
Test(advise_whole, one_pool_of_several)
{
    char arguments[128];
    bufpool_config_t config = still_config();
    void *held[200];

    MUST(setenv("BUFPOOL_TRACE", path, 1) == 0);
    config.name = "one";
    bufpool_t *one = pool_from(&config);
    config.name = "other";
    bufpool_t *other = pool_from(&config);
    get_many(other, 300000, held, 200);
    load(one);
    put_many(other, held, 200);
    bufpool_destroy(one);
    bufpool_destroy(other);
    snprintf(arguments, sizeof arguments, "--pool=one --tiers %s", path);
    cr_assert(eq(int, advise(arguments), 0));
    cr_assert(strncmp(output, tiers_known, strlen(tiers_known)) == 0, "%s", output);
    snprintf(arguments, sizeof arguments, "--pool=other --tiers %s", path);
    cr_assert(eq(int, advise(arguments), 0));
    cr_assert(strcmp(output, "299840\n") == 0, "%s", output);
}

static void write_dump(bufpool_t *pool)
{
    char *text = dump_text(pool, BUFPOOL_JSON);
    FILE *file = fopen(path, "w");
    MUST(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0);
    free(text);
}

/* Fails when a running pool's histogram leads to other tiers than its trace. */
Test(advise_whole, the_best_tiers_of_a_running_pool)
{
    char arguments[128];
    bufpool_config_t config = still_config();

    config.debug = "sizes";
    config.name = "live";
    bufpool_t *pool = pool_from(&config);
    load(pool);
    write_dump(pool);
    bufpool_destroy(pool);
    snprintf(arguments, sizeof arguments, "--tiers - <%s", path);
    cr_assert(eq(int, advise(arguments), 0));
    output[strcspn(output, "\n")] = '\0';
    cr_assert(strcmp(output, tiers_known) == 0, "%s", output);

    snprintf(arguments, sizeof arguments, "--pool=live %s", path);
    cr_assert(eq(int, advise(arguments), 0));
    assert_says(": 3000 gets");
    assert_says("record a trace (BUFPOOL_TRACE)");
    snprintf(arguments, sizeof arguments, "--pool=other %s", path);
    cr_assert(ne(int, advise(arguments), 0));
    assert_says("no pool named 'other' in it");
}

/* Fails when what cannot be advised on is advised on all the same, or dies without saying why. */
Test(advise_whole, what_it_cannot_use_it_names)
{
    bufpool_config_t config = still_config();
    config.debug = "off";
    bufpool_t *pool = pool_from(&config);
    write_dump(pool);
    bufpool_destroy(pool);
    cr_assert(ne(int, advise(path), 0));
    assert_says("the pool was not created with the debug word sizes");
    cr_assert(ne(int, advise("/nowhere"), 0));
    assert_says("/nowhere: No such file or directory");
    cr_assert(ne(int, advise("/dev/null"), 0));
    assert_says("/dev/null: not a BPT1 trace");
    cr_assert(ne(int, advise(""), 0));
    assert_says("wants one file");
}
