#include "model.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "accounts.h"
#include "pools.h"
#include "process.h"

/* Both ends of a buffer are written. */
enum { MARK = 64 };

static size_t mark_bytes(size_t size)
{
    return size < MARK ? size : MARK;
}

static void mark(const struct live *live)
{
    size_t bytes = mark_bytes(live->size);
    fill(live->buffer, bytes, live->seed);
    fill(live->buffer + live->size - bytes, bytes, live->seed + 1);
}

static bool is_marked(const struct live *live)
{
    size_t bytes = mark_bytes(live->size);
    /* The end was written last. */
    return is_filled(live->buffer + live->size - bytes, bytes, live->seed + 1) &&
           (live->size < 2 * bytes || is_filled(live->buffer, bytes, live->seed));
}

void model_begin(struct model *model, bufpool_t *pool, const bufpool_config_t *config)
{
    memset(model, 0, sizeof *model);
    model->pool = pool;
    model->config = *config;
    model->tiers = bufpool_tiers(pool, model->tier, 64);
    MUST(model->tiers >= 1 && model->tiers <= 64);
    for (size_t i = 1; i < model->tiers; i++)
        MUST(model->tier[i - 1] < model->tier[i]);
}

static size_t capacity_of_tier(const struct model *model, size_t size)
{
    return (model->config.flags & BUFPOOL_PAGE_ALIGNED) != 0 ? size : capacity_of_size(size);
}

size_t model_capacity(const struct model *model, size_t size)
{
    for (size_t i = 0; i < model->tiers; i++) {
        if (size <= capacity_of_tier(model, model->tier[i]))
            return capacity_of_tier(model, model->tier[i]);
    }
    return 0;
}

/* ------------------------------------------------------------ gets */

static size_t whole_pages(size_t size)
{
    size_t page = page_bytes();
    return (size + (size == 0) + page - 1) / page * page;
}

/* What an oversized buffer takes of the oversized space, in MiB; a page behind it stays free. */
static size_t granules(size_t size)
{
    return (whole_pages(size) + page_bytes() + MIB - 1) / MIB;
}

/*
 * The oversized space is four spans. If every gap between those in it were too
 * narrow, so much of it could be free at most.
 */
static bool oversized_space_may_be_full(const struct model *model, size_t size)
{
    size_t space = 4 * model->config.tier_span / MIB;
    size_t taken = 0;
    size_t gaps = 1;

    if (size > 4 * model->config.tier_span)
        return true;
    for (size_t i = 0; i < model->count; i++) {
        if (model->live[i].is_oversized) {
            taken += granules(model->live[i].capacity);
            gaps++;
        }
    }
    return taken + gaps * (granules(size) - 1) >= space;
}

/* May LIVE_MOST buffers fill the span of a tier of this capacity? */
static bool span_may_be_full(const struct model *model, size_t capacity)
{
    return capacity * LIVE_MOST >= model->config.tier_span / 2;
}

/* Only where max_bytes, or the address space, has no room after everything idle has gone home. */
static bool may_fail(const struct model *model, size_t size)
{
    bufpool_stats_t stats = stats_of(model->pool);
    size_t capacity = model_capacity(model, size);

    if ((capacity == 0 || span_may_be_full(model, capacity)) && oversized_space_may_be_full(model, size))
        return true;
    if (capacity == 0)
        capacity = whole_pages(size);
    return stats.committed_bytes + stats.oversized_bytes + capacity > model->config.max_bytes;
}

/* Of a buffer just got. Where its tier does not tell, the accounts do. */
static bool is_oversized(struct model *model, const struct live *live)
{
    size_t capacity = model_capacity(model, live->size);
    bool oversized = capacity == 0;

    if (span_may_be_full(model, capacity))
        oversized = stats_of(model->pool).oversized_gets != model->oversized_gets;
    model->oversized_gets += oversized;
    return oversized;
}

/* What the caller is told he may use. A pool that AddressSanitizer watches lends just what was asked for. */
static void must_tell_capacity(const struct model *model, const struct live *live)
{
    bool is_watched = UNDER_SANITIZER && strcmp(model->config.debug, "off") != 0;
    MUST(bufpool_capacity(model->pool, live->buffer) == (is_watched ? live->size : live->capacity));
}

static void must_not_overlap(const struct model *model, const struct live *new)
{
    for (size_t i = 0; i < model->count; i++) {
        const struct live *live = &model->live[i];
        MUST(new->buffer + new->capacity <= live->buffer || live->buffer + live->capacity <= new->buffer);
    }
}

/* The borrower writes its marks. */
static void model_add(struct model *model, struct live live)
{
    bool of_pages = (model->config.flags & BUFPOOL_PAGE_ALIGNED) != 0 && live.capacity >= 4096;

    MUST(live.capacity >= live.size);
    must_tell_capacity(model, &live);
    MUST((uintptr_t)live.buffer % (of_pages ? 4096 : 64) == 0);
    must_not_overlap(model, &live);
    MUST(model->count < LIVE_MOST);
    live.seed = model->seed;
    model->seed += 2;
    mark(&live);
    model->in_use_bytes += live.capacity;
    model->live[model->count++] = live;
}

bool model_got(struct model *model, void *buffer, size_t size, int error)
{
    model->gets++;
    if (buffer == NULL) {
        model->failures++;
        MUST(error == ENOMEM);
        MUST(may_fail(model, size));
        return false;
    }
    struct live live = {.buffer = buffer, .size = size};
    live.is_oversized = is_oversized(model, &live);
    live.capacity = live.is_oversized ? whole_pages(size) : model_capacity(model, size);
    model_add(model, live);
    return true;
}

/* ------------------------------------------------------------ puts */

unsigned char *model_take(struct model *model, size_t index)
{
    MUST(is_marked(&model->live[index]));
    model->in_use_bytes -= model->live[index].capacity;
    return model->live[index].buffer;
}

void model_put(struct model *model, size_t index, bool kept)
{
    bool oversized = model->live[index].is_oversized;

    MUST(oversized ? !kept : kept || model->config.max_cached_bytes != SIZE_MAX);
    model->puts++;
    model->refused_oversized += oversized;
    model->live[index] = model->live[--model->count];
}

/* What fits both sizes is as it was written. */
static void must_be_moved(const struct live *was, unsigned char *buffer, size_t size)
{
    struct live moved = *was;

    moved.buffer = buffer;
    if (size >= was->size)
        MUST(is_marked(&moved));
    else if (was->size >= 2 * MARK)
        MUST(is_filled(buffer, mark_bytes(size), was->seed));
}

void model_resized(struct model *model, size_t index, void *buffer, size_t size, int error)
{
    struct live was = model->live[index];

    if (buffer == NULL) {
        MUST(is_marked(&was));
        model_got(model, NULL, size, error);
        return;
    }
    must_be_moved(&was, buffer, size);
    model->in_use_bytes -= was.capacity;
    model->live[index] = model->live[--model->count];
    if (buffer == was.buffer) {
        was.size = size;
        model_add(model, was);
        return;
    }
    model->puts++;
    model->refused_oversized += was.is_oversized;
    model_got(model, buffer, size, 0);
}

/* ------------------------------------------------------------ accounts */

void model_check(struct model *model)
{
    bufpool_stats_t stats = stats_of(model->pool);
    const char *fault = accounts_fault(model->pool);

    if (fault != NULL)
        must_failed(fault, __FILE__, __LINE__);
    for (size_t i = 0; i < model->count; i++)
        MUST(is_marked(&model->live[i]));
    MUST(stats.gets == model->gets);
    MUST(stats.puts == model->puts);
    MUST(stats.failures == model->failures);
    MUST(stats.oversized_gets == model->oversized_gets);
    MUST(stats.refused_oversized == model->refused_oversized);
    MUST(stats.misuses == model->misuses);
    MUST(stats.in_use_bytes == model->in_use_bytes);
    MUST(stats.private_bytes + stats.shared_bytes + stats.victim_bytes <= model->config.max_cached_bytes);
    MUST(stats.committed_bytes + stats.oversized_bytes <= model->config.max_bytes);
}
