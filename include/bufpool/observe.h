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
 *                       does not tell; then a key for each section
 *   BUFPOOL_PROMETHEUS  one page: HELP and TYPE once a metric, and no series
 *                       twice: pools of the same name differ in the label
 *                       `number`
 *
 * A pool's number is its own while it lives; a later pool may get it. Each
 * pool's accounts are of one moment, not those of different pools. What the
 * debug word `leak` tells is left to bufpool_dump.
 *
 * Objpools, bytebufs, connpools and workpools are in it too, where the process
 * has made any: each kind is a section behind the bufpools, of all that live, each
 * as its own dump writes it but for a number.
 *
 * Returns 0; -EINVAL for an unknown format or a NULL stream; -ENOMEM; -EIO when
 * writing failed. Thread-safe. Creating and destroying pools, thread exit and
 * fork wait while the accounts are summed up, get and put never do; nobody waits
 * while they are written.
 */
BUFPOOL_API int bufpool_dump_all(FILE *out, enum bufpool_format format);

/*
 * Write what there is now, behind the document so far, and end as it began:
 *
 *   BUFPOOL_TEXT        tables, an empty line before each
 *   BUFPOOL_JSON        one value; its key is the section's name
 *   BUFPOOL_PROMETHEUS  metrics that nobody else writes, each with HELP and TYPE once
 *
 * 0, or a negative errno, which ends the document. Called on any thread, several at once, with
 * nothing locked.
 */
typedef int (*bufpool_section_fn)(void *arg, FILE *out, enum bufpool_format format);

/*
 * bufpool_section_add - have every later document of all pools end with a section of your own. For
 * libraries whose pools are not bufpools; those of bufpool's family do it themselves. Like a first pool it
 * looks at BUFPOOL_STATS.
 *
 * It stays for the life of the process: call it once, with a name (lower-case letters) and functions that are
 * not unloaded. Returns 0; -EINVAL without name or function; -ENOSPC where there are 16 already. Thread-safe.
 */
BUFPOOL_API int bufpool_section_add(const char *name, bufpool_section_fn write, void *arg);

/*
 * bufpool_stats_serve - answer at a Unix stream socket from now on: to whoever
 * may open it, with the accounts of all pools. The same as BUFPOOL_STATS=PATH in
 * the environment, which the first pool of a process, of any kind, looks at; in set-uid
 * programs it is ignored, and where it fails a line on stderr says why.
 *
 * A client says `text`, `json` or `prometheus` and a newline, or ends its side
 * (text), and gets one document of bufpool_dump_all and the end. HTTP/1 does too:
 * GET of /metrics (Prometheus), /json or / (text). For example
 *
 *   echo json | nc -UN /run/app.sock
 *   curl --unix-socket /run/app.sock http://localhost/metrics
 *
 * In `path` each %p becomes the process id. The socket's mode is 0600. A stale
 * socket there is replaced, anything else never; the file is removed at exit, if
 * it is still ours. NULL ends it: no client is served any more and the file is
 * gone when that returns 0, which it does also where nothing was served.
 *
 * One thread named "bufpool-stats" with all signals blocked does it; without
 * this call there is none. It keeps up to 16 clients, sends each away after ten
 * seconds, and for one more the one that came first. It holds no lock while it
 * writes. A forked child serves nothing until it calls this itself.
 *
 * Returns 0 or a negative errno with nothing changed: -EBUSY this process serves
 * already; -EEXIST there is something at `path` that is no socket; -EADDRINUSE
 * somebody answers there; -EINVAL an empty path; -ENAMETOOLONG above 107 bytes;
 * -EAGAIN no thread to be had; -ENOMEM; or what the system says of the path.
 * Thread-safe. May block: the system's calls, the end of a document under way.
 */
BUFPOOL_API int bufpool_stats_serve(const char *path);

#ifdef __cplusplus
}
#endif

#endif /* BUFPOOL_OBSERVE_H */
