/*
 * place_dlopen - the library comes with a module that a program loads late, and
 * the module goes again while a thread is left that has used it.
 *
 *   faults_place_dlopen MODULE      prints what the module's life came to, three times the same
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>

#include "place.h"

static pthread_barrier_t closed;
static int (*live)(bool small);
static int result;

/* Its thread-specific data outlive the module: the destructor runs after dlclose. */
static void *live_and_linger(void *arg)
{
    (void)arg;
    result = live(false);
    pthread_barrier_wait(&closed);
    pthread_barrier_wait(&closed);
    return NULL;
}

static int load_once(const char *path)
{
    pthread_t thread;
    void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL);

    if (module == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        return 1;
    }
    *(void **)&live = dlsym(module, "place_live");
    if (live == NULL || pthread_create(&thread, NULL, live_and_linger, NULL) != 0)
        return 1;
    pthread_barrier_wait(&closed);
    if (dlclose(module) != 0)
        return 1;
    pthread_barrier_wait(&closed);
    return pthread_join(thread, NULL) != 0 || result != 0;
}

int main(int argc, char **argv)
{
    int failed = 0;

    if (argc != 2) {
        fprintf(stderr, "usage: faults_place_dlopen MODULE\n");
        return 2;
    }
    pthread_barrier_init(&closed, NULL, 2);
    for (int i = 0; i < 3 && failed == 0; i++)
        failed = load_once(argv[1]);
    return failed;
}
