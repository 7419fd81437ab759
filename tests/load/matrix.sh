#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Shows that an echo server on 127.0.0.1 returns every byte: sizes by clients over TCP, pipelined, then UDP; prints a
# table. Exit code 1 when a byte differs, is missing or late.
set -euo pipefail

if [[ $# != 1 || ! $1 =~ ^[0-9]+$ ]]; then
    echo 'usage: tests/load/matrix.sh PORT' >&2
    exit 2
fi
port=$1
cd "$(dirname "$0")/../.."
load=$(tests/load/build.sh)
failed=0
started=$SECONDS

# field NAME: of the line of JSON in `result`
field() {
    sed -n 's/.*"'"$1"'":"\?\([^,"}]*\).*/\1/p' <<<"$result"
}

# row PROTOCOL SIZE CLIENTS MESSAGES LOAD-ARGUMENT ...: so many messages by each client
row() {
    local ok='yes'
    result=$("$load" "${@:5}" --clients "$3" --messages "$4" --port "$port" 2>build/load/stderr) || ok='NO'
    printf '%-5s %8s %8s %9s %12s %12s %8s  %-3s\n' "$1" "$2" "$3" "$4" "$(field bytes_sent)" \
        "$(field bytes_received)" "$(field seconds)" "$ok"
    if [ $ok = NO ]; then
        failed=1
        cat build/load/stderr
    fi
}

# Up to eight messages of each client are under way at a time.
tcp() {
    local size=$1 clients=$2 each
    each=$(((size < 5000 ? 12800 : 64000000 / size) / clients))
    row tcp "$size" "$clients" $((each > 2 ? each : 2)) echo --size "$size" --depth 8
}

udp() {
    row udp "$1" "$2" "$3" udp --sizes "$1"
}

printf '%-5s %8s %8s %9s %12s %12s %8s  %-3s\n' '' size clients 'each' 'bytes sent' 'and back' seconds ok
for size in 1 2 1460 65536 1000000; do
    for clients in 1 64 1000; do
        tcp $size $clients
    done
done
for size in 0 1 1472; do
    udp $size 1 1000
    udp $size 64 20
done
udp 65507 1 1000
echo "all rows: $((SECONDS - started)) s"
exit $failed
