#!/bin/sh
# Runs a Windows program in Wine; CMake's cross-compiling emulator, and usable by hand: tests/wine-run.sh PROGRAM [ARGUMENT ...]
#
# One wineserver and its service processes stay for 60 s after the last program, so that a test costs milliseconds.
# Both are started here, without any inherited pipe: started by a test they would keep ctest's stderr open, and ctest
# waits for that pipe to close.
set -eu
wine=${WINE64:-/usr/lib/wine/wine64}
server=${WINESERVER:-/usr/lib/wine/wineserver64}
WINEPREFIX=${WINEPREFIX:-${TMPDIR:-/tmp}/portlistener-wine-$(id -u)}
WINEDEBUG=${WINEDEBUG:--all}
WINEDLLOVERRIDES=${WINEDLLOVERRIDES:-mscoree,mshtml=;winemenubuilder.exe=d;winedbg.exe=d}
LC_ALL=C.UTF-8 # with plain C, Wine cuts arguments and file names to 7 bits
export WINEPREFIX WINEDEBUG WINEDLLOVERRIDES WINESERVER="$server" LC_ALL
unset DISPLAY WAYLAND_DISPLAY
ulimit -Sn "$(ulimit -Hn)" # wineserver takes a descriptor for each socket of all its programs

mkdir -p "$WINEPREFIX"
exec 9>"$WINEPREFIX/.lock"
flock 9
if "$server" -p60 </dev/null >/dev/null 2>&1 9>&-; then # 0: started now; 2: was running
    if [ -f "$WINEPREFIX/.ready" ]; then
        "$wine" cmd /c exit </dev/null >/dev/null 2>&1 9>&- || true # starts services.exe
    else
        "$wine" winecfg -v win10 </dev/null >/dev/null 2>&1 9>&- # makes the prefix; Wine 8 is Windows 7 by default
        : >"$WINEPREFIX/.ready"
    fi
fi
exec 9>&-
exec "$wine" "$@"
