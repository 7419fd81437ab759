# SPDX-License-Identifier: MIT
# What a good client notices of bad ones: steps of tests/load.sh, sourced by it.
# shellcheck shell=bash disable=SC2154 # its variables

alternations=5
tick=100       # milliseconds of the service's clock; it looks at it once a turn, and turns are long in Wine
allowed=10 # times the good client's unloaded p99, or another process's meanwhile: more fails the step. The goal is 2, and is
# told; but in Wine each call costs a hundred times its price, and on a busy machine the ratio says more about these.

# How many connections the good client has, one after the other.
client_counts=(1)
[ "$form" != full ] || client_counts=(1 8)

# spare COMMAND ...: with what the others leave of the processors. Bad clients would run on machines of their own: here the
# good one is to wait for the service, not for them.
spare() {
    chrt --idle 0 "$@"
}

# good NAME CLIENTS PORT: the good client for `phase` seconds; its percentile goes to the file NAME.CLIENTS.
good() {
    $load latency --clients "$2" --size 64 --seconds "$phase" --port "$3" >"$folder/last"
    figure p99_us <"$folder/last" >>"$folder/$1.$2"
}

median() {
    sort -n "$folder/$1" | awk '{ at[NR] = $1 } END { print at[int((NR + 1) / 2)] }'
}

# ratio NAME NAME: of medians, with two places.
ratio() {
    awk -v a="$(median "$1")" -v b="$(median "$2")" 'BEGIN { printf "%.2f", a / b }'
}

is_at_most() {
    awk -v a="$1" -v b="$2" 'BEGIN { exit !(a <= b) }'
}

# bad NAME COUNT PORT LEAST KIND [OPTION ...]: abusive clients; all must be closed at last, and none before LEAST
# milliseconds. How late they were is judged by `check_wave`.
bad() {
    spare "$load" abuse --clients "$2" --port "$3" --least "$4" --most 60000 --kind "${@:5}" --deadline 60 \
        >"$folder/$1" 2>"$folder/$1.progress" || {
        cat "$folder/$1" "$folder/$1.progress"
        return 1
    }
}

# wave SCALE: all kinds at once, and they come within half of the good client's phase: it is to be burdened by slow
# clients, not by a flood of connects. (A deaf client cannot know when the last of its bytes made the service's progress:
# it knows only the latest time.)
wave() {
    local job jobs=() few=$((50 * $1)) many=$((100 * $1)) seconds=$((phase / 2))
    bad silent $few "$port_guarded" $((first_byte - tick)) silent --rate $((few / seconds)) &
    jobs+=($!)
    bad slow $many "$port_guarded" $((lifetime - tick)) slow --every $((lifetime / 4)) --rate $((many / seconds)) &
    jobs+=($!)
    bad header $many "$port_guarded" $((lifetime - tick)) header --every $((lifetime / 12)) --rate $((many / seconds)) &
    jobs+=($!)
    bad deaf $few "$port_guarded" 0 deaf --rate $((few / seconds)) &
    jobs+=($!)
    for job in "${jobs[@]}"; do
        wait "$job"
    done
}

# under NAME CLIENTS PORT LOAD [ARGUMENT ...]: the good client's phase while that load is there. Another one talks to the control
# process: its worst time tells how long the machine has held up a process that had nothing to do with it.
under() {
    local loaded watched
    "${@:4}" &
    loaded=$!
    $load latency --clients 1 --size 1 --seconds "$phase" --port "$port_control" >"$folder/watched" &
    watched=$!
    good "$1" "$2" "$3"
    wait $watched
    wait $loaded
}

# check_wave: each was closed within its deadline and a second, and what this client and the machine were held up. The
# deadline runs from the accept: the first echo of slow ones shows how long new clients waited for that, which silent
# ones cannot see.
check_wave() {
    local kind due late held machine waited
    machine=$(($(figure max_us <"$folder/watched") / 1000))
    waited=$(figure waited_ms <"$folder/slow")
    for kind in silent slow header deaf; do
        case $kind in
            silent) due=$((first_byte + waited)) ;;
            deaf) due=$send ;;
            *) due=$lifetime ;;
        esac
        late=$(($(figure last_ms <"$folder/$kind") - due))
        held=$(figure held_up_ms <"$folder/$kind")
        echo "$late $held $machine $waited $kind" >>"$folder/lates"
        cat "$folder/$kind"
        [ $late -le $((1000 + held + machine)) ]
    done
}

# ratios LOADED UNLOADED: as words, with what they mean for the goal.
ratios() {
    local clients words=() is_reached=yes
    for clients in "${client_counts[@]}"; do
        words+=("$(ratio "$1.$clients" "$2.$clients")")
        is_at_most "${words[-1]}" 2 || is_reached=no
    done
    [ $is_reached = yes ] || words+=('(NOT reached)')
    echo "${words[*]}"
}

# medians NAME: in microseconds.
medians() {
    local clients words=()
    for clients in "${client_counts[@]}"; do
        words+=("$(median "$1.$clients")")
    done
    echo "${words[*]}"
}

# is_served NAME REFERENCE ...
is_served() {
    local clients reference least
    for clients in "${client_counts[@]}"; do
        least=0
        for reference in "${@:2}"; do
            least=$(printf '%s\n' "$least" "$(median "$reference.$clients")" | sort -n | tail -n 1)
        done
        if ! is_at_most "$(median "$1.$clients")" $((allowed * least)); then
            echo "$(median "$1.$clients") us, more than $allowed times $least us"
            return 1
        fi
    done
}

abusive() {
    local round scale=1 clients
    phase=2
    if [ "$form" = full ]; then
        scale=10 phase=10
    fi
    rm -f "$folder"/{quiet,abused,elsewhere}.[18] "$folder/lates"
    for ((round = 1; round <= alternations; round++)); do
        for clients in "${client_counts[@]}"; do
            good quiet "$clients" "$port_good"
            under abused "$clients" "$port_good" wave $scale
            check_wave
            if [ "$form" = full ]; then
                under elsewhere "$clients" "$port_control" wave $scale
                check_wave
            fi
        done
    done
    local waves late held machine waited kind told
    waves=$(($(wc -l <"$folder/lates") / 4))
    read -r late held machine waited kind < <(sort -rn "$folder/lates")
    told="p99 $(medians quiet), then $(medians abused) us: ratio $(ratios abused quiet)"
    [ "$form" != full ] || told+="; of another process meanwhile $(ratios elsewhere quiet)"
    echo "note: $waves waves of $((300 * scale)), each closed, at most $late ms after its deadline ($kind; the client was held up $held ms, another process $machine ms, new clients waited $waited ms); $told"
    is_served abused quiet
    row R13 "$((200 * scale)) slow, $((50 * scale)) silent, $((50 * scale)) never reading: closed within deadline + 1 s; p99 of a good client (${client_counts[*]} connections) <= 2 x unloaded" "$waves waves, the last closed $late ms after its deadline; $told"
}

# 64 clients as fast as it goes, and 20,000 datagrams a second, a few times of what is answered.
flood() {
    spare "$load" storm --clients 16 --size 512 --rate 20000 --seconds $((phase + 1)) --port "$port_noisy" >"$folder/storm" 2>"$folder/storm.progress" &
    spare "$load" flood --clients 64 --depth 8 --size 1460 --seconds $((phase + 1)) --port "$port_noisy" >"$folder/flood" 2>"$folder/flood.progress" || {
        cat "$folder/flood" "$folder/flood.progress"
        return 1
    }
    wait $! || {
        cat "$folder/storm" "$folder/storm.progress"
        return 1
    }
}

# The good client's port is another endpoint's, of the same process; then the same with the control process.
noisy() {
    local round clients told
    phase=1
    [ "$form" != full ] || phase=3
    rm -f "$folder"/{calm,flooded,apart}.[18]
    for ((round = 1; round <= alternations; round++)); do
        for clients in "${client_counts[@]}"; do
            good calm "$clients" "$port_good"
            under flooded "$clients" "$port_good" flood
            under apart "$clients" "$port_control" flood
        done
    done
    cat "$folder/flood" "$folder/storm"
    told="p99 $(medians calm), then $(medians flooded) us: ratio $(ratios flooded calm); of another process meanwhile $(ratios apart calm)"
    echo "note: $told"
    is_served flooded calm apart
    row R19 "an endpoint flooded over TCP and UDP: p99 of a good client (${client_counts[*]} connections) of another <= 2 x unloaded" "$told"
}
