/*
 * A collector: swaps a fresh block in, waits for the membarrier, claims what was swapped out before it.
 */
#include "handoff.h"

enum {
    IDLE = COLLECTOR_IDLE,
    BEGIN,
    READ,
    RECHECK,
    TAKE,
    LINK,
    SWAP,
    FENCE,
    RELOAD,
    COMPARE,
    BUSY,
    CLAIM,
    BEHIND,
    CLAIM_BEHIND,
    EMPTY
};

/* A step's name, by who takes it. */
#define NAME(text) (which ? "second:   " text : "first:    " text)

/* The step leads to `at`; one that is idle remembers nothing. */
static void go(struct explorer *explorer, struct state *s, int which, uint8_t at, const char *label)
{
    struct collector *c = &s->collectors[which];

    c->at = at;
    if (at == IDLE)
        *c = (struct collector){.rounds = c->rounds};
    explore_step(explorer, s, label);
}

/* Before the membarrier: a fresh block for the current one, unless one is in limbo already. */
static void swap(struct explorer *explorer, struct state s, int which, unsigned sabotage)
{
    struct collector *c = &s.collectors[which];

    switch (c->at) {
    case IDLE:
        if (c->rounds == 0)
            break;
        c->rounds--;
        go(explorer, &s, which, BEGIN, NAME("begins a collection"));
        break;
    case BEGIN:
        c->block = s.memory.block;
        go(explorer, &s, which, c->block ? READ : IDLE, NAME("F = block"));
        break;
    case READ:
        c->remembered = s.memory.blocks[c->block].previous;
        if (!c->remembered)
            go(explorer, &s, which, TAKE, NAME("v = F->previous: none"));
        else
            go(explorer, &s, which, sabotage & HANDOFF_STALE_WORD ? FENCE : RECHECK, NAME("v = F->previous"));
        break;
    case RECHECK: /* F may have been freed, and v belong to a swap that is still to come */
        go(explorer, &s, which, s.memory.block == c->block ? FENCE : IDLE, NAME("is F still in service?"));
        break;
    case TAKE:
        for (uint8_t fresh = 1; fresh <= BLOCKS; fresh++) {
            struct state next = s;

            if (s.holder[fresh] != FREE)
                continue;
            next.holder[fresh] = HELD;
            next.collectors[which].fresh = fresh;
            go(explorer, &next, which, LINK, NAME("G = a free block"));
        }
        go(explorer, &s, which, IDLE, NAME("no memory for a block, no swap"));
        break;
    case LINK:
        c->remembered = (uint8_t)(++s.tags << 2 | c->block);
        s.memory.blocks[c->fresh].previous = c->remembered;
        go(explorer, &s, which, SWAP, NAME("G->previous = { new tag, F }"));
        break;
    default: /* SWAP */
        if (s.memory.block == c->block || sabotage & HANDOFF_BLIND_EXCHANGE) {
            s.memory.block = c->fresh;
            s.holder[c->fresh] = IN_SERVICE;
            c->fresh = 0;
            go(explorer, &s, which, FENCE, NAME("CAS(block: F -> G), won"));
        } else {
            s.memory.blocks[c->fresh] = (struct block){0};
            s.holder[c->fresh] = FREE;
            go(explorer, &s, which, IDLE, NAME("CAS(block: F -> G), lost"));
        }
        break;
    }
}

/* Behind the membarrier: the limbo that was there before it is ours, if the owner is outside. */
static void claim(struct explorer *explorer, struct state s, int which, unsigned sabotage)
{
    struct collector *c = &s.collectors[which];

    switch (c->at) {
    case FENCE:
        if (s.pending_count > 0 && !(sabotage & HANDOFF_NO_MEMBARRIER))
            break;
        go(explorer, &s, which, RELOAD, NAME("membarrier"));
        break;
    case RELOAD:
        c->block = s.memory.block;
        go(explorer, &s, which, c->block ? COMPARE : IDLE, NAME("F = block"));
        break;
    case COMPARE:
        c->previous = s.memory.blocks[c->block].previous;
        if (sabotage & HANDOFF_UNREMEMBERED)
            c->remembered = c->previous;
        go(explorer, &s, which, c->previous && c->previous == c->remembered ? BUSY : IDLE,
           NAME("is F->previous what was remembered?"));
        break;
    case BUSY:
        go(explorer, &s, which, s.memory.busy ? IDLE : CLAIM, NAME("busy == 0?"));
        break;
    case CLAIM:
        c->block = handoff_claim_previous(explorer, &s, c->block, c->previous);
        go(explorer, &s, which, c->block ? BEHIND : IDLE, NAME("CAS(F->previous: v -> none)"));
        break;
    case BEHIND:
        c->previous = s.memory.blocks[c->block].previous;
        go(explorer, &s, which, c->previous && !(sabotage & HANDOFF_FORGOTTEN_LIMBO) ? CLAIM_BEHIND : EMPTY,
           NAME("w = B->previous"));
        break;
    case CLAIM_BEHIND:
        c->next = handoff_claim_previous(explorer, &s, c->block, c->previous);
        go(explorer, &s, which, EMPTY, NAME("CAS(B->previous: w -> none)"));
        break;
    default: /* EMPTY */
        handoff_empty(explorer, &s, c->block);
        c->block = c->next;
        c->next = 0;
        go(explorer, &s, which, c->block ? BEHIND : IDLE, NAME("empty B"));
        break;
    }
}

void handoff_collector(struct explorer *explorer, const struct state *state, int which, unsigned sabotage)
{
    if (state->collectors[which].at < FENCE)
        swap(explorer, *state, which, sabotage);
    else
        claim(explorer, *state, which, sabotage);
}
