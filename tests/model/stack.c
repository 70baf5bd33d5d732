#include "stack.h"

enum { MAGAZINES = 3, THREADS = 2, NONE = 0, IN_STACK = THREADS };
enum { CHOOSE, POP_HEAD, POP_NEXT, POP_SWAP, PUSH_HEAD, PUSH_LINK, PUSH_SWAP };

struct head {
    uint8_t tag, index;
};

struct thread {
    uint8_t at, operations, magazine, next;
    struct head head; /* as it read it */
};

struct state {
    struct head head;
    uint8_t next[MAGAZINES + 1];
    struct thread threads[THREADS];
    uint8_t owner[MAGAZINES + 1]; /* what only the checker knows: a thread, or IN_STACK */
};

#define NAME(text) (which ? "second: " text : "first:  " text)

static bool swap_head(struct state *s, struct head seen, uint8_t index, const struct stack_variant *variant)
{
    if (s->head.tag != seen.tag || s->head.index != seen.index)
        return false;
    s->head.index = index;
    s->head.tag = (uint8_t)(seen.tag + !variant->untagged);
    return true;
}

/* The step leads to `at`; a thread between two operations remembers nothing. */
static void go(struct explorer *explorer, struct state *s, int which, uint8_t at, const char *label)
{
    struct thread *t = &s->threads[which];

    t->at = at;
    if (at == CHOOSE)
        *t = (struct thread){.operations = t->operations};
    explore_step(explorer, s, label);
}

static void choose(struct explorer *explorer, struct state s, int which)
{
    struct thread *t = &s.threads[which];

    if (t->operations == 0)
        return;
    t->operations--;
    go(explorer, &s, which, POP_HEAD, NAME("pop"));
    for (uint8_t magazine = 1; magazine <= MAGAZINES; magazine++) {
        if (s.owner[magazine] != which)
            continue;
        t->magazine = magazine;
        go(explorer, &s, which, PUSH_HEAD, NAME("push"));
    }
}

static void pop(struct explorer *explorer, struct state s, int which, const struct stack_variant *variant)
{
    struct thread *t = &s.threads[which];

    if (t->at == POP_HEAD) {
        t->head = s.head;
        go(explorer, &s, which, t->head.index == NONE ? CHOOSE : POP_NEXT, NAME("read head"));
    } else if (t->at == POP_NEXT) {
        t->next = s.next[t->head.index];
        go(explorer, &s, which, POP_SWAP, NAME("read next of the top"));
    } else if (swap_head(&s, t->head, t->next, variant)) {
        if (s.owner[t->head.index] != IN_STACK)
            explore_wrong(explorer, "a magazine has two owners");
        s.owner[t->head.index] = (uint8_t)which;
        go(explorer, &s, which, CHOOSE, NAME("CAS(head -> next), popped"));
    } else {
        go(explorer, &s, which, POP_HEAD, NAME("CAS(head -> next) lost"));
    }
}

static void push(struct explorer *explorer, struct state s, int which, const struct stack_variant *variant)
{
    struct thread *t = &s.threads[which];

    if (t->at == PUSH_HEAD) {
        t->head = s.head;
        go(explorer, &s, which, PUSH_LINK, NAME("read head"));
    } else if (t->at == PUSH_LINK) {
        s.next[t->magazine] = t->head.index;
        go(explorer, &s, which, PUSH_SWAP, NAME("next of mine = top"));
    } else if (swap_head(&s, t->head, t->magazine, variant)) {
        s.owner[t->magazine] = IN_STACK;
        go(explorer, &s, which, CHOOSE, NAME("CAS(head -> mine), pushed"));
    } else {
        go(explorer, &s, which, PUSH_HEAD, NAME("CAS(head -> mine) lost"));
    }
}

/* At the start all magazines lie in the stack. */
static void start(void *start_state, const void *start_variant)
{
    struct state *s = start_state;
    const struct stack_variant *variant = start_variant;

    for (uint8_t magazine = 1; magazine <= MAGAZINES; magazine++) {
        s->next[magazine] = s->head.index;
        s->head.index = magazine;
        s->owner[magazine] = IN_STACK;
    }
    for (int i = 0; i < THREADS; i++)
        s->threads[i].operations = variant->operations;
}

static void expand(struct explorer *explorer, const void *expand_state, const void *variant)
{
    const struct state *s = expand_state;

    for (int which = 0; which < THREADS; which++) {
        if (s->threads[which].at == CHOOSE)
            choose(explorer, *s, which);
        else if (s->threads[which].at < PUSH_HEAD)
            pop(explorer, *s, which, variant);
        else
            push(explorer, *s, which, variant);
    }
}

static const char *end(const void *end_state)
{
    const struct state *s = end_state;
    int missing = 0;

    for (int magazine = 1; magazine <= MAGAZINES; magazine++)
        missing += s->owner[magazine] == IN_STACK;
    for (uint8_t magazine = s->head.index; magazine != NONE && missing >= 0; magazine = s->next[magazine])
        missing -= s->owner[magazine] == IN_STACK ? 1 : MAGAZINES + 1;
    if (missing < 0)
        return "the stack holds what a thread owns";
    return missing ? "a magazine is lost" : NULL;
}

const struct model stack_model = {sizeof(struct state), start, expand, end};
