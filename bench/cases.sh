# cases - what is measured: which cases of which workload in which run, on which peers.
# Sourced by run, whose settings it reads.
# shellcheck shell=bash disable=SC2034,SC2154

all_workloads=(pair batch mix handoff churn crowd falseshare burst breathing replay scale)
mallocs=(glibc jemalloc mimalloc tcmalloc tbbmalloc)
all_peers=(bufpool bufpool-inline bufpool-2m bufpool-steps bufpool-advised "${mallocs[@]}" jemalloc-bg mempool go-pool go-buckets floor inline harness)
all_sizes=(512 1K 2K 4K 8K 16K 32K 64K 128K 256K 512K 1M)

# One case a line: from which run on, which part of it, the workload and its options; of replay the
# last word is the trace. The parts:
#   memory   children that watch themselves sleep: many at a time
#   time     rounds of samples
#   latency  the same, five rounds
#   breath   the same, two or three rounds: a sample takes seconds
#   once     counts that do not change
case_table() {
    local size threads count order
    cat <<END
quick   memory  burst
quick   memory  burst --keep-every=8
quick   memory  replay --memory redis
default memory  replay --memory haproxy
default memory  replay --memory mariadb
default memory  mix --memory
default memory  handoff --memory --size=16384
full    memory  burst --keep-every=2
full    memory  burst --keep-every=64
full    memory  mix --memory --threads=2
full    memory  handoff --memory --size=4096
full    memory  handoff --memory --size=16384 --producers=2 --consumers=2
full    memory  handoff --memory --size=16384 --producers=4
full    memory  handoff --memory --size=16384 --consumers=4
quick   time    pair --size=4096 --threads=1
default time    pair --size=4096 --threads=2
default time    batch --size=16384 --count=64 --order=fifo
quick   time    mix --threads=1
full    time    mix --threads=2
quick   time    handoff --size=16384
full    time    handoff --size=4096
full    time    handoff --size=16384 --producers=2 --consumers=2
full    time    handoff --size=16384 --producers=4
full    time    handoff --size=16384 --consumers=4
full    time    churn --threads=4
full    time    crowd --threads=8
default time    crowd --threads=32
full    time    crowd --threads=128
full    time    falseshare --threads=2
full    time    falseshare --threads=2 --scratch
quick   time    replay redis
quick   time    replay haproxy
quick   time    replay mariadb
full    latency crowd --threads=8 --latency
default latency crowd --threads=32 --latency
full    latency crowd --threads=128 --latency
default breath  breathing --period-ms=500
full    breath  breathing --period-ms=1000
full    breath  breathing --period-ms=3000
full    breath  breathing --period-ms=10000
default once    scale
END
    for threads in 1 2; do
        for ((size = 512; size <= 1048576; size *= 2)); do
            echo "full time pair --size=$size --threads=$threads"
        done
    done
    for size in 4096 16384 65536; do
        for count in 16 64 256 1024; do
            for order in fifo lifo; do
                echo "full time batch --size=$size --count=$count --order=$order"
            done
        done
    done
}

# The cases of this run, numbered: what is asked for, workload by workload.
case_part=() case_workload=() case_options=()

# select_workload WORKLOAD MODE: its cases in such a run.
select_workload() {
    local wanted=$1 mode=$2 run part workload options size
    while read -r run part workload options; do
        [[ $workload == "$wanted" && -z ${selected[$part $workload $options]-} ]] || continue
        if ((${#sizes[@]})) && [[ $options =~ --size=([0-9]+) ]]; then
            size=$(numfmt --to=iec "${BASH_REMATCH[1]}")
            has "${size/.0/}" "${sizes[@]}" || continue
        elif [[ $run == full && $mode != full || $run == default && $mode == quick ]]; then
            continue
        fi
        selected[$part $workload $options]=1
        case_part+=("$part") case_workload+=("$workload") case_options+=("$options")
    done < <(case_table)
}

# A workload that the run would leave out but that was asked for by name comes with all its cases.
select_cases() {
    local workload count
    local -A selected=()
    for workload in "${workloads[@]}"; do
        count=${#case_part[@]}
        select_workload "$workload" "$mode"
        if $by_name && ((${#case_part[@]} == count)); then select_workload "$workload" full; fi
    done
}

# go_case CASE: what Go's benchmark calls it; fails where it has none.
go_case() {
    case "${case_workload[$1]} ${case_options[$1]}" in
    'pair --size=4096 --threads=1') echo '4K 1 thread' ;;
    'pair --size=4096 --threads=2') echo '4K 2 threads' ;;
    'batch --size=16384 --count=64 --order=fifo') echo '16K x 64 fifo' ;;
    'mix --threads=1') echo '1 thread' ;;
    'handoff --size=16384') echo '16K 1->1' ;;
    *) return 1 ;;
    esac
}

# measures CASE PEER: was the peer asked for, is it here, and does the case want it?
measures() {
    local workload=${case_workload[$1]} options=${case_options[$1]} peer=$2
    has "$peer" "${peers[@]}" && [[ -z ${skipped[$peer]-} ]] || return 1
    case $workload:$peer in
    scale:bufpool) ;;
    scale:*) return 1 ;;
    *:bufpool | *:glibc | *:jemalloc | *:mimalloc | *:tcmalloc | *:tbbmalloc) ;;
    # Idle memory is what these two are about.
    burst:jemalloc-bg | breathing:jemalloc-bg) ;;
    # Tiers to 2 MiB: for the one trace that asks for so much.
    replay:bufpool-2m) [[ $options == *mariadb ]] ;;
    # Smaller tiers are about memory.
    replay:bufpool-steps | replay:bufpool-advised) [[ $options == *--memory* ]] ;;
    pair:mempool | batch:mempool | mix:mempool | handoff:mempool | churn:mempool | crowd:mempool | falseshare:mempool) [[ $options != *--memory* ]] ;;
    # The hit alone differs.
    pair:bufpool-inline | batch:bufpool-inline | mix:bufpool-inline | handoff:bufpool-inline | crowd:bufpool-inline)
        [[ $options != *--memory* && $options != *--latency* ]]
        ;;
    # Nothing is shared, so a second thread tells nothing new about the inlined floor.
    pair:inline) [[ $options != *--threads=2* ]] ;;
    *:go-*) go_case "$1" >/dev/null ;;
    pair:floor | batch:floor | batch:inline) ;;
    mix:harness | handoff:harness | falseshare:harness | replay:harness) [[ $options != *--memory* ]] ;;
    *) return 1 ;;
    esac
}
