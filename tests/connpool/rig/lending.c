#include "lending.h"

#include <string.h>

#include "pools.h"

struct connection *connection_of(connpool_lease_t lease)
{
    return lease.resource;
}

static int acquire(connpool_t *pool, const char *key, connpool_lease_t *lease)
{
    return key == NULL ? connpool_acquire(pool, 0, lease)
                       : connpool_acquire_key(pool, key, strlen(key), 0, lease);
}

connpool_lease_t lease_of(connpool_t *pool, const char *key)
{
    connpool_lease_t lease = {0};

    MUST(acquire(pool, key, &lease) == 0);
    MUST(lease.ticket != 0 && connection_is_open(connection_of(lease)));
    MUST(strcmp(connection_of(lease)->key, key == NULL ? "" : key) == 0);
    return lease;
}

connpool_lease_t lease_from(connpool_t *pool)
{
    return lease_of(pool, NULL);
}

void leases_from(connpool_t *pool, connpool_lease_t *leases, size_t count)
{
    for (size_t i = 0; i < count; i++)
        leases[i] = lease_from(pool);
}

size_t leases_end(connpool_t *pool, const connpool_lease_t *leases, size_t count)
{
    size_t kept = 0;

    for (size_t i = 0; i < count; i++)
        kept += connpool_release(pool, leases[i]);
    return kept;
}

void make_idle(connpool_t *pool, size_t count)
{
    connpool_lease_t leases[512];

    MUST(count <= sizeof leases / sizeof leases[0]);
    leases_from(pool, leases, count);
    MUST(leases_end(pool, leases, count) == count);
}

int try_lease_of(connpool_t *pool, const char *key)
{
    connpool_lease_t lease;
    int error = acquire(pool, key, &lease);

    if (error == 0)
        connpool_release(pool, lease);
    return error;
}

int try_lease(connpool_t *pool)
{
    return try_lease_of(pool, NULL);
}

/* The thread: an address that only it has. */
static uintptr_t self(void)
{
    static _Thread_local char mine;
    return (uintptr_t)&mine;
}

/* relaxed, here and below, so that it orders nothing: only the pool's own hand-over does. */
static void expect(struct connection *connection, bool is_right)
{
    if (!is_right || !connection_is_open(connection))
        atomic_fetch_add_explicit(&connection->rig->faults, 1, memory_order_relaxed);
}

void connection_own(connpool_lease_t lease)
{
    struct connection *connection = connection_of(lease);

    expect(connection, atomic_exchange_explicit(&connection->owner, self(), memory_order_relaxed) == 0);
    connection->written++;
}

void connection_disown(connpool_lease_t lease)
{
    struct connection *connection = connection_of(lease);

    connection->written++;
    expect(connection, atomic_exchange_explicit(&connection->owner, 0, memory_order_relaxed) == self());
}
