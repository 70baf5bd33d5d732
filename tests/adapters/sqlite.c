/*
 * SQLite on the default pool: a database in a file, connections opened and closed, rows of all sizes written,
 * sorted, compared and deleted.
 */
#include <bufpool/sqlite.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "accounts.h"
#include "pools.h"
#include "rig.h"

#define ROWS 100
#define CONNECTIONS 60
#define WARM_UP 10

/* Holds a page of 4096 bytes and what SQLite has beside it. */
#define PAGE_TIER ((size_t)4416)

static char path[] = "/tmp/bufpool-sqlite-XXXXXX";

static size_t body_bytes(int64_t id)
{
    return (size_t)(id * 7919 % 20000);
}

static bool run(sqlite3 *database, const char *statement)
{
    char *message = NULL;

    if (sqlite3_exec(database, statement, NULL, NULL, &message) == SQLITE_OK)
        return true;
    return broken("%s: %s", statement, message);
}

static bool insert(sqlite3 *database, int64_t first)
{
    static char body[20000];
    sqlite3_stmt *row;

    REQUIRE(run(database, "begin"));
    REQUIRE(sqlite3_prepare_v2(database, "insert into t(id, kind, body) values(?, ?, ?)", -1, &row, NULL) ==
            SQLITE_OK);
    for (int64_t id = first; id < first + ROWS; id++) {
        text_make(body, body_bytes(id), (uint64_t)id);
        sqlite3_bind_int64(row, 1, id);
        sqlite3_bind_int64(row, 2, id * 31 % 17);
        sqlite3_bind_text(row, 3, body, (int)body_bytes(id), SQLITE_TRANSIENT);
        REQUIRE(sqlite3_step(row) == SQLITE_DONE && sqlite3_reset(row) == SQLITE_OK);
    }
    sqlite3_finalize(row);
    return run(database, "commit");
}

/* Every row that is there, sorted by what no index has; the bodies byte by byte. */
static bool compare(sqlite3 *database, int64_t first, int *rows)
{
    static char body[20000];
    sqlite3_stmt *row;
    int end;

    *rows = 0;
    REQUIRE(sqlite3_prepare_v2(database, "select id, kind, body from t where id >= ? order by body, id", -1,
                               &row, NULL) == SQLITE_OK);
    sqlite3_bind_int64(row, 1, first);
    while ((end = sqlite3_step(row)) == SQLITE_ROW) {
        int64_t id = sqlite3_column_int64(row, 0);
        text_make(body, body_bytes(id), (uint64_t)id);
        REQUIRE(sqlite3_column_int64(row, 1) == id * 31 % 17);
        REQUIRE((size_t)sqlite3_column_bytes(row, 2) == body_bytes(id));
        REQUIRE(body_bytes(id) == 0 || memcmp(sqlite3_column_blob(row, 2), body, body_bytes(id)) == 0);
        ++*rows;
    }
    sqlite3_finalize(row);
    REQUIRE(end == SQLITE_DONE);
    return true;
}

/* Work as a server has it: open, write, read, group, delete, close. */
static bool one_connection(int number)
{
    sqlite3 *database;
    int rows;
    int64_t first = (int64_t)number * ROWS;

    REQUIRE(sqlite3_open(path, &database) == SQLITE_OK);
    REQUIRE(run(database, "pragma synchronous = off"));
    REQUIRE(run(database, "create table if not exists t(id integer primary key, kind integer, body text)"));
    REQUIRE(run(database, "create index if not exists kinds on t(kind)"));
    REQUIRE(insert(database, first));
    REQUIRE(compare(database, first, &rows) && rows == ROWS);
    REQUIRE(run(database,
                "select kind, count(*), group_concat(substr(body, 1, 40)) from t group by kind order by 3"));
    if (number >= 3) {
        char statement[64];
        snprintf(statement, sizeof statement, "delete from t where id < %d", (number - 2) * ROWS);
        REQUIRE(run(database, statement));
        REQUIRE(compare(database, 0, &rows) && rows == 3 * ROWS);
    }
    return sqlite3_close(database) == SQLITE_OK;
}

/* Would fail where a request went past the face, or where the pool had no idle buffer for it. */
static bool connections_find_their_buffers_idle(void)
{
    bufpool_stats_t before = stats_of(NULL);
    bufpool_stats_t warm = before;

    meter_begin_default();
    for (int i = 0; i < CONNECTIONS; i++) {
        if (i == WARM_UP)
            warm = stats_of(NULL);
        REQUIRE(one_connection(i));
    }
    meter_print("SQLite");
    bufpool_stats_t stats = stats_of(NULL);
    REQUIRE(stats.gets - before.gets - (stats.oversized_gets - before.oversized_gets) ==
            meter_read().pool_buffers);
    REQUIRE(meter_read().pool_buffers > 10 * CONNECTIONS);
    REQUIRE(hit_rate_since("SQLite", NULL, &warm) > 0.99);
    return true;
}

/* What SQLite believes an allocation to be is what it is; and it is never less than was asked for. */
static bool a_rounded_size_is_the_size_given(void)
{
    size_t capacities = bufpool_sqlite_tiers()->count;

    REQUIRE(capacities == bufpool_tiers(NULL, NULL, 0));
    for (int size = 1; size <= 3 << 20; size += 1 + size / 97) {
        int rounded = bufpool_sqlite_roundup(size);
        REQUIRE(rounded >= size && rounded % 8 == 0 && bufpool_sqlite_roundup(rounded) == rounded);
        void *memory = bufpool_sqlite_malloc(rounded);
        REQUIRE(memory != NULL && (uintptr_t)memory % 8 == 0);
        int given = bufpool_sqlite_size(memory);
        REQUIRE(given >= rounded);
        if (size > 256 && size <= 1 << 20)
            REQUIRE(given == rounded);
        memset(memory, 0xa5, (size_t)given);
        bufpool_sqlite_free(memory);
    }
    return true;
}

/* SQLite's own count of what it holds is the pool's, but for what the C library holds. */
static bool sqlite_s_accounts_agree_with_the_pool_s(void)
{
    sqlite3 *database;
    int rows;

    REQUIRE(sqlite3_open(path, &database) == SQLITE_OK);
    REQUIRE(compare(database, 0, &rows) && rows == 3 * ROWS);
    uint64_t pooled = stats_of(NULL).in_use_bytes;
    uint64_t used = (uint64_t)sqlite3_memory_used();
    REQUIRE(pooled > MIB && pooled <= used && used - pooled < used / 20);
    REQUIRE(sqlite3_close(database) == SQLITE_OK);
    return true;
}

/* What a cache of 2 MiB takes, as SQLite divides it up and in one buffer. */
static bool cache_bytes(int bulk_kib, uint64_t *taken, uint64_t *used)
{
    sqlite3 *database;
    int rows;

    REQUIRE(sqlite3_shutdown() == SQLITE_OK);
    REQUIRE(sqlite3_config(SQLITE_CONFIG_PAGECACHE, NULL, 0, bulk_kib == 0 ? 20 : -bulk_kib) == SQLITE_OK);
    REQUIRE(sqlite3_open(path, &database) == SQLITE_OK);
    uint64_t before = stats_of(NULL).in_use_bytes;
    REQUIRE(compare(database, 0, &rows) && rows == 3 * ROWS);
    *taken = stats_of(NULL).in_use_bytes - before;
    int now;
    int highest;
    REQUIRE(sqlite3_db_status(database, SQLITE_DBSTATUS_CACHE_USED, &now, &highest, 0) == SQLITE_OK);
    *used = (uint64_t)now;
    printf("SQLite, a page cache with %d KiB of it in one buffer: %" PRIu64 " KiB of the pool for %" PRIu64
           "\n",
           bulk_kib, *taken / KIB, *used / KIB);
    return sqlite3_close(database) == SQLITE_OK;
}

static bool pages_in_one_buffer_take_less(void)
{
    uint64_t single;
    uint64_t bulk;
    uint64_t used;

    REQUIRE(cache_bytes(0, &single, &used) && cache_bytes(1024, &bulk, &used));
    REQUIRE(bulk < single);
    return true;
}

static bool after_sqlite3_shutdown_nothing_is_in_use(void)
{
    REQUIRE(sqlite3_shutdown() == SQLITE_OK);
    REQUIRE(sqlite3_memory_used() == 0);
    REQUIRE(stats_of(NULL).in_use_bytes == 0);
    REQUIRE(accounts_fault(NULL) == NULL);
    return true;
}

/* The header says so of a pool that has a tier for pages. */
static bool pages_take_what_they_are(void)
{
    uint64_t single;
    uint64_t used;

    REQUIRE(cache_bytes(0, &single, &used));
    REQUIRE(single * 100 < used * 103);
    return after_sqlite3_shutdown_nothing_is_in_use();
}

int main(void)
{
    static const struct property properties[] = {
        PROPERTY(connections_find_their_buffers_idle),      PROPERTY(a_rounded_size_is_the_size_given),
        PROPERTY(sqlite_s_accounts_agree_with_the_pool_s),  PROPERTY(pages_in_one_buffer_take_less),
        PROPERTY(after_sqlite3_shutdown_nothing_is_in_use), PROPERTY(pages_take_what_they_are),
    };
    size_t count = sizeof properties / sizeof properties[0];
    int file = mkstemp(path);

    MUST(file >= 0);
    close(file);
    rig_default_pool();
    MUST(bufpool_sqlite_install() == SQLITE_OK);
    MUST(sqlite3_initialize() == SQLITE_OK);
    int end = rig_run(properties, rig_has_tier(PAGE_TIER) ? count : count - 1);
    unlink(path);
    return end;
}
