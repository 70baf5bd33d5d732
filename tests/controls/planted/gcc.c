/* For gcc -fanalyzer: freed twice on one path. */
#include <stdlib.h>

int planted(int twice);

int planted(int twice)
{
    char *bytes = malloc(16);
    if (bytes == NULL)
        return -1;
    bytes[0] = 1;
    free(bytes);
    if (twice)
        free(bytes);
    return 0;
}
