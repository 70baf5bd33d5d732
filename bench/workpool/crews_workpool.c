#include <bufpool/workpool.h>
#include <string.h>

#include "../harness.h"
#include "crews.h"

static workpool_t *pool;
static void (*job)(void *arg);

static void create(unsigned workers, void (*run)(void *arg))
{
    workpool_config_t config = WORKPOOL_CONFIG_INIT;

    job = run;
    config.max_workers = config.min_workers = workers;
    config.max_queue = 16384;
    int error = workpool_create(&pool, &config);
    if (error != 0)
        die("workpool_create: %s", strerror(-error));
}

static void submit(void *arg)
{
    if (workpool_submit(pool, job, arg) != 0)
        die("workpool_submit has failed");
}

static void destroy(void)
{
    workpool_destroy(pool);
}

const struct crews crews_workpool = {"workpool", create, submit, destroy};
