/*
 * replay - what does the allocation traffic of a real server cost, in time and
 * in memory, and does every byte survive it?
 *
 * A recorded trace is replayed on as many threads as the server had, each event
 * on its own thread, as fast as it goes. Reported: wall ns an event; with
 * --memory, MiB above the start at the peak, on the mean of the events, and 0
 * and 3 s after the last put; with --verify, nothing but that it is right:
 * every byte of every buffer is stamped when got or resized and looked at when
 * put, and the pool's accounts must balance; with --counts, what the pool has
 * counted in the first pass, and memory, for bench/advise --verify.
 *
 * Every page of a buffer is touched when it is got. Requests of at most 256
 * bytes are left out for every peer (--verify and --counts replay them too).
 *
 * What would fool it: waits that the server never had (see plan.h); a thread
 * that runs ahead, since with it grows what is live, so no thread is more than
 * LEAD_MOST events ahead of the slowest; memory looked at during the timed
 * passes (it is looked at in passes of its own); the price of the replay itself
 * (the harness is a peer of its own, with one warm buffer a thread).
 */
#include "workloads.h"

#include <inttypes.h>
#include <stdalign.h>
#include <stdio.h>

#include "accounts.h"
#include "crew.h"
#include "growth.h"
#include "measure.h"
#include "plan.h"
#include "stamp.h"

#define LEAD_MOST 1024u
#define LEFT_OUT_MOST 256u
#define SAMPLES_A_PASS 512u
#define MEMORY_PASSES 2u
#define VERIFY_PASSES 2u
#define COUNTS_PASSES 1u
#define COLD_PASS_COUNTS 5u /* times the length of a sample */

struct replay;

/* One thread. Only `position` is read by others. */
struct player {
    alignas(DESTRUCTIVE_SIZE) _Atomic uint32_t position; /* index of its next event; UINT32_MAX: done */
    alignas(DESTRUCTIVE_SIZE) struct replay *replay;
    void *self;
    const struct plan_event *next;
    uint32_t limit; /* events before this one need no look at the others */
};

struct replay {
    const struct options *options;
    struct plan plan;
    char name[64];
    void *self;
    struct growth growth;
    _Atomic uint64_t in_use_peak, backed_peak; /* of samples; relaxed */
    unsigned pass;
    bool more; /* written by member 0 between two barriers */
    struct measured measured;
    struct player player[CREW_MEMBERS_MAX];
};

/* Wait until no thread is LEAD_MOST or more events behind `index`; returns up to where that holds now. */
static NOINLINE uint32_t wait_for_the_slowest(struct player *player, uint32_t index)
{
    struct replay *replay = player->replay;
    for (unsigned steps = 0;; wait_step(&steps)) {
        uint32_t slowest = index;
        for (uint32_t t = 0; t < replay->plan.threads; t++) {
            /* relaxed: it only paces; what one thread does for another goes by plan_buffer.step. */
            uint32_t position = atomic_load_explicit(&replay->player[t].position, memory_order_relaxed);
            slowest = position < slowest ? position : slowest;
        }
        if (index - slowest < LEAD_MOST)
            return slowest + LEAD_MOST;
    }
}

static NOINLINE void wait_for_the_buffer(const struct plan_buffer *buffer, uint32_t step)
{
    /* acquire [replay-buffer]: its address, size and bytes come with it. */
    for (unsigned steps = 0; atomic_load_explicit(&buffer->step, memory_order_acquire) != step;)
        wait_step(&steps);
}

static NOINLINE void check_stamp(const struct replay *replay, const struct plan_event *event,
                                 const struct plan_buffer *buffer, size_t size, uint64_t number)
{
    size_t wrong = stamp_check(buffer->address, size, number);
    if (wrong < size)
        die("%s: event %" PRIu32 " of pass %u (%s): buffer %" PRIu32 " of %" PRIu32
            " bytes at %p is not as it was left in the 8 bytes at %zu",
            replay->name, event->index, replay->pass, event->operation == TRACE_PUT ? "put" : "resize",
            event->buffer, buffer->size, buffer->address, wrong);
}

static ALWAYS_INLINE void play(enum peer_kind kind, bool verify, struct player *player, uint64_t count)
{
    struct replay *replay = player->replay;
    void *self = player->self;
    const struct plan_event *event = player->next;
    uint64_t first_number = (uint64_t)replay->pass * replay->plan.buffers;

    for (; count > 0; count--, event++) {
        atomic_store_explicit(&player->position, event->index, memory_order_relaxed);
        if (UNLIKELY(event->index >= player->limit))
            player->limit = wait_for_the_slowest(player, event->index);
        struct plan_buffer *buffer = &replay->plan.buffer[event->buffer];
        if (UNLIKELY(event->waits))
            wait_for_the_buffer(buffer, event->step);

        uint64_t number = first_number + event->buffer;
        uint32_t size = event->size;
        if (event->operation == TRACE_GET) {
            buffer->address = peer_get(kind, self, size);
            buffer->size = size;
            if (verify)
                stamp_fill(buffer->address, 0, size, number);
            else
                peer_touch_pages(buffer->address, 0, size);
        } else if (event->operation == TRACE_PUT) {
            if (verify)
                check_stamp(replay, event, buffer, buffer->size, number);
            peer_put(kind, self, buffer->address);
        } else {
            uint32_t before = buffer->size;
            buffer->address = peer_resize(kind, self, buffer->address, size);
            if (verify) {
                check_stamp(replay, event, buffer, before < size ? before : size, number);
                if (size > before)
                    stamp_fill(buffer->address, before, size, number);
            } else {
                peer_touch_pages(buffer->address, before, size);
            }
            buffer->size = size;
        }
        if (UNLIKELY(event->announces))
            /* release [replay-buffer] */
            atomic_store_explicit(&buffer->step, event->step + 1, memory_order_release);
    }
    player->next = event;
}

static ALWAYS_INLINE void play_timed(enum peer_kind kind, void *context, uint64_t count)
{
    play(kind, false, context, count);
}
PEER_LOOPS(play_timed)

static ALWAYS_INLINE void play_verified(enum peer_kind kind, void *context, uint64_t count)
{
    play(kind, true, context, count);
}
PEER_LOOPS(play_verified)

static void raise_to(_Atomic uint64_t *most, uint64_t value)
{
    uint64_t before = atomic_load_explicit(most, memory_order_relaxed);
    while (before < value && !atomic_compare_exchange_weak_explicit(
                                 most, &before, value, memory_order_relaxed, memory_order_relaxed))
        ;
}

static void pool_sample(struct replay *replay)
{
    bufpool_stats_t stats = BUFPOOL_STATS_INIT;
    bufpool_stats(replay->self, &stats);
    raise_to(&replay->in_use_peak, stats.in_use_bytes);
    raise_to(&replay->backed_peak, stats.committed_bytes + stats.oversized_bytes);
}

static void counts_print(const struct replay *replay)
{
    const struct options *options = replay->options;
    bufpool_stats_t s = BUFPOOL_STATS_INIT;
    bufpool_stats(replay->self, &s);
    const struct {
        const char *name, *unit;
        double value;
    } counts[] = {{"gets", "", (double)s.gets},
                  {"oversized", "", (double)s.oversized_gets},
                  {"carves", "", (double)s.carves},
                  {"misses", "", (double)(s.gets - s.hits_private - s.oversized_gets)},
                  {"in use", "MiB", (double)atomic_load(&replay->in_use_peak) / MIB},
                  {"backed", "MiB", (double)atomic_load(&replay->backed_peak) / MIB}};
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
        sample_print(options, "replay", replay->name, counts[i].name, counts[i].unit, counts[i].value);
    growth_print(&replay->growth, options, "replay", replay->name);
}

static void pass(struct replay *replay, unsigned number)
{
    const struct options *options = replay->options;
    const struct plan *plan = &replay->plan;
    struct player *player = &replay->player[number];
    enum peer_kind kind = options->peer->kind;
    peer_loop loop = options->verify ? play_verified_of(kind) : play_timed_of(kind);
    uint64_t left = plan->first[number + 1] - plan->first[number];
    bool samples = options->memory || options->counts;
    uint64_t step = samples ? plan->count / SAMPLES_A_PASS + 1 : left;

    player->next = &plan->events[plan->first[number]];
    player->limit = 0;
    while (left > 0) {
        uint64_t now = left < step ? left : step;
        loop(player, now);
        left -= now;
        if (options->counts)
            pool_sample(replay);
        if (samples)
            growth_sample(&replay->growth);
    }
    atomic_store_explicit(&player->position, UINT32_MAX, memory_order_relaxed);
}

/* Member 0, all others waiting: one more pass? */
static bool one_more(const struct replay *replay)
{
    const struct options *options = replay->options;
    if (options->verify)
        return replay->pass < VERIFY_PASSES;
    if (options->memory || options->counts)
        return replay->pass < (options->memory ? MEMORY_PASSES : COUNTS_PASSES);
    return replay->measured.count == 0 || replay->measured.ns < (uint64_t)options->sample_ms * 1000000u;
}

static void verify_accounts(const struct replay *replay, bufpool_stats_t *stats)
{
    uint64_t gets = (uint64_t)replay->pass * replay->plan.gets;
    struct accounts_expected expected = {gets, gets + (uint64_t)replay->pass * replay->plan.resizes};
    if (replay->options->peer->kind == PEER_BUFPOOL)
        accounts_check(replay->self, &expected, stats);
}

/* Member 0, all others waiting or asleep: what there is to report while the threads are still alive. */
static void report(const struct replay *replay)
{
    const struct options *options = replay->options;
    if (options->verify) {
        bufpool_stats_t stats;
        verify_accounts(replay, &stats);
    } else if (options->counts) {
        counts_print(replay);
    } else if (options->memory) {
        growth_print(&replay->growth, options, "replay", replay->name);
        asleep_watch(options, "replay", replay->name, replay->growth.start, 0, false, -1);
    } else {
        sample_print(options, "replay", replay->name, "event", "ns",
                     (double)replay->measured.ns / (double)replay->measured.count);
    }
}

static void *open_peer(const struct replay *replay)
{
    const struct peer_load load = {LEFT_OUT_MOST + 1, replay->plan.size_most, replay->plan.buffers,
                                   replay->plan.threads};
    return peer_open(replay->options->peer, &load);
}

static void member(struct crew *crew, unsigned number, void *context)
{
    struct replay *replay = context;
    struct player *player = &replay->player[number];

    crew_meet(crew); /* all started */
    if (number == 0) {
        growth_begin(&replay->growth);
        replay->self = open_peer(replay);
        replay->more = true;
    }
    for (;;) {
        uint64_t start = measure_now();
        crew_meet(crew); /* begin */
        if (!replay->more)
            break;
        player->replay = replay;
        /* The harness alone: a buffer for each thread, so that they share no line that the server did not. */
        if (!player->self)
            player->self = replay->options->peer->kind == PEER_NONE ? open_peer(replay) : replay->self;
        pass(replay, number);
        crew_meet(crew); /* end */
        if (number != 0)
            continue;
        uint64_t taken = measure_now() - start;
        /* The first pass is the warm-up, unless it took so long that what was cold does not count. */
        if (replay->pass > 0 || taken > COLD_PASS_COUNTS * replay->options->sample_ms * UINT64_C(1000000)) {
            replay->measured.ns += taken;
            replay->measured.count += replay->plan.count;
        }
        replay->pass++;
        replay->more = one_more(replay);
        plan_rewind(&replay->plan);
        for (uint32_t t = 0; t < replay->plan.threads; t++)
            atomic_store_explicit(&replay->player[t].position, 0, memory_order_relaxed);
        if (!replay->more)
            report(replay);
    }
}

static void print_verified(const struct replay *replay)
{
    const char *peer = replay->options->peer->name;
    printf("%s on %s: %" PRIu32 " events x %u passes on %" PRIu32 " threads, every byte as it was left",
           replay->name, peer, replay->plan.count, replay->pass, replay->plan.threads);
    if (replay->options->peer->kind == PEER_BUFPOOL) {
        /* Once more, now that the threads and their caches are gone. */
        bufpool_stats_t s;
        verify_accounts(replay, &s);
        printf("; 0 bytes in use; %" PRIu64 " gets = %" PRIu64 " private + %" PRIu64 " shared + %" PRIu64
               " stolen + %" PRIu64 " victim + %" PRIu64 " cold + %" PRIu64 " carved + %" PRIu64
               " oversized + %" PRIu64 " failed",
               s.gets, s.hits_private, s.hits_shared, s.hits_stolen, s.hits_victim, s.hits_cold, s.carves,
               s.oversized_gets, s.failures);
    }
    puts("");
}

void replay_run(const struct options *options)
{
    struct trace trace;
    struct replay *replay = harness_map(sizeof(*replay), true);
    replay->options = options;
    trace_name(replay->name, sizeof(replay->name), options->path);
    trace_load(&trace, options->path);
    peer_use_tiers(options->tiers);
    if (trace.threads > CREW_MEMBERS_MAX)
        die("%s: %u threads; this replays at most %d", options->path, trace.threads, CREW_MEMBERS_MAX);
    plan_make(&replay->plan, &trace, options->verify || options->counts ? 0 : LEFT_OUT_MOST + 1);
    trace_free(&trace);
    crew_run(replay->plan.threads, true, member, replay);
    if (options->verify)
        print_verified(replay);
}
