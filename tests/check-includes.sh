#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Checks who includes whom; the walls are described in docs/architecture.md.
set -euo pipefail
cd "$(dirname "$0")/.."
status=0

# includes PATTERN ...: "FILE:LINE <header" or "FILE:LINE "header" of each include in the tracked files.
includes() {
    git grep -nE '^ *# *include *[<"]' -- "$@" | sed -E 's/^([^:]*:[0-9]+):.*include *([<"][^>"]*).*/\1 \2/'
}

# forbid RULE: what stands on standard input breaks it.
forbid() {
    local lines
    lines=$(cat)
    if [ -n "$lines" ]; then
        printf '%s:\n%s\n' "$1" "$lines" >&2
        status=1
    fi
}

standard='<(assert|ctype|errno|float|inttypes|limits|locale|math|signal|stdarg|stdbool|stddef|stdint|stdio|stdlib|string|time|wchar|wctype)\.h$'

forbid 'only src/base/win.h includes other headers than those of the C language' < <(
    includes 'src/*.[ch]' 'include/*.h' 'service/*.[ch]' | grep ' <' | grep -v '^src/base/win\.h:' | grep -vE "$standard"
)
forbid 'tests get the Windows headers from base/win.h (but what is compared with ours, which stands alone)' < <(
    includes 'tests/*.[ch]' ':!tests/bench/peers' | grep -iE ' <(win|ws2|mswsock|mstcpip|iphlpapi|psapi|sddl|aclapi)[a-z0-9]*\.h'
)
forbid 'src/ includes its own and the public headers only' < <(
    includes 'src/*.[ch]' 'include/*.h' | while read -r place header; do
        case $header in
            '"'*) [ -f "src/${header#\"}" ] || [ -f "include/${header#\"}" ] || echo "$place $header" ;;
        esac
    done
)
forbid 'base/ includes base/ and the public headers only' < <(
    includes 'src/base/*.[ch]' | grep ' "' | grep -vE ' "(base|portlistener)/'
)
forbid 'diagnosis/ includes config/, base/ and itself only' < <(
    includes 'src/diagnosis/*.[ch]' | grep ' "' | grep -vE ' "(diagnosis|config|base|portlistener)/'
)
forbid 'a handler includes the public contract, its own header, base/ and http/ only' < <(
    includes 'src/handler/*.[ch]' | grep ' "' | grep -vE ' "(portlistener|handler|base|http)/'
)
forbid 'the program knows the engine, the configuration, the diagnosis, the handlers and plugins, the counters and base/ only' < <(
    includes 'service/*.[ch]' ':!service/conformance' | grep -E ' "[a-z]+/' | grep -vE ' "((portlistener|config|diagnosis|base|stats)/|handler/(handlers|plugin)\.h)'
)

forbid 'the program for authors of handlers knows the engine and the loader of plugins besides' < <(
    includes 'service/conformance/*.[ch]' | grep -E ' "[a-z]+/' |
        grep -vE ' "((portlistener|config|base|stats)/|handler/plugin\.h|io/network\.h)'
)

# The compiler says what a file reaches; two files have a Windows half.
pure=$(sed -n '/^add_library(portlistener_pure/,/)/p' src/CMakeLists.txt | grep -oE '[a-z0-9_/]+\.c' | grep -vxE 'base/(memory|whole_file)\.c')
forbid 'files of portlistener_pure must not reach base/win.h' < <(
    for file in $pure; do
        reached=$(x86_64-w64-mingw32-gcc-posix -MM -Isrc -Iinclude "src/$file" 2>&1) || echo "$reached"
        ! grep -q 'base/win\.h' <<<"$reached" || echo "src/$file"
    done
)
[ -n "$pure" ] || forbid 'src/CMakeLists.txt has no portlistener_pure' <<<'src/CMakeLists.txt'

exit $status
