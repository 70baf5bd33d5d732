#include "subject.h"

#include <string.h>

void write_byte(void *at, unsigned char byte)
{
    *(volatile unsigned char *)at = byte;
}

unsigned char read_byte(const void *at)
{
    return *(const volatile unsigned char *)at;
}

void go_on(size_t size)
{
    enum { BUFFERS = 8 };
    void *buffers[BUFFERS];

    for (int i = 0; i < BUFFERS; i++) {
        buffers[i] = borrow(size);
        if (buffers[i] != NULL)
            memset(buffers[i], i, size);
    }
    for (int i = 0; i < BUFFERS; i++)
        give_back(buffers[i]);
}
