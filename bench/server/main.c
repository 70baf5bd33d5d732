/*
 * bufpool-server - an HTTP/1.1 front for Redis, and an example of what the family of pools is for.
 *
 *     bytebuf    request and response bytes (bytes.c); with --allocator=malloc they come from there
 *     objpool    connections and requests (front.c)
 *     connpool   connections to Redis (store.c)
 *     workpool   threads that wait for Redis (store.c)
 *
 * One thread has all clients (loop.c, client.c). Reading order: front.h, client.h, request.h, response.h,
 * store.h.
 *
 * On stdout it says "listening on NAME" when it is ready, and at its end
 *
 *     end: N answers, N bytes held, N requests, N connections to Redis in use
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "front.h"

static struct front front;
static struct watch signals;

static void signal_ready(struct watch *watch, uint32_t events)
{
    struct signalfd_siginfo info;

    (void)events;
    if (read(watch->fd, &info, sizeof info) == sizeof info)
        front_drain(&front);
}

/* SIGTERM and SIGINT become events. Blocked before any thread is there, so that no other one gets them. */
static int signals_open(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    if (sigprocmask(SIG_BLOCK, set, NULL) != 0)
        return -errno;
    signals = (struct watch){.fd = signalfd(-1, set, SFD_CLOEXEC | SFD_NONBLOCK), .ready = signal_ready};
    return signals.fd < 0 ? -errno : 0;
}

static void say_end(void)
{
    connpool_stats_t connections = CONNPOOL_STATS_INIT;
    objpool_stats_t requests = OBJPOOL_STATS_INIT;
    uint64_t answers = 0;

    connpool_stats(front.store.connections, &connections);
    objpool_stats(front.requests, &requests);
    for (unsigned i = 0; i < STATUS_MOST; i++)
        answers += front.answers[i];
    printf("end: %" PRIu64 " answers, %" PRIu64 " bytes held, %" PRIu64 " requests, %" PRIu64
           " connections to Redis in use\n",
           answers, bytes_held(&front.bytes), requests.in_use, connections.in_use);
}

int main(int argc, char **argv)
{
    struct settings settings;
    sigset_t set;
    bool help;

    if (!settings_read(&settings, argc, argv, &help))
        return 2;
    if (help) {
        settings_help();
        return 0;
    }
    signal(SIGPIPE, SIG_IGN); /* hiredis writes too */
    int error = signals_open(&set);
    if (error != 0) {
        fprintf(stderr, "bufpool-server: signals: %s\n", strerror(-error));
        return 1;
    }
    if (front_open(&front, &settings) != 0)
        return 1;
    if (loop_watch(&front.loop, &signals, EPOLLIN) != 0)
        return 1;
    printf("listening on %s\n", front.name);
    fflush(stdout);
    front_run(&front);
    say_end();
    front_close(&front);
    close(signals.fd);
    return 0;
}
