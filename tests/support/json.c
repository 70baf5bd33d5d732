#include "text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "pools.h"

char *dump_text(bufpool_t *pool, enum bufpool_format format)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);

    MUST(out != NULL);
    MUST(bufpool_dump(pool, out, format) == 0);
    MUST(fclose(out) == 0);
    return text;
}

/* Every reader below returns what is behind its piece of text, or NULL where that is not well-formed. */
static const char *json_value(const char *at, unsigned depth);

static const char *json_space(const char *at)
{
    return at + strspn(at, " \t\r\n");
}

static const char *json_string(const char *at)
{
    if (*at++ != '"')
        return NULL;
    while (*at != '"') {
        if ((unsigned char)*at < 0x20)
            return NULL; /* control characters, and the end of the text */
        if (*at++ != '\\')
            continue;
        if (*at == 'u') {
            for (int i = 1; i <= 4; i++) {
                if (!isxdigit((unsigned char)at[i]))
                    return NULL;
            }
            at += 5;
        } else if (*at != '\0' && strchr("\"\\/bfnrt", *at) != NULL) {
            at++;
        } else {
            return NULL;
        }
    }
    return at + 1;
}

static const char *json_digits(const char *at)
{
    if (!isdigit((unsigned char)*at))
        return NULL;
    while (isdigit((unsigned char)*at))
        at++;
    return at;
}

static const char *json_fraction_and_exponent(const char *at)
{
    if (*at == '.')
        at = json_digits(at + 1);
    if (at != NULL && (*at == 'e' || *at == 'E')) {
        at++;
        at = json_digits(*at == '+' || *at == '-' ? at + 1 : at);
    }
    return at;
}

static const char *json_number_end(const char *at)
{
    if (*at == '-')
        at++;
    /* No leading zeros. */
    at = *at == '0' ? at + 1 : json_digits(at);
    return at == NULL ? NULL : json_fraction_and_exponent(at);
}

/* The members of an object (with keys) or of an array, from behind the opening bracket. */
static const char *json_members(const char *at, char closing, unsigned depth)
{
    at = json_space(at);
    if (*at == closing)
        return at + 1;
    for (;;) {
        if (closing == '}') {
            at = json_string(json_space(at));
            if (at == NULL)
                return NULL;
            at = json_space(at);
            if (*at++ != ':')
                return NULL;
        }
        at = json_value(at, depth);
        if (at == NULL)
            return NULL;
        at = json_space(at);
        if (*at == closing)
            return at + 1;
        if (*at++ != ',')
            return NULL;
    }
}

static const char *json_value(const char *at, unsigned depth)
{
    if (depth == 0)
        return NULL;
    at = json_space(at);
    switch (*at) {
    case '{':
        return json_members(at + 1, '}', depth - 1);
    case '[':
        return json_members(at + 1, ']', depth - 1);
    case '"':
        return json_string(at);
    case 't':
        return strncmp(at, "true", 4) == 0 ? at + 4 : NULL;
    case 'f':
        return strncmp(at, "false", 5) == 0 ? at + 5 : NULL;
    case 'n':
        return strncmp(at, "null", 4) == 0 ? at + 4 : NULL;
    default:
        return json_number_end(at);
    }
}

bool json_is_valid(const char *text)
{
    const char *end = json_value(text, 32);
    return end != NULL && *json_space(end) == '\0';
}

uint64_t json_number(const char *text, const char *key)
{
    char quoted[64];

    snprintf(quoted, sizeof quoted, "\"%s\"", key);
    const char *at = strstr(text, quoted);
    if (at == NULL)
        return UINT64_MAX;
    at = json_space(at + strlen(quoted));
    if (*at != ':')
        return UINT64_MAX;
    at = json_space(at + 1);
    return isdigit((unsigned char)*at) ? strtoull(at, NULL, 10) : UINT64_MAX;
}
