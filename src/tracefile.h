/*
 * tracefile - the file that the environment's BUFPOOL_TRACE names, one for all
 * pools of the process. bench/traces/README.md has the format, version 2: blocks,
 * each appended by one write, in whatever order threads come to it.
 *
 * Recording never gets in the way: the first thing that fails is told in one
 * line on stderr, and from then on nothing is recorded. A set-uid program does
 * not record.
 */
#ifndef TRACEFILE_H
#define TRACEFILE_H

#include "base.h"

enum tracefile_kind { TRACEFILE_EVENTS, TRACEFILE_POOL, TRACEFILE_POOL_ENDS };

/* What stands in front of a block's bytes; filled in by tracefile_append. Little-endian, as the machine is.
 */
struct tracefile_head {
    uint8_t magic[4]; /* "BPT1" */
    uint16_t version; /* 2 */
    uint16_t kind;    /* enum tracefile_kind */
    uint32_t length;  /* bytes behind this */
    uint32_t check;   /* their FNV-1a */
};

/*
 * Is there a file to record to? Opens it, emptied, at the first call that finds
 * one asked for. Under the registry's lock.
 */
bool tracefile_is_asked(void);

/* Write a block: `length` bytes, which lie behind `head`. For a signal handler too; keeps errno. */
void tracefile_append(enum tracefile_kind kind, struct tracefile_head *head, size_t length);

/*
 * The next event's number. No two have the same, all occur, and of two events of
 * which one happens before the other, it has the smaller one.
 */
uint64_t tracefile_number(void);

/* In a forked child: its own file, PATH.PID, made when it first writes; and numbers from 0. */
void tracefile_after_fork(void);

#endif /* TRACEFILE_H */
