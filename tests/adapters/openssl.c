/*
 * OpenSSL on the default pool: TLS 1.2 and 1.3 over loopback, connections made and ended in a loop, and many
 * held at once.
 */
#include <bufpool/openssl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "accounts.h"
#include "live.h"
#include "pools.h"
#include "rig.h"
#include "tls.h"

#define TEXT_MAX (100 * KIB)
#define WARM_UP 10u
#define CONNECTIONS 120u

/* What OpenSSL 3.0 asks for to write and to read a record: 16 KiB and what protects it. */
#define WRITE_BUFFER ((size_t)16584)
#define READ_BUFFER ((size_t)16712)
/* With its headroom of 192 bytes it holds both. */
#define RECORD_TIER ((size_t)16640)

#define HELD 50u
#define ENDS ((uint64_t)HELD * TLS_ENDS)

static _Thread_local char text[TEXT_MAX], back[TEXT_MAX];

static bool messages(struct tls *tls, uint64_t seed)
{
    size_t bytes = (size_t)(seed * 7919 % TEXT_MAX);

    text_make(text, TEXT_MAX, seed);
    memset(back, 0, sizeof back);
    REQUIRE(tls_echo(tls, text, back, bytes % 1000) && memcmp(text, back, bytes % 1000) == 0);
    REQUIRE(tls_echo(tls, text, back, bytes) && memcmp(text, back, bytes) == 0);
    return true;
}

static bool one_connection(const struct tls_contexts *contexts, uint64_t seed)
{
    struct tls tls;

    return tls_open(&tls, contexts) && messages(&tls, seed) && tls_close(&tls);
}

/* Of what has a record's size nothing but these two, however often. */
static bool record_buffers_have_the_sizes_the_header_says(void)
{
    struct meter_size sizes[METER_SIZES];
    size_t count = meter_sizes(sizes);

    REQUIRE(count >= 2 && sizes[0].size == WRITE_BUFFER && sizes[1].size == READ_BUFFER);
    REQUIRE(sizes[0].count >= CONNECTIONS && sizes[1].count >= CONNECTIONS);
    REQUIRE(count == 2 || sizes[2].size > 17 * KIB);
    for (size_t i = 0; i < count; i++)
        printf("  %zu bytes: %" PRIu64 " times\n", sizes[i].size, sizes[i].count);
    return true;
}

static bool connections(const char *name, int version, long mode)
{
    struct tls_contexts contexts = tls_contexts_new(version, mode);
    bufpool_stats_t before = stats_of(NULL);
    bufpool_stats_t warm = before;

    meter_begin_default();
    for (uint64_t i = 0; i < CONNECTIONS; i++) {
        if (i == WARM_UP)
            warm = stats_of(NULL);
        REQUIRE(one_connection(&contexts, i));
    }
    meter_print(name);
    REQUIRE(stats_of(NULL).gets - before.gets == meter_read().pool_buffers);
    REQUIRE(stats_of(NULL).oversized_gets == 0 && meter_read().pool_buffers > CONNECTIONS);
    REQUIRE(hit_rate_since(name, NULL, &warm) > 0.99);
    tls_contexts_free(&contexts);
    return record_buffers_have_the_sizes_the_header_says();
}

/* Would fail where a request went past the face, or where the pool had no idle buffer for it. */
static bool tls_1_3_finds_its_buffers_idle(void)
{
    return connections("OpenSSL, TLS 1.3", TLS1_3_VERSION, 0);
}

static bool tls_1_2_finds_its_buffers_idle(void)
{
    return connections("OpenSSL, TLS 1.2", TLS1_2_VERSION, 0);
}

/* Record buffers come and go with the records: the most gets a connection can make. */
static bool so_do_connections_that_release_their_buffers(void)
{
    return connections("OpenSSL, TLS 1.3, SSL_MODE_RELEASE_BUFFERS", TLS1_3_VERSION,
                       SSL_MODE_RELEASE_BUFFERS);
}

#define THREADS 4u

struct crew {
    struct tls_contexts contexts;
    pthread_barrier_t turn;
    _Atomic unsigned failures;
};

/* Some connections, a pause for the accounts, and more: each thread is warm when it is counted. */
static void *connect_often(void *arg)
{
    struct crew *crew = arg;

    for (uint64_t i = 0; i < 5; i++)
        crew->failures += !one_connection(&crew->contexts, i);
    pthread_barrier_wait(&crew->turn);
    pthread_barrier_wait(&crew->turn);
    for (uint64_t i = 0; i < 20; i++)
        crew->failures += !one_connection(&crew->contexts, i);
    return NULL;
}

/* The contexts are shared: what one thread gets for them another may put. */
static bool so_do_connections_on_four_threads(void)
{
    struct crew crew = {.contexts = tls_contexts_new(TLS1_3_VERSION, SSL_MODE_RELEASE_BUFFERS)};
    pthread_t threads[THREADS];
    bufpool_stats_t before = stats_of(NULL);

    meter_begin_default();
    MUST(pthread_barrier_init(&crew.turn, NULL, THREADS + 1) == 0);
    for (unsigned i = 0; i < THREADS; i++)
        MUST(pthread_create(&threads[i], NULL, connect_often, &crew) == 0);
    pthread_barrier_wait(&crew.turn);
    bufpool_stats_t warm = stats_of(NULL);
    pthread_barrier_wait(&crew.turn);
    for (unsigned i = 0; i < THREADS; i++)
        MUST(pthread_join(threads[i], NULL) == 0);
    pthread_barrier_destroy(&crew.turn);
    REQUIRE(crew.failures == 0);
    REQUIRE(stats_of(NULL).gets - before.gets == meter_read().pool_buffers);
    REQUIRE(hit_rate_since("OpenSSL, four threads", NULL, &warm) > 0.99);
    tls_contexts_free(&crew.contexts);
    return true;
}

/* ------------------------------------------------------------ what takes a process of its own */

/* A pipe from this program, run with an argument. */
static FILE *run_self(const char *option, const char *words)
{
    char program[256] = "";
    char command[512];

    if (readlink("/proc/self/exe", program, sizeof program - 1) <= 0)
        return NULL;
    snprintf(command, sizeof command, "'%s' %s '%s'", program, option, words);
    return popen(command, "r");
}

/* OpenSSL has allocated before the adapter comes: 0 where that is told and changes nothing. */
static int install_late(void)
{
    CRYPTO_malloc_fn in_place;
    void *memory = OPENSSL_malloc(1000);
    int end = bufpool_openssl_install();

    CRYPTO_get_mem_functions(&in_place, NULL, NULL);
    OPENSSL_free(memory);
    return memory != NULL && end == -EBUSY && in_place != bufpool_openssl_malloc ? 0 : 1;
}

static bool a_late_install_is_refused_and_changes_nothing(void)
{
    FILE *child = run_self("--late", "");

    REQUIRE(child != NULL && pclose(child) == 0);
    return true;
}

/* ------------------------------------------------------------ connections held */

struct setting {
    const char *words; /* as the header's table has them */
    bool has_own_tier; /* for the record buffers */
    size_t steps;
    uint64_t kept, released; /* bytes of the pool that one end of an idle connection holds */
};

static bufpool_t *pool_of(const struct setting *setting)
{
    static const size_t tiers[] = {512,      1 * KIB,  2 * KIB,   4 * KIB,   8 * KIB,   16 * KIB, RECORD_TIER,
                                   32 * KIB, 64 * KIB, 128 * KIB, 256 * KIB, 512 * KIB, MIB};
    bufpool_config_t config = still_config();

    config.tier_steps = setting->steps;
    if (setting->has_own_tier) {
        config.tiers = tiers;
        config.tiers_count = sizeof tiers / sizeof tiers[0];
    }
    return pool_from(&config);
}

/* What these sizes take in a pool with that setting. */
static uint64_t bytes_with(const struct setting *setting, const size_t *sizes, size_t count)
{
    static void *buffers[LIVE_MAX];
    bufpool_t *pool = pool_of(setting);

    for (size_t i = 0; i < count; i++)
        MUST((buffers[i] = bufpool_get(pool, sizes[i])) != NULL);
    uint64_t bytes = stats_of(pool).in_use_bytes;
    MUST(bufpool_put_batch(pool, buffers, count) == count);
    bufpool_destroy(pool);
    return bytes;
}

/* Hold many connections on the default pool, and see what OpenSSL has out for them. */
static bool hold(long mode, size_t sizes[LIVE_MAX], size_t *count, uint64_t *bytes)
{
    static struct tls held[HELD];
    struct tls_contexts contexts = tls_contexts_new(TLS1_3_VERSION, mode);

    REQUIRE(one_connection(&contexts, 1));
    uint64_t before = stats_of(NULL).in_use_bytes;
    live_begin(256);
    for (unsigned i = 0; i < HELD; i++)
        REQUIRE(tls_open(&held[i], &contexts) && messages(&held[i], i));
    *bytes = stats_of(NULL).in_use_bytes - before;
    *count = live_sizes(sizes);
    live_end();
    for (unsigned i = 0; i < HELD; i++)
        REQUIRE(tls_close(&held[i]));
    tls_contexts_free(&contexts);
    return true;
}

/* The header's table. One row, of the default pool as it is, must be what was really held, and so vouches for
 * the others; which one, BUFPOOL_CONF says. */
static bool a_tier_for_record_buffers_saves_two_fifths_of_what_a_connection_holds(void)
{
    enum { DEFAULT, TWO_STEPS, FOUR_STEPS, OWN_TIER, SETTINGS };
    static size_t kept[LIVE_MAX];
    static size_t released[LIVE_MAX];
    struct setting settings[SETTINGS] = {
        [DEFAULT] = {.words = "default", .steps = 1},
        [TWO_STEPS] = {.words = "tier_steps 2", .steps = 2},
        [FOUR_STEPS] = {.words = "tier_steps 4", .steps = 4},
        [OWN_TIER] = {.words = "a tier of 16640 added", .steps = 1, .has_own_tier = true},
    };
    size_t kept_count;
    size_t released_count;
    uint64_t kept_bytes;
    uint64_t released_bytes;

    REQUIRE(hold(0, kept, &kept_count, &kept_bytes));
    REQUIRE(hold(SSL_MODE_RELEASE_BUFFERS, released, &released_count, &released_bytes));
    const struct setting *real = &settings[rig_has_tier(RECORD_TIER) ? OWN_TIER : DEFAULT];
    REQUIRE(bytes_with(real, kept, kept_count) == kept_bytes);
    REQUIRE(bytes_with(real, released, released_count) == released_bytes);

    printf("OpenSSL, TLS 1.3, bytes of the pool that one end of an idle connection holds: kept, released\n");
    for (int i = 0; i < SETTINGS; i++) {
        struct setting *setting = &settings[i];
        setting->kept = bytes_with(setting, kept, kept_count) / ENDS;
        setting->released = bytes_with(setting, released, released_count) / ENDS;
        printf("  %7" PRIu64 " %7" PRIu64 "  %s\n", setting->kept, setting->released, setting->words);
        REQUIRE(setting->released * 3 < setting->kept);
    }
    REQUIRE(settings[OWN_TIER].kept * 5 < settings[DEFAULT].kept * 3);
    REQUIRE(settings[OWN_TIER].kept < settings[FOUR_STEPS].kept);
    REQUIRE(settings[FOUR_STEPS].kept < settings[TWO_STEPS].kept);
    REQUIRE(settings[TWO_STEPS].kept < settings[DEFAULT].kept);
    return true;
}

/* OpenSSL keeps tables of its own until its cleanup, which exit would call too; then there is nothing left.
 */
static bool after_openssl_s_cleanup_nothing_is_in_use(void)
{
    uint64_t kept = stats_of(NULL).in_use_bytes;

    OPENSSL_cleanup();
    printf("OpenSSL: %" PRIu64 " bytes in use before its cleanup\n", kept);
    REQUIRE(kept > 0 && stats_of(NULL).in_use_bytes == 0);
    REQUIRE(accounts_fault(NULL) == NULL);
    return true;
}

int main(int argc, char **argv)
{
    static const struct property properties[] = {
        PROPERTY(tls_1_3_finds_its_buffers_idle),
        PROPERTY(tls_1_2_finds_its_buffers_idle),
        PROPERTY(so_do_connections_that_release_their_buffers),
        PROPERTY(so_do_connections_on_four_threads),
        PROPERTY(a_late_install_is_refused_and_changes_nothing),
        PROPERTY(a_tier_for_record_buffers_saves_two_fifths_of_what_a_connection_holds),
        PROPERTY(after_openssl_s_cleanup_nothing_is_in_use),
    };

    if (argc == 3 && strcmp(argv[1], "--late") == 0)
        return install_late();
    meter_note_sizes(16 * KIB);
    rig_default_pool();
    MUST(bufpool_openssl_install() == 0);
    return rig_run(properties, sizeof properties / sizeof properties[0]);
}
