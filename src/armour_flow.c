#include "armour.h"

#include <string.h>

#include "check.h"
#include "cold.h"
#include "collector.h"
#include "flow.h"
#include "tool.h"

/* What fills a buffer that was carved, that is idle, and what lies beyond the size asked for. */
#define FILL_FRESH 0xfb
#define FILL_IDLE 0xdb
#define FILL_CANARY 0xca

/* Buffers with pages of their own at one time; the address space has room for four times as many. */
#define GUARDED_MAX 16384u

/* A buffer as its borrower sees it. */
struct view {
    struct shadow *shadow;
    unsigned char *bytes;
    size_t capacity;
};

/* The byte of from..to that differs from `byte`, the first; `to` where none does. */
static size_t first_other(const unsigned char *bytes, size_t from, size_t to, unsigned char byte)
{
    if (from == to || (bytes[from] == byte && memcmp(bytes + from, bytes + from + 1, to - from - 1) == 0))
        return to;
    while (bytes[from] == byte)
        from++;
    return from;
}

/* A memory checker, if one watches: we look at these bytes; nobody else may now. */
static void show(const struct bufpool *pool, const void *bytes, size_t count)
{
    if (armour_has(pool, DEBUG_TOOL))
        tool_open(bytes, count);
}

static void hide(const struct bufpool *pool, const void *bytes, size_t count)
{
    if (armour_has(pool, DEBUG_TOOL))
        tool_close(bytes, count);
}

static unsigned char fill_idle(const struct bufpool *pool)
{
    return (pool->flags & BUFPOOL_SCRUB_ON_PUT) != 0 ? 0 : FILL_IDLE;
}

static void report(struct bufpool *pool, enum misuse rule, struct misuse_site *site, const char *call,
                   const void *buffer, const void *called_at)
{
    site->call = call;
    site->address = buffer;
    site->called_at = armour_has(pool, DEBUG_TAG) ? called_at : NULL;
    pool_misuse_at(pool, rule, site);
}

/* ------------------------------------------------------------ beyond the size asked for */

/* From now on the buffer has `asked` bytes. */
static void set_asked(const struct bufpool *pool, const struct view *view, size_t asked)
{
    atomic_store_explicit(&view->shadow->asked, asked, memory_order_relaxed);
    if (armour_has(pool, DEBUG_CANARY))
        memset(view->bytes + asked, FILL_CANARY, view->capacity - asked);
    hide(pool, view->bytes + asked, view->capacity - asked);
}

/* Is it as set_asked left it? If not, that is reported. */
static bool stayed_within(struct bufpool *pool, const struct view *view, const char *call, const void *site)
{
    size_t asked = shadow_asked(view->shadow);

    if (!armour_has(pool, DEBUG_CANARY))
        return true;
    size_t written = first_other(view->bytes, asked, view->capacity, FILL_CANARY);
    if (written == view->capacity)
        return true;
    struct misuse_site overflow = {.offset = written, .asked = asked};
    report(pool, MISUSE_OVERFLOW, &overflow, call, view->bytes, site);
    return false;
}

/* ------------------------------------------------------------ get */

static void check_idle_bytes(struct bufpool *pool, const struct view *view, const void *site)
{
    unsigned char left = fill_idle(pool);
    size_t written = first_other(view->bytes, 0, view->capacity, left);

    if (written == view->capacity)
        return;
    struct misuse_site write = {.offset = written, .found = view->bytes[written], .left = left};
    report(pool, MISUSE_WRITE_AFTER_PUT, &write, "get", view->bytes, site);
}

static struct view view_of(struct bufpool *pool, void *buffer)
{
    uint64_t tier = tiers_of_address(&pool->tiers, buffer);
    struct view view = {.shadow = armour_shadow(pool, buffer), .bytes = buffer};
    size_t inside;

    if (tier < pool->tiers.count)
        view.capacity = tier_capacity(pool, (unsigned)tier);
    else
        oversized_look(&pool->oversized, buffer, &view.capacity, &inside);
    return view;
}

/* A buffer leaves for its borrower. */
static void hand_out(struct bufpool *pool, void *buffer, const struct request *request, bool sampled)
{
    struct view view = view_of(pool, buffer);
    struct shadow *shadow = view.shadow;

    INVARIANT(shadow_exchange(shadow, SHADOW_IN_USE) != SHADOW_IN_USE);
    show(pool, buffer, view.capacity);
    bool is_filled = atomic_load_explicit(&shadow->is_filled, memory_order_relaxed);
    atomic_store_explicit(&shadow->is_filled, false, memory_order_relaxed);
    if (is_filled) {
        if (armour_has(pool, DEBUG_INTEGRITY))
            check_idle_bytes(pool, &view, request->site);
    } else if (armour_has(pool, DEBUG_POISON)) {
        memset(buffer, FILL_FRESH, view.capacity);
    }
    if (armour_has(pool, DEBUG_TOOL))
        tool_lend(pool, buffer, view.capacity);
    if (request->kept)
        show(pool, buffer, view.capacity); /* what it holds has a meaning */
    set_asked(pool, &view, request->size);
    if (armour_has(pool, DEBUG_SIZES))
        sizes_got(&pool->armour->sizes, request->size);
    if (armour_has(pool, DEBUG_TAG))
        atomic_store_explicit(&shadow->got_at, request->site, memory_order_relaxed);
    if (sampled)
        atomic_store_explicit(&shadow->sample, leak_sample(pool, buffer, request->size, request->site),
                              memory_order_relaxed);
}

/*
 * In pages of its own, as an oversized buffer has; NULL where there are no more
 * to be had. Each takes two mappings of the 65,530 that a process has by default:
 * some are left for stacks and for others.
 */
static void *get_guarded(struct bufpool *pool, unsigned tier, size_t size)
{
    bool by_page = (pool->flags & BUFPOOL_PAGE_ALIGNED) != 0 &&
                   (tier == TIER_NONE || pool->tiers.tier[tier].size >= pool->page);

    if (tier != TIER_NONE &&
        atomic_load_explicit(&pool->oversized.in_use_count, memory_order_relaxed) >= GUARDED_MAX)
        return NULL;
    void *buffer = oversized_get_at_end(&pool->oversized, size, by_page ? pool->page : LINE_SIZE);
    if (buffer != NULL)
        account_add(&pool->account[tier == TIER_NONE ? ACCOUNT_NO_TIER : tier].oversized_gets, 1);
    return buffer;
}

void *armour_get(struct bufpool *pool, struct record *record, unsigned tier, struct request *request)
{
    struct armour *armour = pool->armour;
    uint64_t number = atomic_fetch_add_explicit(&armour->gets, 1, memory_order_relaxed) + 1;

    if (armour_has(pool, DEBUG_FAIL) && number % armour->debug.fail == 0) {
        account_add(&pool->account[tier == TIER_NONE ? ACCOUNT_NO_TIER : tier].failures, 1);
        return NULL;
    }
    void *buffer =
        armour_has(pool, DEBUG_GUARD) && !request->only_kept ? get_guarded(pool, tier, request->size) : NULL;
    if (buffer == NULL)
        buffer = flow_get(pool, record, tier, request);
    if (buffer != NULL && armour_has(pool, DEBUG_STATE))
        hand_out(pool, buffer, request, armour_has(pool, DEBUG_LEAK) && number % armour->debug.leak == 0);
    if (buffer != NULL)
        recorder_got(pool, buffer, request->size);
    return buffer;
}

void armour_carved(struct bufpool *pool, void *buffer)
{
    struct view view = view_of(pool, buffer);
    if (view.shadow == NULL)
        return;
    atomic_store_explicit(&view.shadow->is_filled, false, memory_order_relaxed);
    show(pool, buffer, view.capacity);
}

void armour_reserved(struct bufpool *pool, void *buffer)
{
    struct view view = view_of(pool, buffer);
    if (view.shadow != NULL)
        hide(pool, buffer, view.capacity);
}

/* ------------------------------------------------------------ put */

/* A buffer that is not in use is put, resized or asked for its capacity. */
static void report_state(struct bufpool *pool, const char *call, const void *buffer, const void *site)
{
    struct misuse_site none = {.offset = 0};
    enum misuse rule = shadow_state(armour_shadow(pool, buffer)) == SHADOW_NEVER ? MISUSE_NEVER_GOT
                       : strcmp(call, "put") == 0                                ? MISUSE_DOUBLE_PUT
                                                                                 : MISUSE_AFTER_PUT;
    report(pool, rule, &none, call, buffer, site);
}

/* A buffer comes back from its borrower. False: that was none, or he wrote beyond its end; reported, and it
 * is not filed. */
static bool take_back(struct bufpool *pool, const struct view *view, const void *site)
{
    struct shadow *shadow = view->shadow;
    bool got = shadow_change(shadow, SHADOW_IN_USE, SHADOW_IDLE);
    bool inherited = !got && shadow_change(shadow, SHADOW_INHERITED, SHADOW_IDLE);

    if (!got && !inherited) {
        report_state(pool, "put", view->bytes, site);
        return false;
    }
    show(pool, view->bytes, view->capacity);
    if (!inherited && !stayed_within(pool, view, "put", site)) {
        shadow_exchange(shadow, SHADOW_IN_USE);
        return false;
    }
    if (!inherited && armour_has(pool, DEBUG_SIZES))
        sizes_put(&pool->armour->sizes, shadow_asked(shadow));
    if (armour_has(pool, DEBUG_TAG))
        atomic_store_explicit(&shadow->put_at, site, memory_order_relaxed);
    leak_forget(pool, atomic_load_explicit(&shadow->sample, memory_order_relaxed));
    atomic_store_explicit(&shadow->sample, 0, memory_order_relaxed);
    return true;
}

/* Without a state to go by: what the pool itself knows. */
static bool may_be_held(struct bufpool *pool, unsigned tier, void *buffer)
{
    enum park state = span_look(&pool->span[tier], (uint32_t)tier_index(&pool->tiers.tier[tier], buffer));

    if (state != PARKED)
        pool_misuse(pool, state == PARK_DOUBLE ? MISUSE_DOUBLE_PUT : MISUSE_UNCARVED, "put", buffer);
    return state == PARKED;
}

static void fill_at_put(struct bufpool *pool, const struct view *view)
{
    bool scrub = (pool->flags & BUFPOOL_SCRUB_ON_PUT) != 0;

    if (!scrub && !armour_has(pool, DEBUG_POISON))
        return;
    memset(view->bytes, fill_idle(pool), view->capacity);
    if (armour_has(pool, DEBUG_POISON))
        atomic_store_explicit(&view->shadow->is_filled, true, memory_order_relaxed);
}

/* One of each four in a row, not always the same one: no rhythm of a program's can avoid it or meet nothing
 * else. */
static bool is_dropped(struct armour *armour)
{
    uint64_t number = atomic_fetch_add_explicit(&armour->puts, 1, memory_order_relaxed);
    uint64_t four = (number / 4 + 1) * UINT64_C(0x9e3779b97f4a7c15);
    return four >> 62 == number % 4;
}

bool armour_put(struct bufpool *pool, struct record *record, unsigned tier, void *buffer, const void *site,
                enum fate fate)
{
    struct view view = view_of(pool, buffer);

    if (view.shadow != NULL ? !take_back(pool, &view, site) : !may_be_held(pool, tier, buffer))
        return false;
    recorder_puts(pool, buffer);
    fill_at_put(pool, &view);
    if (armour_has(pool, DEBUG_TOOL))
        tool_return(pool, buffer, view.capacity);
    if (fate != FATE_FILED)
        return flow_refuse(pool, tier, buffer, fate);
    if (armour_has(pool, DEBUG_DROP) && is_dropped(pool->armour)) {
        bool kept = flow_refuse(pool, tier, buffer, FATE_RELEASED);
        cold_purge(pool, tier, pool->tiers.tier[tier].stride);
        return kept;
    }
    if (armour_has(pool, DEBUG_QUARANTINE)) {
        uint64_t became_cold = quarantine_add(pool, tier, buffer);
        if (became_cold != 0)
            cold_refused(pool, became_cold);
        collector_notice(pool);
        return true;
    }
    return flow_file(pool, record, tier, buffer);
}

bool armour_put_oversized(struct bufpool *pool, void *buffer, size_t capacity, const void *site)
{
    struct view view = {.shadow = armour_shadow(pool, buffer), .bytes = buffer, .capacity = capacity};
    if (view.shadow != NULL && !take_back(pool, &view, site))
        return false;
    recorder_puts(pool, buffer);
    if (armour_has(pool, DEBUG_TOOL))
        tool_return(pool, buffer, 0); /* of its bytes the system makes sure */
    return true;
}

/* ------------------------------------------------------------ in between */

bool armour_may_use(struct bufpool *pool, const char *call, const void *buffer, size_t *usable,
                    const void *site)
{
    struct shadow *shadow = armour_shadow(pool, buffer);

    if (shadow == NULL)
        return true;
    enum shadow_state state = shadow_state(shadow);
    if (state == SHADOW_NEVER || state == SHADOW_IDLE) {
        report_state(pool, call, buffer, site);
        return false;
    }
    if (armour_has(pool, DEBUG_CANARY | DEBUG_TOOL))
        *usable = min_u64(shadow_asked(shadow), *usable);
    return true;
}

bool armour_may_stay(const struct bufpool *pool, size_t capacity, size_t size)
{
    return !armour_has(pool, DEBUG_GUARD) || round_up(size, LINE_SIZE) == capacity;
}

bool armour_resize(struct bufpool *pool, void *buffer, size_t capacity, size_t size, const void *site)
{
    struct view view = {.shadow = armour_shadow(pool, buffer), .bytes = buffer, .capacity = capacity};

    if (view.shadow == NULL) {
        recorder_resized(pool, buffer, buffer, size);
        return true;
    }
    size_t asked = min_u64(shadow_asked(view.shadow), capacity);
    show(pool, view.bytes + asked, capacity - asked);
    if (shadow_state(view.shadow) == SHADOW_IN_USE && !stayed_within(pool, &view, "resize", site))
        return false;
    if (shadow_state(view.shadow) == SHADOW_IN_USE && armour_has(pool, DEBUG_SIZES))
        sizes_resized(&pool->armour->sizes, shadow_asked(view.shadow), size);
    set_asked(pool, &view, size);
    recorder_resized(pool, buffer, buffer, size);
    return true;
}
