/*
 * place_main - surroundings that a process can make for itself, and a life in
 * them.
 *
 *   faults_place [--small] plain|rlimit_as|mlockall|no_membarrier|no_madvise
 *
 * Exits with 77 where this system does not allow to make them, and says why.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "place.h"
#include "pools.h"
#include "process.h"

static bool plain(void)
{
    return true;
}

/* An eighth of what twelve tiers ask for by default; what 256 MiB leave is the subject of
 * conformance/memory_out.c. */
static bool rlimit_as(void)
{
    struct rlimit limit = {2048 * MIB, 2048 * MIB};
    return setrlimit(RLIMIT_AS, &limit) == 0;
}

/* Locked pages cannot be given back. */
static bool lock_all(void)
{
    return mlockall(MCL_CURRENT | MCL_FUTURE) == 0;
}

/* Both as an old container profile has it, which answers EPERM to what it does not know. */
static bool no_membarrier(void)
{
    refuse_call(SYS_membarrier, EPERM);
    return true;
}

static bool no_madvise(void)
{
    refuse_call(SYS_madvise, EPERM);
    return true;
}

static const struct {
    const char *name;
    bool (*make)(void);
} places[] = {
    {"plain", plain},           {"rlimit_as", rlimit_as},
    {"mlockall", lock_all},     {"no_membarrier", no_membarrier},
    {"no_madvise", no_madvise},
};

int main(int argc, char **argv)
{
    bool small = argc == 3 && strcmp(argv[1], "--small") == 0;

    for (size_t i = 0; argc == 2 + small && i < sizeof places / sizeof places[0]; i++) {
        if (strcmp(argv[argc - 1], places[i].name) != 0)
            continue;
        if (places[i].make())
            return place_live(small);
        fprintf(stderr, "%s: %s\n", places[i].name, strerror(errno));
        return 77;
    }
    fprintf(stderr, "usage: faults_place [--small] plain|rlimit_as|mlockall|no_membarrier|no_madvise\n");
    return 2;
}
