/*
 * trace - read a recorded BPT1 trace (traces/README.md has the format).
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
    uint32_t thread;
    uint32_t operation;
    uint32_t slot;
    uint32_t size; /* of a get or a resize: the bytes asked for; else 0 */
};

struct trace {
    uint32_t threads, slots, count;
    struct trace_event *events; /* `count` of them, in the order of time */
};

/* Load a trace, gzip'd or plain. Dies with one clear line when it cannot be read or breaks a rule. */
void trace_load(struct trace *trace, const char *path);
void trace_free(struct trace *trace);

/* The file's name without folder and ".bpt.gz" or ".bpt", commas replaced: its name in the samples. */
void trace_name(char *name, size_t capacity, const char *path);

#endif /* TRACE_H */
