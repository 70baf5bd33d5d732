#include "name.h"

#include <string.h>

/* Bytes of the character that begins here; 0 where none does, or one that moves a terminal's cursor. */
static size_t character_bytes(const char *at)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000}; /* by bytes: no shorter form would do */
    unsigned char first = (unsigned char)*at;

    if (first < 0x80)
        return first >= ' ' && first != 0x7f;
    size_t bytes = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc0 || first > 0xf4)
        return 0;
    uint32_t code = first & (0x7fu >> bytes);
    for (size_t i = 1; i < bytes; i++) {
        if (((unsigned char)at[i] & 0xc0) != 0x80)
            return 0; /* also the end of the string */
        code = code << 6 | ((unsigned char)at[i] & 0x3f);
    }
    bool is_surrogate = code >= 0xd800 && code <= 0xdfff;
    bool is_control = code < 0xa0;
    return code < least[bytes] || code > 0x10ffff || is_surrogate || is_control ? 0 : bytes;
}

void name_copy(char *to, size_t size, const char *from)
{
    while (*from != '\0') {
        size_t bytes = character_bytes(from);
        if (max_u64(bytes, 1) >= size)
            break;
        if (bytes == 0) {
            *to++ = '?';
            from++;
            size--;
            continue;
        }
        memcpy(to, from, bytes);
        to += bytes;
        from += bytes;
        size -= bytes;
    }
    *to = '\0';
}
