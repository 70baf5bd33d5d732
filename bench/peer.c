#include "peer.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "tier_set.h"

_Thread_local struct floor_list peer_inline_list;

static const struct peer *opened;
static const char *tiers_list;

static const struct peer peers[] = {
    {.name = "bufpool", .kind = PEER_BUFPOOL},
    /* For a server that asks for more than the default's 1 MiB all the time, as mariadb does. */
    {.name = "bufpool-2m", .kind = PEER_BUFPOOL, .max_size = (size_t)2 << 20},
    /* Less waste within a buffer for more tiers. */
    {.name = "bufpool-inline", .kind = PEER_INLINED},
    {.name = "bufpool-steps", .kind = PEER_BUFPOOL, .tier_steps = 4},
    /* With the tiers that bench/advise picks for the trace. */
    {.name = "bufpool-advised", .kind = PEER_BUFPOOL, .has_tiers = true},
    {.name = "glibc", .kind = PEER_MALLOC, .object = "libc.so"},
    {.name = "jemalloc", .kind = PEER_MALLOC, .object = "libjemalloc.so"},
    /* With background_thread:true in its environment. */
    {.name = "jemalloc-bg", .kind = PEER_MALLOC, .object = "libjemalloc.so"},
    {.name = "mimalloc", .kind = PEER_MALLOC, .object = "libmimalloc.so"},
    {.name = "tcmalloc", .kind = PEER_MALLOC, .object = "libtcmalloc_minimal.so"},
    {.name = "tbbmalloc", .kind = PEER_MALLOC, .object = "libtbbmalloc_proxy.so"},
#ifdef BENCH_MEMPOOL
    {.name = "mempool", .kind = PEER_MEMPOOL},
#endif
    {.name = "floor", .kind = PEER_FLOOR},
    {.name = "inline", .kind = PEER_INLINE},
    {.name = "harness", .kind = PEER_NONE},
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

size_t peer_size_most(const struct peer *peer)
{
    return peer->kind == PEER_MEMPOOL ? MEMPOOL_SIZE_MOST : SIZE_MAX;
}

void *peer_open(const struct peer *peer, const struct peer_load *load)
{
    bufpool_t *pool = NULL;
    opened = peer;
    switch (peer->kind) {
    case PEER_BUFPOOL:
    case PEER_INLINED: {
        bufpool_config_t config = BUFPOOL_CONFIG_INIT;
        size_t tiers[TIERS_MOST];
        if (peer->has_tiers) {
            config.tiers_count = tier_list_parse(tiers_list, tiers);
            config.tiers = tiers;
        }
        if (peer->max_size)
            config.max_size = peer->max_size;
        if (peer->tier_steps)
            config.tier_steps = peer->tier_steps;
        int error = bufpool_create(&pool, &config);
        if (error)
            die("bufpool_create: %s", strerror(-error));
        return pool;
    }
    case PEER_MALLOC:
        check_malloc(peer);
        return NULL;
#ifdef BENCH_MEMPOOL
    case PEER_MEMPOOL:
        return mempools_open(load);
#endif
    case PEER_NONE:
        return harness_map(load->size_most, false);
    default:
        return NULL;
    }
}

void peer_use_tiers(const char *list)
{
    tiers_list = list;
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
    if (opened->kind != PEER_MEMPOOL)
        die("no buffer of %zu bytes to be had", size);
    fprintf(stderr, "bufpool-bench: peer %s runs dry: no buffer of %zu bytes left\n", opened->name, size);
    _Exit(PEER_RAN_DRY);
}
