# SPDX-License-Identifier: MIT
# The endpoints that tests/load.sh needs beside service/try.sh's. Sourced by it.
# shellcheck shell=bash disable=SC2154 # its variables

# The time limits of the short form and of --full, in milliseconds.
if [ "$form" = full ]; then
    first_byte=3000 send=3000 lifetime=5000
else
    first_byte=1000 send=1000 lifetime=1200
fi
limit=20 # connections
per_source=5
accept_rate=200

# write_endpoints FILE: and their ports into port_NAME. Accepts that wait are sockets, too, and their number follows the
# load: where descriptors are counted, there is one. And what one flood has left in a large receive buffer would be
# answered all through the next. Who never reads would fill megabytes of the system's buffers first, which is a flood.
write_endpoints() {
    local ports
    ports=$(setup_free_ports 12)
    read -r port_guarded port_brief port_noisy port_limited port_sourced port_rated port_denied port_mixed port_stuck \
        port_churned port_good port_control <<<"$ports"
    cat >"$1" <<END
access_log = logs\\access.log
log_rotate_size = 10G

[endpoint guarded]
listen = tcp://127.0.0.1:$port_guarded
handler = echo
first_byte_timeout = ${first_byte}ms
send_timeout = ${send}ms
lifetime = ${lifetime}ms
recv_buffer = 64K
send_buffer = 64K

[endpoint good]
listen = tcp://127.0.0.1:$port_good
handler = echo

[endpoint brief]
listen = tcp://127.0.0.1:$port_brief
handler = echo
lifetime = ${lifetime}ms

[endpoint noisy]
listen = tcp://127.0.0.1:$port_noisy, udp://127.0.0.1:$port_noisy
handler = echo
recv_buffer = 128K

[endpoint limited]
listen = tcp://127.0.0.1:$port_limited
handler = echo
max_connections = $limit

[endpoint sourced]
listen = tcp://127.0.0.1:$port_sourced
handler = echo
max_connections_per_source = $per_source

[endpoint rated]
listen = tcp://127.0.0.1:$port_rated
handler = echo
accept_rate = $accept_rate
backlog = 4000

[endpoint denied]
listen = tcp://127.0.0.1:$port_denied
handler = echo
deny = 127.0.0.0/8
accepts_max = 1

[endpoint mixed]
listen = tcp://127.0.0.1:$port_mixed
handler = echo
first_byte_timeout = 1s
idle_timeout = 1s

[endpoint stuck]
listen = tcp://127.0.0.1:$port_stuck
handler = echo
send_timeout = 1s

[endpoint churned]
listen = tcp://127.0.0.1:$port_churned
handler = echo
first_byte_timeout = 1s
idle_timeout = 1s
accepts_max = 1
END
}

# start_control: a second process of the same program, on the console: what the good client sees of it under the same
# load is what the machine and Wine cost, and not what the service does.
start_control() {
    local folder=build/load/control try
    mkdir -p $folder
    cat >$folder/control.ini <<END
[service]
log_file = control.log

[endpoint control]
listen = tcp://127.0.0.1:$port_control
handler = echo
END
    tests/wine-run.sh build/cross-release/bin/portlistener.exe run \
        --config "Z:${PWD//\//\\}\\build\\load\\control\\control.ini" </dev/null >$folder/output 2>&1 &
    for try in $(seq 100); do
        if grep -q 'listens' $folder/output; then
            return 0
        fi
        sleep 0.1
    done
    echo "the control process does not run after $((try / 10)) s"
    return 1
}
