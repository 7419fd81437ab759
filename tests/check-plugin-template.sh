#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# tests/check-plugin-template.sh CONFORMANCE COMPILER TARGET LINKER-FLAGS [SDK]: what docs/plugin has for authors of handlers
# builds in an empty folder outside the tree, from a copy and the one header, and passes portlistener-conformance. SDK: the
# folder that has docs/plugin and include, instead of this tree.
set -euo pipefail
conformance=$1 compiler=$2 target=$3 linker=$4
tree=$(cd "$(dirname "$0")/.." && pwd)
sdk=${5:-$tree}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

if ! command -v cmake "$compiler" >/dev/null; then
    echo "SKIPPED: no cmake or no $compiler to build docs/plugin/template with"
    exit 77
fi

cp -r "$sdk/docs/plugin/template" "$folder/shout"
mkdir -p "$folder/shout/include"
cp -r "$sdk/include/portlistener" "$folder/shout/include/"
cd "$folder/shout"
cmake -S . -B build -DCMAKE_BUILD_TYPE=Release -DCMAKE_SYSTEM_NAME=Windows "-DCMAKE_C_COMPILER=$compiler" \
    "-DCMAKE_C_COMPILER_TARGET=$target" "-DCMAKE_EXE_LINKER_FLAGS=$linker" "-DCMAKE_MODULE_LINKER_FLAGS=$linker" \
    -DCMAKE_COMPILE_WARNING_AS_ERROR=ON \
    "-DCMAKE_CROSSCOMPILING_EMULATOR=$tree/tests/wine-run.sh" "-DPORTLISTENER_CONFORMANCE=$conformance"
cmake --build build
ctest --test-dir build --output-on-failure --no-tests=error --verbose

pass() { # PLUGIN
    local check
    for check in 'half-close' 'huge input' 'many at once'; do
        "$tree/tests/wine-run.sh" "$conformance" "$1" --check "$check"
    done
}

# In C++, with the compiler that Debian has for it.
cd "$folder"
if command -v x86_64-w64-mingw32-g++-posix >/dev/null; then
    x86_64-w64-mingw32-g++-posix -std=c++11 -O2 -Wall -Wextra -Wpedantic -Wconversion -Werror -shared -static \
        -I"$sdk/include" "$sdk/docs/plugin/example.cpp" -o store.dll
    pass store.dll
else
    echo 'SKIPPED in part: no x86_64-w64-mingw32-g++-posix to build docs/plugin/example.cpp with'
fi

# In Rust, where Debian's libstd-rust-dev-windows is.
if command -v rustc >/dev/null && [ -d "$(rustc --print sysroot)/lib/rustlib/x86_64-pc-windows-gnu" ]; then
    rustc --target x86_64-pc-windows-gnu -O -C panic=abort -C strip=symbols -D warnings "$sdk/docs/plugin/example.rs" -o tally.dll
    pass tally.dll
else
    echo 'SKIPPED in part: no rustc with libstd-rust-dev-windows to build docs/plugin/example.rs with'
fi
