/*
 * bufpool-top - a running process's pools, each second. bench/top builds and runs it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "page.h"
#include "screen.h"

static const char usage[] = "usage: bench/top [--once] PID | SOCKET\n"
                            "  PID       a process started with BUFPOOL_STATS=SOCKET in its environment\n"
                            "  SOCKET    the path it serves its statistics at\n"
                            "  --once    one page as plain text, no rates, and the end\n"
                            "Keys: q quits, n shows the next pool alone, a shows all.\n";

static int fail(const struct watched_error *error)
{
    fprintf(stderr, "bench/top: %s\n", error->text);
    return 1;
}

/* The pool behind the one shown; behind the last all of them. */
static uint64_t next_pool(const struct watched *watched, uint64_t shown)
{
    if (watched->pools == 0)
        return PAGE_ALL;
    if (shown == PAGE_ALL)
        return watched->pool[0].number;
    for (size_t i = 0; i + 1 < watched->pools; i++)
        if (watched->pool[i].number == shown)
            return watched->pool[i + 1].number;
    return PAGE_ALL;
}

static void show(const struct watched *now, const struct watched *before, uint64_t pool)
{
    char *page = NULL;
    size_t bytes;
    FILE *out = open_memstream(&page, &bytes);

    if (out == NULL)
        return;
    page_write(out, now, before, pool);
    fputs("\nq quits, n next pool, a all\n", out);
    if (fclose(out) == 0)
        screen_show(page);
    free(page);
}

static int watch(const char *path, struct watched *now)
{
    struct watched before = {.pools = 0};
    struct watched_error error = {.text = ""};
    bool has_before = false, is_well = true;
    uint64_t pool = PAGE_ALL;
    int key = 0;

    while (is_well && key != 'q' && key != -1) {
        show(now, has_before ? &before : NULL, pool);
        key = screen_key(1000);
        if (key == 'n' || key == '\t') {
            pool = next_pool(now, pool);
        } else if (key == 'a') {
            pool = PAGE_ALL;
        } else if (key == 0) {
            watched_end(&before);
            before = *now;
            has_before = true;
            is_well = watched_ask(now, path, &error);
        }
    }
    screen_end();
    screen_pass_signal_on();
    watched_end(&before);
    return is_well ? 0 : fail(&error);
}

int main(int argc, char **argv)
{
    bool once = argc == 3 && strcmp(argv[1], "--once") == 0;
    struct watched_error error;
    struct watched now;
    char path[108];

    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        fputs(usage, stdout);
        return 0;
    }
    if (argc != (once ? 3 : 2) || argv[argc - 1][0] == '-') {
        fputs(usage, stderr);
        return 2;
    }
    if (!watched_find(argv[argc - 1], path, &error) || !watched_ask(&now, path, &error))
        return fail(&error);
    int status = 0;
    if (once || !screen_begin())
        page_write(stdout, &now, NULL, PAGE_ALL);
    else
        status = watch(path, &now);
    watched_end(&now);
    return fflush(stdout) == 0 ? status : 1;
}
