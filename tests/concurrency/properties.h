/*
 * properties - all of them, once for both drivers: PROPERTIES(X) is X(suite, name) for each bool
 * prop_<name>(void). The first list needs the public interface only; the second links the build with hooks.
 */
#ifndef CONCURRENCY_PROPERTIES_H
#define CONCURRENCY_PROPERTIES_H

#include <stdbool.h>

#define PUBLIC_PROPERTIES(X)                                                                                 \
    X(handover, one_to_one_keeps_contents_and_strands_nothing)                                               \
    X(handover, many_to_one_keeps_contents)                                                                  \
    X(handover, nine_thieves_get_each_value_once)                                                            \
    X(handover, put_happens_before_get)                                                                      \
    X(owners, 64_buffers_and_32_threads_never_two_owners)                                                    \
    X(owners, ten_million_mixed_operations)                                                                  \
    X(collect, a_sleeper_s_buffers_reach_others_after_one_collection)                                        \
    X(collect, a_get_finds_room_that_sleepers_hold_in_another_tier)                                          \
    X(collect, a_collection_costs_a_running_thread_few_misses)                                               \
    X(collect, the_block_of_a_running_thread_is_not_taken)                                                   \
    X(collect, collections_at_once_lose_nothing)                                                             \
    X(collect, the_background_collector_disturbs_nobody)                                                     \
    X(limits, max_bytes_is_never_exceeded)                                                                   \
    X(limits, 128_threads_cache_no_more_than_one_may)                                                        \
    X(limits, 128_threads_cache_nothing_when_nothing_may_be)                                                 \
    X(threads, 10000_short_threads_leave_what_16_leave)                                                      \
    X(threads, threads_leave_while_collections_run)                                                          \
    X(threads, put_and_get_work_in_late_tls_destructors)                                                     \
    X(threads, a_thread_that_left_keeps_out_of_its_successor_s_cache)                                        \
    X(threads, no_record_outlives_its_pool)                                                                  \
    X(fork, a_forked_child_never_sees_a_buffer_twice)                                                        \
    X(fork, a_forked_child_has_a_collector_of_its_own)                                                       \
    X(words, traffic_with_words_is_silent)                                                                   \
    X(words, of_puts_at_once_one_is_kept)

#define HOOKED_PROPERTIES(X)                                                                                 \
    X(collector, parks_when_nothing_is_cached_and_hears_of_one_put)                                          \
    X(collector, a_put_while_the_collector_parks_is_heard)                                                   \
    X(stopped, a_held_collector_is_succeeded)                                                                \
    X(stopped, collectors_held_everywhere_at_once_are_succeeded)                                             \
    X(stopped, who_was_succeeded_ages_nothing_more)                                                          \
    X(stopped, a_block_that_came_back_keeps_its_limbo)                                                       \
    X(stopped, a_membarrier_stands_between_swap_and_claim)                                                   \
    X(stopped, a_held_user_stops_nobody)                                                                     \
    X(depot, an_empty_depot_is_recognised_without_a_scan)

#define DECLARE_PROPERTY(suite, name) bool prop_##name(void);
PUBLIC_PROPERTIES(DECLARE_PROPERTY)
HOOKED_PROPERTIES(DECLARE_PROPERTY)

/* A driver is compiled once for each list. */
#ifdef WITH_HOOKS
#define PROPERTIES(X) HOOKED_PROPERTIES(X)
#else
#define PROPERTIES(X) PUBLIC_PROPERTIES(X)
#endif

#endif /* CONCURRENCY_PROPERTIES_H */
