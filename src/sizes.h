/*
 * sizes - what a pool with the word `sizes` is asked for, finer than its tiers:
 * how often each size, how many of it are in use, and how many were at the peak.
 *
 * Buckets are 64 bytes wide up to 1 KiB, then sixteen to a doubling. A bucket
 * also keeps the largest size it has seen, as what matters to a tier is whether
 * that fits.
 *
 * All of it is relaxed: numbers, summed up by whoever reads them; at rest they are
 * exact, but for the peak, which is copied when more is in use than at the last
 * copy and a sixteenth of that.
 */
#ifndef SIZES_H
#define SIZES_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base.h"

struct bufpool;

#define SIZES_LINEAR 16u /* buckets up to 1 KiB */
#define SIZES_BUCKETS (SIZES_LINEAR + 16 * 30)

struct sizes_bucket {
    _Atomic uint64_t gets;
    _Atomic uint64_t in_use; /* buffers */
    _Atomic uint64_t at_peak;
    _Atomic uint64_t largest; /* bytes */
};

struct sizes {
    alignas(DESTRUCTIVE_SIZE) _Atomic uint64_t in_use_bytes; /* asked for */
    _Atomic uint64_t peak_bytes;                             /* of them, when `at_peak` was copied */
    _Atomic bool is_copying;                                 /* who sets it copies; the others go on */
    struct sizes_bucket bucket[SIZES_BUCKETS];
};

/* The bucket of a size, and the largest size of a bucket. */
unsigned sizes_bucket(uint64_t size);
uint64_t sizes_most(unsigned bucket);

void sizes_got(struct sizes *sizes, uint64_t size);
void sizes_put(struct sizes *sizes, uint64_t size);
void sizes_resized(struct sizes *sizes, uint64_t before, uint64_t size);

/* What is written, into a copy that is all zeros. */
void sizes_copy(struct sizes *copy, const struct sizes *sizes);

/* A field of the dump as JSON: what stands behind "sizes":. */
void sizes_write(const struct sizes *sizes, FILE *out);

#endif /* SIZES_H */
