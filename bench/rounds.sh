# rounds - which child runs when: first is it right, then memory, then the rounds of time.
# Sourced by run, whose settings it reads; each function prints what it does.
# shellcheck shell=bash disable=SC2034,SC2154

trace_path() {
    echo "$bench/traces/$1.bpt.gz"
}

# advised_tiers TRACE: what bench/advise picks for it.
advised_tiers() {
    "$(dirname "$binary")/bufpool-advise" --tiers "$(trace_path "$1")"
}

# child CASE PEER OPTION...: one process of that case; its samples on stdout.
child() {
    local case=$1 peer=$2 program=$binary word
    local -a settings=() options=()
    shift 2
    case $peer in
    jemalloc-bg) settings=("LD_PRELOAD=${library[$peer]}" MALLOC_CONF=background_thread:true) ;;
    mempool) program=$binary-dpdk ;;
    bufpool-advised) options=("--tiers=$(advised_tiers "${case_options[$case]##* }")") ;;
    *) [[ -z ${library[$peer]-} ]] || settings=("LD_PRELOAD=${library[$peer]}") ;;
    esac
    for word in ${case_options[$case]}; do
        if [[ $word == --* ]]; then options+=("$word"); else options+=("$(trace_path "$word")"); fi
    done
    env "${settings[@]}" "$program" "${case_workload[$case]}" "--peer=$peer" "$@" "${options[@]}"
}

# timed_child CASE PEER ROUND: one sample of time; Go's peers are in a program of their own.
timed_child() {
    local case=$1 peer=$2 round=$3
    if [[ $peer == go-* ]]; then
        "$bench/go/sample" "$go_binary" "${case_workload[$case]}" "$(go_case "$case")" "$peer" "$round" "$sample_ms"
        return
    fi
    curve_of "$case" "$peer"
    child "$case" "$peer" --round="$round" --warmup-ms="$warmup_ms" --sample-ms="$sample_ms" "${curve[@]}"
}

# curve_of CASE PEER: sets curve, the option for the points of a plot, which the last round leaves behind:
# curves/burst-<peer>.csv, curves/crowd-<threads>-<peer>.csv.
curve_of() {
    curve=()
    if [[ ${case_workload[$1]} == burst && -z ${case_options[$1]} ]]; then
        curve=(--curve="$out/curves/burst-$2.csv")
    elif [[ ${case_workload[$1]} == crowd && ${case_options[$1]} =~ --threads=([0-9]+).*--latency ]]; then
        curve=(--curve="$out/curves/crowd-${BASH_REMATCH[1]}-$2.csv")
    fi
}

# Every trace through the pool, every byte looked at. A benchmark of what is not right has no result.
verify() {
    local case trace line
    for case in "${!case_workload[@]}"; do
        [[ ${case_workload[$case]}:${case_part[$case]} == replay:time ]] || continue
        measures "$case" bufpool || continue
        trace=${case_options[$case]}
        say "checking every byte: replay of $trace through bufpool"
        line=$("$binary" replay --peer=bufpool --verify "$(trace_path "$trace")") || fail "replay of $trace: not right"
        fact "checked: $line"
    done
}

# ------------------------------------------------------------ memory

# Children that only watch themselves sleep: the pipe and the process of each. The next one starts
# meanwhile, so many seconds asleep take few.
sleeper_pipes=() sleeper_ids=()

# sleeper CASE PEER OPTION...: start a child; go on when it says that all it does is sleep, or ends.
sleeper() {
    local line pipe
    mkfifo "$scratch/pipe"
    child "$@" >"$scratch/pipe" &
    sleeper_ids+=($!)
    exec {pipe}<"$scratch/pipe"
    rm "$scratch/pipe"
    sleeper_pipes+=("$pipe")
    while read -r -u "$pipe" line && [[ $line != '# asleep' ]]; do
        printf '%s\n' "$line" >>"$out/samples.csv"
    done
}

# Take down what the sleepers saw, and let them end.
wake_sleepers() {
    local i pipe
    for i in "${!sleeper_ids[@]}"; do
        pipe=${sleeper_pipes[$i]}
        cat <&"$pipe" >>"$out/samples.csv"
        exec {pipe}<&-
        wait "${sleeper_ids[$i]}" || fail "measuring memory: a child has failed"
    done
    sleeper_pipes=() sleeper_ids=()
}

# One case on every peer. Sleepers that may hold what the next ones need are sent home first.
memory_case() {
    local case=$1 round=$2 peer
    local -a options=(--round="$round")
    awk '/^MemAvailable/ { exit $2 > 4 * 1048576 }' /proc/meminfo && wake_sleepers
    [[ ${case_workload[$case]} != burst ]] || options+=(--asleep-s="$burst_asleep_s")
    [[ ${case_workload[$case]} != replay ]] || options+=(--asleep-s=3)
    for peer in "${peers[@]}"; do
        measures "$case" "$peer" || continue
        curve_of "$case" "$peer"
        sleeper "$case" "$peer" "${options[@]}" "${curve[@]}"
    done
}


# Sets memory_done.
memory() {
    local round case workload start last=0
    local -a listed=()
    memory_done=0
    for case in "${!case_part[@]}"; do
        [[ ${case_part[$case]} == memory ]] && listed+=("$case")
    done
    ((${#listed[@]})) || return 0
    for ((round = 0; round < memory_rounds; round++)); do
        if ((round && SECONDS + last > memory_budget_s)); then
            say "no time for more than $round of $memory_rounds rounds of memory"
            break
        fi
        start=$SECONDS workload=''
        for case in "${listed[@]}"; do
            if [[ ${case_workload[$case]} != "$workload" ]]; then
                workload=${case_workload[$case]}
                say "memory, round $((round + 1)) of $memory_rounds: $workload"
            fi
            memory_case "$case" "$round"
        done
        wake_sleepers
        last=$((SECONDS - start))
        memory_done=$((round + 1))
    done
}

# ------------------------------------------------------------ time

# What a case took in its last round, ms; before its first, what its children are told to take.
declare -A took_ms=()
# "CASE:PEER" that had no buffer left: it is not asked again.
declare -A ran_dry=()

now_ms() {
    echo $((${EPOCHREALTIME/[.,]/} / 1000))
}

# in_round CASE ROUND: has the case's part so many rounds?
in_round() {
    case ${case_part[$1]} in
    memory) return 1 ;;
    time) (($2 < rounds)) ;;
    latency) (($2 < latency_rounds)) ;;
    breath) (($2 < breath_rounds)) ;;
    once) (($2 == 0)) ;;
    esac
}

expect_ms() {
    local case=$1 peer each=$((sample_ms + warmup_ms + 60)) all=0
    [[ ! ${case_options[$case]} =~ --period-ms=([0-9]+) ]] || each=$((BASH_REMATCH[1] * 3))
    [[ ${case_workload[$case]} != scale ]] || each=15000
    [[ ${case_workload[$case]} != replay ]] || each=$((each * 2))
    for peer in "${peers[@]}"; do
        if measures "$case" "$peer"; then all=$((all + each)); fi
    done
    took_ms[$case]=$all
}

# left_s ROUND CASE: seconds from that case of that round to the end of the last round.
left_s() {
    local round=$1 from=$2 to=${3:-$rounds_most} case all=0
    for ((; round < to; round++, from = 0)); do
        for ((case = from; case < ${#case_part[@]}; case++)); do
            if in_round "$case" "$round"; then all=$((all + took_ms[$case])); fi
        done
    done
    echo $((all / 1000))
}

# The lines of bufpool, or of whoever came first, stand for those of a peer that ran dry.
take_sample() {
    local case=$1 peer=$2 round=$3 lines status=0
    [[ -z ${ran_dry[$case:$peer]-} ]] || return 0
    lines=$(timed_child "$case" "$peer" "$round" 2>"$scratch/errors") || status=$?
    case $status in
    0)
        printf '%s\n' "$lines" >>"$out/samples.csv"
        first_lines=${first_lines:-$lines}
        ;;
    3)
        say "${case_workload[$case]} ${case_options[$case]}: $peer runs dry"
        ran_dry[$case:$peer]=1
        [[ -z $first_lines ]] ||
            awk -F, -v OFS=, -v peer="$peer" '{ $3 = peer; $7 = "runs dry" } 1' <<<"$first_lines" >>"$out/samples.csv"
        ;;
    *)
        cat "$scratch/errors" >&2
        fail "${case_workload[$case]} ${case_options[$case]} on $peer has failed"
        ;;
    esac
}

# One sample of a case on each peer, right after one another.
sample_case() {
    local case=$1 round=$2 start peer first_lines=''
    start=$(now_ms)
    if [[ ${case_workload[$case]} == scale ]]; then
        "$bench/scale.sh" "$(dirname "$binary")" "$round" >>"$out/samples.csv" || fail "scale has failed"
    else
        for peer in "${peers[@]}"; do
            if measures "$case" "$peer"; then take_sample "$case" "$peer" "$round"; fi
        done
    fi
    took_ms[$case]=$(($(now_ms) - start))
}

# Sets rounds_done.
times() {
    local round case workload
    rounds_done=0 rounds_most=0
    for case in "${!case_part[@]}"; do
        expect_ms "$case"
        for ((round = rounds_most; round < rounds || round < latency_rounds; round++)); do
            if in_round "$case" "$round"; then rounds_most=$((round + 1)); fi
        done
    done
    for ((round = 0; round < rounds_most; round++)); do
        if ((round >= rounds_least && SECONDS + $(left_s "$round" 0 $((round + 1))) > budget_s)); then
            say "no time for more than $round of $rounds_most rounds"
            break
        fi
        workload=''
        for case in "${!case_part[@]}"; do
            in_round "$case" "$round" || continue
            if [[ ${case_workload[$case]} != "$workload" ]]; then
                workload=${case_workload[$case]}
                say "time, round $((round + 1)) of $rounds_most: $workload (about $(left_s "$round" "$case") s left)"
            fi
            sample_case "$case" "$round"
        done
        rounds_done=$((round + 1))
    done
}
