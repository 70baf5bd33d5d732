/*
 * words - pools with debug words, and what their reports must say to the letter.
 */
#ifndef TEST_WORDS_H
#define TEST_WORDS_H

#include <bufpool.h>

#include "misuse.h"

/* A size of a tier below a page, of one of many pages, and one that no tier has. */
#define SMALL ((size_t)500)
#define LARGE ((size_t)200 << 10)
#define OVERSIZED ((size_t)3 << 20)

/* A pool "armoured" with these words and no others, collected only by the test. */
bufpool_t *pool_with(const char *words);

/*
 * Is the last message
 *   bufpool: pool 'armoured': RULE: CALL(ADDRESS) of TIER AND BUFFER, thread THREAD DETAIL
 * of this thread? NULL, or what differs. `detail` begins with its colon or is "".
 */
const char *report_differs(const struct misuse_record *record, const char *rule, const char *call,
                           const void *address, size_t size, const char *detail);

#define assert_report(record, rule, call, address, size, detail)                                             \
    do {                                                                                                     \
        const char *differs = report_differs(record, rule, call, address, size, detail);                     \
        cr_assert(differs == NULL, "%s", differs);                                                           \
    } while (0)

#endif /* TEST_WORDS_H */
