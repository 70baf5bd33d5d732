#!/usr/bin/env bash
# beyond - what 16, 64 and 192 cores would do, by arithmetic from what was counted and measured here.
#
#   bench/beyond.sh BUDGET_ATOMICS MIX_NS HANDOFF_NS HERE_NS
#
# BUDGET_ATOMICS is the program of tests/budget. MIX_NS: a replacement of mix, 1 thread. HANDOFF_NS: a buffer of
# handoff 16K 1->1. HERE_NS: `passed` of bufpool-line, which HANDOFF_NS has in it. Prints the table of README.md's
# "Scale beyond this machine", which has the formulas and says what is assumed.
set -euo pipefail

[[ $# -eq 4 && -x $1 ]] || { echo "usage: bench/beyond.sh BUDGET_ATOMICS MIX_NS HANDOFF_NS HERE_NS" >&2; exit 2; }

echo '| case | cores | a line passes, ns | shared a 1,000 | ns an operation | asked for, M/s | hottest word, a 1,000 | its bound, M/s | of linear | the next word | its bound | of linear |'
echo '|---|---:|---:|---:|---:|---:|---|---:|---:|---|---:|---:|'
for cores in 16 64 192; do
    "$1" "$cores" | awk -v cores="$cores" -v mix="$2" -v handoff="$3" -v here="$4" '
        # Mean over all pairs of cores: 8 to an L3, 96 to a socket; 23, 107 and 197 ns.
        function pass(   near, socket) {
            near = 7
            socket = (cores < 96 ? cores : 96) - 8
            return (near * 23 + socket * 107 + (cores - 1 - near - socket) * 197) / (cores - 1)
        }
        /^# .* fills from/ {
            name = $2
            sub(/:/, "", name)
            # The one that takes, and then the one that owns, find the line with the other.
            if (name == "mix")
                shared[name] += 2 * $(NF - 2)
            # There are 64 stacks a tier at most: beyond, three cores of 192 share one.
            if (name == "mix" && cores > 64)
                shared[name] += 2 * $3
            next
        }
        /^# / {
            name = $2
            sub(/:/, "", name)
            count = $3
            words = $5
            what = $0
            sub(/^# [a-z]+: [0-9.]+ on [0-9]+ /, "", what)
            hot = count
            if (match(what, /, [0-9.]+ on one of them$/)) {
                hot = substr(what, RSTART + 2) + 0
                what = substr(what, 1, RSTART - 1)
            }
            # In handoff the other thread takes what one pushes; in mix only fills from another stack are shared.
            if (name == "handoff" || what !~ /full magazines/)
                shared[name] += count
            # Who pushes or pops also reads which shards are not empty, and others have changed that since.
            if (what ~ /full magazines/)
                shared[name] += count
            if (hot > hottest[name]) {
                next_hottest[name] = hottest[name]
                next_what[name] = hottest_what[name]
                hottest[name] = hot
                hottest_what[name] = what
            } else if (hot > next_hottest[name]) {
                next_hottest[name] = hot
                next_what[name] = what
            }
        }
        function word(hot, what, asked, linear,   bound) {
            bound = 1000 / (hot * pass()) * 1000
            printf " %.2f, %s | %.0f | %.0f %% |", hot, what, bound, 100 * (asked < bound ? asked : bound) / linear
        }
        function row(name, alone, stall, lanes,   ns, asked, linear) {
            ns = alone + shared[name] / 1000 * stall
            asked = lanes / ns * 1000
            linear = lanes / alone * 1000
            printf "| %s | %d | %.0f | %.1f | %.1f | %.0f |", name, cores, pass(), shared[name], ns, asked
            word(hottest[name], hottest_what[name], asked, linear)
            word(next_hottest[name], next_what[name], asked, linear)
            print ""
        }
        END {
            row("mix", mix, pass(), cores)
            row("handoff", handoff, pass() - here, cores / 2)
        }
    '
done
