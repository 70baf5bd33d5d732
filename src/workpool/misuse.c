#include "misuse.h"

#include <stdio.h>
#include <unistd.h>

void misuse(const struct workpool *pool, const char *what)
{
    char line[192];

    snprintf(line, sizeof line, "workpool: pool '%s': %s, thread %ld", pool->name, what, (long)gettid());
    bufpool_report_misuse(line);
}
