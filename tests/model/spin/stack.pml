/*
 * stack - the tagged head: magazines that are popped from a shard's stack, come back by the stack of empty ones,
 * and are pushed again.
 *
 * Stands for: stack_push and stack_pop (src/table.c), used as cache_refill, spares_give, spares_take and
 * cache_make_room use them (src/cache.c, src/depot.c): full -> a thread -> empty -> a thread -> full. Three
 * threads, three magazines. What is pushed is linked by a relaxed store, and the locked CAS behind it publishes it;
 * so on x86 memory sees both in this order, and no store buffer is needed here.
 *
 * The tag has 40 bits in src/table.h and 4 here: no thread sleeps through 16 changes, as the whole run has fewer.
 *
 *   -DNO_TAG         the head is the index alone
 *   -DTAG_OF_ONE_BIT the tag wraps while a thread sleeps
 *   -DBLIND_POP      a pop stores the new head without a CAS
 */
#define MAGAZINES 3
#define NONE 0
#define FULL 0
#define EMPTY 1
#define IN_STACK 9

#ifdef TAG_OF_ONE_BIT
#define TAGS 2
#else
#define TAGS 16
#endif
#ifdef NO_TAG
#define NEXT(tag) tag
#else
#define NEXT(tag) ((tag + 1) % TAGS)
#endif

byte index[2];     /* the two heads: stack->head */
byte tag[2];
byte next[4];      /* link->next */
byte owner[4];     /* what only the model knows: a thread, or IN_STACK */
byte ended;

inline pop(stack, got)
{
    do
    :: atomic {
        seen_tag = tag[stack];
        got = index[stack]
       };
        if
        :: got == NONE -> break
        :: else
        fi;
        behind = next[got];
        if
        :: d_step {
#ifdef BLIND_POP
            true ->
#else
            (index[stack] == got && tag[stack] == seen_tag) ->
#endif
            index[stack] = behind;
            tag[stack] = NEXT(seen_tag);
            assert(owner[got] == IN_STACK); /* two owners */
            owner[got] = _pid
           };
            break
        :: else
        fi
    od;
    atomic {
        behind = 0;
        seen_tag = 0
    }
}

inline push(stack, mine)
{
    do
    :: atomic {
        seen_tag = tag[stack];
        behind = index[stack]
       };
        next[mine] = behind;
        if
        :: d_step {
            (index[stack] == behind && tag[stack] == seen_tag) ->
            index[stack] = mine;
            tag[stack] = NEXT(seen_tag);
            owner[mine] = IN_STACK
           };
            break
        :: else
        fi
    od;
    atomic {
        behind = 0;
        seen_tag = 0
    }
}

/* A refill: a full one becomes empty. */
proctype gets(byte times)
{
    byte mine, behind, seen_tag;

    do
    :: times > 0 ->
        times--;
        pop(FULL, mine);
        if
        :: mine != NONE -> push(EMPTY, mine)
        :: else
        fi;
        mine = 0
    :: else -> break
    od;
    ended++
}

/* A flush: an empty one becomes full. */
proctype puts(byte times)
{
    byte mine, behind, seen_tag;

    do
    :: times > 0 ->
        times--;
        pop(EMPTY, mine);
        if
        :: mine != NONE -> push(FULL, mine)
        :: else
        fi;
        mine = 0
    :: else -> break
    od;
    ended++
}

/* Two full ones in hand at a time, as a collection has that merges: one goes back, and then the other. */
proctype merges()
{
    byte mine, other, behind, seen_tag;

    pop(FULL, mine);
    pop(FULL, other);
    if
    :: mine != NONE -> push(FULL, mine)
    :: else
    fi;
    if
    :: other != NONE -> push(FULL, other)
    :: else
    fi;
    ended++
}

init
{
    byte m, stack, found;

    d_step { /* 1 on 2 on 3 */
        for (m : 1 .. MAGAZINES) {
            owner[m] = IN_STACK;
            next[m] = (m + 1) % (MAGAZINES + 1)
        }
        index[FULL] = 1
    };
    atomic {
        run gets(2);
        run puts(2);
        run merges()
    };
    ended == 3;
    d_step { /* each magazine is in one stack, once */
        for (stack : 0 .. 1) {
            m = index[stack];
            do
            :: m != NONE && found <= MAGAZINES ->
                found++;
                assert(owner[m] == IN_STACK);
                owner[m] = 0;
                m = next[m]
            :: else -> break
            od
        }
        assert(found == MAGAZINES)
    }
}
