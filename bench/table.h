/*
 * table - cells of text in columns as wide as they must be, as plain text or
 * Markdown.
 */
#ifndef TABLE_H
#define TABLE_H

#include "harness.h"

struct table {
    unsigned columns, left; /* set by the caller: how many, and how many of them are left-aligned */
    size_t cells, capacity;
    char **cell; /* row by row; the first row is the heading */
};

/* Append a cell. Dies when memory is out. */
void table_cell(struct table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Print on stdout, and empty it. A table of a heading alone prints nothing. */
void table_print(struct table *table, bool markdown);

#endif /* TABLE_H */
