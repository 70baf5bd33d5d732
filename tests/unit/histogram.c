/*
 * bench/histogram.h: what is recorded can be read back, within 1.6 %.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "histogram.h"

static struct histogram one, other, both;

static void empty(void)
{
    memset(&one, 0, sizeof(one));
    memset(&other, 0, sizeof(other));
    memset(&both, 0, sizeof(both));
}

/* Fails when a bucket is left out or two powers of two overlap at their border. */
Test(unit_histogram, buckets_follow_one_another)
{
    unsigned last = histogram_bucket(0);
    cr_assert(eq(uint, last, 0));
    for (uint64_t value = 1; value < 1 << 16; value++) {
        unsigned bucket = histogram_bucket(value);
        cr_assert(bucket == last || bucket == last + 1, "value %lu", (unsigned long)value);
        last = bucket;
    }
    for (unsigned power = 7; power < HISTOGRAM_MOST_LOG2; power++) {
        uint64_t border = UINT64_C(1) << power;
        cr_assert(eq(uint, histogram_bucket(border), histogram_bucket(border - 1) + 1));
    }
    cr_assert(eq(uint, histogram_bucket((UINT64_C(1) << HISTOGRAM_MOST_LOG2) - 1), HISTOGRAM_BUCKETS - 1));
    cr_assert(eq(uint, histogram_bucket(UINT64_MAX), HISTOGRAM_BUCKETS - 1));
}

/* Fails when a bucket's place or width is wrong: then a value comes back as another. */
Test(unit_histogram, a_value_comes_back_within_its_bucket)
{
    for (double value = 1; value < (double)(UINT64_C(1) << HISTOGRAM_MOST_LOG2); value = value * 1.01 + 1) {
        empty();
        histogram_record(&one, (uint64_t)value);
        /* A larger one, so that `most` does not hide a bucket that reaches too far. */
        histogram_record(&one, UINT64_MAX);
        double least = histogram_at(&one, 0), most = histogram_at(&one, 0.5);
        cr_assert(least <= value && least >= (double)(uint64_t)value * (1 - 1.0 / 64) - 0.5, "%g: %g", value,
                  least);
        cr_assert(most >= (double)(uint64_t)value && most <= value * (1 + 1.0 / 64) + 0.5, "%g: %g", value,
                  most);
    }
}

/* Fails when ranks are counted wrong. */
Test(unit_histogram, percentiles_of_a_ramp_are_the_ramp)
{
    static const double fractions[] = {0.01, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999};
    empty();
    for (uint64_t value = 1; value <= 1000000; value++)
        histogram_record(&one, value);
    for (unsigned i = 0; i < sizeof(fractions) / sizeof(fractions[0]); i++) {
        double expected = fractions[i] * 1e6, found = histogram_at(&one, fractions[i]);
        cr_assert(found > expected * 0.999 && found < expected * 1.001, "%g: %g", fractions[i], found);
    }
    cr_assert(eq(dbl, histogram_at(&one, 1), 1e6));
}

/* Fails when a coarse clock's percentiles jump by whole steps. */
Test(unit_histogram, between_two_steps_the_share_decides)
{
    empty();
    for (unsigned i = 0; i < 100; i++)
        histogram_record(&one, i % 4 == 0 ? 3 : 2);
    histogram_record(&other, 4);
    histogram_merge(&one, &other); /* `most` beyond */
    double median = histogram_at(&one, 0.5), late = histogram_at(&one, 0.9);
    cr_assert(median > 2.1 && median < 2.3, "%g", median);
    cr_assert(late > 3.0 && late < 3.2, "%g", late);
}

/* Fails when a merge loses a bucket, the count or the largest. */
Test(unit_histogram, merged_is_as_recorded_in_one)
{
    empty();
    for (uint64_t i = 0, value = 1; i < 5000; i++, value = value * 6364136223846793005u + 1) {
        uint64_t duration = value >> (value % 60);
        histogram_record(i % 2 ? &one : &other, duration);
        histogram_record(&both, duration);
    }
    histogram_merge(&one, &other);
    cr_assert(eq(int, memcmp(&one, &both, sizeof(one)), 0));
    cr_assert(eq(u64, one.total, 5000));
}

/* Fails when nothing recorded is something. */
Test(unit_histogram, empty_is_zero)
{
    empty();
    cr_assert(eq(dbl, histogram_at(&one, 0.99), 0));
}
