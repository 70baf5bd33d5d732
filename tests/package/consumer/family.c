/* A user's program with libraries of the family, which bring those below them along. C11 and C++17. */
#include <bufpool/bytebuf.h>
#include <bufpool/workpool.h>
#include <stdio.h>
#include <string.h>

static void write_line(void *arg)
{
    bytebuf_t *bytes = (bytebuf_t *)arg;

    if (bytebuf_printf(bytes, "%s: %s", "consumer", "works") == 15)
        printf("%.*s\n", (int)bytes->length, bytes->data);
}

int main(void)
{
    workpool_config_t config = WORKPOOL_CONFIG_INIT;
    bytebuf_pool_t *pool;
    workpool_t *workers;

    if (bytebuf_pool_create(&pool, NULL) != 0 || workpool_create(&workers, &config) != 0)
        return 1;
    bytebuf_t *bytes = bytebuf_get(pool);
    if (bytes == NULL || workpool_submit_wait(workers, write_line, bytes) != 0)
        return 2;
    bytebuf_put(bytes);
    workpool_destroy(workers);
    bytebuf_pool_destroy(pool);
    return 0;
}
