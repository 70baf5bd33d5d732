#include "conf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"
#include "debug.h"
#include "tiers.h"

/* What a value is. */
enum kind {
    KIND_HELP,
    KIND_TEXT,   /* -> conf.name */
    KIND_DEBUG,  /* -> conf.debug */
    KIND_SIZE,   /* a size_t */
    KIND_TIER,   /* a size_t that a tier may have */
    KIND_STEPS,  /* a size_t: 1, 2 or 4 */
    KIND_TIERS,  /* -> conf.tiers */
    KIND_NUMBER, /* a uint32_t */
    KIND_FLAG    /* a bit of flags */
};

/* How it is written in `help`, and what is said of one that is none. */
static const struct {
    const char *form, *wants;
} kinds[] = {
    [KIND_HELP] = {"", "no value"},
    [KIND_TEXT] = {":TEXT", "1 to 255 bytes"},
    [KIND_DEBUG] = {":WORD/...", "debug words with a / between them; BUFPOOL_DEBUG=help lists them"},
    [KIND_SIZE] = {":SIZE", "a size, such as 4096, 64k, 16m or 2g"},
    [KIND_TIER] = {":SIZE", "a size from 1 to 1g, such as 4096, 64k or 2m"},
    [KIND_STEPS] = {":1|2|4", "1, 2 or 4"},
    [KIND_TIERS] = {":SIZE/...", "1 to 64 sizes from 1 to 1g with a / between them, such as 4096/16k/64k"},
    [KIND_NUMBER] = {":N", "a number from 0 to 4294967295"},
    [KIND_FLAG] = {":0|1", "0 or 1"},
};

#define FIELD(field) offsetof(bufpool_config_t, field)

static const struct word {
    const char *name;
    enum kind kind;
    size_t where; /* in the configuration; of a flag its bit */
    const char *help;
} words[] = {
    {"help", KIND_HELP, 0, "print this table on stderr; configures nothing itself"},
    {"name", KIND_TEXT, 0, "the pool's name in dumps and reports"},
    {"min_size", KIND_TIER, FIELD(min_size),
     "smallest tier; half of it is the C library's share of bufpool_malloc"},
    {"max_size", KIND_TIER, FIELD(max_size),
     "largest tier; what is above is oversized: two system calls each"},
    {"tier_steps", KIND_STEPS, FIELD(tier_steps), "tiers a doubling"},
    {"tiers", KIND_TIERS, 0, "explicit sizes instead of the three above"},
    {"tier_span", KIND_SIZE, FIELD(tier_span), "address space a tier"},
    {"max_bytes", KIND_SIZE, FIELD(max_bytes), "in use and idle at most; a get beyond fails"},
    {"max_cached_bytes", KIND_SIZE, FIELD(max_cached_bytes), "idle at most; 0 caches nothing"},
    {"min_cached_bytes", KIND_SIZE, FIELD(min_cached_bytes), "idle bytes that no collection releases"},
    {"max_thread_bytes", KIND_SIZE, FIELD(max_thread_bytes), "private cache of one thread"},
    {"collect_interval_ms", KIND_NUMBER, FIELD(collect_interval_ms),
     "0: only when bufpool_collect is called"},
    {"cooperative", KIND_FLAG, BUFPOOL_COOPERATIVE, "collections reach into no other thread's cache"},
    {"scrub_on_put", KIND_FLAG, BUFPOOL_SCRUB_ON_PUT, "overwrite every buffer with zeros when it is put"},
    {"huge_pages", KIND_FLAG, BUFPOOL_HUGE_PAGES, "ask for transparent huge pages"},
    {"page_aligned", KIND_FLAG, BUFPOOL_PAGE_ALIGNED, "tiers from 4096 on aligned to 4096, without headroom"},
    {"debug", KIND_DEBUG, 0, "debug words, instead of those of BUFPOOL_DEBUG"},
};

#define WORDS (sizeof words / sizeof words[0])

/* ------------------------------------------------------------ telling */

static void print_help(void)
{
    fputs("bufpool: words of BUFPOOL_CONF, word:value, separated by commas:\n", stderr);
    for (size_t i = 0; i < WORDS; i++) {
        char pair[32];
        snprintf(pair, sizeof pair, "%s%s", words[i].name, kinds[words[i].kind].form);
        fprintf(stderr, "  %-22s %s\n", pair, words[i].help);
    }
}

/* One line, whatever is in the text: it is a stranger's. */
static void tell(const char *text, size_t length, const char *what, const char *wants)
{
    char shown[64];
    size_t end = min_u64(length, sizeof shown - 1);

    for (size_t i = 0; i < end; i++)
        shown[i] = (unsigned char)text[i] < ' ' || text[i] == 0x7f ? '?' : text[i];
    shown[end] = '\0';
    fprintf(stderr, "bufpool: BUFPOOL_CONF: '%s%s' is ignored: %s%s; known are", shown,
            end < length ? "..." : "", what, wants);
    for (size_t i = 0; i < WORDS; i++)
        fprintf(stderr, "%s %s", i == 0 ? "" : ",", words[i].name);
    fputc('\n', stderr);
}

void conf_tell_refused(void)
{
    fputs("bufpool: BUFPOOL_CONF: its values do not go together (min_size above max_size, more than 64 "
          "tiers, or "
          "min_cached_bytes above max_cached_bytes or max_bytes): all of it is ignored\n",
          stderr);
}

/* ------------------------------------------------------------ values */

/* Decimal digits, and where `suffixes` are allowed one of k, m, g. */
static bool read_number(const char *text, size_t length, bool suffixes, size_t most, size_t *number)
{
    static const struct {
        char letter;
        unsigned shift;
    } units[] = {{'k', 10}, {'m', 20}, {'g', 30}};
    unsigned shift = 0;
    size_t value = 0;

    for (size_t i = 0; suffixes && length > 0 && i < 3; i++)
        if ((text[length - 1] | 0x20) == units[i].letter)
            shift = units[i].shift;
    length -= shift != 0;
    for (size_t i = 0; i < length; i++)
        if (text[i] < '0' || text[i] > '9' || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (size_t)(text[i] - '0'), &value))
            return false;
    if (length == 0 || value > most >> shift)
        return false;
    *number = value << shift;
    return true;
}

static bool read_tier(const char *text, size_t length, size_t *size)
{
    size_t value;
    if (!read_number(text, length, true, TIER_SIZE_MAX, &value) || value == 0)
        return false;
    *size = value;
    return true;
}

static bool read_tiers(struct conf *conf, const char *text, size_t length)
{
    size_t sizes[CONF_TIERS_MAX], count = 0;

    for (size_t at = 0; at <= length; count++) {
        const char *slash = memchr(text + at, '/', length - at);
        size_t one = slash != NULL ? (size_t)(slash - text) - at : length - at;
        if (count == CONF_TIERS_MAX || !read_tier(text + at, one, &sizes[count]))
            return false;
        at += one + 1;
    }
    memcpy(conf->tiers, sizes, sizeof sizes);
    conf->config.tiers = conf->tiers;
    conf->config.tiers_count = count;
    return true;
}

static bool read_text(char *to, const char *text, size_t length)
{
    if (length == 0 || length >= CONF_TEXT_MAX)
        return false;
    memcpy(to, text, length);
    to[length] = '\0';
    return true;
}

/* The debug words' own parser wants commas, which separate pairs here. */
static bool read_debug(struct conf *conf, const char *text, size_t length)
{
    char list[CONF_TEXT_MAX];

    if (!read_text(list, text, length))
        return false;
    for (char *at = list; *at != '\0';) {
        size_t one = strcspn(at, "/");
        if (!debug_knows(at, one))
            return false;
        at += one;
        if (*at == '/')
            *at++ = ',';
    }
    memcpy(conf->debug, list, sizeof list);
    conf->config.debug = conf->debug;
    return true;
}

static bool take_value(struct conf *conf, const struct word *word, const char *text, size_t length)
{
    void *field = (char *)&conf->config + word->where;
    size_t number;

    switch (word->kind) {
    case KIND_HELP:
        break;
    case KIND_TEXT:
        if (!read_text(conf->name, text, length))
            return false;
        conf->config.name = conf->name;
        return true;
    case KIND_DEBUG:
        return read_debug(conf, text, length);
    case KIND_TIERS:
        return read_tiers(conf, text, length);
    case KIND_TIER:
        return read_tier(text, length, field);
    case KIND_SIZE:
        return read_number(text, length, true, SIZE_MAX, field);
    case KIND_STEPS:
        if (!read_number(text, length, false, 4, &number) || number == 0 || number == 3)
            return false;
        *(size_t *)field = number;
        return true;
    case KIND_NUMBER:
        if (!read_number(text, length, false, UINT32_MAX, &number))
            return false;
        *(uint32_t *)field = (uint32_t)number;
        return true;
    case KIND_FLAG:
        if (!read_number(text, length, false, 1, &number))
            return false;
        conf->config.flags &= ~(uint32_t)word->where;
        conf->config.flags |= number != 0 ? (uint32_t)word->where : 0;
        return true;
    }
    return false;
}

/* ------------------------------------------------------------ pairs */

static const struct word *find_word(const char *text, size_t length)
{
    for (size_t i = 0; i < WORDS; i++)
        if (strlen(words[i].name) == length && memcmp(words[i].name, text, length) == 0)
            return &words[i];
    return NULL;
}

static void take_pair(struct conf *conf, const char *text, size_t length)
{
    const char *colon = memchr(text, ':', length);
    size_t name = colon != NULL ? (size_t)(colon - text) : length;
    const struct word *word = find_word(text, name);

    if (word == NULL)
        tell(text, length, "no such word", "");
    else if (word->kind == KIND_HELP && colon == NULL)
        print_help();
    else if (word->kind == KIND_HELP || colon == NULL ||
             !take_value(conf, word, colon + 1, length - name - 1))
        tell(text, length, "it wants ", kinds[word->kind].wants);
}

bool conf_read(struct conf *conf, const char *text)
{
    *conf = (struct conf){.config = BUFPOOL_CONFIG_INIT};
    if (text == NULL)
        text = secure_getenv("BUFPOOL_CONF");
    if (text == NULL)
        return false;
    while (*text != '\0') {
        size_t length = strcspn(text, ",");
        if (length != 0)
            take_pair(conf, text, length);
        text += length + (text[length] == ',');
    }
    return true;
}
