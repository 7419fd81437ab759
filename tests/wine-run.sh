#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs a Windows program in Wine: tests/wine-run.sh PROGRAM [ARGUMENT ...]. CMake's cross-compiling emulator.
#
# One wineserver and its service processes stay for PORTLISTENER_WINE_LINGER seconds (60) after the last program, so
# that a test costs milliseconds. Both are started here, without any inherited pipe: started by a test they would keep
# ctest's stderr open, and ctest waits for that pipe to close.
#
# PORTLISTENER_WINE_ROOT is the root folder of another Wine with its libraries, where tests/wine10.sh has one.
set -eu
wine=${WINE64:-/usr/lib/wine/wine64}
server=${WINESERVER:-/usr/lib/wine/wineserver64}
WINEPREFIX=${WINEPREFIX:-${TMPDIR:-/tmp}/portlistener-wine-$(id -u)}
WINEDEBUG=${WINEDEBUG:--all}
WINEDLLOVERRIDES=${WINEDLLOVERRIDES:-mscoree,mshtml=;winemenubuilder.exe=d;winedbg.exe=d}
LC_ALL=C.UTF-8 # with plain C, Wine cuts arguments and file names to 7 bits
export WINEPREFIX WINEDEBUG WINEDLLOVERRIDES WINESERVER="$server" LC_ALL
unset DISPLAY WAYLAND_DISPLAY
# shellcheck disable=SC3045 # dash and bash have -S and -H
ulimit -Sn "$(ulimit -Hn)" # wineserver takes a descriptor for each socket of all its programs

# Linux puts wine64's heap at a random place in the gigabyte behind it. At one start in 8000 that is 0x7ffe0000, where
# Windows programs have the page that they share with the system: the start fails, with error 1359. Hence no random
# places, but where a container forbids that.
fixed=
setarch -R true 2>/dev/null && fixed=yes

# in_wine PROGRAM [ARGUMENT ...]: one of Wine's own programs, in its root.
in_wine() {
    if [ -n "${PORTLISTENER_WINE_ROOT:-}" ]; then
        set -- unshare --root="$PORTLISTENER_WINE_ROOT" --wd="$PWD" "$@"
    fi
    ${fixed:+setarch -R} "$@"
}

# A program that nobody waits for and that may live on: no pipe of ours, no lock of ours.
quietly() {
    in_wine "$@" </dev/null >/dev/null 2>&1 9>&-
}

mkdir -p "$WINEPREFIX"
exec 9>"$WINEPREFIX/.lock"
flock 9
started=no
quietly "$server" "-p${PORTLISTENER_WINE_LINGER:-60}" && started=yes # 0: started now; 2: was running
if [ ! -f "$WINEPREFIX/.ready" ]; then
    if ! quietly "$wine" winecfg -v win10; then # makes the prefix; Wine 8 is Windows 7 by default
        echo "wine-run.sh: Wine could not make its prefix $WINEPREFIX; for the reason run: WINEPREFIX=$WINEPREFIX WINEDEBUG= $wine winecfg -v win10" >&2
        exit 125
    fi
    : >"$WINEPREFIX/.ready"
elif [ $started = yes ]; then
    quietly "$wine" cmd /c exit || true # starts services.exe
fi
exec 9>&-

# A program that opens a console makes Wine start its desktop, which lives on as long as any other program, with a pipe of
# ours: so it gets none, and what it writes comes when it has ended.
if [ -n "${PORTLISTENER_WINE_APART:-}" ]; then
    output=$(mktemp)
    trap 'rm -f "$output"' EXIT
    code=0
    in_wine "$wine" "$@" </dev/null >"$output" 2>&1 || code=$?
    cat "$output"
    exit $code
fi
set -- "$wine" "$@"
if [ -n "${PORTLISTENER_WINE_ROOT:-}" ]; then
    set -- unshare --root="$PORTLISTENER_WINE_ROOT" --wd="$PWD" "$@"
fi
exec ${fixed:+setarch -R} "$@"
