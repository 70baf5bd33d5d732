/*
 * lines - what http-parser lets pass, as Debian builds it (HTTP_PARSER_STRICT=0): any two bytes for the end
 * of a chunk, any byte for an LF here and there, "HTTX/1.1" for a version.
 *
 * Who sits in front of us may not let it pass, and see another request there. So all that http-parser
 * did not call a body is looked at once more: CR and LF come as a pair, each chunk ends with one, and the
 * first line with a version.
 */
#ifndef SERVER_LINES_H
#define SERVER_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lines {
    const char *from; /* of the bytes being read, what was not looked at yet */
    uint64_t last;    /* of the first line, the last eight bytes */
    bool has_version; /* it is over, and ended with one */
    bool is_after_cr, is_after_chunk, is_broken;
};

/* More bytes. */
void lines_begin(struct lines *lines, const char *bytes);

/* Of them, these are a body's; with `ends_chunk` its chunk is complete. */
void lines_body(struct lines *lines, const char *at, size_t length, bool ends_chunk);

/* Up to `end` they were this request's. False: its lines are broken. */
bool lines_end(struct lines *lines, const char *end);

#endif /* SERVER_LINES_H */
