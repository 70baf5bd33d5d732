#include "coroutine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* The sums of a pool's accounts are some 10 KiB; a signal's frame with all vector registers 4. */
#define STACK_BYTES ((size_t)256 << 10)

static void out_of_memory(void)
{
    fputs("schedules: out of memory\n", stderr);
    exit(2);
}

/* The one that is being made, and who makes it. */
static struct coroutine *made;
static struct coroutine maker;

static void bottom(void)
{
    struct coroutine *self = made;

    if (_setjmp(self->begin) == 0)
        _longjmp(maker.where, 1);
    self->body();
    abort(); /* it has to switch away */
}

static void make(struct coroutine *coroutine)
{
    coroutine->stack =
        mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (coroutine->stack == MAP_FAILED || getcontext(&coroutine->first) != 0)
        out_of_memory();
    coroutine->first.uc_stack.ss_sp = coroutine->stack;
    coroutine->first.uc_stack.ss_size = STACK_BYTES;
    coroutine->first.uc_link = NULL;
    makecontext(&coroutine->first, bottom, 0);
    made = coroutine;
    if (_setjmp(maker.where) == 0)
        setcontext(&coroutine->first); /* a system call, so once */
}

void coroutine_reset(struct coroutine *coroutine, void (*body)(void))
{
    if (coroutine->stack == NULL)
        make(coroutine);
    coroutine->body = body;
    memcpy(coroutine->where, coroutine->begin, sizeof coroutine->where);
}

void coroutine_switch(struct coroutine *from, struct coroutine *to)
{
    if (_setjmp(from->where) == 0)
        _longjmp(to->where, 1);
}
