# samples - what is measured, peer after peer of one case, then the next case.
# Sourced by run, whose settings it reads. A sample is a line:
#
#   rate,CASE,SIZE,CONNECTIONS,PEER,ROUND,REQUESTS/S,P50,P90,P99,P99.9 (us),PEAK RSS KIB,BAD ANSWERS,SOCKET ERRORS,
#       CPU US OF THE SERVER A REQUEST
#   slow,...                       the same, while slow clients read
#   memory,start|load|rest,PEER,RSS KIB,PEAK KIB
#   outage,MS SINCE THE START,204,503,OTHER; outage-event,killed|back,MS SINCE THE START
# shellcheck shell=bash disable=SC2154

# What is asked for: GET by 16 and by 256, and PUT by 64 connections.
cases=("get 16" "get 256" "put 64")

bytes_of() {
    numfmt --from=iec "$1"
}

url() {
    echo "http://127.0.0.1:${server_port[$1]}/$2"
}

# Values that compress badly, put through the first server, and read back from all, byte by byte.
check_bytes() {
    local size peer
    say "checking: values of ${#sizes[@]} sizes from ${#peers[@]} servers, byte by byte"
    for size in "${sizes[@]}"; do
        head -c "$(bytes_of "$size")" /dev/urandom >"$scratch/value-$size"
        for peer in "${peers[@]}"; do
            curl -sSf -T "$scratch/value-$size" "$(url "$peer" "$size")" || fail "$peer does not take $size"
            curl -sSf "$(url "$peer" "$size")" | cmp -s - "$scratch/value-$size" || fail "$peer: $size is not what was put"
        done
    done
}

# wrk_line PEER KEY CONNECTIONS PUT_BYTES: REQUESTS/S,P50,P90,P99,P99.9,BAD,ERRORS,REQUESTS
wrk_line() {
    local -a settings=()
    [[ -z $4 ]] || settings=("PUT=$4")
    (with_us env "${settings[@]}" wrk -t 1 -c "$3" -d "${sample_s}s" -s "$server_folder/wrk.lua" "$(url "$1" "$2")") |
        awk -F, '$1 == "wrk" { printf "%.1f,%d,%d,%d,%d,%d,%d,%d", $2 * 1000000 / $3, $4, $5, $6, $7, $8, $9, $2 }'
}

# Of the process, in us; the kernel counts in ticks.
cpu_us() {
    awk -v tick="$(getconf CLK_TCK)" '{ sub(/.*\) /, ""); print ($12 + $13) * 1000000 / tick }' "/proc/${server_id[$1]}/stat"
}

# sample KIND CASE SIZE CONNECTIONS PEER ROUND: a line.
sample() {
    local kind=$1 case=$2 size=$3 connections=$4 peer=$5 round=$6 key=$3 line put='' before cpu
    [[ $case != put ]] || put=$(bytes_of "$size") key=put-$size
    echo 5 >"/proc/${server_id[$peer]}/clear_refs" # the peak counts from here on
    before=$(cpu_us "$peer")
    line=$(wrk_line "$peer" "$key" "$connections" "$put")
    [[ $line =~ ^([^,]+,[^,]+,[^,]+,[^,]+,[^,]+),([^,]+,[^,]+),([1-9][0-9]*)$ ]] ||
        fail "wrk says nothing of $peer, $case $size"
    cpu=$((($(cpu_us "$peer") - before) / BASH_REMATCH[3]))
    echo "$kind,$case,$size,$connections,$peer,$round,${BASH_REMATCH[1]},$(of_status "$peer" VmHWM),${BASH_REMATCH[2]},$cpu" \
        >>"$out/samples.csv"
}

# Whoever comes first in a case meets what the last case has left to Redis: that is somebody else each time.
turns=("${peers[@]}")
take_turns() {
    turns=("${turns[@]:1}" "${turns[0]}")
}

sample_round() {
    local round=$1 size case peer
    for size in "${sizes[@]}"; do
        say "round $round of $rounds: $size"
        for case in "${cases[@]}"; do
            for peer in "${turns[@]}"; do sample rate "${case% *}" "$size" "${case#* }" "$peer" "$round"; done
            take_turns
        done
    done
}

# 64 clients that read the largest value slowly, while 16 others ask for the smallest.
slow_clients() {
    local peer largest=${sizes[-1]} slow
    say "round $1 of $rounds: 64 slow clients of $largest, and 16 others"
    for peer in "${peers[@]}"; do
        with_us "$binaries/bufpool-server-load" slow "${server_port[$peer]}" "/$largest" 64 1500 >/dev/null &
        slow=$!
        sleep 0.2
        sample slow get "${sizes[0]}" 16 "$peer" "$1"
        wait "$slow" || fail "the slow clients of $peer have failed"
    done
}

note_memory() {
    local peer
    for peer in "${peers[@]}"; do
        echo "memory,$1,$peer,$(of_status "$peer" VmRSS),$(of_status "$peer" VmHWM)" >>"$out/samples.csv"
    done
}

now_ms() {
    echo $((${EPOCHREALTIME/[.,]/} / 1000))
}

# Redis is killed for 5 s under load; of the first peer, since the bytes have no part in it.
outage() {
    local peer=${peers[0]} driver killed back
    say "Redis killed for 5 s, under load on the server with $peer"
    with_us "$binaries/bufpool-server-load" outage "${server_port[$peer]}" /outage 32 11000 >"$scratch/outage" &
    driver=$!
    sleep 3
    killed=$(now_ms)
    redis_kill
    sleep 5
    redis_start
    back=$(now_ms)
    wait "$driver" || fail "the clients of the outage have failed"
    awk -F, -v killed="$killed" -v back="$back" '
        NR == 1 { start = $1 - $2 }
        { print "outage," $2 "," $3 "," $4 "," $5 }
        END { print "outage-event,killed," killed - start; print "outage-event,back," back - start }
    ' "$scratch/outage" >>"$out/samples.csv"
}

# Bars a size: requests a second, and memory.
server_plots() {
    local metric
    mkdir -p "$scratch/plots"
    for metric in rate memory; do
        awk -f "$bench/median.awk" -f "$server_folder/report.awk" -v plot=$metric "$out/samples.csv" >"$scratch/plots/$metric.csv"
    done
    if plot_bars server-rate more=1 <"$scratch/plots/rate.csv"; then plot_draw server-rate; fi
    if plot_bars server-memory <"$scratch/plots/memory.csv"; then plot_draw server-memory; fi
}
