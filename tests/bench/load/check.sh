#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Tests the load program of the benchmarks: against a plain echo server it must succeed with every kind of load, against
# servers that do one thing wrong it must fail and tell which client, where. tests/bench/load/check.sh [PROGRAM]: by
# default the native one, which is built; one that ends with .exe runs in Wine.
set -euo pipefail
cd "$(dirname "$0")/../../.."
at_once=16
if ! command -v "${CC:-cc}" >/dev/null; then
    echo 'SKIPPED: no C compiler for the server to test with'
    exit 77
elif [[ ${1-} = *.exe ]]; then
    client=(tests/wine-run.sh "$1")
    at_once=4
    export WINEPREFIX=${WINEPREFIX:-$PWD/build/wine}
    tests/wine-run.sh cmd /c exit # starts Wine
else
    client=("${1:-$(tests/bench/load/build.sh)}")
fi
# shellcheck source=tests/load/expect.sh
. tests/load/expect.sh
expect_at_once=$at_once

expect 0 none echo --messages 2000 --size 1 --json
expect 0 none echo --clients 64 --messages 5000 --size 1460 --depth 8 --warm-up 100
expect 0 none echo --clients 3 --messages 12 --size 1000000 --depth 2
expect 0 none echo --clients 5 --messages 3
expect 0 none echo --clients 200 --seconds 1 --host 127.0.0.1
expect 0 none churn --clients 8 --connections 500
expect 0 none churn --clients 3 --connections 20 --size 300000
expect 0 none churn --clients 4 --seconds 1 --warm-up 10
expect 0 none idle --clients 500 --seconds 1 --size 100
expect 0 none stream --clients 4 --messages 500
expect 0 none stream --clients 2 --messages 20000 --size 1
expect 0 none stream --clients 2 --seconds 1 --size 1000000
expect 0 none udp --clients 8 --messages 2000
expect 0 none udp --depth 64 --messages 5000 --size 8 --warm-up 100
expect 0 none udp --messages 20 --size 65507
expect 0 none udp --clients 4 --depth 2 --seconds 1

for kind in 'echo --depth 20' 'churn --size 1000 --clients 1' 'idle --size 1000 --seconds 1' 'stream --size 500'; do
    # shellcheck disable=SC2086 # words
    {
        tell 'client 0: a byte is wrong; at byte 700 of its connection 1, of message [0-9]+; ' flip $kind --messages 100
        tell 'client 0: a byte is wrong; at byte 700 ' lose $kind --messages 100
        tell 'client 0: (a byte is wrong; at byte 699|.*) ' swap $kind --messages 100
        tell 'client 0: (the server ended the connection|cannot (send|receive):.*); at byte [0-7]?[0-9]?[0-9] ' close $kind --messages 100
        tell 'client 0: (the server ended the connection|cannot (send|receive):.*); at byte [0-7]?[0-9]?[0-9] ' reset $kind --messages 100
    }
done
tell 'client 0: no answer for 3000 ms; at byte 640 of its connection 1, of message 11; ' stop echo --messages 100 --patience 3000
tell 'client 0: no answer for 3000 ms; at byte 0 of its connection 1, ' stop churn --size 1000 --connections 100 --patience 3000
tell 'client [01]: more came back than was sent; at byte 3200 ' extra echo --messages 50
tell 'client [01]: no end from the server for 3000 ms; at byte 3200 ' no-end echo --messages 50 --patience 3000
tell 'client [0-2]: the server ended the connection; at byte 0 ' drop-idle idle --clients 3 --seconds 5
tell 'client 0: (the answer came late, after [0-9.]* ms|no answer for 20 ms); at byte [0-9]+ ' late echo --messages 100 --patience 20
tell 'client 0: (the server ended the connection|cannot (connect|send|receive):)' refuse echo --messages 100
tell 'client 0: cannot connect: ' none echo --port 1
tell 'client 0: cannot connect: ' none churn --port 1
tell 'client [0-2]: byte 63 of datagram [0-9]+ is wrong; [0-9]+ datagrams were sent, 0 answered, 0 lost' flip udp --clients 3
tell 'client 0: a datagram came that is not in flight' flip udp --size 8
tell 'client 0: a datagram of 63 bytes came instead of 64' lose udp
tell 'client 0: a datagram of 65 bytes came instead of 64, or more' extra udp
tell 'client 0: a datagram came that is not in flight' twice udp
tell 'client 0: no datagram was answered; 2 ' stop udp --messages 2 --patience 5000
tell 'client 0: no answer for 500 ms; ' stop udp --patience 500
told='loopback|not a value' expect 2 none echo --host 192.0.2.1
told='--clients 20001' expect 2 none echo --clients 20001
told='--seconds 601' expect 2 none echo --seconds 601
told='no KIND' expect 2 none nonsense

wait
check 0 late echo --json --messages 1000
p50=$(figure p50_us) p99=$(figure p99_us) answered=$(figure messages)
if [ "$answered" != 1000 ] || [ "$p50" -ge 15000 ] || [ "$p99" -lt 30000 ]; then
    echo "one answer of 50 comes after 30 ms, and the percentiles of $answered are $p50 and $p99 us" >>"$expect_failures"
fi
expect_end
