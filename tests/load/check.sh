#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Tests the load client: against a plain echo server it must succeed in every mode, against servers that do one thing
# wrong it must fail.
set -euo pipefail
cd "$(dirname "$0")/../.."
load=$(tests/load/build.sh)
server=build/load/faulty_echo
${CC:-cc} -std=c11 -O2 -Wall -Wextra -Werror -pthread -o $server tests/load/faulty_echo.c
failed=0

# expect STATUS FAULT MODE [OPTION ...]
expect() {
    local status=0 port output
    coproc echo_server { $server "$2"; }
    read -r port <&"${echo_server[0]}"
    output=$("$load" "$3" --port "$port" "${@:4}" 2>&1) || status=$?
    eval "exec ${echo_server[1]}>&-" # its standard input ends, and so does it
    wait
    if [ "$status" != "$1" ]; then
        echo "load ${*:3} against fault $2: exit code $status instead of $1: $output"
        failed=1
    fi
}

expect 0 none echo --clients 1 --messages 1000 --size 1
expect 0 none echo --clients 64 --messages 50 --size 1460 --depth 8
expect 0 none echo --clients 3 --messages 3 --size 1000000 --depth 2
expect 0 none hold --clients 500 --seconds 1 --size 100 --ramp 20
for end in fin rst half; do
    expect 0 none churn --clients 8 --connections 500 --end $end
done
expect 0 none udp --clients 8 --messages 50 --sizes 0,1,1472
expect 0 none udp --clients 2 --messages 50 # more of the largest in flight may not fit the socket buffers
expect 0 none udp --sizes 5,0,60000

for fault in flip lose swap close reset; do
    expect 1 $fault echo --clients 2 --messages 3 --depth 2 --deadline 2
    expect 1 $fault churn --clients 2 --connections 4 --deadline 2
    expect 1 $fault hold --clients 2 --seconds 0 --deadline 2
done
for fault in stop extra no-end; do
    expect 1 $fault echo --clients 2 --messages 3 --depth 2 --deadline 1
done
expect 1 drop-idle hold --clients 3 --seconds 2
for fault in flip lose extra stop; do
    expect 1 $fault udp --messages 2 --deadline 1
done
expect 2 none echo --clients 12001
expect 2 none echo --host 192.0.2.1
expect 2 none nonsense

[ $failed = 0 ] && echo 'the load client notices what it must'
exit $failed
