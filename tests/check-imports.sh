#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# tests/check-imports.sh NM LIBRARY ...: every function that the product's libraries import can be made to fail by the
# tests, or tests/support/codes.def says why it never fails. Imports are called __imp_NAME; a few Windows functions that
# the system's headers do not declare as imports begin with a capital letter, as nothing of ours or of C's does.
set -euo pipefail
cd "$(dirname "$0")"
nm=$1
shift

known() {
    grep -oE '^(FAILS|NEVER)\([A-Za-z0-9_]+' support/codes.def | sed 's/.*(//' | sort
}

imported() {
    "$nm" -u "$@" | sed -nE 's/^ *U (__imp_([A-Za-z0-9_]+)|([A-Z][A-Za-z0-9]+))$/\2\3/p' | sort -u
}

status=0
ls -d -- "$@" >/dev/null || status=1
if [ "$(imported "$@" | wc -l)" -lt 50 ]; then
    echo "too few imports: are these the product's libraries? $*" >&2
    status=1
fi
unknown=$(comm -13 <(known) <(imported "$@"))
if [ -n "$unknown" ]; then
    printf 'imported, but neither FAILS nor NEVER in tests/support/codes.def:\n%s\n' "$unknown" >&2
    status=1
fi
twice=$(known | uniq -d)
if [ -n "$twice" ]; then
    printf 'twice in tests/support/codes.def:\n%s\n' "$twice" >&2
    status=1
fi
exit $status
