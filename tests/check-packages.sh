#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The packages, as their users have them, in a private Wine: the same archives each time; installed by the program itself,
# by install.cmd and by the MSI; talked to, upgraded and removed; then registry and folders are what they were before.
# The SDK builds a plugin outside of the tree.
set -euo pipefail
# shellcheck source=tests/setup.sh
. "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
export WINEPREFIX=$PWD/build/wine-packages
service=PortListener
folder=$PWD/build/packages
zip=$folder/a\ folder # where the ZIP is unpacked: a name with a blank
newer=$folder/a\ newer\ folder
sdk=$folder/sdk
windows=$WINEPREFIX/drive_c
programs="$windows/Program Files/PortListener"
data=$windows/ProgramData/$service

wine() {
    tests/wine-run.sh "$@" | tr -d '\r'
}

windows_path() {
    printf 'Z:%s' "${1//\//\\}"
}

fail() {
    echo "$*" >&2
    return 1
}

# pack NAME [CPACK-OPTION ...]: into the folder NAME.
pack() {
    local name=$1
    shift
    cpack --config build/cross-release/CPackConfig.cmake -B "$folder/$name" "$@"
}

build_packages() {
    local file
    [ -f build/cross-release/build.ninja ] || cmake --preset cross-release -DBUILD_TESTING=OFF
    cmake --build build/cross-release --target portlistener portlistener_events portlistener_conformance
    cpack --preset cross-release
    rm -rf "$folder"
    pack first -G ZIP
    sleep 2 # so that no time of day can hide
    pack second -G ZIP
    for file in "$folder"/first/*.zip; do # of one build; that two builds are the same is a step of .ci/run, "reproducible"
        cmp "$file" "$folder/second/${file##*/}"
    done
    pack newer -G External -R 99.0.0
    mkdir -p "$zip" "$newer" "$sdk"
    (cd "$zip" && cmake -E tar xf "$folder"/first/portlistener-[0-9]*-x64.zip)
    (cd "$newer" && cmake -E tar xf "$folder"/first/portlistener-[0-9]*-x64.zip)
    # The same build again, as another version's program: what is appended to an exe does not hinder it.
    printf 99.0.0 >>"$newer/portlistener.exe"
    (cd "$sdk" && cmake -E tar xf "$folder"/first/portlistener-sdk-*.zip)
    for file in portlistener.exe portlistener-events.dll install.cmd uninstall.cmd portlistener.ini README.md LICENSE \
        docs/configuration.md; do
        [ -f "$zip/$file" ] || fail "the ZIP has no $file"
    done
}

build_sdk_plugin() {
    tests/check-plugin-template.sh "$sdk/bin/portlistener-conformance.exe" x86_64-w64-mingw32-gcc-posix '' '' "$sdk" |
        sed 's/^note: /  /'
}

# The shipped configuration, on ports that nobody has.
configure() { # FILE
    sed -e "s/:7007\b/:$echo_port/g" -e "s/:7009\b/:$sink_port/g" "$zip/portlistener.ini.shipped" >"$1"
}

# snapshot FILE: the registry's machine part, and the name of every file. Left out are the service manager's count of the
# services that it has started, and folders for temporary files.
snapshot() {
    local part
    : >"$1"
    for part in SOFTWARE SYSTEM; do
        wine reg export "HKLM\\$part" 'C:\snapshot.reg' /y >/dev/null
        iconv -f UTF-16 -t UTF-8 "$windows/snapshot.reg" | tr -d '\r' | sed '/\\Control\\ServiceCurrent\]$/,/^$/d' >>"$1"
        rm "$windows/snapshot.reg"
    done
    (cd "$windows" && find . -path ./users -prune -o -ipath './windows/temp/*' -prune -o -print | sort) >>"$1"
}

# As before, to the letter.
nothing_left() { # NAME
    snapshot "$folder/$1.after"
    diff "$folder/$1.before" "$folder/$1.after" || fail "$1 leaves something, or takes too much away, see above"
    echo "note: nothing left"
}

state() { # NAME
    local try
    for try in $(seq 600); do
        if wine sc query "$service" >"$folder/query" && grep -qE "STATE *: [0-9] +$1\b" "$folder/query"; then
            return 0
        fi
        sleep 0.1
    done
    cat "$folder/query"
    tail -n 20 "$data/logs/$service.log" || true
    fail "$service is not $1 after $((try / 10)) s"
}

echo_works() {
    exec 5<>"/dev/tcp/127.0.0.1/$echo_port"
    printf 'hello' >&5
    [ "$(timeout 20 head -c 5 <&5)" = hello ] || fail 'no echo'
    exec 5>&-
}

start_and_stop() {
    wine net start "$service"
    state RUNNING
    echo_works
    wine net stop "$service"
    state STOPPED
}

program_of() { # FOLDER, where it was unpacked
    cmp "$programs/portlistener.exe" "$1/portlistener.exe"
    cmp "$programs/portlistener-events.dll" "$1/portlistener-events.dll"
}

installed() {
    program_of "$zip"
    [ -d "$data/logs" ] && [ -d "$data/plugin-cache" ]
}

# While it does not run: Wine does not name who holds a port.
check_is_content() {
    wine "$(windows_path "$programs/portlistener.exe")" check
}

# It ran before, on a configuration with a line more than the one that is shipped.
upgraded() {
    state RUNNING
    echo_works
    program_of "$newer"
    grep -q '; mine' "$data/portlistener.ini"
    [ "$(ls "$programs")" = $'portlistener-events.dll\nportlistener.exe' ] || fail 'the upgrade leaves files'
}

by_program() {
    local program
    program=$(windows_path "$zip/portlistener.exe")
    snapshot "$folder/program.before"
    wine "$program" install --dry-run
    snapshot "$folder/program.after"
    diff "$folder/program.before" "$folder/program.after" # a dry run changes nothing
    wine "$program" install
    installed
    check_is_content
    start_and_stop
    wine net start "$service"
    state RUNNING
    echo '; mine' >>"$data/portlistener.ini"
    wine "$(windows_path "$newer/portlistener.exe")" install
    upgraded
    wine "$program" uninstall
    [ -f "$data/portlistener.ini" ] && [ ! -e "$programs" ]
    wine "$program" uninstall --purge
    nothing_left program
}

by_scripts() {
    # The scripts see by this whether they have the rights. Of a key that is there, Wine's reg sets the default value.
    wine reg add 'HKLM\SYSTEM\CurrentControlSet\Services\EventLog\Application' /f
    snapshot "$folder/scripts.before"
    wine cmd /d /c "$(windows_path "$zip/install.cmd")"
    installed
    check_is_content
    start_and_stop
    wine net start "$service"
    state RUNNING
    echo '; mine' >>"$data/portlistener.ini"
    wine cmd /d /c "$(windows_path "$newer/install.cmd")" --upgrade
    upgraded
    wine cmd /d /c "$(windows_path "$newer/uninstall.cmd")" --purge
    nothing_left scripts
}

# msi CODE ARGUMENT ...: quietly, and it must end with CODE.
msi() {
    local expected=$1 code=0
    shift
    tests/wine-run.sh msiexec "$@" /qn || code=$?
    [ $code = "$expected" ] || fail "msiexec $*: exit code $code, not $expected"
}

by_msi() {
    local file newer key
    file=$(windows_path "$(ls "$PWD"/build/cross-release/packages/*.msi)")
    newer=$(windows_path "$(ls "$folder"/newer/*.msi)")
    # What Wine makes for whoever opens a window for the first time, and the installer's own places, as every Windows has.
    tests/wine-run.sh msiexec /i 'C:\none.msi' /qn || true
    mkdir -p "$windows/windows/Installer"
    for key in Classes\\Installer\\{Features,Products,UpgradeCodes} \
        Microsoft\\Windows\\CurrentVersion\\Installer\\{UpgradeCodes,UserData\\S-1-5-18\\{Components,Products}}; do
        wine reg add "HKLM\\SOFTWARE\\$key" /f
    done
    snapshot "$folder/msi.before"
    mkdir -p "$data"
    configure "$data/portlistener.ini"
    msi 0 /i "$file"
    installed
    state RUNNING # it starts with the machine, and so now
    echo_works
    wine net stop "$service"
    state STOPPED
    check_is_content
    wine net start "$service"
    state RUNNING
    msi 0 /i "$newer"
    state RUNNING
    echo_works
    [ "$(wine reg query 'HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall' /s | grep -c 'DisplayName .* PortListener')" = 1 ] ||
        fail 'the upgrade leaves the old version in the list of programs'
    msi 67 /i "$file" # 1603, of which Linux sees the low byte: no way back to an older version
    state RUNNING
    msi 0 /x "$newer" PURGE=1
    nothing_left msi
}

setup_trap
setup_packages "${packages_build[@]}" "${packages_msi[@]}"
step 'packages, twice the same' build_packages
setup_stop
if [ -e "$programs" ] || [ -e "$data" ]; then # of a run that failed
    rm -rf "$WINEPREFIX"
fi
step 'Wine prefix of the packages' setup_wine
ports=$(setup_free_ports 2)
read -r echo_port sink_port <<<"$ports"
mv "$zip/portlistener.ini" "$zip/portlistener.ini.shipped"
configure "$zip/portlistener.ini"
step 'plugin from the SDK' build_sdk_plugin
step 'portlistener install' by_program
step 'install.cmd' by_scripts
step 'MSI' by_msi
(cd build/cross-release/packages && stat -c 'note:   %n, %s bytes' -- *.zip *.msi)
cat <<'END'
skipped here: Wine enforces no permissions and no accounts, and keeps no service SID, no required privileges and no failure actions: tests/test_command_install.c holds what Windows is asked for
skipped here: Wine's firewall is none; tests/test_command_install.c holds what netsh is asked for
skipped here: Wine does not tell the old version that a newer one replaces it, so that its service goes and comes again; on Windows it should stay
END
