/*
 * storms - what holds whatever many threads do at once: properties for two drivers, Criterion and, for
 * ThreadSanitizer, a plain main.
 */
#ifndef CONNPOOL_STORMS_H
#define CONNPOOL_STORMS_H

#include <stdbool.h>

/* Each returns true or has said on stderr why not; the name is that of the source and its test. */
#define STORMS(DO)                                                                                           \
    DO(smartconnpool_TestStackRace)                                                                          \
    DO(smartconnpool_TestStress)                                                                             \
    DO(smartconnpool_TestGetSpike)                                                                           \
    DO(smartconnpool_TestCloseDuringWaitForConn)                                                             \
    DO(smartconnpool_TestStressCloseDuringTraffic)                                                           \
    DO(commons_keyed_testMaxActivePerKeyExceeded)                                                            \
    DO(commons_pool_testConcurrentBorrowAndEvict)                                                            \
    DO(commons_abandoned_testConcurrentInvalidation)                                                         \
    DO(hikaricp_testPoolSizeAboutSameSizeAsThreadCount)                                                      \
    DO(fatih_TestPoolConcurrent3)

#define STORM_DECLARE(name) bool name(void);
STORMS(STORM_DECLARE)

#endif /* CONNPOOL_STORMS_H */
