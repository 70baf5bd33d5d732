/*
 * wait - the clock, and sleeping until something happens or a deadline has
 * come. The one file that uses libck: its event counts (ck_ec) make "check,
 * then sleep" free of lost wake-ups.
 */
#ifndef WAIT_H
#define WAIT_H

#include <stdint.h>

#define WAIT_FOREVER UINT64_MAX

/* An event count; all bytes zero to begin with. */
struct event {
    uint32_t counter;
};

/* Read before looking at what the event is about; then sleep only if it is still that. */
uint32_t event_seen(const struct event *event);

/* Sleep until event_signal was called after event_seen, or the clock reads deadline_ms. */
void event_wait(struct event *event, uint32_t seen, uint64_t deadline_ms);

/* Wake all sleepers. Lock-free; a system call only where somebody sleeps. Full barrier. */
void event_signal(struct event *event);

/* Milliseconds of the monotonic clock, or of the one the tests own. */
uint64_t clock_ms(void);

/* NULL: the system's. With another one, sleepers look at it only when signalled. */
void clock_use(uint64_t (*now_ms)(void));

#endif /* WAIT_H */
