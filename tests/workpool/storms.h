/*
 * storms - many threads do everything at once; what must hold is counted. Suite and name of each.
 */
#ifndef TEST_WORKPOOL_STORMS_H
#define TEST_WORKPOOL_STORMS_H

#include <stdbool.h>

#define STORMS(STORM)                                                                                        \
    STORM(every_job_taken_is_run_once_under_each_policy)                                                     \
    STORM(what_a_job_wrote_is_seen_by_who_waited_for_it)                                                     \
    STORM(limits_that_change_lose_no_job_and_wake_all_who_wait)                                              \
    STORM(groups_inside_jobs_end_on_few_workers)                                                             \
    STORM(stop_in_traffic_runs_or_drops_each_job_that_was_taken)                                             \
    STORM(workers_that_leave_in_traffic_lose_no_job)                                                         \
    STORM(futures_that_time_out_or_are_forgotten_are_all_given_back)

#define DECLARE_STORM(name) bool storm_##name(void);
STORMS(DECLARE_STORM)
#undef DECLARE_STORM

#endif /* TEST_WORKPOOL_STORMS_H */
