#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# tests/sites.sh BUILD SITES ...: which calls that can fail the tests have reached, and which not. BUILD is a debug build;
# SITES are what test programs have written (support/sites.h), as PROGRAM.*.sites. Prints one line each:
#
#    reached 17 calls 3 failed  HeapAlloc at memory_alloc, src/base/memory.c:15
#    NEVER REACHED              bind at listener__bind, src/endpoint/listener.c:78
#
# The calls there are come from the disassembly of portlistener.exe. A function is the same there and in a test program,
# for both have it from the same object: so a call is known by its function and its offset in it.
set -euo pipefail
build=$1
shift
product=$build/bin/portlistener.exe
tool=x86_64-w64-mingw32-
cd_tests=$(dirname "$0")

fails() {
    sed -nE 's/^FAILS\(([A-Za-z0-9_]+),.*/\1/p' "$cd_tests/support/codes.def"
}

# PROGRAM: "import function offset address", in hexadecimal, of every call to an import: mov __imp_NAME(%rip),%rax and
# call *%rax, or both in one. The address is the one that the call returns to.
calls() {
    "${tool}objdump" -d --no-show-raw-insn "$1" | awk '
        /^[0-9a-f]+ <.*>:$/ { begin = $1; name = $2; gsub(/[<>:]/, "", name); import = ""; next }
        $1 !~ /^[0-9a-f]+:$/ { next }
        called != "" { print called, name, begin, substr($1, 1, length($1) - 1); called = "" }
        /<__imp_/ && match($0, /<__imp_[A-Za-z0-9_]+>/) { import = substr($0, RSTART + 7, RLENGTH - 8) }
        $2 == "call" && import != "" { called = import; import = "" }'
}

# Adds the offset in place of function and address: "import function+offset address".
with_offsets() {
    while read -r import function begin address; do
        printf '%s %s+%x %x\n' "$import" "$function" $((0x$address - 0x$begin)) $((0x$address))
    done
}

# PROGRAM, "import offset calls failures" on standard input: "import function+offset calls failures". The last symbol
# before an address is the function that it belongs to.
named() {
    {
        "${tool}nm" "$1" | awk '$2 ~ /[tT]/ && $3 !~ /^\./ { print $1, "symbol", $3 }'
        while read -r import offset calls failures; do
            printf '%016x called %s %s %s\n' $((0x140000000 + 0x$offset)) "$import" "$calls" "$failures"
        done
    } | sort | awk '$2 == "symbol" { begin = $1; name = $3; next } { print $3, name, begin, $1, $4, $5 }' |
        while read -r import function begin address calls failures; do
            printf '%s %s+%x %s %s\n' "$import" "$function" $((0x$address - 0x$begin)) "$calls" "$failures"
        done
}

# "import offset calls failures": the same in all of a program's files, added up.
summed() {
    awk '{ calls[$1 " " $2] += $3; failures[$1 " " $2] += $4 }
        END { for (key in calls) print key, calls[key], failures[key] }' "$@"
}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# "import function+offset" and where that is, of the product's own calls that can fail
calls "$product" | with_offsets | sort | join - <(fails | sort) >"$scratch/all"
while read -r _ _ address; do # a return address may be another line's already
    printf '%x\n' $((0x$address - 1))
done <"$scratch/all" | "${tool}addr2line" -e "$product" >"$scratch/lines"
paste -d ' ' "$scratch/all" "$scratch/lines" |
    sed -nE 's/^([^ ]+ [^ ]+) [^ ]+ .*\b((src|service)\/[^ ]+:[0-9]+).*/\1 \2/p' | sort -u >"$scratch/calls"

for program in $(printf '%s\n' "${@##*/}" | sed 's/\..*//' | sort -u); do
    files=()
    for file in "$@"; do
        [[ ${file##*/} != "$program".* ]] || files+=("$file")
    done
    summed "${files[@]}" | named "$build/bin/$program.exe"
done | summed >"$scratch/reached"

awk -v reached="$scratch/reached" '
    BEGIN { while ((getline <reached) > 0) { calls[$1 " " $2] = $3; failures[$1 " " $2] = $4 } }
    { key = $1 " " $2; function_name = $2; sub(/\+.*/, "", function_name)
      how = key in calls ? sprintf("reached %d calls %d failed", calls[key], failures[key]) : "NEVER REACHED"
      printf "%-36s %s at %s, %s\n", how, $1, function_name, $3 }' "$scratch/calls" | sort
