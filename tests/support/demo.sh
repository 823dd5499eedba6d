#!/usr/bin/env bash
# The demonstration behind `./dev demo`: the hub as it comes out of the build, without configuration,
# under 1 publisher and 1,000 subscribers; then the same load on the server that cheats.
#
#   RINGHUB_DEMO_HUB      another server's command line in the hub's place (it must take -p PORT)
#   RINGHUB_DEMO_SECONDS  of each run (4)
set -euo pipefail

release=build/release
hub=${RINGHUB_DEMO_HUB:-$release/ringhub}
seconds=${RINGHUB_DEMO_SECONDS:-4}
logs=build/logs
results=build/demo
mkdir -p "$logs" "$results"
server=''

stop() {
    if [[ -n $server ]]; then
        kill "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
        server=''
    fi
}
trap stop EXIT
trap 'exit 130' INT TERM

die() {
    printf 'demo: %s\n' "$*" >&2
    exit 1
}

# Succeeds when a server on this port of the loopback greets as NATS servers do.
greets() {
    local line=''
    {
        exec 3<>"/dev/tcp/127.0.0.1/$1" || return 1
        read -r -t 2 line <&3 || true
        exec 3>&-
    } 2>/dev/null
    [[ $line == INFO* ]]
}

in_use() {
    (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

free_port() {
    python3 -c 'import socket
s = socket.socket()
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])'
}

# start NAME PORT COMMAND...: in the background, until it greets.
start() {
    local name=$1 port=$2 tries
    shift 2
    "$@" </dev/null >"$logs/demo-$name.log" 2>&1 &
    server=$!
    for ((tries = 0; tries < 100; tries++)); do
        if ! kill -0 "$server" 2>/dev/null; then
            break
        fi
        if greets "$port"; then
            return
        fi
        sleep 0.1
    done
    cat "$logs/demo-$name.log" >&2
    die "$name does not listen on 127.0.0.1:$port"
}

# load NAME PORT: the same fan-out twice, as fast as every subscriber keeps up and at a steady rate,
# where latency says something. hubload checks every delivery, and fails when one is missing.
load() {
    local common=(--url "nats://127.0.0.1:$2" --publishers 1 --subscribers 1000 --size 128
        --warmup 1 --duration "$seconds" --server-pid "$server") status=0
    "$release/hubload" fanout "${common[@]}" --window-messages 512 --json "$results/$1-fast.json" ||
        status=$?
    printf '\n'
    "$release/hubload" fanout "${common[@]}" --rate 100 --json "$results/$1-paced.json" || status=$?
    return "$status"
}

for program in ${hub%% *} "$release/hubload" "$release/ceiling"; do
    command -v "$program" >/dev/null || die "there is no $program in this checkout"
done
ulimit -S -n "$(ulimit -H -n)"

port=4222
more=()
if in_use "$port"; then
    port=$(free_port)
    more=(-p "$port")
    printf 'Port 4222 is in use; the hub listens on %s instead.\n' "$port"
fi
printf '\nThe hub, as built, without configuration:\n\n'
# shellcheck disable=SC2086  # a command line
start hub "$port" $hub "${more[@]}"
hub_status=0
load hub "$port" || hub_status=$?
stop

port=$(free_port)
printf '\nThe ceiling, a server that does nothing but copy one stream to all, under the same load:\n\n'
# Its better mode: as the hub sends, where the hub could.
mode=send
if grep -q 'io_uring works here' "$logs/demo-hub.log"; then
    mode=uring
fi
start ceiling "$port" "$release/ceiling" --mode "$mode" --port "$port"
ceiling_status=0
load ceiling "$port" || ceiling_status=$?
stop

printf '\n'
((hub_status == 0)) ||
    die "the hub's run failed: a delivery was lost, or hubload could not run (status $hub_status)"
((ceiling_status == 0)) || die "the ceiling's run failed (status $ceiling_status)"
python3 tests/support/demo_table.py "$results"
printf '\nEvery delivery was counted and checked; none was lost.\n'
