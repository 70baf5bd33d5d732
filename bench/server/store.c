#include "store.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"

/* Redis gone, the pool looks for it this often: whoever asks meanwhile is told at once. */
#define BACKOFF_MS 50
#define BACKOFF_MOST_MS 200

static struct timeval interval(uint64_t milliseconds)
{
    return (struct timeval){(time_t)(milliseconds / 1000), (suseconds_t)(milliseconds % 1000 * 1000)};
}

/* ------------------------------------------------------------ connpool's resource: a hiredis context */

static int connection_open(void **resource, const connpool_target_t *target, void *arg)
{
    struct store *store = arg;
    uint64_t milliseconds =
        target->timeout_ms < store->settings.redis_ms ? target->timeout_ms : store->settings.redis_ms;
    redisContext *context = store->port == 0
                                ? redisConnectUnixWithTimeout(store->host, interval(milliseconds))
                                : redisConnectWithTimeout(store->host, store->port, interval(milliseconds));

    if (context == NULL)
        return -ENOMEM;
    if (context->err == 0 && redisSetTimeout(context, interval(store->settings.redis_ms)) == REDIS_OK) {
        *resource = context;
        return 0;
    }
    int error = context->err == REDIS_ERR_IO && errno != 0 ? -errno : -ECONNREFUSED;
    redisFree(context);
    return error;
}

static void connection_close(void *resource, void *arg)
{
    (void)arg;
    redisFree(resource);
}

static int connection_fd(void *resource, void *arg)
{
    (void)arg;
    return ((redisContext *)resource)->fd;
}

/* ------------------------------------------------------------ a call, on a worker */

static int call_on(struct store *store, struct store_call *call, int socket)
{
    switch (call->verb) {
    case STORE_GET:
        return resp_get(socket, call->key, call->key_size, store->bytes, call->reply, call->room,
                        store->settings.max_body, &call->value);
    case STORE_SET:
        return resp_set(socket, call->key, call->key_size, call->body != NULL ? call->body->data : "",
                        call->body != NULL ? call->body->length : 0);
    case STORE_DEL:
        return resp_del(socket, call->key, call->key_size);
    }
    return -EINVAL;
}

/* Is the connection in order after that? resp.h says. */
static bool is_in_order(int error)
{
    return error == 0 || error == -ENOENT || error == -EREMOTEIO || error == -EAGAIN || error == -ENOSPC;
}

/* An idle connection may have been closed under us; then a new one tells whether Redis is there. */
static bool is_lost(int error)
{
    return error == -ECONNRESET || error == -EPIPE;
}

static int call_once(struct store *store, struct store_call *call)
{
    connpool_lease_t lease;
    int error = connpool_acquire(store->connections, (uint32_t)store->settings.redis_ms, &lease);

    if (error != 0)
        return -EAGAIN; /* whatever it was: connect's ENOENT, of a socket that is gone, is no missing key */
    error = call_on(store, call, ((redisContext *)lease.resource)->fd);
    if (!is_in_order(error))
        connpool_mark_unusable(store->connections, lease);
    connpool_release(store->connections, lease);
    return error;
}

/* All three may be done twice: the second time changes nothing. */
static void call_run(void *arg)
{
    struct store_call *call = arg;
    struct store *store = call->store;

    call->error = call_once(store, call);
    if (is_lost(call->error)) {
        if (call->reply != NULL)
            bytebuf_reset(call->reply);
        call->error = call_once(store, call);
    }
    loop_post(store->loop, &call->post);
}

int store_start(struct store *store, struct store_call *call)
{
    call->store = store;
    return workpool_submit(store->workers, call_run, call);
}

/* ------------------------------------------------------------ begin and end */

int store_open(struct store *store, const struct settings *settings, struct bytes *bytes, struct loop *loop)
{
    *store = (struct store){.bytes = bytes, .loop = loop, .settings = *settings};
    int error = address_find(settings->redis, store->host, sizeof store->host, &store->port);
    if (error != 0)
        return error;

    connpool_config_t connections = CONNPOOL_CONFIG_INIT;
    connections.name = "redis";
    connections.open = connection_open;
    connections.close = connection_close;
    connections.fd = connection_fd;
    connections.arg = store;
    connections.max_open = settings->redis_connections;
    connections.open_timeout_ms = (uint32_t)settings->redis_ms;
    connections.backoff_ms = BACKOFF_MS;
    connections.backoff_most_ms = BACKOFF_MOST_MS;
    error = connpool_create(&store->connections, &connections);
    if (error != 0)
        return error;

    workpool_config_t workers = WORKPOOL_CONFIG_INIT;
    workers.name = "redis-calls";
    workers.max_workers = settings->workers;
    workers.max_queue = settings->queue;
    workers.when_full = WORKPOOL_REFUSE;
    error = workpool_create(&store->workers, &workers);
    if (error != 0)
        connpool_destroy(store->connections);
    return error;
}

void store_close(struct store *store)
{
    workpool_destroy(store->workers);
    connpool_destroy(store->connections);
}
