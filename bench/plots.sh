# plots - SVG and PNG from the medians and the curves of a run, by gnuplot.
# Sourced by run, whose settings it reads. The scripts in plots/ are one a plot; here is their data.
# shellcheck shell=bash disable=SC2154

# plot_caption: where and when, for the small print.
plot_caption() {
    sed -n 's/^# machine: //p; s/^# commit: /commit /p; s/^# start: //p' "$out/samples.csv" | paste -sd '|' | sed 's/|/   /g'
}

# plot_draw NAME: as SVG and as PNG.
plot_draw() {
    local name=$1 format
    for format in svg png; do
        gnuplot -e "format='$format'; output='$out/plots/$name.$format'; data='$scratch/plots/$name'; \
            folder='$bench/plots'; caption='$(plot_caption)'" "$bench/plots/$name.gp" ||
            fail "gnuplot has failed on plots/$name.gp"
    done
}

# plot_lines NAME VARIABLE=...: of "peer,x,y" on stdin.
plot_lines() {
    local name=$1
    shift
    awk -F, -f "$bench/plots/colours.awk" -f "$bench/plots/series.awk" "${@/#/-v}" >"$scratch/plots/$name"
}

# plot_bars NAME VARIABLE=...: of "case,peer,value,least,most" on stdin.
plot_bars() {
    local name=$1
    shift
    awk -F, -f "$bench/plots/colours.awk" -f "$bench/plots/bars.awk" "${@/#/-v}" -v file="$scratch/plots/$name"
}

# plot_medians WORKLOAD METRIC: "case,peer,median,least,most".
plot_medians() {
    awk -F, -v OFS=, -v workload="$1" -v metric="$2" \
        '$1 == workload && $4 == metric { print $2, $3, $7, $8, $9 }' "$scratch/medians.csv"
}

# "4K 1 thread,peer,median" to "peer,4096,median", in the order of the sizes.
plot_sizes() {
    awk -F, -v OFS=, '/^[0-9]+[KM]? 1 thread,/ && $2 !~ /^go-/ {
        size = $1 + 0
        if ($1 ~ /^[0-9]+K/) size *= 1024
        if ($1 ~ /^[0-9]+M/) size *= 1048576
        print $2, size, $3
    }' | sort -t, -k1,1 -k2,2n
}

# plot_curves KIND: the files curves/KIND-<peer>.csv as "peer,column 1,column 2,...".
plot_curves() {
    local file peer
    for file in "$out/curves/$1"-*.csv; do
        [[ -e $file ]] || continue
        peer=$(basename "$file" .csv)
        awk -v peer="${peer#"$1"-}" '!/^#/ { print peer "," $0 }' "$file"
    done
}

# Percentiles from the half on, so that each further nine takes the same room.
plot_nines() {
    awk -F, -v OFS=, -v column="$1" '$2 > 49.8 && $2 < 99.99901 { print $1, -log(1 - $2 / 100) / log(10), $column }'
}

# A file for each way to grow: "number,instructions,atomics,ns", fewest first. Fails without instructions.
plot_scale() {
    local way
    for way in thread pool live; do
        awk -F, -v way="$way" '
            $1 == "scale" && $2 ~ " " way { split($2, word, " "); value[word[1], $4] = $7; known[word[1]] }
            END { for (n in known) print n "," value[n, "an operation"] "," value[n, "shared atomics"] "," value[n, "time"] }
        ' "$scratch/medians.csv" | sort -n >"$scratch/plots/scale.$way"
        grep -q '^[0-9]*,[0-9]' "$scratch/plots/scale.$way" || return 1
    done
}

# plots: what was not measured is not drawn.
plots() {
    mkdir -p "$scratch/plots"
    "$binary" report --medians "$out" >"$scratch/medians.csv"
    # Three sizes at least make a curve.
    plot_medians pair pair | plot_sizes >"$scratch/plots/sizes"
    if (($(grep -c '^bufpool,' "$scratch/plots/sizes") >= 3)); then
        plot_lines pair logarithmic=1 gap=0.05 <"$scratch/plots/sizes"
        plot_draw pair
    fi
    if plot_medians handoff buffer | plot_bars handoff logarithmic=1; then
        plot_draw handoff
    fi
    if plot_medians crowd throughput | plot_bars crowd-throughput more=1; then
        plot_draw crowd-throughput
    fi
    # A call that takes less than the clock's step is drawn at 1 ns.
    if plot_curves crowd-32 | plot_nines 3 | plot_lines crowd-latency.get logarithmic=1 gap=0.06 least=1 &&
        plot_curves crowd-32 | plot_nines 4 | plot_lines crowd-latency.put logarithmic=1 gap=0.06 least=1; then
        plot_draw crowd-latency
    fi
    if plot_curves burst | awk -F, '$2 >= -0.5' | plot_lines burst gap=0.05 least=0; then
        plot_draw burst
    fi
    if plot_scale; then
        plot_draw scale
    fi
}
