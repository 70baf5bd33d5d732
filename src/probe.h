/*
 * probe - static probes (USDT) on slow paths, for bpftrace, perf, SystemTap and
 * gdb. Where the build has BUFPOOL_PROBES each is one nop, and a note in the ELF
 * file that says where its arguments lie; else it is nothing at all. A hit has
 * none. Arguments are what the path has in hand: a refill costs two instructions
 * more of 270, a flush three of 110 (gcc 12; with clang 14 nine and three).
 *
 * The first argument is always the pool's name. It is also the pool's address: a
 * number that tells two pools of one name apart. A tier is told by its nominal
 * size. tests/observe/probes holds this list, bench/probes.bt shows it at work.
 *
 *   refill         name, tier, buffers, place   a bin got them, one of them for the caller; place: 0 shared,
 *                                               1 victims, 2 cold
 *   steal          name, tier, buffers, home, shard   they came from another CPU's shard
 *   flush          name, tier, buffers          a bin's oldest go to the depot
 *   refuse         name, tier, bytes            a put said false; tier 0: oversized
 *   collect_begin  name, trim                   trim: 0 a collection, 1 a trim
 *   collect_end    name, trim, bytes            given back to the system
 *   purge          name, tier, bytes            that part of it
 *   misuse         name, rule, call, address, tier   rule and call as the report words them; tier 0: none
 */
#ifndef PROBE_H
#define PROBE_H

#include "pool.h"

#ifdef BUFPOOL_PROBES
#ifdef __clang__
#define STAP_SDT_ARG_CONSTRAINT nr /* where an argument may lie in memory, clang stores it there first */
#endif
#include <sys/sdt.h>
#define PROBE2(name, a, b) STAP_PROBE2(bufpool, name, a, b)
#define PROBE3(name, a, b, c) STAP_PROBE3(bufpool, name, a, b, c)
#define PROBE4(name, a, b, c, d) STAP_PROBE4(bufpool, name, a, b, c, d)
#define PROBE5(name, a, b, c, d, e) STAP_PROBE5(bufpool, name, a, b, c, d, e)
#else
/* Arguments are named and not evaluated. */
#define PROBE2(name, a, b) ((void)sizeof(a), (void)sizeof(b))
#define PROBE3(name, a, b, c) ((void)sizeof(a), PROBE2(name, b, c))
#define PROBE4(name, a, b, c, d) ((void)sizeof(a), PROBE3(name, b, c, d))
#define PROBE5(name, a, b, c, d, e) ((void)sizeof(a), PROBE4(name, b, c, d, e))
#endif

static ALWAYS_INLINE void probe_refill(const struct bufpool *pool, unsigned tier, unsigned buffers,
                                       enum place place)
{
    PROBE4(refill, pool->name, pool->tiers.tier[tier].size, buffers, place - PLACE_SHARED);
}

static ALWAYS_INLINE void probe_steal(const struct bufpool *pool, unsigned tier,
                                      const struct magazine *magazine, unsigned home, unsigned shard)
{
    PROBE5(steal, pool->name, pool->tiers.tier[tier].size, magazine_count(magazine), home, shard);
}

static ALWAYS_INLINE void probe_flush(const struct bufpool *pool, unsigned tier, unsigned buffers)
{
    PROBE3(flush, pool->name, pool->tiers.tier[tier].size, buffers);
}

static ALWAYS_INLINE void probe_refuse(const struct bufpool *pool, uint64_t tier_size, uint64_t bytes)
{
    PROBE3(refuse, pool->name, tier_size, bytes);
}

/* As wide as a register that tracers have a name for: gdb knows none of the compiler's for the low bytes of
 * r8 to r15. */
static ALWAYS_INLINE void probe_collect_begin(const struct bufpool *pool, bool is_trim)
{
    PROBE2(collect_begin, pool->name, (unsigned)is_trim);
}

static ALWAYS_INLINE void probe_collect_end(const struct bufpool *pool, bool is_trim, uint64_t bytes)
{
    PROBE3(collect_end, pool->name, (unsigned)is_trim, bytes);
}

static ALWAYS_INLINE void probe_purge(const struct bufpool *pool, unsigned tier, uint64_t bytes)
{
    PROBE3(purge, pool->name, pool->tiers.tier[tier].size, bytes);
}

static ALWAYS_INLINE void probe_misuse(const char *rule, const struct misuse_site *site)
{
    PROBE5(misuse, site->pool, rule, site->call, site->address, site->tier_size);
}

#endif /* PROBE_H */
