/*
 * curve - the points of a plot, a line each, in a file of their own.
 *
 * Not by stdio: that would use the heap that is measured.
 */
#ifndef CURVE_H
#define CURVE_H

/* A new file that begins with "# columns"; -1 when `path` is NULL. Dies when it cannot be written. */
int curve_open(const char *path, const char *columns);

/* Add the line "x,y,..." of `count` values, 1 to 3; nothing when `curve` is -1. */
void curve_point(int curve, const double values[], unsigned count);

#endif /* CURVE_H */
