/*
 * ledger - objects that know what they went through: constructed once, whole while
 * they live, destructed once. What happened to each is counted beside the objects.
 */
#ifndef OBJPOOL_LEDGER_H
#define OBJPOOL_LEDGER_H

#include <bufpool/objpool.h>

struct thing {
    uint64_t serial; /* of its construction; 0: none */
    uint64_t uses;
    uint64_t check; /* of the two */
};

/* All zero to begin with. */
struct ledger {
    _Atomic uint64_t constructs, destructs;
    _Atomic uint64_t faults; /* an object destructed that was not whole, constructed on top of a living one */
    _Atomic bool refuses;    /* construct fails, with errno EMFILE */
};

/* Defaults, collected only when told, things of the ledger. */
objpool_config_t ledger_config(struct ledger *ledger);

/* objpool_create that must work. */
objpool_t *objects_from(const objpool_config_t *config);

/* Between get and put: is it whole? And one use more. */
bool thing_is_whole(const struct thing *thing);
void thing_use(struct thing *thing);

objpool_stats_t objects_of(objpool_t *pool);

/* objpool_get that must work, `count` times; and objpool_put of them all. How many were kept. */
void get_all(objpool_t *pool, void **objects, size_t count);
size_t put_all(objpool_t *pool, void **objects, size_t count);

/* Two collections: what was idle before is destructed. */
void collect_twice(objpool_t *pool);

#endif /* OBJPOOL_LEDGER_H */
