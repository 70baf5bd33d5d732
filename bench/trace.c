#include "trace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define HEADER_BYTES 16
#define EVENT_BYTES_LEAST 3
#define STREAM_BYTES_MOST ((size_t)1 << 30)

/* The decoded bytes, and how far they are read. */
struct stream {
    const char *path;
    uint8_t *bytes;
    size_t length, capacity, position;
};

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

static void stream_open(struct stream *stream, const char *path)
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

static void stream_close(struct stream *stream)
{
    harness_unmap(stream->bytes, stream->capacity);
}

static uint32_t little_endian(const uint8_t *bytes, unsigned count)
{
    uint32_t value = 0;
    for (unsigned i = 0; i < count; i++)
        value |= (uint32_t)bytes[i] << (8 * i);
    return value;
}

/* The next varint, at most 2^32 - 1. */
static uint32_t stream_varint(struct stream *stream, uint32_t event)
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

static void check_header(const struct stream *stream, const struct trace *trace)
{
    /* Each bound is implied by "all of them occur"; together they keep the tables as small as the file. */
    size_t events_most = (stream->length - HEADER_BYTES) / EVENT_BYTES_LEAST;
    if (trace->count > events_most)
        die("%s: truncated: %u events promised, %zu bytes there", stream->path, trace->count, stream->length);
    if (trace->count == 0)
        die("%s: no events", stream->path);
    if (trace->threads == 0 || trace->threads > trace->count || trace->slots == 0 ||
        trace->slots > trace->count)
        die("%s: %u threads and %u slots in %u events cannot be", stream->path, trace->threads, trace->slots,
            trace->count);
}

/* What a slot or a thread has seen so far. */
enum { SEEN = 1, LIVE = 2 };

static void decode(struct stream *stream, struct trace *trace, uint8_t *slots, uint8_t *threads)
{
    uint32_t live = 0;
    for (uint32_t i = 0; i < trace->count; i++) {
        struct trace_event *event = &trace->events[i];
        stream_varint(stream, i); /* nanoseconds since the last; the order is all that is replayed */
        uint32_t tag = stream_varint(stream, i);
        event->operation = tag & 3;
        event->thread = tag >> 2;
        event->slot = stream_varint(stream, i);
        if (event->operation > TRACE_RESIZE)
            die("%s: event %u: no operation has number 3", stream->path, i);
        if (event->thread >= trace->threads)
            die("%s: event %u: thread %u of %u", stream->path, i, event->thread, trace->threads);
        if (event->slot >= trace->slots)
            die("%s: event %u: slot %u of %u", stream->path, i, event->slot, trace->slots);
        if (event->operation != TRACE_PUT)
            event->size = stream_varint(stream, i);
        if ((event->operation == TRACE_GET) == ((slots[event->slot] & LIVE) != 0))
            die("%s: event %u: %s slot %u", stream->path, i,
                event->operation == TRACE_GET   ? "get of the live"
                : event->operation == TRACE_PUT ? "put of the free"
                                                : "resize of the free",
                event->slot);
        threads[event->thread] = SEEN;
        if (event->operation == TRACE_GET) {
            slots[event->slot] = SEEN | LIVE;
            live++;
        } else if (event->operation == TRACE_PUT) {
            slots[event->slot] = SEEN;
            live--;
        }
    }
    if (live)
        die("%s: %u buffers are never put", stream->path, live);
}

static bool all_seen(const uint8_t *marks, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (!marks[i])
            return false;
    return true;
}

void trace_load(struct trace *trace, const char *path)
{
    struct stream stream;
    stream_open(&stream, path);
    const uint8_t *header = stream.bytes;
    if (stream.length < HEADER_BYTES || memcmp(header, "BPT1", 4) != 0)
        die("%s: not a BPT1 trace", path);
    if (little_endian(header + 4, 2) != 1)
        die("%s: version %u of the format, this reads 1", path, little_endian(header + 4, 2));
    trace->threads = little_endian(header + 6, 2);
    trace->count = little_endian(header + 8, 4);
    trace->slots = little_endian(header + 12, 4);
    check_header(&stream, trace);
    stream.position = HEADER_BYTES;

    trace->events = harness_map(trace->count * sizeof(*trace->events), false);
    uint8_t *slots = harness_map(trace->slots, false), *threads = harness_map(trace->threads, false);
    decode(&stream, trace, slots, threads);
    if (stream.position != stream.length)
        die("%s: %zu bytes after the last event", path, stream.length - stream.position);
    if (!all_seen(slots, trace->slots) || !all_seen(threads, trace->threads))
        die("%s: a slot or a thread that never occurs", path);

    harness_unmap(slots, trace->slots);
    harness_unmap(threads, trace->threads);
    stream_close(&stream);
}

void trace_free(struct trace *trace)
{
    harness_unmap(trace->events, trace->count * sizeof(*trace->events));
    trace->events = NULL;
}

void trace_name(char *name, size_t capacity, const char *path)
{
    const char *slash = strrchr(path, '/');
    snprintf(name, capacity, "%s", slash ? slash + 1 : path);
    char *dot = strstr(name, ".bpt");
    if (dot)
        *dot = '\0';
    for (char *c = name; *c; c++)
        if (*c == ',' || *c == '"' || (unsigned char)*c < ' ')
            *c = '_';
}
