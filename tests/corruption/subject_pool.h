/*
 * subject_pool - for the cases that malloc has no equivalent of.
 */
#ifndef SUBJECT_POOL_H
#define SUBJECT_POOL_H

#include <bufpool.h>

#include "subject.h"

/* The pool that borrow and give_back ask. */
bufpool_t *subject_pool(void);

#endif /* SUBJECT_POOL_H */
