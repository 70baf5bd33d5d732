/*
 * meter_get - what an adapter asks bufpool_get for; linked with --wrap.
 */
#include "rig.h"

void *__real_bufpool_get(bufpool_t *pool, size_t size);
void *__wrap_bufpool_get(bufpool_t *pool, size_t size);

void *__wrap_bufpool_get(bufpool_t *pool, size_t size)
{
    void *buffer = __real_bufpool_get(pool, size);

    meter_count(pool, buffer, size);
    return buffer;
}
