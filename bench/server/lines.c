#include "lines.h"

/* "HTTP/d.d", eight bytes; the digits are http-parser's matter. */
#define VERSION UINT64_C(0x485454502f002e00)
#define VERSION_MASK UINT64_C(0xffffffffff00ff00)

static void look(struct lines *lines, char byte)
{
    if (lines->is_after_cr != (byte == '\n') || (lines->is_after_chunk && byte != '\r'))
        lines->is_broken = true;
    if (!lines->has_version && byte == '\r' && lines->last != 0) { /* 0: an empty line before the first */
        lines->has_version = (lines->last & VERSION_MASK) == VERSION;
        lines->is_broken |= !lines->has_version;
    } else if (!lines->has_version && byte != '\r' && byte != '\n') {
        lines->last = lines->last << 8 | (unsigned char)byte;
    }
    lines->is_after_cr = byte == '\r';
    lines->is_after_chunk = false;
}

void lines_begin(struct lines *lines, const char *bytes)
{
    lines->from = bytes;
}

void lines_body(struct lines *lines, const char *at, size_t length, bool ends_chunk)
{
    lines_end(lines, at);
    lines->from = at + length;
    lines->is_after_chunk = ends_chunk;
}

bool lines_end(struct lines *lines, const char *end)
{
    while (lines->from < end)
        look(lines, *lines->from++);
    return !lines->is_broken;
}
