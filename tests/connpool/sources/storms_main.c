/* All storms in one process, for ThreadSanitizer; arguments choose by name. */
#include <stdio.h>
#include <string.h>

#include "storms.h"

static const struct {
    const char *name;
    bool (*holds)(void);
} storms[] = {
#define STORM_ENTRY(name) {#name, name},
    STORMS(STORM_ENTRY)};

int main(int argc, char **argv)
{
    size_t count = sizeof storms / sizeof storms[0], failed = 0, run = 0;
    for (size_t i = 0; i < count; i++) {
        bool is_chosen = argc == 1;
        for (int j = 1; j < argc; j++)
            is_chosen = is_chosen || strcmp(argv[j], storms[i].name) == 0;
        if (!is_chosen)
            continue;
        run++;
        bool holds = storms[i].holds();
        printf("%s %s\n", holds ? "PASS" : "FAIL", storms[i].name);
        failed += !holds;
    }
    printf("%zu passed, %zu failed\n", run - failed, failed);
    return failed == 0 && run > 0 ? 0 : 1;
}
