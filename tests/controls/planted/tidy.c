/* For clang-tidy: read after its free. */
#include <stdlib.h>

int planted(int value);

int planted(int value)
{
    int *number = malloc(sizeof *number);
    if (number == NULL)
        return -1;
    *number = value;
    free(number);
    return *number;
}
