#!/usr/bin/env bash
# scale - all of the workload scale: time, instructions, shared atomics, as CSV lines on stdout.
#
#   bench/scale.sh FOLDER [ROUND]    FOLDER has bufpool-scale and bufpool-scale-counted; takes about 10 s
#
# bufpool-scale runs once by itself and once under callgrind, which writes down what it has counted after each
# case; bufpool-scale-counted counts atomics. Without valgrind the instructions are missing, and it says so.
set -euo pipefail

[[ $# -ge 1 && $# -le 2 && -x $1/bufpool-scale && -x $1/bufpool-scale-counted ]] ||
    { echo "usage: bench/scale.sh FOLDER [ROUND], with bufpool-scale and bufpool-scale-counted in FOLDER" >&2; exit 2; }
folder=$1 round=${2:-0}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

"$folder/bufpool-scale" time "$round"
"$folder/bufpool-scale-counted" turns "$round"
if ! command -v valgrind >/dev/null; then
    echo "scale: no valgrind, so no instructions are counted" >&2
    exit
fi
valgrind --quiet --tool=callgrind --toggle-collect='measured_*' --dump-after=case_done \
    --callgrind-out-file="$scratch/counts" "$folder/bufpool-scale" turns >"$scratch/cases"
# The first is the loop without the library, which the others are without.
part=0
while IFS=, read -r name operations; do
    part=$((part + 1))
    awk -v name="$name" -v operations="$operations" -v round="$round" -v nothing="${nothing-}" '
        $1 == "summary:" {
            if (name == "nothing")
                print $2
            else
                printf "scale,%s,bufpool,an operation,instructions,%s,%.4f\n", name, round, ($2 - nothing) / operations
            found = 1
        }
        END { exit !found }
    ' "$scratch/counts.$part" >"$scratch/line"
    if [[ $name == nothing ]]; then nothing=$(<"$scratch/line"); else cat "$scratch/line"; fi
done <"$scratch/cases"
