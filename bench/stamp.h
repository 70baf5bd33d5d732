/*
 * stamp - fill a buffer with bytes that only its number gives, and find the
 * first that is wrong: two owners of one buffer, or a byte lost on the way,
 * cannot both keep their stamp.
 */
#ifndef STAMP_H
#define STAMP_H

#include <stdint.h>
#include <string.h>

/* The 8 bytes at word `word` of buffer `number`. */
static inline uint64_t stamp_word(uint64_t number, size_t word)
{
    return (number + 1) * UINT64_C(0x9e3779b97f4a7c15) + word;
}

/* Stamp bytes from..size; `from` is rounded down to a word. */
static inline void stamp_fill(void *buffer, size_t from, size_t size, uint64_t number)
{
    char *bytes = buffer;
    size_t word = from / 8;
    for (; (word + 1) * 8 <= size; word++) {
        uint64_t value = stamp_word(number, word);
        memcpy(bytes + word * 8, &value, 8);
    }
    uint64_t value = stamp_word(number, word);
    memcpy(bytes + word * 8, &value, size - word * 8);
}

/* The offset of the first word whose bytes are not the stamp; `size` when all are right. */
static inline size_t stamp_check(const void *buffer, size_t size, uint64_t number)
{
    const char *bytes = buffer;
    size_t word = 0;
    uint64_t value;
    for (; (word + 1) * 8 <= size; word++) {
        memcpy(&value, bytes + word * 8, 8);
        if (value != stamp_word(number, word))
            return word * 8;
    }
    value = stamp_word(number, word);
    return memcmp(bytes + word * 8, &value, size - word * 8) == 0 ? size : word * 8;
}

#endif /* STAMP_H */
