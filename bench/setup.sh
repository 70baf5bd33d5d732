# setup - what bench/run does before it measures: packages, build, machine.
# Sourced; uses `fail` of run.
# shellcheck shell=bash disable=SC2034

# What a fresh Debian 12 lacks. libc6-dev: gcc only recommends it.
setup_required=(cmake ninja-build gcc libc6-dev libck-dev)

# What the peers need, and the plots. Whoever's package cannot be had is skipped, and named.
declare -A setup_package=(
    [jemalloc]=libjemalloc2 [jemalloc-bg]=libjemalloc2 [mimalloc]=libmimalloc2.0
    [tcmalloc]=libtcmalloc-minimal4 [tbbmalloc]=libtbbmalloc2 [mempool]='libdpdk-dev pkg-config'
    [go-pool]=golang-go [go-buckets]=golang-go [plots]=gnuplot-nox [instructions]=valgrind
)

# What a malloc's LD_PRELOAD is called.
declare -A setup_object=(
    [jemalloc]=libjemalloc.so.2 [jemalloc-bg]=libjemalloc.so.2 [mimalloc]=libmimalloc.so.2.0
    [tcmalloc]=libtcmalloc_minimal.so.4 [tbbmalloc]=libtbbmalloc_proxy.so.2
)

# setup_missing PACKAGE...: those that are not installed, one a line, each once.
setup_missing() {
    local package status
    for package in "$@"; do
        status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || status=''
        [[ $status == installed ]] || echo "$package"
    done | sort -u
}

setup_apt() {
    local -a as_root=()
    ((EUID == 0)) || as_root=(sudo)
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq "$@" >/dev/null
}

# setup_packages INSTALL PEER...: install what is missing; nothing is touched when nothing is. What the
# peers need is tried together, then one by one, and may fail.
setup_packages() {
    local install=$1 peer package
    local -a required optional packages wanted=()
    shift
    command -v dpkg-query >/dev/null || fail "this is no Debian: there is no dpkg-query"
    for peer in "$@" plots instructions; do
        read -r -a packages <<<"${setup_package[$peer]-}" # a peer may need two
        wanted+=("${packages[@]}")
    done
    mapfile -t required < <(setup_missing "${setup_required[@]}")
    mapfile -t optional < <(setup_missing "${wanted[@]}")
    ((${#required[@]} + ${#optional[@]})) || return 0
    if ! $install; then
        ((${#required[@]} == 0)) || fail "missing packages: ${required[*]}"
        return 0
    fi
    if ((EUID != 0)) && ! command -v sudo >/dev/null; then
        ((${#required[@]} == 0)) || fail "missing packages: ${required[*]} (neither root nor sudo to install them)"
        return 0
    fi
    packages=("${required[@]}" "${optional[@]}")
    echo "installing with apt-get: ${packages[*]}"
    setup_apt update || echo "apt-get update has failed; going on with what is known"
    ((${#required[@]} == 0)) || setup_apt install -y --no-install-recommends "${required[@]}" ||
        fail "apt-get install ${required[*]} has failed"
    ((${#optional[@]} == 0)) || setup_apt install -y --no-install-recommends "${optional[@]}" ||
        for package in "${optional[@]}"; do
            setup_apt install -y --no-install-recommends "$package" || echo "cannot be installed: $package"
        done
}

# setup_peers BINARY GO_BINARY PEER...: which of the peers are here, and which tools? Fills library (what a
# malloc is preloaded from) and skipped (why something is left out).
declare -A library=() skipped=()
setup_peers() {
    local binary=$1 go_binary=$2 peer path
    shift 2
    for peer in "$@"; do
        if [[ -n ${setup_object[$peer]-} ]]; then
            path=$(setup_library "${setup_package[$peer]}" "${setup_object[$peer]}")
            if [[ -n $path ]]; then library[$peer]=$path; else skipped[$peer]="no package ${setup_package[$peer]}"; fi
        elif [[ $peer == mempool && ! -x $binary-dpdk ]]; then
            skipped[$peer]="no packages ${setup_package[$peer]}"
        elif [[ $peer == go-* && ! -x $go_binary ]]; then
            skipped[$peer]="no package ${setup_package[$peer]}"
        fi
    done
    command -v gnuplot >/dev/null || skipped[plots]="no package ${setup_package[plots]}"
    command -v valgrind >/dev/null || skipped[instructions]="of scale: no package ${setup_package[instructions]}"
}

# setup_build ROOT LOG: the release build, in build/bench.
setup_build() {
    local root=$1 log=$2
    if ! (cd "$root" && cmake --preset bench && cmake --build build/bench) >"$log" 2>&1; then
        tail -n 30 "$log" >&2
        fail "the build has failed; all of it: $log"
    fi
}

# setup_go FOLDER BINARY: Go's benchmark, from the standard library alone. Nothing where there is no Go.
setup_go() {
    local folder=$1 binary=$2 built
    built=$(dirname "$binary")
    rm -f "$binary"
    command -v go >/dev/null || return 0
    (cd "$folder" && GOCACHE=$built/cache GOPATH=$built/path GOFLAGS=-mod=mod GOPROXY=off GOENV=off \
        go test -c -o "$binary" .) || fail "Go's benchmark does not build"
}

# setup_library PACKAGE FILE: where the package has put that shared object (multiarch: no fixed path);
# nothing where it is not.
setup_library() {
    local path
    path=$(dpkg -L "$1" 2>/dev/null | grep "/$2\$" | sed -n 1p) || return 0
    [[ ! -e $path ]] || echo "$path"
}

setup_version() {
    dpkg-query -W -f '${Package} ${Version}' "$1" 2>/dev/null || echo "$1 none"
}

# How busy the CPUs are with others, in percent, over a moment in which we do nothing. (The load
# average would still hold our own build.)
setup_busy() {
    local -a before after
    local all=0 idle i
    read -r -a before </proc/stat
    sleep 0.5
    read -r -a after </proc/stat
    for i in 1 2 3 4 5 6 7 8; do
        all=$((all + after[i] - before[i]))
    done
    idle=$((after[4] - before[4] + after[5] - before[5]))
    echo $((all > 0 ? 100 * (all - idle) / all : 0))
}

# setup_machine ROOT: what must be known to read the figures, a fact a line.
setup_machine() {
    local root=$1 cpu compiler commit huge package versions=''
    cpu=$(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo | head -n 1)
    compiler=$(sed -n 's/^CMAKE_C_COMPILER:[A-Z]*=//p' "$root/build/bench/CMakeCache.txt")
    commit=$(git -C "$root" rev-parse --short=12 HEAD 2>/dev/null) || commit=unknown
    if [[ $commit != unknown && -n $(git -C "$root" status --porcelain 2>/dev/null) ]]; then
        commit+=" with changes"
    fi
    huge=$(sed -n 's/.*\[\(.*\)\].*/\1/p' /sys/kernel/mm/transparent_hugepage/enabled 2>/dev/null) || huge=unknown
    for package in libc6 libck0 libjemalloc2 libmimalloc2.0 libtcmalloc-minimal4 libtbbmalloc2 libdpdk-dev golang-go; do
        versions+="${versions:+, }$(setup_version "$package")"
    done
    echo "machine: ${cpu:-$(uname -m)}, $(nproc) CPUs, $(awk '/^MemTotal/ { printf "%.1f GiB", $2 / 1048576 }' /proc/meminfo)"
    echo "system: $(sed -n 's/^PRETTY_NAME="\(.*\)"/\1/p' /etc/os-release), Linux $(uname -r), huge pages ${huge:-unknown}"
    echo "commit: $commit"
    echo "packages: $versions"
    echo "compiler: $("$compiler" --version | head -n 1), Release"
    echo "start: $(date -u '+%Y-%m-%d %H:%M') UTC"
}
