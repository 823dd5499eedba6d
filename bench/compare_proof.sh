#!/usr/bin/env bash
# Does `hubload compare` say "same" of a hub and itself, and "slower" of one that is slower? On the real
# hub, with the real noise of this machine.
#
#   compare_proof.sh OUT [FROM TO]
#
# Rounds FROM to TO (1 to 40, about 7 s each) of three hubs in turn, each a fresh process of the same
# executable with --io epoll: A, its twin, and one that takes a tenth more CPU, because it spins for a
# tenth of what it uses (slower.c). One publisher, 100 subscribers, hubload only counts, so that the hub is
# the limit. The three of a round are made one right after the other, in an order that changes, and judged
# as pairs.
#
# May be made in pieces: a round that is whole in OUT is not made again, one that was interrupted is. When
# no round is missing any more, prints what compare says, and fails unless it is "same" and "slower".
#
# Environment: COMPARE_PROOF_ROUNDS (40), COMPARE_PROOF_SECONDS (0.8, of each measurement),
#              COMPARE_PROOF_PERCENT (10, slower), COMPARE_PROOF_BUILD (build/release).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

rounds=${COMPARE_PROOF_ROUNDS:-40}
seconds=${COMPARE_PROOF_SECONDS:-0.8}
percent=${COMPARE_PROOF_PERCENT:-10}
release=${COMPARE_PROOF_BUILD:-build/release}
work=$release/compare-proof
hub=''

die() {
    printf 'compare_proof: %s\n' "$*" >&2
    exit 2
}

(($# == 1 || $# == 3)) || die "compare_proof.sh OUT [FROM TO]"
out=$1
from=${2:-1}
to=${3:-$rounds}
[[ $from =~ ^[1-9][0-9]*$ && $to =~ ^[1-9][0-9]*$ ]] || die "FROM and TO are numbers of rounds"
((from <= to && to <= rounds)) || die "rounds are 1 to $rounds"

stop() {
    if [[ -n $hub ]]; then
        kill "$hub" 2>/dev/null || true
        wait "$hub" 2>/dev/null || true
        hub=''
    fi
}
trap stop EXIT
trap 'exit 130' INT TERM

mkdir -p "$out" "$work"
work=$(cd "$work" && pwd)
cc -O2 -shared -fPIC -D_GNU_SOURCE -o "$work/slower.so" bench/slower.c -ldl

# Half of the CPUs each, if there are two.
hub_command=() load_command=()
cpus=$(nproc)
if ((cpus >= 2)); then
    hub_command=(taskset -c 0)
    load_command=(taskset -c 1)
fi

# measure FILE PERCENT
measure() {
    local log=$work/hub.log port='' tries
    : >"$log"
    LD_PRELOAD=$work/slower.so SLOWER_PERCENT=$2 "${hub_command[@]}" "$release/ringhub" \
        --io epoll --workers 1 -a 127.0.0.1 -p -1 </dev/null >"$log" 2>&1 &
    hub=$!
    for ((tries = 0; tries < 100; tries++)); do
        port=$(sed -n 's/.*Listening for client connections on .*:\([0-9]*\)$/\1/p' "$log")
        [[ -z $port ]] || break
        sleep 0.1
    done
    [[ -n $port ]] || { cat "$log" >&2; die "the hub does not listen"; }
    "${load_command[@]}" "$release/hubload" fanout --url "nats://127.0.0.1:$port" --subscribers 100 \
        --window-messages 2048 --verify count --warmup 0.3 --duration "$seconds" \
        --server-pid "$hub" --label ringhub --json "$1" >"$work/hubload.log" || {
        cat "$work/hubload.log" >&2
        die "a measurement failed"
    }
    stop
}

sides=(A twin slow)

# name SIDE ROUND
name() {
    printf '%s/%s-%02d.json' "$out" "$1" "$2"
}

# is_whole ROUND
is_whole() {
    local side
    for side in "${sides[@]}"; do
        [[ -s $(name "$side" "$1") ]] || return 1
    done
}

for ((round = from; round <= to; round++)); do
    if is_whole "$round"; then
        continue
    fi
    for ((i = 0; i < 3; i++)); do
        side=${sides[(i + round) % 3]}
        measure "$work/$side.json" "$([[ $side == slow ]] && echo "$percent" || echo 0)"
    done
    for side in "${sides[@]}"; do # only what was made together belongs together
        mv "$work/$side.json" "$(name "$side" "$round")"
    done
done

missing=0
for ((round = 1; round <= rounds; round++)); do
    is_whole "$round" || missing=$((missing + 1))
done
if ((missing != 0)); then
    printf '%d of %d rounds are missing in %s; the judgement comes with the last\n' "$missing" "$rounds" "$out"
    exit 0
fi

# said OTHER WORD: what compare says of A and OTHER must have WORD behind the server's CPU.
said() {
    printf '\n$ hubload compare --paired A-*.json vs %s-*.json\n' "$1"
    "$release/hubload" compare --paired "$out"/A-*.json vs "$out/$1"-*.json | tee "$work/said" || true
    grep -qE "server CPU a delivery.* $2$" "$work/said"
}
status=0
said twin same || status=1
said slow slower || status=1
exit "$status"
