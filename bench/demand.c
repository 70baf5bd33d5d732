#include "demand.h"

#include <string.h>

#include "json.h"

/* One more moment than these: the peak. */
#define MOMENTS_EVEN 512u
/* Sizes that a trace can hold, in lines of 64 bytes. */
#define LINES_MOST (((uint64_t)1 << 26) + 64)

/* What a tier for it holds, if it is to hold this and no more. */
static uint64_t exactly(uint64_t size)
{
    return tier_capacity(tier_size_for(size));
}

/* The first that holds so many bytes. */
static unsigned size_index(const struct demand *demand, uint64_t size)
{
    unsigned from = 0, to = demand->count;
    while (from < to) {
        unsigned middle = (from + to) / 2;
        if (demand->size[middle] < size)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

/* ------------------------------------------------------------ of a trace */

/* Which of neighbours that are put together a size is one of: 32 a doubling, 16 ... 1, as `coarse` grows. */
static uint64_t neighbours(uint64_t size, unsigned coarse)
{
    unsigned power = 63u - (unsigned)__builtin_clzll(size);
    unsigned shift = power + coarse > 12 ? power + coarse - 6 : 6;
    return coarse ? ((uint64_t)power << 32) + (size >> shift) : size;
}

/* All sizes there are, or the largest of each few neighbours; false where that is too many. */
static bool keep_sizes(struct demand *demand, const uint64_t *there, unsigned coarse)
{
    demand->count = 0;
    for (uint64_t line = 0; line < LINES_MOST; line++) {
        if (there[line / 64] == 0)
            line |= 63;
        else if (there[line / 64] >> (line % 64) & 1) {
            unsigned n = demand->count;
            uint64_t size = line * 64;
            if (n && neighbours(demand->size[n - 1], coarse) == neighbours(size, coarse))
                demand->size[n - 1] = size;
            else if (n < DEMAND_SIZES_MOST)
                demand->size[demand->count++] = size;
            else
                return false;
        }
    }
    return true;
}

static void find_sizes(struct demand *demand, const struct trace *trace)
{
    uint64_t *there = harness_map(LINES_MOST / 8, false); /* a bit a line */
    for (uint32_t i = 0; i < trace->count; i++) {
        uint64_t line = exactly(trace->events[i].size) / 64;
        if (trace->events[i].operation != TRACE_PUT)
            there[line / 64] |= (uint64_t)1 << (line % 64);
    }
    for (unsigned coarse = 0; !keep_sizes(demand, there, coarse);)
        coarse++;
    harness_unmap(there, LINES_MOST / 8);
}

/* A walk through a trace: which size each slot has just now. */
struct walk {
    struct demand *demand;
    const struct trace *trace;
    uint16_t *of_slot; /* size's index + 1; 0: free */
    uint32_t *asked;   /* bytes */
    uint32_t in_use[DEMAND_SIZES_MOST];
    uint64_t bytes, buffers;
};

static void step(struct walk *walk, const struct trace_event *event)
{
    uint16_t *index = &walk->of_slot[event->slot];
    if (*index) {
        walk->in_use[*index - 1]--;
        walk->bytes -= walk->asked[event->slot];
        walk->buffers--;
    }
    *index = 0;
    if (event->operation == TRACE_PUT)
        return;
    *index = (uint16_t)(size_index(walk->demand, exactly(event->size)) + 1);
    walk->asked[event->slot] = event->size;
    walk->in_use[*index - 1]++;
    walk->bytes += event->size;
    walk->buffers++;
}

static void take_moment(struct walk *walk, unsigned moment)
{
    const struct demand *demand = walk->demand;
    uint32_t *below = demand->below + (size_t)moment * (demand->count + 1);
    below[0] = 0;
    for (unsigned i = 0; i < demand->count; i++)
        below[i + 1] = below[i] + walk->in_use[i];
}

/* Twice through: the peak's moment is known after the first time. */
static void walk_trace(struct walk *walk, uint32_t *peak_at)
{
    struct demand *demand = walk->demand;
    const struct trace *trace = walk->trace;
    bool first = *peak_at == UINT32_MAX;
    uint32_t each = trace->count / MOMENTS_EVEN + 1;

    for (uint32_t i = 0; i < trace->count; i++) {
        const struct trace_event *event = &trace->events[i];
        step(walk, event);
        if (first && event->operation != TRACE_PUT)
            demand->gets[walk->of_slot[event->slot] - 1]++;
        if (first && walk->bytes > demand->asked_peak) {
            demand->asked_peak = walk->bytes;
            demand->buffers_peak = walk->buffers;
            *peak_at = i;
        }
        if (!first && i == *peak_at)
            take_moment(walk, 0);
        if (!first && i % each == 0)
            take_moment(walk, demand->moments++);
    }
}

static void find_pool(struct demand *demand, const struct trace *trace)
{
    const struct trace_pool *pool = trace->pool;
    if (trace->pools != 1 || pool->tiers == 0)
        return;
    demand->present.count = pool->tiers;
    memcpy(demand->present.size, pool->size, sizeof(pool->size));
    memcpy(demand->present.capacity, pool->capacity, sizeof(pool->capacity));
    demand->max_thread_bytes = pool->max_thread_bytes;
    demand->collect_interval_ms = pool->collect_interval_ms;
}

void demand_of_trace(struct demand *demand, const struct trace *trace)
{
    *demand = (struct demand){.is_trace = true, .threads = trace->threads};
    struct walk walk = {.demand = demand, .trace = trace};
    size_t slots_bytes = trace->slots * sizeof(*walk.of_slot),
           asked_bytes = trace->slots * sizeof(*walk.asked);
    uint32_t peak_at = UINT32_MAX;

    find_sizes(demand, trace);
    walk.of_slot = harness_map(slots_bytes, false);
    walk.asked = harness_map(asked_bytes, false);
    demand->below = harness_map(DEMAND_MOMENTS_MOST * (demand->count + 1) * sizeof(*demand->below), false);
    demand->moments = 1;
    walk_trace(&walk, &peak_at); /* all slots are free again behind it */
    if (peak_at == UINT32_MAX)
        peak_at = 0; /* nothing but buffers of no bytes */
    walk_trace(&walk, &peak_at);
    for (unsigned i = 0; i < demand->count; i++)
        demand->asked_gets += demand->gets[i];
    for (uint32_t i = 0; i < trace->count; i++)
        if (trace->events[i].size > demand->largest)
            demand->largest = trace->events[i].size;
    demand->seconds = (double)trace->events[trace->count - 1].ns * 1e-9;
    find_pool(demand, trace);
    harness_unmap(walk.of_slot, slots_bytes);
    harness_unmap(walk.asked, asked_bytes);
}

void demand_free(struct demand *demand)
{
    harness_unmap(demand->below, DEMAND_MOMENTS_MOST * (demand->count + 1) * sizeof(*demand->below));
}

/* ------------------------------------------------------------ of a dump */

static void read_tiers(struct demand *demand, const char *tiers)
{
    for (const char *tier = json_first(tiers); tier; tier = json_next(tier)) {
        unsigned i = demand->present.count;
        if (i == TIERS_MOST)
            return;
        demand->present.size[i] = json_number(json_member(tier, "size"));
        demand->present.capacity[i] = json_number(json_member(tier, "capacity"));
        demand->present.count++;
    }
}

/* Its buckets are fewer than sizes can be, and each has its largest size. */
static void read_buckets(struct demand *demand, const char *path, const char *buckets)
{
    uint32_t at_peak[DEMAND_SIZES_MOST] = {0};

    for (const char *bucket = json_first(buckets); bucket; bucket = json_next(bucket)) {
        uint64_t largest = json_number(json_member(bucket, "largest"));
        uint64_t size = exactly(largest), gets = json_number(json_member(bucket, "gets"));
        if (demand->count && size < demand->size[demand->count - 1])
            die("%s: the buckets of \"sizes\" are not in order", path);
        /* 16385 and 16500 are one size to a tier. */
        if (demand->count == 0 || size > demand->size[demand->count - 1])
            demand->count++;
        if (demand->count > DEMAND_SIZES_MOST)
            die("%s: more than %u buckets in \"sizes\"", path, DEMAND_SIZES_MOST);
        unsigned i = demand->count - 1;
        demand->size[i] = size;
        demand->gets[i] += gets;
        demand->asked_gets += gets;
        at_peak[i] += (uint32_t)json_number(json_member(bucket, "at_peak"));
        demand->largest = largest > demand->largest ? largest : demand->largest;
    }
    if (demand->count == 0)
        die("%s: nothing was asked for yet", path);
    demand->moments = 1;
    demand->below = harness_map(DEMAND_MOMENTS_MOST * (demand->count + 1) * sizeof(*demand->below), false);
    for (unsigned i = 0; i < demand->count; i++) {
        demand->below[i + 1] = demand->below[i] + at_peak[i];
        demand->buffers_peak += at_peak[i];
    }
}

void demand_of_stats(struct demand *demand, const char *path, const char *text, const char *pool)
{
    const char *object = json_find_pool(text, pool);

    *demand = (struct demand){.is_trace = false};
    if (!object)
        die("%s: no pool%s%s%s in it: what bufpool_dump writes with BUFPOOL_JSON is wanted, or a trace", path,
            pool ? " named '" : "", pool ? pool : "", pool ? "'" : "");
    const char *sizes = json_member(object, "sizes"), *total = json_member(object, "total");
    if (!sizes)
        die("%s: the pool was not created with the debug word sizes (BUFPOOL_DEBUG=sizes)", path);
    read_tiers(demand, json_member(object, "tiers"));
    read_buckets(demand, path, json_member(sizes, "buckets"));
    demand->asked_peak = json_number(json_member(sizes, "peak_bytes"));
    demand->threads = (uint32_t)json_number(json_member(total, "threads"));
    demand->private_misses =
        json_number(json_member(total, "gets")) - json_number(json_member(total, "hits_private"));
}
