#include "settings.h"

#include <ctype.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct option {
    const char *name;
    size_t offset;
    const char *text;           /* what it is unless told otherwise, for texts */
    uint64_t number, low, high; /* the same for numbers */
    const char *help;
} options[] = {
#define TEXT(name, field, text, help)                                                                        \
    {                                                                                                        \
        name, offsetof(struct settings, field), text, 0, 0, 0, help                                          \
    }
#define NUMBER(name, field, number, low, high, help)                                                         \
    {                                                                                                        \
        name, offsetof(struct settings, field), NULL, number, low, high, help                                \
    }
    TEXT("listen", listen, "8080",
         "HOST:PORT, PORT of 127.0.0.1 (0: any), or /path of a socket; names are looked up once"),
    TEXT("redis", redis, "6379", "the same, of Redis"),
    TEXT("allocator", allocator, "bufpool", "bufpool or malloc: where request and response bytes come from"),
    NUMBER("workers", workers, 16, 1, 1024, "threads that wait for Redis"),
    NUMBER("queue", queue, 1024, 1, 1000000, "calls that wait for a worker at most; more are 503"),
    NUMBER("redis-connections", redis_connections, 16, 1, 1024, "connections to Redis at most"),
    NUMBER("max-connections", max_connections, 1024, 1, 1000000, "clients at once; others wait"),
    NUMBER("max-head", max_head, 16384, 128, 1 << 20, "bytes of a request's head; more is 431"),
    NUMBER("max-target", max_target, 1024, 1, SETTINGS_MAX_TARGET, "bytes of a target; more is 414"),
    NUMBER("max-body", max_body, 8 << 20, 0, 1 << 30, "bytes of a value; more is 413, or 502 from Redis"),
    NUMBER("max-held", max_held, 1 << 30, 65536, UINT64_C(1) << 40,
           "bytes of values held at once; more is 503"),
    NUMBER("idle-ms", idle_ms, 60000, 1, 86400000, "a connection may wait for its next request"),
    NUMBER("head-ms", head_ms, 10000, 1, 86400000, "a request's head may take; longer is 408"),
    NUMBER("body-ms", body_ms, 30000, 1, 86400000, "its body may take; longer is 408"),
    NUMBER("write-ms", write_ms, 60000, 1, 86400000, "a client may take to read its response"),
    NUMBER("linger-ms", linger_ms, 1000, 1, 86400000, "what a refused client still sends is read"),
    NUMBER("redis-ms", redis_ms, 1000, 1, 86400000, "Redis may be silent; longer is 503"),
    NUMBER("drain-ms", drain_ms, 5000, 0, 86400000, "after SIGTERM, for requests under way"),
};

enum { OPTIONS = sizeof options / sizeof *options };

static const char **text_of(struct settings *settings, const struct option *option)
{
    return (const char **)(void *)((char *)settings + option->offset);
}

static uint64_t *number_of(struct settings *settings, const struct option *option)
{
    return (uint64_t *)(void *)((char *)settings + option->offset);
}

void settings_help(void)
{
    printf("usage: bufpool-server [--NAME=VALUE...]\n"
           "An HTTP/1.1 front for Redis: GET, HEAD, PUT and DELETE of /KEY; GET and HEAD of /metrics.\n");
    for (size_t i = 0; i < OPTIONS; i++) {
        const struct option *option = &options[i];
        if (option->text != NULL)
            printf("  --%-18s %s (%s)\n", option->name, option->help, option->text);
        else
            printf("  --%-18s %s (%llu)\n", option->name, option->help, (unsigned long long)option->number);
    }
}

static bool set(struct settings *settings, const struct option *option, const char *value)
{
    char *end;

    if (option->text != NULL) {
        *text_of(settings, option) = value;
        return *value != '\0';
    }
    unsigned long long number = strtoull(value, &end, 10);
    *number_of(settings, option) = number;
    return isdigit((unsigned char)*value) && *end == '\0' && number >= option->low && number <= option->high;
}

static const struct option *option_of(const char *argument, const char **value)
{
    const char *equals = strchr(argument, '=');

    if (strncmp(argument, "--", 2) != 0 || equals == NULL)
        return NULL;
    *value = equals + 1;
    size_t length = (size_t)(equals - argument) - 2;
    for (size_t i = 0; i < OPTIONS; i++)
        if (strlen(options[i].name) == length && memcmp(options[i].name, argument + 2, length) == 0)
            return &options[i];
    return NULL;
}

bool settings_read(struct settings *settings, int argc, char **argv, bool *help)
{
    *help = false;
    for (size_t i = 0; i < OPTIONS; i++) {
        if (options[i].text != NULL)
            *text_of(settings, &options[i]) = options[i].text;
        else
            *number_of(settings, &options[i]) = options[i].number;
    }
    for (int i = 1; i < argc; i++) {
        const char *value;
        const struct option *option = option_of(argv[i], &value);
        if (strcmp(argv[i], "--help") == 0) {
            *help = true;
        } else if (option == NULL || !set(settings, option, value)) {
            fprintf(stderr, "bufpool-server: \"%s\" is not understood (--help)\n", argv[i]);
            return false;
        }
    }
    if (strcmp(settings->allocator, "bufpool") != 0 && strcmp(settings->allocator, "malloc") != 0) {
        fprintf(stderr, "bufpool-server: no such allocator: \"%s\"\n", settings->allocator);
        return false;
    }
    return true;
}
