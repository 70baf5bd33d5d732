#include "misuse.h"

#include <bufpool.h>
#include <stdio.h>
#include <string.h>

static void record_call(const char *message, void *arg)
{
    struct misuse_record *record = arg;
    record->calls++;
    record->thread = pthread_self();
    snprintf(record->line, sizeof record->line, "%s", message);
}

void misuse_record(struct misuse_record *record)
{
    memset(record, 0, sizeof *record);
    bufpool_on_misuse(record_call, record);
}

/* In what is printed "tier 512" must not be found in "tier 5120". */
static bool has_word(const char *text, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = strstr(text, word); at != NULL; at = strstr(at + 1, word)) {
        char next = at[length];
        if (!(next >= '0' && next <= '9') && !(next >= 'a' && next <= 'f'))
            return true;
    }
    return false;
}

bool misuse_names(const struct misuse_record *record, const char *pool_name, const char *rule,
                  const void *address, unsigned long tier_size)
{
    char quoted[64];
    char printed[32];
    char tier[32];

    snprintf(quoted, sizeof quoted, "'%s'", pool_name);
    snprintf(printed, sizeof printed, "%p", address);
    snprintf(tier, sizeof tier, "tier %lu", tier_size);
    return strchr(record->line, '\n') == NULL && strstr(record->line, quoted) != NULL &&
           strstr(record->line, rule) != NULL && has_word(record->line, printed) &&
           (tier_size == 0 || has_word(record->line, tier));
}
