#!/bin/sh
# SPDX-License-Identifier: MIT
# Builds the load client natively: tests/load/build.sh [PROGRAM], by default build/load/load; prints its path.
set -eu
cd "$(dirname "$0")/../.."
program=${1:-build/load/load}
mkdir -p "$(dirname "$program")"
${CC:-cc} -std=c11 -O2 -Wall -Wextra -Werror -o "$program" tests/load/load.c tests/load/options.c
echo "$program"
