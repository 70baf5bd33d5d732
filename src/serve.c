#include "serve.h"

#include <bufpool/observe.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client.h"
#include "hook.h"
#include "listen.h"
#include "region.h"
#include "wait.h"

#define CLIENTS_MAX 16u

/* From connect to the last byte. Whoever takes longer is asleep. */
#define CLIENT_MS 10000u

/* After a failed accept, which would fail at once again: out of file descriptors. */
#define DEAF_MS 100u

/* For stdio and a name look-up or two; the accounts themselves are in a mapping. */
#define STACK_BYTES ((size_t)256 << 10)

struct server {
    struct listener listener;
    pthread_t thread;
    uint64_t deaf_until_ms;
    uint64_t arrivals;
    struct client client[CLIENTS_MAX];
};

static struct {
    /*
     * Over `current`, and over each change of which files are open: a forked child
     * knows what to close. Never held while a client is served.
     */
    pthread_mutex_t lock;
    struct server *current; /* NULL: nobody serves */
    bool prepared;          /* for fork and exit */
} serve = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void lock(void)
{
    pthread_mutex_lock(&serve.lock);
}

static void unlock(void)
{
    pthread_mutex_unlock(&serve.lock);
}

/* ------------------------------------------------------------ the thread */

static void end_client(struct client *client)
{
    lock();
    client_end(client);
    unlock();
}

/* A free place; or that of who has been here longest, so that the silent keep nobody out. */
static struct client *place_for_one(struct server *server)
{
    struct client *oldest = &server->client[0];

    for (unsigned i = 0; i < CLIENTS_MAX; i++) {
        struct client *client = &server->client[i];
        if (client->fd < 0)
            return client;
        if (client->number < oldest->number)
            oldest = client;
    }
    end_client(oldest);
    return oldest;
}

static void welcome(struct server *server, uint64_t now)
{
    struct client *client = place_for_one(server);

    lock();
    client->fd = accept4(server->listener.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    unlock();
    if (client->fd < 0) {
        if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
            server->deaf_until_ms = now + DEAF_MS;
        return;
    }
    client->number = server->arrivals++;
    client->deadline_ms = now + CLIENT_MS;
    client->asked = client->size = client->sent = 0;
}

/* Who to wait for, and how long at most: -1 for ever. */
static int prepare_poll(const struct server *server, struct pollfd polled[CLIENTS_MAX + 1], uint64_t now)
{
    bool is_deaf = now < server->deaf_until_ms;
    uint64_t next = is_deaf ? server->deaf_until_ms : UINT64_MAX;

    polled[0] = (struct pollfd){.fd = server->listener.fd, .events = is_deaf ? 0 : POLLIN};
    for (unsigned i = 0; i < CLIENTS_MAX; i++) {
        const struct client *client = &server->client[i];
        polled[i + 1] = (struct pollfd){.fd = client->fd, /* -1 is nobody to poll too */
                                        .events = client_is_answered(client) ? POLLOUT : POLLIN};
        if (client->fd >= 0)
            next = min_u64(next, client->deadline_ms);
    }
    return next == UINT64_MAX ? -1 : (int)min_u64(subtract_to_zero(next, now), CLIENT_MS);
}

static void *serve_main(void *arg)
{
    struct server *server = arg;
    struct pollfd polled[CLIENTS_MAX + 1];

    for (;;) {
        int timeout = prepare_poll(server, polled, clock_ms());
        if (poll(polled, CLIENTS_MAX + 1, timeout) < 0)
            continue; /* no memory just now: nothing else can fail */
        if ((polled[0].revents & (POLLHUP | POLLERR | POLLNVAL)) != 0)
            return NULL; /* stop has shut it down */
        uint64_t now = clock_ms();
        for (unsigned i = 0; i < CLIENTS_MAX; i++) {
            struct client *client = &server->client[i];
            if (client->fd < 0)
                continue;
            /* Heard before it is sent away: it may be us who come late. */
            bool goes_on = polled[i + 1].revents == 0 || client_go_on(client);
            if (!goes_on || now >= client->deadline_ms)
                end_client(client);
        }
        if ((polled[0].revents & POLLIN) != 0)
            welcome(server, now);
    }
}

static int start_thread(struct server *server)
{
    pthread_attr_t attributes;
    sigset_t all, before;

    if (hook_call_fails(HOOK_THREAD))
        return -EAGAIN;
    int error = -pthread_attr_init(&attributes);
    if (error != 0)
        return error;
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before); /* the thread inherits the mask: signals are the program's */
    error = -pthread_create(&server->thread, &attributes, serve_main, server);
    if (error == 0)
        pthread_setname_np(server->thread, "bufpool-stats");
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return error;
}

/* ------------------------------------------------------------ fork and exit */

static size_t server_size(void)
{
    return round_up(sizeof(struct server), region_page());
}

/* Close what it has open, of a server whose thread has ended or never was in this process. */
static void close_all(struct server *server)
{
    close(server->listener.fd);
    for (unsigned i = 0; i < CLIENTS_MAX; i++)
        if (server->client[i].fd >= 0)
            close(server->client[i].fd);
}

/* The parent's socket and clients are the parent's. Memory that its thread had in hand is lost. */
static void child_after_fork(void)
{
    static const pthread_mutex_t fresh = PTHREAD_MUTEX_INITIALIZER;

    serve.lock = fresh;
    if (serve.current != NULL)
        close_all(serve.current);
    serve.current = NULL;
}

static void at_exit(void)
{
    lock();
    if (serve.current != NULL)
        listener_remove(&serve.current->listener);
    unlock();
}

static int prepare(void)
{
    if (serve.prepared)
        return 0;
    int error = -pthread_atfork(lock, unlock, child_after_fork);
    if (error == 0 && atexit(at_exit) != 0)
        error = -ENOMEM;
    serve.prepared = error == 0;
    return error;
}

/* ------------------------------------------------------------ start, stop */

static int start(const char *path)
{
    if (serve.current != NULL)
        return -EBUSY;
    int error = prepare();
    if (error != 0)
        return error;
    struct server *server = region_map(server_size());
    if (server == NULL)
        return -ENOMEM;
    for (unsigned i = 0; i < CLIENTS_MAX; i++)
        server->client[i].fd = -1;
    error = listener_open(&server->listener, path);
    if (error != 0)
        goto no_listener;
    error = start_thread(server);
    if (error != 0)
        goto no_thread;
    serve.current = server;
    return 0;

no_thread:
    listener_remove(&server->listener);
    close(server->listener.fd);
no_listener:
    region_release(server, server_size());
    return error;
}

static void stop(void)
{
    lock();
    struct server *server = serve.current;
    serve.current = NULL;
    if (server != NULL)
        listener_remove(&server->listener);
    unlock();
    if (server == NULL)
        return;
    shutdown(server->listener.fd, SHUT_RDWR);
    pthread_join(server->thread, NULL);
    for (unsigned i = 0; i < CLIENTS_MAX; i++)
        free(server->client[i].answer);
    close_all(server);
    region_release(server, server_size());
}

int bufpool_stats_serve(const char *path)
{
    if (path == NULL) {
        stop();
        return 0;
    }
    lock();
    int error = start(path);
    unlock();
    return error;
}

void serve_from_environment(void)
{
    static _Atomic bool done;
    int errno_before = errno;

    /* relaxed: of several first pools one looks. */
    if (atomic_exchange_explicit(&done, true, memory_order_relaxed))
        return;
    const char *path = secure_getenv("BUFPOOL_STATS"); /* nothing in a set-uid program */
    int error = path == NULL || *path == '\0' ? 0 : bufpool_stats_serve(path);
    if (error != 0) {
        errno = -error;
        fprintf(stderr, "bufpool: BUFPOOL_STATS=%s: %m\n", path);
    }
    errno = errno_before;
}
