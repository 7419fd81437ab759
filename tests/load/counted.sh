# SPDX-License-Identifier: MIT
# Limits, what the service counts, and what it keeps: steps of tests/load.sh, sourced by it.
# shellcheck shell=bash disable=SC2154 # its variables

access_log=build/try/logs/access.log
rate_seconds=5

# lines ENDPOINT [REASON]: in the access log.
lines() {
    tr -d '\r' <$access_log | grep -cE "endpoint=$1 .* reason=${2-[a-z-]+}\$" || true
}

# await_lines ENDPOINT COUNT: a line is written a moment after its connection has ended.
await_lines() {
    local try
    for try in $(seq 100); do
        if [ "$(lines "$1")" -ge "$2" ]; then
            break
        fi
        sleep 0.1
    done
    equal "lines of $1 after $((try / 10)) s" "$(lines "$1")" "$2"
}

# equal WHAT IS SHALL
equal() {
    if [ "$2" != "$3" ]; then
        echo "$1: $2 instead of $3"
        return 1
    fi
}

# bytes ENDPOINT FIELD: their sum.
bytes() {
    tr -d '\r' <$access_log | awk -v endpoint="endpoint=$1" -v field="$2" '
        $2 == endpoint { for (i = 3; i <= NF; i++) if (split($i, part, "=") == 2 && part[1] == field) sum += part[2] }
        END { printf "%.0f", sum }'
}

# A rate that is wrong stays wrong; a machine that is out of breath does not.
keeps_rate() {
    local try
    for try in 1 2 3; do
        if "$load" rate --port "$port_rated" --clients $((accept_rate * (rate_seconds + 2))) --rate "$accept_rate" \
            --seconds $rate_seconds >"$folder/rated"; then
            return 0
        fi
        echo "try $try of 3:"
        cat "$folder/rated"
    done
    return 1
}

limits() {
    local rounds=200 told
    [ "$form" != full ] || rounds=5000
    "$load" limit --port "$port_limited" --clients "$limit" --excess 20 --rounds $rounds >"$folder/limited" || {
        cat "$folder/limited"
        return 1
    }
    "$load" limit --port "$port_sourced" --clients $((8 * per_source)) --sources 8 --excess 16 --rounds $rounds >"$folder/sourced" || {
        cat "$folder/sourced"
        return 1
    }
    keeps_rate
    told="$limit and $per_source for each source served, all others reset, $rounds times a place free again at once; $(figure counted <"$folder/rated") served in $(figure seconds <"$folder/rated") s at accept_rate $accept_rate, the others later"
    echo "note: $told" | tee "$folder/limits"
}

# end KIND COUNT PORT: connections that end so; their bytes are added to `sent`, which all of them came back.
end() {
    "$load" churn --end "$1" --connections "$2" --clients 500 --size 1000 --messages 3 --depth 3 --port "$3" \
        >"$folder/end.$1" 2>"$folder/end.$1.progress" || {
        cat "$folder/end.$1" "$folder/end.$1.progress"
        return 1
    }
    sent=$((sent + $(figure bytes_sent <"$folder/end.$1")))
}

paused() {
    tests/wine-run.sh "$folder/pause.exe" PortListener on
    end refused "$1" "$port_mixed"
    tests/wine-run.sh "$folder/pause.exe" PortListener off
}

# served FILE, reset FILE: what the client of `limits` counted
conserve_limits() {
    local name file
    for name in limited:limit sourced:per-source; do
        file=$folder/${name%:*}
        await_lines "${name%:*}" "$(figure connects <"$file")"
        equal "refused by ${name#*:}" "$(lines "${name%:*}" "${name#*:}")" "$(figure reset <"$file")"
        equal "served by ${name%:*}" "$(lines "${name%:*}" by-peer)" "$(figure served <"$file")"
        equal "bytes in of ${name%:*}" "$(bytes "${name%:*}" bytes_in)" "$(figure bytes_sent <"$file")"
        equal "bytes out of ${name%:*}" "$(bytes "${name%:*}" bytes_out)" "$(figure bytes_received <"$file")"
    done
}

conserve() {
    local sent=0 many=200 few=50 before_denied deaf all told
    [ "$form" != full ] || many=5000 few=500
    x86_64-w64-mingw32-gcc-posix -std=c11 -O2 -Wall -Wextra -Werror -Isrc -o "$folder/pause.exe" tests/load/pause.c
    before_denied=$(lines denied)
    end fin $many "$port_mixed"
    end rst $many "$port_mixed"
    end half $many "$port_mixed"
    end idle $few "$port_mixed"
    end silent $few "$port_mixed"
    paused $few
    end refused $many "$port_denied"
    "$load" abuse --kind header --clients $few --every 100 --port "$port_brief" --most 60000 >"$folder/headers"
    "$load" abuse --kind deaf --clients $few --port "$port_stuck" --most 60000 >"$folder/deaf"

    await_lines mixed $((3 * many + 3 * few))
    equal 'ended by the peer' $(($(lines mixed by-peer) + $(lines mixed peer-reset))) $((3 * many))
    equal 'ended by idle_timeout' "$(lines mixed idle)" $few
    equal 'ended by first_byte_timeout' "$(lines mixed first-byte-timeout)" $few
    equal 'refused while paused' "$(lines mixed paused)" $few
    equal 'bytes in' "$(bytes mixed bytes_in)" $sent
    equal 'bytes out' "$(bytes mixed bytes_out)" $sent
    await_lines denied $((before_denied + many))
    equal 'refused by deny' $(($(lines denied acl) - before_denied)) $many
    await_lines brief $few
    equal 'ended by lifetime' "$(lines brief lifetime)" $few
    await_lines stuck $few
    equal 'ended by send_timeout' "$(lines stuck send-timeout)" $few
    deaf=$(figure bytes_sent <"$folder/deaf") # some of them in buffers of the system
    [ "$(bytes stuck bytes_out)" -le "$(bytes stuck bytes_in)" ]
    [ "$(bytes stuck bytes_in)" -le "$deaf" ]
    conserve_limits
    row R14 'L accepted, L + 1 refused with its counter, a place free again at once; the rate within 2 %' \
        "$(sed 's/^note: //' "$folder/limits")"
    equal 'lines that are missing' "$(grep -c '^#' $access_log || true)" 0
    all=$(($(lines mixed) + many + few + $(lines stuck) + $(lines limited) + $(lines sourced)))
    told="$all connections, a line for each, bytes equal the clients'; $(lines mixed peer-reset) of $many resets seen as such"
    echo "note: $told"
    row R17 "accepted and refused are counted once each, by reason; bytes equal the clients' totals" "$told"
}

# sample SERVICE WINESERVER: descriptors and threads of the service, descriptors of its wineserver (which has the sockets), memory.
sample() {
    echo "$(entries "/proc/$1/fd") $(entries "/proc/$1/task") $(entries "/proc/$2/fd") $(resident "$1")"
}

entries() {
    local all=("$1"/*)
    echo ${#all[@]}
}

# tenth COUNT NUMBER: of all kinds at once.
tenth() {
    local job jobs=() rest
    rest=$(($1 - 3 * ($1 / 4) - 2 * ($1 / 10)))
    end fin $(($1 / 4)) "$port_churned" &
    jobs+=($!)
    end rst $(($1 / 4)) "$port_churned" &
    jobs+=($!)
    end half $(($1 / 4)) "$port_churned" &
    jobs+=($!)
    end idle $(($1 / 10)) "$port_churned" &
    jobs+=($!)
    end silent $(($1 / 10)) "$port_churned" &
    jobs+=($!)
    end refused $rest "$port_denied" &
    jobs+=($!)
    for job in "${jobs[@]}"; do
        wait "$job"
    done
    await_lines churned $(($2 * ($1 - rest)))
}

# What is lost at each connection grows with every tenth; the most that was ever needed at once grows now and then.
is_flat() {
    local each
    each=$(sort -n "$folder/grown" | sed -n 4p) # of eight, the lower one in the middle
    [ "$each" -le $(($1 * 2 / 5 > 8192 ? $1 * 2 / 5 : 8192)) ] # four bytes a connection; pages come whole
    [ "$2" -le $((2 * 1024 * 1024)) ]
}

growth() {
    local sent=0 count=10000 number second last told service server resident=0
    service=$(process)
    server=$(wine_processes | sed -n 's/ .*wineserver6\?4\? -p.*//p')
    [ "$form" != full ] || count=100000
    rm -f "$folder/grown"
    for number in 1 2 3 4 5 6 7 8 9 10; do
        tenth $((count / 10)) $number
        last=$(sample "$service" "$server")
        echo "after $((number * count / 10)): $last"
        [ $number != 2 ] || second=$last
        [ $number -le 2 ] || echo $((${last##* } - resident)) >>"$folder/grown"
        resident=${last##* }
    done
    equal 'descriptors, threads' "$(cut -d ' ' -f 1-2 <<<"$last")" "$(cut -d ' ' -f 1-2 <<<"$second")"
    [ "$(cut -d ' ' -f 3 <<<"$last")" -le "$(cut -d ' ' -f 3 <<<"$second")" ] # other programs have some of them
    told="$count connections: from the second tenth to the last ${last%% *} descriptors and $(cut -d ' ' -f 2 <<<"$last") threads, no more, no less; $(cut -d ' ' -f 3 <<<"$second"), then $(cut -d ' ' -f 3 <<<"$last") descriptors of wineserver; memory $((${last##* } - ${second##* })) of ${last##* } bytes more, $(sort -n "$folder/grown" | sed -n 4p) in the median tenth"
    echo "note: $told"
    is_flat $count $((${last##* } - ${second##* }))
    row R6 "$count connections (normal, reset, half-closed, timed out, refused): no handle, no thread more, memory flat" "$told"
}

# No more comes back than was sent, of any size, and from a flood.
reflection() {
    local sent received
    "$load" udp --clients 8 --messages 200 --sizes 0,1,512,1472 --port "$port_noisy" >"$folder/datagrams"
    sent=$(($(figure bytes_sent <"$folder/datagrams") + $(figure bytes_sent <"$folder/storm")))
    received=$(($(figure bytes_received <"$folder/datagrams") + $(figure bytes_received <"$folder/storm")))
    echo "note: $sent bytes sent, $received came back, none twice"
    [ $received -le $sent ]
    row R12 'UDP: answered <= sent' "$received of $sent bytes"
}
