# SPDX-License-Identifier: MIT
# What tests/run.sh, service/try.sh and .ci/run share: packages, cmocka, the Wine prefix, steps with their times.
# Sourced by bash with `set -euo pipefail`; goes to the top of the tree.
# shellcheck shell=bash disable=SC2034 # the lists of packages are used by who sources this

cd "$(dirname "${BASH_SOURCE[0]}")/.."
mkdir -p build/log
export LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive CLICOLOR=0
export WINEPREFIX=$PWD/build/wine PORTLISTENER_WINE_LINGER=600
export PORTLISTENER_CMOCKA_TARBALL=${PORTLISTENER_CMOCKA_TARBALL:-$PWD/build/deps/cmocka.tar.xz}

# The Debian 12 packages, by what they are for.
packages_build=(cmake ninja-build gcc-mingw-w64-x86-64-posix wine64 ca-certificates)
packages_native=(clang llvm libclang-rt-dev libcmocka-dev)
packages_clang_cross=(clang lld)
packages_bench=(gcc libc6-dev g++-mingw-w64-x86-64-posix libasio-dev gnuplot-nox valgrind xz-utils)
packages_msi=(wixl)
packages_checks=(git clang-format clang-tidy clang-tools cppcheck shellcheck gcovr libwine-dev)

# setup_packages NAME ...: installs what is missing; who is not root is told what to install.
setup_packages() {
    local name try missing=()
    if ! command -v apt-get dpkg-query >/dev/null; then
        echo "This needs Debian 12 (apt-get), or an equivalent of: $*" >&2
        return 1
    fi
    for name in "$@"; do
        dpkg-query -W -f '${db:Status-Status}\n' "$name" 2>/dev/null | grep -qx installed || missing+=("$name")
    done
    if [ ${#missing[@]} = 0 ]; then
        return 0
    fi
    local install=(apt-get install -y --no-install-recommends "${missing[@]}")
    if [ "$(id -u)" != 0 ]; then
        echo "Packages are missing. As root run: apt-get update && ${install[*]}" >&2
        return 1
    fi
    for try in 1 2 3 4 5; do # a mirror may fail for a moment
        if apt-get -q update && "${install[@]}" -o Acquire::Retries=3 -o DPkg::Lock::Timeout=120; then
            return 0
        fi
        echo "try $try of 5 failed"
        sleep $((try < 5 ? 10 : 0))
    done
    echo "Packages could not be installed: ${missing[*]}" >&2
    return 1
}

# setup_cmocka: the release's tarball, for the Windows builds; Debian's source package is the same file as upstream's.
# tests/CMakeLists.txt names the one address and checksum.
setup_cmocka() {
    local tarball=$PORTLISTENER_CMOCKA_TARBALL url sum
    url=$(grep -o 'https://[^ )]*cmocka[^ )]*' tests/CMakeLists.txt)
    sum=$(grep -o 'SHA256=[0-9a-f]*' tests/CMakeLists.txt)
    if setup__has_sum "$tarball" "$sum"; then
        return 0
    fi
    if setup_debian_source cmocka "$tarball" && setup__has_sum "$tarball" "$sum"; then
        return 0
    fi
    echo "not to be had from Debian; from $url"
    mkdir -p "$(dirname "$tarball")"
    echo "file(DOWNLOAD $url \"$tarball\" EXPECTED_HASH $sum TIMEOUT 120)" >build/deps.cmake
    cmake -P build/deps.cmake
}

setup__has_sum() {
    echo "${2#SHA256=}  $1" | sha256sum --check --status 2>/dev/null
}

# setup_debian_source PACKAGE TARBALL: the source as its authors published it, from Debian's source package. With lists
# and a cache of its own: nothing of the machine's apt changes, and root is not needed.
setup_debian_source() {
    local apt=$PWD/build/apt
    local options=(-o Dir::Etc::sourcelist="$apt/sources.list" -o Dir::Etc::sourceparts=/dev/null
        -o Dir::State::lists="$apt/lists" -o Dir::Cache="$apt/cache" -o APT::Sandbox::User=root -o Acquire::Retries=3)
    rm -rf "$apt"
    mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
    if [ -z "$(setup__debian_sources)" ]; then # the machine's lists are empty, as in a container's image
        apt-get -q update || return
    fi
    setup__debian_sources >"$apt/sources.list"
    apt-get "${options[@]}" -q update || return
    (cd "$apt" && apt-get "${options[@]}" -q source --download-only "$1") || return
    mkdir -p "$(dirname "$2")"
    cp "$apt/$1"_*.orig.tar.?z "$2"
}

# The machine's own Debian archive, whatever the form of its apt configuration.
setup__debian_sources() {
    # shellcheck disable=SC2016 # apt's own $(...)
    apt-get indextargets --format 'deb-src $(REPO_URI) $(RELEASE) main' 'Created-By: Packages' 'Label: Debian' | sort -u
}

# setup_wine: makes the prefix build/wine when there is none (some seconds) and holds it. End with setup_stop.
setup_wine() {
    tests/wine-run.sh cmd /c exit
}

# setup_stop: ends every program in the prefix, and with it everything that was started here.
setup_stop() {
    if [ -d "$WINEPREFIX" ] && [ -x /usr/lib/wine/wineserver64 ]; then
        /usr/lib/wine/wineserver64 -k || true # fails when none runs
        /usr/lib/wine/wineserver64 -w
    fi </dev/null >/dev/null 2>&1
}

# setup_trap: whatever ends this script, its running steps and its Wine programs end as well.
setup_trap() {
    trap "trap '' INT TERM HUP; setup__end_step; setup__end_beside; setup_stop" EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    trap 'exit 129' HUP
}

# setup_free_ports COUNT: ports of this machine that nobody has, TCP or UDP, IPv4 or IPv6.
setup_free_ports() {
    local port found=()
    for port in $(shuf -i 20000-29999 -n $((100 * $1))); do
        ! setup__is_free "$port" || found+=("$port")
        if [ ${#found[@]} = "$1" ]; then
            echo "${found[@]}"
            return
        fi
    done
    echo "no $1 free ports between 20000 and 29999" >&2
    return 1
}

setup__is_free() {
    ! cat /proc/net/{tcp,tcp6,udp,udp6} 2>/dev/null | grep -qE "^ *[0-9]+: [0-9A-F]+:$(printf %04X "$1") "
}

step_job=
setup__end_step() {
    if [ -n "$step_job" ]; then
        kill -- "-$step_job" 2>/dev/null || true
        echo '  interrupted'
    fi
}

# beside FUNCTION [ARGUMENT ...]: runs its steps on the last processor, with a Wine prefix of their own, while this script
# goes on. beside_join waits for them, prints their lines and returns their status.
beside_job=
beside() {
    beside__run "$@" </dev/null >build/log/beside.log 2>&1 &
    beside_job=$!
}

# A process of its own.
beside__run() {
    export WINEPREFIX=$PWD/build/wine-beside
    step_job='' beside_job=''
    setup_trap
    taskset -cp "$(taskset -cp $BASHPID | sed 's/.*[^0-9]//')" $BASHPID >/dev/null
    set -e
    "$@"
}

beside_join() {
    local status=0
    wait "$beside_job" || status=$?
    beside_job=
    cat build/log/beside.log
    return $status
}

setup__end_beside() {
    if [ -n "$beside_job" ]; then
        kill "$beside_job" 2>/dev/null || true
        beside_join || true
    fi
}

# step NAME COMMAND [ARGUMENT ...]: runs it with its output in build/log/NAME.log and prints its time, and what it
# printed after "note: "; when it fails, prints the log's end and returns its status. (After `if step` or before `||`,
# bash ignores `set -e` in a COMMAND that is a function.) Such a function sees the variables of its caller: hence the
# names of those here.
step() {
    local step_name=$1 step_log=build/log/${1//[ \/]/-}.log step_status=0 step_start=${EPOCHREALTIME/./} step_tenths
    shift
    printf '== %-34s' "$step_name"
    set -m # a process group of its own, to be ended as a whole
    (
        set -e
        "$@"
    ) </dev/null >"$step_log" 2>&1 &
    step_job=$!
    set +m
    wait "$step_job" || step_status=$?
    step_job=
    step_tenths=$(((${EPOCHREALTIME/./} - step_start) / 100000))
    printf '%5d.%d s' $((step_tenths / 10)) $((step_tenths % 10))
    if [ "$step_status" != 0 ]; then
        printf '  FAILED (%d)\n' "$step_status"
        tail -n 80 "$step_log"
        echo "== $step_name failed; all of its output: $step_log"
    else
        sed -n 's/^note: /  /p' "$step_log" | tr -d '\n'
        echo
    fi
    return "$step_status"
}

setup_configure_and_build() { # PRESET
    cmake --preset "$1"
    cmake --build --preset "$1"
}

# setup_test PRESET [CTEST-ARGUMENT ...]. Wine's programs hand each message from process to process: on one core they
# are twice as fast and far more even. The release programs run on all cores, for what only real parallelism shows.
#
# With GCC's debug programs, Wine's heap fills what is free and marks each block's end (FLG_HEAP_ENABLE_FREE_CHECK,
# _TAIL_CHECK): the check at each test's end sees who wrote there. (Its validation of the whole heap at every call raises
# false alarms, for another thread may be about to free a block; and its dbghelp fails on what clang writes.)
setup_test() {
    local pin=() heap_flags=0
    if [ "$1" = linux-sanitize ]; then
        set -- "$@" -j "$(nproc)"
    else
        setup_stop # the wineserver must be on the same core; and each preset finds a fresh start of Wine
        if [ "$1" != cross-release ]; then
            pin=(taskset -c "$(taskset -cp $BASHPID | sed 's/.*: \([0-9]*\).*/\1/')")
        fi
        if [ "$1" = cross-debug ] || [ "$1" = cross-coverage ]; then
            heap_flags=0x30
        fi
        "${pin[@]}" tests/wine-run.sh reg add 'HKLM\System\CurrentControlSet\Control\Session Manager' \
            /v GlobalFlag /t REG_DWORD /d $heap_flags /f
    fi
    # Once in some hundred runs a Wine program has returned from main and does not end: its test has a second chance.
    "${pin[@]}" ctest --preset "$1" --repeat "${PORTLISTENER_TEST_REPEAT:-after-timeout:2}" "${@:2}"
}

# setup_second_runs PRESET ...: the tests that did not pass at once; the log has the output of both runs.
setup_second_runs() {
    local preset
    for preset in "$@"; do
        sed -n "s/^.* Test *#[0-9]*: \([^ ]*\) \.*\*\*\*\(Failed\|Timeout\|Exception\).*/second run: \1 of $preset (\2)/p" \
            "build/log/$preset-tests.log"
    done
}

# setup_skipped PRESET ...: what their tests could not show on this machine, each reason once.
setup_skipped() {
    local preset
    for preset in "$@"; do
        sed -n 's/^.*SKIP\(PED\)\?\( in part\)\?: \(.*\)/skipped here: \3/p' "build/$preset/Testing/Temporary/LastTest.log"
    done | sort -u
}

# setup_closing_lines PRESET ...: what ctest ended with.
setup_closing_lines() {
    local preset
    for preset in "$@"; do
        sed -n "s/^[0-9]*% tests passed.*/$preset: &/p" "build/log/$preset-tests.log"
    done
}
