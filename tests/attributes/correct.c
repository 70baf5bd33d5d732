/*
 * A user's file without a fault: no compiler may find one, and it must run, also
 * with _FORTIFY_SOURCE=2, though it writes each buffer up to its capacity.
 */
#include <bufpool/malloc.h>
#include <stdlib.h>
#include <string.h>

/* One thread's work, with every failure looked after. */
static int borrow(bufpool_t *pool)
{
    char *one = (char *)bufpool_get(pool, 100);
    if (one == NULL)
        return 1;
    memset(one, 'a', bufpool_capacity(pool, one));
    strcpy(one + 101, "beyond the 100 that were asked for, and within the capacity");

    char *larger = (char *)bufpool_resize(pool, one, 5000);
    if (larger == NULL) {
        bufpool_put(pool, one); /* as it was */
        return 2;
    }
    memset(larger + 5000, 0, bufpool_capacity(pool, larger) - 5000);
    int whole = larger[0] == 'a';
    bufpool_put(pool, larger);

    char *zeroed = (char *)bufpool_get_zeroed(pool, 3000);
    if (zeroed == NULL)
        return 3;
    whole = whole && zeroed[bufpool_capacity(pool, zeroed) - 1] == 0;
    bufpool_put(pool, zeroed);
    return whole ? 0 : 4;
}

/* A buffer that outlives the function, as most do. */
struct connection {
    char *input;
};

static int open_connection(bufpool_t *pool, struct connection *connection)
{
    connection->input = (char *)bufpool_get(pool, 16384);
    return connection->input != NULL;
}

static void close_connection(bufpool_t *pool, struct connection *connection)
{
    bufpool_put(pool, connection->input);
    connection->input = NULL;
}

static int allocate(void)
{
    char *text = (char *)bufpool_malloc(1000);
    if (text == NULL)
        return 1;
    memset(text, 'b', bufpool_malloc_usable_size(text));
    char *longer = (char *)bufpool_realloc(text, 70000);
    if (longer == NULL) {
        bufpool_free(text);
        return 2;
    }
    int whole = longer[999] == 'b';
    bufpool_free(longer);

    size_t *table = (size_t *)bufpool_calloc(500, sizeof *table);
    if (table == NULL)
        return 3;
    for (size_t i = 0; i < bufpool_malloc_usable_size(table) / sizeof *table; i++)
        table[i] = i;
    bufpool_free(table);
    char *aligned = (char *)bufpool_aligned_alloc(64, 640);
    if (aligned == NULL)
        return 4;
    memset(aligned, 'c', bufpool_malloc_usable_size(aligned));
    bufpool_free(aligned);
    return whole ? 0 : 5;
}

int main(void)
{
    struct connection connection;
    bufpool_t *pool;

    if (bufpool_create(&pool, NULL) != 0)
        return 10;
    for (int i = 0; i < 100; i++) {
        int fault = borrow(pool);
        if (fault == 0)
            fault = allocate();
        if (fault != 0)
            return fault;
    }
    if (!open_connection(pool, &connection))
        return 11;
    memset(connection.input, 1, bufpool_capacity(pool, connection.input));
    close_connection(pool, &connection);
    bufpool_destroy(pool);
    return 0;
}
