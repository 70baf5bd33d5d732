/*
 * sections - what other libraries add to a document of all pools: bufpool/observe.h has the contract. The
 * core knows their names and whom to call, and nothing of what they are.
 */
#ifndef SECTIONS_H
#define SECTIONS_H

#include <bufpool/observe.h>

#include "base.h"

#define SECTIONS_MAX 16u

/* 0, or -ENOSPC. Lock-free. */
int sections_add(const char *name, bufpool_section_fn write, void *arg);

/* All of them, each begun as the format wants it. 0, or the first error of one. */
int sections_write(FILE *out, enum bufpool_format format);

#endif /* SECTIONS_H */
