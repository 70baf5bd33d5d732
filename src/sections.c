#include "sections.h"

#include <errno.h>
#include <stdatomic.h>

/*
 * Filled in order and never emptied: the libraries stay loaded. `taken` says whose turn it is to fill a
 * place; a place is read once its `write` is there.
 */
static struct section {
    const char *name;
    void *arg;
    _Atomic(bufpool_section_fn) write;
} sections[SECTIONS_MAX];

static _Atomic unsigned taken;

/* acquire [section]: name and arg come with it. NULL: nobody's yet, or just being filled. */
static bufpool_section_fn write_of(struct section *section)
{
    return atomic_load_explicit(&section->write, memory_order_acquire);
}

int sections_add(const char *name, bufpool_section_fn write, void *arg)
{
    /* relaxed: a number; the place is told of by its `write`. */
    unsigned place = atomic_fetch_add_explicit(&taken, 1, memory_order_relaxed);
    if (place >= SECTIONS_MAX) {
        atomic_store_explicit(&taken, SECTIONS_MAX, memory_order_relaxed); /* it must not come round */
        return -ENOSPC;
    }
    sections[place].name = name;
    sections[place].arg = arg;
    /* release [section]. */
    atomic_store_explicit(&sections[place].write, write, memory_order_release);
    return 0;
}

int sections_write(FILE *out, enum bufpool_format format)
{
    int error = 0;

    for (unsigned i = 0; i < SECTIONS_MAX && error == 0; i++) {
        bufpool_section_fn write = write_of(&sections[i]);
        if (write == NULL)
            continue;
        if (format == BUFPOOL_JSON)
            fprintf(out, ",\"%s\":", sections[i].name);
        error = write(sections[i].arg, out, format);
    }
    return error;
}
