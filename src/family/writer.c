#include "writer.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* What is written: of which pools, and what they have. */
struct page {
    const struct writer *writer;
    const struct writer_subject *subjects;
    size_t count;
    bool is_numbered; /* there may be others of the same name */
    FILE *out;
};

static const uint64_t *numbers_at(const struct writer_subject *subject, size_t offset)
{
    return (const uint64_t *)(const void *)((const char *)subject->values + offset);
}

/* A pool's name as a JSON string or a Prometheus label: both escape these. */
static void write_name(FILE *out, const char *name)
{
    putc('"', out);
    for (const char *at = name; *at != '\0'; at++) {
        if (*at == '"' || *at == '\\')
            putc('\\', out);
        putc(*at, out);
    }
    putc('"', out);
}

/* ------------------------------------------------------------ text */

static void write_time(FILE *out, double us)
{
    if (us >= 1e6)
        fprintf(out, " %9.3g s ", us / 1e6);
    else if (us >= 1e3)
        fprintf(out, " %9.3g ms", us / 1e3);
    else
        fprintf(out, " %9.3g us", us);
}

static void write_times(const struct page *page, const struct writer_subject *subject,
                        const struct writer_histogram *histogram)
{
    static const unsigned thousandths[] = {500, 990, 999, 1000};
    const uint64_t *buckets = numbers_at(subject, histogram->buckets);
    uint64_t count = histogram_count(buckets);

    fprintf(page->out, "%20s %12" PRIu64, histogram->name, count);
    write_time(page->out,
               count == 0 ? 0 : (double)*numbers_at(subject, histogram->sum_ns) / 1000 / (double)count);
    for (size_t i = 0; i < sizeof thousandths / sizeof thousandths[0]; i++)
        write_time(page->out, (double)histogram_bound(buckets, thousandths[i]));
    putc('\n', page->out);
}

static void write_text(const struct page *page, const struct writer_subject *subject)
{
    const struct writer *writer = page->writer;

    fprintf(page->out, "%s '%s'", writer->kind, subject->name);
    if (page->is_numbered)
        fprintf(page->out, " #%" PRIu32, subject->number);
    putc('\n', page->out);
    for (size_t i = 0; i < writer->numbers_count; i++)
        fprintf(page->out, "%20s %12" PRIu64 "\n", writer->numbers[i].name,
                *numbers_at(subject, writer->numbers[i].offset));
    if (writer->histograms_count == 0)
        return;
    fprintf(page->out, "%20s %12s %12s %12s %12s %12s %12s\n", "times", "count", "mean", "half below",
            "99% below", "99.9% below", "all below");
    for (size_t i = 0; i < writer->histograms_count; i++)
        write_times(page, subject, &writer->histograms[i]);
}

/* ------------------------------------------------------------ JSON */

static void write_json_histogram(const struct page *page, const struct writer_subject *subject,
                                 const struct writer_histogram *histogram)
{
    const uint64_t *buckets = numbers_at(subject, histogram->buckets);

    fprintf(page->out, ",\"%s_ns\":%" PRIu64 ",\"%s_histogram\":[", histogram->name,
            *numbers_at(subject, histogram->sum_ns), histogram->name);
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
        fprintf(page->out, "%s%" PRIu64, i == 0 ? "" : ",", buckets[i]);
    putc(']', page->out);
}

static void write_json(const struct page *page, const struct writer_subject *subject)
{
    const struct writer *writer = page->writer;

    fprintf(page->out, "{\"%s\":", writer->kind);
    write_name(page->out, subject->name);
    if (page->is_numbered)
        fprintf(page->out, ",\"number\":%" PRIu32, subject->number);
    for (size_t i = 0; i < writer->numbers_count; i++)
        fprintf(page->out, ",\"%s\":%" PRIu64, writer->numbers[i].name,
                *numbers_at(subject, writer->numbers[i].offset));
    for (size_t i = 0; i < writer->histograms_count; i++)
        write_json_histogram(page, subject, &writer->histograms[i]);
    putc('}', page->out);
}

/* ------------------------------------------------------------ Prometheus */

static void write_head(const struct page *page, const char *name, const char *suffix, const char *help,
                       const char *type)
{
    const char *kind = page->writer->kind;
    fprintf(page->out, "# HELP %s_%s%s %s\n# TYPE %s_%s%s %s\n", kind, name, suffix, help, kind, name, suffix,
            type);
}

/* "KIND_NAMESUFFIX{pool="NAME": what a sample begins with. */
static void write_label(const struct page *page, const struct writer_subject *subject, const char *name,
                        const char *suffix)
{
    fprintf(page->out, "%s_%s%s{pool=", page->writer->kind, name, suffix);
    write_name(page->out, subject->name);
    if (page->is_numbered)
        fprintf(page->out, ",number=\"%" PRIu32 "\"", subject->number);
}

static void write_buckets(const struct page *page, const struct writer_subject *subject,
                          const struct writer_histogram *histogram)
{
    const uint64_t *buckets = numbers_at(subject, histogram->buckets);
    uint64_t below = 0;

    for (unsigned i = 0; i < HISTOGRAM_BUCKETS - 1; i++) {
        below += buckets[i];
        write_label(page, subject, histogram->name, "_seconds_bucket");
        fprintf(page->out, ",le=\"%.10g\"} %" PRIu64 "\n", (double)(UINT64_C(1) << i) / 1e6, below);
    }
    below += buckets[HISTOGRAM_BUCKETS - 1];
    write_label(page, subject, histogram->name, "_seconds_bucket");
    fprintf(page->out, ",le=\"+Inf\"} %" PRIu64 "\n", below);
    write_label(page, subject, histogram->name, "_seconds_sum");
    fprintf(page->out, "} %.9f\n", (double)*numbers_at(subject, histogram->sum_ns) / 1e9);
    write_label(page, subject, histogram->name, "_seconds_count");
    fprintf(page->out, "} %" PRIu64 "\n", below);
}

/* Of all pools: the samples of a metric stand together. */
static void write_samples(const struct page *page, const struct writer_number *number, const char *metric,
                          const char *suffix)
{
    for (size_t i = 0; i < page->count; i++) {
        const struct writer_subject *subject = &page->subjects[i];
        write_label(page, subject, metric, suffix);
        if (number->label != NULL)
            fprintf(page->out, ",%s", number->label);
        fprintf(page->out, "} %" PRIu64 "\n", *numbers_at(subject, number->offset));
    }
}

static void write_prometheus(const struct page *page)
{
    const struct writer *writer = page->writer;
    const char *before = "";

    for (size_t i = 0; i < writer->numbers_count; i++) {
        const struct writer_number *number = &writer->numbers[i];
        const char *metric = number->metric != NULL ? number->metric : number->name;
        const char *suffix = number->is_counter ? "_total" : "";
        if (strcmp(metric, before) != 0)
            write_head(page, metric, suffix, number->help, number->is_counter ? "counter" : "gauge");
        before = metric;
        write_samples(page, number, metric, suffix);
    }
    for (size_t i = 0; i < writer->histograms_count; i++) {
        write_head(page, writer->histograms[i].name, "_seconds", writer->histograms[i].help, "histogram");
        for (size_t j = 0; j < page->count; j++)
            write_buckets(page, &page->subjects[j], &writer->histograms[i]);
    }
}

/* ------------------------------------------------------------ one pool, all pools */

int writer_write(const struct writer *writer, const char *name, const void *values, FILE *out,
                 enum bufpool_format format)
{
    const struct writer_subject subject = {.name = name, .values = values};
    const struct page page = {writer, &subject, 1, false, out};

    if (out == NULL)
        return -EINVAL;
    switch (format) {
    case BUFPOOL_TEXT:
        write_text(&page, &subject);
        break;
    case BUFPOOL_JSON:
        write_json(&page, &subject);
        putc('\n', out);
        break;
    case BUFPOOL_PROMETHEUS:
        write_prometheus(&page);
        break;
    default:
        return -EINVAL;
    }
    return fflush(out) != 0 || ferror(out) ? -EIO : 0;
}

void writer_write_section(const struct writer *writer, const struct writer_subject *subjects, size_t count,
                          FILE *out, enum bufpool_format format)
{
    const struct page page = {writer, subjects, count, true, out};

    if (format == BUFPOOL_PROMETHEUS) {
        if (count != 0)
            write_prometheus(&page);
        return;
    }
    if (format == BUFPOOL_JSON)
        putc('[', out);
    for (size_t i = 0; i < count; i++) {
        if (format == BUFPOOL_JSON) {
            fputs(i == 0 ? "" : ",", out);
            write_json(&page, &subjects[i]);
        } else {
            putc('\n', out);
            write_text(&page, &subjects[i]);
        }
    }
    if (format == BUFPOOL_JSON)
        putc(']', out);
}
