#include "trace.h"

#include <stdio.h>
#include <string.h>

#include "recording.h"
#include "stream.h"

#define HEADER_BYTES 16
#define EVENT_BYTES_LEAST 3

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
    uint64_t ns = 0;
    for (uint32_t i = 0; i < trace->count; i++) {
        struct trace_event *event = &trace->events[i];
        ns += stream_varint(stream, i);
        event->ns = ns;
        uint32_t tag = stream_varint(stream, i);
        event->operation = (uint8_t)(tag & 3);
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

/* Version 1: the whole of it, in order. */
static void load_ordered(struct stream *stream, struct trace *trace)
{
    trace->threads = little_endian(stream->bytes + 6, 2);
    trace->count = little_endian(stream->bytes + 8, 4);
    trace->slots = little_endian(stream->bytes + 12, 4);
    check_header(stream, trace);
    stream->position = HEADER_BYTES;

    trace->events = harness_map(trace->count * sizeof(*trace->events), false);
    uint8_t *slots = harness_map(trace->slots, false), *threads = harness_map(trace->threads, false);
    decode(stream, trace, slots, threads);
    if (stream->position != stream->length)
        die("%s: %zu bytes after the last event", stream->path, stream->length - stream->position);
    if (!all_seen(slots, trace->slots) || !all_seen(threads, trace->threads))
        die("%s: a slot or a thread that never occurs", stream->path);
    harness_unmap(slots, trace->slots);
    harness_unmap(threads, trace->threads);
}

void trace_load(struct trace *trace, const char *path)
{
    struct stream stream;
    *trace = (struct trace){.threads = 0};
    stream_open(&stream, path);
    if (stream.length < HEADER_BYTES || memcmp(stream.bytes, "BPT1", 4) != 0)
        die("%s: not a BPT1 trace", path);
    uint32_t version = little_endian(stream.bytes + 4, 2);
    if (version == 1)
        load_ordered(&stream, trace);
    else if (version == 2)
        recording_load(&stream, trace);
    else
        die("%s: version %u of the format, this reads 1 and 2", path, version);
    stream_close(&stream);
}

void trace_free(struct trace *trace)
{
    harness_unmap(trace->events, trace->count * sizeof(*trace->events));
    trace->events = NULL;
    if (trace->pools)
        harness_unmap(trace->pool, trace->pools * sizeof(*trace->pool));
    trace->pools = 0;
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
