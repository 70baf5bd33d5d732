/*
 * dump - the accounts as a table for people, as JSON, and in Prometheus' text
 * format 0.0.4.
 */
#ifndef DUMP_H
#define DUMP_H

#include <stdio.h>

#include "pool.h"

/* 0, -EINVAL for an unknown format, -EIO when writing failed. */
int dump_write(struct bufpool *pool, FILE *out, enum bufpool_format format);

#endif /* DUMP_H */
