#include "system.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#include "block.h"
#include "explore.h"
#include "memory.h"
#include "point.h"

#define CPUS 2
#define MUTEXES_MAX 4u

static struct {
    struct {
        const pthread_mutex_t *mutex;
        bool held;
    } mutex[MUTEXES_MAX];
    void *at_exit[THREADS_MAX]; /* what pthread_setspecific left for the destructor */
    unsigned cpu[THREADS_MAX];
} now;

/* Set once a process, by its first pool. */
static void (*destructor)(void *);
static void (*before_fork)(void);
static void (*in_parent)(void);
static void (*in_child)(void);

void system_begin(void)
{
    for (unsigned i = 0; i < THREADS_MAX; i++)
        now.cpu[i] = i % CPUS;
    explore_keep(&now, sizeof now);
}

void system_sit_on(unsigned thread, unsigned cpu)
{
    now.cpu[thread] = cpu;
}

/* ------------------------------------------------------------ mutexes */

static bool *held(const pthread_mutex_t *mutex)
{
    unsigned i = 0;
    while (now.mutex[i].mutex != mutex && now.mutex[i].mutex != NULL)
        if (++i == MUTEXES_MAX)
            explore_fail("the library has more mutexes than were thought of");
    now.mutex[i].mutex = mutex;
    return &now.mutex[i].held;
}

int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex)
{
    explore_wait(held(mutex));
    *held(mutex) = true;
    return 0;
}

int __wrap_pthread_mutex_unlock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_unlock(pthread_mutex_t *mutex)
{
    if (!*held(mutex))
        explore_fail("a mutex is unlocked that nobody holds");
    *held(mutex) = false;
    return 0;
}

/* ------------------------------------------------------------ threads */

int __wrap_pthread_key_create(pthread_key_t *key, void (*called)(void *));
int __wrap_pthread_key_create(pthread_key_t *key, void (*called)(void *))
{
    *key = 0;
    destructor = called;
    return 0;
}

int __wrap_pthread_setspecific(pthread_key_t key, const void *value);
int __wrap_pthread_setspecific(pthread_key_t key, const void *value)
{
    (void)key;
    now.at_exit[explore_thread()] = (void *)value; /* the library's own struct thread_table */
    return 0;
}

void system_thread_exits(void)
{
    void **value = &now.at_exit[explore_thread()];
    for (void *armed; (armed = *value) != NULL;) {
        *value = NULL;
        destructor(armed);
    }
}

int __wrap_pthread_create(void);
int __wrap_pthread_create(void)
{
    explore_fail("the library starts a thread: these pools have no collector");
}

int __wrap_sched_getcpu(void);
int __wrap_sched_getcpu(void)
{
    return (int)now.cpu[explore_thread()];
}

long __real_sysconf(int name);
long __wrap_sysconf(int name);
long __wrap_sysconf(int name)
{
    return name == _SC_NPROCESSORS_CONF ? CPUS : __real_sysconf(name);
}

/* ------------------------------------------------------------ fork */

int __wrap_pthread_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void));
int __wrap_pthread_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void))
{
    before_fork = prepare;
    in_parent = parent;
    in_child = child;
    return 0;
}

void system_forks(void (*child)(void))
{
    static char copied;

    before_fork();
    memory_image_begin();
    for (unsigned i = 0; i < explore_cuts(); i++) {
        schedule_point(&copied, "a part of fork's copy", true);
        memory_image_part(i);
    }
    struct thread_table mine = thread_table;
    bool was = explore_switch(false);
    memory_image_enter();
    in_child();
    child();
    memory_image_leave();
    explore_switch(was);
    thread_table = mine;
    in_parent();
}
