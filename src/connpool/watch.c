#include "watch.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* One call's worth. */
#define EVENTS 64

int conn_watch_begin(struct conn_watch *watch)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = CONN_WAKE_TAG};

    *watch = (struct conn_watch){.epoll = epoll_create1(EPOLL_CLOEXEC), .wake = -1};
    if (watch->epoll >= 0)
        watch->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (watch->wake >= 0 && epoll_ctl(watch->epoll, EPOLL_CTL_ADD, watch->wake, &event) == 0)
        return 0;
    int error = -errno;
    conn_watch_end(watch);
    return error;
}

void conn_watch_end(struct conn_watch *watch)
{
    if (watch->wake >= 0)
        close(watch->wake);
    if (watch->epoll >= 0)
        close(watch->epoll);
}

bool conn_watch_add(struct conn_watch *watch, int fd, uint64_t tag)
{
    /* Of a connection that is gone already this tells at once. */
    struct epoll_event event = {.events = EPOLLRDHUP | EPOLLHUP | EPOLLERR | EPOLLET, .data.u64 = tag};

    if (fd < 0)
        return false;
    if (epoll_ctl(watch->epoll, EPOLL_CTL_ADD, fd, &event) == 0)
        return true;
    /* What the last resource had, its close has left open: it is this one's now. */
    return errno == EEXIST && epoll_ctl(watch->epoll, EPOLL_CTL_MOD, fd, &event) == 0;
}

void conn_watch_wait(const struct conn_watch *watch, uint64_t timeout_ms)
{
    struct pollfd polled = {.fd = watch->epoll, .events = POLLIN};
    /* Interrupted or out of memory: the caller looks and comes again. */
    poll(&polled, 1, timeout_ms < INT_MAX ? (int)timeout_ms : INT_MAX);
}

size_t conn_watch_take(struct conn_watch *watch, uint64_t *tags, size_t count)
{
    struct epoll_event events[EVENTS];
    int got = epoll_wait(watch->epoll, events, (int)(count < EVENTS ? count : EVENTS), 0);
    size_t taken = 0;

    for (int i = 0; i < got; i++) {
        uint64_t calls;
        if (events[i].data.u64 != CONN_WAKE_TAG)
            tags[taken++] = events[i].data.u64;
        else if (read(watch->wake, &calls, sizeof calls) < 0)
            continue; /* somebody else has read it */
    }
    return taken;
}

void conn_watch_wake(const struct conn_watch *watch)
{
    uint64_t one = 1;
    /* Refused only when it has been called 2^64 times and not been heard. */
    if (write(watch->wake, &one, sizeof one) < 0)
        return;
}
