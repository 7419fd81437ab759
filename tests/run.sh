#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Builds and runs the tests on Debian 12, a bare one included: the Windows programs in Wine, the platform-independent
# files natively with sanitizers.
set -euo pipefail

usage() {
    cat <<'END'
usage: tests/run.sh [--all] [--full] [--wine10] [--filter REGEX]
  --all           every preset that this machine can run, not only cross-debug and linux-sanitize
  --full          then the long forms: each call that can fail fails in each scenario, faults come and go 10,000
                  times, the engine starts and stops 1,000 times; an hour and more; the report:
                  build/faults/report.txt
  --wine10        only cross-debug, in Wine 10 of Debian 13, which shows what Wine 8 cannot: whose a socket is, resets,
                  keep-alive times, a service that crashes; see tests/wine10.sh
  --filter REGEX  only the tests whose name matches
END
}

all=no
full=no
wine10=no
filter=
while [ $# -gt 0 ]; do
    case $1 in
        --all) all=yes ;;
        --full) full=yes ;;
        --wine10) wine10=yes ;;
        --filter)
            [ $# -ge 2 ] || { usage >&2; exit 2; }
            filter=$2
            shift
            ;;
        --help) usage; exit 0 ;;
        *) usage >&2; exit 2 ;;
    esac
    shift
done

# shellcheck source=tests/setup.sh
. "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
setup_trap

packages=("${packages_build[@]}" "${packages_native[@]}")
[ $all = no ] || packages+=("${packages_clang_cross[@]}")
step packages setup_packages "${packages[@]}"
step cmocka setup_cmocka
step 'Wine prefix' setup_wine

arguments=()
[ -z "$filter" ] || arguments=(-R "$filter" --no-tests=ignore)
if [ $wine10 = yes ]; then
    status=0
    step 'cross-debug build' setup_configure_and_build cross-debug
    step 'Wine 10' tests/wine10.sh true
    step 'cross-debug in Wine 10' tests/wine10.sh ctest --preset cross-debug "${arguments[@]}" || status=$?
    setup_skipped cross-debug
    sed -n 's/^[0-9]*% tests passed.*/cross-debug in Wine 10: &/p' build/log/cross-debug-in-Wine-10.log
    exit $status
fi

presets=(cross-debug linux-sanitize)
[ $all = no ] || mapfile -t presets < <(cmake --list-presets | sed -n 's/^ *"\([^"]*\)".*/\1/p')

for preset in "${presets[@]}"; do
    step "$preset build" setup_configure_and_build "$preset"
done
status=0
beside step 'linux-sanitize tests' setup_test linux-sanitize "${arguments[@]}"
for preset in "${presets[@]}"; do
    [ "$preset" = linux-sanitize ] || step "$preset tests" setup_test "$preset" "${arguments[@]}" || status=$?
done
beside_join || status=$?
printf '== all %35d s\n' $SECONDS
setup_skipped "${presets[@]}"
setup_closing_lines "${presets[@]}" | grep . || {
    echo "no test matches the filter $filter" >&2
    exit 2
}
if [ $full = yes ]; then
    tests/faults.sh build/cross-debug || status=$?
fi
exit $status
