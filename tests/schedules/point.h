/*
 * point - where the explorer may let another thread go on. All that the library
 * of bufpool_scheduled knows of it.
 */
#ifndef POINT_H
#define POINT_H

#include <stdbool.h>

/* Before an access to `word`; `site` is a literal that says where. Returns when it is the caller's turn. */
void schedule_point(const volatile void *word, const char *site, bool writes);

#endif /* POINT_H */
