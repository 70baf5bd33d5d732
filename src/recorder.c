#include "recorder.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "armour.h"
#include "registry.h"
#include "thread.h"
#include "tracefile.h"

#define TAPE_BYTES ((size_t)32 << 10)
/* The most that an event takes, or what begins a block: five numbers of at most ten bytes. */
#define EVENT_BYTES_MOST 50u
/* An event waits no longer for its tape to fill, if another one comes. */
#define TAPE_NS UINT64_C(1000000000)
/* How often a tape that is held is looked at again; its thread may be stopped for ever. */
#define PATIENCE 1000u

enum operation { GET, PUT, RESIZE }; /* as bench/trace.h has them */

struct event {
    enum operation operation;
    uint64_t buffer, from; /* as place_of says; `from` of a resize only */
    uint64_t size;
};

/* Where a block's events are written. */
struct pen {
    uint8_t *bytes;
    size_t used;
    uint64_t number, ns; /* of the last event */
};

struct tape {
    struct link link;
    _Atomic bool is_held; /* acquire when taken, release when given back [tape]: all below comes with it */
    uint64_t begun_ns;
    struct pen pen;
    struct tracefile_head head;
    uint8_t bytes[TAPE_BYTES];
};
_Static_assert(offsetof(struct tape, bytes) == offsetof(struct tape, head) + sizeof(struct tracefile_head),
               "a block is written at once");

/* From now on every event is written at once: the process exits. Set before tapes are flushed for that,
 * looked at while a tape is held; relaxed, [tape] orders it. */
static _Atomic bool is_exiting;

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

/* A buffer's name in the file: no address, so that a trace tells nothing of where things lie. */
static uint64_t place_of(const struct bufpool *pool, const void *buffer)
{
    uint64_t tier = tiers_of_address(&pool->tiers, buffer);

    return tier < pool->tiers.count ? tier_index(&pool->tiers.tier[tier], buffer) * (TIERS_MAX + 1) + tier
                                    : oversized_index(&pool->oversized, buffer) * (TIERS_MAX + 1) + TIERS_MAX;
}

/* ------------------------------------------------------------ bytes */

static void put_number(struct pen *pen, uint64_t number)
{
    for (; number >= 128; number >>= 7)
        pen->bytes[pen->used++] = (uint8_t)(number | 128);
    pen->bytes[pen->used++] = (uint8_t)number;
}

/* A block of this thread's events of a pool, its first one numbered `number`. */
static void block_begin(struct pen *pen, const struct recorder *recorder, uint64_t number, uint64_t ns)
{
    pen->used = 0;
    put_number(pen, recorder->pool);
    put_number(pen, (uint64_t)gettid());
    put_number(pen, pen->number = number);
    put_number(pen, pen->ns = ns);
}

static void put_event(struct pen *pen, const struct event *event, uint64_t number, uint64_t ns)
{
    put_number(pen, number - pen->number);
    put_number(pen, ns - pen->ns);
    put_number(pen, event->buffer * 4 + event->operation);
    if (event->operation == RESIZE)
        put_number(pen, event->from);
    if (event->operation != PUT)
        put_number(pen, event->size);
    pen->number = number;
    pen->ns = ns;
}

/* ------------------------------------------------------------ blocks that are not of events */

/* What the pool is: once, with its first block. */
static void introduce(struct bufpool *pool)
{
    struct {
        struct tracefile_head head;
        uint8_t bytes[(4 + 2 * TIERS_MAX) * 10 + POOL_NAME_MAX];
    } block;
    struct pen pen = {.bytes = block.bytes};

    if (atomic_exchange_explicit(&pool->armour->recorder.is_introduced, true, memory_order_relaxed))
        return;
    put_number(&pen, pool->armour->recorder.pool);
    put_number(&pen, pool->max_thread_bytes);
    put_number(&pen, pool->collect_interval_ms);
    put_number(&pen, pool->tiers.count);
    for (unsigned i = 0; i < pool->tiers.count; i++) {
        put_number(&pen, pool->tiers.tier[i].size);
        put_number(&pen, tier_capacity(pool, i));
    }
    size_t name = strlen(pool->name);
    memcpy(pen.bytes + pen.used, pool->name, name);
    tracefile_append(TRACEFILE_POOL, &block.head, pen.used + name);
}

static void say_end(struct bufpool *pool)
{
    struct {
        struct tracefile_head head;
        uint8_t bytes[EVENT_BYTES_MOST];
    } block;
    struct pen pen = {.bytes = block.bytes};

    block_begin(&pen, &pool->armour->recorder, tracefile_number(), now_ns());
    tracefile_append(TRACEFILE_POOL_ENDS, &block.head, pen.used);
}

/* ------------------------------------------------------------ tapes */

/* False: it is held by another one, or by whom we interrupted. */
static bool tape_hold(struct tape *tape)
{
    return !atomic_exchange_explicit(&tape->is_held, true, memory_order_acquire);
}

static void tape_give_back(struct tape *tape)
{
    atomic_store_explicit(&tape->is_held, false, memory_order_release);
}

/* Held. */
static void tape_flush(struct bufpool *pool, struct tape *tape)
{
    if (tape->pen.used == 0)
        return;
    introduce(pool);
    tracefile_append(TRACEFILE_EVENTS, &tape->head, tape->pen.used);
    tape->pen.used = 0;
}

static void tape_add(struct bufpool *pool, struct tape *tape, const struct event *event)
{
    uint64_t number = tracefile_number();
    uint64_t ns = now_ns();

    if (tape->pen.used == 0) {
        tape->pen.bytes = tape->bytes;
        tape->begun_ns = ns;
        block_begin(&tape->pen, &pool->armour->recorder, number, ns);
    }
    put_event(&tape->pen, event, number, ns);
    if (tape->pen.used + EVENT_BYTES_MOST > TAPE_BYTES || ns - tape->begun_ns > TAPE_NS ||
        atomic_load_explicit(&is_exiting, memory_order_relaxed))
        tape_flush(pool, tape);
}

/* Where there is no tape, or it is held: a block by itself. */
static void add_alone(struct bufpool *pool, const struct event *event)
{
    struct {
        struct tracefile_head head;
        uint8_t bytes[2 * EVENT_BYTES_MOST];
    } block;
    struct pen pen = {.bytes = block.bytes};
    uint64_t number = tracefile_number();
    uint64_t ns = now_ns();

    introduce(pool);
    block_begin(&pen, &pool->armour->recorder, number, ns);
    put_event(&pen, event, number, ns);
    tracefile_append(TRACEFILE_EVENTS, &block.head, pen.used);
}

/* This thread's, made at its first event; NULL where it can have none. */
static struct tape *tape_of_thread(struct bufpool *pool)
{
    struct recorder *recorder = &pool->armour->recorder;
    struct record *record = thread_record(pool);

    if (record == NULL)
        return NULL;
    if (record->tape == 0) {
        uint32_t index = stack_pop(&recorder->free, &recorder->tapes);
        if (index == INDEX_NONE)
            index = table_add(&recorder->tapes);
        if (index == INDEX_NONE)
            return NULL;
        record->tape =
            index + 1; /* a handler in between takes one of its own, and it waits for the pool's end */
    }
    return table_at(&recorder->tapes, record->tape - 1);
}

static void record(struct bufpool *pool, const struct event *event)
{
    struct tape *tape = tape_of_thread(pool);

    if (tape == NULL || !tape_hold(tape)) {
        add_alone(pool, event);
        return;
    }
    tape_add(pool, tape, event);
    tape_give_back(tape);
}

/* All that is on tapes; a tape that stays held is left. */
static void flush_all(struct bufpool *pool)
{
    struct table *tapes = &pool->armour->recorder.tapes;
    uint32_t used = table_used(tapes);

    for (uint32_t i = 0; i < used; i++) {
        struct tape *tape = table_at(tapes, i);
        bool held = tape_hold(tape);
        for (unsigned look = 0; !held && look < PATIENCE; look++) {
            sched_yield();
            held = tape_hold(tape);
        }
        if (!held)
            continue;
        tape_flush(pool, tape);
        tape_give_back(tape);
    }
}

/* ------------------------------------------------------------ begin and end */

static void flush_at_exit(void)
{
    atomic_store_explicit(&is_exiting, true, memory_order_relaxed);
    registry_lock(); /* no pool goes meanwhile */
    for (uint32_t i = 0; i < registry_numbers(); i++) {
        struct bufpool *pool = registry_pool(i);
        if (pool != NULL && armour_has(pool, DEBUG_TRACE))
            flush_all(pool);
    }
    registry_unlock();
}

void recorder_begin(struct bufpool *pool)
{
    static uint32_t pools; /* under the registry's lock */
    struct recorder *recorder = &pool->armour->recorder;

    if (pools == 0)
        atexit(flush_at_exit); /* where it cannot be had, what is on tapes at exit is not in the file */
    recorder->pool = pools++;
    table_init(&recorder->tapes, round_up(sizeof(struct tape), DESTRUCTIVE_SIZE));
    stack_init(&recorder->free);
}

void recorder_end(struct bufpool *pool)
{
    flush_all(pool);
    if (atomic_load_explicit(&pool->armour->recorder.is_introduced, memory_order_relaxed))
        say_end(pool);
    table_end(&pool->armour->recorder.tapes);
}

void recorder_after_fork(struct recorder *recorder)
{
    table_forget(&recorder->tapes);
    stack_init(&recorder->free);
    atomic_store_explicit(&recorder->is_introduced, false, memory_order_relaxed);
}

void recorder_leave(struct bufpool *pool, struct record *record)
{
    if (!armour_has(pool, DEBUG_TRACE) || record->tape == 0)
        return;
    struct recorder *recorder = &pool->armour->recorder;
    struct tape *tape = table_at(&recorder->tapes, record->tape - 1);
    if (tape_hold(tape)) {
        tape_flush(pool, tape);
        tape_give_back(tape);
    }
    stack_push(&recorder->free, &recorder->tapes, record->tape - 1);
    record->tape = 0;
}

/* ------------------------------------------------------------ events */

void recorder_got(struct bufpool *pool, const void *buffer, size_t size)
{
    struct event event = {.operation = GET, .size = size};

    if (!armour_has(pool, DEBUG_TRACE))
        return;
    event.buffer = place_of(pool, buffer);
    record(pool, &event);
}

void recorder_puts(struct bufpool *pool, const void *buffer)
{
    struct event event = {.operation = PUT};

    if (!armour_has(pool, DEBUG_TRACE))
        return;
    event.buffer = place_of(pool, buffer);
    record(pool, &event);
}

void recorder_resized(struct bufpool *pool, const void *from, const void *to, size_t size)
{
    struct event event = {.operation = RESIZE, .size = size};

    if (!armour_has(pool, DEBUG_TRACE))
        return;
    event.buffer = place_of(pool, to);
    event.from = place_of(pool, from);
    record(pool, &event);
}
