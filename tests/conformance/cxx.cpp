/*
 * The headers in a C++17 program, the hit compiled in. A main of its own: exits
 * with 0 when all holds.
 */
#define BUFPOOL_INLINE
#include <bufpool.h>
#include <cstdio>

static int failed(const char *what)
{
    std::fprintf(stderr, "conformance_cxx: %s\n", what);
    return 1;
}

int main()
{
    bufpool_config_t config = BUFPOOL_CONFIG_INIT;
    config.collect_interval_ms = 0;
    bufpool_t *pool = nullptr;
    if (bufpool_create(&pool, &config) != 0)
        return failed("no pool");
    for (int i = 0; i < 1000; i++) {
        void *buffer = bufpool_get(pool, 4096);
        if (buffer == nullptr || bufpool_capacity(pool, buffer) < 4096 || !bufpool_put(pool, buffer))
            return failed("a pair went wrong");
    }
    bufpool_stats_t stats = BUFPOOL_STATS_INIT;
    if (bufpool_stats(pool, &stats) != 0 || stats.gets != 1000 || stats.puts != 1000 || stats.carves != 1)
        return failed("the accounts are wrong");
    bufpool_destroy(pool);
    return 0;
}
