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
    expect_report(NULL, "double put", "put", buffer, OF_SMALL, "the buffer is already free");
    give_back(buffer);
    go_on(SMALL);
}

CASE(double_put_large, DEFAULT)
{
    void *buffer = borrow(LARGE);
    give_back(buffer);
    expect_report(NULL, "double put", "put", buffer, OF_LARGE, "the buffer is already free");
    give_back(buffer);
    go_on(LARGE);
}

CASE(double_put_oversized, DEFAULT)
{
    void *buffer = borrow(OVERSIZED);
    give_back(buffer);
    expect_report(NULL, "double put", "put", buffer, OF_OVERSIZED, "the buffer is already free");
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
    expect_report("state " ASAN, "double put", "put", buffer, OF_SMALL, "the buffer is already free");
    put_twice_with_others_between(SMALL, buffer);
}

CASE(delayed_double_put_large, "state " ASAN)
{
    void *buffer = borrow(LARGE);
    expect_report("state " ASAN, "double put", "put", buffer, OF_LARGE, "the buffer is already free");
    put_twice_with_others_between(LARGE, buffer);
}

CASE(delayed_double_put_oversized, DEFAULT)
{
    void *buffer = borrow(OVERSIZED);
    expect_report(NULL, "double put", "put", buffer, OF_OVERSIZED, "the buffer is already free");
    put_twice_with_others_between(OVERSIZED, buffer);
}

static void *put_in_thread(void *buffer)
{
    expect_report("state " ASAN, "double put", "put", buffer, OF_SMALL, "the buffer is already free");
    give_back(buffer);
    return NULL;
}

CASE(double_put_across_threads, "state " ASAN)
{
    pthread_t thread;
    void *buffer = borrow(SMALL);

    give_back(buffer);
    if (pthread_create(&thread, NULL, put_in_thread, buffer) == 0)
        pthread_join(thread, NULL);
    go_on(SMALL);
}

/* ------------------------------------------------------------ never borrowed */

CASE(put_of_the_stack, DEFAULT)
{
    _Alignas(64) char on_the_stack[4096];
    give_back(borrow(SMALL));
    expect_report(NULL, "foreign pointer", "put", on_the_stack, ANYWHERE, NULL);
    give_back(on_the_stack);
    go_on(SMALL);
}

/* Memory of the process that no allocator gave. */
CASE(put_of_a_mapping, DEFAULT)
{
    void *mapping = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    give_back(borrow(SMALL));
    expect_report(NULL, "foreign pointer", "put", mapping, ANYWHERE, NULL);
    give_back(mapping);
    go_on(SMALL);
}

CASE(put_of_a_static, DEFAULT)
{
    static _Alignas(64) char not_borrowed[4096];
    give_back(borrow(SMALL));
    expect_report(NULL, "foreign pointer", "put", not_borrowed, ANYWHERE, NULL);
    give_back(not_borrowed);
    go_on(SMALL);
}

CASE(put_of_a_small_integer, DEFAULT)
{
    give_back(borrow(SMALL));
    expect_report(NULL, "foreign pointer", "put", (void *)64, ANYWHERE, NULL);
    give_back((void *)64);
    go_on(SMALL);
}

/* Where the allocator never was: a pool's reservations are 256 GiB in all. */
CASE(put_beyond_the_reservation, DEFAULT)
{
    char *buffer = borrow(SMALL);
    void *beyond = (void *)((uintptr_t)buffer ^ (uintptr_t)1 << 44);
    expect_report(NULL, "foreign pointer", "put", beyond, ANYWHERE, NULL);
    give_back(beyond);
    go_on(SMALL);
}

/* ------------------------------------------------------------ not at its begin */

CASE(put_misaligned_by_1, DEFAULT)
{
    char *buffer = borrow(SMALL);
    expect_report(NULL, "misaligned pointer", "put", buffer + 1, OF_SMALL, NULL);
    give_back(buffer + 1);
    go_on(SMALL);
}

CASE(put_interior_small, DEFAULT)
{
    char *buffer = borrow(SMALL);
    expect_report(NULL, "interior pointer", "put", buffer + 256, OF_SMALL, "256 bytes inside a buffer");
    give_back(buffer + 256);
    go_on(SMALL);
}

CASE(put_interior_large, DEFAULT)
{
    char *buffer = borrow(LARGE);
    expect_report(NULL, "interior pointer", "put", buffer + 65536, OF_LARGE, "65536 bytes inside a buffer");
    give_back(buffer + 65536);
    go_on(LARGE);
}

CASE(put_interior_oversized, DEFAULT)
{
    char *buffer = borrow(OVERSIZED);
    expect_report(NULL, "interior pointer", "put", buffer + 2097152, OF_OVERSIZED,
                  "2097152 bytes inside a buffer");
    give_back(buffer + 2097152);
    go_on(OVERSIZED);
}
