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
    expect_report(NULL, "foreign pointer", "capacity", mapping, ANYWHERE, NULL);
    capacity_of(mapping);
}

CASE(capacity_of_an_interior, DEFAULT)
{
    char *buffer = borrow(SMALL);
    expect_report(NULL, "interior pointer", "capacity", buffer + 256, OF_SMALL, "256 bytes inside a buffer");
    capacity_of(buffer + 256);
}

CASE(resize_of_a_foreign, DEFAULT)
{
    void *mapping = foreign_mapping();
    give_back(borrow(SMALL));
    expect_report(NULL, "foreign pointer", "resize", mapping, ANYWHERE, NULL);
    give_back(resize(mapping, LARGE));
    go_on(SMALL);
}

CASE(resize_of_an_interior, DEFAULT)
{
    char *buffer = borrow(SMALL);
    expect_report(NULL, "interior pointer", "resize", buffer + 256, OF_SMALL, "256 bytes inside a buffer");
    give_back(resize(buffer + 256, LARGE));
    go_on(SMALL);
}

CASE(resize_after_put, "state " ASAN)
{
    void *buffer = borrow(SMALL);
    void *other = borrow(SMALL);

    give_back(buffer);
    give_back(other);
    expect_report("state " ASAN, "resize after put", "resize", buffer, OF_SMALL,
                  "the buffer is already free");
    give_back(resize(buffer, LARGE));
    go_on(SMALL);
}
