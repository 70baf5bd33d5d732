#include "roles.h"

static const struct {
    const char *peer;
    unsigned roles;
} columns[] = {
    {"bufpool", ROLE_OURS},
    {"bufpool-2m", ROLE_OURS},
    {"bufpool-steps", ROLE_OURS},
    {"bufpool-advised", ROLE_OURS},
    {"bufpool-inline", ROLE_INLINED},
    {"glibc", ROLE_MALLOC | ROLE_GIVES_BACK},
    {"jemalloc", ROLE_MALLOC | ROLE_LEAN | ROLE_KEEPS},
    {"jemalloc-bg", ROLE_GIVES_BACK},
    {"mimalloc", ROLE_MALLOC | ROLE_LEAN | ROLE_KEEPS},
    {"tcmalloc", ROLE_MALLOC | ROLE_LEAN | ROLE_KEEPS},
    {"tbbmalloc", ROLE_MALLOC | ROLE_KEEPS},
    {"mempool", ROLE_MEMPOOL},
    {"go-pool", ROLE_GO},
    {"go-buckets", ROLE_GO},
    {"floor", ROLE_FLOOR},
    {"inline", ROLE_YARDSTICK},
    {"harness", ROLE_YARDSTICK},
};
#define COLUMNS_COUNT (sizeof(columns) / sizeof(columns[0]))

const char *role_peer(size_t index)
{
    return index < COLUMNS_COUNT ? columns[index].peer : NULL;
}

unsigned role_of(size_t index)
{
    return columns[index].roles;
}

struct best role_best(const struct samples *samples, unsigned row, unsigned roles)
{
    bool more = row_more_is_better(&samples->row[row]);
    struct best best = {NULL, {0}, false};
    bool dry = false;
    for (size_t i = 0; i < COLUMNS_COUNT; i++) {
        if (!(columns[i].roles & roles))
            continue;
        struct summary summary = samples_summary(samples, row, columns[i].peer);
        dry = dry || summary.dry;
        if (!summary.count || summary.dry)
            continue;
        if (!best.peer ||
            (more ? summary.median > best.summary.median : summary.median < best.summary.median))
            best = (struct best){columns[i].peer, summary, false};
    }
    best.dry = dry && !best.peer;
    return best;
}
