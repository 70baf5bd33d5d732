#include "report.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ------------------------------------------------------------ who hears of it */

/*
 * Handler and argument must be read as one. Each setting gets the next place of
 * a small ring and is then published; a report would have to sleep through
 * HANDLERS settings to read a torn pair.
 */
#define HANDLERS 64

static struct {
    pthread_mutex_t setting;
    struct {
        bufpool_misuse_fn function;
        void *arg;
    } handler[HANDLERS];
    _Atomic unsigned current;
} misuse = {.setting = PTHREAD_MUTEX_INITIALIZER};

void bufpool_on_misuse(bufpool_misuse_fn handler, void *arg)
{
    pthread_mutex_lock(&misuse.setting);
    unsigned next = atomic_load_explicit(&misuse.current, memory_order_relaxed) + 1;
    misuse.handler[next % HANDLERS].function = handler;
    misuse.handler[next % HANDLERS].arg = arg;
    /* release [misuse]: the pair comes with its number. */
    atomic_store_explicit(&misuse.current, next, memory_order_release);
    pthread_mutex_unlock(&misuse.setting);
}

void bufpool_report_misuse(const char *message)
{
    int errno_before = errno;
    /* acquire [misuse] */
    unsigned current = atomic_load_explicit(&misuse.current, memory_order_acquire) % HANDLERS;
    if (misuse.handler[current].function == NULL) {
        fprintf(stderr, "%s\n", message);
        abort();
    }
    misuse.handler[current].function(message, misuse.handler[current].arg);
    errno = errno_before;
}

/* ------------------------------------------------------------ the wording */

enum detail { NO_DETAIL, OTHER_POOL, INSIDE, ALREADY_FREE, BYTE_CHANGED, BYTE_BEYOND };

/* Every rule as it is printed; `of_call` is put behind the call's own name. */
static const struct {
    const char *name;
    const char *of_call;
    enum detail detail;
} wording[MISUSES] = {
    [MISUSE_FOREIGN] = {"foreign pointer", NULL, NO_DETAIL},
    [MISUSE_OTHER_POOL] = {"foreign pointer", NULL, OTHER_POOL},
    [MISUSE_MISALIGNED] = {"misaligned pointer", NULL, NO_DETAIL},
    [MISUSE_INTERIOR] = {"interior pointer", NULL, INSIDE},
    [MISUSE_UNCARVED] = {"never handed out", NULL, NO_DETAIL},
    [MISUSE_DOUBLE_PUT] = {"double put", NULL, ALREADY_FREE},
    [MISUSE_LATE_DOUBLE_PUT] = {"double put, found late", NULL, NO_DETAIL},
    [MISUSE_DESTROYED] = {"destroyed pool", NULL, NO_DETAIL},
    [MISUSE_AFTER_PUT] = {NULL, "after put", ALREADY_FREE},
    [MISUSE_NEVER_GOT] = {NULL, "of a buffer that was never got", NO_DETAIL},
    [MISUSE_WRITE_AFTER_PUT] = {"write after put", NULL, BYTE_CHANGED},
    [MISUSE_OVERFLOW] = {"overflow", NULL, BYTE_BEYOND},
};

const char *misuse_name(enum misuse rule)
{
    return wording[rule].name != NULL ? wording[rule].name : wording[rule].of_call;
}

/* A line that grows; what does not fit is cut off. */
struct line {
    size_t used;
    char text[REPORT_MAX];
};

__attribute__((format(printf, 2, 3))) static void say(struct line *line, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    /* clang-tidy 14 says otherwise where it reads several files at once.
     * NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized) */
    int length = vsnprintf(line->text + line->used, sizeof line->text - line->used, format, arguments);
    va_end(arguments);
    if (length > 0)
        line->used = min_u64(line->used + (size_t)length, sizeof line->text - 1);
}

static void say_rule(struct line *line, enum misuse rule, const struct misuse_site *site)
{
    say(line, "bufpool: pool '%s': ", site->pool);
    if (wording[rule].of_call != NULL)
        say(line, "%s %s", site->call, wording[rule].of_call);
    else
        say(line, "%s", wording[rule].name);
    say(line, ": %s(%p)", site->call, site->address);
}

static void say_buffer(struct line *line, const struct misuse_site *site)
{
    if (site->tier_size != 0)
        say(line, " of tier %zu, buffer %llu", site->tier_size, (unsigned long long)site->index);
    else if (site->oversized)
        say(line, " of oversized buffer %llu", (unsigned long long)site->index);
    say(line, ", thread %ld", (long)gettid());
}

static void say_detail(struct line *line, enum misuse rule, const struct misuse_site *site)
{
    switch (wording[rule].detail) {
    case NO_DETAIL:
        break;
    case OTHER_POOL:
        say(line, ": belongs to pool '%s'", site->other);
        break;
    case INSIDE:
        say(line, ": %zu bytes inside a buffer", site->offset);
        break;
    case ALREADY_FREE:
        say(line, ": the buffer is already free");
        break;
    case BYTE_CHANGED:
        say(line, ": byte %zu is 0x%02x, the put left 0x%02x", site->offset, site->found, site->left);
        break;
    case BYTE_BEYOND:
        say(line, ": byte %zu is written, %zu were asked for", site->offset, site->asked);
        break;
    }
}

void report_place(char *text, size_t size, const void *address)
{
    Dl_info info;

    if (dladdr(address, &info) == 0 || info.dli_fname == NULL) {
        snprintf(text, size, "%p", address);
        return;
    }
    const char *slash = strrchr(info.dli_fname, '/');
    const char *object = slash != NULL ? slash + 1 : info.dli_fname;
    size_t offset = (size_t)((const char *)address - (const char *)info.dli_fbase);
    if (info.dli_sname != NULL)
        snprintf(text, size, "%s+%#zx (%s)", object, offset, info.dli_sname);
    else
        snprintf(text, size, "%s+%#zx", object, offset);
}

static void say_sites(struct line *line, const struct misuse_site *site)
{
    const struct {
        const char *name;
        const void *address;
    } sites[] = {{"called at", site->called_at}, {"got at", site->got_at}, {"put at", site->put_at}};
    const char *before = ";";
    char place[160];

    for (unsigned i = 0; i < sizeof sites / sizeof sites[0]; i++) {
        if (sites[i].address == NULL)
            continue;
        report_place(place, sizeof place, sites[i].address);
        say(line, "%s %s %s", before, sites[i].name, place);
        before = ",";
    }
}

void misuse_report(enum misuse rule, const struct misuse_site *site)
{
    int errno_before = errno;
    struct line line = {.used = 0};

    say_rule(&line, rule, site);
    say_buffer(&line, site);
    say_detail(&line, rule, site);
    say_sites(&line, site);
    bufpool_report_misuse(line.text);
    errno = errno_before;
}
