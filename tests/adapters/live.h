/*
 * live - which sizes a library holds at this moment, of those it has asked the drop-in face for since
 * live_begin. To see what the same would take in a pool of other tiers.
 */
#ifndef ADAPTERS_LIVE_H
#define ADAPTERS_LIVE_H

#include <stddef.h>

#define LIVE_MAX 8192

/* From none, of sizes above `least`. Until then, and after live_end, nothing is noted. */
void live_begin(size_t least);
void live_end(void);

/* What meter_malloc tells; of memory that is not noted nothing happens. */
void live_add(const void *memory, size_t size);
void live_remove(const void *memory);

/* The sizes, in no order; how many. */
size_t live_sizes(size_t sizes[LIVE_MAX]);

#endif /* ADAPTERS_LIVE_H */
