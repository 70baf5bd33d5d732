/*
 * One fault, named by the only argument. What a tool has to say is in its own hands; this
 * says nothing and ends well.
 */
#include <stdio.h>
#include <string.h>

#include "faults.h"

#define FAULT_ROW(name) {#name, fault_##name},
static const struct {
    const char *name;
    void (*commit)(void);
} faults[] = {FAULTS(FAULT_ROW)};

int main(int argc, char **argv)
{
    for (size_t i = 0; argc == 2 && i < sizeof faults / sizeof faults[0]; i++) {
        if (strcmp(faults[i].name, argv[1]) == 0) {
            faults[i].commit();
            return 0;
        }
    }
    fprintf(stderr, "usage: %s FAULT\n", argv[0]);
    return 2;
}
