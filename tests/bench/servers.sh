# SPDX-License-Identifier: MIT
# The servers that are compared: ours and its peers, in a Wine prefix of their own, all on one processor. Sourced by
# tests/bench/run.sh behind tests/setup.sh.
# shellcheck shell=bash disable=SC2034 # what its user has of it

export WINEPREFIX=$PWD/build/wine-bench PORTLISTENER_WINE_LINGER=3600
bench_folder=$PWD/build/bench
bench_core=$(taskset -cp $BASHPID | sed 's/.*: \([0-9]*\).*/\1/') # the first that this script may use
ours=$PWD/build/cross-release/bin/portlistener.exe
networks=1 long_list=100000 endpoints=1 handler=echo # of ours
nap_port= # of the endpoint whose handler sleeps, in ours-naps
wineserver= # its process, once bench_wine has run

declare -A server_process server_port # by the server's name

windows_path() {
    printf 'Z:%s' "${1//\//\\}"
}

build_peers() {
    local name
    for name in libuv1 libevent; do
        [ -f "build/deps/$name.tar.gz" ] || setup_debian_source $name "build/deps/$name.tar.gz"
        if [ ! -f "build/deps/$name/CMakeLists.txt" ]; then
            mkdir -p "build/deps/$name"
            tar xf "build/deps/$name.tar.gz" -C "build/deps/$name" --strip-components=1
        fi
    done
    mkdir -p build/deps/asio # away from the host's other headers
    cp -ru /usr/include/asio.hpp /usr/include/asio build/deps/asio
    cmake -G Ninja -S tests/bench/peers -B build/bench/peers -DCMAKE_BUILD_TYPE=Release -DCMAKE_SYSTEM_NAME=Windows \
        -DCMAKE_SYSTEM_PROCESSOR=AMD64 -DCMAKE_C_COMPILER=x86_64-w64-mingw32-gcc-posix \
        -DCMAKE_CXX_COMPILER=x86_64-w64-mingw32-g++-posix -DCMAKE_RC_COMPILER=x86_64-w64-mingw32-windres \
        -DPEERS_ASIO="$PWD/build/deps/asio" -DPEERS_LIBUV="$PWD/build/deps/libuv1" \
        -DPEERS_LIBEVENT="$PWD/build/deps/libevent"
    cmake --build build/bench/peers
}

# bench_wine: a fresh wineserver on the one processor.
bench_wine() {
    local environ
    setup_stop
    taskset -c "$bench_core" tests/wine-run.sh cmd /c exit
    wineserver=
    for environ in /proc/[0-9]*/environ; do
        if grep -qzxF "WINEPREFIX=$WINEPREFIX" "$environ" 2>/dev/null &&
            [[ $(tr '\0' ' ' <"${environ%environ}cmdline") == *wineserver64* ]]; then
            wineserver=$(basename "${environ%/environ}")
        fi
    done
    [ -n "$wineserver" ] || {
        echo 'no wineserver found' >&2
        return 1
    }
}

# requests: how many the wineserver has answered since it began. Each answer is one write to a pipe.
requests() {
    sed -n 's/^syscw: //p' "/proc/$wineserver/io"
}

# resident SERVER: bytes of memory in use, the C library's and Wine's included.
resident() {
    echo $(($(sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/${server_process[$1]}/status") * 1024))
}

# connected PORT: TCP connections that the server of this port has.
connected() {
    awk -v port=":$(printf %04X "$1")" '$4 == "01" && substr($2, 9) == port { n++ } END { print n + 0 }' /proc/net/tcp
}

# configuration SERVER PORT: ours, with limits, access lists and access log in use; with so many `networks` denied, so many
# `endpoints`, this `handler`, and with a `nap_port` an endpoint there whose handler blocks.
configuration() {
    cat <<END
[service]
workers = 1
max_connections = 200000
log_file = $(windows_path "$bench_folder")\\$1.log
access_log = $(windows_path "$bench_folder")\\$1-access.log
plugin_dir = $(windows_path "${ours%/*}")\\plugins

[defaults]
handler = $handler
allow = 127.0.0.0/8, 192.168.0.0/16
deny = $(seq "$networks" | awk '{ printf "%s10.%d.%d.%d", (NR > 1 ? ", " : ""), $1 / 32768, $1 / 128 % 256, $1 % 128 * 2 }')
max_connections = 100000
max_connections_per_source = 100000
accept_rate = 1000000

[endpoint echo]
listen = tcp://127.0.0.1:$2, udp://127.0.0.1:$2
END
    [ -z "$nap_port" ] || printf '\n[endpoint naps]\nlisten = tcp://127.0.0.1:%d\nhandler = naps.dll\n' "$nap_port"
    seq 2 "$endpoints" | awk -v port="$2" '{
        printf "\n[endpoint e%d]\nlisten = tcp://127.0.%d.%d:%d\n", $1, 1 + $1 / 250, 1 + $1 % 250, port }'
}

# start SERVER [BUFFER]: ours, ours-list (the same with a long access list), ours-plugin (with echo in a DLL), ours-naps
# (beside a handler that sleeps, on nap_port), or the name of a peer; waits until it
# listens. BUFFER: bytes for each connection, for those that let their user choose.
start() {
    local port try command
    port=$(setup_free_ports 1)
    : >"$bench_folder/$1.out" # now: what is started truncates it too late
    if [[ $1 == ours* ]]; then
        rm -f "$bench_folder/$1"{.log,-access.log}
        [ "$1" != ours-list ] || local networks=$long_list
        [ "$1" != ours-plugin ] || local handler=echo.dll
        configuration "$1" "$port" >"$bench_folder/$1.ini"
        command=("$ours" run --config "$(windows_path "$bench_folder")\\$1.ini")
    else
        command=("$bench_folder/peers/bin/bench_$1.exe" "$port")
        [[ ! $1 =~ ^(floor|asio)$ ]] || command+=("${2:-4096}")
    fi
    taskset -c "$bench_core" tests/wine-run.sh "${command[@]}" </dev/null >"$bench_folder/$1.out" 2>&1 &
    server_process[$1]=$!
    server_port[$1]=$port
    for try in $(seq 300); do
        if grep -qE '^ready|listens udp' "$bench_folder/$1.out"; then
            return 0
        fi
        kill -0 "${server_process[$1]}" 2>/dev/null || break
        sleep 0.1
    done
    echo "$1 does not run after $((try / 10)) s:" >&2
    tail -n 20 "$bench_folder/$1.out" >&2
    return 1
}

# stop SERVER
stop() {
    kill -9 "${server_process[$1]}" 2>/dev/null || true
    wait "${server_process[$1]}" 2>/dev/null || true
    unset "server_process[$1]"
}

stop_all() {
    local name
    for name in "${!server_process[@]}"; do
        stop "$name"
    done
}

# started: milliseconds from the first line of the log of ours to RUNNING.
started() {
    local log=$bench_folder/ours.log first last
    first=$(sed -n 's/ .*PL1001.*//p' "$log")
    last=$(sed -n 's/ .*PL1002.*//p' "$log")
    echo $(($(date -d "$last" +%s%3N) - $(date -d "$first" +%s%3N)))
}
