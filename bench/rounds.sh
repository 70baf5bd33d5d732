# rounds - which child runs when: first is it right, then memory, then time.
# Sourced by run, whose settings it reads; each function prints what it does.
# shellcheck shell=bash disable=SC2154

traces=("$bench/traces/redis.bpt.gz" "$bench/traces/haproxy.bpt.gz" "$bench/traces/mariadb.bpt.gz")

# measures WORKLOAD PEER [CASE]: were both asked for, and does the workload know that peer? replay is
# two: its memory is measured on other peers than its time.
measures() {
    local workload=$1 peer=$2 case=${3-}
    has "${workload%-memory}" "${workloads[@]}" && has "$peer" "${peers[@]}" || return 1
    # Tiers to 2 MiB: for the one trace that asks for so much.
    if [[ $peer == bufpool-2m ]]; then
        [[ $workload == replay* && $case == *mariadb* ]]
        return
    fi
    # Nothing is shared, so a second thread tells nothing new about the inlined floor.
    [[ $workload:$peer == pair:inline && $case == *threads=2* ]] && return 1
    case $workload in
    pair) has "$peer" bufpool glibc jemalloc floor inline ;;
    mix | handoff | replay) has "$peer" bufpool glibc jemalloc harness ;;
    replay-memory) has "$peer" bufpool glibc jemalloc ;;
    burst) has "$peer" bufpool glibc jemalloc jemalloc-bg ;;
    *) return 1 ;;
    esac
}

# child WORKLOAD PEER OPTION...: one process; its samples on stdout.
child() {
    local workload=$1 peer=$2
    shift 2
    local -a settings=()
    case $peer in
    jemalloc) settings=("LD_PRELOAD=$jemalloc") ;;
    jemalloc-bg) settings=("LD_PRELOAD=$jemalloc" MALLOC_CONF=background_thread:true) ;;
    esac
    env "${settings[@]}" "$binary" "$workload" "--peer=$peer" "$@"
}

# Every trace through the pool, every byte looked at. A benchmark of what is not right has no result.
verify() {
    local trace
    measures replay bufpool || return 0
    for trace in "${traces[@]}"; do
        say "checking every byte: replay of $(basename "$trace" .bpt.gz) through bufpool"
        child replay bufpool --verify "$trace" >>"$out/verify.txt" || fail "replay of $trace: not right"
    done
}

# ------------------------------------------------------------ memory

# Children that only watch themselves sleep: the pipe and the process of each. The next one starts
# meanwhile, so many seconds asleep take few.
sleeper_pipes=() sleeper_ids=()

# sleeper WORKLOAD PEER OPTION...: start a child; go on when it says that all it does is sleep.
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

# memory_burst ROUND KEEP: on every peer; KEEP is an option or nothing.
memory_burst() {
    local round=$1 keep=$2 peer
    has burst "${workloads[@]}" || return 0
    say "memory, round $((round + 1)) of $memory_rounds: burst${keep:+, fragmented}, $asleep_s s asleep"
    for peer in "${peers[@]}"; do
        measures burst "$peer" || continue
        sleeper burst "$peer" --round="$round" --asleep-s="$asleep_s" ${keep:+"$keep"}
    done
    $roomy || wake_sleepers
}

memory_replay() {
    local round=$1 peer trace
    has replay "${workloads[@]}" || return 0
    say "memory, round $((round + 1)) of $memory_rounds: replay of ${#traces[@]} traces, $asleep_s s asleep"
    for trace in "${traces[@]}"; do
        for peer in "${peers[@]}"; do
            measures replay-memory "$peer" "$trace" || continue
            sleeper replay "$peer" --memory --round="$round" --asleep-s="$asleep_s" "$trace"
        done
    done
}

# Sets memory_done.
memory() {
    local round start last=0 roomy=false
    memory_done=0
    # The sleepers of a round hold some 2 GiB together; where that is much, one workload's at a time.
    awk '/^MemAvailable/ { exit $2 < 4 * 1048576 }' /proc/meminfo && roomy=true
    for ((round = 0; round < memory_rounds; round++)); do
        if ((round && SECONDS + last > memory_budget_s)); then
            say "no time for more than $round of $memory_rounds rounds of memory"
            return 0
        fi
        start=$SECONDS
        memory_burst "$round" ''
        memory_burst "$round" --keep-every=8
        memory_replay "$round"
        wake_sleepers
        last=$((SECONDS - start))
        memory_done=$((round + 1))
    done
}

# ------------------------------------------------------------ time

# The cases of a workload, one a line: the options of its children.
cases() {
    local size threads
    case $1 in
    pair)
        for threads in 1 2; do
            for size in 512 4096 65536 1048576; do
                # Of two threads the quick run looks at the size that has a target.
                if $quick && ((threads == 2 && size != 4096)); then continue; fi
                echo "--size=$size --threads=$threads"
            done
        done
        ;;
    mix) echo "--threads=1" ;;
    handoff) printf '%s\n' --size=4096 --size=16384 ;;
    replay) printf '%s\n' "${traces[@]}" ;;
    esac
}

# One sample of each case on each peer, the peers of a case right after one another.
round_of() {
    local workload=$1 round=$2 peer line
    local -a options list
    mapfile -t list < <(cases "$workload")
    for line in "${list[@]}"; do
        # A trace's path may hold spaces, options never do.
        if [[ $workload == replay ]]; then options=("$line"); else read -r -a options <<<"$line"; fi
        for peer in "${peers[@]}"; do
            measures "$workload" "$peer" "$line" || continue
            child "$workload" "$peer" --round="$round" --warmup-ms="$warmup_ms" --sample-ms="$sample_ms" \
                "${options[@]}" >>"$out/samples.csv" || fail "$workload ${options[*]} on $peer has failed"
        done
    done
}

# Sets rounds_done.
times() {
    local round workload start last=0
    local -a timed=()
    rounds_done=0
    for workload in pair mix handoff replay; do
        has "$workload" "${workloads[@]}" && timed+=("$workload")
    done
    ((${#timed[@]})) || return 0
    for ((round = 0; round < rounds; round++)); do
        if ((round >= rounds_least && SECONDS + last > budget_s)); then
            say "no time for more than $round of $rounds rounds"
            return 0
        fi
        start=$SECONDS
        for workload in "${timed[@]}"; do
            say "time, round $((round + 1)) of $rounds: $workload$(
                ((round)) && echo " (about $((last * (rounds - round) - (SECONDS - start))) s left)"
            )"
            round_of "$workload" "$round"
        done
        last=$((SECONDS - start + 1))
        rounds_done=$((round + 1))
    done
}
