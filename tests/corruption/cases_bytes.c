/*
 * Bytes that are not, or no longer, the borrower's: behind the end, after the
 * put. Found at once where the address faults, else when the allocator next
 * looks: at the put, or at the get that hands the bytes out again.
 */
#include "case.h"
#include "subject.h"

/* ------------------------------------------------------------ oversized: the system itself says no */

CASE(write_after_put_oversized, DEFAULT)
{
    char *buffer = borrow(OVERSIZED);
    write_byte(buffer, 1);
    give_back(buffer);
    expect_fault(NULL);
    write_byte(buffer, 2);
    go_on(OVERSIZED);
}

CASE(read_after_put_oversized, DEFAULT)
{
    char *buffer = borrow(OVERSIZED);
    write_byte(buffer, 1);
    give_back(buffer);
    expect_fault(NULL);
    read_byte(buffer);
    go_on(OVERSIZED);
}

CASE(overflow_by_a_page_oversized, DEFAULT)
{
    char *buffer = borrow(OVERSIZED);
    void *neighbour = borrow(OVERSIZED);

    expect_fault(NULL);
    for (size_t at = OVERSIZED; at < OVERSIZED + 4096; at++)
        write_byte(buffer + at, 1);
    give_back(buffer);
    give_back(neighbour);
    go_on(OVERSIZED);
}

/* ------------------------------------------------------------ behind the end */

/* With a neighbour on either side, so that there is something to overflow into. */
static void overflow(size_t size, const char *place, size_t bytes, const char *detail)
{
    char *before = borrow(size);
    char *buffer = borrow(size);
    char *behind = borrow(size);

    expect_report("canary", "overflow", "put", buffer, place, detail);
    expect_asan("use-after-poison");
    for (size_t i = 0; i < bytes; i++)
        write_byte(buffer + size + i, 0x41);
    give_back(buffer);
    give_back(before);
    give_back(behind);
    go_on(size);
}

CASE(overflow_by_1_small, "canary " ASAN)
{
    overflow(SMALL, OF_SMALL, 1, "byte 1000 is written, 1000 were asked for");
}

CASE(overflow_by_8_small, "canary " ASAN)
{
    overflow(SMALL, OF_SMALL, 8, "byte 1000 is written, 1000 were asked for");
}

CASE(overflow_by_1_large, "canary " ASAN)
{
    overflow(LARGE, OF_LARGE, 1, "byte 100000 is written, 100000 were asked for");
}

CASE(overflow_by_8_large, "canary " ASAN)
{
    overflow(LARGE, OF_LARGE, 8, "byte 100000 is written, 100000 were asked for");
}

/* Nothing was asked for, so not even one byte is the borrower's. */
CASE(use_of_a_get_of_0, "canary guard " ASAN)
{
    char *buffer = borrow(0);

    expect_report("canary", "overflow", "put", buffer, OF_SMALLEST, "byte 0 is written, 0 were asked for");
    expect_fault("guard");
    expect_asan("use-after-poison");
    write_byte(buffer, 0x41);
    give_back(buffer);
    go_on(0);
}

/* ------------------------------------------------------------ after the put */

static void write_after_put(size_t size, const char *place, const char *detail)
{
    char *buffer = borrow(size);

    give_back(buffer);
    expect_report("integrity", "write after put", "get", buffer, place, detail);
    expect_fault("guard");
    expect_asan("use-after-poison");
    write_byte(buffer + size / 2, 0x41);
    go_on(size);
}

CASE(write_after_put_small, "integrity guard " ASAN)
{
    write_after_put(SMALL, OF_SMALL, "byte 500 is 0x41, the put left 0xdb");
}

CASE(write_after_put_large, "integrity guard " ASAN)
{
    write_after_put(LARGE, OF_LARGE, "byte 50000 is 0x41, the put left 0xdb");
}

/* With others put and got in between: it is no longer the newest. */
CASE(write_after_put_delayed, "integrity guard " ASAN)
{
    char *buffer = borrow(SMALL);
    char *others[4];

    for (int i = 0; i < 4; i++)
        others[i] = borrow(SMALL);
    give_back(buffer);
    for (int i = 0; i < 4; i++)
        give_back(others[i]);
    give_back(borrow(SMALL));
    expect_report("integrity", "write after put", "get", buffer, OF_SMALL,
                  "byte 500 is 0x41, the put left 0xdb");
    expect_fault("guard");
    expect_asan("use-after-poison");
    write_byte(buffer + SMALL / 2, 0x41);
    go_on(SMALL);
}

static void read_after_put(size_t size)
{
    char *buffer = borrow(size);

    write_byte(buffer + size / 2, 0x41);
    give_back(buffer);
    expect_fault("guard");
    expect_asan("use-after-poison");
    read_byte(buffer + size / 2);
    go_on(size);
}

CASE(read_after_put_small, "guard " ASAN)
{
    read_after_put(SMALL);
}

CASE(read_after_put_large, "guard " ASAN)
{
    read_after_put(LARGE);
}

/* Not corruption, but not to be silent either: told at destroy, or by LeakSanitizer at the end. */
CASE(leak, DEFAULT)
{
    expect_line("destroyed with 1 buffers of tier 1024 still out");
    write_byte(borrow(SMALL), 1);
}
