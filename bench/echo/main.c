/*
 * bufpool-echo - what an echo server echoes, and what it holds afterwards. One sample, as a CSV line:
 *
 *     PROGRAM,KIND,SIZE,ROUND,MIB_PER_S,START_KIB,LOAD_KIB,END_KIB,IN_USE,HIT_RATE
 *
 *     bufpool-echo PROGRAM KIND SIZE CONNECTIONS WARMUP_MS SAMPLE_MS ROUND [verify]
 *
 * Starts PROGRAM KIND on one CPU (see life.h for what it says) and loads it from another. The columns behind
 * the rate are the server's own words.
 *
 * What would fool it: a load that cannot keep up. It makes no message and looks at none (but with `verify`),
 * and where the server is slower, its CPU is the one that is busy.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../harness.h"
#include "../measure.h"
#include "load.h"

struct server {
    pid_t process;
    int input;
    FILE *output;
};

static unsigned number(const char *text)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);

    if (*text == '\0' || *end != '\0' || value > 1u << 30)
        die("\"%s\" is no number", text);
    return (unsigned)value;
}

static struct server server_start(const char *program, const char *kind)
{
    struct server server;
    int input[2], output[2];

    if (pipe2(input, O_CLOEXEC) != 0 || pipe2(output, O_CLOEXEC) != 0)
        die("pipe: %s", strerror(errno));
    server.process = fork();
    if (server.process < 0)
        die("fork: %s", strerror(errno));
    if (server.process == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        measure_pin(1);
        dup2(input[0], 0);
        dup2(output[1], 1);
        execl(program, program, kind, (char *)NULL);
        die("%s: %s", program, strerror(errno));
    }
    close(input[0]);
    close(output[1]);
    server.input = input[1];
    server.output = fdopen(output[0], "r");
    if (server.output == NULL)
        die("fdopen: %s", strerror(errno));
    return server;
}

/* What the server had to say, when all is closed. */
static void server_end(struct server *server, char *line, int size)
{
    int status;

    close(server->input);
    if (fgets(line, size, server->output) == NULL || strncmp(line, "end ", 4) != 0)
        die("the server said no end");
    if (waitpid(server->process, &status, 0) != server->process || status != 0)
        die("the server ended with status %d", status);
    fclose(server->output);
}

static struct load_result run(const struct load *load)
{
    struct load_result result;
    const char *fault = load_run(load, &result);

    if (fault != NULL)
        die("%s: %s", fault, strerror(errno));
    return result;
}

int main(int argc, char **argv)
{
    struct load load = {0};
    char line[256];
    unsigned port;

    if (argc < 8 || argc > 9)
        die("usage: bufpool-echo PROGRAM KIND SIZE CONNECTIONS WARMUP_MS SAMPLE_MS ROUND [verify]");
    load.message = number(argv[3]);
    load.connections = number(argv[4]);
    load.sample_ms = number(argv[6]);
    load.verify = argc == 9 && strcmp(argv[8], "verify") == 0;
    measure_pin(0);
    struct server server = server_start(argv[1], argv[2]);
    if (fgets(line, sizeof line, server.output) == NULL || sscanf(line, "port %u", &port) != 1)
        die("the server said no port");
    load.port = (uint16_t)port;

    /* The warm-up is a load of its own: connections come and go, and the server is told when it is over. */
    unsigned sample_ms = load.sample_ms;
    load.sample_ms = number(argv[5]);
    if (load.sample_ms > 0)
        run(&load);
    if (write(server.input, "", 1) != 1)
        die("the server does not listen: %s", strerror(errno));
    load.sample_ms = sample_ms;
    struct load_result result = run(&load);

    unsigned long start, loaded, end, in_use;
    double hits;
    server_end(&server, line, sizeof line);
    if (sscanf(line, "end %lu %lu %lu %lu %lf", &start, &loaded, &end, &in_use, &hits) != 5)
        die("not understood: %s", line);
    printf("%s,%s,%zu,%u,%.3f,%lu,%lu,%lu,%lu,%.6f\n", strrchr(argv[1], '/') + 1, argv[2], load.message,
           number(argv[7]), (double)result.bytes / MIB / result.seconds, start, loaded, end, in_use, hits);
    return 0;
}
