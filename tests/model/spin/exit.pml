/*
 * exit - a thread ends while collections take its block, and another thread gets its record.
 *
 * Stands for: record_leave and thread_exit, thread_attach and record_new (src/thread.c), swap_block and claim_block
 * (src/handoff.c), block_take_limbo (src/blocks.c). What a thread does inside its block is in handoff.pml; here it
 * fills a fresh one and leaves. All that decides is a locked instruction, and the thread that leaves is not busy
 * any more: no store buffer.
 *
 * Two collectors, as a second one takes over from a first that is only slow. A block is one buffer or none; each
 * life of the record puts one buffer, and all must come out at the end.
 *
 *   -DBLIND_EXCHANGE  a collection puts its fresh block into a record whatever is there
 *   -DLIMBO_FORGOTTEN the thread that ends takes its block along, not the one in limbo behind it
 *   -DCLAIM_BY_STORE  who takes a block out of limbo looks and stores, in two steps
 *   -DFREE_TOO_EARLY  the record is free before its block is out of it
 */
#define BLOCKS 5
#define NONE 0
#define FREE 0
#define HELD 1       /* by whoever took it: the one that swaps, claims, or leaves */
#define IN_SERVICE 2

byte block;             /* record->block, NONE: dead */
byte limbo[BLOCKS + 1]; /* block->previous: which block */
byte swap[BLOCKS + 1];  /* and of which swap */
bool holds[BLOCKS + 1]; /* a buffer */
byte state[BLOCKS + 1]; /* what only the model knows */
byte swaps;             /* collection.swaps */
bool record_free;       /* it is on pool->records_free */
byte puts, out;          /* buffers, in all */
byte ended;

inline new_block(b)
{
    d_step {
        b = 1;
        do
        :: b <= BLOCKS && state[b] != FREE -> b++
        :: else -> break
        od;
        if
        :: b > BLOCKS -> b = NONE
        :: else ->
            state[b] = HELD;
            limbo[b] = NONE;
            swap[b] = 0
        fi
    }
}

inline hold(b)
{
    assert(state[b] == IN_SERVICE); /* two have it */
    state[b] = HELD
}

/* block_empty and block_drop. */
inline drop(b)
{
    d_step {
        assert(state[b] == HELD);
        if
        :: holds[b] -> out++
        :: else
        fi;
        holds[b] = false;
        state[b] = FREE
    }
}

/* The limbo behind a block, if it is of that swap; or NONE. */
inline take_limbo(front, word, taken)
{
#ifdef CLAIM_BY_STORE
    taken = limbo[front];
    if
    :: taken != NONE && swap[front] == word ->
        d_step {
            limbo[front] = NONE;
            hold(taken)
        }
    :: else -> taken = NONE
    fi
#else
    d_step {
        taken = limbo[front];
        if
        :: taken != NONE && swap[front] == word ->
            limbo[front] = NONE;
            hold(taken)
        :: else -> taken = NONE
        fi
    }
#endif
}

/* thread_attach, a puts, record_leave, thread_exit; as often as there are lives. */
proctype thread(byte lives)
{
    byte mine, behind, tag;

    do
    :: lives > 0 ->
        lives--;
        if /* record_new: a free one, or none for this thread */
        :: d_step {
            record_free ->
            record_free = false
           };
            new_block(mine);
            if
            :: mine != NONE ->
                d_step {
                    assert(block == NONE); /* two threads have the record */
                    state[mine] = IN_SERVICE;
                    block = mine
                };
                /* A put: only while the block is this thread's; handoff.pml says why that is known. */
                if
                :: d_step {
                    block != NONE && !holds[block] ->
                    holds[block] = true;
                    puts++
                   }
                :: else
                fi;
#ifdef FREE_TOO_EARLY
                record_free = true;
#endif
                d_step { /* atomic_exchange(&record->block, NULL) */
                    mine = block;
                    block = NONE;
                    if
                    :: mine != NONE -> hold(mine)
                    :: else
                    fi
                };
                do
                :: mine != NONE ->
#ifdef LIMBO_FORGOTTEN
                    behind = NONE;
#else
                    tag = swap[mine];
                    take_limbo(mine, tag, behind);
#endif
                    drop(mine);
                    mine = behind
                :: else -> break
                od;
                behind = NONE;
                tag = 0;
#ifndef FREE_TOO_EARLY
                record_free = true
#endif
            :: else -> record_free = true
            fi
        :: !record_free
        fi
    :: else -> break
    od;
    ended++
}

proctype collector(byte rounds)
{
    byte b, fresh, tag, got, behind;

    do
    :: rounds > 0 ->
        rounds--;
        /* swap_block */
        tag = 0;
        b = block;
        if
        :: b != NONE ->
            d_step {
                got = limbo[b];
                tag = swap[b]
            };
            if
            :: got != NONE ->
                if
                :: block == b
                :: else -> tag = 0
                fi
            :: else ->
                tag = 0;
                new_block(fresh);
                if
                :: fresh != NONE ->
                    d_step {
                        swaps++;
                        limbo[fresh] = b;
                        swap[fresh] = swaps
                    };
                    if
#ifdef BLIND_EXCHANGE
                    :: d_step {
                        true ->
#else
                    :: d_step {
                        block == b ->
#endif
                        block = fresh;
                        state[fresh] = IN_SERVICE;
                        tag = swap[fresh]
                       }
                    :: else ->
                        d_step {
                            limbo[fresh] = NONE;
                            state[fresh] = FREE
                        }
                    fi;
                    fresh = NONE
                :: else
                fi
            fi
        :: else
        fi;
        /* The membarrier; then claim_block. */
        if
        :: tag != 0 ->
            b = block;
            if
            :: b != NONE && limbo[b] != NONE && swap[b] == tag ->
                take_limbo(b, tag, got);
                do
                :: got != NONE ->
                    tag = swap[got];
                    take_limbo(got, tag, behind);
                    drop(got);
                    got = behind
                :: else -> break
                od
            :: else
            fi
        :: else
        fi;
        atomic {
            b = NONE;
            got = NONE;
            behind = NONE;
            tag = 0
        }
    :: else -> break
    od;
    ended++
}

init
{
    byte b, held;

    record_free = true;
    atomic {
        run thread(1);
        run thread(1);
        run collector(2);
        run collector(1)
    };
    ended == 4;
    d_step {
        assert(block == NONE && record_free && puts == out); /* a dead record has a block; a buffer is lost */
        for (b : 1 .. BLOCKS) {
            assert(state[b] == FREE) /* a block is lost */
        }
    }
}
