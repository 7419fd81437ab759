# SPDX-License-Identifier: MIT
# Medians of the raw results of tests/bench/run.sh, a line each: CASE SERVER FIGURE VALUE SPREAD. The figures:
#   requests   of the wineserver for each message, without those of connecting; the spread is that of all runs
#   rate       messages a second
#   ratio      ours to the server's rate, pair by pair; the spread is half of what lies between its quartiles
#   late       the server's p99 to ours, likewise
#   p50, p99   microseconds, and tail: p99 to p50
#   lost       datagrams, or what went wrong, of all runs
#   resident   bytes for each idle connection
#   connections held for a minute, none lost, each of which answered then
# and, of growth: growth SERVER AXIS NUMBER REQUESTS RATE STARTED RESIDENT INSTRUCTIONS, with the milliseconds to RUNNING and
# our instructions for each timer.
# Spreads are in percent.
function figure(name, text) {
    text = $0
    if (!sub(".*\"" name "\":\"?", "", text)) {
        return 0
    }
    sub("[,\"}].*", "", text)
    return text
}

# sorted: the values of list[key, 1..count] in ascending order, in `order`.
function sorted(list, key, count, i, j, value) {
    for (i = 1; i <= count; i++) {
        value = list[key, i]
        for (j = i - 1; j > 0 && order[j] > value; j--) {
            order[j + 1] = order[j]
        }
        order[j + 1] = value
    }
}

function quantile(count, part, at, below) {
    at = 1 + (count - 1) * part
    below = int(at)
    return below >= count ? order[count] : order[below] + (at - below) * (order[below + 1] - order[below])
}

function tell(key, name, list, whole, middle) {
    sorted(list, key, runs[key])
    middle = quantile(runs[key], 0.5)
    printf "%s %s %s %.4f %.1f\n", case_of[key], server_of[key], name, middle, middle == 0 ? 0 : \
        whole ? 100 * (order[runs[key]] - order[1]) / middle : \
        50 * (quantile(runs[key], 0.75) - quantile(runs[key], 0.25)) / middle
}

figure("case") == "growth" {
    growth[++grown] = sprintf("growth %s %s %d %s %d %d %d %d", figure("server"), figure("axis"), figure("number"), \
        figure("requests_each"), figure("messages_per_second"), figure("started_ms"), figure("resident"), figure("instructions_each"))
    next
}
figure("case") == "held" {
    held = figure("connections")
    next
}
{
    key = figure("case") SUBSEP figure("server")
    case_of[key] = figure("case")
    server_of[key] = figure("server")
    if (!(key in runs)) {
        keys[++key_count] = key
        runs[key] = 0
    }
    lost[key] += figure("lost") + figure("errors")
}
figure("case") == "idle" {
    resident[key] = figure("bytes_each")
    next
}
figure("round") == 0 {
    requests_0[key] = figure("requests")
    messages_0[key] = figure("messages")
    next
}
{
    i = ++runs[key]
    requests[key, i] = (figure("requests") - requests_0[key]) / (figure("messages") - messages_0[key])
    rate[key, i] = figure("messages_per_second") + 0
    p50[key, i] = figure("p50_us") + 0
    p99[key, i] = figure("p99_us") + 0
    tail[key, i] = p50[key, i] > 0 ? p99[key, i] / p50[key, i] : 0
}

END {
    for (k = 1; k <= key_count; k++) {
        key = keys[k]
        if (key in resident) {
            printf "idle %s resident %d 0\n", server_of[key], resident[key]
            continue
        }
        ours = case_of[key] SUBSEP "ours"
        for (i = 1; i <= runs[key]; i++) {
            ratio[key, i] = rate[key, i] > 0 ? rate[ours, i] / rate[key, i] : 0
            late[key, i] = p99[ours, i] > 0 ? p99[key, i] / p99[ours, i] : 0
        }
        tell(key, "requests", requests, 1)
        tell(key, "rate", rate, 0)
        tell(key, "ratio", ratio, 0)
        tell(key, "late", late, 0)
        tell(key, "p50", p50, 0)
        tell(key, "p99", p99, 0)
        tell(key, "tail", tail, 0)
        printf "%s %s lost %d 0\n", case_of[key], server_of[key], lost[key]
    }
    if (held > 0) {
        printf "held ours connections %d 0\n", held
    }
    for (i = 1; i <= grown; i++) {
        print growth[i]
    }
}
