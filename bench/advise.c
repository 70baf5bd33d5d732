/*
 * advise - which tiers and limits suit what a program asks for?
 *
 * Reads a trace (traces/README.md; BUFPOOL_TRACE records one) or what bufpool_dump
 * writes as JSON of a pool with the debug word `sizes`, and says what to
 * configure, what that would save against the tiers of now, and why. With
 * --verify the trace is replayed on both, and what was predicted stands beside
 * what came out.
 *
 * What would fool it: a trace of another load than the one that matters; one too
 * short for bursts to come back; a program that asks for a buffer's capacity and
 * then uses all of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "advice.h"
#include "harness.h"
#include "verify.h"

static void usage(FILE *out)
{
    fputs("usage: bench/advise [option...] TRACE|STATS.json|-\n"
          "  --verify       replay the trace on the tiers of now and on the advised ones\n"
          "  --pool=NAME    that one of several pools\n"
          "  --tiers        print nothing but the advised tiers, as --tiers of bufpool-bench takes them\n"
          "  --help         this\n"
          "TRACE is what BUFPOOL_TRACE=file records, or a file of bench/traces; STATS.json what bufpool_dump "
          "writes as\n"
          "JSON of a pool that was created with BUFPOOL_DEBUG=sizes; - is such JSON on stdin.\n",
          out);
}

/* All of a file, ended by 0. */
static char *read_text(const char *path)
{
    int file = strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    size_t length = 0, capacity = 0;
    char *text = NULL;
    ssize_t got = 1;

    while (file >= 0 && got > 0) {
        if (length + 1 >= capacity) {
            capacity = capacity ? capacity * 2 : 1 << 16;
            text = realloc(text, capacity);
            if (!text)
                die("%s: no memory to read it", path);
        }
        got = read(file, text + length, capacity - 1 - length);
        length += got > 0 ? (size_t)got : 0;
    }
    if (file < 0 || got < 0)
        die("%s: %s", path, strerror(errno));
    text[length] = '\0';
    return text;
}

/* JSON begins with a brace or a bracket, a trace with neither. */
static bool is_json(const char *path)
{
    char first[64] = "";
    int file = open(path, O_RDONLY | O_CLOEXEC);

    if (strcmp(path, "-") == 0)
        return true;
    if (file < 0 || read(file, first, sizeof(first) - 1) < 0)
        die("%s: %s", path, strerror(errno));
    close(file);
    const char *at = first + strspn(first, " \t\r\n");
    return *at == '{' || *at == '[';
}

/* Only the events of one pool; the others' slots stay, unused. */
static void keep_pool(struct trace *trace, const char *name)
{
    uint32_t pool = 0, kept = 0;

    while (pool < trace->pools && strcmp(trace->pool[pool].name, name) != 0)
        pool++;
    if (pool == trace->pools)
        die("no pool named '%s' in the trace", name);
    for (uint32_t i = 0; i < trace->count; i++)
        if (trace->events[i].pool == pool)
            trace->events[kept++] = trace->events[i];
    if (kept == 0)
        die("pool '%s' was asked for nothing", name);
    trace->count = kept;
    trace->pool[0] = trace->pool[pool];
    trace->pools = 1;
}

static void tell_gaps(const struct trace *trace)
{
    if (trace->cut_bytes)
        fprintf(stderr, "bufpool-advise: the file is cut short: its last %llu bytes are left out\n",
                (unsigned long long)trace->cut_bytes);
    if (trace->added || trace->left_out)
        fprintf(stderr,
                "bufpool-advise: not all is recorded: %llu puts were added where buffers end without one, "
                "%llu puts left "
                "out of buffers that were never got\n",
                (unsigned long long)trace->added, (unsigned long long)trace->left_out);
}

int main(int count, char **arguments)
{
    static const struct option options[] = {{"verify", no_argument, NULL, 'v'},
                                            {"pool", required_argument, NULL, 'p'},
                                            {"tiers", no_argument, NULL, 't'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    static struct demand demand;
    static struct advice advice;
    struct trace trace = {.count = 0};
    bool verify = false, tiers_alone = false;
    const char *pool = NULL;

    for (int code; (code = getopt_long(count, arguments, "", options, NULL)) != -1;) {
        if (code == 'v')
            verify = true;
        else if (code == 'p')
            pool = optarg;
        else if (code == 't')
            tiers_alone = true;
        else {
            usage(code == 'h' ? stdout : stderr);
            return code == 'h' ? 0 : 2;
        }
    }
    const char *path = arguments[optind];
    if (count - optind != 1 || (verify && (pool || tiers_alone))) {
        fprintf(stderr, "bufpool-advise: %s\n",
                count - optind != 1 ? "wants one file"
                                    : "--verify replays the whole trace, and prints all of it");
        usage(stderr);
        return 2;
    }

    unsetenv("BUFPOOL_TRACE"); /* pools are made here too, to be asked for their tiers */
    bool has_trace = !is_json(path);
    if (has_trace) {
        trace_load(&trace, path);
        tell_gaps(&trace);
        if (pool)
            keep_pool(&trace, pool);
        demand_of_trace(&demand, &trace);
    } else {
        if (verify)
            die("%s: a dump cannot be replayed; --verify wants a trace", path);
        char *text = read_text(path);
        demand_of_stats(&demand, path, text, pool);
        free(text);
    }
    trace_name(demand.name, sizeof(demand.name), path);
    advice_make(&advice, &demand, has_trace ? &trace : NULL);
    if (tiers_alone) {
        char list[TIERS_MOST * 12];
        puts(tier_set_text(&advice.tiers[ADVISED], list, sizeof(list)));
        return 0;
    }
    advice_print(&advice, stdout);
    if (verify)
        verify_print(&advice, path, stdout);
    return 0;
}
