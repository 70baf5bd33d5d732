/*
 * bytebuf - the bytes: they grow through the tiers of a bufpool.
 */
#include <bufpool/bytebuf.h>

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bytebuf_pool.h"

/* ------------------------------------------------------------ room */

/* Room for `need` bytes in all. Twice what there was, so that appending is linear; where that is not to be
 * had, no more than needed. */
static int grow(bytebuf_t *bytes, size_t need)
{
    bufpool_t *buffers = bytes->pool->buffers;
    size_t begin = bytes->data == NULL ? pool_default_size(bytes->pool) : 2 * bytes->capacity;
    size_t target = need > begin ? need : begin;
    int errno_before = errno;

    char *data = bufpool_resize(buffers, bytes->data, target);
    if (data == NULL && target > need)
        data = bufpool_resize(buffers, bytes->data, need);
    if (data == NULL)
        return -ENOMEM;
    errno = errno_before;
    bytes->data = data;
    bytes->capacity = bufpool_capacity(buffers, data);
    return 0;
}

char *bytebuf_reserve(bytebuf_t *bytes, size_t room)
{
    size_t need = bytes->length + room;

    if (need < room) {
        errno = ENOMEM;
        return NULL;
    }
    if ((need > bytes->capacity || bytes->data == NULL) && grow(bytes, need) != 0)
        return NULL;
    return bytes->data + bytes->length;
}

/* ------------------------------------------------------------ append */

int bytebuf_append(bytebuf_t *bytes, const void *from, size_t count)
{
    uintptr_t offset = (uintptr_t)from - (uintptr_t)bytes->data;
    bool own = bytes->data != NULL && offset < bytes->capacity;

    if (count == 0)
        return 0;
    char *to = bytebuf_reserve(bytes, count);
    if (to == NULL)
        return -ENOMEM;
    memmove(to, own ? bytes->data + offset : from, count);
    bytes->length += count;
    return 0;
}

int bytebuf_vprintf(bytebuf_t *bytes, const char *format, va_list arguments)
{
    for (size_t room = 128;;) {
        va_list again;
        char *to = bytebuf_reserve(bytes, room);
        if (to == NULL)
            return -ENOMEM;
        room = bytes->capacity - bytes->length;
        va_copy(again, arguments);
        int length = vsnprintf(to, room, format, again);
        va_end(again);
        if (length < 0)
            return errno != 0 ? -errno : -EINVAL;
        if ((size_t)length < room) {
            bytes->length += (size_t)length;
            return length;
        }
        room = (size_t)length + 1; /* the end mark is written, and not counted */
    }
}

int bytebuf_printf(bytebuf_t *bytes, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    int length = bytebuf_vprintf(bytes, format, arguments);
    va_end(arguments);
    return length;
}

/* ------------------------------------------------------------ descriptors */

ssize_t bytebuf_read(bytebuf_t *bytes, int descriptor, size_t most)
{
    char *to = bytebuf_reserve(bytes, most);
    ssize_t count;

    if (to == NULL)
        return -ENOMEM;
    do
        count = read(descriptor, to, most);
    while (count < 0 && errno == EINTR);
    if (count < 0)
        return -errno;
    bytes->length += (size_t)count;
    return count;
}

int bytebuf_write(const bytebuf_t *bytes, int descriptor, size_t *offset)
{
    while (*offset < bytes->length) {
        ssize_t count = write(descriptor, bytes->data + *offset, bytes->length - *offset);
        if (count >= 0)
            *offset += (size_t)count;
        else if (errno != EINTR)
            return -errno;
    }
    return 0;
}
