/*
 * The face against a C library that is watched: this program's own malloc family
 * passes every call on, counts what is lent, and fails when told to. One process,
 * tests in order, no Criterion, which would use it too.
 */
#include <bufpool/malloc.h>
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "misuse.h"
#include "pools.h"
#include "property.h"

/* glibc's own, by the names that cannot be replaced. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *memory);

/* ------------------------------------------------------------ the watched C library */

static struct {
    unsigned calls; /* of any kind */
    long lent;      /* pieces */
    bool fails;
    void *freed; /* the last one */
    void *trap;  /* an address that is no memory: its free is only noted */
} door;

static void *count(void *memory)
{
    door.calls++;
    door.lent += memory != NULL;
    return memory;
}

static void *refuse(void)
{
    door.calls++;
    errno = ENOMEM;
    return NULL;
}

void *malloc(size_t size)
{
    return door.fails ? refuse() : count(__libc_malloc(size));
}

void *calloc(size_t number, size_t size)
{
    return door.fails ? refuse() : count(__libc_calloc(number, size));
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return door.fails ? refuse() : count(__libc_memalign(alignment, size));
}

void *realloc(void *memory, size_t size)
{
    if (door.fails)
        return refuse();
    door.lent -= memory != NULL;
    return count(__libc_realloc(memory, size));
}

void free(void *memory)
{
    door.calls++;
    door.freed = memory;
    if (memory == NULL || memory == door.trap)
        return;
    door.lent--;
    __libc_free(memory);
}

size_t malloc_usable_size(void *memory)
{
    static size_t (*theirs)(void *memory);
    if (theirs == NULL)
        *(void **)&theirs = dlsym(RTLD_NEXT, "malloc_usable_size");
    door.calls++;
    return theirs(memory);
}

/* ------------------------------------------------------------ properties */

/* Fails when a request of the pool's asks the C library for anything, or the other way round. */
static bool each_request_is_served_by_whose_it_is(void)
{
    for (size_t size = 1; size < 2 * MIB; size = size * 5 / 4 + 1) {
        struct bufpool_stats before = stats_of(NULL);
        unsigned calls = door.calls;
        void *memory[] = {bufpool_malloc(size), bufpool_calloc(1, size), bufpool_realloc(NULL, size),
                          bufpool_aligned_alloc(16, size)};
        bool is_small = size <= 256;
        REQUIRE(door.calls - calls == (is_small ? 4 : 0));
        REQUIRE(stats_of(NULL).gets - before.gets == (is_small ? 0 : 4));
        calls = door.calls;
        for (int i = 0; i < 4; i++)
            bufpool_free(memory[i]);
        REQUIRE(door.calls - calls == (is_small ? 4 : 0));
        REQUIRE(stats_of(NULL).puts - before.puts == (is_small ? 0 : 4));
    }
    return door.lent == 0;
}

/* Fails when a foreign piece is lost or freed twice: each is given back once, and the C library counts them.
 */
static bool what_malloc_gave_is_given_back_to_it(void)
{
    errno = 4711;
    for (size_t size = 1; size < 8 * MIB; size = size * 3 / 2 + 1) {
        void *memory[] = {malloc(size), calloc(1, size), aligned_alloc(4096, size),
                          malloc(size), malloc(size),    malloc(size)};
        memory[3] = bufpool_realloc(memory[3], size + 1000);
        memory[4] = bufpool_realloc(memory[4], 10);
        REQUIRE(bufpool_malloc_usable_size(memory[5]) == malloc_usable_size(memory[5]));
        memory[5] = bufpool_realloc(memory[5], 0);
        REQUIRE(memory[5] == NULL);
        for (int i = 0; i < 6; i++)
            bufpool_free(memory[i]);
        REQUIRE(door.lent == 0);
    }
    return errno == 4711 && stats_of(NULL).in_use_bytes == 0;
}

/* Fails when a foreign address is looked at, which faults here, or taken for misuse. */
static bool a_foreign_address_is_not_read(void)
{
    struct misuse_record record = {.calls = 0};
    const size_t length = 64 * KIB;
    char *memory = mmap(NULL, length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    REQUIRE(memory != MAP_FAILED);
    misuse_record(&record);
    for (size_t at = 0; at < length; at += 1024 + 16) {
        door.trap = memory + at;
        bufpool_free(memory + at);
        REQUIRE(door.freed == memory + at);
    }
    door.trap = NULL;
    munmap(memory, length);
    return record.calls == 0;
}

/* Fails when the C library's failure is hidden, or a piece is lost that could not move. */
static bool a_failure_of_the_c_library_is_told(void)
{
    char *small = bufpool_malloc(100);
    fill(small, 100, 7);
    door.fails = true;
    errno = 0;
    REQUIRE(bufpool_malloc(100) == NULL && errno == ENOMEM);
    errno = 0;
    REQUIRE(bufpool_calloc(10, 10) == NULL && errno == ENOMEM);
    errno = 0;
    REQUIRE(bufpool_aligned_alloc(4096, 4096) == NULL && errno == ENOMEM);
    errno = 0;
    REQUIRE(bufpool_realloc(small, 200) == NULL && errno == ENOMEM && is_filled(small, 100, 7));
    errno = 4711;
    small = bufpool_realloc(small, 2000); /* into the pool */
    REQUIRE(small != NULL && is_filled(small, 100, 7) && errno == 4711);
    door.fails = false;
    bufpool_free(small);
    return door.lent == 0;
}

/* Fails when making a piece smaller fails: the C library has no room for it, but it may stay where it is. */
static bool what_grows_smaller_can_stay(void)
{
    char *memory = bufpool_malloc(5000);
    fill(memory, 5000, 3);
    door.fails = true;
    errno = 4711;
    char *same = bufpool_realloc(memory, 100);
    door.fails = false;
    REQUIRE(same == memory && is_filled(same, 100, 3) && errno == 4711);
    REQUIRE(bufpool_malloc_usable_size(same) >= 100);
    bufpool_free(same);
    return door.lent == 0 && stats_of(NULL).in_use_bytes == 0;
}

int main(void)
{
    static const struct property properties[] = {
        PROPERTY(each_request_is_served_by_whose_it_is), PROPERTY(what_malloc_gave_is_given_back_to_it),
        PROPERTY(a_foreign_address_is_not_read),         PROPERTY(a_failure_of_the_c_library_is_told),
        PROPERTY(what_grows_smaller_can_stay),
    };
    static char output[BUFSIZ];

    setvbuf(stdout, output, _IOLBF, sizeof output); /* or printf would allocate in between */
    bufpool_free(bufpool_malloc(1000));             /* the pool's own start may use the C library */
    door.lent = 0;
    return properties_run(properties, sizeof properties / sizeof properties[0]);
}
