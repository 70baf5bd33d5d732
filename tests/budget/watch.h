/*
 * watch - what bufpool_counted counts: read-modify-writes, and stores that are
 * seq_cst, because those cost as much (an exchange on x86).
 */
#ifndef WATCH_H
#define WATCH_H

#include "counted.h"

#define WATCH_LOAD(object) ((void)0)
#define WATCH_STORE(object, order) ((order) == memory_order_seq_cst ? counted_atomic(object) : (void)0)
#define WATCH_CHANGE(object) counted_atomic(object)

#endif /* WATCH_H */
