/*
 * until - wait for what must come, however long a busy machine takes; where it does not come, say what.
 */
#ifndef TEST_UNTIL_H
#define TEST_UNTIL_H

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* Far more than anything here takes: who waits for longer waits for ever. */
#define UNTIL_S 100

static inline time_t until_end(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec + UNTIL_S;
}

static inline void until_pause(time_t end, const char *condition, const char *file, int line)
{
    struct timespec pause = {.tv_nsec = 500000};

    if (until_end() - UNTIL_S >= end) {
        fprintf(stderr, "%s:%d: does not come: %s\n", file, line, condition);
        abort();
    }
    nanosleep(&pause, NULL);
}

#define WAIT_UNTIL(condition)                                                                                \
    for (time_t until = until_end(); !(condition);)                                                          \
    until_pause(until, #condition, __FILE__, __LINE__)

#endif /* TEST_UNTIL_H */
