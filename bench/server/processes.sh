# processes - Redis, and a server a peer, as long as the run lives.
# Sourced by run, whose settings it reads.
# shellcheck shell=bash disable=SC2034,SC2154

# Servers have the last CPU to themselves, Redis and the clients the others: where each of them runs, and who waits for
# whom, would differ from sample to sample by more than allocators do.
cpus=$(nproc)
server_cpu=$((cpus - 1)) other_cpus=0-$((cpus > 1 ? cpus - 2 : 0))

# Everything that is started ends with us, however we end: the kernel sees to that.
with_us() {
    exec taskset -c "$other_cpus" setpriv --pdeathsig KILL "$@"
}

redis_id='' redis_socket=$scratch/redis.sock
declare -A server_id=() server_port=()

redis_start() {
    with_us redis-server --port 0 --unixsocket "$redis_socket" --save '' --appendonly no --dir "$scratch" \
        --logfile "$scratch/redis.log" --loglevel warning &
    redis_id=$!
    local i
    for ((i = 0; i < 1000; i++)); do
        [[ $(redis-cli -s "$redis_socket" ping 2>/dev/null) != PONG ]] || return 0
        sleep 0.005
    done
    fail "Redis does not start; see $scratch/redis.log"
}

redis_kill() {
    kill -KILL "$redis_id"
    wait "$redis_id" 2>/dev/null || true
}

# server_start PEER: its own process and port; its bytes come from the peer, and with a malloc all else too.
server_start() {
    local peer=$1 allocator=malloc line i
    local -a settings=()
    [[ $peer != bufpool ]] || allocator=bufpool
    [[ -z ${library[$peer]-} ]] || settings=("LD_PRELOAD=${library[$peer]}")
    with_us taskset -c "$server_cpu" env "${settings[@]}" "$binaries/bufpool-server" --listen=0 --redis="$redis_socket" \
        --allocator="$allocator" >"$scratch/server-$peer" 2>&1 &
    server_id[$peer]=$!
    for ((i = 0; i < 1000; i++)); do
        line=$(head -n 1 "$scratch/server-$peer")
        if [[ $line == 'listening on '* ]]; then
            server_port[$peer]=${line##*:}
            if [[ -n ${library[$peer]-} ]] && ! grep -qF "${library[$peer]##*/}" "/proc/$!/maps"; then
                fail "$peer is not preloaded"
            fi
            return 0
        fi
        kill -0 "${server_id[$peer]}" 2>/dev/null || break
        sleep 0.005
    done
    fail "the server with $peer does not start: $line"
}

# SIGTERM, and what it says at its end must be that nothing is left.
servers_end() {
    local peer
    for peer in "${!server_id[@]}"; do
        kill -TERM "${server_id[$peer]}" 2>/dev/null || continue
        wait "${server_id[$peer]}" || say "the server with $peer ended with status $?"
        grep -q ' 0 bytes held, 0 requests, 0 connections to Redis in use$' "$scratch/server-$peer" ||
            say "the server with $peer has left something: $(tail -n 1 "$scratch/server-$peer")"
    done
    server_id=()
}

end_all() {
    servers_end
    if [[ -n $redis_id ]]; then redis_kill; fi
    redis_id=''
}

# of_status PEER FIELD: KiB, of /proc/PID/status.
of_status() {
    awk -v field="$2:" '$1 == field { print $2 }' "/proc/${server_id[$1]}/status"
}
