#!/usr/bin/env bash
# Behind `./dev bench --compare REV`: is the hub of this checkout faster or slower than that of another
# revision?
#
#   compare.sh REV [--rounds N] [--subscribers N,N...] [option of hubload compare...]
#
# Both hubs are built the same way and run in turns (A B, B A, A B, ...), each measurement on a fresh
# process, and are judged in these pairs, so that what drifts on the machine cancels out. hubload is this
# checkout's for both.
# Where there are CPUs enough, hub and hubload have their own. Results stay in build/compare-REV/.
set -euo pipefail

release=build/release
rounds=20 # sees 10 % although some runs are disturbed; see hubload compare --help
loads=(100 1000)
seconds=${RINGHUB_COMPARE_SECONDS:-1}
hub=''

die() {
    printf 'compare: %s\n' "$*" >&2
    exit 2
}

stop() {
    if [[ -n $hub ]]; then
        kill "$hub" 2>/dev/null || true
        wait "$hub" 2>/dev/null || true
        hub=''
    fi
}
trap stop EXIT
trap 'exit 130' INT TERM

(($# >= 1)) || die "which revision? ./dev bench --compare REV"
revision=$1
shift
while [[ ${1:-} == --rounds || ${1:-} == --subscribers ]]; do
    if [[ $1 == --rounds ]]; then
        rounds=${2:-}
        [[ $rounds =~ ^[1-9][0-9]*$ ]] || die "--rounds is a number"
    else
        [[ ${2:-} =~ ^[1-9][0-9]*(,[1-9][0-9]*)*$ ]] || die "--subscribers is numbers with commas between"
        IFS=, read -ra loads <<<"$2"
    fi
    shift 2
done

commit=$(git rev-parse --verify --quiet "$revision^{commit}") || die "no revision $revision"
short=$(git rev-parse --short "$commit")
folder=$PWD/build/compare-$short
results=$folder/results

# The sources of the other revision, as a worktree that is gone again when its hub is built.
build_other() {
    local source=$folder/source log=$folder/build.log
    if [[ -x $folder/build/ringhub ]]; then
        return
    fi
    git worktree prune
    rm -rf "$source"
    git worktree add --quiet --detach "$source" "$commit"
    printf 'building ringhub of %s\n' "$short"
    local status=0
    {
        (cd "$source" && cmake --preset release -B "$folder/build") &&
            cmake --build "$folder/build" --target ringhub -j "${RINGHUB_JOBS:-$(nproc)}"
    } >"$log" 2>&1 || status=$?
    git worktree remove --force "$source"
    if ((status != 0)); then
        tail -20 "$log" >&2
        die "revision $short does not build; the whole log is $log"
    fi
}

# Half of the CPUs each, if there are two.
cpus=$(nproc)
hub_command=() load_command=()
if ((cpus >= 2)) && command -v taskset >/dev/null; then
    half=$((cpus / 2))
    hub_command=(taskset -c "0-$((half - 1))")
    load_command=(taskset -c "$half-$((cpus - 1))")
fi

# start EXECUTABLE: a fresh hub; its port in $port.
start() {
    local log=$folder/hub.log tries
    : >"$log" # the port of the hub before must not be read again
    "${hub_command[@]}" "$1" -a 127.0.0.1 -p -1 </dev/null >"$log" 2>&1 &
    hub=$!
    for ((tries = 0; tries < 100; tries++)); do
        port=$(sed -n 's/.*Listening for client connections on .*:\([0-9]*\)$/\1/p' "$log")
        if [[ -n $port ]]; then
            return
        fi
        kill -0 "$hub" 2>/dev/null || break
        sleep 0.1
    done
    cat "$log" >&2
    die "$1 does not listen"
}

# measure SIDE EXECUTABLE VERSION SUBSCRIBERS ROUND
measure() {
    start "$2"
    "${load_command[@]}" "$release/hubload" fanout --url "nats://127.0.0.1:$port" \
        --subscribers "$4" --warmup "$warmup" --duration "$seconds" --server-pid "$hub" \
        --label ringhub --server-version "$3" --json "$results/$1-$4-$5.json" \
        >"$folder/hubload.log" 2>&1 || {
        cat "$folder/hubload.log" >&2
        die "a measurement of $3 failed"
    }
    stop
}

warmup=$(awk -v seconds="$seconds" 'BEGIN { print seconds / 2 }')
mkdir -p "$folder"
build_other
rm -rf "$results"
mkdir -p "$results"
ulimit -S -n "$(ulimit -H -n)"

here=$(git rev-parse --short HEAD)
git diff --quiet HEAD -- core io || here+=" and changes"
for subscribers in "${loads[@]}"; do
    for ((round = 1; round <= rounds; round++)); do
        [[ ! -t 2 ]] || printf '\r1:%s, round %s of %s ' "$subscribers" "$round" "$rounds" >&2
        sides=(A B)
        ((round % 2)) || sides=(B A)
        for side in "${sides[@]}"; do
            if [[ $side == A ]]; then
                measure A "$folder/build/ringhub" "$short" "$subscribers" "$round"
            else
                measure B "$release/ringhub" "$here" "$subscribers" "$round"
            fi
        done
    done
done
[[ ! -t 2 ]] || printf '\r\e[K' >&2
"$release/hubload" compare --paired "$results"/A-*.json vs "$results"/B-*.json "$@"
