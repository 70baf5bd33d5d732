/*
 * A caller's bug where no handler is set. CONFORMANCE.md line 41.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <signal.h>
#include <string.h>

#include "misuse.h"
#include "pools.h"
#include "process.h"

/* Each fails when its rule only prints, or goes unnoticed. */
Test(conformance_misuse, line_41_double_put_aborts_by_default, .signal = SIGABRT)
{
    bufpool_t *pool = still_pool();
    void *buffer = bufpool_get(pool, 4096);
    bufpool_put(pool, buffer);
    bufpool_put(pool, buffer);
}

Test(conformance_misuse, line_41_foreign_pointer_aborts_by_default, .signal = SIGABRT)
{
    char on_the_stack[64];
    bufpool_put(still_pool(), on_the_stack);
}

Test(conformance_misuse, line_41_interior_pointer_aborts_by_default, .signal = SIGABRT)
{
    bufpool_t *pool = still_pool();
    bufpool_put(pool, (char *)bufpool_get(pool, 4096) + 64);
}

Test(conformance_misuse, line_41_misaligned_pointer_aborts_by_default, .signal = SIGABRT)
{
    bufpool_t *pool = still_pool();
    bufpool_put(pool, (char *)bufpool_get(pool, 4096) + 1);
}

Test(conformance_misuse, line_41_buffer_of_another_pool_aborts_by_default, .signal = SIGABRT)
{
    bufpool_put(still_pool(), bufpool_get(still_pool(), 4096));
}

Test(conformance_misuse, line_41_put_after_destroy_aborts_by_default, .signal = SIGABRT)
{
    bufpool_t *pool = still_pool();
    void *buffer = bufpool_get(pool, 4096);
    bufpool_put(pool, buffer);
    bufpool_destroy(pool);
    bufpool_put(pool, buffer);
}

static int double_put_with_default_handler(void *arg)
{
    struct misuse_record misuse;
    (void)arg;
    misuse_record(&misuse);
    bufpool_on_misuse(NULL, NULL);
    bufpool_config_t config = still_config();
    config.name = "victim-pool";
    bufpool_t *pool = pool_from(&config);
    void *buffer = bufpool_get(pool, 4096);
    bufpool_put(pool, buffer);
    bufpool_put(pool, buffer);
    return 0;
}

/* Fails when the default says nothing, more than a line, or cannot be restored. */
Test(conformance_misuse, line_41_default_prints_one_line_and_aborts)
{
    struct child_end end = child_run(double_put_with_default_handler, NULL);

    cr_assert(child_died(&end, SIGABRT), "status %#x", (unsigned)end.status);
    cr_assert(eq(uint, count_lines(end.errors), 1), "%s", end.errors);
    cr_assert(strncmp(end.errors, "bufpool: pool 'victim-pool': double put", 39) == 0, "%s", end.errors);
    cr_assert(strstr(end.errors, "tier 4096") != NULL, "%s", end.errors);
}

/* Fails when nobody has set a handler and the program goes on. */
Test(conformance_misuse, what_a_library_above_reports_ends_the_program_by_default, .signal = SIGABRT)
{
    bufpool_report_misuse("above: the end");
}
