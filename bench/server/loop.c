#include "loop.h"

#include <errno.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS = 128 };

static uint64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ------------------------------------------------------------ descriptors */

int loop_watch(struct loop *loop, struct watch *watch, uint32_t events)
{
    struct epoll_event event = {.events = events, .data = {.ptr = watch}};

    watch->events = events;
    return epoll_ctl(loop->epoll, EPOLL_CTL_ADD, watch->fd, &event) == 0 ? 0 : -errno;
}

void loop_want(struct loop *loop, struct watch *watch, uint32_t events)
{
    struct epoll_event event = {.events = events, .data = {.ptr = watch}};

    if (watch->events == events)
        return;
    watch->events = events;
    epoll_ctl(loop->epoll, EPOLL_CTL_MOD, watch->fd, &event); /* of one that is watched it cannot fail */
}

/* ------------------------------------------------------------ posts */

void loop_post(struct loop *loop, struct post *post)
{
    uint64_t one = 1;
    /* relaxed: the exchange below says whether it was right. */
    struct post *last = atomic_load_explicit(&loop->posts, memory_order_relaxed);

    do
        post->next = last;
    /* release [posts]: what this thread wrote into the post goes with it. */
    while (!atomic_compare_exchange_weak_explicit(&loop->posts, &last, post, memory_order_release,
                                                  memory_order_relaxed));
    /* Others have rung for what lies there already. A doorbell that is full rings all the same. */
    if (last == NULL)
        (void)!write(loop->doorbell, &one, sizeof one);
}

static void posts_run(struct watch *bell, uint32_t events)
{
    struct loop *loop = (struct loop *)(void *)((char *)bell - offsetof(struct loop, bell));
    struct post *post, *first = NULL;
    uint64_t count;

    (void)events;
    /* The bell before the list: who posts after the list is taken rings again. */
    (void)!read(loop->doorbell, &count, sizeof count);
    /* acquire [posts]. */
    post = atomic_exchange_explicit(&loop->posts, NULL, memory_order_acquire);
    while (post != NULL) { /* the last one lies on top */
        struct post *next = post->next;
        post->next = first;
        first = post;
        post = next;
    }
    while (first != NULL) {
        post = first;
        first = post->next;
        post->run(post);
    }
}

/* ------------------------------------------------------------ timers */

void loop_queue(struct loop *loop, struct queue *queue, uint64_t length_ms, void (*due)(struct timer *timer))
{
    *queue = (struct queue){.length_ms = length_ms, .due = due};
    queue->head.next = queue->head.previous = &queue->head;
    loop->queues[loop->queues_count++] = queue;
}

void loop_set(struct loop *loop, struct timer *timer, struct queue *queue)
{
    if (timer->queue != NULL) {
        timer->previous->next = timer->next;
        timer->next->previous = timer->previous;
    }
    timer->queue = queue;
    if (queue == NULL)
        return;
    timer->due = loop->now_ms + queue->length_ms;
    timer->next = &queue->head;
    timer->previous = queue->head.previous;
    timer->previous->next = timer;
    queue->head.previous = timer;
}

/* Milliseconds to the next one due; -1: there is none. */
static int next_due(const struct loop *loop)
{
    uint64_t least = UINT64_MAX;

    for (unsigned i = 0; i < loop->queues_count; i++) {
        const struct timer *first = loop->queues[i]->head.next;
        if (first != &loop->queues[i]->head && first->due < least)
            least = first->due;
    }
    if (least == UINT64_MAX)
        return -1;
    uint64_t left = least > loop->now_ms ? least - loop->now_ms : 0;
    return left > 60000 ? 60000 : (int)left;
}

static void timers_run(struct loop *loop)
{
    for (unsigned i = 0; i < loop->queues_count; i++) {
        struct queue *queue = loop->queues[i];
        while (queue->head.next != &queue->head && queue->head.next->due <= loop->now_ms) {
            struct timer *timer = queue->head.next;
            loop_set(loop, timer, NULL);
            queue->due(timer);
        }
    }
}

/* ------------------------------------------------------------ the loop */

int loop_open(struct loop *loop)
{
    *loop = (struct loop){.epoll = epoll_create1(EPOLL_CLOEXEC),
                          .doorbell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
                          .now_ms = now_ms()};
    int error = loop->epoll < 0 || loop->doorbell < 0 ? -errno : 0;
    loop->bell = (struct watch){.fd = loop->doorbell, .ready = posts_run};
    if (error == 0)
        error = loop_watch(loop, &loop->bell, EPOLLIN);
    if (error != 0)
        loop_close(loop);
    return error;
}

void loop_close(struct loop *loop)
{
    if (loop->epoll >= 0)
        close(loop->epoll);
    if (loop->doorbell >= 0)
        close(loop->doorbell);
}

void loop_run(struct loop *loop)
{
    struct epoll_event events[EVENTS];

    while (!loop->ended) {
        int count = epoll_wait(loop->epoll, events, EVENTS, next_due(loop));
        loop->now_ms = now_ms();
        for (int i = 0; i < count; i++) {
            struct watch *watch = events[i].data.ptr;
            watch->ready(watch, events[i].events);
        }
        timers_run(loop);
        if (loop->after != NULL)
            loop->after(loop);
    }
}

void loop_end(struct loop *loop)
{
    loop->ended = true;
}
