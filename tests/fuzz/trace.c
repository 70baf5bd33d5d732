/*
 * trace - any bytes as a recorded trace: refused with one line, or read into
 * events that the benchmark may trust.
 *
 * bench/trace.c itself, with the harness' functions that it needs stood in for:
 * to die is to come back here.
 */
#include "trace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "input.h"

/* The tests' own is in a header that the benchmark's do not go together with. */
#define MUST(condition) ((condition) ? (void)0 : (perror(#condition), abort()))

/* ------------------------------------------------------------ the harness */

static jmp_buf refused;
static char reason[512];

/* What was mapped and not yet unmapped: a trace that is refused leaves it behind. From malloc, whose bounds
 * AddressSanitizer knows. */
static void *mapped[16];

void die(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason, sizeof reason, format, arguments);
    va_end(arguments);
    longjmp(refused, 1);
}

static void replace(const void *old, void *new)
{
    size_t i = 0;
    while (mapped[i] != old)
        MUST(++i < sizeof mapped / sizeof mapped[0]);
    mapped[i] = new;
}

void *harness_map(size_t bytes, bool touched)
{
    (void)touched; /* nothing is measured */
    void *memory = calloc(1, bytes);
    MUST(memory != NULL);
    replace(NULL, memory);
    return memory;
}

/* bench/trace.c's mremap. What is new reads as zeros there. */
void *stand_in_mremap(void *memory, size_t bytes_before, size_t bytes, int flags, ...);
void *stand_in_mremap(void *memory, size_t bytes_before, size_t bytes, int flags, ...)
{
    (void)flags;
    char *moved = realloc(memory, bytes);
    MUST(moved != NULL && bytes >= bytes_before);
    memset(moved + bytes_before, 0, bytes - bytes_before);
    replace(memory, moved);
    return moved;
}

void harness_unmap(void *memory, size_t bytes)
{
    (void)bytes;
    replace(memory, NULL);
    free(memory);
}

static void unmap_all(void)
{
    for (size_t i = 0; i < sizeof mapped / sizeof mapped[0]; i++) {
        free(mapped[i]);
        mapped[i] = NULL;
    }
}

/* ------------------------------------------------------------ what a trace promises */

static void must_be_sound(const struct trace *trace)
{
    bool *live = calloc(trace->slots, sizeof *live);
    uint32_t count = 0;

    MUST(live != NULL);
    for (uint32_t i = 0; i < trace->count; i++) {
        const struct trace_event *event = &trace->events[i];
        MUST(event->thread < trace->threads && event->slot < trace->slots);
        MUST(event->operation <= TRACE_RESIZE);
        MUST(live[event->slot] == (event->operation != TRACE_GET));
        MUST(event->operation != TRACE_PUT || event->size == 0);
        live[event->slot] = event->operation != TRACE_PUT;
        count += event->operation == TRACE_GET;
        count -= event->operation == TRACE_PUT;
    }
    MUST(count == 0);
    free(live);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    static int file = -1;
    static char path[64];
    static struct trace trace; /* static: known after a longjmp */

    if (file < 0)
        file = memfd_create("trace", 0);
    MUST(file >= 0 && ftruncate(file, 0) == 0);
    MUST(count == 0 || pwrite(file, bytes, count, 0) == (ssize_t)count);
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);

    reason[0] = '\0';
    int lowest = dup(file); /* what is opened from here on has this number or a higher one */
    close(lowest);
    if (setjmp(refused) == 0) {
        trace_load(&trace, path);
        must_be_sound(&trace);
        trace_free(&trace);
    } else {
        MUST(strncmp(reason, path, strlen(path)) == 0 && strchr(reason, '\n') == NULL);
        unmap_all();
        for (int leaked = lowest; leaked < lowest + 4; leaked++)
            close(leaked);
    }
    return 0;
}
