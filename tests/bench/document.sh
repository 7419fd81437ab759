#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Writes docs/performance.md and its pictures from what tests/bench/run.sh has measured:
# tests/bench/document.sh RAW COUNTS
set -euo pipefail
if [ $# != 2 ]; then
    echo 'usage: tests/bench/document.sh RAW COUNTS' >&2
    exit 2
fi
raw=$(realpath "$1") counts=$(realpath "$2")
cd "$(dirname "$0")/../.."
export LC_ALL=C.UTF-8
work=build/bench/document pictures=docs/performance document=docs/performance.md
mkdir -p $work $pictures
awk -f tests/bench/summary.awk "$raw" >$work/summary
servers=(ours floor asio libuv libevent)

# value CASE SERVER FIGURE [FORMAT]: of the summary; a dash when there is none.
value() {
    awk -v c="$1" -v s="$2" -v f="$3" -v format="${4:-%.2f}" \
        '$1 == c && $2 == s && $3 == f { printf format, $4; found = 1 } END { if (!found) printf "-" }' $work/summary
}

spread() {
    awk -v c="$1" -v s="$2" -v f="$3" '$1 == c && $2 == s && $3 == f { printf "%.1f", $5 }' $work/summary
}

count() {
    sed -n "s/^ *figure $1 \([0-9.]*\) .*/\1/p" "$counts"
}

# ---- Pictures ----

plot() { # NAME TITLE: the rest of the script is on standard input
    {
        echo "set terminal svg size 760,380 font 'sans-serif,12' background rgb 'white'"
        echo "set output '$pictures/$1.svg'"
        echo "set title '$2'; set grid ytics lt 1 lc rgb '#dddddd' back; set border 3; set tics nomirror; set key outside bottom center horizontal"
        cat
    } >"$work/$1.gp"
    gnuplot "$work/$1.gp"
}

# bars FIGURE CASE ...: a table for gnuplot, a case a line, a column for each server.
bars() {
    local case server
    printf 'case'
    printf ' %s' "${servers[@]}"
    echo
    for case in "${@:2}"; do
        printf '"%s"' "$case"
        for server in "${servers[@]}"; do
            printf ' %s' "$(value "$case" "$server" "$1" %.4f | sed 's/^-$/NaN/')"
        done
        echo
    done
}

columns="set style data histograms; set style histogram clustered gap 1; set style fill solid 0.85 border -1; set yrange [0:*]"
colours="lc rgb '#1b6ca8', lc rgb '#999999', lc rgb '#e0a030', lc rgb '#5aa469', lc rgb '#b5525c'"

clustered() { # FILE FIRST-COLUMN
    local column colour plots=()
    for column in $(seq "$2" 6); do
        colour=$(cut -d , -f $((column - 1)) <<<"$colours")
        plots+=("'$1' using $column:xtic(1) title columnheader($column)$colour")
    done
    local IFS=,
    echo "plot ${plots[*]}"
}

draw_bars() { # NAME TITLE FIRST-COLUMN EXTRA FIGURE CASE ...
    bars "${@:5}" >"$work/$1.dat"
    if ! grep -q ' [0-9.]*[1-9]' "$work/$1.dat"; then # not measured
        return 0
    fi
    {
        echo "$columns"
        echo "$4"
        clustered "$work/$1.dat" "$3"
    } | plot "$1" "$2"
}

draw_lines() { # NAME TITLE AXIS COLUMN EXTRA SERVER ...: of growth, by the number of something
    local server plots=()
    for server in "${@:6}"; do
        awk -v a="$3" -v s="$server" -v c="$4" '$1 == "growth" && $2 == s && $3 == a && $c > 0 { print $4, $c }' \
            $work/summary >"$work/$1-$server.dat"
        plots+=("'$work/$1-$server.dat' using 1:2 with linespoints pt 7 lw 2 title '$server'")
    done
    local IFS=,
    printf '%s\n' "set logscale x; set yrange [0:*]; set xlabel '$3'; $5" "plot ${plots[*]}" | plot "$1" "$2"
}

draw_bars requests 'wineserver requests for each message' 2 '' requests echo-64 echo-1000 udp-64 udp-1024
draw_bars connection 'wineserver requests for each connection with one message' 2 '' requests churn
draw_bars speed 'messages or connections a second: ours to each other one' 3 \
    "set arrow from graph 0, first 1 to graph 1, first 1 nohead lc rgb '#1b6ca8' lw 2 front" \
    ratio echo-64 echo-1000 pipelined stream udp-64 udp-1024 churn
draw_bars latency 'p99 to p50 of an echo' 2 'set logscale y; set yrange [1:*]' tail echo-64 echo-1000
draw_bars memory 'bytes of memory in use for each idle connection' 2 'set logscale y; set yrange [100:*]' resident idle
draw_lines growth-connections 'requests for each message, by connections' connections 5 '' ours floor
draw_lines growth-endpoints 'milliseconds to RUNNING, by endpoints' endpoints 7 'set logscale y; set yrange [1:*]' ours
draw_lines growth-timers 'our instructions to set a timer, move it and have it fire, by timers' timers 9 '' ours
draw_lines growth-networks 'requests for each message, by networks of the access list' networks 5 '' ours

# ---- Tables ----

table() { # FIGURE FORMAT CASE ...
    local case server
    printf '| |'
    printf ' %s |' "${servers[@]}"
    printf '\n|---|%s\n' "$(printf -- '---:|%.0s' "${servers[@]}")"
    for case in "${@:3}"; do
        printf '| %s |' "$case"
        for server in "${servers[@]}"; do
            printf ' %s |' "$(value "$case" "$server" "$1" "$2")"
        done
        echo
    done
}

ratios() {
    local case server
    printf '| ours to |'
    printf ' %s |' "${servers[@]:1}"
    printf '\n|---|%s\n' "$(printf -- '---:|%.0s' "${servers[@]:1}")"
    for case in "$@"; do
        printf '| %s |' "$case"
        for server in "${servers[@]:1}"; do
            printf ' %s ±%s %% |' "$(value "$case" "$server" ratio)" "$(spread "$case" "$server" ratio)"
        done
        echo
    done
}

growth() {
    printf '| by | number | requests for each message | instructions for each timer | to RUNNING, ms | memory in use, MB |\n|---|---:|---:|---:|---:|---:|\n'
    awk '$1 == "growth" && $2 == "ours" {
        printf "| %s | %d | %s | %s | %s | %s |\n", $3, $4, ($5 > 0 ? sprintf("%.2f", $5) : "-"), ($9 > 0 ? $9 : "-"), ($7 > 0 ? $7 : "-"),
            ($8 > 0 ? sprintf("%.1f", $8 / 1000000) : "-") }' $work/summary
}

# goal TEXT REACHED COMPARISON LIMIT
goal() {
    awk -v text="$1" -v reached="$2" -v comparison="$3" -v most="$4" 'BEGIN {
        known = reached != "" && reached != "-"
        met = comparison == "<=" ? reached + 0 <= most + 0 : reached + 0 >= most + 0
        printf "| %s | %s | %s |\n", text, known ? reached : "not measured", !known ? "" : met ? "yes" : "**no**" }'
}

goals() {
    local case server least
    printf '| goal | reached | met |\n|---|---:|---|\n'
    goal 'requests for a TCP message at 64 connections ≤ 6.5' "$(value echo-64 ours requests)" '<=' 6.5
    for case in echo-64 udp-64 churn; do
        goal "$case: requests the same on repetition, within 2 %" "$(spread $case ours requests)" '<=' 2
    done
    goal 'requests for a datagram ≤ 4.5' "$(value udp-64 ours requests)" '<=' 4.5
    goal 'requests for connect, echo, close ≤ 23.5' "$(value churn ours requests)" '<=' 23.5
    goal 'our calls for a TCP message, busy, without dequeues ≤ 2' "$(count tcp_calls_busy)" '<=' 2.01
    goal 'our calls for a TCP message, idle ≤ 3 and a share of a dequeue' "$(count tcp_calls_idle)" '<=' 4
    for case in echo-64 echo-1000 pipelined udp-64 churn; do
        for server in asio libuv; do
            goal "$case: a second ≥ 1.08 × $server" "$(value $case $server ratio)" '>=' 1.08
        done
        goal "$case: a second ≥ 0.90 × the floor" "$(value $case floor ratio)" '>=' 0.90
    done
    goal 'stream ≥ 0.9 × the floor with 64 KB buffers' "$(value stream floor ratio)" '>=' 0.90
    for case in echo-64 echo-1000; do
        goal "$case: p99 ≤ 3 × p50" "$(value $case ours tail %.1f | sed 's/^0.0$/-/')" '<=' 3
    done
    goal 'bytes of our heap for an idle connection ≤ 300' "$(count connection_bytes)" '<=' 300
    goal 'bytes of memory in use for an idle connection ≤ 1024' "$(value idle ours resident %d)" '<=' 1024
    goal 'bytes of our heap for an idle TCP endpoint ≤ 1024' "$(count endpoint_bytes)" '<=' 1024
    goal 'bytes of our heap for an idle UDP endpoint ≤ 1024' "$(count udp_endpoint_bytes)" '<=' 1024
    goal 'datagrams lost with 1,024 outstanding: 0' "$(value udp-1024 ours lost %d)" '<=' 0
    goal 'ms to RUNNING with 1,000 endpoints ≤ 1000' \
        "$(awk '$1 == "growth" && $3 == "endpoints" && $4 == 1000 { print $7 }' $work/summary)" '<=' 1000
    goal 'connections held for a minute, each answers then: 19000' "$(value held ours connections %d)" '>=' 19000
    least=$(awk -v a="$(value echo-64 ours-list requests %.4f)" -v b="$(value echo-64 ours requests %.4f)" \
        'BEGIN { if (b > 0) printf "%.1f", 100 * (a / b - 1) }')
    goal '% more requests for a message with 100,000 networks denied ≤ 2' "$least" '<=' 2
    least=$(value echo-64 ours-list ratio | awk '{ printf $1 == "-" ? "-" : "%.1f", 100 * ($1 - 1) }')
    goal '% fewer messages a second with 100,000 networks denied ≤ 5' "$least" '<=' 5
    least=$(value plugin ours-plugin ratio | awk '{ printf $1 == "-" ? "-" : "%.1f", 100 * ($1 - 1) }')
    goal '% fewer messages a second of echo in a DLL than of echo built in ≤ 5' "$least" '<=' 5
    goal 'p99 of echo beside a blocking handler that sleeps 100 ms a message ≤ 2 × alone' \
        "$(value beside ours-busy late)" '<=' 2
}

{
    cat <<END
<!-- Written by tests/bench/document.sh: what is changed here is lost with the next run. -->
# Performance

Ours beside what one would use instead: [asio](https://think-async.com), [libuv](https://libuv.org),
[libevent](https://libevent.org) with its IOCP back end (for UDP, which that has not, its ordinary events), and
as the floor a bare loop around one completion port
([bench_floor.c](../tests/bench/peers/bench_floor.c)) that has no limits, deadlines, log or clean end. Ours has all of
them on: limits, access lists, counters, access log. Each echoes; every byte is compared.

\`tests/bench/run.sh\` measures all this anew and writes this page. **These are figures of Wine, not of Windows**: of use
to compare, on one machine, in one run. All programs share one processor, each has one thread, and they take turns
($(awk '$3 == "ratio" { c[$1]++ } END { print length(c) }' $work/summary) kinds of load, $(grep -o '"round":[0-9]*' "$raw" | sort -t : -k 2 -n | tail -n 1 | cut -d : -f 2) alternations; medians). What costs time in Wine are the requests to its server, which can be counted
exactly; on Windows a system call stands in their place. $(date -u +%Y-%m-%d), $(/usr/lib/wine/wine64 --version 2>/dev/null || echo Wine), load average
$(cut -d ' ' -f 1-3 /proc/loadavg) on $(nproc) processors.

## Goals

$(goals)

The last two rows alone: \`tests/bench/run.sh --only plugin,beside\`.

## Requests

For each message, without those of connecting; a stream's for each 64 KB, \`churn\`'s for each connection.

$(table requests %.2f echo-64 echo-1000 pipelined stream udp-64 udp-1024 churn)

![requests](performance/requests.svg)

![requests of a connection](performance/connection.svg)

A short connection costs ours more or less by what came before: how many accepts are outstanding follows the load, and one
whose client has come already costs less. The same run made 17.2 requests a connection after a pause of 12 seconds and
20.9 behind another one. Hence the spread of \`churn\`; and of two processes of ours, alike but for the access list, the one
with 17 requests made 1.16 times as many connections a second as asio, the one with 21 made 0.94 times as many.

## Speed

Messages or connections a second of ours to those of each other one; more than 1: ours is faster. ± is
half the distance between the quartiles.

$(ratios echo-64 echo-1000 pipelined stream udp-64 udp-1024 churn)

![speed](performance/speed.svg)

## Latency

p99 to p50, each message sent when the last one has come back.

$(table tail %.1f echo-64 echo-1000)

![latency](performance/latency.svg)

## Memory

Bytes in use for each idle connection, the C library's and Wine's included. asio and the floor wait with a buffer of
4 KB each.

$(table resident %d idle)

![memory](performance/memory.svg)

## Counted

The same on every machine, but for a timer that may come in between; \`test_counts\` fails when one grows beyond
[limits.def](../tests/bench/limits.def), and \`check_size\` for the program. Instructions, those of our own image alone, are
counted by stepping the release program in Wine ([steps.c](../tests/bench/steps.c)).

| | |
|---|---:|
$(sed -n 's/^ *figure \([a-z_]*\) \([0-9.]*\) ([0-9.]*) \(.*\)/| \3 | \2 |/p' "$counts")

## Growth

$(growth)

Instructions to set a timer, move it once and have it fire, among so many; counted natively by valgrind.

With 10,000 endpoints this machine's descriptors are used up: it starts, but no accept has a socket.

![by connections](performance/growth-connections.svg)

![by endpoints](performance/growth-endpoints.svg)

![by networks](performance/growth-networks.svg)

![by timers](performance/growth-timers.svg)
END
} >$document
echo "$document"
