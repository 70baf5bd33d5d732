#include "curve.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"

static void put_line(int curve, const char *text, size_t length)
{
    if (write(curve, text, length) != (ssize_t)length)
        die("cannot write the curve: %s", strerror(errno));
}

int curve_open(const char *path, const char *columns)
{
    char line[96];
    if (!path)
        return -1;
    int curve = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (curve < 0)
        die("cannot write %s: %s", path, strerror(errno));
    put_line(curve, line, (size_t)snprintf(line, sizeof(line), "# %s\n", columns));
    return curve;
}

void curve_point(int curve, const double values[], unsigned count)
{
    char line[96];
    size_t length = 0;
    if (curve < 0)
        return;
    for (unsigned i = 0; i < count; i++)
        length += (size_t)snprintf(line + length, sizeof(line) - length, "%s%.9g", i ? "," : "", values[i]);
    line[length++] = '\n';
    put_line(curve, line, length);
}
