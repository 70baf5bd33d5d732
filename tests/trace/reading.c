#include "reading.h"

#include <stdlib.h>
#include <string.h>

#include "trace.h"

void reading_load(struct reading *reading, const char *path)
{
    struct trace trace;

    trace_load(&trace, path);
    size_t *size = calloc(trace.slots, sizeof *size);
    *reading = (struct reading){.event = calloc(trace.count, sizeof *reading->event),
                                .count = trace.count,
                                .threads = trace.threads,
                                .pools = trace.pools,
                                .cut_bytes = trace.cut_bytes,
                                .added = trace.added,
                                .left_out = trace.left_out};
    if (size == NULL || reading->event == NULL)
        abort();
    for (uint32_t i = 0; i < trace.count; i++) {
        const struct trace_event *event = &trace.events[i];
        if (event->operation != TRACE_PUT)
            size[event->slot] = event->size;
        reading->event[i] = (struct told){.thread = event->thread,
                                          .pool = event->pool,
                                          .operation = "gpr"[event->operation],
                                          .size = size[event->slot],
                                          .slot = event->slot};
    }
    for (uint32_t i = 0; i < trace.pools && i < 2; i++) {
        memcpy(reading->name[i], trace.pool[i].name, sizeof reading->name[i]);
        reading->tiers[i] = trace.pool[i].tiers;
    }
    free(size);
    trace_free(&trace);
}

void reading_free(struct reading *reading)
{
    free(reading->event);
}
