#include "roll.h"

#include <bufpool/observe.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* So many pools may come while memory is asked for. */
#define SOME_MORE 8u

static struct {
    pthread_mutex_t lock;     /* recursive: a child may come to prepare for fork once more */
    bool is_kept;             /* forks are prepared for */
    struct roll_entry *first; /* of all kinds, each kind by number */
} roll = {.lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP};

static void lock(void)
{
    pthread_mutex_lock(&roll.lock);
}

static void unlock(void)
{
    pthread_mutex_unlock(&roll.lock);
}

/* The list is whole: whoever changed it was waited for. */
static void child_after_fork(void)
{
    static const pthread_mutex_t fresh = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;

    roll.lock = fresh;
    for (const struct roll_entry *entry = roll.first; entry != NULL; entry = entry->next)
        if (entry->kind->after_fork != NULL)
            entry->kind->after_fork(entry->pool);
}

static void prepare(void)
{
    roll.is_kept = pthread_atfork(lock, unlock, child_after_fork) == 0;
}

/* ------------------------------------------------------------ the section */

/* One pool's, copied out: behind this its struct of statistics, and its name. */
struct copy {
    uint32_t number;
};

/* What copies of a kind need: for how many pools, and for how long a name. */
struct room {
    size_t pools;
    size_t name_bytes;
};

struct copies {
    char *memory;
    size_t stride;
    size_t stats_bytes;
    size_t count;
};

static struct copy *copy_at(const struct copies *copies, size_t index)
{
    return (struct copy *)(void *)(copies->memory + index * copies->stride);
}

static void *stats_of(struct copy *copy)
{
    return (char *)copy + round_up(sizeof *copy, _Alignof(max_align_t));
}

static char *name_of(const struct copies *copies, struct copy *copy)
{
    return (char *)stats_of(copy) + copies->stats_bytes;
}

/* Under the lock: for those that live. */
static struct room room_needed(const struct roll_kind *kind)
{
    struct room room = {.pools = 0};

    for (const struct roll_entry *entry = roll.first; entry != NULL; entry = entry->next) {
        if (entry->kind != kind)
            continue;
        room.pools++;
        room.name_bytes = max_u64(room.name_bytes, strlen(entry->name) + 1);
    }
    return room;
}

/* Under the lock. One that tells nothing, as a forked child's that is its parent's, is left out. */
static void count_all(struct copies *copies, const struct roll_kind *kind)
{
    for (const struct roll_entry *entry = roll.first; entry != NULL; entry = entry->next) {
        if (entry->kind != kind)
            continue;
        struct copy *copy = copy_at(copies, copies->count);
        *(size_t *)stats_of(copy) = kind->stats_size;
        if (kind->stats(entry->pool, stats_of(copy)) != 0)
            continue;
        strcpy(name_of(copies, copy), entry->name);
        copy->number = entry->number;
        copies->count++;
    }
}

/* Room for so many, or none. */
static void copies_begin(struct copies *copies, const struct roll_kind *kind, struct room room)
{
    size_t alignment = _Alignof(max_align_t);

    copies->stats_bytes = round_up(kind->stats_size, alignment);
    copies->stride =
        round_up(sizeof(struct copy), alignment) + copies->stats_bytes + round_up(room.name_bytes, alignment);
    copies->count = 0;
    copies->memory = calloc(room.pools, copies->stride);
}

/* Memory is asked for without the lock: malloc may be a pool's. `memory` is NULL where there was none. */
static void copies_take(struct copies *copies, const struct roll_kind *kind)
{
    for (;;) {
        lock();
        struct room room = room_needed(kind);
        unlock();
        room.pools += SOME_MORE;
        copies_begin(copies, kind, room);
        if (copies->memory == NULL)
            return;
        lock();
        struct room needed = room_needed(kind);
        bool has_room = needed.pools <= room.pools && needed.name_bytes <= room.name_bytes;
        if (has_room)
            count_all(copies, kind);
        unlock();
        if (has_room)
            return;
        free(copies->memory);
    }
}

static int write_section(void *arg, FILE *out, enum bufpool_format format)
{
    const struct roll_kind *kind = arg;
    struct copies copies;

    copies_take(&copies, kind);
    if (copies.memory == NULL)
        return -ENOMEM;
    struct writer_subject *subjects = calloc(copies.count + 1, sizeof *subjects);
    for (size_t i = 0; subjects != NULL && i < copies.count; i++) {
        struct copy *copy = copy_at(&copies, i);
        subjects[i] = (struct writer_subject){name_of(&copies, copy), copy->number, stats_of(copy)};
    }
    if (subjects != NULL)
        writer_write_section(kind->writer, subjects, copies.count, out, format);
    int error = subjects != NULL ? 0 : -ENOMEM;
    free(subjects);
    free(copies.memory);
    return error;
}

/* ------------------------------------------------------------ pools come and go */

/* Between two of its kind where a number is free; else behind them. */
static void insert(struct roll_entry *entry)
{
    struct roll_entry **place = &roll.first;

    for (entry->number = 0; *place != NULL; place = &(*place)->next) {
        if ((*place)->kind != entry->kind)
            continue;
        if ((*place)->number != entry->number)
            break;
        entry->number++;
    }
    entry->next = *place;
    *place = entry;
}

void roll_enter(struct roll_entry *entry, struct roll_kind *kind, void *pool, const char *name)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    entry->kind = NULL;
    pthread_once(&once, prepare);
    if (!roll.is_kept)
        return;
    entry->kind = kind;
    entry->pool = pool;
    entry->name = name;
    lock();
    insert(entry);
    unlock();
    /* relaxed: who comes first adds it. Not under the lock: that would be one lock more in it. */
    if (!atomic_exchange_explicit(&kind->is_told, true, memory_order_relaxed))
        (void)bufpool_section_add(kind->section, write_section, kind); /* no room: it is not told */
}

void roll_leave(struct roll_entry *entry)
{
    if (entry->kind == NULL)
        return;
    lock();
    for (struct roll_entry **place = &roll.first; *place != NULL; place = &(*place)->next) {
        if (*place == entry) {
            *place = entry->next;
            break;
        }
    }
    unlock();
}
