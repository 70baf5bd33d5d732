/*
 * check.h: what is relied on.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <signal.h>
#include <string.h>

#include "check.h"
#include "process.h"

static int break_invariant(void *arg)
{
    INVARIANT(arg != NULL);
    return 0;
}

/* Fails when a broken invariant goes on, names nothing, or one that holds does not. */
Test(unit_check, broken_invariant_names_itself_and_aborts)
{
    struct child_end end = child_run(break_invariant, NULL);
    cr_assert(child_died(&end, SIGABRT));
    cr_assert(strstr(end.errors, "bufpool: broken invariant: arg != NULL (check.c:") == end.errors);
    end = child_run(break_invariant, &end);
    cr_assert(child_exited(&end, 0));
}
