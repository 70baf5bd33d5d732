#include <glib.h>

#include "../harness.h"
#include "crews.h"

static GThreadPool *pool;
static void (*job)(void *arg);

static void call(gpointer data, gpointer user)
{
    (void)user;
    job(data);
}

static void create_some(unsigned workers, void (*run)(void *arg), gboolean exclusive)
{
    job = run;
    pool = g_thread_pool_new(call, NULL, (gint)workers, exclusive, NULL);
    if (pool == NULL)
        die("g_thread_pool_new has failed");
}

static void create_exclusive(unsigned workers, void (*run)(void *arg))
{
    create_some(workers, run, TRUE);
}

static void create_shared(unsigned workers, void (*run)(void *arg))
{
    create_some(workers, run, FALSE);
}

static void submit(void *arg)
{
    if (!g_thread_pool_push(pool, arg, NULL))
        die("g_thread_pool_push has failed");
}

static void destroy(void)
{
    g_thread_pool_free(pool, FALSE, TRUE);
}

const struct crews crews_glib = {"glib", create_exclusive, submit, destroy};
const struct crews crews_glib_shared = {"glib-shared", create_shared, submit, destroy};
