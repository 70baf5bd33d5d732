/*
 * page FORMAT - what a process with three pools, two of one name and one of a wild name, writes.
 */
#include <bufpool/observe.h>
#include <string.h>

#include "pools.h"

int main(int argc, char **argv)
{
    const char *const formats[] = {"text", "json", "prometheus"};
    const char *const names[] = {"twin", "twin", "a \"quoted\" \\ name\n caf\xc3\xa9 \xff"};
    void *buffers[40];

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        bufpool_config_t config = still_config();
        config.name = names[i];
        bufpool_t *pool = pool_from(&config);
        for (size_t size = 512; size <= 2 * MIB; size *= 2) {
            get_many(pool, size, buffers, 40);
            put_many(pool, buffers, 33);
        }
        bufpool_collect(pool);
    }
    for (int i = 0; i < 3; i++) {
        if (argc == 2 && strcmp(argv[1], formats[i]) == 0)
            return bufpool_dump_all(stdout, (enum bufpool_format)i) == 0 ? 0 : 1;
    }
    return 2;
}
