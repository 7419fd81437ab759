# SPDX-License-Identifier: MIT
# Runs a client program against a server that does one thing wrong, and sees what it says. Sourced by
# tests/load/check.sh and tests/bench/load/check.sh, at the top of the tree; `client` is the program, a list of words.
# shellcheck shell=bash disable=SC2154 # `client`

faulty_echo=build/load/faulty_echo
expect_failures=build/load/failures.$$
expect_at_once=16
mkdir -p build/load
${CC:-cc} -std=c11 -O2 -Wall -Wextra -Werror -pthread -o $faulty_echo.$$ tests/load/faulty_echo.c
mv $faulty_echo.$$ $faulty_echo # another check may run it
: >"$expect_failures"
trap 'rm -f "$expect_failures"' EXIT

# check STATUS FAULT MODE [OPTION ...]: leaves in `output` what the client told. It must match `told`, if that is there.
check() {
    local status=0 port
    coproc echo_server { $faulty_echo "$2"; }
    read -r port <&"${echo_server[0]}"
    output=$(timeout 120 "${client[@]}" "$3" --port "$port" "${@:4}" 2>&1) || status=$?
    eval "exec ${echo_server[1]}>&-" # its standard input ends, and so does it
    wait
    if [ "$status" != "$1" ] || [[ ! $output =~ ${told-} ]]; then
        echo "${*:3} against fault $2: exit code $status, expected was $1 and \"${told-}\": $output" >>"$expect_failures"
    fi
}

# expect STATUS FAULT MODE [OPTION ...]: several at a time, for most of them wait
expect() {
    while [ "$(jobs -rp | wc -l)" -ge "$expect_at_once" ]; do
        wait -n || true
    done
    (check "$@") &
}

# tell REGEX FAULT MODE [OPTION ...]: the client fails, and says why.
tell() {
    local told=$1
    expect 1 "${@:2}"
}

# figure NAME: of what the client told last.
figure() {
    sed -n 's/.*"'"$1"'":\([0-9]*\).*/\1/p' <<<"$output"
}

# expect_end: all has been tried; the script's last command.
expect_end() {
    wait
    if [ -s "$expect_failures" ]; then
        cat "$expect_failures"
        return 1
    fi
    echo 'the load client notices what it must'
}
