# SPDX-License-Identifier: MIT
# Instructions of our own code: for each message, counted in the release program in Wine, and for each timer, by valgrind,
# natively. Counters of the processor would do as well, but virtual machines keep them back. Sourced by tests/bench/run.sh
# behind tests/bench/servers.sh.
# shellcheck shell=bash disable=SC2154 # what its user has of servers.sh

build_counters() {
    ${CC:-cc} -std=c17 -O2 -Wall -Wextra -Werror -o build/bench/steps tests/bench/steps.c
    ${CC:-cc} -std=c17 -O2 -Wall -Wextra -Werror -Isrc -o build/bench/timers tests/bench/timers.c src/io/timer_wheel.c
}

# image PROCESS PROGRAM: where its image begins and ends.
image() {
    local size
    size=$(x86_64-w64-mingw32-objdump -p "$2" | sed -n 's/^SizeOfImage[[:space:]]*//p')
    awk -v program="$2" -v size="$size" '$NF == program { split($1, at, "-"); print at[1], size; exit }' "/proc/$1/maps"
}

# executed NAME ARGUMENT ...: a line as test_counts prints it, of what one more message costs. It differs by some percent:
# a message that comes later finds a worker that has gone to rest.
executed() {
    local name=$1 most what from size count own=0 before=0
    shift
    most=$(sed -n "s/^LIMIT($name, \([0-9]*\),.*/\1/p" tests/bench/limits.def)
    what=$(sed -n "s/^LIMIT($name, .*, \"\(.*\)\")/\1/p" tests/bench/limits.def)
    start ours
    build/bench/bench_load "$@" --messages 500 --port "${server_port[ours]}" >/dev/null # what is done once
    sleep 3 # it takes itself for busy no longer
    read -r from size <<<"$(image "${server_process[ours]}" "$ours")"
    coproc steps { taskset -c "$bench_core" build/bench/steps "${server_process[ours]}" "$from" "$(printf %x $((0x$from + 0x$size)))" 2>&1; }
    read -r <&"${steps[0]}" # ready
    for count in 20 60; do # what comes with the connection is in both
        build/bench/bench_load "$@" --messages $count --patience 60000 --port "${server_port[ours]}" >/dev/null
        sleep 1 # it comes to rest
        echo >&"${steps[1]}"
        before=$own
        read -r own _ <&"${steps[0]}"
    done
    stop ours
    kill "$steps_PID" 2>/dev/null || true
    wait "$steps_PID" || true
    own=$(((own - before - before) / 40))
    echo "figure $name $own ($most) $what"
    [ $own -le "$most" ] || echo "note: $name: $own $what, more than $most: see tests/bench/limits.def" >&2
}

# run_instructions: what docs/performance.md has of messages, on standard output.
run_instructions() {
    executed tcp_instructions echo --clients 1 --size 64
    executed udp_instructions udp --clients 1 --size 64
}

references() { # NUMBER ROUNDS: of the timers
    valgrind --tool=cachegrind --cache-sim=no --cachegrind-out-file=/dev/null build/bench/timers "$@" 2>&1 >/dev/null |
        sed -n 's/.*I *refs: *//p' | tr -d ,
}

# grown_timers: a line of raw results for each number of timers.
grown_timers() {
    local number alone
    alone=$(($(references 0 2) - $(references 0 1)))
    for number in 1 10 100 1000 10000 100000; do
        echo "{\"case\":\"growth\",\"axis\":\"timers\",\"number\":$number,\"server\":\"ours\",\"instructions_each\":$(((\
            $(references $number 2) - $(references $number 1) - alone) / number))}"
    done
}
