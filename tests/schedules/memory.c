#include "memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "point.h"
#include "region.h"

#define PAGE ((size_t)4096)
#define ARENA_PAGES ((size_t)1 << 18) /* of address space: spans are never touched */
#define ARENA_BYTES (ARENA_PAGES * PAGE)
#define ARENA_ADDRESS ((void *)UINT64_C(0x200000000000)) /* the same in every run */
#define HOT_MAX 256u                                     /* pages a schedule may write */
#define RELEASED_BYTE 0xdb

static char *arena;
static char *saved;  /* every page as it was at the snapshot */
static char *image;  /* a forked child's */
static char *parent; /* what memory_image_enter put aside */

static uint8_t writable[ARENA_PAGES];
static uint8_t in_image[ARENA_PAGES];
static uint8_t in_parent[ARENA_PAGES];
static uint32_t hot[HOT_MAX]; /* pages written since the snapshot; before one, since memory_begin */
static unsigned hot_count;
static uint32_t kept[HOT_MAX]; /* pages that were written before the snapshot */
static unsigned kept_count;
static uint32_t cut_end[HOT_MAX]; /* one more than the last page of each part */
static unsigned cuts;
static size_t used, used_saved; /* bytes of the arena that are given out */

void (*memory_on_purge)(uintptr_t begin, uintptr_t end);

static void *map(void *address, int protection)
{
    void *mapped = mmap(
        address, ARENA_BYTES, protection,
        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | (address != NULL ? MAP_FIXED_NOREPLACE : 0), -1, 0);
    if (mapped == MAP_FAILED) {
        perror("schedules: mmap");
        exit(2);
    }
    return mapped;
}

static void protect(void *address, size_t size, int protection)
{
    if (mprotect(address, size, protection) != 0) {
        perror("schedules: mprotect");
        exit(2);
    }
}

void memory_begin(void)
{
    arena = map(ARENA_ADDRESS, PROT_READ);
    saved = map(NULL, PROT_READ | PROT_WRITE);
    image = map(NULL, PROT_READ | PROT_WRITE);
    parent = map(NULL, PROT_READ | PROT_WRITE);
    memory_cuts_fix();
}

bool memory_fault(void *address)
{
    size_t page = (size_t)((char *)address - arena) / PAGE;
    if ((char *)address < arena || page >= ARENA_PAGES || writable[page] || (page + 1) * PAGE > used)
        return false;
    if (hot_count == HOT_MAX) {
        fputs("schedules: a schedule writes too many pages\n", stderr);
        exit(2);
    }
    protect(arena + page * PAGE, PAGE, PROT_READ | PROT_WRITE);
    writable[page] = 1;
    hot[hot_count++] = (uint32_t)page;
    return true;
}

static void copy_page(char *to, const char *from, uint32_t page)
{
    memcpy(to + page * PAGE, from + page * PAGE, PAGE);
}

void memory_snapshot(void)
{
    memcpy(kept, hot, hot_count * sizeof hot[0]);
    kept_count = hot_count;
    for (unsigned i = 0; i < hot_count; i++)
        copy_page(saved, arena, hot[i]);
    protect(arena, ARENA_BYTES, PROT_READ);
    memset(writable, 0, sizeof writable);
    hot_count = 0;
    memory_cuts_fix();
    used_saved = used;
}

void memory_restore(void)
{
    for (unsigned i = 0; i < hot_count; i++)
        copy_page(arena, saved, hot[i]);
    used = used_saved;
}

/* ------------------------------------------------------------ the image of a fork */

static int by_number(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a;
    uint32_t right = *(const uint32_t *)b;
    return left < right ? -1 : left > right;
}

unsigned memory_cuts_fix(void)
{
    memcpy(cut_end, hot, hot_count * sizeof hot[0]);
    qsort(cut_end, hot_count, sizeof cut_end[0], by_number);
    for (unsigned i = 0; i < hot_count; i++)
        cut_end[i]++;
    cuts = hot_count > 0 ? hot_count : 1;
    cut_end[cuts - 1] = ARENA_PAGES;
    return cuts;
}

void memory_image_begin(void)
{
    for (unsigned i = 0; i < hot_count; i++)
        in_image[hot[i]] = 0;
}

void memory_image_part(unsigned part)
{
    uint32_t begin = part == 0 ? 0 : cut_end[part - 1];
    for (unsigned i = 0; i < hot_count; i++) {
        if (hot[i] < begin || hot[i] >= cut_end[part])
            continue;
        copy_page(image, arena, hot[i]);
        in_image[hot[i]] = 1;
    }
}

void memory_image_enter(void)
{
    for (unsigned i = 0; i < hot_count; i++) {
        copy_page(parent, arena, hot[i]);
        /* Not there: written for the first time behind the copy, which has what was there before. */
        copy_page(arena, in_image[hot[i]] ? image : saved, hot[i]);
        in_parent[hot[i]] = 1;
    }
}

void memory_image_leave(void)
{
    for (unsigned i = 0; i < hot_count; i++) {
        copy_page(arena, in_parent[hot[i]] ? parent : saved, hot[i]);
        in_parent[hot[i]] = 0;
        in_image[hot[i]] = 0;
    }
}

/* ------------------------------------------------------------ region.h */

size_t region_page(void)
{
    return PAGE;
}

void *region_map(size_t size)
{
    char *address = arena + used;
    used += round_up(size, PAGE);
    if (used > ARENA_BYTES) {
        fputs("schedules: the arena is full\n", stderr);
        exit(2);
    }
    return address;
}

void *region_reserve(size_t size)
{
    return region_map(size);
}

/* Never used again; who still reads it finds nonsense. */
void region_release(void *address, size_t size)
{
    size_t first = (size_t)((char *)address - arena) / PAGE;
    for (size_t page = first; page < first + size / PAGE; page++)
        if (writable[page])
            memset(arena + page * PAGE, RELEASED_BYTE, PAGE);
}

bool region_commit(void *address, size_t size)
{
    (void)size;
    schedule_point(address, "mprotect", true);
    return true;
}

void region_decommit(void *address, size_t size)
{
    (void)size;
    schedule_point(address, "mmap", true);
}

/* Pages of a list that lie in a range read as zeros again; all others of the range always did. */
static void zero(const uint32_t *pages, unsigned count, uint32_t from, uint32_t to)
{
    for (unsigned i = 0; i < count; i++)
        if (pages[i] >= from && pages[i] < to)
            memset(arena + pages[i] * PAGE, 0, PAGE);
}

bool region_purge(void *address, size_t size)
{
    char *begin = address;
    schedule_point(address, "madvise", true);
    if (memory_on_purge != NULL)
        memory_on_purge((uintptr_t)begin, (uintptr_t)begin + size);
    uint32_t from = (uint32_t)((size_t)(begin - arena) / PAGE);
    uint32_t to = from + (uint32_t)(size / PAGE);
    zero(kept, kept_count, from, to);
    zero(hot, hot_count, from, to);
    return true;
}

void region_advise(void *address, size_t size, bool huge_pages)
{
    (void)address;
    (void)size;
    (void)huge_pages;
}

size_t region_reserve_limit(void)
{
    return SIZE_MAX;
}

bool barrier_register(void)
{
    return true;
}

/* Nothing waits in a store buffer here: a barrier is only a moment in which others may run. */
bool barrier_all(void)
{
    static char everybody;
    schedule_point(&everybody, "membarrier", true);
    return true;
}
