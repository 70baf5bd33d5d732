#include "harness.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "peer.h"

_Noreturn void die(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("bufpool-bench: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    fflush(stdout);
    /* Not exit(): other threads may be in the middle of anything. */
    _Exit(1);
}

void *harness_map(size_t bytes, bool touched)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | (touched ? MAP_POPULATE : MAP_NORESERVE);
    void *memory = mmap(NULL, bytes ? bytes : 1, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (memory == MAP_FAILED)
        die("no %zu bytes for the harness itself: %s", bytes, strerror(errno));
    return memory;
}

void harness_unmap(void *memory, size_t bytes)
{
    munmap(memory, bytes ? bytes : 1);
}

void sample_print(const struct options *options, const char *workload, const char *variant,
                  const char *metric, const char *unit, double value)
{
    printf("%s,%s,%s,%s,%s,%u,%.4f\n", workload, variant, options->peer->name, metric, unit, options->round,
           value);
    if (fflush(stdout) != 0)
        die("cannot write the sample: %s", strerror(errno));
}

const char *size_text(char text[24], size_t size)
{
    if (size >= 1 << 20 && size % (1 << 20) == 0)
        snprintf(text, 24, "%zuM", size >> 20);
    else if (size >= 1 << 10 && size % (1 << 10) == 0)
        snprintf(text, 24, "%zuK", size >> 10);
    else
        snprintf(text, 24, "%zu", size);
    return text;
}
