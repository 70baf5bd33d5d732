#include "table.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define COLUMNS_MAX 32

void table_cell(struct table *table, const char *format, ...)
{
    if (table->cells == table->capacity) {
        table->capacity = table->capacity ? table->capacity * 2 : 256;
        table->cell = realloc(table->cell, table->capacity * sizeof(*table->cell));
        if (!table->cell)
            die("no memory for a table");
    }
    va_list arguments;
    va_start(arguments, format);
    if (vasprintf(&table->cell[table->cells++], format, arguments) < 0)
        die("no memory for a table");
    va_end(arguments);
}

/* Characters, not bytes: a UTF-8 continuation byte takes no column. */
static int width_of(const char *text)
{
    int width = 0;
    for (; *text; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

static void print_rule(const struct table *table, const int *width, bool markdown)
{
    for (unsigned c = 0; c < table->columns; c++) {
        bool colon = markdown && c >= table->left;
        fputs(markdown ? c ? " | " : "| " : c ? "--" : "", stdout);
        for (int i = 0; i < width[c] - colon; i++)
            putchar('-');
        if (colon)
            putchar(':');
    }
    puts(markdown ? " |" : "");
}

void table_print(struct table *table, bool markdown)
{
    int width[COLUMNS_MAX] = {0};
    if (table->columns > COLUMNS_MAX)
        die("a table of %u columns", table->columns);
    for (size_t i = 0; i < table->cells; i++) {
        int columns = width_of(table->cell[i]);
        if (columns > width[i % table->columns])
            width[i % table->columns] = columns;
    }
    for (size_t i = 0; i < table->cells && table->cells > table->columns; i++) {
        unsigned c = (unsigned)(i % table->columns);
        int pad = width[c] - width_of(table->cell[i]);
        fputs(markdown ? c ? " | " : "| " : c ? "  " : "", stdout);
        printf("%*s%s%*s", c < table->left ? 0 : pad, "", table->cell[i], c < table->left ? pad : 0, "");
        if (c + 1 == table->columns)
            puts(markdown ? " |" : "");
        if (i + 1 == table->columns)
            print_rule(table, width, markdown);
    }
    for (size_t i = 0; i < table->cells; i++)
        free(table->cell[i]);
    free(table->cell);
    *table = (struct table){0};
}
