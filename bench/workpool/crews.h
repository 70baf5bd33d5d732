/*
 * crews - the pools of threads that are compared, behind the same three calls.
 */
#ifndef WORKPOOL_CREWS_H
#define WORKPOOL_CREWS_H

struct crews {
    const char *name;
    void (*create)(unsigned workers, void (*run)(void *arg));
    void (*submit)(void *arg);
    void (*destroy)(void); /* when all has been run */
};

extern const struct crews crews_workpool;
/* GThreadPool with threads of its own (exclusive), and with GLib's shared ones. */
extern const struct crews crews_glib, crews_glib_shared;

#endif /* WORKPOOL_CREWS_H */
