#include "stream.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

#define STREAM_BYTES_MOST ((size_t)1 << 30)

/*
 * Start `gzip -dc` on an open file; returns the end of its pipe. A child rather
 * than a library: nothing to install, and nothing of it in the heap that is
 * measured later.
 */
static int gzip_start(int file, pid_t *child)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        die("pipe: %s", strerror(errno));
    *child = fork();
    if (*child < 0)
        die("fork: %s", strerror(errno));
    if (*child == 0) {
        dup2(file, STDIN_FILENO);
        dup2(ends[1], STDOUT_FILENO);
        /* What it would say, its status says too. */
        int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
        dup2(nowhere, STDERR_FILENO);
        execlp("gzip", "gzip", "-dcq", (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    return ends[0];
}

static void read_all(struct stream *stream, int file)
{
    for (;;) {
        if (stream->length == stream->capacity) {
            size_t wider = stream->capacity ? stream->capacity * 2 : (size_t)4 << 20;
            if (wider > STREAM_BYTES_MOST)
                die("%s: more than %zu MiB unpacked", stream->path, STREAM_BYTES_MOST >> 20);
            void *moved = stream->capacity ? mremap(stream->bytes, stream->capacity, wider, MREMAP_MAYMOVE)
                                           : harness_map(wider, false);
            if (moved == MAP_FAILED)
                die("%s: no memory to unpack it", stream->path);
            stream->bytes = moved;
            stream->capacity = wider;
        }
        ssize_t got = read(file, stream->bytes + stream->length, stream->capacity - stream->length);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            die("%s: %s", stream->path, strerror(errno));
        if (got == 0)
            return;
        stream->length += (size_t)got;
    }
}

void stream_open(struct stream *stream, const char *path)
{
    *stream = (struct stream){.path = path};
    uint8_t magic[2] = {0, 0};
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        die("%s: %s", path, strerror(errno));
    ssize_t got = pread(file, magic, sizeof(magic), 0);
    if (got < 0)
        die("%s: %s", path, strerror(errno));
    if (magic[0] == 0x1f && magic[1] == 0x8b) {
        pid_t child;
        int status, unpacked = gzip_start(file, &child);
        read_all(stream, unpacked);
        close(unpacked);
        while (waitpid(child, &status, 0) < 0 && errno == EINTR)
            ;
        if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
            die("%s: there is no gzip to unpack it", path);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
            die("%s: broken or truncated: gzip cannot unpack it", path);
    } else {
        read_all(stream, file);
    }
    close(file);
}

void stream_close(struct stream *stream)
{
    harness_unmap(stream->bytes, stream->capacity);
}

uint32_t little_endian(const uint8_t *bytes, unsigned count)
{
    uint32_t value = 0;
    for (unsigned i = 0; i < count; i++)
        value |= (uint32_t)bytes[i] << (8 * i);
    return value;
}

uint32_t stream_varint(struct stream *stream, uint32_t event)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 35; shift += 7) {
        if (stream->position == stream->length)
            die("%s: truncated: ends inside event %u", stream->path, event);
        uint8_t byte = stream->bytes[stream->position++];
        value |= (uint64_t)(byte & 127) << shift;
        if (byte < 128) {
            if (value > UINT32_MAX)
                break;
            return (uint32_t)value;
        }
    }
    die("%s: event %u: a number above 2^32 - 1", stream->path, event);
}

bool stream_number(struct stream *stream, size_t end, uint64_t *number)
{
    *number = 0;
    for (unsigned shift = 0; shift < 64 && stream->position < end; shift += 7) {
        uint8_t byte = stream->bytes[stream->position++];
        *number |= (uint64_t)(byte & 127) << shift;
        if (byte < 128)
            return shift < 63 || byte < 2;
    }
    return false;
}
