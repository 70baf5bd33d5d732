/*
 * operations - any string of calls, on two threads that take turns, against a
 * model of what must come of them: contents, addresses, results, accounts.
 *
 * The first bytes choose the pool; then each operation is a byte (the high bit:
 * on the second thread) and its operands.
 */
#include <errno.h>
#include <string.h>

#include "input.h"
#include "model.h"
#include "pools.h"
#include "worker.h"

struct run {
    struct model model;
    struct input input;
    uint8_t operation;
};

/* ------------------------------------------------------------ the pool */

/* Those under which a pool looks the same from outside. */
static const char *const words[] = {"off", "off", "state", "integrity", "integrity,cold-first", "poison,tag"};

static bufpool_config_t choose_config(struct input *input)
{
    bufpool_config_t config = still_config();
    uint8_t limits = input_byte(input);

    config.debug = words[input_byte(input) % (sizeof words / sizeof words[0])];
    config.tier_span = 8 * MIB;
    config.flags = input_byte(input) & (BUFPOOL_COOPERATIVE | BUFPOOL_SCRUB_ON_PUT | BUFPOOL_PAGE_ALIGNED);
    config.tier_steps = (size_t)1 << input_byte(input) % 3;
    config.min_size = (size_t)64 << input_byte(input) % 8;
    config.max_size = config.min_size << input_byte(input) % 8;
    if ((limits & 1) != 0)
        config.max_bytes = input_below(input, 65536) * 64;
    if ((limits & 2) != 0)
        config.max_cached_bytes = input_below(input, 65536) * 16;
    if ((limits & 4) != 0)
        config.min_cached_bytes = input_below(input, 65536) * 16;
    if ((limits & 8) != 0)
        config.max_thread_bytes = input_below(input, 65536) * 16;
    return config;
}

/* ------------------------------------------------------------ operations */

static void get(struct run *run)
{
    size_t size = input_size(&run->input, 21);

    if (run->model.count == LIVE_MOST)
        return;
    void *buffer = bufpool_get(run->model.pool, size);
    model_got(&run->model, buffer, size, errno);
}

static void get_zeroed(struct run *run)
{
    size_t size = input_size(&run->input, 21);

    if (run->model.count == LIVE_MOST)
        return;
    void *buffer = bufpool_get_zeroed(run->model.pool, size);
    int error = errno;
    MUST(buffer == NULL || is_zero(buffer, bufpool_capacity(run->model.pool, buffer)));
    model_got(&run->model, buffer, size, error);
}

/* One that is live; false where none is. */
static bool choose(struct run *run, size_t *index)
{
    if (run->model.count == 0)
        return false;
    *index = input_below(&run->input, run->model.count);
    return true;
}

static void put(struct run *run)
{
    size_t index;

    if (!choose(run, &index))
        return;
    void *buffer = model_take(&run->model, index);
    errno = 4711;
    bool kept = bufpool_put(run->model.pool, buffer);
    MUST(errno == 4711);
    model_put(&run->model, index, kept);
}

static void resize(struct run *run)
{
    size_t size = input_size(&run->input, 21);
    size_t index;

    if (!choose(run, &index) || size == 0)
        return;
    void *buffer = bufpool_resize(run->model.pool, run->model.live[index].buffer, size);
    model_resized(&run->model, index, buffer, size, errno);
}

static void get_batch(struct run *run)
{
    size_t size = input_size(&run->input, 17);
    size_t count = input_below(&run->input, LIVE_MOST - run->model.count + 1);
    void *buffers[LIVE_MOST];

    size_t got = bufpool_get_batch(run->model.pool, size, buffers, count);
    int error = errno;
    MUST(got <= count);
    for (size_t i = 0; i < count; i++)
        model_got(&run->model, i < got ? buffers[i] : NULL, size, error);
}

/* The last ones, all of them kept or not: which it were is not told. */
static void put_batch(struct run *run)
{
    void *buffers[LIVE_MOST];
    struct model *model = &run->model;
    size_t count = input_below(&run->input, model->count + 1);

    if (model->config.max_cached_bytes != SIZE_MAX)
        return;
    for (size_t i = 0; i < count; i++)
        buffers[i] = model_take(model, model->count - 1 - i);
    uint64_t refused = model->refused_oversized;
    size_t kept = bufpool_put_batch(model->pool, buffers, count);
    for (size_t i = 0; i < count; i++) {
        const struct live *live = &model->live[model->count - 1];
        model_put(model, model->count - 1, !live->is_oversized);
    }
    MUST(kept == count - (model->refused_oversized - refused));
}

static void reserve(struct run *run)
{
    size_t size = input_size(&run->input, 17);
    size_t count = input_below(&run->input, 200);
    int error = bufpool_reserve(run->model.pool, size, count);

    MUST(error == 0 || error == -ENOMEM || error == -EINVAL);
    MUST((error == -EINVAL) == (model_capacity(&run->model, size) == 0));
}

static void collect(struct run *run)
{
    bufpool_collect(run->model.pool);
}

static void trim(struct run *run)
{
    bufpool_trim(run->model.pool);
}

static void thread_idle(struct run *run)
{
    bufpool_thread_idle(run->model.pool);
}

static void check(struct run *run)
{
    model_check(&run->model);
}

static void count_call(const char *message, void *arg)
{
    unsigned *calls = arg;
    MUST(strncmp(message, "bufpool: pool 'bufpool': ", 25) == 0 && strchr(message, '\n') == NULL);
    (*calls)++;
}

/* A caller's fault that every pool reports: nothing is filed, and it is counted. */
static void misuse(struct run *run)
{
    static char foreign[128];
    struct model *model = &run->model;
    uint8_t which = input_byte(&run->input);
    unsigned calls = 0;
    size_t index;

    if (!choose(run, &index))
        return;
    unsigned char *buffer = model->live[index].buffer;
    void *bad = which % 4 == 0                                       ? (void *)(foreign + which % 64)
                : which % 4 == 1                                     ? (void *)(buffer + 1 + which % 63)
                : which % 4 == 2 && model->live[index].capacity > 64 ? (void *)(buffer + 64)
                                                                     : NULL;
    if (bad == NULL) { /* put twice in a row */
        model_take(model, index);
        model_put(model, index, bufpool_put(model->pool, buffer));
        bad = buffer;
    }
    bufpool_on_misuse(count_call, &calls);
    errno = 4711;
    MUST(!bufpool_put(model->pool, bad));
    MUST(errno == 4711 && calls == 1);
    if (bad != buffer)
        MUST(bufpool_capacity(model->pool, bad) == 0 && calls == 2);
    model->misuses += calls;
    bufpool_on_misuse(NULL, NULL);
}

static void (*const operations[])(struct run *) = {
    get,       get,     get,  put,         put,   put,    get_zeroed, resize,  get_batch,
    put_batch, reserve, trim, thread_idle, check, misuse, collect,    collect,
};

static void operate(void *arg)
{
    struct run *run = arg;
    operations[(run->operation & 127) % (sizeof operations / sizeof operations[0])](run);
}

/* ------------------------------------------------------------ the whole */

/* Everything is put, and goes home. */
static void end(struct run *run, struct worker *other)
{
    struct model *model = &run->model;

    while (model->count > 0) {
        void *buffer = model_take(model, 0);
        model_put(model, 0, bufpool_put(model->pool, buffer));
    }
    model_check(model);
    run->operation = 12; /* thread_idle */
    operate(run);
    worker_do(other, operate, run);
    bufpool_trim(model->pool);
    bufpool_stats_t stats = stats_of(model->pool);
    MUST(idle_bytes(&stats) == 0 && stats.committed_bytes == 0);
    model_check(model);
    bufpool_destroy(model->pool);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    static struct worker other;
    static bool is_started;
    static struct run run;
    bufpool_t *pool = NULL;

    if (!is_started)
        worker_start(&other);
    is_started = true;
    run.input = (struct input){.at = bytes, .left = count};
    bufpool_config_t config = choose_config(&run.input);
    int error = bufpool_create(&pool, &config);
    bool floor_is_too_high =
        config.min_cached_bytes > config.max_cached_bytes || config.min_cached_bytes > config.max_bytes;
    MUST(error == (floor_is_too_high ? -EINVAL : 0));
    if (error != 0)
        return 0;

    model_begin(&run.model, pool, &config);
    while (run.input.left > 0) {
        run.operation = input_byte(&run.input);
        if ((run.operation & 128) != 0)
            worker_do(&other, operate, &run);
        else
            operate(&run);
    }
    model_check(&run.model);
    end(&run, &other);
    return 0;
}
