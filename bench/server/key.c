#include "key.h"

#include <http_parser.h>
#include <stdbool.h>
#include <string.h>

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* How many bytes it has decoded; -1: a '%' without two digits behind it. */
static ptrdiff_t decode(char *text, size_t length)
{
    char *to = text;

    for (size_t i = 0; i < length; i++) {
        if (text[i] == '%') {
            int high = i + 2 < length ? digit(text[i + 1]) : -1;
            int low = i + 2 < length ? digit(text[i + 2]) : -1;
            if (high < 0 || low < 0)
                return -1;
            *to++ = (char)(high << 4 | low);
            i += 2;
        } else {
            *to++ = text[i];
        }
    }
    return to - text;
}

enum key_fault key_of(char *target, size_t length, const char **key, size_t *key_size)
{
    struct http_parser_url url;

    for (size_t i = 0; i < length; i++) /* http-parser, as Debian builds it, lets some of these pass */
        if ((unsigned char)target[i] <= ' ' || (unsigned char)target[i] >= 0x7f)
            return KEY_MALFORMED;
    http_parser_url_init(&url);
    if (http_parser_parse_url(target, length, 0, &url) != 0)
        return KEY_MALFORMED;
    if ((url.field_set & (1u << UF_QUERY | 1u << UF_FRAGMENT)) != 0)
        return KEY_MALFORMED;
    if ((url.field_set & 1u << UF_PATH) == 0)
        return KEY_EMPTY;
    char *path = target + url.field_data[UF_PATH].off;
    size_t path_size = url.field_data[UF_PATH].len;
    if (path[0] != '/')
        return KEY_MALFORMED;
    if (path_size == 8 && memcmp(path, "/metrics", 8) == 0)
        return KEY_METRICS;
    ptrdiff_t size = decode(path + 1, path_size - 1);
    if (size < 0)
        return KEY_MALFORMED;
    *key = path + 1;
    *key_size = (size_t)size;
    return size == 0 ? KEY_EMPTY : KEY_GOOD;
}
