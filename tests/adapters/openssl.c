/*
 * OpenSSL on the default pool: TLS 1.2 and 1.3 over loopback, connections made and ended in a loop.
 */
#include <bufpool/openssl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "accounts.h"
#include "pools.h"
#include "rig.h"
#include "tls.h"

#define TEXT_MAX (100 * KIB)
#define WARM_UP 20u
#define CONNECTIONS 220u

/* What OpenSSL 3.0 asks for to write and to read a record: 16 KiB and what protects it. */
#define WRITE_BUFFER ((size_t)16584)
#define READ_BUFFER ((size_t)16712)

static char text[TEXT_MAX], back[TEXT_MAX];

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
        PROPERTY(a_late_install_is_refused_and_changes_nothing),
        PROPERTY(after_openssl_s_cleanup_nothing_is_in_use),
    };

    if (argc == 3 && strcmp(argv[1], "--late") == 0)
        return install_late();
    meter_note_sizes(16 * KIB);
    rig_default_pool("");
    MUST(bufpool_openssl_install() == 0);
    return rig_run(properties, sizeof properties / sizeof properties[0]);
}
