#include "json.h"

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define DEPTH_MOST 32

static const char *skip_space(const char *text)
{
    while (*text == ' ' || *text == '\t' || *text == '\n' || *text == '\r')
        text++;
    return text;
}

/* Behind the string that begins here, or NULL. */
static const char *skip_string(const char *text)
{
    if (*text != '"')
        return NULL;
    for (text++; *text && *text != '"'; text++)
        if (*text == '\\' && *++text == '\0')
            return NULL;
    return *text ? text + 1 : NULL;
}

static const char *skip_value(const char *text, unsigned depth);

/* Members or elements, up to `close`. */
static const char *skip_all(const char *text, char close, unsigned depth)
{
    text = skip_space(text + 1);
    if (*text == close)
        return text + 1;
    for (;;) {
        if (close == '}') {
            text = skip_string(skip_space(text));
            if (!text || *(text = skip_space(text)) != ':')
                return NULL;
            text++;
        }
        text = skip_value(text, depth + 1);
        if (!text)
            return NULL;
        text = skip_space(text);
        if (*text == close)
            return text + 1;
        if (*text++ != ',')
            return NULL;
    }
}

static const char *skip_value(const char *text, unsigned depth)
{
    text = skip_space(text);
    if (depth > DEPTH_MOST)
        return NULL;
    if (*text == '{')
        return skip_all(text, '}', depth);
    if (*text == '[')
        return skip_all(text, ']', depth);
    if (*text == '"')
        return skip_string(text);
    const char *end = text; /* a number, true, false, null */
    while (isalnum((unsigned char)*end) || *end == '-' || *end == '+' || *end == '.')
        end++;
    return end > text ? end : NULL;
}

/* Does the string that begins here say this? Keys and names of pools: no escapes but \" and \\. */
static bool says(const char *string, const char *text)
{
    if (*string++ != '"')
        return false;
    for (; *text; text++, string++) {
        if (*string == '\\')
            string++;
        if (*string != *text)
            return false;
    }
    return *string == '"';
}

const char *json_first(const char *array)
{
    if (!array || (*array != '[' && *array != '{') || !skip_value(array, 0))
        return NULL;
    const char *first = skip_space(array + 1);
    return *first == ']' || *first == '}' ? NULL : first;
}

const char *json_next(const char *value)
{
    const char *end = value ? skip_value(value, 0) : NULL;
    if (!end || *(end = skip_space(end)) != ',')
        return NULL;
    return skip_space(end + 1);
}

/* The value behind a key. */
static const char *value_of(const char *key)
{
    const char *end = skip_string(key);
    return skip_space(skip_space(end) + 1);
}

const char *json_member(const char *object, const char *key)
{
    if (!object || *object != '{')
        return NULL;
    for (const char *at = json_first(object); at; at = json_next(value_of(at)))
        if (says(at, key))
            return value_of(at);
    return NULL;
}

uint64_t json_number(const char *value)
{
    uint64_t number = 0;
    if (!value || !isdigit((unsigned char)*value))
        return 0;
    for (; isdigit((unsigned char)*value); value++)
        if (__builtin_mul_overflow(number, (uint64_t)10, &number) ||
            __builtin_add_overflow(number, (uint64_t)(*value - '0'), &number))
            return 0;
    return *value == '.' || *value == 'e' || *value == 'E' ? 0 : number;
}

static const char *find_in(const char *value, const char *name)
{
    const char *pool = json_member(value, "pool"), *found = NULL;

    if (pool && json_member(value, "total") && (!name || says(pool, name)))
        return value;
    bool is_object = *value == '{';
    for (const char *at = json_first(value); at && !found; at = json_next(is_object ? value_of(at) : at))
        found = find_in(is_object ? value_of(at) : at, name);
    return found;
}

const char *json_find_pool(const char *text, const char *name)
{
    for (const char *end; (end = skip_value(text, 0)) != NULL; text = end) {
        const char *found = find_in(skip_space(text), name);
        if (found)
            return found;
    }
    return NULL;
}
