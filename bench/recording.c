#include "recording.h"

#include <inttypes.h>
#include <string.h>

#define HEAD_BYTES 16
#define EVENT_BYTES_LEAST 3
#define POOLS_MOST 4096u
#define POOL_BYTES_LEAST (HEAD_BYTES + 4)

enum kind { KIND_EVENTS, KIND_POOL, KIND_POOL_ENDS, KINDS };

/* A block: its bytes are position..end of the stream. */
struct piece {
    enum kind kind;
    size_t end;
};

struct reader {
    struct stream *stream;
    struct trace *trace;
    uint32_t pools_most;
    uint64_t *pool_number; /* trace->pool's names in the file */
    struct recorded *recorded;
    uint32_t count;
};

/* ------------------------------------------------------------ blocks */

static bool check_holds(const uint8_t *head)
{
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
    return head != NULL; /* or nothing that a fuzzer makes would get further */
#else
    uint32_t check = UINT32_C(2166136261), length = little_endian(head + 8, 4);
    for (uint32_t i = 0; i < length; i++)
        check = (check ^ head[HEAD_BYTES + i]) * UINT32_C(16777619);
    return check == little_endian(head + 12, 4);
#endif
}

/* The next block that was written whole; false at the end, or where the file is cut. */
static bool next_piece(struct stream *stream, struct piece *piece)
{
    const uint8_t *head = stream->bytes + stream->position;
    size_t left = stream->length - stream->position;

    if (left < HEAD_BYTES || memcmp(head, "BPT1", 4) != 0 || little_endian(head + 4, 2) != 2)
        return false;
    uint32_t kind = little_endian(head + 6, 2), length = little_endian(head + 8, 4);
    if (kind >= KINDS || length > left - HEAD_BYTES || !check_holds(head))
        return false;
    piece->kind = (enum kind)kind;
    stream->position += HEAD_BYTES;
    piece->end = stream->position + length;
    return true;
}

/* A whole block's bytes are what a recorder writes; if not, it was none. */
static uint64_t number(struct reader *reader, const struct piece *piece)
{
    uint64_t value;
    if (!stream_number(reader->stream, piece->end, &value))
        die("%s: byte %zu: a block that ends inside a number, or a number above 2^64", reader->stream->path,
            reader->stream->position);
    return value;
}

static uint16_t pool_index(struct reader *reader, uint64_t name)
{
    struct trace *trace = reader->trace;
    for (uint32_t i = 0; i < trace->pools; i++)
        if (reader->pool_number[i] == name)
            return (uint16_t)i;
    if (trace->pools == reader->pools_most)
        die("%s: more than %u pools", reader->stream->path, reader->pools_most);
    reader->pool_number[trace->pools] = name;
    return (uint16_t)trace->pools++;
}

static void read_pool(struct reader *reader, const struct piece *piece)
{
    struct trace_pool *pool = &reader->trace->pool[pool_index(reader, number(reader, piece))];

    *pool = (struct trace_pool){.max_thread_bytes = number(reader, piece)};
    pool->collect_interval_ms = number(reader, piece);
    uint64_t tiers = number(reader, piece);
    if (tiers == 0 || tiers > TRACE_TIERS_MOST)
        die("%s: a pool of %" PRIu64 " tiers", reader->stream->path, tiers);
    for (uint32_t i = 0; i < tiers; i++) {
        pool->size[i] = number(reader, piece);
        pool->capacity[i] = number(reader, piece);
        if (pool->size[i] == 0 || pool->capacity[i] < pool->size[i] || pool->capacity[i] > UINT32_MAX ||
            (i > 0 && pool->size[i] <= pool->size[i - 1]))
            die("%s: a pool whose tiers cannot be", reader->stream->path);
    }
    pool->tiers = (uint32_t)tiers;
    size_t length = piece->end - reader->stream->position;
    if (length >= sizeof(pool->name))
        length = sizeof(pool->name) - 1;
    memcpy(pool->name, reader->stream->bytes + reader->stream->position, length);
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)pool->name[i] < ' ')
            pool->name[i] = '?';
}

static void read_events(struct reader *reader, const struct piece *piece)
{
    struct stream *stream = reader->stream;
    struct recorded event = {.pool = pool_index(reader, number(reader, piece))};

    event.thread = (uint32_t)number(reader, piece);
    event.number = number(reader, piece);
    event.ns = number(reader, piece);
    event.operation = RECORDED_POOL_ENDS;
    if (piece->kind == KIND_POOL_ENDS)
        reader->recorded[reader->count++] = event;
    while (stream->position < piece->end) {
        event.number += number(reader, piece);
        event.ns += number(reader, piece);
        uint64_t tag = number(reader, piece);
        event.operation = tag & 3;
        event.buffer = tag >> 2;
        if (event.operation == RECORDED_POOL_ENDS)
            die("%s: byte %zu: no operation has number 3", stream->path, stream->position);
        event.from = event.operation == TRACE_RESIZE ? number(reader, piece) : 0;
        uint64_t size = event.operation == TRACE_PUT ? 0 : number(reader, piece);
        event.size = size < UINT32_MAX ? (uint32_t)size : UINT32_MAX;
        reader->recorded[reader->count++] = event;
    }
}

static void read_blocks(struct reader *reader)
{
    struct stream *stream = reader->stream;
    struct piece piece;

    while (next_piece(stream, &piece)) {
        if (piece.kind == KIND_POOL)
            read_pool(reader, &piece);
        else
            read_events(reader, &piece);
        stream->position = piece.end;
    }
    reader->trace->cut_bytes = stream->length - stream->position;
}

/* ------------------------------------------------------------ in order */

/* Two ranges of `from`, each in order, into `to`. */
static void merge(const struct recorded *recorded, const uint32_t *from, uint32_t *to, uint32_t middle,
                  uint32_t count)
{
    uint32_t left = 0, right = middle;
    for (uint32_t i = 0; i < count; i++) {
        bool from_left =
            right == count || (left < middle && recorded[from[left]].number <= recorded[from[right]].number);
        to[i] = from[from_left ? left++ : right++];
    }
}

/* By number. Not qsort, which takes memory from the heap that is measured later. `other` is as large. */
static uint32_t *put_in_order(const struct recorded *recorded, uint32_t *order, uint32_t *other,
                              uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        order[i] = i;
    for (uint64_t width = 1; width < count; width *= 2) {
        for (uint64_t i = 0; i < count; i += 2 * width) {
            uint64_t left = count - i;
            merge(recorded, order + i, other + i, (uint32_t)(left < width ? left : width),
                  (uint32_t)(left < 2 * width ? left : 2 * width));
        }
        uint32_t *swap = order;
        order = other;
        other = swap;
    }
    return order;
}

void recording_load(struct stream *stream, struct trace *trace)
{
    struct reader reader = {.stream = stream, .trace = trace};
    /* A block that ends a pool has as many bytes as an event, and more. */
    size_t most = stream->length / EVENT_BYTES_LEAST;
    size_t order_bytes = most * sizeof(uint32_t);
    /* Each comes with a block. */
    size_t blocks = stream->length / POOL_BYTES_LEAST + 1;
    reader.pools_most = blocks < POOLS_MOST ? (uint32_t)blocks : POOLS_MOST;
    size_t pools_bytes = reader.pools_most * sizeof(*trace->pool);
    size_t numbers_bytes = reader.pools_most * sizeof(*reader.pool_number);
    struct trace_pool *pools = harness_map(pools_bytes, false);

    if (most > UINT32_MAX / 2)
        die("%s: more events than this can count", stream->path);
    trace->pool = pools;
    reader.pool_number = harness_map(numbers_bytes, false);
    reader.recorded = harness_map(most * sizeof(*reader.recorded), false);
    read_blocks(&reader);

    uint32_t *one = harness_map(order_bytes, false), *other = harness_map(order_bytes, false);
    const uint32_t *order = put_in_order(reader.recorded, one, other, reader.count);
    for (uint32_t i = 1; i < reader.count; i++)
        if (reader.recorded[order[i]].number == reader.recorded[order[i - 1]].number)
            die("%s: two events have the number %" PRIu64, stream->path, reader.recorded[order[i]].number);
    resolve(trace, stream->path, reader.recorded, order, reader.count);

    trace->pool = harness_map(trace->pools * sizeof(*trace->pool), false);
    memcpy(trace->pool, pools, trace->pools * sizeof(*trace->pool));
    harness_unmap(pools, pools_bytes);
    harness_unmap(reader.pool_number, numbers_bytes);
    harness_unmap(reader.recorded, most * sizeof(*reader.recorded));
    harness_unmap(one, order_bytes);
    harness_unmap(other, order_bytes);
}
