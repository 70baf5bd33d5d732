#include "debug.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"

/* Words that are no bit. */
#define WORD_OFF 0u
#define WORD_HELP (UINT32_C(1) << 31)

static const struct word {
    const char *name;
    uint32_t bit;
    uint32_t implies;
    bool has_number;
    const char *help;
} words[] = {
    {"off", WORD_OFF, 0, false, "nothing; forgets the words before it"},
    {"help", WORD_HELP, 0, false, "print this table on stderr; asks for nothing itself"},
    {"state", DEBUG_STATE, 0, false,
     "know each buffer's state: every double put, resize and capacity after put"},
    {"tag", DEBUG_TAG, DEBUG_STATE, false, "name in reports who got the buffer and who put it last"},
    {"poison", DEBUG_POISON, DEBUG_STATE, false, "fill buffers: 0xfb when fresh, 0xdb at put"},
    {"integrity", DEBUG_INTEGRITY, DEBUG_STATE | DEBUG_POISON, false,
     "check that fill at the next get: write after put"},
    {"cold-first", DEBUG_COLD_FIRST, 0, false, "get what has been idle longest: gives the others time"},
    {"canary", DEBUG_CANARY, DEBUG_STATE, false,
     "fill what lies beyond the size asked for, check it at put and resize: overflow"},
    {"guard", DEBUG_GUARD, DEBUG_STATE, false,
     "pages of its own for each buffer, inaccessible behind it and after put: faults"},
    {"scrub", DEBUG_SCRUB, 0, false, "overwrite with zeros at put, as BUFPOOL_SCRUB_ON_PUT does"},
    {"quarantine", DEBUG_QUARANTINE, DEBUG_STATE, false,
     "keep the last 256 buffers put, at most 16 MiB, from being got again"},
    {"drop", DEBUG_DROP, DEBUG_STATE, false,
     "refuse one put in four and release its memory: nobody may rely on reuse"},
    {"fail", DEBUG_FAIL, 0, true, "fail every Nth get with ENOMEM"},
    {"leak", DEBUG_LEAK, DEBUG_STATE, true,
     "keep the backtrace of one get in N; destroy and dump tell the survivors"},
    {"sizes", DEBUG_SIZES, DEBUG_STATE, false,
     "count gets and buffers in use by the size asked for: the dump as JSON has them"},
};

#define WORDS (sizeof words / sizeof words[0])

static void print_help(void)
{
    fputs("bufpool: debug words, separated by commas, in bufpool_config_t.debug or BUFPOOL_DEBUG:\n", stderr);
    for (size_t i = 0; i < WORDS; i++) {
        char name[16];
        snprintf(name, sizeof name, "%s%s", words[i].name, words[i].has_number ? "=N" : "");
        fprintf(stderr, "  %-11s %s", name, words[i].help);
        const char *before = " (with";
        for (size_t j = 0; j < WORDS; j++) {
            if ((words[i].implies & words[j].bit) != 0) {
                fprintf(stderr, "%s %s", before, words[j].name);
                before = ",";
            }
        }
        fputs(words[i].implies != 0 ? ")\n" : "\n", stderr);
    }
}

static int unknown_word(const char *text, size_t length)
{
    fprintf(stderr, "bufpool: unknown debug word '%.*s'; known are", (int)length, text);
    for (size_t i = 0; i < WORDS; i++)
        fprintf(stderr, "%s %s%s", i == 0 ? "" : ",", words[i].name, words[i].has_number ? "=N" : "");
    fputc('\n', stderr);
    return -EINVAL;
}

static int bad_number(const char *text, size_t length)
{
    fprintf(stderr, "bufpool: debug word '%.*s' wants a number from 1 to %u behind a =\n", (int)length, text,
            UINT32_MAX);
    return -EINVAL;
}

static const struct word *find_word(const char *text, size_t length)
{
    for (size_t i = 0; i < WORDS; i++)
        if (strlen(words[i].name) == length && memcmp(words[i].name, text, length) == 0)
            return &words[i];
    return NULL;
}

/* Decimal digits and nothing else; 0 where it is no number from 1 to UINT32_MAX. */
static uint32_t number_of(const char *text, size_t length)
{
    uint64_t number = 0;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9')
            return 0;
        number = number * 10 + (uint64_t)(text[i] - '0');
        if (number > UINT32_MAX)
            return 0;
    }
    return (uint32_t)number;
}

/* The word, and the number behind it; NULL where it is none, or has a number that it does not take. */
static const struct word *read_word(const char *text, size_t length, uint32_t *number)
{
    const char *equals = memchr(text, '=', length);
    size_t name = equals != NULL ? (size_t)(equals - text) : length;
    const struct word *word = find_word(text, name);

    *number = equals != NULL ? number_of(equals + 1, length - name - 1) : 0;
    return word != NULL && (equals == NULL || word->has_number) ? word : NULL;
}

bool debug_knows(const char *text, size_t length)
{
    uint32_t number;
    const struct word *word = read_word(text, length, &number);
    return word != NULL && (!word->has_number || number != 0);
}

static int take_word(struct debug *debug, const char *text, size_t length)
{
    uint32_t number;
    const struct word *word = read_word(text, length, &number);

    if (word == NULL)
        return unknown_word(text, length);
    if (word->has_number && number == 0)
        return bad_number(text, length);

    if (word->bit == WORD_OFF)
        *debug = (struct debug){0};
    else if (word->bit == WORD_HELP)
        print_help();
    else
        debug->words |= word->bit | word->implies;
    if (word->bit == DEBUG_FAIL)
        debug->fail = number;
    if (word->bit == DEBUG_LEAK)
        debug->leak = number;
    return 0;
}

int debug_parse(struct debug *debug, const char *text)
{
    *debug = (struct debug){0};
    if (text == NULL)
        text = secure_getenv("BUFPOOL_DEBUG"); /* a set-uid program is not its caller's to break */
    if (tool_is_watching() && (text == NULL || *text != '\0'))
        debug->words = DEBUG_TOOL | DEBUG_STATE;
    while (text != NULL && *text != '\0') {
        size_t length = strcspn(text, ",");
        int error = length != 0 ? take_word(debug, text, length) : 0;
        if (error != 0)
            return error;
        text += length + (text[length] == ',');
    }
    return 0;
}
