/*
 * name - what a pool is called: one line of UTF-8, whatever the caller gave.
 * Reports, tables, JSON and Prometheus pages all print it as it is.
 */
#ifndef NAME_H
#define NAME_H

#include "base.h"

/*
 * Copy whole characters of `from` as far as they fit in `size` bytes, the end
 * included. Control characters, and bytes that are no UTF-8, become '?'.
 */
void name_copy(char *to, size_t size, const char *from);

#endif /* NAME_H */
