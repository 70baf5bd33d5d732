/*
 * thread - how a thread comes to a record of a pool, and what becomes of it when
 * the thread ends.
 */
#ifndef THREAD_H
#define THREAD_H

#include "pool.h"

/* This thread's record of a living pool, or NULL where it has none. Makes it the last one. */
struct record *thread_record(struct bufpool *pool);

/*
 * The same, made at the thread's first call; NULL where it can have none:
 * memory is out, or its TLS destructors have run. Uses libc.
 */
struct record *thread_attach(struct bufpool *pool);

/* In a forked child: the one thread there is has no records. */
void thread_after_fork(void);

/* Make the destructor that gives the caches of a thread back; once a process, under the registry's lock. */
int thread_init(void);

#endif /* THREAD_H */
