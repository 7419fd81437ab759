#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs a test while a program of Linux, which Wine cannot name, holds a port of 127.0.0.1: tests/held-port.sh PROGRAM
# [ARGUMENT ...]. Its number is in PORTLISTENER_TEST_HELD_PORT. Without Perl the test runs without, and skips what needs
# it.
set -eu
if command -v perl >/dev/null; then
    port=$(mktemp)
    # shellcheck disable=SC2016 # Perl's own
    perl -MSocket -e '
        my ($s, $file);
        socket($s, PF_INET, SOCK_STREAM, 0) or die $!;
        bind($s, pack_sockaddr_in(0, INADDR_LOOPBACK)) or die $!;
        listen($s, 1) or die $!;
        open($file, ">", $ARGV[0]) or die $!;
        my ($number) = unpack_sockaddr_in(getsockname($s));
        print $file $number;
        close($file);
        sleep(600)' "$port" </dev/null >/dev/null 2>&1 &
    holder=$!
    trap 'kill $holder 2>/dev/null || true; rm -f "$port"' EXIT
    trap 'exit 130' INT TERM HUP
    while [ ! -s "$port" ] && kill -0 $holder 2>/dev/null; do
        sleep 0.05
    done
    if [ -s "$port" ]; then
        PORTLISTENER_TEST_HELD_PORT=$(cat "$port")
        export PORTLISTENER_TEST_HELD_PORT
    fi
fi
status=0
"$@" || status=$?
exit $status
