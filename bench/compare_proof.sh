#!/usr/bin/env bash
# Does `hubload compare` say "same" of a hub and itself, and "slower" of one that is slower? On the real
# hub, with the real noise of this machine.
#
#   compare_proof.sh OUT [FROM TO]
#
# Rounds FROM to TO (1 to 16) of three hubs in turn, each a fresh process of the same executable with
# --io epoll: A, its twin, and one whose sends cost SLOWER_NS more CPU (slower.c, default 1200). One
# publisher, 100 subscribers, hubload only counts, so that the hub is the limit. Afterwards prints what
# compare says of all rounds in OUT, and fails unless it is "same" and "slower".
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

out=${1:?where to}
from=${2:-1}
to=${3:-16}
release=build/release
hub=''

stop() {
    if [[ -n $hub ]]; then
        kill "$hub" 2>/dev/null || true
        wait "$hub" 2>/dev/null || true
        hub=''
    fi
}
trap stop EXIT
trap 'exit 130' INT TERM

mkdir -p "$out" build/compare-proof
cc -O2 -shared -fPIC -D_GNU_SOURCE -o build/compare-proof/slower.so bench/slower.c -ldl

# measure SIDE NANOSECONDS ROUND
measure() {
    local log=build/compare-proof/hub.log port='' tries
    : >"$log"
    LD_PRELOAD=$PWD/build/compare-proof/slower.so SLOWER_NS=$2 taskset -c 0 "$release/ringhub" \
        --io epoll --workers 1 -a 127.0.0.1 -p -1 </dev/null >"$log" 2>&1 &
    hub=$!
    for ((tries = 0; tries < 100; tries++)); do
        port=$(sed -n 's/.*Listening for client connections on .*:\([0-9]*\)$/\1/p' "$log")
        [[ -z $port ]] || break
        sleep 0.1
    done
    [[ -n $port ]] || { cat "$log" >&2; exit 1; }
    taskset -c 1 "$release/hubload" fanout --url "nats://127.0.0.1:$port" --subscribers 100 \
        --window-messages 2048 --pin-cpus 1 --verify count --warmup 0.3 --duration 0.8 \
        --server-pid "$hub" --label ringhub --json "$out/$1-$(printf %02d "$3").json" >/dev/null
    stop
}

sides=(A twin slow)
for ((round = from; round <= to; round++)); do
    for ((i = 0; i < 3; i++)); do
        side=${sides[(i + round) % 3]}
        measure "$side" "$([[ $side == slow ]] && echo "${SLOWER_NS:-1200}" || echo 0)" "$round"
    done
done

# said OTHER WORD: what compare says of A and OTHER must have WORD behind the server's CPU.
said() {
    printf '\n$ hubload compare A-*.json vs %s-*.json\n' "$1"
    "$release/hubload" compare "$out"/A-*.json vs "$out/$1"-*.json | tee build/compare-proof/said
    grep -qE "server CPU a delivery.* $2$" build/compare-proof/said
}
status=0
said twin same || status=1
said slow slower || status=1
exit "$status"
