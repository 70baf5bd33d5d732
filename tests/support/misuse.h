/*
 * misuse - a handler that remembers what it was told instead of aborting.
 */
#ifndef TEST_MISUSE_H
#define TEST_MISUSE_H

#include <pthread.h>
#include <stdbool.h>

struct misuse_record {
    unsigned calls;
    pthread_t thread; /* of the last call */
    char line[1024];  /* of the last call */
};

/* Have every later misuse of the process written to `record`. */
void misuse_record(struct misuse_record *record);

/*
 * Is the last message one line that names all of this? `tier_size` 0: no tier is
 * asked for.
 */
bool misuse_names(const struct misuse_record *record, const char *pool_name, const char *rule,
                  const void *address, unsigned long tier_size);

#endif /* TEST_MISUSE_H */
