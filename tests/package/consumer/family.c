/* A user's program with a library of the family, which brings those below it along. C11 and C++17. */
#include <bufpool/bytebuf.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
    bytebuf_pool_t *pool;

    if (bytebuf_pool_create(&pool, NULL) != 0)
        return 1;
    bytebuf_t *bytes = bytebuf_get(pool);
    if (bytes == NULL || bytebuf_printf(bytes, "%s: %s", "consumer", "works") != 15)
        return 2;
    printf("%.*s\n", (int)bytes->length, bytes->data);
    bytebuf_put(bytes);
    bytebuf_pool_destroy(pool);
    return 0;
}
