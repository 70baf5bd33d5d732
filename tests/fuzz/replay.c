/*
 * replay - the inputs of a corpus once, and then what grows out of them: for
 * builds without libFuzzer.
 *
 *   fuzz_..._replay CORPUS [ROUNDS]      each input, and ROUNDS mutants of each, the same in every run
 *
 * The last line is "N passed, 0 failed", counting inputs; a fault aborts, and the
 * input is left in ./crash-replay.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "input.h"
#include "pools.h"

enum { BYTES_MOST = 1 << 16 };

static uint8_t original[BYTES_MOST], mutant[BYTES_MOST];

static size_t read_input(const char *folder, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    MUST(file != NULL);
    size_t count = fread(original, 1, sizeof original, file);
    fclose(file);
    return count;
}

/* Written before it is tried: there is no "after" a crash. */
static void try_mutant(size_t count)
{
    int file = open("crash-replay", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    MUST(file >= 0 && write(file, mutant, count) == (ssize_t)count);
    close(file);
    LLVMFuzzerTestOneInput(mutant, count);
}

/* Some bytes changed, a stretch repeated or left out. */
static size_t mutate(size_t count, uint64_t *random)
{
    memcpy(mutant, original, count);
    if (count == 0)
        return 0;
    for (size_t i = random_next(random) % 8; i > 0; i--)
        mutant[random_next(random) % count] = (uint8_t)(random_next(random) >> 24);
    size_t from = random_next(random) % count;
    size_t to = random_next(random) % count;
    size_t bytes = count - (from > to ? from : to);
    memmove(mutant + to, mutant + from, bytes);
    return to + bytes;
}

int main(int argc, char **argv)
{
    struct dirent **entries;
    uint64_t random = 20;
    unsigned tried = 0;

    if (argc != 2 && argc != 3) {
        fprintf(stderr, "usage: %s CORPUS [ROUNDS]\n", argv[0]);
        return 2;
    }
    unsigned long rounds = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
    int count = scandir(argv[1], &entries, NULL, alphasort); /* sorted: the same order everywhere */
    MUST(count > 0);
    for (int i = 0; i < count; i++) {
        if (entries[i]->d_name[0] != '.') {
            size_t bytes = read_input(argv[1], entries[i]->d_name);
            memcpy(mutant, original, bytes);
            try_mutant(bytes);
            for (unsigned long round = 0; round < rounds; round++)
                try_mutant(mutate(bytes, &random));
            tried++;
        }
        free(entries[i]);
    }
    free(entries);
    unlink("crash-replay");
    printf("%u passed, 0 failed\n", tried);
    return tried == 0;
}
