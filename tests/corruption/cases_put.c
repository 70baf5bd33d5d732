/*
 * Given back what must not be: twice, or what was never borrowed.
 */
#include <pthread.h>
#include <stdint.h>
#include <sys/mman.h>

#include "case.h"
#include "subject.h"

/* ------------------------------------------------------------ twice in a row */

CASE(double_put_small, DEFAULT)
{
    void *buffer = borrow(SMALL);
    give_back(buffer);
    expect_report(NULL, "double put: put(%p) of tier %u: the buffer is already free", buffer, SMALL_TIER);
    give_back(buffer);
    go_on(SMALL);
}

CASE(double_put_large, DEFAULT)
{
    void *buffer = borrow(LARGE);
    give_back(buffer);
    expect_report(NULL, "double put: put(%p) of tier %u: the buffer is already free", buffer, LARGE_TIER);
    give_back(buffer);
    go_on(LARGE);
}

CASE(double_put_oversized, DEFAULT)
{
    void *buffer = borrow(OVERSIZED);
    give_back(buffer);
    expect_report(NULL, "double put: put(%p): the buffer is already free", buffer);
    give_back(buffer);
    go_on(OVERSIZED);
}

/* ------------------------------------------------------------ twice, with others in between */

static void put_twice_with_others_between(size_t size, void *buffer)
{
    void *others[3];

    for (int i = 0; i < 3; i++)
        others[i] = borrow(size);
    give_back(buffer);
    for (int i = 0; i < 3; i++)
        give_back(others[i]);
    give_back(buffer);
    go_on(size);
}

CASE(delayed_double_put_small, "state " ASAN)
{
    void *buffer = borrow(SMALL);
    expect_report("state", "double put: put(%p) of tier %u: the buffer is already free", buffer, SMALL_TIER);
    expect_report(ASAN, "double put: put(%p) of tier %u: the buffer is already free", buffer, SMALL_TIER);
    put_twice_with_others_between(SMALL, buffer);
}

CASE(delayed_double_put_large, "state " ASAN)
{
    void *buffer = borrow(LARGE);
    expect_report("state", "double put: put(%p) of tier %u: the buffer is already free", buffer, LARGE_TIER);
    expect_report(ASAN, "double put: put(%p) of tier %u: the buffer is already free", buffer, LARGE_TIER);
    put_twice_with_others_between(LARGE, buffer);
}

CASE(delayed_double_put_oversized, DEFAULT)
{
    void *buffer = borrow(OVERSIZED);
    expect_report(NULL, "double put: put(%p): the buffer is already free", buffer);
    put_twice_with_others_between(OVERSIZED, buffer);
}

static void *put_in_thread(void *buffer)
{
    give_back(buffer);
    return NULL;
}

CASE(double_put_across_threads, "state " ASAN)
{
    pthread_t thread;
    void *buffer = borrow(SMALL);

    give_back(buffer);
    expect_report("state", "double put: put(%p) of tier %u: the buffer is already free", buffer, SMALL_TIER);
    expect_report(ASAN, "double put: put(%p) of tier %u: the buffer is already free", buffer, SMALL_TIER);
    if (pthread_create(&thread, NULL, put_in_thread, buffer) == 0)
        pthread_join(thread, NULL);
    go_on(SMALL);
}

/* ------------------------------------------------------------ never borrowed */

CASE(put_of_the_stack, DEFAULT)
{
    _Alignas(64) char on_the_stack[4096];
    give_back(borrow(SMALL));
    expect_report(NULL, "foreign pointer: put(%p)", (void *)on_the_stack);
    give_back(on_the_stack);
    go_on(SMALL);
}

/* Memory of the process that no allocator gave. */
CASE(put_of_a_mapping, DEFAULT)
{
    void *mapping = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    give_back(borrow(SMALL));
    expect_report(NULL, "foreign pointer: put(%p)", mapping);
    give_back(mapping);
    go_on(SMALL);
}

CASE(put_of_a_static, DEFAULT)
{
    static _Alignas(64) char not_borrowed[4096];
    give_back(borrow(SMALL));
    expect_report(NULL, "foreign pointer: put(%p)", (void *)not_borrowed);
    give_back(not_borrowed);
    go_on(SMALL);
}

CASE(put_of_a_small_integer, DEFAULT)
{
    give_back(borrow(SMALL));
    expect_report(NULL, "foreign pointer: put(%p)", (void *)64);
    give_back((void *)64);
    go_on(SMALL);
}

/* Where the allocator never was: a pool's reservations are 256 GiB in all. */
CASE(put_beyond_the_reservation, DEFAULT)
{
    char *buffer = borrow(SMALL);
    void *beyond = (void *)((uintptr_t)buffer ^ (uintptr_t)1 << 44);
    expect_report(NULL, "foreign pointer: put(%p)", beyond);
    give_back(beyond);
    go_on(SMALL);
}

/* ------------------------------------------------------------ not at its begin */

CASE(put_misaligned_by_1, DEFAULT)
{
    char *buffer = borrow(SMALL);
    expect_report(NULL, "misaligned pointer: put(%p) of tier %u", (void *)(buffer + 1), SMALL_TIER);
    give_back(buffer + 1);
    go_on(SMALL);
}

CASE(put_interior_small, DEFAULT)
{
    char *buffer = borrow(SMALL);
    expect_report(NULL, "interior pointer: put(%p) of tier %u: 256 bytes inside a buffer",
                  (void *)(buffer + 256), SMALL_TIER);
    give_back(buffer + 256);
    go_on(SMALL);
}

CASE(put_interior_large, DEFAULT)
{
    char *buffer = borrow(LARGE);
    expect_report(NULL, "interior pointer: put(%p) of tier %u: 65536 bytes inside a buffer",
                  (void *)(buffer + 65536), LARGE_TIER);
    give_back(buffer + 65536);
    go_on(LARGE);
}

CASE(put_interior_oversized, DEFAULT)
{
    char *buffer = borrow(OVERSIZED);
    expect_report(NULL, "interior pointer: put(%p): 2097152 bytes inside a buffer",
                  (void *)(buffer + 2097152));
    give_back(buffer + 2097152);
    go_on(OVERSIZED);
}
