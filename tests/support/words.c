#include "words.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "pools.h"

bufpool_t *pool_with(const char *words)
{
    bufpool_config_t config = still_config();
    char all[256];

    /* `off` first: these words, and nothing that an AddressSanitizer build would add. */
    snprintf(all, sizeof all, "off,%s", words);
    config.name = "armoured";
    config.debug = all;
    return pool_from(&config);
}

/* " of tier 512, buffer " for what a size belongs to. */
static void say_kind(char *text, size_t bytes, size_t size)
{
    size_t tier = 512;

    while (tier < MIB && capacity_of_size(tier) < size)
        tier *= 2;
    if (capacity_of_size(tier) < size)
        snprintf(text, bytes, " of oversized buffer ");
    else
        snprintf(text, bytes, " of tier %zu, buffer ", tier);
}

const char *report_differs(const struct misuse_record *record, const char *rule, const char *call,
                           const void *address, size_t size, const char *detail)
{
    static _Thread_local char differs[2 * sizeof record->line];
    char before[256], kind[64], after[256];
    const char *rest = record->line;
    int number = 0;

    say_kind(kind, sizeof kind, size);
    snprintf(before, sizeof before, "bufpool: pool 'armoured': %s: %s(%p)%s", rule, call, address, kind);
    snprintf(after, sizeof after, ", thread %ld%s", (long)gettid(), detail);
    if (strncmp(rest, before, strlen(before)) == 0 && sscanf(rest + strlen(before), "%*d%n", &number) == 0 &&
        number > 0 && strcmp(rest + strlen(before) + number, after) == 0)
        return NULL;
    snprintf(differs, sizeof differs, "'%s' is not '%s<number>%s'", record->line, before, after);
    return differs;
}
