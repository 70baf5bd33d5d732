/*
 * handoff - a collection takes the private cache of a thread that runs, under x86-TSO.
 *
 * Stands for: cache_enter and cache_leave (src/cache.h), the hits of src/pool.c and their slow path in src/flow.c, swap_block,
 * barrier_all and claim_block (src/handoff.c). One tier, whose bin holds one buffer; two buffers, three blocks.
 *
 * The owner's stores wait in its store buffer and reach memory in order, at any later time. The collector's own
 * stores go to blocks that only it has, or are locked: they need no buffer. A membarrier returns behind a moment
 * in which the owner's store buffer was empty.
 *
 *   -DNO_MEMBARRIER  the collector looks at the key at once
 *   -DEARLY_CLEAR    the owner clears busy before it stores the bin's top
 *   -DNO_REREAD      a slow path leaves, enters again, and goes on with the block it had
 *   -DNO_LOOK        the collector claims without looking at the key
 */
#define OPERATIONS 4
#define COLLECTIONS 3
#define BLOCKS 3

/* Addresses; blocks are 1..BLOCKS. */
#define KEY 0           /* record->key: 1 is busy */
#define BLOCK 1         /* record->block */
#define TOP(b) (1 + b)  /* bin->top: how many */
#define SLOT(b) (4 + b) /* bin->slot[1] */
#define WORDS 8

byte memory[WORDS];
byte waiting;           /* stores of the owner that memory has not seen yet, oldest first */
byte to[4];
byte value[4];

bool free[4];           /* the blocks nobody has: pool->blocks_free */
byte limbo;             /* swapped out, not claimed: previous */
byte in_hand = 2;       /* buffers with the user, and with the collection; a bit each */
byte victims;
byte ended;

inline store(address, v)
{
    d_step {
        waiting < 4 ->
        to[waiting] = address;
        value[waiting] = v;
        waiting++
    }
}

/* The owner's youngest store to the address, or memory. */
inline load(v, address)
{
    d_step {
        v = memory[address];
        i = 0;
        do
        :: i < waiting ->
            if
            :: to[i] == address -> v = value[i]
            :: else
            fi;
            i++
        :: else -> break
        od;
        i = 0
    }
}

proctype stores_reach_memory()
{
end:
    do
    :: d_step {
        waiting > 0 ->
        memory[to[0]] = value[0];
        to[0] = to[1]; value[0] = value[1];
        to[1] = to[2]; value[1] = value[2];
        to[2] = to[3]; value[2] = value[3];
        to[3] = 0; value[3] = 0;
        waiting--
       }
    od
}

inline enter()
{
    store(KEY, 1);
    load(b, BLOCK)
}

inline leave()
{
    store(KEY, 0)
}

inline put()
{
    d_step {
        p = 1;
        if
        :: (in_hand & 1) == 0 -> p = 2
        :: else
        fi
    };
    enter();
    load(n, TOP(b));
    if
    :: n == 0 ->
        in_hand = in_hand & (3 - p);
        store(SLOT(b), p);
#ifdef EARLY_CLEAR
        leave();
#endif
        store(TOP(b), 1)
    :: else
    fi;
    leave()
}

inline get()
{
    enter();
    load(n, TOP(b));
    if
    :: n > 0 ->
        load(p, SLOT(b));
        store(TOP(b), 0);
        d_step {
            assert(p != 0 && ((in_hand | victims) & p) == 0); /* two owners */
            in_hand = in_hand | p
        }
    :: else
    fi;
    leave()
}

/* put_full, get_refill: what is no hit leaves the block and enters again. */
inline slow_put()
{
    enter();
    leave();
#ifdef NO_REREAD
    store(KEY, 1);
    load(n, TOP(b));
    if
    :: n == 0 && in_hand != 0 ->
        d_step {
            p = 1;
            if
            :: (in_hand & 1) == 0 -> p = 2
            :: else
            fi;
            in_hand = in_hand & (3 - p)
        };
        store(SLOT(b), p);
        store(TOP(b), 1)
    :: else
    fi;
    leave()
#else
    put()
#endif
}

proctype owner()
{
    byte b, n, p, i, operations;

    do
    :: operations < OPERATIONS ->
        operations++;
        if
        :: in_hand != 0 -> put()
        :: in_hand != 0 -> slow_put()
        :: get()
        fi;
        p = 0;
        n = 0;
        b = 0
    :: break
    od;
    ended++
}

/* block_empty: not one step, so that a store that comes late is noticed. */
inline claim()
{
    n = memory[TOP(limbo)];
    if
    :: n > 0 ->
        p = memory[SLOT(limbo)];
        d_step {
            assert(p != 0 && ((in_hand | victims) & p) == 0); /* two owners */
            victims = victims | p
        }
    :: else
    fi;
    d_step {
        memory[TOP(limbo)] = 0;
        memory[SLOT(limbo)] = 0;
        free[limbo] = true;
        limbo = 0;
        p = 0;
        n = 0
    }
}

proctype collector()
{
    byte fresh, n, p, collections;

    do
    :: collections < COLLECTIONS ->
        collections++;
        if
        :: limbo == 0 ->
            d_step {
                fresh = 1;
                do
                :: !free[fresh] -> fresh++
                :: else -> break
                od;
                free[fresh] = false
            };
            d_step { /* the CAS; with one collector and no exit it wins */
                limbo = memory[BLOCK];
                memory[BLOCK] = fresh;
                fresh = 0
            }
        :: else
        fi;
#ifndef NO_MEMBARRIER
        waiting == 0;
#endif
        if
#ifdef NO_LOOK
        :: true -> claim()
#else
        :: memory[KEY] == 0 -> claim()
        :: else /* in limbo until a later collection */
#endif
        fi
    :: break
    od;
    ended++
}

init
{
    byte b, p, places;

    d_step { /* the bin holds buffer 1; the user has the other one */
        memory[BLOCK] = 1;
        memory[TOP(1)] = 1;
        memory[SLOT(1)] = 1;
        free[2] = true;
        free[3] = true
    };
    atomic {
        run stores_reach_memory();
        run owner();
        run collector()
    };
    ended == 2 && waiting == 0;
    d_step {
        for (p : 1 .. 2) {
            places = 0;
            if
            :: in_hand & p -> places++
            :: else
            fi;
            if
            :: victims & p -> places++
            :: else
            fi;
            for (b : 1 .. BLOCKS) {
                if
                :: memory[TOP(b)] > 0 && memory[SLOT(b)] == p && (b == memory[BLOCK] || b == limbo) -> places++
                :: else
                fi
            }
            assert(places == 1) /* lost, or in two places */
        }
    }
}
