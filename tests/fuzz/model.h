/*
 * model - what a pool must look like from outside: who has which bytes, and what
 * the accounts must say of it. Knows nothing of how a pool works.
 */
#ifndef MODEL_H
#define MODEL_H

#include <bufpool.h>

enum { LIVE_MOST = 96 };

struct live {
    unsigned char *buffer;
    size_t size, capacity;
    bool is_oversized; /* also one that its tier's used-up span did not have */
    uint64_t seed;
};

struct model {
    bufpool_t *pool;
    bufpool_config_t config;
    size_t tiers, tier[64];
    struct live live[LIVE_MOST];
    size_t count;
    uint64_t gets, puts, failures, oversized_gets, refused_oversized, misuses, in_use_bytes;
    uint64_t seed;
};

void model_begin(struct model *model, bufpool_t *pool, const bufpool_config_t *config);

/* A get of `size` has returned this; `error` is errno behind it. False: NULL, and rightly. */
bool model_got(struct model *model, void *buffer, size_t size, int error);

/* Before a put: its bytes are as they were written. Returns it. */
unsigned char *model_take(struct model *model, size_t index);
/* It was put, with this result. */
void model_put(struct model *model, size_t index, bool kept);

/* bufpool_resize of it has returned this. */
void model_resized(struct model *model, size_t index, void *buffer, size_t size, int error);

/* All bytes of all buffers, and all accounts. At rest. */
void model_check(struct model *model);

/* The capacity that a get of `size` must have, 0 where no tier holds it. */
size_t model_capacity(const struct model *model, size_t size);

#endif /* MODEL_H */
