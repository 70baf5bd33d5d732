/*
 * leaks - part of every Criterion program of an AddressSanitizer build. Criterion does not
 * ask how a test's process ended once the test was over, and that is when LeakSanitizer
 * speaks. So it is asked before.
 */
#include <sanitizer/lsan_interface.h>
#include <stdlib.h>

/* The linker's --wrap: what Criterion calls a test through. */
void __real_criterion_internal_test_main(void (*test)(void)); // NOLINT
void __wrap_criterion_internal_test_main(void (*test)(void)); // NOLINT

static void (*body)(void);

static void test_and_look(void)
{
    body();
    if (__lsan_do_recoverable_leak_check() != 0)
        abort();
}

void __wrap_criterion_internal_test_main(void (*test)(void)) // NOLINT
{
    body = test;
    __real_criterion_internal_test_main(test_and_look);
}
