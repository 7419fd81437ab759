#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Ours beside what one would use instead: asio, libuv, libevent, and a bare loop as the floor. Builds all, runs each in
# turn under the same load on one processor, prints medians, ratios and spread, and writes docs/performance.md.
set -euo pipefail

usage() {
    cat <<'END'
usage: tests/bench/run.sh [--quick] [--pairs N] [--only CASE,...] [--no-docs]
  --quick     few pairs of short runs: whether it works; no document
  --pairs N   so many alternations of each case (20; with --quick 3)
  --only      these of tests/bench/cases.txt, plugin, beside, idle, held, growth; no document
  --no-docs   only prints
Raw results: build/bench/raw.jsonl
END
}

form=full pairs='' only='' document=yes
while [ $# -gt 0 ]; do
    case $1 in
        --quick) form=quick document=no ;;
        --no-docs) document=no ;;
        --pairs | --only)
            [ $# -ge 2 ] || { usage >&2; exit 2; }
            if [ "$1" = --pairs ]; then
                pairs=$2
            else
                only=$2 document=no
            fi
            shift
            ;;
        --help) usage; exit 0 ;;
        *) usage >&2; exit 2 ;;
    esac
    shift
done
pairs=${pairs:-$([ $form = full ] && echo 20 || echo 3)}
[[ $pairs =~ ^[1-9][0-9]*$ ]] || { usage >&2; exit 2; }

# shellcheck source=tests/setup.sh
. "$(dirname "${BASH_SOURCE[0]}")/../setup.sh"
# shellcheck source=tests/bench/servers.sh
. tests/bench/servers.sh
# shellcheck source=tests/bench/instructions.sh
. tests/bench/instructions.sh
beside_messages=$([ $form = full ] && echo 20000 || echo 5000)
growth_messages=$([ $form = full ] && echo 20000 || echo 4000)
servers=(ours floor asio libuv libevent)
load=build/bench/bench_load
raw=build/bench/raw.jsonl counts=build/bench/counts.txt

wanted() {
    [ -z "$only" ] || [[ ,$only, == *,$1,* ]]
}

# wants_others: whether more is asked for than ours beside ours.
wants_others() {
    [ -z "$only" ] || tr , '\n' <<<"$only" | grep -qvxE 'plugin|beside'
}

build_ours() {
    setup_cmocka
    cmake --preset cross-release
    cmake --build --preset cross-release --target portlistener portlistener_events test_counts plugin_echo plugin_naps
    echo "note: $(stat -c %s "$ours") bytes"
}

build_load() {
    build_counters
    [ ! -x tests/bench/load/build.sh ] || tests/bench/load/build.sh
    [ -x $load ] || {
        echo "no $load"
        return 1
    }
}

# figure NAME: of the line of JSON on standard input.
figure() {
    sed -n 's/.*"'"$1"'":"\?\([^,"}]*\).*/\1/p'
}

progress() {
    if [ -t 2 ]; then
        printf '\r%-100s' "$*" >&2
    fi
}

# The load program, on the same processor: so it waits while the server works, which makes runs alike.
loaded() { # SERVER ARGUMENT ...
    taskset -c "$bench_core" $load "${@:2}" --port "${server_port[$1]}" --json 2>build/bench/load.err || {
        echo "the load program failed with $1: ${*:2}" >&2
        tail -n 5 build/bench/load.err >&2
        return 1
    }
}

# measure CASE SERVER ROUND UNIT COUNT-OPTION COUNT ARGUMENT ...: one run, one line in the raw results.
measure() {
    local case=$1 server=$2 round=$3 unit=$4 before after line
    before=$(requests)
    line=$(loaded "$server" "${@:7}" "$5" "$6")
    after=$(requests)
    echo "{\"case\":\"$case\",\"server\":\"$server\",\"round\":$round,\"unit\":\"$unit\",\"requests\":$((after - before)),${line#\{}" >>$raw
}

# run_case NAME UNIT COUNT ARGUMENT ...: round 0 is the smallest run, of which the requests of connecting are known.
run_case() {
    local name=$1 unit=$2 count=$3 option=--messages server round smallest started=$SECONDS
    local list=("${servers[@]}")
    shift 3
    if [ "$1" = churn ]; then
        option=--connections
    fi
    smallest=$(sed -n 's/.*--clients \([0-9]*\).*/\1/p' <<<"$*")
    case $name in echo-64 | churn) list+=(ours-list) ;; esac
    bench_wine </dev/null >/dev/null 2>&1
    for server in "${list[@]}"; do
        start "$server" "$([ "$name" = stream ] && echo 65536)" # the best for it
        loaded "$server" "$@" $option "$smallest" >/dev/null # what is done once
        measure "$name" "$server" 0 "$unit" $option "$smallest" "$@"
    done
    for round in $(seq "$pairs"); do
        for server in "${list[@]}"; do
            progress "$name: $round of $pairs, $server"
            measure "$name" "$server" "$round" "$unit" $option "$count" "$@"
        done
    done
    stop_all
    progress ''
    progress_end "$name" $((SECONDS - started))
}

progress_end() {
    [ ! -t 2 ] || printf '\r' >&2
    printf '   %-12s %3d alternations %8d s\n' "$1" "$pairs" "$2"
}

# hold SERVER CLIENTS: connects and leaves them idle; prints the bytes resident meanwhile.
hold() {
    local try status=0
    taskset -c "$bench_core" $load idle --clients "$2" --seconds "$hold_seconds" --size 64 \
        --port "${server_port[$1]}" --json >build/bench/held 2>build/bench/load.err &
    for try in $(seq 600); do
        if [ "$(connected "${server_port[$1]}")" -ge "$2" ]; then
            break
        fi
        sleep 0.1
    done
    sleep 1 # the last ones are accepted
    resident "$1"
    wait $! || status=$?
    return $status
}

# The same handler built in and in a DLL.
run_plugin() {
    local servers=(ours ours-plugin)
    run_case plugin message "$beside_messages" echo --clients 64 --size 64
}

# An echo endpoint, alone and while clients keep a handler busy that blocks for 100 ms a message. One server: `ours` in the
# results is it alone, `ours-busy` it beside the other.
run_beside() {
    local server round pid started=$SECONDS nap_port
    nap_port=$(setup_free_ports 1)
    bench_wine </dev/null >/dev/null 2>&1
    start ours-naps
    server_port[ours]=${server_port[ours-naps]} server_port[ours-busy]=${server_port[ours-naps]}
    loaded ours echo --clients 64 --size 64 --messages 64 >/dev/null # what is done once
    for round in $(seq "$pairs"); do
        for server in ours ours-busy; do
            progress "beside: $round of $pairs, $server"
            pid=
            if [ $server = ours-busy ]; then
                taskset -c "$bench_core" $load echo --clients 64 --size 64 --seconds 300 --port "$nap_port" >/dev/null 2>&1 &
                pid=$!
                sleep 0.5
            fi
            measure beside $server "$round" message --messages "$beside_messages" echo --clients 64 --size 64
            [ -z "$pid" ] || { kill -9 "$pid"; wait "$pid" || true; } 2>/dev/null
        done
    done
    unset 'server_port[ours]' 'server_port[ours-busy]'
    stop_all
    progress ''
    progress_end beside $((SECONDS - started))
}

# What can be counted, and does not depend on the machine.
run_counts() {
    tests/wine-run.sh build/cross-release/bin/test_counts.exe | tr -d '\r' | grep figure >$counts
    tests/bench/check-size.sh "$ours" >>$counts
    bench_wine </dev/null >/dev/null 2>&1
    run_instructions >>$counts
}

# What an idle connection costs: between a few and many; a fresh server each.
run_idle() {
    local server few=100 many=10000 hold_seconds=12 first second started=$SECONDS
    [ $form = full ] || many=2000 hold_seconds=6
    bench_wine </dev/null >/dev/null 2>&1
    for server in "${servers[@]}"; do
        progress "idle: $many connections, $server"
        start "$server"
        first=$(hold_seconds=3 hold "$server" $few)
        second=$(hold "$server" $many)
        echo "{\"case\":\"idle\",\"server\":\"$server\",\"round\":1,\"unit\":\"connection\",\"connections\":$many,\"resident_few\":$first,\"resident_many\":$second,\"bytes_each\":$(((second - first) / (many - few)))}" >>$raw
        stop "$server"
    done
    progress_end idle $((SECONDS - started))
}

# As many of ours as the goal says, for a minute, where this shell may have so many descriptors; each must answer then.
run_held() {
    local many=19000 hold_seconds=60 bytes started=$SECONDS
    if [ "$(ulimit -n)" -lt $((many + 100)) ]; then
        echo "   held: ulimit -n is $(ulimit -n), too little for $many connections"
        return 0
    fi
    bench_wine </dev/null >/dev/null 2>&1
    progress "held: $many connections"
    start ours
    bytes=$(hold ours $many)
    echo "{\"case\":\"held\",\"server\":\"ours\",\"connections\":$many,\"resident_many\":$bytes}" >>$raw
    stop ours
    progress_end held $((SECONDS - started))
}

# grown AXIS NUMBER SERVER CLIENTS COUNT: one line of how the cost of an echo depends on something. Without CLIENTS there
# are no echoes.
grown() {
    local before after middle smallest=0 line=0
    before=0 middle=0 after=0
    if [ "$4" -gt 0 ]; then
        loaded "$3" echo --clients "$4" --size 64 --messages "$4" >/dev/null # what is done once
        before=$(requests)
        smallest=$(loaded "$3" echo --clients "$4" --size 64 --messages "$4")
        middle=$(requests)
        line=$(loaded "$3" echo --clients "$4" --size 64 --messages "$5")
        after=$(requests)
    fi
    awk -v before="$before" -v middle="$middle" -v after="$after" -v few="$(figure messages <<<"$smallest")" \
        -v many="$(figure messages <<<"$line")" -v rate="$(figure messages_per_second <<<"$line")" \
        -v axis="$1" -v number="$2" -v server="$3" -v started="$started" -v resident="$resident" 'BEGIN {
            each = many > few ? (after - middle - (middle - before)) / (many - few) : 0
            printf "{\"case\":\"growth\",\"axis\":\"%s\",\"number\":%d,\"server\":\"%s\",\"requests_each\":%.3f,", \
                axis, number, server, each
            printf "\"messages_per_second\":%d,\"started_ms\":%d,\"resident\":%d}\n", rate, started, resident }' >>$raw
}

# Near-constant, it should be: by connections, by endpoints, by networks of the access list, by timers. One server at a time.
run_growth() {
    local server number begun=$SECONDS started=0 resident=0
    local few=$growth_messages
    for server in ours floor; do
        for number in 1 10 100 1000 10000; do
            progress "growth: $number connections, $server"
            bench_wine </dev/null >/dev/null 2>&1
            start "$server"
            grown connections $number $server $number $((few + 5 * number))
            stop "$server"
        done
    done
    for number in 1 100 1000 5000 9000 10000; do # with 10,000 no descriptor is left for the sockets of accepts
        progress "growth: $number endpoints"
        bench_wine </dev/null >/dev/null 2>&1
        endpoints=$number start ours
        started=$(started) resident=$(resident ours)
        grown endpoints $number ours $((number < 10000 ? 64 : 0)) "$few"
        stop ours
    done
    for number in 1 100 10000 100000; do
        progress "growth: $number networks"
        bench_wine </dev/null >/dev/null 2>&1
        networks=$number start ours
        started=$(started) resident=$(resident ours)
        grown networks $number ours 64 "$few"
        stop ours
    done
    grown_timers >>$raw
    progress_end growth $((SECONDS - begun))
}

setup_trap
trap "trap '' INT TERM HUP; setup__end_step; stop_all; setup_stop" EXIT
step packages setup_packages "${packages_build[@]}" "${packages_bench[@]}"
step 'ours, release' build_ours
mkdir -p build/bench
! wants_others || step peers build_peers
step 'load program' build_load
step 'Wine prefix' bench_wine
! wants_others || step counts run_counts
mkdir -p build/bench
: >$raw
echo "-- on processor $bench_core, load average $(cut -d ' ' -f 1-3 /proc/loadavg)"
while read -r name unit count quick arguments; do
    if [[ $name != '#'* ]] && wanted "$name"; then
        [ $form = full ] || count=$quick
        # shellcheck disable=SC2086 # words
        run_case "$name" "$unit" "$count" $arguments </dev/null
    fi
done <tests/bench/cases.txt
! wanted plugin || run_plugin </dev/null
! wanted beside || run_beside </dev/null
! wanted idle || run_idle </dev/null
[ $form = quick ] || ! wanted held || run_held </dev/null
! wanted growth || run_growth </dev/null
echo "-- load average $(cut -d ' ' -f 1-3 /proc/loadavg)"
tests/bench/report.sh $raw
if [ $document = yes ]; then
    tests/bench/document.sh $raw $counts
fi
