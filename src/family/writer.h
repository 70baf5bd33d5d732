/*
 * writer - a struct of numbers and histograms as a table for people, as JSON, or for Prometheus, by a table
 * of what it has.
 */
#ifndef FAMILY_WRITER_H
#define FAMILY_WRITER_H

#include <bufpool.h>
#include <stdio.h>

#include "histogram.h"

/* A uint64_t of the struct. */
struct writer_number {
    const char *name;
    size_t offset;
    bool is_counter; /* it only grows */
    const char *help;
    /* For Prometheus, where several in a row are one metric: its name, and which of it this is, as
     * NAME="VALUE". NULL: it is a metric by itself. */
    const char *metric, *label;
};

/* HISTOGRAM_BUCKETS of them, and the sum of the times in nanoseconds. */
struct writer_histogram {
    const char *name;
    size_t buckets, sum_ns;
    const char *help;
};

struct writer {
    const char *kind; /* "workpool": what the pool is, and the first word of all metrics */
    const struct writer_number *numbers;
    size_t numbers_count;
    const struct writer_histogram *histograms;
    size_t histograms_count;
};

/*
 * The rows of a member's tables. Before them WRITER_STATS is defined as the struct's type; a histogram is its
 * fields NAME_histogram and NAME_ns.
 */
#define WRITER_NUMBER(name, is_counter, help, metric, label)                                                 \
    {                                                                                                        \
#name, offsetof(WRITER_STATS, name), is_counter, help, metric, label                                 \
    }
#define WRITER_GAUGE(name, help) WRITER_NUMBER(name, false, help, NULL, NULL)
#define WRITER_COUNTER(name, help) WRITER_NUMBER(name, true, help, NULL, NULL)
#define WRITER_HISTOGRAM(name, help)                                                                         \
    {                                                                                                        \
#name, offsetof(WRITER_STATS, name##_histogram), offsetof(WRITER_STATS, name##_ns), help             \
    }
#define WRITER_COUNT(rows) (sizeof(rows) / sizeof(rows)[0])

/* 0; -EINVAL for an unknown format or a NULL stream; -EIO when writing failed. */
int writer_write(const struct writer *writer, const char *name, const void *values, FILE *out,
                 enum bufpool_format format);

/* A pool, and its struct of numbers. */
struct writer_subject {
    const char *name;
    uint32_t number; /* unlike its name, no other living pool's of the kind */
    const void *values;
};

/* What bufpool/observe.h asks of a section: all pools of a kind, their numbers with them. */
void writer_write_section(const struct writer *writer, const struct writer_subject *subjects, size_t count,
                          FILE *out, enum bufpool_format format);

#endif /* FAMILY_WRITER_H */
