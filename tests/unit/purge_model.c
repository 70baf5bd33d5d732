/*
 * span_purge against a model that knows each buffer's state and works out page by
 * page what must be gone. Random traffic, several groups and batches.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "pools.h"
#include "rig.h"

enum { MANY = 12288 };
enum state { HELD, COLD, UNBACKED };

static struct rig rig;
static enum state model[MANY];
static uint32_t count;
static uint64_t stamps;
static uint64_t stamp[MANY];
static uint64_t random_state;

/* One word in each 512 bytes and the last: at least eight a page, and both borders. */
static bool each_word(uint32_t index, bool write)
{
    char *buffer = rig_buffer(&rig, index);
    bool good = true;
    for (size_t at = 0; at < rig.tier->capacity; at += 512) {
        uint64_t *word = (uint64_t *)(void *)(buffer + at);
        if (write)
            *word = stamp[index] + at;
        good = good && *word == stamp[index] + at;
    }
    uint64_t *last = (uint64_t *)(void *)(buffer + rig.tier->capacity) - 1;
    if (write)
        *last = stamp[index];
    return good && *last == stamp[index];
}

static void hold(uint32_t index)
{
    model[index] = HELD;
    stamp[index] = ++stamps << 20;
    each_word(index, true);
}

static uint32_t next_of(enum state state, uint32_t index)
{
    while (index < count && model[index] != state)
        index++;
    return index;
}

static void open_model(size_t size, uint32_t buffers, size_t page)
{
    rig_open(&rig, (struct rig_plan){.size = size, .span_shift = 28, .page = page});
    count = buffers;
    rig_carve_row(&rig, 0, count);
    for (uint32_t i = 0; i < count; i++)
        hold(i);
}

/* Put runs of neighbours, and single ones: both kinds of fragments. */
static void park_some(unsigned percent)
{
    for (uint32_t i = 0; i < count;) {
        uint32_t run = 1 + (uint32_t)((random_next(&random_state) >> 32) % 40);
        bool put = (random_next(&random_state) >> 32) % 100 < percent;
        for (; run > 0 && i < count; run--, i++)
            if (put && model[i] == HELD && (random_next(&random_state) >> 32) % 16 != 0) {
                MUST(span_park(&rig.span, i) == PARKED);
                model[i] = COLD;
            }
    }
}

static void get_some(uint32_t most)
{
    uint32_t cold = 0; /* none below is */
    uint32_t unbacked = 0;

    for (uint64_t n = random_next(&random_state) % (most + 1); n > 0; n--) {
        uint32_t index;
        cold = next_of(COLD, cold);
        if (span_take_cold(&rig.span, &index)) {
            if (index != cold)
                cr_fail("took %u, the lowest cold one is %u", index, cold);
        } else {
            unbacked = next_of(UNBACKED, unbacked);
            cr_assert(eq(u32, cold, count));
            if (unbacked == count)
                return;
            index = rig_carve(&rig);
            if (index != unbacked)
                cr_fail("carved %u, the lowest unbacked one is %u", index, unbacked);
        }
        hold(index);
    }
}

/* Is every buffer with a byte on this page idle? Buffers beyond `count` exist, and nobody has them. */
static bool page_can_go(uint64_t page)
{
    uint64_t first = page * rig.page / rig.tier->stride;
    uint64_t last = ((page + 1) * rig.page - 1) / rig.tier->stride;
    for (uint64_t i = first; i <= last && i < count; i++)
        if (model[i] == HELD)
            return false;
    return last < atomic_load(&rig.span.committed);
}

/* Bring the model up to date with what a purge did; false where it may not have done that. */
static bool look_after_purge(bool unlimited)
{
    uint64_t cold = 0;
    for (uint32_t i = 0; i < count; i++) {
        enum park now = span_look(&rig.span, i);
        if (model[i] == HELD && (now != PARKED || !each_word(i, false)))
            return false;
        if (model[i] == UNBACKED && now != PARK_UNCARVED)
            return false;
        if (model[i] == COLD) {
            bool loses = false;
            uint64_t from = i * rig.tier->stride / rig.page;
            uint64_t to = ((i + 1) * rig.tier->stride - 1) / rig.page;
            for (uint64_t page = from; page <= to; page++)
                loses = loses || page_can_go(page);
            if (now == PARKED || (now == PARK_UNCARVED && !loses))
                return false;
            if (unlimited && now != PARK_UNCARVED && loses)
                return false;
        }
        if (now == PARK_UNCARVED)
            model[i] = UNBACKED;
        cold += now == PARK_DOUBLE;
    }
    return span_cold_count(&rig.span) == cold;
}

/* No page that can go is still there. */
static bool pages_are_gone(void)
{
    for (uint64_t page = 0; page < rig_pages(&rig, count - 1); page++)
        if (page_can_go(page) && rig_page_is_present(&rig, page))
            return false;
    return true;
}

static void compare(size_t size, uint32_t buffers, size_t page, int rounds)
{
    random_state = size + page;
    open_model(size, buffers, page);
    for (int round = 0; round < rounds; round++) {
        park_some((unsigned)(random_next(&random_state) >> 32) % 101);
        if (round % 3 == 1) {
            uint64_t limit = random_next(&random_state) % (buffers * rig.tier->stride);
            uint64_t before = atomic_load(&rig.span.purges);
            uint64_t released = span_purge(&rig.span, limit);
            uint64_t purged = atomic_load(&rig.span.purges) - before;
            cr_assert(le(u64, released, limit));
            cr_assert(le(u64, purged * rig.tier->stride, limit));
            cr_assert(look_after_purge(false), "tier %zu, round %d", size, round);
        } else {
            span_purge(&rig.span, UINT64_MAX);
            cr_assert(look_after_purge(true), "tier %zu, round %d", size, round);
            cr_assert(pages_are_gone(), "tier %zu, round %d", size, round);
        }
        uint64_t used = 0;
        for (uint32_t i = 0; i < count; i++)
            used += model[i] != UNBACKED ? rig.tier->capacity : 0;
        cr_assert(eq(u64, atomic_load(&rig.backed.used), used));
        get_some(count / 2);
    }
    rig_close(&rig);
}

/* Fails when a purge takes a held byte, leaves a page that could go, or forgets a buffer: small tiers. */
Test(unit_purge_model, pages_below_a_page_go_exactly_when_all_their_buffers_are_idle)
{
    static const size_t sizes[] = {192, 512, 640, 1024, 1536, 3008};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        compare(sizes[i], (uint32_t)((6 << 20) / sizes[i] < MANY ? (6 << 20) / sizes[i] : MANY), 0, 40);
}

/* The same of tiers that have pages of their own and share only borders. */
Test(unit_purge_model, pages_of_large_tiers_go_exactly_when_all_their_buffers_are_idle)
{
    static const size_t sizes[] = {4096, 5000, 8192, 15000, 16384, 100000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        compare(sizes[i], (uint32_t)max_u64(130, (8 << 20) / sizes[i]), 0, 40);
}

/* The same where few buffers fill a batch, and where one alone passes it. */
Test(unit_purge_model, pages_of_huge_tiers_go_exactly_when_all_their_buffers_are_idle)
{
    compare(1 << 20, 100, 0, 16);
    compare(3 << 20, 40, 0, 12);
}

/* The same with pages of 64 KiB, as some aarch64 systems have: every stride here shares pages. */
Test(unit_purge_model, large_pages_go_exactly_when_all_their_buffers_are_idle)
{
    static const size_t sizes[] = {512, 1024, 4096, 16384, 65536, 100000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        compare(sizes[i], (uint32_t)((8 << 20) / sizes[i] < MANY ? (8 << 20) / sizes[i] : MANY), 65536, 30);
}

/* Fails when a page at the edge of a batch or of a run is passed over because of what was purged before. */
Test(unit_purge_model, everything_goes_at_last_whatever_went_before)
{
    static const size_t sizes[] = {512, 640, 1536, 3008, 15000, 16384, 100000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        random_state = sizes[i];
        open_model(sizes[i], (uint32_t)max_u64(64, round_up((5 << 20) / sizes[i], 64)), 0);
        for (int round = 0; round < 15; round++) {
            park_some(20 + (unsigned)round * 5);
            span_purge(&rig.span, UINT64_MAX);
            look_after_purge(true);
            get_some((uint32_t)(random_next(&random_state) % count));
            for (uint32_t n = 0; n < count; n++) {
                if (model[n] == HELD)
                    MUST(span_park(&rig.span, n) == PARKED);
                model[n] = model[n] == HELD ? COLD : model[n];
            }
            span_purge(&rig.span, UINT64_MAX);
            cr_assert(look_after_purge(true), "tier %zu, round %d", sizes[i], round);
            cr_assert(pages_are_gone(), "tier %zu, round %d", sizes[i], round);
            cr_assert(eq(u64, span_cold_count(&rig.span), 0));
            get_some(count);
        }
        rig_close(&rig);
    }
}
