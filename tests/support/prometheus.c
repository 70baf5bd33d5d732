#include "text.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pools.h"

#define METRICS 128
#define SERIES 8192

static struct {
    char name[METRICS][96]; /* metrics in the order of their TYPE lines */
    size_t metrics;
    /* Of the last metric, where it is a histogram. */
    bool is_histogram;
    double le, below;         /* of the last bucket; le is -1 before the first and behind the last one */
    char series[SERIES][160]; /* name and labels of every sample */
    size_t samples;
} seen;

static bool is_name_start(char c)
{
    return isalpha((unsigned char)c) || c == '_' || c == ':';
}

static size_t name_length(const char *at)
{
    size_t length = 0;
    if (!is_name_start(*at))
        return 0;
    while (is_name_start(at[length]) || isdigit((unsigned char)at[length]))
        length++;
    return length;
}

/* {name="value",...}; in a value only \\ \" and \n are escapes. Behind it, or NULL. */
static const char *labels_end(const char *at)
{
    at++;
    while (*at != '}') {
        size_t length = name_length(at);
        if (length == 0 || at[length] != '=' || at[length + 1] != '"')
            return NULL;
        at += length + 2;
        for (; *at != '"'; at++) {
            if (*at == '\0' || *at == '\n')
                return NULL;
            if (*at == '\\' && *++at != '\\' && *at != '"' && *at != 'n')
                return NULL;
        }
        at++;
        if (*at == ',')
            at++;
        else if (*at != '}')
            return NULL;
    }
    return at + 1;
}

/* "# TYPE name kind": once a metric, before its samples. */
static const char *type_fault(const char *line)
{
    char name[96];
    char kind[16];
    char rest;

    if (sscanf(line, "# TYPE %95s %15s %c", name, kind, &rest) != 2)
        return "a TYPE line is not '# TYPE name kind'";
    if (name_length(name) != strlen(name))
        return "a TYPE line with a bad metric name";
    if (strcmp(kind, "counter") != 0 && strcmp(kind, "gauge") != 0 && strcmp(kind, "untyped") != 0 &&
        strcmp(kind, "histogram") != 0)
        return "a TYPE line with an unknown kind";
    for (size_t i = 0; i < seen.metrics; i++) {
        if (strcmp(seen.name[i], name) == 0)
            return "a metric with two TYPE lines";
    }
    MUST(seen.metrics < METRICS);
    strcpy(seen.name[seen.metrics++], name);
    seen.is_histogram = strcmp(kind, "histogram") == 0;
    seen.le = -1;
    return NULL;
}

/* name_bucket{...,le="..."}, ends and counts not falling up to "+Inf"; then name_sum and name_count, which is
 * the last bucket's. `suffix` is what stands behind the metric's name. */
static const char *histogram_fault(const char *suffix, const char *labels, double value)
{
    if (strncmp(suffix, "_sum", 4) == 0)
        return seen.le != HUGE_VAL ? "a histogram's sum before its +Inf bucket" : NULL;
    if (strncmp(suffix, "_count", 6) == 0)
        return seen.le != HUGE_VAL || value != seen.below ? "a histogram's count is not its +Inf bucket's"
                                                          : NULL;
    if (strncmp(suffix, "_bucket", 7) != 0)
        return "a histogram's sample that is no bucket, sum or count";
    const char *end = strstr(labels, "le=\"");
    if (end == NULL)
        return "a bucket without its end";
    double le = strtod(end + 4, NULL);
    if (seen.le == HUGE_VAL) /* of the next labels */
        seen.le = -1;
    if (le <= seen.le || (seen.le >= 0 && value < seen.below))
        return "a bucket's end or count falls";
    seen.le = le;
    seen.below = value;
    return NULL;
}

static const char *sample_fault(const char *line)
{
    size_t length = name_length(line);
    const char *at = line + length;

    if (length == 0)
        return "a sample without a name";
    /* All samples of a metric stand together, behind its TYPE line. */
    size_t own = seen.metrics == 0 ? 0 : strlen(seen.name[seen.metrics - 1]);
    if (seen.metrics == 0 || (seen.is_histogram ? own >= length : own != length) ||
        strncmp(seen.name[seen.metrics - 1], line, own) != 0)
        return "a sample that does not follow its own TYPE line";
    if (*at == '{') {
        at = labels_end(at);
        if (at == NULL)
            return "a sample with bad labels";
    }
    size_t key = (size_t)(at - line);
    if (*at++ != ' ' || !isdigit((unsigned char)*at))
        return "a sample without a number";
    if (at[strspn(at, "0123456789.eE+-")] != '\0')
        return "a sample with something behind its number";
    const char *fault =
        seen.is_histogram ? histogram_fault(line + own, line + length, strtod(at, NULL)) : NULL;
    if (fault != NULL)
        return fault;
    MUST(seen.samples < SERIES && key < sizeof seen.series[0]);
    memcpy(seen.series[seen.samples], line, key);
    seen.series[seen.samples][key] = '\0';
    for (size_t i = 0; i < seen.samples; i++) {
        if (strcmp(seen.series[i], seen.series[seen.samples]) == 0)
            return "the same series twice";
    }
    seen.samples++;
    return NULL;
}

const char *prometheus_fault(const char *text)
{
    char line[512];

    memset(&seen, 0, sizeof seen);
    while (*text != '\0') {
        const char *end = strchr(text, '\n');
        if (end == NULL)
            return "the last line does not end";
        size_t length = (size_t)(end - text);
        MUST(length < sizeof line);
        memcpy(line, text, length);
        line[length] = '\0';
        text = end + 1;

        const char *fault = NULL;
        if (strncmp(line, "# TYPE ", 7) == 0)
            fault = type_fault(line);
        else if (line[0] != '#' && line[0] != '\0')
            fault = sample_fault(line);
        if (fault != NULL)
            return fault;
    }
    return seen.samples != 0 ? NULL : "no sample at all";
}
