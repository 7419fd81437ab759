#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Builds the load client natively: tests/load/build.sh [PROGRAM], by default build/load/load; prints its path.
set -euo pipefail
cd "$(dirname "$0")/../.."
program=${1:-build/load/load}
mkdir -p "$(dirname "$program")"
${CC:-cc} -std=c11 -O2 -Wall -Wextra -Werror -Itests -o "$program" \
    tests/load/{load,options,wire,latency,abuse,limit,rate,storm}.c tests/support/pattern.c
echo "$program"
