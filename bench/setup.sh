# setup - what bench/run does before it measures: packages, build, machine.
# Sourced; uses `fail` of run.
# shellcheck shell=bash

# What a fresh Debian 12 lacks. libc6-dev: gcc only recommends it.
setup_wanted=(cmake ninja-build gcc libc6-dev libck-dev libjemalloc2)

# The wanted packages that are not installed, space separated.
setup_missing() {
    local package status
    local -a missing=()
    for package in "${setup_wanted[@]}"; do
        status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || status=''
        [[ $status == installed ]] || missing+=("$package")
    done
    echo "${missing[*]}"
}

# setup_packages INSTALL: install what is missing; nothing is touched when nothing is.
setup_packages() {
    local install=$1 missing
    local -a as_root=() packages
    command -v dpkg-query >/dev/null || fail "this is no Debian: there is no dpkg-query"
    missing=$(setup_missing)
    [[ -n $missing ]] || return 0
    $install || fail "missing packages: $missing"
    if ((EUID != 0)); then
        command -v sudo >/dev/null || fail "missing packages: $missing (neither root nor sudo to install them)"
        as_root=(sudo)
    fi
    read -r -a packages <<<"$missing"
    echo "installing with apt-get: $missing"
    "${as_root[@]}" apt-get update -qq || fail "apt-get update has failed"
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
        "${packages[@]}" >/dev/null || fail "apt-get install $missing has failed"
}

# setup_build ROOT LOG: the release build, in build/bench.
setup_build() {
    local root=$1 log=$2
    if ! (cd "$root" && cmake --preset bench && cmake --build build/bench) >"$log" 2>&1; then
        tail -n 30 "$log" >&2
        fail "the build has failed; all of it: $log"
    fi
}

# setup_library PACKAGE FILE: where the package has put that shared object (multiarch: no fixed path).
setup_library() {
    local path
    path=$(dpkg -L "$1" | grep -m 1 "/$2\$") || fail "package $1 holds no $2"
    echo "$path"
}

setup_version() {
    dpkg-query -W -f '${Package} ${Version}' "$1" 2>/dev/null || echo "$1 unknown"
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
    local root=$1 cpu compiler commit huge
    cpu=$(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo | head -n 1)
    compiler=$(sed -n 's/^CMAKE_C_COMPILER:[A-Z]*=//p' "$root/build/bench/CMakeCache.txt")
    commit=$(git -C "$root" rev-parse --short=12 HEAD 2>/dev/null) || commit=unknown
    if [[ $commit != unknown && -n $(git -C "$root" status --porcelain 2>/dev/null) ]]; then
        commit+=" with changes"
    fi
    huge=$(sed -n 's/.*\[\(.*\)\].*/\1/p' /sys/kernel/mm/transparent_hugepage/enabled 2>/dev/null) || huge=unknown
    echo "machine: ${cpu:-$(uname -m)}, $(nproc) CPUs, $(awk '/^MemTotal/ { printf "%.1f GiB", $2 / 1048576 }' /proc/meminfo)"
    echo "system: $(sed -n 's/^PRETTY_NAME="\(.*\)"/\1/p' /etc/os-release), Linux $(uname -r), huge pages ${huge:-unknown}"
    echo "commit: $commit"
    echo "packages: $(setup_version libc6), $(setup_version libjemalloc2), $(setup_version libck0)"
    echo "compiler: $("$compiler" --version | head -n 1), Release"
    echo "start: $(date -u '+%Y-%m-%d %H:%M') UTC"
}
