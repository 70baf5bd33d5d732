/*
 * The owner of the record: the fast path of get and put, a slow path that drops busy, and thread exit.
 */
#include "handoff.h"

enum {
    IDLE = OWNER_IDLE,
    GONE = OWNER_GONE,
    ENTER,
    LOAD,
    READ,
    DROP,
    MOVE,
    COUNT,
    LEAVE,
    EXIT,
    EXCHANGE,
    BEHIND,
    CLAIM,
    EMPTY,
    ATTACH
};

#define ADDRESS(field) offsetof(struct memory, field)

static size_t in_block(uint8_t block, size_t field)
{
    return offsetof(struct memory, blocks) + block * sizeof(struct block) + field;
}

#define FIELD(index, field) in_block(index, offsetof(struct block, field))

/* The owner's youngest store to the address, or else memory. */
static uint8_t load(struct explorer *explorer, const struct state *s, size_t address)
{
    handoff_touch(explorer, s, address);
    for (uint8_t i = s->pending_count; i-- > 0;)
        if (s->pending[i].address == address)
            return s->pending[i].value;
    return ((const uint8_t *)&s->memory)[address];
}

static void store(struct state *s, size_t address, uint8_t value)
{
    s->pending[s->pending_count++] = (struct store){(uint8_t)address, value};
}

static void choose(struct explorer *explorer, struct state s)
{
    if (s.owner.operations > 0) {
        struct state next = s;

        next.owner.operations--;
        next.owner.at = ENTER;
        explore_step(explorer, &next, "owner:    get");
        if (s.in_hand) {
            next.owner.putting = 1;
            explore_step(explorer, &next, "owner:    put");
            next.owner.slow = 1;
            explore_step(explorer, &next, "owner:    put, slow path");
        }
    }
    s.owner.at = EXIT;
    explore_step(explorer, &s, "owner:    thread exits");
}

/* The owner takes the top buffer of its block, or puts one there. */
static void move(struct explorer *explorer, struct state *s)
{
    struct owner *o = &s->owner;

    if (o->putting) {
        uint8_t buffer = (uint8_t)__builtin_ctz(s->in_hand);

        s->in_hand &= (uint8_t)(s->in_hand - 1);
        store(s, FIELD(o->block, buffer) + o->n, buffer);
        o->n++;
    } else {
        o->n--;
        handoff_take(explorer, s, load(explorer, s, FIELD(o->block, buffer) + o->n), &s->in_hand);
    }
}

static void operate(struct explorer *explorer, struct state s, unsigned sabotage)
{
    struct owner *o = &s.owner;

    switch (o->at) {
    case ENTER:
        store(&s, ADDRESS(busy), 1);
        o->at = o->block ? READ : LOAD; /* it has a block already only when it is sabotaged */
        explore_step(explorer, &s, "owner:    busy = 1");
        break;
    case LOAD:
        o->block = load(explorer, &s, ADDRESS(block));
        o->at = READ;
        explore_step(explorer, &s, "owner:    b = block");
        break;
    case READ:
        o->n = load(explorer, &s, FIELD(o->block, n));
        if (o->slow)
            o->at = DROP;
        else
            o->at = o->n == (o->putting ? CAP : 0) ? LEAVE : MOVE;
        explore_step(explorer, &s, "owner:    n = b->n");
        break;
    case DROP:
        store(&s, ADDRESS(busy), 0);
        o->slow = 0;
        if (!(sabotage & HANDOFF_NO_REREAD))
            o->block = o->n = 0;
        o->at = ENTER;
        explore_step(explorer, &s, "owner:    busy = 0, to call the user");
        break;
    case MOVE:
        move(explorer, &s);
        o->at = COUNT;
        explore_step(explorer, &s,
                     o->putting ? "owner:    b->buffer[n++] = p" : "owner:    p = b->buffer[--n]");
        break;
    case COUNT:
        if (sabotage & HANDOFF_EARLY_CLEAR)
            store(&s, ADDRESS(busy), 0);
        store(&s, FIELD(o->block, n), o->n);
        o->at = LEAVE;
        explore_step(explorer, &s, "owner:    b->n = n");
        break;
    default: /* LEAVE */
        store(&s, ADDRESS(busy), 0);
        o->at = IDLE;
        o->putting = o->block = o->n = 0;
        explore_step(explorer, &s, "owner:    busy = 0");
        break;
    }
}

/* The TLS destructor. Exchange and CAS are locked: they wait until the store buffer is empty. */
static void leave_record(struct explorer *explorer, struct state s)
{
    struct owner *o = &s.owner;

    switch (o->at) {
    case EXIT:
        store(&s, ADDRESS(busy), 0);
        o->at = EXCHANGE;
        explore_step(explorer, &s, "owner:    exit: busy = 0");
        break;
    case EXCHANGE:
        if (s.pending_count > 0)
            break;
        o->block = s.memory.block;
        s.memory.block = 0;
        handoff_hold(explorer, &s, o->block);
        o->at = BEHIND;
        explore_step(explorer, &s, "owner:    exit: B = exchange(block, DEAD)");
        break;
    case BEHIND:
        o->previous = s.memory.blocks[o->block].previous;
        o->at = CLAIM;
        explore_step(explorer, &s, "owner:    exit: v = B->previous");
        break;
    case CLAIM:
        o->next = handoff_claim_previous(explorer, &s, o->block, o->previous);
        o->previous = 0;
        o->at = EMPTY;
        explore_step(explorer, &s, "owner:    exit: CAS(B->previous: v -> none)");
        break;
    default: /* EMPTY */
        handoff_empty(explorer, &s, o->block);
        o->block = o->next;
        o->next = 0;
        o->at = o->block ? BEHIND : GONE;
        explore_step(explorer, &s, "owner:    exit: empty B");
        break;
    }
}

/* A new thread in the same record. */
static void attach(struct explorer *explorer, struct state s)
{
    if (s.owner.at == ATTACH) {
        store(&s, ADDRESS(block), s.owner.block);
        s.owner.block = 0;
        s.owner.at = IDLE;
        explore_step(explorer, &s, "owner:    new thread: block = B");
    } else if (s.owner.lives > 0) {
        s.owner.lives--;
        s.owner.at = ATTACH;
        for (uint8_t fresh = 1; fresh <= BLOCKS; fresh++) {
            struct state next = s;

            if (s.holder[fresh] != FREE)
                continue;
            next.holder[fresh] = IN_SERVICE;
            next.owner.block = fresh;
            explore_step(explorer, &next, "owner:    new thread: B = a free block");
        }
    }
}

void handoff_owner(struct explorer *explorer, const struct state *state, unsigned sabotage)
{
    uint8_t at = state->owner.at;

    if (at == IDLE)
        choose(explorer, *state);
    else if (state->pending_count + 2 > PENDING)
        return; /* a store must drain first; no step stores more than two */
    else if (at == GONE || at == ATTACH)
        attach(explorer, *state);
    else if (at >= EXIT)
        leave_record(explorer, *state);
    else
        operate(explorer, *state, sabotage);
}
