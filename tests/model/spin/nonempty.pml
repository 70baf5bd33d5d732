/*
 * nonempty - the bit that says a shard has something, under x86-TSO: a magazine that is in a shard must be found.
 *
 * Stands for: depot_push, shard_pop and generation_pop (src/depot.c); the same shape is summary_set and
 * summary_clear (src/span.c), and collector_notice against visit (src/collector.c). Who adds writes the stack, then
 * looks at the bit; who finds nothing clears the bit, then looks at the stack. Each thread has a store buffer for
 * what it stores without a lock; a locked instruction waits until it is empty.
 *
 *   -DNOT_AGAIN     who clears the bit does not look at the stack again
 *   -DPLAIN_CLEAR   the bit is cleared by a plain store, which waits while the stack is looked at
 *   -DBIT_FIRST     who adds looks at the bit before it pushes
 */
#define NOTHING 2

byte stack = 1;            /* how many magazines */
byte flag = 1;             /* of the shard: its bit of generation->nonempty */
byte waiting[3];           /* a store to the bit that memory has not seen, or NOTHING */
byte pushed = 1;           /* magazines, in all */
byte popped;
byte ended;

proctype store_reaches_memory(byte who)
{
end:
    do
    :: atomic {
        waiting[who] != NOTHING ->
        flag = waiting[who];
        waiting[who] = NOTHING
       }
    od
}

#define DRAINED waiting[who] == NOTHING

inline push_magazine()
{
    d_step {
        DRAINED ->
        stack++;
        pushed++
    }
}

inline set_bit_if_clear()
{
    if
    :: seen == 0 ->
        d_step {
            DRAINED ->
            flag = 1
        }
    :: else
    fi
}

inline look_at_bit()
{
    d_step {
        if
        :: waiting[who] == NOTHING -> seen = flag
        :: else -> seen = waiting[who]
        fi
    }
}

proctype adds(byte who, times)
{
    byte seen;

    do
    :: times > 0 ->
        times--;
#ifdef BIT_FIRST
        look_at_bit();
        push_magazine();
#else
        push_magazine();
        look_at_bit();
#endif
        set_bit_if_clear();
        seen = 0
    :: else -> break
    od;
    ended++
}

inline pop_magazine()
{
    d_step {
        DRAINED ->
        if
        :: stack > 0 ->
            stack--;
            popped++;
            got = true
        :: else
        fi
    }
}

proctype takes(byte who, times)
{
    byte seen;
    bool got;

    do
    :: times > 0 ->
        times--;
        look_at_bit();
        if
        :: seen == 1 ->
            pop_magazine();
            if
            :: !got ->
#ifdef PLAIN_CLEAR
                waiting[who] = 0;
#else
                d_step {
                    DRAINED ->
                    flag = 0
                };
#endif
#ifndef NOT_AGAIN
                if
                :: stack > 0 ->
                    d_step {
                        DRAINED ->
                        flag = 1
                    };
                    pop_magazine()
                :: else
                fi
#endif
            :: else
            fi
        :: else
        fi;
        seen = 0;
        got = false
    :: else -> break
    od;
    ended++
}

init
{
    byte who;

    for (who : 0 .. (2)) {
        waiting[who] = NOTHING
    }
    atomic {
        run store_reaches_memory(1);
        run store_reaches_memory(2);
        run adds(0, 3);
        run takes(1, 3);
        run takes(2, 3)
    };
    ended == 3 && waiting[1] == NOTHING && waiting[2] == NOTHING;
    assert(pushed == popped + stack);
    assert(stack == 0 || flag == 1) /* a magazine that nobody looks for */
}
