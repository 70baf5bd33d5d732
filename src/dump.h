/*
 * dump - the accounts of one pool, or of all, as a table for people, as JSON,
 * and in Prometheus' text format 0.0.4.
 */
#ifndef DUMP_H
#define DUMP_H

#include <stdio.h>

#include "pool.h"

/* 0, -EINVAL for an unknown format, -EIO when writing failed; dump_all also -ENOMEM. */
int dump_pool(struct bufpool *pool, FILE *out, enum bufpool_format format);
int dump_all(FILE *out, enum bufpool_format format);

#endif /* DUMP_H */
