# median - of samples, for the report.awk of each benchmark: awk -f median.awk -f report.awk.

# Sorted copy of values[name, 1..n] in sorted[1..n].
function sort_values(values, name, n, i, j, value) {
    for (i = 1; i <= n; i++) {
        value = values[name, i] + 0
        for (j = i - 1; j >= 1 && sorted[j] > value; j--)
            sorted[j + 1] = sorted[j]
        sorted[j + 1] = value
    }
}

# The median of values[name, 1..n], with `least` and `most` of them.
function median(values, name, n) {
    sort_values(values, name, n)
    least = sorted[1]
    most = sorted[n]
    return n % 2 ? sorted[(n + 1) / 2] : (sorted[n / 2] + sorted[n / 2 + 1]) / 2
}
