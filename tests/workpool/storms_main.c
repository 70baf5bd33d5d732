/* The storms one after the other, for ThreadSanitizer, under which Criterion does not start. */
#include <stdio.h>

#include "storms.h"

int main(void)
{
    static const struct {
        const char *name;
        bool (*holds)(void);
    } storms[] = {
#define LIST_STORM(name) {#name, storm_##name},
        STORMS(LIST_STORM)};
    unsigned passed = 0, failed = 0;

    setvbuf(stdout, NULL, _IOLBF, 0);
    for (size_t i = 0; i < sizeof storms / sizeof storms[0]; i++) {
        bool holds = storms[i].holds();
        printf("%s workpool_storms: %s\n", holds ? "pass" : "FAIL", storms[i].name);
        passed += holds;
        failed += !holds;
    }
    printf("%u passed, %u failed\n", passed, failed);
    return failed != 0;
}
