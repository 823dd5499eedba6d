#!/usr/bin/env bash
# Does `hubload compare` say "same" of a hub and itself, and "slower" of one that is slower? On the real
# hub, with the real noise of this machine.
#
#   compare_proof.sh OUT [FROM TO]
#
# Rounds FROM to TO (1 to 40, about 7 s each) of three hubs in turn, each a fresh process of the same
# executable with --io epoll: A, its twin, and one that takes a tenth more CPU, because each of its sends
# spins for SLOWER_NS (slower.c). How long that must be is tried out first, in 5 pairs of runs, and kept in
# OUT/slower_ns. One publisher, 100 subscribers, hubload only counts, so that the hub is the limit.
# Afterwards prints what compare says of all rounds in OUT, and fails unless it is "same" and "slower".
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

out=${1:?where to}
from=${2:-1}
to=${3:-40}
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

# measure FILE NANOSECONDS
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
        --server-pid "$hub" --label ringhub --json "$1" >/dev/null
    stop
}

# calibrate: of two medians, 1,000 ns of spinning apart, which spinning makes a tenth?
calibrate() {
    local tried=build/compare-proof/tried i
    rm -rf "$tried"
    mkdir -p "$tried"
    for ((i = 1; i <= 5; i++)); do
        measure "$tried/0-$i.json" 0
        measure "$tried/1000-$i.json" 1000
    done
    python3 - "$tried" <<'PYTHON'
import glob, json, statistics, sys

def cpu(side):
    return statistics.median(json.load(open(name))["runs"][0]["server"]["cpu_ns_per_delivery"]
                             for name in glob.glob("%s/%s-*.json" % (sys.argv[1], side)))

print(round(1000 * 0.1 * cpu("0") / max(cpu("1000") - cpu("0"), 0.02 * cpu("0"))))
PYTHON
}

if [[ -z ${SLOWER_NS:-} ]]; then
    [[ -s $out/slower_ns ]] || calibrate >"$out/slower_ns"
    SLOWER_NS=$(<"$out/slower_ns")
fi
printf 'the slower hub spins for %s ns a send\n' "$SLOWER_NS"

sides=(A twin slow)
for ((round = from; round <= to; round++)); do
    for ((i = 0; i < 3; i++)); do
        side=${sides[(i + round) % 3]}
        measure "$out/$side-$(printf %02d "$round").json" "$([[ $side == slow ]] && echo "$SLOWER_NS" || echo 0)"
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
