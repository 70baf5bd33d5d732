/*
 * <bufpool/uring.h> and a consumer that holds every buffer: reading stops, goes on when buffers return, and
 * nothing is lost.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "receiver.h"

#include "accounts.h"

#define SLOW_ENTRIES 16
#define SLOW_BYTES ((size_t)1024)
#define SLOW_STREAM ((uint64_t)4 << 20)

struct held {
    void *buffer;
    size_t count;
    uint64_t offset;
};

/*
 * Fails when a buffer the consumer holds is written to, when data is dropped while the ring is dry, or when
 * the receive does not go on afterwards.
 */
static void slow_consumer_in_the_loop(bool multishot)
{
    struct held held[SLOW_ENTRIES];
    struct receiver receiver;
    struct sender sender;
    unsigned count = 0, stops = 0;
    bufpool_t *pool = still_pool();
    int ends[2];

    receiver_or_skip(&receiver, pool, SLOW_ENTRIES, SLOW_BYTES, multishot);
    loopback_pair(ends);
    receiver.socket = ends[0];
    sender_start(&sender, ends[1], SLOW_STREAM);
    for (bool ended = false; !ended;) {
        struct received got = receive(&receiver);
        cr_assert(got.result >= 0 || got.result == -ENOBUFS, "%d", got.result);
        if (got.buffer != NULL) {
            cr_assert(lt(uint, count, SLOW_ENTRIES));
            held[count++] =
                (struct held){got.buffer, (size_t)got.result, receiver.received - (size_t)got.result};
        }
        ended = got.result == 0;
        if (got.result == -ENOBUFS)
            cr_assert(eq(uint, count, SLOW_ENTRIES));
        if (got.result != -ENOBUFS && !ended)
            continue;
        stops += got.result == -ENOBUFS;
        while (count > 0) {
            struct held *last = &held[--count];
            cr_assert(stream_is(last->buffer, last->count, last->offset), "offset %lu",
                      (unsigned long)last->offset);
            cr_assert(bufpool_uring_give(&receiver.buffers, last->buffer));
        }
    }
    cr_assert(eq(u64, receiver.received, SLOW_STREAM));
    cr_assert(ge(uint, stops, (unsigned)(SLOW_STREAM / SLOW_BYTES / SLOW_ENTRIES) - 1));
    sender_end(&sender);
    receiver_end(&receiver);
    cr_assert(eq(u64, stats_of(pool).in_use_bytes, 0));
    assert_accounts(pool);
}

Test(adapters_uring, a_consumer_that_holds_every_buffer_stops_the_multishot_and_loses_nothing)
{
    slow_consumer_in_the_loop(true);
}

Test(adapters_uring, a_consumer_that_holds_every_buffer_stops_single_receives_and_loses_nothing)
{
    slow_consumer_in_the_loop(false);
}

/* A consumer on a thread of its own; the lock is the test's, not the adapter's. */
#define LIMIT 64

struct consumer {
    bufpool_t *pool;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct held held[LIMIT];
    unsigned count;
    bool stopped; /* the receiver waits for buffers */
    bool ended;
    bool good;
};

/* Holds all it gets until the receiver has none left. */
static void *consume_slowly(void *arg)
{
    struct consumer *consumer = arg;

    pthread_mutex_lock(&consumer->lock);
    while (!consumer->ended || consumer->count > 0) {
        while (!consumer->stopped && !consumer->ended)
            pthread_cond_wait(&consumer->changed, &consumer->lock);
        while (consumer->count > 0) {
            struct held *last = &consumer->held[--consumer->count];
            consumer->good = consumer->good && stream_is(last->buffer, last->count, last->offset);
            bufpool_put(consumer->pool, last->buffer);
        }
        consumer->stopped = false;
        pthread_cond_broadcast(&consumer->changed);
    }
    pthread_mutex_unlock(&consumer->lock);
    return NULL;
}

static void hand_over(struct consumer *consumer, struct held held)
{
    pthread_mutex_lock(&consumer->lock);
    MUST(consumer->count < LIMIT);
    consumer->held[consumer->count++] = held;
    pthread_mutex_unlock(&consumer->lock);
}

static void wait_for_buffers(struct consumer *consumer)
{
    pthread_mutex_lock(&consumer->lock);
    consumer->stopped = true;
    pthread_cond_broadcast(&consumer->changed);
    while (consumer->stopped)
        pthread_cond_wait(&consumer->changed, &consumer->lock);
    pthread_mutex_unlock(&consumer->lock);
}

/* Fails when max_bytes is no bound, or when what another thread puts does not come back into the ring. */
Test(adapters_uring, max_bytes_stops_the_reading_and_puts_on_another_thread_let_it_go_on)
{
    bufpool_config_t config = still_config();
    struct consumer consumer = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    struct receiver receiver;
    struct sender sender;
    pthread_t thread;
    unsigned stops = 0;
    int ends[2];

    config.max_bytes = LIMIT * SLOW_BYTES;
    consumer.pool = pool_from(&config);
    consumer.good = true;
    receiver_or_skip(&receiver, consumer.pool, SLOW_ENTRIES, SLOW_BYTES, true);
    loopback_pair(ends);
    receiver.socket = ends[0];
    sender_start(&sender, ends[1], SLOW_STREAM);
    cr_assert(eq(int, pthread_create(&thread, NULL, consume_slowly, &consumer), 0));
    for (bool ended = false; !ended;) {
        struct received got = receive(&receiver);
        cr_assert(got.result >= 0 || got.result == -ENOBUFS, "%d", got.result);
        if (got.buffer != NULL)
            hand_over(&consumer,
                      (struct held){got.buffer, (size_t)got.result, receiver.received - (size_t)got.result});
        ended = got.result == 0;
        if (bufpool_uring_fill(&receiver.buffers) == 0 && !ended) {
            cr_assert(eq(u64, stats_of(consumer.pool).in_use_bytes, LIMIT * SLOW_BYTES));
            stops++;
            wait_for_buffers(&consumer);
            cr_assert(gt(uint, bufpool_uring_fill(&receiver.buffers), 0));
        }
    }
    pthread_mutex_lock(&consumer.lock);
    consumer.ended = true;
    pthread_cond_broadcast(&consumer.changed);
    pthread_mutex_unlock(&consumer.lock);
    cr_assert(eq(int, pthread_join(thread, NULL), 0));

    cr_assert(consumer.good);
    cr_assert(eq(u64, receiver.received, SLOW_STREAM));
    cr_assert(ge(uint, stops, (unsigned)(SLOW_STREAM / SLOW_BYTES / LIMIT) / 2));
    sender_end(&sender);
    receiver_end(&receiver);
    cr_assert(eq(u64, stats_of(consumer.pool).in_use_bytes, 0));
    assert_accounts(consumer.pool);
}
