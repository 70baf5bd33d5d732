/*
 * touch - one use of a buffer a run, named by the first argument, for Valgrind to
 * find or to leave alone.
 */
#include <bufpool.h>
#include <stdlib.h>
#include <string.h>

#define SIZE ((size_t)500)

static void use_well(bufpool_t *pool)
{
    static const size_t sizes[] = {0, 1, 500, 512, 5000, 70000, 2000000};
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            char *buffer = bufpool_get(pool, sizes[i]);
            memset(buffer, 1, sizes[i]);
            char *zeroed = bufpool_get_zeroed(pool, sizes[i]);
            buffer = bufpool_resize(pool, buffer, sizes[i] + 100);
            for (size_t n = 0; n < sizes[i]; n++)
                if (buffer[n] != 1 || zeroed[n] != 0)
                    abort();
            memset(buffer, 2, bufpool_capacity(pool, buffer));
            bufpool_put(pool, zeroed);
            bufpool_put(pool, buffer);
        }
        bufpool_collect(pool);
    }
    bufpool_reserve(pool, 4096, 5);
    bufpool_trim(pool);
}

int main(int argc, char **argv)
{
    bufpool_config_t config = BUFPOOL_CONFIG_INIT;
    bufpool_t *pool;
    const char *what = argc > 1 ? argv[1] : "";

    config.collect_interval_ms = 0;
    if (argc > 2)
        config.debug = argv[2];
    if (bufpool_create(&pool, &config) != 0)
        return 1;
    volatile char *buffer = bufpool_get(pool, SIZE);
    if (strcmp(what, "well") == 0)
        use_well(pool);
    else if (strcmp(what, "over-the-end") == 0)
        buffer[SIZE] = 1;
    else if (strcmp(what, "unset") == 0 && buffer[0] == 17)
        return 2;
    bufpool_put(pool, (void *)buffer);
    if (strcmp(what, "read-after-put") == 0)
        (void)buffer[0];
    else if (strcmp(what, "write-after-put") == 0)
        buffer[SIZE - 1] = 1;
    bufpool_destroy(pool);
    return 0;
}
