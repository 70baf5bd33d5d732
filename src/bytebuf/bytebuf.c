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

/* Most formatted texts fit in this: then they are formatted once. */
#define SHORT_TEXT ((size_t)128)

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
    char *to = bytebuf_reserve(bytes, SHORT_TEXT);
    va_list again;

    if (to == NULL)
        return -ENOMEM;
    va_copy(again, arguments);
    size_t room = bytes->capacity - bytes->length;
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): clang 14 loses va_start across the call */
    int length = vsnprintf(to, room, format, arguments);
    if (length >= 0 && (size_t)length >= room) { /* the end mark is written, and not counted */
        to = bytebuf_reserve(bytes, (size_t)length + 1);
        length = to == NULL ? -ENOMEM : vsnprintf(to, (size_t)length + 1, format, again);
    } else if (length < 0) {
        length = -EINVAL; /* longer than INT_MAX, or no such wide character */
    }
    va_end(again);
    if (length > 0)
        bytes->length += (size_t)length;
    return length;
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
