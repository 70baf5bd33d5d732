/*
 * reading - a recording as bench/trace.h reads it, for tests: its header does not
 * go together with those of tests/support.
 */
#ifndef TEST_READING_H
#define TEST_READING_H

#include <stddef.h>
#include <stdint.h>

struct told {
    unsigned thread;
    unsigned pool;
    char operation; /* 'g', 'p', 'r' */
    size_t size;    /* asked for; of a put, what the buffer was last asked for */
    uint32_t slot;
};

struct reading {
    struct told *event;
    size_t count;
    unsigned threads, pools;
    char name[2][32]; /* of the first two pools */
    size_t tiers[2];
    uint64_t cut_bytes, added, left_out;
};

/* Ends the process with status 1 and a line where the file is none. */
void reading_load(struct reading *reading, const char *path);
void reading_free(struct reading *reading);

#endif /* TEST_READING_H */
