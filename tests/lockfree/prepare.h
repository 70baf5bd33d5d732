/*
 * prepare - what paths begin with: on the thread that will walk them, all others
 * at rest.
 */
#ifndef LOCKFREE_PREPARE_H
#define LOCKFREE_PREPARE_H

#include "scene.h"

/* Where there is a bound: more than everybody needs at once. */
#define PREPARED_MAX_BYTES (64 * SCENE_OTHER_SIZE)

void bin_has_one(struct scene *scene);
void bin_has_one_and_one_in_hand(struct scene *scene);
void other_pool_was_last(struct scene *scene);
void tier_never_used(struct scene *scene);
void nothing_idle(struct scene *scene);
void home_shard_has_some(struct scene *scene);
void other_shard_has_some(struct scene *scene);
void bin_is_full(struct scene *scene);
void cache_is_full(struct scene *scene);
void only_cold_ones(struct scene *scene);
void oversized_in_hand(struct scene *scene);
void a_batch_in_hand(struct scene *scene);
void every_generation_has_some(struct scene *scene);
void both_tiers_and_one_in_hand(struct scene *scene);
void other_tier_has_all(struct scene *scene);
void quarantine_is_full(struct scene *scene);

#endif /* LOCKFREE_PREPARE_H */
