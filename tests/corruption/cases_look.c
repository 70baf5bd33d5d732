/*
 * The other calls that are told a buffer: its capacity, and another size for it.
 */
#include <sys/mman.h>

#include "case.h"
#include "subject.h"

static void *foreign_mapping(void)
{
    return mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

CASE(capacity_of_a_foreign, DEFAULT)
{
    void *mapping = foreign_mapping();
    give_back(borrow(SMALL));
    expect_report(NULL, "foreign pointer: capacity(%p)", mapping);
    capacity_of(mapping);
}

CASE(capacity_of_an_interior, DEFAULT)
{
    char *buffer = borrow(SMALL);
    expect_report(NULL, "interior pointer: capacity(%p) of tier %u: 256 bytes inside a buffer",
                  (void *)(buffer + 256), SMALL_TIER);
    capacity_of(buffer + 256);
}

CASE(resize_of_a_foreign, DEFAULT)
{
    void *mapping = foreign_mapping();
    give_back(borrow(SMALL));
    expect_report(NULL, "foreign pointer: resize(%p)", mapping);
    give_back(resize(mapping, LARGE));
    go_on(SMALL);
}

CASE(resize_of_an_interior, DEFAULT)
{
    char *buffer = borrow(SMALL);
    expect_report(NULL, "interior pointer: resize(%p) of tier %u: 256 bytes inside a buffer",
                  (void *)(buffer + 256), SMALL_TIER);
    give_back(resize(buffer + 256, LARGE));
    go_on(SMALL);
}

CASE(resize_after_put, "state " ASAN)
{
    void *buffer = borrow(SMALL);
    void *other = borrow(SMALL);

    give_back(buffer);
    give_back(other);
    expect_report("state", "double put: resize(%p) of tier %u: the buffer is already free", buffer,
                  SMALL_TIER);
    expect_report(ASAN, "double put: resize(%p) of tier %u: the buffer is already free", buffer, SMALL_TIER);
    give_back(resize(buffer, LARGE));
    go_on(SMALL);
}
