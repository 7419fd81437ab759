#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Prints the results of tests/bench/run.sh as tables: tests/bench/report.sh RAW
set -euo pipefail
if [ $# != 1 ]; then
    echo 'usage: tests/bench/report.sh RAW' >&2
    exit 2
fi
export LC_ALL=C.UTF-8
awk -f "$(dirname "$0")/summary.awk" "$1" | awk '
    function heading(text) {
        printf "\n%-14s", text
        for (s = 1; s <= servers; s++) {
            printf " %15s", server[s]
        }
        print ""
    }
    function table(text, name, format, spread,    c, s, cell) {
        heading(text)
        for (c = 1; c <= cases; c++) {
            if (!((which[c], name) in has)) {
                continue
            }
            printf "%-14s", which[c]
            for (s = 1; s <= servers; s++) {
                cell = ""
                if ((which[c], server[s], name) in value) {
                    cell = sprintf(format, value[which[c], server[s], name])
                    if (spread) {
                        cell = cell sprintf(" ±%4.1f%%", around[which[c], server[s], name])
                    }
                }
                printf " %15s", cell
            }
            print ""
        }
    }
    $1 == "growth" {
        growth[++grown] = sprintf("%-12s %-6s %7d %10.2f %10d %8d %10d %8d", $3, $2, $4, $5, $6, $7, $8, $9)
        next
    }
    {
        if (!($1 in seen)) { seen[$1]; which[++cases] = $1 }
        if (!($2 in known)) { known[$2]; server[++servers] = $2 }
        has[$1, $3]
        value[$1, $2, $3] = $4
        around[$1, $2, $3] = $5
    }
    END {
        table("requests each", "requests", "%.2f", 1)
        table("ours ÷ its rate", "ratio", "%.2f", 1)
        table("p99 ÷ ours", "late", "%.2f", 1)
        table("rate", "rate", "%.0f", 1)
        table("p50 us", "p50", "%.0f", 0)
        table("p99 us", "p99", "%.0f", 0)
        table("p99 ÷ p50", "tail", "%.1f", 0)
        table("resident bytes", "resident", "%d", 0)
        table("lost", "lost", "%d", 0)
        if (grown > 0) {
            printf "\n%-12s %-6s %7s %10s %10s %8s %10s %8s\n", "growth by", "", "", "requests", "rate", "start ms", "resident", "instr."
        }
        for (g = 1; g <= grown; g++) {
            print growth[g]
        }
    }'
