/*
 * bufpool-bench - one sample of one workload on one peer, as CSV on stdout; or,
 * with `report`, the tables of many. bench/run is the driver that interleaves
 * the peers.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crew.h"
#include "peer.h"
#include "report.h"
#include "workloads.h"

#define SIZE_MOST (1ul << 22)
/* A batch's buffers together: the floors have theirs resident before the first get. */
#define BATCH_BYTES_MOST ((size_t)1 << 30)
/* Producers, consumers: each pair of them has a ring. */
#define SIDE_MOST 16

enum {
    OPTION_PEER = 256,
    OPTION_SIZE,
    OPTION_THREADS,
    OPTION_COUNT,
    OPTION_ORDER,
    OPTION_SCRATCH,
    OPTION_PRODUCERS,
    OPTION_CONSUMERS,
    OPTION_WARMUP,
    OPTION_SAMPLE,
    OPTION_ROUND,
    OPTION_KEEP_EVERY,
    OPTION_ASLEEP,
    OPTION_PERIOD,
    OPTION_LATENCY,
    OPTION_CURVE,
    OPTION_MEMORY,
    OPTION_VERIFY,
    OPTION_COUNTS,
    OPTION_TIERS,
    OPTION_HELP
};

#define KIND(kind) (1u << (kind))
#define MALLOCS_AND_POOL (KIND(PEER_BUFPOOL) | KIND(PEER_MALLOC))
#define ALLOCATORS (MALLOCS_AND_POOL | KIND(PEER_INLINED) | KIND(PEER_MEMPOOL))
#define FLOORS (KIND(PEER_FLOOR) | KIND(PEER_INLINE))

#define TAKES_VALUE(value) (1u << ((value)-OPTION_PEER))
#define TAKES(option) TAKES_VALUE(OPTION_##option)
#define TAKEN_BY_ALL (TAKES(PEER) | TAKES(WARMUP) | TAKES(SAMPLE) | TAKES(ROUND) | TAKES(HELP))

static const struct workload {
    const char *name;
    void (*run)(const struct options *options);
    unsigned kinds; /* which kinds of peer it can measure */
    unsigned takes; /* which options mean something to it, beside TAKEN_BY_ALL */
    bool wants_path;
} workloads[] = {
    {"pair", pair_run, ALLOCATORS | FLOORS, TAKES(SIZE) | TAKES(THREADS), false},
    {"batch", batch_run, ALLOCATORS | FLOORS, TAKES(SIZE) | TAKES(COUNT) | TAKES(ORDER), false},
    {"mix", mix_run, ALLOCATORS | KIND(PEER_NONE), TAKES(THREADS) | TAKES(MEMORY), false},
    {"handoff", handoff_run, ALLOCATORS | KIND(PEER_NONE),
     TAKES(SIZE) | TAKES(PRODUCERS) | TAKES(CONSUMERS) | TAKES(MEMORY), false},
    {"crowd", crowd_run, ALLOCATORS | KIND(PEER_NONE), TAKES(THREADS) | TAKES(LATENCY) | TAKES(CURVE), false},
    {"churn", churn_run, ALLOCATORS | KIND(PEER_NONE), TAKES(THREADS), false},
    {"breathing", breathing_run, MALLOCS_AND_POOL, TAKES(PERIOD), false},
    {"burst", burst_run, MALLOCS_AND_POOL, TAKES(KEEP_EVERY) | TAKES(ASLEEP) | TAKES(CURVE), false},
    {"falseshare", falseshare_run, ALLOCATORS | KIND(PEER_NONE), TAKES(THREADS) | TAKES(SCRATCH), false},
    {"replay", replay_run, MALLOCS_AND_POOL | KIND(PEER_NONE),
     TAKES(MEMORY) | TAKES(VERIFY) | TAKES(COUNTS) | TAKES(TIERS) | TAKES(ASLEEP), true},
};
#define WORKLOADS_COUNT (sizeof(workloads) / sizeof(workloads[0]))

static const struct option long_options[] = {
    {"peer", required_argument, NULL, OPTION_PEER},
    {"size", required_argument, NULL, OPTION_SIZE},
    {"threads", required_argument, NULL, OPTION_THREADS},
    {"count", required_argument, NULL, OPTION_COUNT},
    {"order", required_argument, NULL, OPTION_ORDER},
    {"scratch", no_argument, NULL, OPTION_SCRATCH},
    {"producers", required_argument, NULL, OPTION_PRODUCERS},
    {"consumers", required_argument, NULL, OPTION_CONSUMERS},
    {"warmup-ms", required_argument, NULL, OPTION_WARMUP},
    {"sample-ms", required_argument, NULL, OPTION_SAMPLE},
    {"round", required_argument, NULL, OPTION_ROUND},
    {"keep-every", required_argument, NULL, OPTION_KEEP_EVERY},
    {"asleep-s", required_argument, NULL, OPTION_ASLEEP},
    {"period-ms", required_argument, NULL, OPTION_PERIOD},
    {"latency", no_argument, NULL, OPTION_LATENCY},
    {"curve", required_argument, NULL, OPTION_CURVE},
    {"memory", no_argument, NULL, OPTION_MEMORY},
    {"verify", no_argument, NULL, OPTION_VERIFY},
    {"counts", no_argument, NULL, OPTION_COUNTS},
    {"tiers", required_argument, NULL, OPTION_TIERS},
    {"help", no_argument, NULL, OPTION_HELP},
    {NULL, 0, NULL, 0},
};

static void usage(FILE *out)
{
    fputs("usage: bufpool-bench WORKLOAD [option...] [TRACE]\n"
          "       bufpool-bench report [--markdown | --medians] FOLDER\n",
          out);
    for (size_t i = 0; i < WORKLOADS_COUNT; i++) {
        fprintf(out, "%s%s", i ? "         " : "WORKLOAD ", workloads[i].name);
        for (const struct option *option = long_options; option->name; option++)
            if (workloads[i].takes & TAKES_VALUE(option->val))
                fprintf(out, " --%s%s", option->name, option->has_arg ? "=..." : "");
        fprintf(out, "%s\n", workloads[i].wants_path ? " TRACE" : "");
    }
    fprintf(out,
            "all:     --peer=NAME --warmup-ms=N --sample-ms=N --round=N\n"
            "peers:   %s\n",
            peer_names());
}

static _Noreturn void usage_error(const char *what, const char *which)
{
    fprintf(stderr, "bufpool-bench: %s%s%s\n", what, which ? " " : "", which ? which : "");
    usage(stderr);
    exit(2);
}

static unsigned number(const char *option, const char *text, unsigned long least, unsigned long most)
{
    char *end;
    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    if (errno || end == text || *end || text[0] == '-' || value < least || value > most) {
        fprintf(stderr, "bufpool-bench: --%s wants a number from %lu to %lu, not \"%s\"\n", option, least,
                most, text);
        usage(stderr);
        exit(2);
    }
    return (unsigned)value;
}

/* "fifo" or "lifo": is it the second? */
static bool order_lifo(const char *text)
{
    if (strcmp(text, "fifo") != 0 && strcmp(text, "lifo") != 0)
        usage_error("--order wants fifo or lifo, not", text);
    return strcmp(text, "lifo") == 0;
}

static const struct peer *peer_named(const char *name)
{
    const struct peer *peer = peer_find(name);
    if (!peer)
        usage_error("no such peer:", name);
    return peer;
}

static void parse(struct options *options, const struct workload *workload, int count, char **arguments)
{
    int code, index = 0;
    while ((code = getopt_long(count, arguments, "", long_options, &index)) != -1) {
        const char *name = code >= OPTION_PEER ? long_options[index].name : NULL;
        if (name && !((workload->takes | TAKEN_BY_ALL) & TAKES_VALUE(code))) {
            fprintf(stderr, "bufpool-bench: %s does not take --%s\n", workload->name, name);
            usage(stderr);
            exit(2);
        }
        switch (code) {
        case OPTION_PEER:
            options->peer = peer_named(optarg);
            break;
        case OPTION_SIZE:
            options->size = number(name, optarg, sizeof(uint64_t), SIZE_MOST);
            break;
        case OPTION_THREADS:
            options->threads = number(name, optarg, 1, CREW_MEMBERS_MAX);
            break;
        case OPTION_COUNT:
            options->count = number(name, optarg, 1, FLOOR_CAPACITY);
            break;
        case OPTION_ORDER:
            options->lifo = order_lifo(optarg);
            break;
        case OPTION_SCRATCH:
            options->scratch = true;
            break;
        case OPTION_PRODUCERS:
            options->producers = number(name, optarg, 1, SIDE_MOST);
            break;
        case OPTION_CONSUMERS:
            options->consumers = number(name, optarg, 1, SIDE_MOST);
            break;
        case OPTION_WARMUP:
            options->warmup_ms = number(name, optarg, 0, 60000);
            break;
        case OPTION_SAMPLE:
            options->sample_ms = number(name, optarg, 1, 60000);
            break;
        case OPTION_ROUND:
            options->round = number(name, optarg, 0, 1000000);
            break;
        case OPTION_KEEP_EVERY:
            options->keep_every = number(name, optarg, 1, 2000);
            break;
        case OPTION_ASLEEP:
            options->asleep_s = number(name, optarg, 0, 3600);
            break;
        case OPTION_PERIOD:
            options->period_ms = number(name, optarg, 1, 600000);
            break;
        case OPTION_LATENCY:
            options->latency = true;
            break;
        case OPTION_CURVE:
            options->curve = optarg;
            break;
        case OPTION_MEMORY:
            options->memory = true;
            break;
        case OPTION_VERIFY:
            options->verify = true;
            break;
        case OPTION_COUNTS:
            options->counts = true;
            break;
        case OPTION_TIERS:
            options->tiers = optarg;
            break;
        case OPTION_HELP:
            usage(stdout);
            exit(0);
        default: /* getopt_long has said what is wrong */
            usage(stderr);
            exit(2);
        }
    }
}

static int run_workload(const struct workload *workload, int count, char **arguments)
{
    struct options options = {.peer = peer_find("bufpool"),
                              .size = 4096,
                              .threads = 1,
                              .count = 64,
                              .producers = 1,
                              .consumers = 1,
                              .warmup_ms = 50,
                              .sample_ms = 200,
                              .asleep_s = 3,
                              .period_ms = 1000};
    parse(&options, workload, count, arguments);
    if (!(workload->kinds & KIND(options.peer->kind)) ||
        (options.peer->kind == PEER_NONE && (options.memory || options.verify)))
        usage_error(workload->name, "does not measure that peer");
    if (options.memory + options.verify + options.counts > 1)
        usage_error("--memory, --verify and --counts are runs of their own", NULL);
    if (options.counts && options.peer->kind != PEER_BUFPOOL)
        usage_error("--counts wants the pool, not", options.peer->name);
    if (options.peer->has_tiers != (options.tiers != NULL))
        usage_error("--tiers goes with bufpool-advised, not with", options.peer->name);
    if ((workload->takes & TAKES(SIZE)) && options.size > peer_size_most(options.peer))
        usage_error("that size is more than is served by", options.peer->name);
    if ((workload->takes & TAKES(COUNT)) && options.size * options.count > BATCH_BYTES_MOST)
        usage_error("that many buffers of that size are more than 1 GiB", NULL);
    if (count - optind != (workload->wants_path ? 1 : 0))
        usage_error(workload->name, workload->wants_path ? "wants one trace" : "wants no file");
    options.path = workload->wants_path ? arguments[optind] : NULL;
    workload->run(&options);
    return 0;
}

int main(int count, char **arguments)
{
    /* Not from the heap that is measured. */
    static char output[1 << 16];
    setvbuf(stdout, output, _IOFBF, sizeof(output));

    if (count < 2)
        usage_error("which workload?", NULL);
    if (strcmp(arguments[1], "--help") == 0) {
        usage(stdout);
        return 0;
    }
    if (strcmp(arguments[1], "report") == 0) {
        enum report_format format = REPORT_TEXT;
        if (count > 2 && strcmp(arguments[2], "--markdown") == 0)
            format = REPORT_MARKDOWN;
        if (count > 2 && strcmp(arguments[2], "--medians") == 0)
            format = REPORT_MEDIANS;
        if (count != 3 + (format != REPORT_TEXT))
            usage_error("report", "wants one folder");
        return report_run(arguments[count - 1], format);
    }
    for (size_t i = 0; i < WORKLOADS_COUNT; i++)
        if (strcmp(arguments[1], workloads[i].name) == 0)
            return run_workload(&workloads[i], count - 1, arguments + 1);
    usage_error("no such workload:", arguments[1]);
}
