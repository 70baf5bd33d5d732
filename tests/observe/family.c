/*
 * The documents of all pools tell of objects, bytebufs, connections and workers too: each kind is a section.
 */
#include <bufpool/bytebuf.h>
#include <bufpool/connpool.h>
#include <bufpool/objpool.h>
#include <bufpool/observe.h>
#include <bufpool/workpool.h>
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pools.h"
#include "process.h"
#include "talk.h"
#include "text.h"

static char *document(enum bufpool_format format)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    MUST(out != NULL && bufpool_dump_all(out, format) == 0 && fclose(out) == 0);
    return text;
}

static bool has(const char *text, const char *part)
{
    return strstr(text, part) != NULL;
}

/* ------------------------------------------------------------ pools that do nothing by themselves */

static int connect_to_nobody(void **resource, const connpool_target_t *target, void *arg)
{
    (void)target;
    *resource = arg;
    return 0;
}

static void hang_up(void *resource, void *arg)
{
    (void)resource;
    (void)arg;
}

static connpool_t *connections(const char *name)
{
    connpool_config_t config = CONNPOOL_CONFIG_INIT;
    connpool_t *pool = NULL;
    config.name = name;
    config.open = connect_to_nobody;
    config.close = hang_up;
    config.flags = CONNPOOL_NO_KEEPER;
    MUST(connpool_create(&pool, &config) == 0);
    return pool;
}

static workpool_t *workers(const char *name)
{
    workpool_config_t config = WORKPOOL_CONFIG_INIT;
    workpool_t *pool = NULL;
    config.name = name;
    MUST(workpool_create(&pool, &config) == 0);
    return pool;
}

static objpool_t *things(const char *name)
{
    objpool_config_t config = OBJPOOL_CONFIG_INIT;
    objpool_t *pool = NULL;
    config.name = name;
    config.object_size = 100;
    config.collect_interval_ms = 0;
    MUST(objpool_create(&pool, &config) == 0);
    return pool;
}

static bytebuf_pool_t *replies(const char *name, bufpool_t *buffers)
{
    bytebuf_pool_config_t config = BYTEBUF_POOL_CONFIG_INIT;
    bytebuf_pool_t *pool = NULL;
    config.name = name;
    config.buffers = buffers;
    config.collect_interval_ms = 0;
    MUST(bytebuf_pool_create(&pool, &config) == 0);
    return pool;
}

static void work(void *arg)
{
    (void)arg;
}

/* Two of each kind, all of one name, the second of which has been used. */
struct twins {
    bufpool_t *buffers;
    objpool_t *things[2];
    bytebuf_pool_t *replies[2];
    connpool_t *connections[2];
    workpool_t *workers[2];
    void *thing;
    connpool_lease_t lease;
};

static void twins_make(struct twins *twins)
{
    twins->buffers = still_pool();
    for (int i = 0; i < 2; i++)
        twins->things[i] = things("a \"twin\"");
    for (int i = 0; i < 2; i++) {
        twins->replies[i] = replies("a \"twin\"", twins->buffers);
        twins->connections[i] = connections("a \"twin\"");
        twins->workers[i] = workers("a \"twin\"");
    }
    MUST((twins->thing = objpool_get(twins->things[1])) != NULL);
    bytebuf_put(bytebuf_get(twins->replies[1]));
    MUST(connpool_acquire(twins->connections[1], 0, &twins->lease) == 0);
    MUST(workpool_submit_wait(twins->workers[1], work, NULL) == 0);
    MUST(workpool_drain(twins->workers[1], UINT32_MAX) == 0);
}

static void twins_end(struct twins *twins)
{
    objpool_put(twins->things[1], twins->thing);
    connpool_release(twins->connections[1], twins->lease);
    for (int i = 0; i < 2; i++) {
        workpool_destroy(twins->workers[i]);
        connpool_destroy(twins->connections[i]);
        bytebuf_pool_destroy(twins->replies[i]);
        objpool_destroy(twins->things[i]);
    }
    bufpool_destroy(twins->buffers);
}

/* ------------------------------------------------------------ the three formats */

typedef int (*dump_fn)(void *pool, FILE *out, enum bufpool_format format);

#define DUMP(kind, type)                                                                                     \
    static int dump_##kind(void *pool, FILE *out, enum bufpool_format format)                                \
    {                                                                                                        \
        return kind##_dump((type *)pool, out, format);                                                       \
    }
DUMP(objpool, objpool_t)
DUMP(bytebuf, bytebuf_pool_t)
DUMP(connpool, connpool_t)
DUMP(workpool, workpool_t)

/* What a pool's own dump says, as an element of a section: with its number behind its name. */
static void write_element(FILE *out, dump_fn dump, void *pool, int number)
{
    char *text = NULL;
    size_t size;
    FILE *own = open_memstream(&text, &size);

    MUST(own != NULL && dump(pool, own, BUFPOOL_JSON) == 0 && fclose(own) == 0);
    char *rest = strstr(text, "\\\"twin\\\"\",");
    MUST(rest != NULL);
    rest += strlen("\\\"twin\\\"\",");
    fprintf(out, "%.*s\"number\":%d,%.*s", (int)(rest - text), text, number, (int)strcspn(rest, "\n"), rest);
    free(text);
}

/* "SECTION":[FIRST,SECOND */
static void assert_has_section(const char *json, const char *section, dump_fn dump, void *first, void *second)
{
    char *expected = NULL;
    size_t size;
    FILE *out = open_memstream(&expected, &size);

    MUST(out != NULL);
    fprintf(out, "\"%s\":[", section);
    write_element(out, dump, first, 0);
    putc(',', out);
    write_element(out, dump, second, 1);
    MUST(fclose(out) == 0);
    cr_assert(has(json, expected), "not there: %s\nin %s", expected, json);
    free(expected);
}

/* Fails when a kind is left out, a pool is told with another's numbers, or the document is no JSON. */
Test(observe_family, a_json_document_has_what_each_pool_says_of_itself_and_its_number)
{
    struct twins twins;
    twins_make(&twins);
    char *json = document(BUFPOOL_JSON);

    cr_assert(json_is_valid(json), "%s", json);
    assert_has_section(json, "objpools", dump_objpool, twins.things[0], twins.things[1]);
    assert_has_section(json, "bytebufs", dump_bytebuf, twins.replies[0], twins.replies[1]);
    assert_has_section(json, "connpools", dump_connpool, twins.connections[0], twins.connections[1]);
    assert_has_section(json, "workpools", dump_workpool, twins.workers[0], twins.workers[1]);
    free(json);
    twins_end(&twins);
}

/* Fails when two pools of a name are one series, or a metric is described twice. */
Test(observe_family, a_prometheus_page_has_each_metric_once_and_a_series_a_pool)
{
    static const char *const lines[] = {
        ("\nobjpool_in_use{pool=\"a \\\"twin\\\"\",number=\"0\"} 0\n"
         "objpool_in_use{pool=\"a \\\"twin\\\"\",number=\"1\"} 1\n"),
        "\nbytebuf_returns_total{pool=\"a \\\"twin\\\"\",number=\"1\"} 1\n",
        "\nbytebuf_let_go_total{pool=\"a \\\"twin\\\"\",number=\"1\",reason=\"large\"} 0\n",
        "\nconnpool_acquires_total{pool=\"a \\\"twin\\\"\",number=\"1\"} 1\n",
        "\nworkpool_runs_total{pool=\"a \\\"twin\\\"\",number=\"1\"} 1\n",
        "\nworkpool_run_seconds_bucket{pool=\"a \\\"twin\\\"\",number=\"1\",le=\"+Inf\"} 1\n",
        "\nbufpool_gets_total{pool=\"a \\\"twin\\\"\",number="};
    struct twins twins;
    twins_make(&twins);
    char *page = document(BUFPOOL_PROMETHEUS);

    cr_assert(prometheus_fault(page) == NULL, "%s in\n%s", prometheus_fault(page), page);
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        cr_assert(has(page, lines[i]), "not there: %s in\n%s", lines[i], page);
    free(page);
    twins_end(&twins);
}

/* Fails when a table is missing, or runs into the one before. */
Test(observe_family, a_text_has_a_table_a_pool_with_an_empty_line_before)
{
    static const char *const heads[] = {
        "\n\nobjpool 'a \"twin\"' #0\n",    "\n\nobjpool 'a \"twin\"' #1\n  ",
        "\n\nbytebuf 'a \"twin\"' #1\n  ",  "\n\nconnpool 'a \"twin\"' #0\n",
        "\n\nconnpool 'a \"twin\"' #1\n  ", "\n\nworkpool 'a \"twin\"' #1\n  "};
    struct twins twins;
    twins_make(&twins);
    char *text = document(BUFPOOL_TEXT);

    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++)
        cr_assert(has(text, heads[i]), "not there: %s in\n%s", heads[i], text);
    free(text);
    twins_end(&twins);
}

/* Fails when a name ends where a place for it does: a connpool's may be as long as it likes. */
Test(observe_family, a_long_name_is_told_whole)
{
    char name[300], line[400];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    snprintf(line, sizeof line, "\n\nconnpool '%s' #1\n", name);
    connpool_t *brief = connections("brief");
    connpool_t *pool = connections(name);
    char *text = document(BUFPOOL_TEXT);

    cr_assert(has(text, line), "%s", text);
    cr_assert(has(text, "\n\nconnpool 'brief' #0\n"), "%s", text);
    free(text);
    connpool_destroy(pool);
    connpool_destroy(brief);
}

/* ------------------------------------------------------------ pools come and go */

/* Fails when a process without such pools is told of them, or a destroyed pool is still told of. */
Test(observe_family, a_section_is_there_from_the_first_pool_on_and_empty_behind_the_last)
{
    char *json = document(BUFPOOL_JSON);
    cr_assert(has(json, "\"pools\":[]}\n"), "%s", json);
    free(json);

    connpool_t *pool = connections("brief");
    json = document(BUFPOOL_JSON);
    cr_assert(has(json, ",\"connpools\":[{\"connpool\":\"brief\",\"number\":0,"), "%s", json);
    free(json);
    connpool_destroy(pool);
    json = document(BUFPOOL_JSON);
    cr_assert(json_is_valid(json), "%s", json);
    cr_assert(has(json, "\"pools\":[],\"connpools\":[]}\n"), "%s", json);
    free(json);
    json = document(BUFPOOL_PROMETHEUS);
    cr_assert(not(has(json, "connpool")), "%s", json);
    free(json);
}

/* Fails when a process that has workers, and not one bufpool, does not hear what its environment asks for. */
Test(observe_family, the_environment_socket_is_served_for_the_first_pool_of_any_kind)
{
    char *path = talk_path();

    MUST(setenv("BUFPOOL_STATS", path, 1) == 0);
    workpool_t *pool = workers("alone");
    char *json = talk(path, "json\n");
    cr_assert(json_is_valid(json), "%s", json);
    cr_assert(has(json, "\"workpools\":[{\"workpool\":\"alone\",\"number\":0,"), "%s", json);
    free(json);
    char *page = talk(path, "GET /metrics HTTP/1.1\r\n\r\n");
    cr_assert(has(page, "\nworkpool_workers{pool=\"alone\",number=\"0\"} 0\n"), "%s", page);
    free(page);
    workpool_destroy(pool);
    cr_assert(eq(int, bufpool_stats_serve(NULL), 0));
}

static int in_child(void *arg)
{
    struct twins *twins = arg;
    connpool_t *own = connections("own");
    char *json = document(BUFPOOL_JSON);
    /* The parent's connections and workers are not the child's; objects go on with none in use. */
    bool good = json_is_valid(json) && has(json, "\"connpools\":[{\"connpool\":\"own\",\"number\":2,") &&
                has(json, "\"workpools\":[]") &&
                has(json, "\"objpools\":[{\"objpool\":\"a \\\"twin\\\"\",\"number\":0,\"in_use\":0,");

    objpool_destroy(twins->things[0]);
    connpool_destroy(own);
    connpool_destroy(twins->connections[0]);
    free(json);
    json = document(BUFPOOL_JSON);
    good = good && has(json, "\"connpools\":[]") &&
           has(json, "\"objpools\":[{\"objpool\":\"a \\\"twin\\\"\",\"number\":1,");
    if (!good)
        fputs(json, stderr);
    free(json);
    return good ? 0 : 1;
}

/* Fails when a forked child tells of pools that are its parent's, or cannot tell of its own. */
Test(observe_family, a_forked_child_tells_of_the_pools_that_it_can_use)
{
    struct twins twins;
    twins_make(&twins);

    struct child_end end = child_run(in_child, &twins);
    cr_assert(child_exited(&end, 0), "status %d: %s", end.status, end.errors);
    twins_end(&twins);
}
