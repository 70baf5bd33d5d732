/*
 * recording - version 2 of the traces: what pools wrote to BUFPOOL_TRACE, made
 * into a trace that keeps every rule of version 1.
 *
 * recording.c reads blocks and puts their events in the order of their numbers;
 * resolve.c gives buffers their slots, and mends what a crash, or a buffer that
 * was got before the recording began, has left without its other half.
 */
#ifndef RECORDING_H
#define RECORDING_H

#include "stream.h"
#include "trace.h"

/* Of a stream whose first block is there. Dies as trace_load does. */
void recording_load(struct stream *stream, struct trace *trace);

/* ------------------------------------------------------------ between the two files */

#define RECORDED_POOL_ENDS 3 /* an operation beside those of trace.h */

struct recorded {
    uint64_t number, ns;
    uint64_t buffer, from; /* names, unique within a pool; `from` of a resize */
    uint32_t thread;       /* the system's number */
    uint32_t size;
    uint16_t pool;
    uint8_t operation;
};

/* `order` names the events by number, the smallest first. Fills events, count, threads, slots. */
void resolve(struct trace *trace, const char *path, const struct recorded *recorded, const uint32_t *order,
             uint32_t count);

#endif /* RECORDING_H */
