/*
 * recorder - what a pool was asked, for a replay: every get, put and resize, with
 * its size, its thread and its buffer, into the file of BUFPOOL_TRACE.
 *
 * A thread writes to a tape of its own, which goes to the file when it is full,
 * when its oldest event is a second old and another one comes, when the thread
 * ends, when the pool is destroyed, and when the process exits. A crash loses
 * what is on tapes, at most 32 KiB a thread and pool.
 *
 * A get is numbered after it has its buffer, a put before it files it, a resize
 * before it files the old one: so by number a buffer's put stands before its next
 * get, whatever threads they are on.
 *
 * A tape is held while it is written to. Nobody waits for it: who finds it held
 * (a signal handler that interrupted its thread; a thread while the tape is
 * flushed for it) appends a block of one event by itself.
 */
#ifndef RECORDER_H
#define RECORDER_H

#include "table.h"

struct bufpool;
struct record;

struct recorder {
    uint32_t pool;              /* its number in the file */
    _Atomic bool is_introduced; /* the file says what pool that is. relaxed: once is all that matters */
    struct table tapes;
    struct stack free;
};

/* Of a pool that is recorded: the word DEBUG_TRACE. */
void recorder_begin(struct bufpool *pool);
void recorder_end(struct bufpool *pool);
void recorder_after_fork(struct recorder *recorder);

/* The thread gives its record up. For any pool. */
void recorder_leave(struct bufpool *pool, struct record *record);

/* Nothing, for a pool that is not recorded. */
void recorder_got(struct bufpool *pool, const void *buffer, size_t size);
void recorder_puts(struct bufpool *pool, const void *buffer);
/* `from` is `to` where it stays; else both are in use, and `from` is put next. */
void recorder_resized(struct bufpool *pool, const void *from, const void *to, size_t size);

#endif /* RECORDER_H */
