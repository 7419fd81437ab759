#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Measures that an echo server on loopback returns every byte: sizes by clients over TCP, then UDP; prints a table.
set -euo pipefail

usage() {
    cat <<'END'
usage: tests/load/matrix.sh [--host A.B.C.D] [--limit MB] PORT
Each row moves at most --limit megabytes (256), both ways counted, in at most 12800 messages. Where that is less than
one message for each client, some of the clients send one, and the others one of 1460 bytes at the same time. Exit
code 1 when a byte differs, is missing or late.
END
}

host=127.0.0.1
limit=256
while [ $# -ge 2 ]; do
    case $1 in
        --host) host=$2 ;;
        --limit) limit=$2 ;;
        *) break ;;
    esac
    shift 2
done
[[ $# = 1 && $1 =~ ^[0-9]+$ && $limit =~ ^[0-9]+$ ]] || {
    usage >&2
    exit 2
}
port=$1
cd "$(dirname "$0")/../.."
load=$(tests/load/build.sh)
bytes=$((limit * 500000)) # one way
small=1460
messages=12800
failed=0
started=$SECONDS

least() {
    echo $(($1 < $2 ? $1 : $2))
}

most() {
    echo $(($1 > $2 ? $1 : $2))
}

# field NAME: of the line of JSON in `result`
field() {
    sed -n 's/.*"'"$1"'":"\?\([^,"}]*\).*/\1/p' <<<"$result"
}

# row PROTOCOL SIZE CLIENTS MESSAGES NOTE LOAD-ARGUMENT ...
row() {
    local ok='yes'
    result=$("$load" "${@:6}" --host "$host" --port "$port" 2>build/load/stderr) || ok='NO'
    printf '%-5s %8s %8s %9s %12s %12s %8s  %-3s %s\n' "$1" "$2" "$3" "$4" "$(field bytes_sent)" \
        "$(field bytes_received)" "$(field seconds)" "$ok" "$5"
    if [ $ok = NO ]; then
        failed=1
        cat build/load/stderr
    fi
}

tcp() {
    local size=$1 clients=$2 total each talkers note=
    total=$(least $messages $((bytes / size)))
    if [ "$total" -lt "$clients" ]; then
        total=$(((bytes - clients * small) / size))
        note="$total of the clients; the others $small bytes"
    fi
    each=$(most 1 $((total / clients)))
    talkers=$(least "$clients" "$total")
    row tcp "$size" "$clients" "$each" "$note" \
        echo --size "$size" --clients "$clients" --messages "$each" --depth 8 --talkers "$talkers"
}

udp() {
    local size=$1 clients=$2 each=$3
    row udp "$size" "$clients" "$each" '' udp --sizes "$size" --clients "$clients" --messages "$each"
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
