/*
 * fork - a child's memory is no image of one moment: its pages are copied one after another while the parent's other
 * threads carve and grow.
 *
 * Stands for: grow and span_carve, span_after_fork (src/span.c), the fork handlers and pool_after_fork
 * (src/lifecycle.c). Two threads of the parent carve; what they carve is written into a page of the user's, as a
 * list that the forking thread reads in the child. Two buffers a growth. The kernel holds the lock of the address
 * space while it copies: mprotect waits, so a growth under way can be finished but none begun.
 *
 *   -DNO_MARGIN       the child carves from where its image says the parent was
 *   -DTRUST_FREE      the child takes what its image says is free
 *   -DTRUST_IDLE      the child keeps the magazine that its image has in the depot
 *   -DLOCK_KEPT       the child does not open the registry's lock, which its parent had closed for the fork
 */
#define STEP 2
#define BUFFERS 10

byte committed;            /* span->committed */
byte mapped;               /* how far mprotect has been; the kernel's, of one moment */
bool free[BUFFERS];        /* group->free */
bool handed[BUFFERS];      /* the user's page: what is in use */
byte idle = BUFFERS;       /* a magazine of one buffer in the depot, or none */
bool lock;                 /* the registry's */
bool copying;              /* the kernel is: no mprotect */

byte child_committed;      /* the image */
bool child_free[BUFFERS];
bool child_handed[BUFFERS];
byte child_idle;
bool child_lock;
byte ended;

/* The lowest free one: index, or BUFFERS. */
inline take(index)
{
    d_step {
        index = 0;
        do
        :: index < BUFFERS && !free[index] -> index++
        :: else -> break
        od;
        if
        :: index < BUFFERS -> free[index] = false
        :: else
        fi
    }
}

/* Carves, and puts and gets by way of the depot. */
proctype worker(byte carves)
{
    byte index, seen;

    do
    :: carves > 0 ->
        carves--;
        do
        :: skip;
            take(index);
            if
            :: index < BUFFERS -> break
            :: else
            fi;
            /* grow: commit, count, put into the books */
            seen = committed;
            d_step {
                !copying ->
                if
                :: mapped < seen + STEP -> mapped = seen + STEP
                :: else
                fi
            };
            if
            :: d_step {
                committed == seen ->
                committed = seen + STEP
               };
                d_step {
                    free[seen] = true;
                    free[seen + 1] = true
                }
            :: else
            fi;
            seen = 0
        od;
        handed[index] = true;
        if
        :: idle == BUFFERS -> /* a put into the depot, and a get out of it */
            handed[index] = false;
            d_step {
                if
                :: idle == BUFFERS ->
                    idle = index;
                    index = BUFFERS
                :: else
                fi
            };
            if
            :: index < BUFFERS -> handed[index] = true
            :: else ->
                d_step {
                    index = idle;
                    idle = BUFFERS
                };
                if
                :: index < BUFFERS -> handed[index] = true
                :: else
                fi
            fi
        :: true
        fi;
        index = 0
    :: else -> break
    od;
    ended++
}

/* A thread that ends, and holds the lock that far: the fork waits for it. */
proctype leaver()
{
    atomic { !lock -> lock = true };
    lock = false;
    ended++
}

/* What the child does: pool_after_fork, then two carves, and a thread's end, which takes the lock. */
inline child()
{
#ifndef LOCK_KEPT
    child_lock = false;
#endif
#ifdef NO_MARGIN
    first = child_committed;
#else
    first = child_committed + 2 * STEP;
#endif
#ifdef TRUST_FREE
    i = 0;
    do
    :: i < BUFFERS ->
        assert(!child_free[i] || !child_handed[i]); /* free, and somebody has it */
        i++
    :: else -> break
    od;
    i = 0;
#endif
#ifdef TRUST_IDLE
    assert(child_idle == BUFFERS || !child_handed[child_idle]); /* in the depot, and somebody has it */
#endif
    i = first;
    do
    :: i < BUFFERS ->
        assert(!child_handed[i]); /* carved anew, and somebody has it */
        i++
    :: else -> break
    od;
    i = 0;
    !child_lock
}

inline copy_free()
{
    d_step {
        for (i : 0 .. (BUFFERS - 1)) {
            child_free[i] = free[i]
        }
        i = 0
    }
}

inline copy_handed()
{
    d_step {
        for (i : 0 .. (BUFFERS - 1)) {
            child_handed[i] = handed[i]
        }
        i = 0
    }
}

/* The pages in any order: the addresses are the system's choice. */
proctype forker()
{
    byte i, first, copied;

    atomic { !lock -> lock = true };
    copying = true;
    child_lock = lock;
    do
    :: (copied & 1) == 0 -> child_committed = committed; copied = copied | 1
    :: (copied & 2) == 0 -> copy_free(); copied = copied | 2
    :: (copied & 4) == 0 -> copy_handed(); copied = copied | 4
    :: (copied & 8) == 0 -> child_idle = idle; copied = copied | 8
    :: copied == 15 -> break
    od;
    copying = false;
    lock = false;
    copied = 0;
    child();
    ended++
}

init
{
    atomic {
        run worker(2);
        run worker(1);
        run leaver();
        run forker()
    };
    ended == 4
}
