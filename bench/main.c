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

#include "peer.h"
#include "report.h"
#include "workloads.h"

#define KIND(kind) (1u << (kind))
#define ALLOCATORS (KIND(PEER_BUFPOOL) | KIND(PEER_MALLOC))

static const struct workload {
    const char *name;
    void (*run)(const struct options *options);
    unsigned kinds; /* which kinds of peer it can measure */
    bool wants_path;
} workloads[] = {
    {"pair", pair_run, ALLOCATORS | KIND(PEER_FLOOR) | KIND(PEER_INLINE), false},
    {"mix", mix_run, ALLOCATORS | KIND(PEER_NONE), false},
    {"handoff", handoff_run, ALLOCATORS | KIND(PEER_NONE), false},
    {"burst", burst_run, ALLOCATORS, false},
    {"replay", replay_run, ALLOCATORS | KIND(PEER_NONE), true},
};
#define WORKLOADS_COUNT (sizeof(workloads) / sizeof(workloads[0]))

enum {
    OPTION_PEER = 256,
    OPTION_SIZE,
    OPTION_THREADS,
    OPTION_WARMUP,
    OPTION_SAMPLE,
    OPTION_ROUND,
    OPTION_KEEP_EVERY,
    OPTION_ASLEEP,
    OPTION_MEMORY,
    OPTION_VERIFY,
    OPTION_HELP
};

static const struct option long_options[] = {
    {"peer", required_argument, NULL, OPTION_PEER},
    {"size", required_argument, NULL, OPTION_SIZE},
    {"threads", required_argument, NULL, OPTION_THREADS},
    {"warmup-ms", required_argument, NULL, OPTION_WARMUP},
    {"sample-ms", required_argument, NULL, OPTION_SAMPLE},
    {"round", required_argument, NULL, OPTION_ROUND},
    {"keep-every", required_argument, NULL, OPTION_KEEP_EVERY},
    {"asleep-s", required_argument, NULL, OPTION_ASLEEP},
    {"memory", no_argument, NULL, OPTION_MEMORY},
    {"verify", no_argument, NULL, OPTION_VERIFY},
    {"help", no_argument, NULL, OPTION_HELP},
    {NULL, 0, NULL, 0},
};

static void usage(FILE *out)
{
    fprintf(out,
            "usage: bufpool-bench pair|mix|handoff|burst [option...]\n"
            "       bufpool-bench replay [--memory | --verify] [option...] TRACE\n"
            "       bufpool-bench report [--markdown] FOLDER\n"
            "options: --peer=NAME --size=BYTES --threads=N --warmup-ms=N --sample-ms=N\n"
            "         --round=N --keep-every=N --asleep-s=N\n"
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

static void parse(struct options *options, int count, char **arguments)
{
    int code, index = 0;
    while ((code = getopt_long(count, arguments, "", long_options, &index)) != -1) {
        const char *name = code >= 256 ? long_options[index].name : NULL;
        switch (code) {
        case OPTION_PEER:
            options->peer = peer_find(optarg);
            if (!options->peer)
                usage_error("no such peer:", optarg);
            break;
        case OPTION_SIZE:
            options->size = number(name, optarg, sizeof(uint64_t), 1u << 30);
            break;
        case OPTION_THREADS:
            options->threads = number(name, optarg, 1, 256);
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
        case OPTION_MEMORY:
            options->memory = true;
            break;
        case OPTION_VERIFY:
            options->verify = true;
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
                              .warmup_ms = 50,
                              .sample_ms = 200,
                              .asleep_s = 3};
    parse(&options, count, arguments);
    if (!(workload->kinds & KIND(options.peer->kind)) ||
        (options.peer->kind == PEER_NONE && (options.memory || options.verify)))
        usage_error(workload->name, "does not measure that peer");
    if (options.memory && options.verify)
        usage_error("--memory and --verify are two runs", NULL);
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
        bool markdown = count > 2 && strcmp(arguments[2], "--markdown") == 0;
        if (count != 3 + markdown)
            usage_error("report", "wants one folder");
        return report_run(arguments[2 + markdown], markdown);
    }
    for (size_t i = 0; i < WORKLOADS_COUNT; i++)
        if (strcmp(arguments[1], workloads[i].name) == 0)
            return run_workload(&workloads[i], count - 1, arguments + 1);
    usage_error("no such workload:", arguments[1]);
}
