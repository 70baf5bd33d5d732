/*
 * version - structs that callers fill and that may grow: the caller's is of our
 * version or a later one.
 */
#ifndef VERSION_H
#define VERSION_H

#include <stdbool.h>
#include <stddef.h>

/*
 * May a struct whose first field says `size` be read as ours of `known` bytes? What we
 * lack must be 0, which every later version takes for "as before". Shorter ones there are none
 * yet: this is the first version.
 */
static inline bool version_is_known(const void *given, size_t size, size_t known)
{
    if (size < known)
        return false;
    for (size_t i = known; i < size; i++)
        if (((const char *)given)[i] != 0)
            return false;
    return true;
}

#endif /* VERSION_H */
