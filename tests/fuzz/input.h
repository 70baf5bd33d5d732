/*
 * input - numbers out of the bytes that a fuzzer makes up. Behind the end all are 0.
 */
#ifndef INPUT_H
#define INPUT_H

#include <stddef.h>
#include <stdint.h>

struct input {
    const uint8_t *at;
    size_t left;
};

static inline uint8_t input_byte(struct input *input)
{
    if (input->left == 0)
        return 0;
    input->left--;
    return *input->at++;
}

/* Below `limit`, which is at most 65536. */
static inline size_t input_below(struct input *input, size_t limit)
{
    size_t low = input_byte(input);
    return (limit <= 256 ? low : low | (size_t)input_byte(input) << 8) % limit;
}

/* Any size, small ones and those around powers of two more often than others: 2^0..2^(bits-1), -128..127. */
static inline size_t input_size(struct input *input, unsigned bits)
{
    size_t power = (size_t)1 << input_byte(input) % bits;
    int8_t around = (int8_t)input_byte(input);
    return around < 0 && power < (size_t)-around ? 0 : power + (size_t)around;
}

/* What libFuzzer calls, and replay.c; always 0. A fault aborts. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

#endif /* INPUT_H */
