/* A user's program: one buffer there and back, and the pool has heard of it. C11 and C++17. */
#include <bufpool.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
    bufpool_config_t config = BUFPOOL_CONFIG_INIT;
    bufpool_stats_t stats = BUFPOOL_STATS_INIT;
    bufpool_t *pool;

    config.name = "consumer";
    if (bufpool_create(&pool, &config) != 0)
        return 1;
    void *buffer = bufpool_get(pool, 4096);
    if (buffer == NULL)
        return 2;
    memset(buffer, 1, bufpool_capacity(pool, buffer));
    if (!bufpool_put(pool, buffer))
        return 3;
    buffer = bufpool_get(pool, 4096);
    if (buffer == NULL || !bufpool_put(pool, buffer))
        return 3;
    if (bufpool_stats(pool, &stats) != 0 || stats.puts != 2 || stats.hits_private != 1 ||
        stats.in_use_bytes != 0)
        return 4;
    bufpool_destroy(pool);
    puts("consumer: works");
    return 0;
}
