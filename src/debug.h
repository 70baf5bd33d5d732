/*
 * debug - the debug words: what a pool is asked to check, chosen at create.
 *
 * One table, in debug.c, has every word with what it implies and its line of
 * help; parser, `help`, README.md and bufpool/debug.h say the same, and a test
 * compares them.
 */
#ifndef DEBUG_H
#define DEBUG_H

#include "base.h"

enum {
    DEBUG_STATE = 1 << 0,
    DEBUG_TAG = 1 << 1,
    DEBUG_POISON = 1 << 2,
    DEBUG_INTEGRITY = 1 << 3,
    DEBUG_COLD_FIRST = 1 << 4,
    DEBUG_CANARY = 1 << 5,
    DEBUG_GUARD = 1 << 6,
    DEBUG_SCRUB = 1 << 7,
    DEBUG_QUARANTINE = 1 << 8,
    DEBUG_DROP = 1 << 9,
    DEBUG_FAIL = 1 << 10,
    DEBUG_LEAK = 1 << 11,
    DEBUG_SIZES = 1 << 14,
    DEBUG_TOOL = 1 << 12, /* no word: a memory checker watches, see tool.h */
    DEBUG_TRACE = 1 << 13 /* no word: the environment's BUFPOOL_TRACE, see recorder.h */
};

/* What quarantine holds at most; its line of help says so too. */
#define QUARANTINE_BUFFERS 256u
#define QUARANTINE_BYTES ((uint64_t)16 << 20)

struct debug {
    uint32_t words; /* DEBUG_* */
    uint32_t fail;  /* every so many gets one fails */
    uint32_t leak;  /* every so many gets one keeps its backtrace */
};

/*
 * Read words separated by commas; NULL text: those of the environment's
 * BUFPOOL_DEBUG. 0, or -EINVAL with a line on stderr that lists the known ones.
 * The word `help` prints the table on stderr and asks for nothing.
 */
int debug_parse(struct debug *debug, const char *text);

/* Is this a word that debug_parse takes, its number included? Says nothing. */
bool debug_knows(const char *text, size_t length);

#endif /* DEBUG_H */
