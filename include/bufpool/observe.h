/*
 * bufpool/observe.h - see what all pools of a process do: in one document, or
 * from outside, over a socket that the process opts into. One pool's accounts
 * are bufpool_stats and bufpool_dump.
 */
#ifndef BUFPOOL_OBSERVE_H
#define BUFPOOL_OBSERVE_H

#include <bufpool.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * bufpool_dump_all - write the accounts of all living pools of the process.
 *
 *   BUFPOOL_TEXT        a line with the process id, its resident memory and the
 *                       number of pools, then each pool's table
 *   BUFPOOL_JSON        {"pid":N,"rss_bytes":N,"pools":[...]}, each pool as
 *                       bufpool_dump writes it; rss_bytes is null where /proc
 *                       does not tell
 *   BUFPOOL_PROMETHEUS  one page: HELP and TYPE once a metric, and no series
 *                       twice: pools of the same name differ in the label
 *                       `number`
 *
 * A pool's number is its own while it lives; a later pool may get it. Each
 * pool's accounts are of one moment, not those of different pools. What the
 * debug word `leak` tells is left to bufpool_dump.
 *
 * Returns 0; -EINVAL for an unknown format or a NULL stream; -ENOMEM; -EIO when
 * writing failed. Thread-safe. Creating and destroying pools, thread exit and
 * fork wait while the accounts are summed up, get and put never do; nobody waits
 * while they are written.
 */
BUFPOOL_API int bufpool_dump_all(FILE *out, enum bufpool_format format);

#ifdef __cplusplus
}
#endif

#endif /* BUFPOOL_OBSERVE_H */
