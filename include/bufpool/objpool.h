/*
 * bufpool/objpool.h - pooled objects of one size, with a constructor: Go's sync.Pool for C.
 *
 * An object is constructed when none is idle, and keeps its state while it is
 * pooled: a get that finds one idle runs no code of yours. What nobody took for
 * two collections is destructed and its memory given back; a limit, a trim and
 * destroy do the same.
 *
 * Objects lie in a bufpool of one tier, and cost what its buffers cost; what
 * bufpool.h says of threads, fork, signals and collections holds here, with one
 * exception: objects must not be put by a signal handler that interrupted a put.
 * Link bufpool::objpool.
 */
#ifndef BUFPOOL_OBJPOOL_H
#define BUFPOOL_OBJPOOL_H

#include <bufpool.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct objpool objpool_t;

/*
 * What objpool_create is told. Start from OBJPOOL_CONFIG_INIT and set object_size. The struct is copied.
 *
 * construct  Make a fresh object, whose bytes are anything, ready for use; false: it
 *            cannot be (and nothing of it is left to destruct), errno says why. NULL: fresh
 *            objects are all zeros.
 * destruct   The end of an object; NULL: none is needed. Run by whoever runs the
 *            collection, the trim or destroy, and by a put for the object that it refuses;
 *            with nothing locked. It may block, and may use any pool, also this one, but
 *            not destroy it.
 */
typedef struct objpool_config {
    size_t struct_size; /* set by OBJPOOL_CONFIG_INIT; lets the struct grow */
    const char *name;   /* in dumps and misuse reports; NULL is "objpool" */
    size_t object_size; /* bytes, 1 to 1 GiB */
    bool (*construct)(void *object, void *arg);
    void (*destruct)(void *object, void *arg);
    void *arg;          /* for both */
    size_t max_objects; /* in use and idle at most, destructed ones with memory included; SIZE_MAX */
    size_t max_idle;    /* constructed and idle at most; SIZE_MAX; 0 keeps none */
    size_t min_idle;    /* so many idle ones no collection destructs; 0 */
    uint32_t collect_interval_ms; /* 1000; 0: only when bufpool_collect(objpool_buffers(pool)) is called */
    const char *debug; /* debug words, see bufpool/debug.h and bufpool/contents.h; NULL: BUFPOOL_DEBUG */
} objpool_config_t;

/* Every default, as a brace initialiser for C11 and C++17. object_size has none. */
#define OBJPOOL_CONFIG_INIT                                                                                  \
    {                                                                                                        \
        sizeof(objpool_config_t), NULL, 0, NULL, NULL, NULL, SIZE_MAX, SIZE_MAX, 0, 1000, NULL               \
    }

/*
 * objpool_create - make a pool of objects. 0, or a negative errno with *pool
 * untouched: those of bufpool_create; -EINVAL also for an object_size of 0 or above 1 GiB
 * and a min_idle above max_idle or max_objects. May block.
 */
BUFPOOL_API int objpool_create(objpool_t **pool, const objpool_config_t *config);

/*
 * objpool_destroy - destruct all idle objects and give back the memory. NULL does
 * nothing. Objects still out are told on stderr; they are not destructed, and
 * their memory goes all the same. No other call on the pool may run or come later. May
 * block: a destructor, and the collection it runs in.
 */
BUFPOOL_API void objpool_destroy(objpool_t *pool);

/*
 * objpool_get - an idle object, or a new one. Aligned to 64.
 *
 * NULL with errno ENOMEM where memory is out or max_objects are in use, or with
 * the errno of construct where that failed. Wait-free where this thread has put one lately;
 * else lock-free, but for the kernel and construct. errno is untouched on success, unless construct
 * changes it.
 */
BUFPOOL_API void *objpool_get(objpool_t *pool);

/* objpool_try_get - an idle object, or NULL: constructs nothing, asks for no memory. errno is untouched. */
BUFPOOL_API void *objpool_try_get(objpool_t *pool);

/*
 * objpool_put - give an object back, as it is. NULL is taken, and nothing happens.
 *
 * True: it is kept. False: over max_idle; it has been destructed. Misuse is
 * reported as bufpool_put does it. Wait-free where it is kept by this thread. errno is untouched,
 * unless destruct changes it.
 */
BUFPOOL_API bool objpool_put(objpool_t *pool, void *object);

/* objpool_discard - give back an object that nobody should get again: it is destructed now. NULL: nothing. */
BUFPOOL_API void objpool_discard(objpool_t *pool, void *object);

/*
 * Since create; exact at rest. Start from OBJPOOL_STATS_INIT.
 *
 * gets = hits + constructs + construct_failures + failures. In a forked child all begin at 0: an object that
 * the parent got counts once it is put.
 */
typedef struct objpool_stats {
    size_t struct_size; /* set by OBJPOOL_STATS_INIT; lets the struct grow */

    /* now */
    uint64_t in_use; /* objects */
    uint64_t idle;   /* constructed objects */

    /* counters */
    uint64_t gets;               /* objects asked for; a try_get only where it gave one */
    uint64_t hits;               /* of them, those that found one idle */
    uint64_t failures;           /* of them, those without memory, or with max_objects in use */
    uint64_t constructs;         /* that worked; of a pool without construct: objects that were zeroed */
    uint64_t construct_failures; /* construct said no */
    uint64_t puts;               /* objects given back, discarded ones included */
    uint64_t refusals;           /* of them, those not kept: over max_idle, or discarded */
    uint64_t destructs;          /* of a pool without destruct: 0 */
    uint64_t misuses;            /* faults of callers reported */
} objpool_stats_t;

#define OBJPOOL_STATS_INIT                                                                                   \
    {                                                                                                        \
        sizeof(objpool_stats_t), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0                                             \
    }

/* objpool_stats - 0; -EINVAL for a NULL or too small struct. Lock-free. */
BUFPOOL_API int objpool_stats(objpool_t *pool, objpool_stats_t *stats);

/*
 * objpool_dump - write the statistics, in objects, as a table, JSON or Prometheus text. 0; -EINVAL for an
 * unknown format or a NULL stream; -EIO when writing failed.
 */
BUFPOOL_API int objpool_dump(objpool_t *pool, FILE *out, enum bufpool_format format);

/*
 * objpool_buffers - the bufpool that the objects lie in: for bufpool_collect,
 * bufpool_trim, bufpool_thread_idle, bufpool_stats and bufpool_dump. Get and put objects here, not there.
 */
BUFPOOL_API bufpool_t *objpool_buffers(objpool_t *pool);

#ifdef __cplusplus
}
#endif

#endif /* BUFPOOL_OBJPOOL_H */
