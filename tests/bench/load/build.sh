#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Builds the load program of the benchmarks natively: tests/bench/load/build.sh [PROGRAM], by default
# build/bench/bench_load; prints its path. (For Windows it is the target bench_load of each preset.)
set -euo pipefail
cd "$(dirname "$0")/../../.."
program=${1:-build/bench/bench_load}
mkdir -p "$(dirname "$program")"
# shellcheck disable=SC2086 # CFLAGS are words
${CC:-cc} -std=c17 -O2 -Wall -Wextra -Werror ${CFLAGS-} -Itests -o "$program" \
    tests/bench/load/{main,load,connections,datagrams,links_epoll,system_posix,histogram,result,settings,tally}.c \
    tests/support/pattern.c
echo "$program"
