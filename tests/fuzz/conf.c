/*
 * conf - any BUFPOOL_CONF: what it comes to is a configuration that
 * bufpool_create takes or refuses, and a pair that is plainly good holds.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "input.h"
#include "pools.h"

#include "../../src/conf.h"

enum { TEXT_MOST = 1024 };

/* The last pair of this word, if its value is but a few digits; SIZE_MAX where there is none, or another is.
 */
static size_t plain_value(const char *text, const char *word)
{
    size_t length = strlen(word), value = SIZE_MAX;

    for (; *text != '\0'; text += strcspn(text, ","), text += *text == ',') {
        if (strncmp(text, word, length) != 0)
            continue;
        size_t digits = strspn(text + length, "0123456789");
        char end = text[length + digits];
        value = digits > 0 && digits < 9 && (end == '\0' || end == ',') ? strtoull(text + length, NULL, 10)
                                                                        : SIZE_MAX;
        if (value == SIZE_MAX)
            return SIZE_MAX;
    }
    return value;
}

static void must_hold(const char *text, const char *word, size_t value)
{
    size_t plain = plain_value(text, word);
    MUST(plain == SIZE_MAX || plain == value);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    char text[TEXT_MOST + 1];
    struct conf conf;
    bufpool_t *pool;

    count = count < TEXT_MOST ? count : TEXT_MOST;
    memcpy(text, bytes, count);
    text[count] = '\0';
    MUST(conf_read(&conf, text));
    must_hold(text, "max_bytes:", conf.config.max_bytes);
    must_hold(text, "max_cached_bytes:", conf.config.max_cached_bytes);
    must_hold(text, "tier_span:", conf.config.tier_span);
    must_hold(text, "collect_interval_ms:", conf.config.collect_interval_ms);
    MUST(conf.config.flags < 16 && conf.config.tiers_count <= CONF_TIERS_MAX);

    conf.config.collect_interval_ms = 0;
    conf.config.tier_span = 8 * MIB;
    int error = bufpool_create(&pool, &conf.config);
    MUST(error == 0 || error == -EINVAL || error == -ENOMEM);
    if (error != 0)
        return 0;
    /* Every pair was judged by itself: a name is a name, and debug words are words. */
    bufpool_put(pool, bufpool_get(pool, 100));
    MUST(stats_of(pool).in_use_bytes == 0);
    bufpool_destroy(pool);
    return 0;
}
