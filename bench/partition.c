#include "partition.h"

#include "harness.h"

/* The best cost of the first j + 1 sizes in so many runs, and the size before the last of these. */
struct cell {
    uint64_t cost;
    unsigned before; /* index of the last size of the run before; meaningless in the first row */
};

static void first_row(struct cell *row, unsigned n, partition_cost cost, const void *context)
{
    for (unsigned j = 0; j < n; j++)
        row[j].cost = cost(context, 0, j);
}

/* Row k from row k - 1; of j + 1 sizes there are at most j + 1 runs. */
static void next_row(const struct cell *above, struct cell *row, unsigned k, unsigned n,
                     const uint64_t *costs)
{
    for (unsigned j = k; j < n; j++) {
        row[j].cost = UINT64_MAX;
        for (unsigned i = j; i-- > k - 1;) {
            uint64_t all = above[i].cost + costs[(size_t)(i + 1) * n + j];
            if (all < row[j].cost)
                row[j] = (struct cell){all, i};
        }
    }
}

static void read_back(struct partition *partition, const struct cell *rows, unsigned k, unsigned n)
{
    unsigned j = n - 1;
    partition->cost = rows[(size_t)k * n + j].cost;
    partition->runs = k + 1;
    for (unsigned row = k;; row--) {
        partition->last[row] = j;
        if (row == 0)
            break;
        j = rows[(size_t)row * n + j].before;
    }
}

unsigned partition_best(struct partition *best, unsigned most, unsigned n, partition_cost cost,
                        const void *context)
{
    unsigned count = most < n ? most : n;
    size_t rows_bytes = (size_t)count * n * sizeof(struct cell),
           costs_bytes = (size_t)n * n * sizeof(uint64_t);

    if (count == 0)
        return 0;
    struct cell *rows = harness_map(rows_bytes, false);
    uint64_t *costs = harness_map(costs_bytes, false);
    for (unsigned i = 0; i < n; i++)
        for (unsigned j = i; j < n; j++)
            costs[(size_t)i * n + j] = cost(context, i, j);
    first_row(rows, n, cost, context);
    for (unsigned k = 1; k < count; k++)
        next_row(rows + (size_t)(k - 1) * n, rows + (size_t)k * n, k, n, costs);
    for (unsigned k = 0; k < count; k++)
        read_back(&best[k], rows, k, n);
    harness_unmap(rows, rows_bytes);
    harness_unmap(costs, costs_bytes);
    return count;
}

unsigned partition_choose(const struct partition *best, unsigned count, uint64_t price)
{
    unsigned chosen = 0;
    for (unsigned k = 1; k < count; k++)
        if (best[k].cost + (k + 1) * price < best[chosen].cost + (chosen + 1) * price)
            chosen = k;
    return chosen;
}
