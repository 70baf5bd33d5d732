#include "bytes.h"

#include <stdlib.h>
#include <string.h>

/* Half a second: what no request holds is with the system two seconds after the last of them. */
#define COLLECT_MS 500
/* A value of 1 MiB, the largest that is usual, with the head before it: one tier more than by default. */
#define BUFFER_MOST ((size_t)2 << 20)

int bytes_open(struct bytes *bytes, bool pooled, uint64_t most)
{
    static const char *const names[] = {[BYTES_SHORT] = "server-short", [BYTES_VALUE] = "server-values"};

    *bytes = (struct bytes){.most = most};
    if (!pooled)
        return 0;

    bufpool_config_t buffers = BUFPOOL_CONFIG_INIT;
    buffers.name = "server";
    buffers.max_size = BUFFER_MOST;
    buffers.collect_interval_ms = COLLECT_MS;
    int error = bufpool_create(&bytes->buffers, &buffers);
    for (int use = 0; use < BYTES_USES && error == 0; use++) {
        bytebuf_pool_config_t config = BYTEBUF_POOL_CONFIG_INIT;
        config.name = names[use];
        config.buffers = bytes->buffers;
        config.collect_interval_ms = COLLECT_MS;
        error = bytebuf_pool_create(&bytes->pools[use], &config);
    }
    if (error != 0)
        bytes_close(bytes);
    return error;
}

void bytes_close(struct bytes *bytes)
{
    for (int use = 0; use < BYTES_USES; use++)
        bytebuf_pool_destroy(bytes->pools[use]);
    bufpool_destroy(bytes->buffers);
}

/* ------------------------------------------------------------ what is held */

static void hold(struct bytes *bytes, size_t capacity)
{
    atomic_fetch_add_explicit(&bytes->held, capacity, memory_order_relaxed);
}

static void let_go(struct bytes *bytes, size_t capacity)
{
    atomic_fetch_sub_explicit(&bytes->held, capacity, memory_order_relaxed);
}

uint64_t bytes_held(struct bytes *bytes)
{
    return atomic_load_explicit(&bytes->held, memory_order_relaxed);
}

/* ------------------------------------------------------------ from malloc */

/* bytebuf's own rule: twice what there was, so that appending is linear. */
static char *grow(bytebuf_t *buffer, size_t need)
{
    size_t target = need > 2 * buffer->capacity ? need : 2 * buffer->capacity;
    char *data = realloc(buffer->data, target);

    if (data == NULL)
        return NULL;
    buffer->data = data;
    buffer->capacity = target;
    return data;
}

/* ------------------------------------------------------------ either way */

bytebuf_t *bytes_get(struct bytes *bytes, enum bytes_use use)
{
    bytebuf_t *buffer = bytes->buffers != NULL ? bytebuf_get(bytes->pools[use]) : calloc(1, sizeof *buffer);

    if (buffer != NULL)
        hold(bytes, buffer->capacity);
    return buffer;
}

void bytes_put(struct bytes *bytes, bytebuf_t *buffer)
{
    if (buffer == NULL)
        return;
    let_go(bytes, buffer->capacity);
    if (bytes->buffers != NULL) {
        bytebuf_put(buffer);
    } else {
        free(buffer->data);
        free(buffer);
    }
}

char *bytes_reserve(struct bytes *bytes, enum bytes_use use, bytebuf_t *buffer, size_t room)
{
    size_t need = buffer->length + room, before = buffer->capacity;
    bool is_bounded = use == BYTES_VALUE;

    if (need > before || buffer->data == NULL) {
        if (need < room || (is_bounded && bytes_held(bytes) - before + need > bytes->most))
            return NULL;
        if ((bytes->buffers != NULL ? bytebuf_reserve(buffer, room) : grow(buffer, need)) == NULL)
            return NULL;
        hold(bytes, buffer->capacity - before);
    }
    /* Once more: it may be larger than asked for, or have been so from the start. */
    return is_bounded && bytes_held(bytes) > bytes->most ? NULL : buffer->data + buffer->length;
}

bool bytes_append(struct bytes *bytes, enum bytes_use use, bytebuf_t *buffer, const void *from, size_t count)
{
    char *to = bytes_reserve(bytes, use, buffer, count);

    if (to == NULL)
        return false;
    memcpy(to, from, count);
    bytebuf_added(buffer, count);
    return true;
}
