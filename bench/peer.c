#include "peer.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

_Thread_local struct floor_list peer_inline_list;

static const struct peer peers[] = {
    {"bufpool", PEER_BUFPOOL, NULL, 0},
    /* For a server that asks for more than the default's 1 MiB all the time, as mariadb does. */
    {"bufpool-2m", PEER_BUFPOOL, NULL, (size_t)2 << 20},
    {"glibc", PEER_MALLOC, "libc.so", 0},
    {"jemalloc", PEER_MALLOC, "libjemalloc.so", 0},
    {"jemalloc-bg", PEER_MALLOC, "libjemalloc.so", 0}, /* with background_thread:true in its environment */
    {"floor", PEER_FLOOR, NULL, 0},
    {"inline", PEER_INLINE, NULL, 0},
    {"harness", PEER_NONE, NULL, 0},
};
#define PEERS_COUNT (sizeof(peers) / sizeof(peers[0]))

const struct peer *peer_find(const char *name)
{
    for (size_t i = 0; i < PEERS_COUNT; i++)
        if (strcmp(peers[i].name, name) == 0)
            return &peers[i];
    return NULL;
}

const struct peer *peer_at(size_t index)
{
    return index < PEERS_COUNT ? &peers[index] : NULL;
}

const char *peer_names(void)
{
    static char names[256];
    size_t length = 0;
    for (size_t i = 0; i < PEERS_COUNT && length < sizeof(names); i++)
        length +=
            (size_t)snprintf(names + length, sizeof(names) - length, "%s%s", i ? ", " : "", peers[i].name);
    return names;
}

/* Dies unless malloc comes from a file whose name holds `object`. */
static void check_malloc(const struct peer *peer)
{
    Dl_info info;
    /* dlsym, not &malloc: what a call through the GOT finds, also in a statically resolved build. */
    void *function = dlsym(RTLD_DEFAULT, "malloc");
    if (!function || !dladdr(function, &info) || !info.dli_fname)
        die("cannot find out where malloc comes from");
    const char *slash = strrchr(info.dli_fname, '/');
    const char *file = slash ? slash + 1 : info.dli_fname;
    if (!strstr(file, peer->object))
        die("peer %s: malloc comes from %s, not from %s; is LD_PRELOAD right?", peer->name, file,
            peer->object);
}

void *peer_open(const struct peer *peer, size_t scratch_bytes)
{
    bufpool_t *pool = NULL;
    switch (peer->kind) {
    case PEER_BUFPOOL: {
        bufpool_config_t config = BUFPOOL_CONFIG_INIT;
        if (peer->max_size)
            config.max_size = peer->max_size;
        int error = bufpool_create(&pool, &config);
        if (error)
            die("bufpool_create: %s", strerror(-error));
        return pool;
    }
    case PEER_MALLOC:
        check_malloc(peer);
        return NULL;
    case PEER_NONE:
        return harness_map(scratch_bytes, false);
    default:
        return NULL;
    }
}

void peer_stock_thread(const struct peer *peer, size_t size, size_t count)
{
    if (peer->kind != PEER_FLOOR && peer->kind != PEER_INLINE)
        return;
    char *memory = harness_map(size * count, true);
    for (size_t i = 0; i < count; i++) {
        if (peer->kind == PEER_FLOOR)
            floor_put(memory + i * size);
        else
            floor_list_put(&peer_inline_list, memory + i * size);
    }
}

void peer_failed(size_t size)
{
    die("no buffer of %zu bytes to be had", size);
}
