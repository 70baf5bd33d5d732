/*
 * stream - a file's bytes, unpacked if it is gzip'd, and the numbers in them.
 *
 * What is not there, or is none, ends the process with one line that names the
 * file.
 */
#ifndef STREAM_H
#define STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The decoded bytes, and how far they are read. */
struct stream {
    const char *path;
    uint8_t *bytes;
    size_t length, capacity, position;
};

void stream_open(struct stream *stream, const char *path);
void stream_close(struct stream *stream);

/* A number of up to four bytes; anywhere. */
uint32_t little_endian(const uint8_t *bytes, unsigned count);

/* The next varint, at most 2^32 - 1. */
uint32_t stream_varint(struct stream *stream, uint32_t event);

/* The next varint in front of `end`, of 64 bits; false where there is none. */
bool stream_number(struct stream *stream, size_t end, uint64_t *number);

#endif /* STREAM_H */
