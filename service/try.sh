#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The main job, end to end, on Debian 12, a bare one included: builds the release program, installs it as a service in
# a private Wine with sc create, net start, talks to it over TCP and UDP, net stop, sc delete.
set -euo pipefail

usage() {
    cat <<'END'
usage: service/try.sh [--keep [FILE] | --stop]
  --keep  leave the service running at the end, to be talked to; FILE has more lines for its
          configuration: keys of [service], then whole sections
  --stop  end what --keep left running
END
}

mode=once
more= # lines for the configuration
case $#:${1-} in
    0:) ;;
    1:--keep) mode=keep ;;
    2:--keep) mode=keep more=$(cat -- "$2") ;;
    1:--stop) mode=stop ;;
    1:--help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
esac

# shellcheck source=tests/setup.sh
. "$(dirname "${BASH_SOURCE[0]}")/../tests/setup.sh"
export WINEPREFIX=$PWD/build/wine-try
service=PortListener
folder=$PWD/build/try
program=$PWD/build/cross-release/bin/portlistener.exe
ini=$folder/portlistener.ini
log=$folder/logs/$service.log
kept=$folder/kept # there while --keep has left the service running

wine() {
    tests/wine-run.sh "$@" | tr -d '\r'
}

windows_path() {
    printf 'Z:%s' "${1//\//\\}"
}

# Without the tests: they need cmocka, and this does not. A folder that is configured already stays as it is.
build() {
    [ -f build/cross-release/build.ninja ] || cmake --preset cross-release -DBUILD_TESTING=OFF
    cmake --build --preset cross-release --target portlistener portlistener_events
    echo "note: $(stat -c %s "$program") bytes"
}

prepare() {
    rm -rf "$folder"
    mkdir -p "$folder"
    cat >"$ini" <<END
[service]
drain_timeout = 5s
$more

[endpoint echo]
listen = tcp://127.0.0.1:$echo_port, udp://127.0.0.1:$echo_port
handler = echo

[endpoint sink]
listen = tcp://127.0.0.1:$sink_port
handler = discard
END
    wine "$(windows_path "$program")" version
    wine "$(windows_path "$program")" check --config "$(windows_path "$ini")"
    echo "note: ports $echo_port and $sink_port"
}

create() {
    wine sc delete "$service" >/dev/null 2>&1 || true # of a run that was cut off
    wine sc create "$service" binPath= "\"$(windows_path "$program")\" service --config \"$(windows_path "$ini")\"" \
        start= demand
}

# state NAME: waits until the service manager says so; net and sc come back before it is so.
state() {
    local try
    for try in $(seq 300); do
        if wine sc query "$service" >"$folder/query" && grep -qE "STATE *: [0-9] +$1\b" "$folder/query"; then
            return 0
        fi
        sleep 0.1
    done
    echo "$service is not $1 after $((try / 10)) s:"
    cat "$folder/query"
    tail_log
    return 1
}

# tail_log: why it does not do what it should.
tail_log() {
    if [ -f "$log" ]; then
        echo "the end of $log:"
        tail -n 20 "$log" | tr -d '\r'
    fi
}

start() {
    wine net start "$service" || {
        tail_log
        return 1
    }
    state RUNNING
}

# Everything that is sent comes back as it was.
echo_tcp() {
    local size
    for size in 1 2 1460 65536 1000000; do
        head -c "$size" /dev/urandom >"$folder/sent"
        exec 5<>"/dev/tcp/127.0.0.1/$echo_port"
        cat "$folder/sent" >&5 &
        timeout 20 head -c "$size" <&5 >"$folder/received" || {
            echo "$size bytes sent, $(stat -c %s "$folder/received") came back within 20 s"
            return 1
        }
        wait $!
        exec 5>&-
        cmp "$folder/sent" "$folder/received"
    done
    echo 'note: 1 to 1000000 bytes, each came back'
}

echo_udp() {
    local size try
    exec 6<>"/dev/udp/127.0.0.1/$echo_port"
    for size in 1 1472 65507; do
        head -c "$size" /dev/urandom >"$folder/sent"
        for try in 1 2 3; do # a datagram may be lost
            dd if="$folder/sent" bs=65507 count=1 status=none >&6
            timeout 5 dd bs=65536 count=1 status=none <&6 >"$folder/received" && break
            echo "try $try: no answer to $size bytes"
        done
        cmp "$folder/sent" "$folder/received"
    done
    exec 6>&-
    echo 'note: 1 to 65507 bytes, each came back'
}

# Takes all and says nothing: only the end comes back.
discard_tcp() {
    exec 5<>"/dev/tcp/127.0.0.1/$sink_port"
    head -c 100000 /dev/zero >&5
    exec 5>&-
    echo 'note: 100000 bytes taken'
}

# What the service says of itself, asked over its control pipe while a client is connected.
ask() {
    exec 5<>"/dev/tcp/127.0.0.1/$echo_port"
    printf hello >&5
    timeout 20 head -c 5 <&5 >/dev/null
    {
        wine "$(windows_path "$program")" status
        echo
        wine "$(windows_path "$program")" connections
    } >"$folder/told"
    exec 5>&-
}

stop() {
    wine net stop "$service"
    state STOPPED
    grep -qE 'WIN32_EXIT_CODE *: 0\b' "$folder/query" || {
        cat "$folder/query"
        tail_log
        return 1
    }
    if (exec 5<>"/dev/tcp/127.0.0.1/$echo_port") 2>/dev/null; then
        echo "port $echo_port still answers"
        return 1
    fi
}

end_kept() {
    wine net stop "$service" || true # it may be gone: the machine was started anew
    state STOPPED
}

delete() {
    wine sc delete "$service"
    ! wine sc query "$service"
}

# The log tells the same story.
check_log() {
    local id
    for id in PL1001 PL1201 PL1002 PL1003 PL1004; do
        grep -q "$id" "$log" || {
            echo "no $id in $log"
            return 1
        }
    done
}

if [ $mode = stop ]; then
    if [ ! -f "$kept" ]; then
        echo 'nothing was kept'
        exit 0
    fi
    setup_trap
    step 'net stop' end_kept
    step 'sc delete' delete
    rm "$kept"
    exit 0
fi

setup_trap
[ $mode = once ] || export PORTLISTENER_WINE_LINGER=31536000 # Wine ends services with the last program otherwise
step packages setup_packages "${packages_build[@]}"
step build build
setup_stop # what an earlier --keep left
ports=$(setup_free_ports 2)
read -r echo_port sink_port <<<"$ports"
step 'Wine prefix' setup_wine
step 'configuration' prepare
step 'sc create' create
step 'net start, RUNNING' start
step 'TCP echo' echo_tcp
step 'TCP discard' discard_tcp
step 'UDP echo' echo_udp
step 'status and connections' ask
tr -d '\r' <"$folder/told" | sed 's/^/   /'
if [ $mode = keep ]; then
    trap - EXIT
    touch "$kept"
    echo "The service runs: echo on TCP and UDP port $echo_port, discard on TCP port $sink_port of 127.0.0.1."
    echo "Configuration: build/try/portlistener.ini, log: build/try/logs/$service.log"
    echo "Ask it:   WINEPREFIX=$WINEPREFIX tests/wine-run.sh build/cross-release/bin/portlistener.exe status"
    echo 'End it with: service/try.sh --stop'
    exit 0
fi
step 'net stop, STOPPED' stop
step 'sc delete' delete
step 'log' check_log
echo "-- build/try/logs/$service.log"
tr -d '\r' <"$log"
printf -- '-- the service was installed, started, used, stopped and deleted%6d s\n' $SECONDS
