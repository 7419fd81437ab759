#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Runs a command so that tests/wine-run.sh, and with it ctest, takes Wine 10 of Debian 13 in place of the machine's own:
# tests/wine10.sh COMMAND [ARGUMENT ...]. The first time that Wine is fetched (120 MB) into a root folder of its own,
# build/wine10, or PORTLISTENER_WINE10_ROOT to share one; the machine's own packages stay as they are. Nothing stays
# mounted: it has a mount namespace of its own. What is not to be had here ends with 77 and a reason.
set -euo pipefail
[ $# -ge 1 ] || {
    echo 'usage: tests/wine10.sh COMMAND [ARGUMENT ...]' >&2
    exit 2
}
script=$PWD/${BASH_SOURCE[0]}
[[ ${BASH_SOURCE[0]} != /* ]] || script=${BASH_SOURCE[0]}
# shellcheck source=tests/setup.sh
. "$(dirname "$script")/setup.sh"

root=${PORTLISTENER_WINE10_ROOT:-$PWD/build/wine10}
apt=$PWD/build/apt-wine10
# What runs in it are Windows programs without windows: of the two hundred packages that Debian's Wine depends on, those
# for sound, pictures and screens can be left out. (Without fonts each program complains, or its desktop never starts.)
packages=(wine64 libwine libz-mingw-w64 libc6 libc-bin libgcc-s1 libunwind8 liblzma5 zlib1g
    libfreetype6 libpng16-16t64 libbrotli1 libbz2-1.0 libfontconfig1 libexpat1 fontconfig-config fonts-dejavu-core
    libgnutls30t64 libp11-kit0 libidn2-0 libunistring5 libtasn1-6 libnettle8t64 libhogweed6t64 libgmp10 libffi8)

cannot() {
    echo "Wine 10 cannot be had here: $*" >&2
    exit 77
}

# With lists and a cache of its own, so that apt knows Debian 13 here alone; it checks the archive's signature.
download() {
    local mirror
    local options=(-q -o Dir::Etc::sourcelist="$apt/sources.list" -o Dir::Etc::sourceparts=/dev/null
        -o Dir::State::lists="$apt/lists" -o Dir::State::status="$apt/status" -o Dir::Cache="$apt/cache"
        -o APT::Sandbox::User=root -o APT::Architecture=amd64 -o APT::Architectures=amd64 -o Acquire::Retries=3)
    rm -rf "$apt"
    mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$apt/packages"
    : >"$apt/status"
    mirror=$(setup__debian_sources | awk '{ print $2; exit }')
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${mirror:-http://deb.debian.org/debian} trixie main" \
        >"$apt/sources.list"
    apt-get "${options[@]}" update && (cd "$apt/packages" && apt-get "${options[@]}" download "${packages[@]}")
}

# No script of a package is run. What that of libwine does is done here: zlib1.dll becomes one of Wine's own.
unpack() {
    local package folder
    rm -rf "$root.new"
    mkdir -p "$root.new"/{dev,proc,sys,tmp,usr/bin,usr/lib,usr/lib64,usr/sbin}
    for folder in bin lib lib64 sbin; do
        ln -s "usr/$folder" "$root.new/$folder"
    done
    for package in "$apt/packages"/*.deb; do
        dpkg-deb --fsys-tarfile "$package" | tar -x -C "$root.new" --no-same-owner --exclude='./usr/share/doc' \
            --exclude='./usr/share/locale' --exclude='./usr/share/man' --exclude='*/i386-windows' --exclude='./usr/i686-*'
    done
    {
        head -c 64 "$root.new/usr/x86_64-w64-mingw32/lib/zlib1.dll"
        printf 'Wine builtin DLL\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0'
        tail -c +97 "$root.new/usr/x86_64-w64-mingw32/lib/zlib1.dll"
    } >"$root.new/usr/lib/x86_64-linux-gnu/wine/x86_64-windows/zlib1.dll"
    rm -rf "$root" "$apt"
    mv "$root.new" "$root"
}

# In the namespace: the machine's folders at their places in the root. What tests mount below /tmp is seen in both.
enter() {
    local folder
    for folder in /proc /dev /sys "$PWD"; do
        mkdir -p "$root$folder"
        mount --rbind "$folder" "$root$folder"
    done
    mount --bind /tmp /tmp
    mount --make-shared /tmp
    mount --rbind /tmp "$root/tmp"
}

stop() {
    unshare --root="$root" /usr/lib/wine/wineserver64 -k || true # fails when none runs
    unshare --root="$root" /usr/lib/wine/wineserver64 -w || true
} </dev/null >/dev/null 2>&1

if [ -z "${PORTLISTENER_WINE_ROOT:-}" ]; then # the outer one
    namespace=(unshare --mount --propagation private)
    [ "$(id -u)" = 0 ] || namespace+=(--user --map-root-user)
    "${namespace[@]}" mount --bind / /mnt 2>/dev/null ||
        cannot "this user may not mount, not even in a namespace of its own (root may, but not in every container)"
    if [ ! -e "$root/usr/lib/x86_64-linux-gnu/wine/x86_64-windows/zlib1.dll" ]; then
        command -v apt-get dpkg-deb >/dev/null || cannot "it is taken from Debian's packages, by apt-get and dpkg-deb"
        echo "getting Wine 10 into $root"
        download >build/log/wine10-download.log 2>&1 ||
            cannot "$(grep '^[EW]: ' build/log/wine10-download.log | tail -n 1), see build/log/wine10-download.log"
        unpack
    fi
    PORTLISTENER_WINE_ROOT=$root exec "${namespace[@]}" "$script" "$@"
fi

export WINEPREFIX=$PWD/build/wine-of-wine10 XDG_RUNTIME_DIR=/tmp
enter
trap "trap '' INT TERM HUP; stop" EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP
stop
# On one core, as setup_test does it.
taskset -cp "$(taskset -cp $$ | sed 's/.*: \([0-9]*\).*/\1/')" $$ >/dev/null
status=0
"$@" || status=$?
exit $status
