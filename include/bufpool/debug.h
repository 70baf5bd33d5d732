/*
 * bufpool/debug.h - the contract of the debug words, as bufpool.h is that of the
 * functions. It declares nothing: the words are a string, bufpool_config_t.debug
 * or, where that is NULL, the environment's BUFPOOL_DEBUG.
 *
 * Words have a pool check its callers, without a rebuild; a pool that asks for
 * nothing pays nothing. They are separated by commas; what is in parentheses
 * comes with a word:
 *
 *   off         nothing; forgets the words before it
 *   help        print this table on stderr; asks for nothing itself
 *   state       know each buffer's state: every double put, resize and capacity after put
 *   tag         name in reports who got the buffer and who put it last (with state)
 *   poison      fill buffers: 0xfb when fresh, 0xdb at put (with state)
 *   integrity   check that fill at the next get: write after put (with state, poison)
 *   cold-first  get what has been idle longest: gives the others time
 *   canary      fill what lies beyond the size asked for, check it at put and resize: overflow (with state)
 *   guard       pages of its own for each buffer, inaccessible behind it and after put: faults (with state)
 *   scrub       overwrite with zeros at put, as BUFPOOL_SCRUB_ON_PUT does
 *   quarantine  keep the last 256 buffers put, at most 16 MiB, from being got again (with state)
 *   drop        refuse one put in four and release its memory: nobody may rely on reuse (with state)
 *   fail=N      fail every Nth get with ENOMEM
 *   leak=N      keep the backtrace of one get in N; destroy and dump tell the survivors (with state)
 *   sizes       count gets and buffers in use by the size asked for: the dump as JSON has them (with state)
 *
 * Every call on a pool with words takes the slow path; the accounts of
 * bufpool_stats hold as ever, and faults are told as bufpool_on_misuse says.
 *
 * A buffer that has overflowed at its put stays borrowed, as nothing suspicious
 * is filed. A write after put is found when the buffer is got again, and not in
 * one whose pages have gone home since.
 *
 * tag         Return addresses are kept, nothing is unwound: in a report they are
 *             object+offset, as addr2line takes them, and the exported symbol.
 * canary      bufpool_capacity is the size asked for, 0 of a get of size 0. Where a
 *             tier holds just the size that was asked for (512, 1024, 4096 ...)
 *             nothing lies beyond, and an overflow is its neighbour's loss: that
 *             is found by guard alone.
 * guard       Every buffer is served, counted and released as an oversized one
 *             is, two system calls each. It ends on a page's end but for its
 *             alignment: what is written into the last 63 bytes behind it is
 *             canary's to find. An address comes back as late as possible. Where
 *             the system has no more mappings to give (vm.max_map_count), or the
 *             address space is used up, the tier serves the get unguarded.
 * scrub       With poison the fill is zeros, and integrity checks for those.
 * quarantine  Buffers kept count as cold; bufpool_trim, or a get that finds no
 *             memory, takes them out. put returns true for them.
 * drop        That put returns false and counts in refused_limit.
 * fail        Counts the pool's gets on all threads; a failed one is counted in
 *             failures.
 * leak        A line for each survivor, 100 at most: on stderr at destroy, and
 *             behind a dump as text. In a signal handler a backtrace is taken too,
 *             which glibc allows from 2.35 on.
 *
 * sizes       Behind the tiers of a dump as JSON: {"sizes":{"in_use_bytes":N,
 *             "peak_bytes":N,"buckets":[{"to":N,"largest":N,"gets":N,"in_use":N,
 *             "at_peak":N}, ...]}}. A bucket is of sizes up to `to`, beyond those of
 *             the one before: 64 bytes wide up to 1 KiB, then 16 to a doubling;
 *             `largest` is the largest size seen in it; in_use and at_peak count
 *             buffers, in_use_bytes and peak_bytes the bytes asked for. The peak is
 *             at most a sixteenth below the true one. Empty buckets are left out. A
 *             resize counts as no get, unless it moves.
 *
 * BUFPOOL_TRACE=FILE in the environment is no word, but works by the same way: it
 * has every pool that is created from then on record its gets, puts and resizes,
 * with sizes, threads and buffers (no addresses, no contents), for bench/advise
 * and for a replay. All pools of a process write to one file, which is emptied
 * first; a forked child to FILE.PID, made when it has something to write, and so
 * does a process that finds FILE being written by another one. The file
 * is whole when the pools are destroyed or the process has exited; a crash loses
 * what threads have not written yet, at most 32 KiB each and pool. The first
 * failure (a full disk, a path that cannot be) is told in one line on stderr, and
 * the program goes on unrecorded. Set-uid programs do not record.
 *
 * A library built with AddressSanitizer, or with BUFPOOL_VALGRIND and running
 * under Valgrind, tells it what nobody may touch: idle buffers, and what lies
 * beyond the size asked for (so bufpool_capacity is that size). There every pool
 * is as if it had `state`, unless it is created with an empty string or `off`.
 */
#ifndef BUFPOOL_DEBUG_H
#define BUFPOOL_DEBUG_H

#endif /* BUFPOOL_DEBUG_H */
