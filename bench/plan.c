#include "plan.h"

#include <string.h>

/* A slot while the trace is walked. */
struct walk {
    struct plan_event *last; /* of the live buffer; NULL: none, or one that is left out */
    uint32_t last_thread;
};

/* What becomes of an event, given whether its slot holds a buffer that is replayed. */
static bool left_out(const struct trace_event *event, bool live, uint32_t size_least)
{
    if (event->operation == TRACE_PUT)
        return !live;
    return event->size < size_least;
}

/* How many events of each thread are replayed: first[t + 1], before they are summed. */
static void count_events(struct plan *plan, const struct trace *trace, struct walk *slots,
                         uint32_t size_least)
{
    static struct plan_event live;
    for (uint32_t i = 0; i < trace->count; i++) {
        const struct trace_event *event = &trace->events[i];
        struct walk *slot = &slots[event->slot];
        if (left_out(event, slot->last != NULL, size_least))
            continue;
        slot->last = event->operation == TRACE_PUT ? NULL : &live;
        plan->first[event->thread + 1]++;
        plan->count++;
    }
}

static void add_event(struct plan *plan, const struct trace_event *event, struct walk *slot, uint32_t index,
                      struct plan_event *planned)
{
    *planned = (struct plan_event){.index = index, .size = event->size ? event->size : 1};
    if (!slot->last) { /* a get, or the resize that stands for one */
        planned->operation = TRACE_GET;
        planned->buffer = plan->buffers++;
        plan->gets++;
    } else {
        planned->operation = (uint8_t)event->operation;
        planned->buffer = slot->last->buffer;
        planned->step = slot->last->step + 1;
        if (slot->last_thread != event->thread)
            slot->last->announces = planned->waits = true;
        if (event->operation == TRACE_RESIZE)
            plan->resizes++;
    }
    if (event->operation != TRACE_PUT && planned->size > plan->size_most)
        plan->size_most = planned->size;
    slot->last = event->operation == TRACE_PUT ? NULL : planned;
    slot->last_thread = event->thread;
}

void plan_make(struct plan *plan, const struct trace *trace, uint32_t size_least)
{
    size_t slots_bytes = trace->slots * sizeof(struct walk);
    struct walk *slots = harness_map(slots_bytes, false);
    uint32_t *filled = harness_map(trace->threads * sizeof(*filled), false);

    *plan = (struct plan){.threads = trace->threads};
    plan->first = harness_map((trace->threads + 1) * sizeof(*plan->first), true);
    count_events(plan, trace, slots, size_least);
    if (plan->count == 0)
        die("the trace holds no request of %u bytes or more", size_least);
    for (uint32_t t = 0; t < plan->threads; t++)
        plan->first[t + 1] += plan->first[t];

    memset(slots, 0, slots_bytes);
    plan->events = harness_map(plan->count * sizeof(*plan->events), true);
    uint32_t index = 0;
    for (uint32_t i = 0; i < trace->count; i++) {
        const struct trace_event *event = &trace->events[i];
        struct walk *slot = &slots[event->slot];
        if (left_out(event, slot->last != NULL, size_least))
            continue;
        uint32_t place = plan->first[event->thread] + filled[event->thread]++;
        add_event(plan, event, slot, index++, &plan->events[place]);
    }
    plan->buffer = harness_map(plan->buffers * sizeof(*plan->buffer), true);

    harness_unmap(slots, slots_bytes);
    harness_unmap(filled, trace->threads * sizeof(*filled));
}

void plan_rewind(struct plan *plan)
{
    /* The barrier that starts the next pass hands this to the threads. */
    for (uint32_t i = 0; i < plan->buffers; i++)
        atomic_store_explicit(&plan->buffer[i].step, 0, memory_order_relaxed);
}
