/*
 * harness - what every file of the benchmark may use: attributes, the way to
 * fail, memory that is not the peer's, and the one output format.
 */
#ifndef HARNESS_H
#define HARNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ALWAYS_INLINE inline __attribute__((always_inline))
#define NOINLINE __attribute__((noinline))
#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

/* Two lines of 64 bytes: prefetchers fetch them in pairs. */
#define DESTRUCTIVE_SIZE 128

#define PAGE_SIZE ((size_t)4096)
#define MIB 1048576.0

struct peer;

/* What a child process is told on its command line; main.c fills it. */
struct options {
    const struct peer *peer;
    size_t size;         /* bytes of a buffer: pair, batch, handoff */
    unsigned threads;    /* pair, mix, crowd, falseshare, scale */
    unsigned count;      /* batch: buffers got before the first is put */
    bool lifo;           /* batch: put the last one got first */
    bool scratch;        /* falseshare: start with buffers that another thread got */
    unsigned producers;  /* handoff: threads that get */
    unsigned consumers;  /* handoff: threads that put */
    unsigned warmup_ms;  /* not measured, before each sample */
    unsigned sample_ms;  /* measured at least */
    unsigned round;      /* of the driver; goes into the samples */
    unsigned keep_every; /* burst: every so many-th buffer stays in use; 0: none */
    unsigned asleep_s;   /* burst, replay --memory: seconds watched after the last put */
    unsigned period_ms;  /* breathing: from one breath to the next */
    bool latency;        /* crowd: of single operations instead of throughput */
    bool memory;         /* mix, handoff, replay: resident pages instead of time */
    bool verify;         /* replay: stamp and check every byte instead of time */
    bool counts;       /* replay: what the pool has counted in a pass, and resident pages, instead of time */
    const char *tiers; /* replay on bufpool-advised: its tiers, as tier_list_parse takes them */
    const char *curve; /* crowd, burst: file for the points of a plot; NULL: none */
    const char *path;  /* replay: the trace; report: the samples */
};

/* Print one line on stderr, "bufpool-bench: ...", and end the process with status 1. */
_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2), cold));

/*
 * Zeroed pages straight from the system, for the harness's own tables: they
 * never lie in the heap that is measured. `touched`: resident at once, so that
 * they do not count as growth later. Never returns NULL.
 */
void *harness_map(size_t bytes, bool touched);
void harness_unmap(void *memory, size_t bytes);

/*
 * Print one sample as a CSV line on stdout:
 * workload,case,peer,metric,unit,round,value. No field may hold a comma.
 */
void sample_print(const struct options *options, const char *workload, const char *variant,
                  const char *metric, const char *unit, double value);

/* "512", "4K", "1M": a size as the tables name it. Returns `text`. */
const char *size_text(char text[24], size_t size);

/*
 * One step of waiting for another thread: a few pauses first, then the CPU is
 * offered to others, which on a machine with fewer CPUs than threads are the
 * ones waited for. `*steps` starts at 0.
 */
static inline void wait_step(unsigned *steps);

/* ------------------------------------------------------------ inline parts */

#include <sched.h>

static inline void cpu_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#else
    __asm__ volatile("" ::: "memory");
#endif
}

static inline void wait_step(unsigned *steps)
{
    if (++*steps % 64 != 0)
        cpu_pause();
    else
        sched_yield();
}

#endif /* HARNESS_H */
