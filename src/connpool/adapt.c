#include "adapt.h"

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* The windows that have ended: each lets a quarter go of what none of it has wanted, and at least one. */
static void end_windows(struct conn_adapt *adapt, uint64_t now_ms)
{
    while (now_ms >= adapt->ends_at) {
        if (adapt->demand > adapt->peak)
            adapt->demand -= (adapt->demand - adapt->peak + 3) / 4;
        adapt->peak = 0;
        adapt->ends_at += CONN_WINDOW_MS;
        if (adapt->demand == 0 && now_ms >= adapt->ends_at)
            adapt->ends_at = now_ms + CONN_WINDOW_MS; /* nothing is left to fade: so many at once */
    }
}

void conn_adapt_see(struct conn_adapt *adapt, uint64_t wanted, uint64_t now_ms)
{
    if (adapt->ends_at == 0)
        adapt->ends_at = now_ms + CONN_WINDOW_MS;
    end_windows(adapt, now_ms);
    adapt->peak = larger(adapt->peak, wanted);
    adapt->demand = larger(adapt->demand, wanted);
}

uint64_t conn_adapt_idle(const struct conn_adapt *adapt, uint64_t in_use, uint64_t least, uint64_t most)
{
    uint64_t missing = adapt->demand > in_use ? adapt->demand - in_use : 0;
    return smaller(larger(missing, least), most);
}

uint64_t conn_adapt_lifetime(const struct conn_adapt *adapt, uint64_t max_open, uint64_t least_ms,
                             uint64_t most_ms)
{
    if (least_ms == 0)
        return UINT64_MAX;
    if (most_ms <= least_ms || max_open == 0)
        return least_ms;
    return least_ms + (most_ms - least_ms) * smaller(adapt->demand, max_open) / max_open;
}
