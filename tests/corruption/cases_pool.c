/*
 * What only a pool can be done: two of them, one that is gone, a batch, and
 * addresses that are a buffer's but nobody's.
 */
#include <stdio.h>
#include <stdlib.h>

#include "case.h"
#include "subject_pool.h"

static bufpool_t *other_pool(void)
{
    bufpool_config_t config = BUFPOOL_CONFIG_INIT;
    bufpool_t *other = NULL;

    config.collect_interval_ms = 0;
    config.name = "owner";
    return bufpool_create(&other, &config) == 0 ? other : NULL;
}

/* malloc's own may be where no other foreign pointer is: right behind the pool. */
CASE(put_of_the_heap, DEFAULT)
{
    void *from_malloc = aligned_alloc(64, 4096);
    give_back(borrow(SMALL));
    expect_report(NULL, "foreign pointer", "put", from_malloc, ANYWHERE, NULL);
    give_back(from_malloc);
}

CASE(put_to_another_pool, DEFAULT)
{
    void *buffer = bufpool_get(other_pool(), SMALL);
    expect_report(NULL, "foreign pointer", "put", buffer, ANYWHERE, "belongs to pool 'owner'");
    give_back(buffer);
}

CASE(capacity_of_another_pool_s, DEFAULT)
{
    void *buffer = bufpool_get(other_pool(), SMALL);
    expect_report(NULL, "foreign pointer", "capacity", buffer, ANYWHERE, "belongs to pool 'owner'");
    capacity_of(buffer);
}

CASE(resize_of_another_pool_s, DEFAULT)
{
    void *buffer = bufpool_get(other_pool(), SMALL);
    expect_report(NULL, "foreign pointer", "resize", buffer, ANYWHERE, "belongs to pool 'owner'");
    resize(buffer, LARGE);
}

CASE(put_after_destroy, DEFAULT)
{
    void *buffer = borrow(SMALL);
    give_back(borrow(LARGE));
    give_back(buffer);
    subject_end();
    expect_report(NULL, "destroyed pool", "put", buffer, OF_SMALL, NULL);
    give_back(buffer);
}

CASE(get_after_destroy, DEFAULT)
{
    give_back(borrow(SMALL));
    subject_end();
    expect_report(NULL, "destroyed pool", "get", subject_pool(), ANYWHERE, NULL);
    borrow(SMALL);
}

CASE(batch_with_one_bad_entry, DEFAULT)
{
    char *buffers[4];
    void *batch[4];

    for (int i = 0; i < 4; i++)
        batch[i] = buffers[i] = borrow(SMALL);
    batch[2] = buffers[2] + 64;
    expect_report(NULL, "interior pointer", "put", batch[2], OF_SMALL, "64 bytes inside a buffer");
    bufpool_put_batch(subject_pool(), batch, 4);
}

static void print_and_go_on(const char *message, void *arg)
{
    (void)arg;
    fprintf(stderr, "%s\n", message);
}

/* The same with a handler that does not end the process. */
CASE(batch_with_one_bad_entry_keeps_the_rest, DEFAULT)
{
    char *buffers[4];
    void *batch[4];

    for (int i = 0; i < 4; i++)
        batch[i] = buffers[i] = borrow(SMALL);
    batch[2] = buffers[2] + 64;
    bufpool_on_misuse(print_and_go_on, NULL);
    expect_report(NULL, "interior pointer", "put", batch[2], OF_SMALL, "64 bytes inside a buffer");
    expect_end();
    size_t kept = bufpool_put_batch(subject_pool(), batch, 4);
    if (kept != 3)
        fprintf(stderr, "%zu kept, not 3\n", kept);
    give_back(buffers[2]);
}

/* ------------------------------------------------------------ a buffer's address, but nobody's */

CASE(put_of_a_never_carved, "state " ASAN)
{
    char *buffer = borrow(SMALL);
    char *never_got = buffer + (size_t)256 * 1024; /* committed together with it, in steps of 2 MiB */

    give_back(buffer);
    expect_report("state " ASAN, "put of a buffer that was never got", "put", never_got, OF_SMALL, NULL);
    give_back(never_got);
}

CASE(put_of_a_purged, "state " ASAN)
{
    void *buffers[2] = {borrow(SMALL), borrow(SMALL)};

    give_back(buffers[0]);
    give_back(buffers[1]);
    bufpool_trim(subject_pool());
    void *again = borrow(SMALL);
    give_back(again); /* the private cache takes buffers as usual, as after a trim it does not */
    void *purged = again == buffers[0] ? buffers[1] : buffers[0];
    expect_report("state " ASAN, "double put", "put", purged, OF_SMALL, "the buffer is already free");
    give_back(purged);
    go_on(SMALL);
}
