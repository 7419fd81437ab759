#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The release service in Wine under load from a native client: connections held idle, every size from few and many
# clients, abusive and noisy ones beside good ones, limits, what the access log counts, what is kept after many
# connections, and a stop with connections in flight. Every byte is compared.
set -euo pipefail

form=short hold_seconds=5
case ${1-} in
    '') ;;
    --full) form=full hold_seconds=60 ;;
    *)
        echo 'usage: tests/load.sh [--full]: the figures of docs/reliability.md; without --full a tenth of them' >&2
        exit 2
        ;;
esac

# shellcheck source=tests/setup.sh
. "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
export WINEPREFIX=$PWD/build/wine-try # service/try.sh's
folder=build/load
load=$folder/load
held=10000
drain=5 # seconds, as service/try.sh configures it

# end_service: also when a step has failed; each of the two may have been done.
end_service() {
    service/try.sh --stop >/dev/null
    setup_stop
}

# wine_processes: those of this Wine prefix, number and command line.
wine_processes() {
    local environ
    for environ in /proc/[0-9]*/environ; do
        if grep -qzxF "WINEPREFIX=$WINEPREFIX" "$environ" 2>/dev/null; then
            environ=${environ#/proc/}
            echo "${environ%/environ} $(tr '\0' ' ' <"/proc/${environ%/environ}/cmdline")"
        fi
    done
}

# process: the service's.
process() {
    wine_processes | sed -n 's/ .*portlistener\.exe.* service .*//p'
}

# figure NAME: of the line of JSON on standard input.
figure() {
    sed -n 's/.*"'"$1"'":"\?\([^,"}]*\).*/\1/p'
}

# row NUMBER GOAL REACHED: of the table at the end.
row() {
    echo "| $1 | $2 | $3 | W |" >>$folder/table
}

# resident PROCESS: bytes of memory that it has in use, the C library's and Wine's included.
resident() {
    echo $(($(sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$1/status") * 1024))
}

matrix() {
    tests/load/matrix.sh "$port" | tee $folder/matrix
    echo "note: $(grep -c 'yes *$' $folder/matrix) rows, every byte came back"
}

# connected COUNT FILE: waits until the client has told so; the client must be alive.
connected() {
    local try
    for try in $(seq 600); do
        if grep -q " $1 connected" "$2"; then
            return 0
        fi
        sleep 0.1
    done
    echo "not $1 connections after $((try / 10)) s"
    return 1
}

# hold_once SERVICE: prints the bytes that the service has in use while all are idle.
hold_once() {
    local status=0
    $load hold --port "$port" --clients $held --seconds "$hold_seconds" --size 100 >$folder/held 2>$folder/held.progress &
    connected $held $folder/held.progress
    resident "$1"
    wait $! || status=$?
    cat $folder/held $folder/held.progress >&2
    return $status
}

# Idle, then a burst of echoes from all of them; the second time shows what the burst has left behind.
hold() {
    local before first second service
    service=$(process)
    before=$(resident "$service")
    first=$(hold_once "$service")
    second=$(hold_once "$service")
    echo "resident: $before bytes without connections, $first and $second with $held idle, $(resident "$service") after them"
    [ $((second - before)) -le $((held * 4096)) ]
    row R5 "$held idle connections, none lost, all answer afterwards" "$held for $hold_seconds s, twice"
    echo "note: $held for $hold_seconds s, twice; all echo then; $(((first - before) / held)), then $(((second - before) / held)) bytes resident each"
}

# logged ID: when the last run's log has it, in milliseconds.
logged() {
    local time
    time=$(tr -d '\r' <build/try/logs/PortListener.log | sed -n "s/^\([^ ]*\) .*$1.*/\1/p" | tail -n 1)
    date -d "$time" +%s%3N
}

# Half of the connections never end by themselves: they are reset at the deadline. The others begin a transfer when the
# stop is under way, and finish it.
stop_in_flight() {
    local name took status=0
    $load hold --port "$port" --clients 500 --seconds 15 >$folder/idle 2>$folder/idle.progress &
    $load hold --port "$port" --clients 500 --seconds 4 --messages 20 --depth 4 >$folder/talking 2>$folder/talking.progress &
    for name in idle talking; do
        connected 500 $folder/$name.progress
    done
    tests/wine-run.sh net stop PortListener
    wait %2 || status=1
    wait %1 && status=1
    cat $folder/{idle,talking}{,.progress}
    took=$(($(logged PL1004) - $(logged PL1003)))
    grep -q '"lost":500' $folder/idle # and each of them by a reset
    grep -q 'reset by peer' $folder/idle.progress
    [ $took -ge $((drain * 1000 - 250)) ]
    [ $took -le $((drain * 1000 + 4000)) ] # the goal is a second; each reset costs Wine a millisecond or more
    echo "note: 500 finished, 500 reset; stopped after $took ms, drain_timeout ${drain}000 ms$([ $took -le $((drain * 1000 + 1000)) ] || echo ' (NOT reached)')"
    return $status
}

# shellcheck source=tests/load/endpoints.sh
. tests/load/endpoints.sh
# shellcheck source=tests/load/neighbours.sh
. tests/load/neighbours.sh
# shellcheck source=tests/load/counted.sh
. tests/load/counted.sh

start_service() {
    service/try.sh --keep $folder/endpoints.ini
}

setup_trap
trap "trap '' INT TERM HUP; setup__end_step; end_service" EXIT
step packages setup_packages "${packages_build[@]}" gcc libc6-dev
step 'load client' tests/load/check.sh
rm -f $folder/table
write_endpoints $folder/endpoints.ini
step service start_service
port=$(sed -n 's/.*tcp:.*:\([0-9]*\), udp.*/\1/p' build/try/portlistener.ini | tail -n 1)
step 'no growth' growth
step 'limits and rate' limits
step 'counters conserve' conserve
step 'a second process' start_control
step 'abusive clients' abusive
step 'a noisy endpoint' noisy
step 'no reflection' reflection
step 'connections held' hold
step 'all sizes, 1 to 1000 clients' matrix
step 'net stop, 1000 in flight' stop_in_flight
printf '\n| # | goal | reached (%s form) | kind |\n|---|---|---|---|\n' $form
sort -V $folder/table
printf '%s, load average %s\n' "$(date -u +%Y-%m-%d)" "$(cut -d ' ' -f 1-3 /proc/loadavg)"
