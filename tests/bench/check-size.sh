#!/bin/sh
# SPDX-License-Identifier: MIT
# The program is no larger than limits.def says: tests/bench/check-size.sh PORTLISTENER.EXE
set -eu
most=$(sed -n 's/^LIMIT(exe_bytes, \([0-9]*\),.*/\1/p' "$(dirname "$0")/limits.def")
size=$(stat -c %s "$1")
echo "figure exe_bytes $size ($most) bytes of portlistener.exe"
[ "$size" -le "$most" ]
