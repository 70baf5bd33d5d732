/*
 * trace - read a recorded BPT1 trace, version 1 or 2 (traces/README.md has the
 * format).
 *
 * Every rule of the format is checked, so that what comes after may trust the
 * numbers; a file that breaks one is refused with its name, the event and the
 * rule, whatever bytes it holds.
 */
#ifndef TRACE_H
#define TRACE_H

#include "harness.h"

enum trace_operation { TRACE_GET, TRACE_PUT, TRACE_RESIZE };

struct trace_event {
    uint64_t ns; /* since the first event */
    uint32_t thread;
    uint32_t slot;
    uint32_t size;     /* of a get or a resize: the bytes asked for; else 0 */
    uint16_t pool;     /* of trace.pool; 0 where that is unknown */
    uint8_t operation; /* enum trace_operation */
};

#define TRACE_TIERS_MOST 64

/* What a recording says of a pool. */
struct trace_pool {
    char name[32];
    uint32_t tiers; /* 0: it says nothing */
    uint64_t size[TRACE_TIERS_MOST], capacity[TRACE_TIERS_MOST];
    uint64_t max_thread_bytes, collect_interval_ms;
};

struct trace {
    uint32_t threads, slots, count;
    struct trace_event *events; /* `count` of them, in the order of time */
    uint32_t pools;             /* 0 in version 1, which knows of none */
    struct trace_pool *pool;
    /* Of a recording that a crash or a full disk ended: bytes that could not be read, puts that were added,
     * puts and resizes left out as nobody knows of what. */
    uint64_t cut_bytes, added, left_out;
};

/* Load a trace, gzip'd or plain. Dies with one clear line when it cannot be read or breaks a rule. */
void trace_load(struct trace *trace, const char *path);
void trace_free(struct trace *trace);

/* The file's name without folder and ".bpt.gz" or ".bpt", commas replaced: its name in the samples. */
void trace_name(char *name, size_t capacity, const char *path);

#endif /* TRACE_H */
