#include "rig.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pools.h"

enum { OPTIONS = 24, PATIENCE_MS = 600000 };
#define DAY "86400000" /* ms */

/* ------------------------------------------------------------ its process */

static void run(struct rig *rig, const char *const *arguments)
{
    int output[2];

    MUST(pipe(output) == 0);
    pid_t parent = getpid();
    rig->process = fork();
    MUST(rig->process >= 0);
    if (rig->process == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(126);
        dup2(output[1], STDOUT_FILENO);
        close(output[0]);
        close(output[1]);
        execv(arguments[0], (char *const *)(uintptr_t)arguments);
        _exit(127);
    }
    close(output[1]);
    rig->output = fdopen(output[0], "r");
    MUST(rig->output != NULL);
}

static void start(struct rig *rig, va_list options)
{
    char listen[80], redis[32], line[256];
    /* Who is late on a busy machine is not too slow, and Redis not gone, unless the test's own options say
     * so: the last counts. */
    const char *arguments[OPTIONS] = {
        SERVER,           listen,           redis, "--redis-ms=600000", "--idle-ms=" DAY, "--head-ms=" DAY,
        "--body-ms=" DAY, "--write-ms=" DAY};
    size_t count = 8;

    strcpy(rig->directory, "/tmp/bufpool-server-XXXXXX");
    MUST(mkdtemp(rig->directory) != NULL);
    snprintf(rig->path, sizeof rig->path, "%s/socket", rig->directory);
    snprintf(listen, sizeof listen, "--listen=%s", rig->path);
    /* Nobody listens at the reserved port 1. */
    snprintf(redis, sizeof redis, "--redis=%u", rig->has_redis ? rig->redis.port : 1u);
    for (const char *option = va_arg(options, char *); option != NULL; option = va_arg(options, char *)) {
        MUST(count < OPTIONS - 1);
        arguments[count++] = option;
    }
    run(rig, arguments);
    MUST(fgets(line, sizeof line, rig->output) != NULL && sscanf(line, "listening on %127s", rig->name) == 1);
}

void rig_start(struct rig *rig, ...)
{
    va_list options;

    *rig = (struct rig){.has_redis = false};
    va_start(options, rig);
    start(rig, options);
    va_end(options);
}

void rig_start_redis(struct rig *rig, ...)
{
    va_list options;

    *rig = (struct rig){.has_redis = true};
    server_start(&rig->redis, SERVER_REDIS, NULL, NULL);
    va_start(options, rig);
    start(rig, options);
    va_end(options);
}

const char *rig_wait_end(struct rig *rig)
{
    static char fault[512];
    char line[256] = "";
    unsigned long long answers, held = 1, requests = 1, in_use = 1;
    int status;

    if (fgets(line, sizeof line, rig->output) != NULL)
        sscanf(line, "end: %llu answers, %llu bytes held, %llu requests, %llu connections", &answers, &held,
               &requests, &in_use);
    fclose(rig->output);
    MUST(waitpid(rig->process, &status, 0) == rig->process);
    if (rig->has_redis)
        server_stop(&rig->redis);
    bool is_gone = access(rig->path, F_OK) != 0;
    unlink(rig->path);
    rmdir(rig->directory);
    if (status == 0 && held == 0 && requests == 0 && in_use == 0 && is_gone)
        return NULL;
    snprintf(fault, sizeof fault, "status %d, its socket is %s, it said \"%s\"", status,
             is_gone ? "gone" : "there", line);
    return fault;
}

const char *rig_end(struct rig *rig)
{
    kill(rig->process, SIGTERM);
    return rig_wait_end(rig);
}

uint64_t rig_resident(const struct rig *rig)
{
    char path[64], line[256];
    unsigned long long kib = 0;

    snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)rig->process);
    FILE *file = fopen(path, "re");
    MUST(file != NULL);
    while (fgets(line, sizeof line, file) != NULL)
        if (sscanf(line, "Rss: %llu", &kib) == 1)
            break;
    fclose(file);
    MUST(kib > 0);
    return kib * 1024;
}

/* Of its first thread, which is the loop's: "PID (NAME) STATE ...". */
bool rig_sleeps(const struct rig *rig)
{
    char path[64], line[256];

    snprintf(path, sizeof path, "/proc/%d/stat", (int)rig->process);
    FILE *file = fopen(path, "re");
    MUST(file != NULL && fgets(line, sizeof line, file) != NULL);
    fclose(file);
    const char *name_end = strrchr(line, ')');
    MUST(name_end != NULL);
    return name_end[2] == 'S';
}

/* ------------------------------------------------------------ its metrics */

uint64_t metric_of(const struct answer *answer, const char *name)
{
    char line[256];

    snprintf(line, sizeof line, "\n%s ", name);
    const char *found = strstr(answer->body, line);
    if (found == NULL) {
        fprintf(stderr, "no metric \"%s\" in:\n%s\n", name, answer->body);
        abort();
    }
    return strtoull(found + strlen(line), NULL, 10);
}

uint64_t rig_metric(struct rig *rig, const char *name)
{
    struct talk talk = talk_open(rig);
    struct answer answer;

    MUST(talk_line(&talk, "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
    MUST(talk_hear(&talk, &answer) && answer.status == 200);
    uint64_t value = metric_of(&answer, name);
    answer_free(&answer);
    talk_close(&talk);
    return value;
}

void rig_await(struct rig *rig, const char *name, uint64_t value)
{
    for (unsigned ms = 0; rig_metric(rig, name) != value; ms++) {
        MUST(ms < PATIENCE_MS);
        usleep(1000);
    }
}

void rig_await_rest(struct rig *rig)
{
    rig_await(rig, "server_connections", 1); /* who asks */
    rig_await(rig, "server_requests", 0);
    rig_await(rig, "server_held_bytes", 0);
    rig_await(rig, CONNECTIONS_IN_USE, 0);
}

/* ------------------------------------------------------------ in one breath */

unsigned rig_ask(struct rig *rig, const char *text)
{
    struct talk talk = talk_open(rig);

    talk_line(&talk, text);
    unsigned status = talk_status(&talk);
    talk_close(&talk);
    return status;
}

void rig_put(struct rig *rig, const char *key, const void *value, size_t size)
{
    struct talk talk = talk_open(rig);
    char head[256];

    snprintf(head, sizeof head, "PUT /%s HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n", key, size);
    MUST(talk_line(&talk, head) && talk_say(&talk, value, size));
    MUST(talk_status(&talk) == 204);
    talk_close(&talk);
}

bool rig_has(struct rig *rig, const char *key, const void *value, size_t size)
{
    struct talk talk = talk_open(rig);
    struct answer answer;
    char head[256];

    snprintf(head, sizeof head, "GET /%s HTTP/1.1\r\nHost: x\r\n\r\n", key);
    MUST(talk_line(&talk, head) && talk_hear(&talk, &answer));
    bool has = answer.status == 200 && answer.size == size && memcmp(answer.body, value, size) == 0;
    answer_free(&answer);
    talk_close(&talk);
    return has;
}
