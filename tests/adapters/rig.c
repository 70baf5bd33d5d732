#include "rig.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "pools.h"

bool broken(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    fputs("  ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    return false;
}

int rig_run(const struct property *properties, size_t count)
{
    unsigned ends[2] = {0, 0};

    setvbuf(stdout, NULL, _IOLBF, 0);
    for (size_t i = 0; i < count; i++) {
        bool holds = properties[i].holds();
        printf("%s %s\n", holds ? "pass" : "FAIL", properties[i].name);
        ends[holds]++;
    }
    printf("%u passed, %u failed\n", ends[true], ends[false]);
    return ends[false] != 0;
}

void rig_default_pool(void)
{
    const char *given = getenv("BUFPOOL_CONF");
    char conf[512];

    /* Of two with the same word the later one holds. */
    snprintf(conf, sizeof conf, "%s%scollect_interval_ms:0", given != NULL ? given : "",
             given != NULL ? "," : "");
    MUST(setenv("BUFPOOL_CONF", conf, 1) == 0);
    MUST(bufpool_default() != NULL);
    /* A variant that is none would check nothing. */
    const char *tier = getenv("ADAPTERS_TIER");
    MUST(tier == NULL || rig_has_tier(strtoul(tier, NULL, 10)));
}

bool rig_has_tier(size_t size)
{
    size_t sizes[64];
    size_t count = bufpool_tiers(NULL, sizes, 64);

    for (size_t i = 0; i < count; i++)
        if (sizes[i] == size)
            return true;
    return false;
}

/* What counts, counts relaxed: it is read when the library is at rest. */
static struct {
    bufpool_t *pool;
    size_t least, most;
    _Atomic uint64_t buffers, bytes, pool_buffers, pool_bytes, pool_capacity;
} meter;

/* Ascending; more kinds than fit abort. */
static pthread_mutex_t sizes_lock = PTHREAD_MUTEX_INITIALIZER;
static struct meter_size noted[METER_SIZES];
static size_t noted_count, noted_from = SIZE_MAX;

void meter_note_sizes(size_t from)
{
    noted_from = from;
}

static void note_size(size_t size)
{
    size_t i = 0;

    if (size < noted_from)
        return;
    pthread_mutex_lock(&sizes_lock);
    while (i < noted_count && noted[i].size < size)
        i++;
    if (i == noted_count || noted[i].size != size) {
        MUST(noted_count < METER_SIZES);
        memmove(&noted[i + 1], &noted[i], (noted_count - i) * sizeof noted[0]);
        noted[i] = (struct meter_size){size, 0};
        noted_count++;
    }
    noted[i].count++;
    pthread_mutex_unlock(&sizes_lock);
}

size_t meter_sizes(struct meter_size sizes[METER_SIZES])
{
    memcpy(sizes, noted, noted_count * sizeof noted[0]);
    return noted_count;
}

static void add(_Atomic uint64_t *sum, uint64_t value)
{
    atomic_fetch_add_explicit(sum, value, memory_order_relaxed);
}

void meter_begin(bufpool_t *pool, size_t least)
{
    size_t sizes[64];

    meter.pool = pool;
    meter.least = least;
    meter.most = capacity_of_size(sizes[bufpool_tiers(pool, sizes, 64) - 1]);
    noted_count = 0;
    atomic_store_explicit(&meter.buffers, 0, memory_order_relaxed);
    atomic_store_explicit(&meter.bytes, 0, memory_order_relaxed);
    atomic_store_explicit(&meter.pool_buffers, 0, memory_order_relaxed);
    atomic_store_explicit(&meter.pool_bytes, 0, memory_order_relaxed);
    atomic_store_explicit(&meter.pool_capacity, 0, memory_order_relaxed);
}

void meter_begin_default(void)
{
    size_t smallest;

    MUST(bufpool_tiers(NULL, &smallest, 1) > 0);
    meter_begin(NULL, smallest / 2);
}

void meter_count_elsewhere(size_t size)
{
    add(&meter.buffers, 1);
    add(&meter.bytes, size);
    note_size(size);
}

void meter_count(const bufpool_t *pool, const void *buffer, size_t size)
{
    if (buffer == NULL || pool != meter.pool)
        return;
    meter_count_elsewhere(size);
    if (size <= meter.least || size > meter.most)
        return;
    add(&meter.pool_buffers, 1);
    add(&meter.pool_bytes, size);
    /* Aborts where the buffer is not the pool's. */
    add(&meter.pool_capacity, bufpool_capacity(meter.pool, buffer));
}

struct meter meter_read(void)
{
    return (struct meter){.buffers = meter.buffers,
                          .bytes = meter.bytes,
                          .pool_buffers = meter.pool_buffers,
                          .pool_bytes = meter.pool_bytes,
                          .pool_capacity = meter.pool_capacity};
}

static double percent(uint64_t part, uint64_t whole)
{
    return whole == 0 ? 0 : 100.0 * (double)part / (double)whole;
}

void meter_print(const char *name)
{
    struct meter m = meter_read();

    printf("%s: %" PRIu64 " of %" PRIu64 " buffers (%.1f %%), %" PRIu64 " of %" PRIu64
           " KiB (%.1f %%) in the pool, which take %.2f times that\n",
           name, m.pool_buffers, m.buffers, percent(m.pool_buffers, m.buffers), m.pool_bytes / KIB,
           m.bytes / KIB, percent(m.pool_bytes, m.bytes), percent(m.pool_capacity, m.pool_bytes) / 100);
}

double hit_rate_since(const char *name, bufpool_t *pool, const bufpool_stats_t *before)
{
    bufpool_stats_t now = stats_of(pool);
    uint64_t gets = now.gets - before->gets;
    uint64_t misses = now.carves - before->carves + now.oversized_gets - before->oversized_gets +
                      now.failures - before->failures;
    double rate = gets == 0 ? 0 : 1 - (double)misses / (double)gets;

    printf("%s: %" PRIu64 " gets after warm-up, %" PRIu64 " not served by an idle buffer: hit rate %.3f %%\n",
           name, gets, misses, 100 * rate);
    return rate;
}

void text_make(char *text, size_t bytes, uint64_t seed)
{
    static const char *const words[] = {"buffer ",  "pool ",    "magazine ", "depot ", "victim ", "cold ",
                                        "tier ",    "stride ",  "carve ",    "purge ", "steal ",  "limbo ",
                                        "shard ",   "refill ",  "flush ",    "block ", "bin ",    "record ",
                                        "hand-off", ", and so", " on; ",     "\r\n",   "0x",      "<a href="};
    uint64_t state = seed * 2 + 1;
    size_t at = 0;

    while (at < bytes) {
        uint64_t draw = random_next(&state);
        const char *word = words[draw % (sizeof words / sizeof words[0])];
        size_t length = strlen(word);

        /* Every eighth is a byte that nothing predicts. */
        if (draw >> 60 < 2)
            text[at++] = (char)(draw >> 32);
        for (size_t i = 0; i < length && at < bytes; i++)
            text[at++] = word[i];
    }
}
