/*
 * coroutine - threads of control that one real thread switches between, in some
 * nanoseconds and without a system call.
 */
#ifndef COROUTINE_H
#define COROUTINE_H

#include <setjmp.h>
#include <ucontext.h>

struct coroutine {
    void (*body)(void); /* runs, and switches away for good at its end */
    jmp_buf begin;      /* at the bottom of the stack, before the body */
    jmp_buf where;      /* to go on from */
    ucontext_t first;   /* how it came to the stack */
    void *stack;
};

/* The next switch to it starts the body anew, whatever it was doing. */
void coroutine_reset(struct coroutine *coroutine, void (*body)(void));

/* Leave one where it is and go on in the other; returns when somebody switches back. */
void coroutine_switch(struct coroutine *from, struct coroutine *to);

#endif /* COROUTINE_H */
