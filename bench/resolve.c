#include <string.h>

#include "recording.h"

#define NONE UINT32_MAX
#define DROPPED UINT8_MAX /* an operation that turned out to be none */

/* A name of a buffer's place, for ever: which buffer is there now. */
struct place {
    uint64_t name;
    uint32_t buffer; /* or NONE */
    uint16_t pool;
    bool used;
    bool moved; /* its buffer was moved away, and its put follows */
};

/* One life of a buffer, from its get to its put. */
struct life {
    uint32_t place; /* where it is now */
    uint32_t last;  /* its last event so far */
};

struct resolver {
    struct trace *trace; /* events[].slot is the number of the life, until slots are given */
    struct place *places;
    uint32_t mask;
    struct life *lives;
    uint32_t count;
    uint64_t ns; /* of the last event, since the first */
};

static uint32_t place_find(struct resolver *resolver, uint16_t pool, uint64_t name)
{
    uint64_t hash = (name * 65537 + pool) * UINT64_C(0x9e3779b97f4a7c15);
    uint32_t i = (uint32_t)(hash >> 32) & resolver->mask;
    struct place *place = &resolver->places[i];

    while (place->used && (place->name != name || place->pool != pool)) {
        i = (i + 1) & resolver->mask;
        place = &resolver->places[i];
    }
    if (!place->used)
        *place = (struct place){.name = name, .buffer = NONE, .pool = pool, .used = true};
    return i;
}

static void emit(struct resolver *resolver, enum trace_operation operation, uint32_t life,
                 const struct recorded *event)
{
    struct trace *trace = resolver->trace;
    resolver->lives[life].last = trace->count;
    trace->events[trace->count++] = (struct trace_event){.ns = resolver->ns,
                                                         .thread = event->thread,
                                                         .slot = life,
                                                         .size = operation == TRACE_PUT ? 0 : event->size,
                                                         .pool = event->pool,
                                                         .operation = (uint8_t)operation};
}

static void put(struct resolver *resolver, uint32_t place, const struct recorded *event)
{
    emit(resolver, TRACE_PUT, resolver->places[place].buffer, event);
    resolver->places[place].buffer = NONE;
}

/* A put that the recording has not, by who had the buffer last. */
static void add_put(struct resolver *resolver, uint32_t place)
{
    const struct trace *trace = resolver->trace;
    const struct trace_event *last = &trace->events[resolver->lives[resolver->places[place].buffer].last];
    const struct recorded event = {.thread = last->thread, .pool = last->pool};
    put(resolver, place, &event);
}

static void get(struct resolver *resolver, uint32_t place, const struct recorded *event)
{
    if (resolver->places[place].buffer != NONE) {
        add_put(resolver, place);
        resolver->trace->added++;
    }
    uint32_t life = resolver->places[place].buffer = resolver->count++;
    resolver->places[place].moved = false;
    resolver->lives[life].place = place;
    emit(resolver, TRACE_GET, life, event);
}

/* A resize that moved its buffer is recorded between the get of the new place and the put of the old one. */
static void resize(struct resolver *resolver, const struct recorded *event)
{
    uint32_t from = place_find(resolver, event->pool, event->from);
    uint32_t to = place_find(resolver, event->pool, event->buffer);
    uint32_t life = resolver->places[from].buffer;

    if (life == NONE) { /* got before the recording began */
        if (from == to)
            get(resolver, to, event);
        return; /* the get of the new place stands for it */
    }
    if (from != to) {
        uint32_t got = resolver->places[to].buffer;
        if (got != NONE) {
            uint32_t last = resolver->lives[got].last;
            if (resolver->trace->events[last].operation == TRACE_GET)
                resolver->trace->events[last].operation = DROPPED;
            else
                add_put(resolver, to);
        }
        resolver->places[to].buffer = life;
        resolver->places[from].buffer = NONE;
        resolver->places[from].moved = true;
        resolver->lives[life].place = to;
    }
    emit(resolver, TRACE_RESIZE, life, event);
}

/* What is still out, of a pool that is destroyed or, pool NONE, where the recording ends. */
static void end(struct resolver *resolver, uint32_t pool)
{
    for (uint32_t i = 0; i < resolver->count; i++) {
        const struct place *place = &resolver->places[resolver->lives[i].place];
        if (place->buffer == i && (pool == NONE || place->pool == pool)) {
            add_put(resolver, resolver->lives[i].place);
            resolver->trace->added++;
        }
    }
}

static void resolve_event(struct resolver *resolver, const struct recorded *event)
{
    uint32_t place;

    switch (event->operation) {
    case TRACE_GET:
        get(resolver, place_find(resolver, event->pool, event->buffer), event);
        break;
    case TRACE_PUT:
        place = place_find(resolver, event->pool, event->buffer);
        if (resolver->places[place].buffer != NONE)
            put(resolver, place, event);
        else
            resolver->trace->left_out += !resolver->places[place].moved;
        resolver->places[place].moved = false;
        break;
    case TRACE_RESIZE:
        resize(resolver, event);
        break;
    default:
        end(resolver, event->pool);
    }
}

/* ------------------------------------------------------------ slots and threads */

/* Without what was dropped; slots are used again, last put, first got; threads in the order they come. */
static void number_anew(struct trace *trace, uint32_t lives)
{
    uint32_t *slot = harness_map((lives + 1) * sizeof(*slot), false);
    uint32_t *free_slots = harness_map((lives + 1) * sizeof(*free_slots), false);
    uint32_t *thread = harness_map((trace->count + 1) * sizeof(*thread), false);
    uint32_t kept = 0, frees = 0;

    for (uint32_t i = 0; i < trace->count; i++) {
        struct trace_event event = trace->events[i];
        uint32_t life = event.slot, number = kept ? trace->events[kept - 1].thread : 0;
        if (event.operation == DROPPED)
            continue;
        if (event.operation == TRACE_GET)
            slot[life] = frees ? free_slots[--frees] : trace->slots++;
        event.slot = slot[life];
        if (event.operation == TRACE_PUT)
            free_slots[frees++] = slot[life];
        if (number >= trace->threads || thread[number] != event.thread)
            for (number = 0; number < trace->threads && thread[number] != event.thread;)
                number++;
        if (number == trace->threads)
            thread[trace->threads++] = event.thread;
        event.thread = number;
        trace->events[kept++] = event;
    }
    harness_unmap(slot, (lives + 1) * sizeof(*slot));
    harness_unmap(free_slots, (lives + 1) * sizeof(*free_slots));
    harness_unmap(thread, (trace->count + 1) * sizeof(*thread));
    trace->count = kept;
}

void resolve(struct trace *trace, const char *path, const struct recorded *recorded, const uint32_t *order,
             uint32_t count)
{
    /* Of each event at most two: a put that was added, and itself. */
    size_t events_bytes = (2 * (size_t)count + 1) * sizeof(*trace->events);
    struct trace_event *events = harness_map(events_bytes, false);
    struct resolver resolver = {.trace = trace, .mask = 15};

    while (resolver.mask < 4 * (uint64_t)count)
        resolver.mask = resolver.mask * 2 + 1;
    size_t places_bytes = ((size_t)resolver.mask + 1) * sizeof(*resolver.places);
    size_t lives_bytes = ((size_t)count + 1) * sizeof(*resolver.lives);
    resolver.places = harness_map(places_bytes, false);
    resolver.lives = harness_map(lives_bytes, false);
    trace->events = events;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t ns = recorded[order[i]].ns - recorded[order[0]].ns;
        if ((int64_t)ns > 0 && ns > resolver.ns)
            resolver.ns = ns;
        resolve_event(&resolver, &recorded[order[i]]);
    }
    end(&resolver, NONE);
    number_anew(trace, resolver.count);
    harness_unmap(resolver.places, places_bytes);
    harness_unmap(resolver.lives, lives_bytes);
    if (trace->count == 0)
        die("%s: no events", path);

    trace->events = harness_map(trace->count * sizeof(*trace->events), false);
    memcpy(trace->events, events, trace->count * sizeof(*trace->events));
    harness_unmap(events, events_bytes);
}
