#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs a test with a small disk to fill: tests/small-disk.sh PROGRAM [ARGUMENT ...]. It is named in
# PORTLISTENER_TEST_SMALL_DISK, as Wine sees it. Where none can be mounted (that takes root) the test runs without, and
# skips what needs it. In the machine's own mount namespace: Wine's server opens the files.
set -eu
folder=$(mktemp -d "${TMPDIR:-/tmp}/portlistener-disk-XXXXXX")
# shellcheck disable=SC2317 # the trap reaches it
end() {
    if [ -n "${PORTLISTENER_TEST_SMALL_DISK-}" ]; then
        umount "$folder" || umount -l "$folder"
    fi
    rmdir "$folder"
}
trap end EXIT
trap 'exit 130' INT TERM HUP
if mount -t tmpfs -o size=8m,nosuid,nodev,noexec portlistener-test "$folder" 2>/dev/null; then
    PORTLISTENER_TEST_SMALL_DISK=Z:$(printf %s "$folder" | sed 's|/|\\|g')
    export PORTLISTENER_TEST_SMALL_DISK
fi
status=0
"$@" || status=$?
exit $status
