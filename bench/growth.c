#include "growth.h"

#include "measure.h"

void growth_begin(struct growth *growth)
{
    pthread_mutex_init(&growth->mutex, NULL);
    growth->start = measure_resident();
    growth->peak = growth->sum = 0;
    growth->samples = 0;
}

void growth_sample(struct growth *growth)
{
    double now = measure_growth_mib(growth->start);
    pthread_mutex_lock(&growth->mutex);
    if (now > growth->peak)
        growth->peak = now;
    growth->sum += now;
    growth->samples++;
    pthread_mutex_unlock(&growth->mutex);
}

void growth_print(const struct growth *growth, const struct options *options, const char *workload,
                  const char *variant)
{
    sample_print(options, workload, variant, "peak", "MiB", growth->peak);
    sample_print(options, workload, variant, "mean", "MiB", growth->sum / growth->samples);
}
