/* SPDX-License-Identifier: MIT
   A report for people: aligned, in lines of at most 100 columns. First how the service stands, then what came and went on
   each endpoint, then its addresses, then what went wrong. */
#include <string.h>

#include "stats/report_out.h"

enum { REPORT_WIDTH = 100, REPORT_NAME = 28 };

/* ---- Words ---- */

static void text__line(struct report_out *out, const char *line)
{
    text_add_string(&out->text, line);
    text_add_string(&out->text, "\n");
    report_out_more(out);
}

/* In lines of REPORT_WIDTH, each of them behind `indent` blanks; a word that is longer has a line of its own. */
static void text__wrap(struct report_out *out, size_t indent, const char *words)
{
    size_t used = 0;
    while (*words != '\0') {
        const size_t length = strcspn(words, " ");
        if (used > 0 && used + 1 + length > REPORT_WIDTH) {
            text__line(out, "");
            used = 0;
        }
        text_add_format(&out->text, "%*s", used == 0 ? (int)indent : 1, "");
        text_add(&out->text, words, length);
        used += (used == 0 ? indent : 1) + length;
        words += length + (words[length] == ' ');
    }
    text__line(out, "");
}

/* A name in a column; one that does not fit is cut, and ends with "~". */
static void text__name(struct text *text, const char *name, size_t width)
{
    const size_t length = strlen(name);
    text_add(text, name, length <= width ? length : width - 1);
    text_add_string(text, length > width ? "~" : "");
    text_add_format(text, "%*s", length < width ? (int)(width - length) : 0, "");
}

/* "1234", "1.2 KB" to "999 TB": three digits that count. */
static void text__bytes(struct text *text, uint64_t bytes)
{
    static const char *const units[] = {"B", "KB", "MB", "GB", "TB", "PB", "EB"};
    size_t unit = 0;
    double value = (double)bytes;
    while (value >= 999.5 && unit + 1 < sizeof units / sizeof units[0]) {
        value /= 1024;
        unit++;
    }
    text_add_format(text, "%.*f %s", unit > 0 && value < 9.95 ? 1 : 0, value, units[unit]);
}

static void text__duration(struct text *text, uint64_t milliseconds)
{
    const unsigned long long seconds = milliseconds / 1000;
    if (seconds >= 86400) {
        text_add_format(text, "%llu d ", seconds / 86400);
    }
    text_add_format(text, "%02llu:%02llu:%02llu", seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
}

/* ---- The service ---- */

static void text__lost(struct report_out *out, const char *log, uint64_t lines)
{
    if (lines > 0) {
        text_add_format(&out->text, "%s: %llu lines are lost\n", log, (unsigned long long)lines);
    }
}

static void text__milliseconds(struct text *text, uint64_t microseconds)
{
    text_add_format(text, "%llu.%02llu ms", (unsigned long long)(microseconds / 1000),
                    (unsigned long long)(microseconds % 1000 / 10));
}

/* Of the worker that is worst off. */
static void text__delay(const struct report *report, struct text *text)
{
    struct queue_delay worst = {0};
    for (uint32_t i = 0; report->delays != NULL && i < report->workers; i++) {
        const struct queue_delay *delay = &report->delays[i];
        worst.latest = delay->latest > worst.latest ? delay->latest : worst.latest;
        worst.longest = delay->longest > worst.longest ? delay->longest : worst.longest;
    }
    if (report->delays != NULL) {
        text_add_string(text, "messages wait ");
        text__milliseconds(text, worst.latest);
        text_add_string(text, " for their worker, at most ");
        text__milliseconds(text, worst.longest);
        text_add_string(text, " in the last minute\n");
    }
}

static void text__service(const struct report *report, struct report_out *out)
{
    struct text *text = &out->text;
    text_add_format(text, "PortListener %s: %s for ", report->version, report_state_name(report->state));
    text__duration(text, report->uptime);
    text_add_format(text, ", %u worker%s, %llu endpoint%s\nconfiguration of ", report->workers,
                    report->workers != 1 ? "s" : "", (unsigned long long)report->endpoint_count,
                    report->endpoint_count != 1 ? "s" : "");
    report_add_time(text, report->loaded);
    text_add_format(text, ", generation %u\n", report->generation);
    text__delay(report, text);
    text__lost(out, "log", report->log_dropped);
    text__lost(out, "access log", report->access_log_dropped);
}

/* ---- What came and went ---- */

static void text__traffic(struct report_out *out, const char *name, const char *protocol, uint64_t active,
                          const uint64_t numbers[2], const uint64_t bytes[2])
{
    struct text *text = &out->text;
    text__name(text, name, REPORT_NAME);
    text_add_format(text, "  %-5s %10llu %14llu %12llu", protocol, (unsigned long long)active,
                    (unsigned long long)numbers[0], (unsigned long long)numbers[1]);
    for (size_t i = 0; i < 2; i++) {
        char room[32];
        struct text amount;
        text_init(&amount, room, sizeof room);
        text__bytes(&amount, bytes[i]);
        text_add_format(text, " %10s", room);
    }
    text__line(out, "");
}

static void text__tcp(struct report_out *out, const char *name, const uint64_t sums[COUNTER_COUNT])
{
    const uint64_t numbers[2] = {sums[COUNTER_ACCEPTED],
                                 report_family_total(sums, FAMILY_CONNECTIONS_REFUSED)};
    const uint64_t bytes[2] = {sums[COUNTER_BYTES_RECEIVED], sums[COUNTER_BYTES_SENT]};
    text__traffic(out, name, "tcp", report_connections(sums), numbers, bytes);
}

/* Of its datagrams, for most have no sessions. */
static void text__udp(struct report_out *out, const char *name, const uint64_t sums[COUNTER_COUNT])
{
    const uint64_t numbers[2] = {sums[COUNTER_DATAGRAMS_RECEIVED],
                                 report_family_total(sums, FAMILY_DATAGRAMS_REFUSED) +
                                     report_family_total(sums, FAMILY_DATAGRAMS_DROPPED) +
                                     report_family_total(sums, FAMILY_SESSIONS_REFUSED)};
    const uint64_t bytes[2] = {sums[COUNTER_DATAGRAM_BYTES_RECEIVED], sums[COUNTER_DATAGRAM_BYTES_SENT]};
    text__traffic(out, name, "udp", report_sessions(sums), numbers, bytes);
}

static void text__outbound(struct report_out *out, const char *name, const uint64_t sums[COUNTER_COUNT])
{
    const uint64_t numbers[2] = {sums[COUNTER_OUTBOUND_OPENED],
                                 report_family_total(sums, FAMILY_OUTBOUND_FAILED)};
    const uint64_t bytes[2] = {sums[COUNTER_OUTBOUND_BYTES_RECEIVED], sums[COUNTER_OUTBOUND_BYTES_SENT]};
    text__traffic(out, name, "out", report_outbound(sums), numbers, bytes);
}

static void text__endpoints(const struct report *report, struct report_out *out)
{
    text_add_format(&out->text, "\n%-*s  %-5s %10s %14s %12s %10s %10s\n", REPORT_NAME, "endpoint", "",
                    "active", "accepted", "refused", "received", "sent");
    for (size_t i = 0; i < report->endpoint_count; i++) {
        const struct report_endpoint *endpoint = &report->endpoints[i];
        if (report_has(endpoint, SCOPE_TCP)) {
            text__tcp(out, endpoint->name, endpoint->sums);
        }
        if (report_has(endpoint, SCOPE_UDP)) {
            text__udp(out, endpoint->name, endpoint->sums);
        }
        if (report_has(endpoint, SCOPE_OUTBOUND)) {
            text__outbound(out, endpoint->name, endpoint->sums);
        }
    }
}

/* ---- Addresses ---- */

static void text__listener(struct report_out *out, const struct report_listener *listener)
{
    if (listener->is_bound) {
        text_add_format(&out->text, "  %s listens\n", listener->address);
    } else {
        text_add_format(&out->text, "  %s is not bound; tried again in %u s\n", listener->address,
                        (listener->retry_in + 999) / 1000);
        if (listener->diagnosis != NULL) {
            text__wrap(out, 4, listener->diagnosis);
        }
    }
    report_out_more(out);
}

static void text__queued(struct report_out *out, uint64_t bytes, const char *line)
{
    if (bytes > 0) {
        text_add_string(&out->text, "  ");
        text__bytes(&out->text, bytes);
        text__line(out, line);
    }
}

static void text__addresses(const struct report *report, struct report_out *out)
{
    for (size_t i = 0; i < report->endpoint_count; i++) {
        const struct report_endpoint *endpoint = &report->endpoints[i];
        text_add_format(&out->text, "\n%s, handler %s%s\n", endpoint->name, endpoint->handler,
                        endpoint->is_paused ? ", paused" : "");
        for (size_t k = 0; k < endpoint->listener_count; k++) {
            text__listener(out, &endpoint->listeners[k]);
        }
        text__queued(out, endpoint->sums[COUNTER_BYTES_QUEUED], " wait for clients to take them");
        text__queued(out, endpoint->sums[COUNTER_OUTBOUND_BYTES_QUEUED],
                     " wait for other hosts to take them");
        for (size_t k = 0; k < endpoint->counter_count; k++) {
            text_add_format(&out->text, "  %s: %llu\n", endpoint->counters[k].name,
                            (unsigned long long)endpoint->counters[k].value);
            report_out_more(out);
        }
    }
}

/* ---- What went wrong ---- */

/* Not what ends in order, nor what came and went. */
static bool text__is_trouble(enum counter counter)
{
    static const bool troubles[FAMILY_COUNT] = {
        [FAMILY_CONNECTIONS_CLOSED] = true,  [FAMILY_CONNECTIONS_REFUSED] = true,
        [FAMILY_DATAGRAMS_TRUNCATED] = true, [FAMILY_DATAGRAMS_REFUSED] = true,
        [FAMILY_DATAGRAMS_DROPPED] = true,   [FAMILY_ANSWERS_DROPPED] = true,
        [FAMILY_SESSIONS_REFUSED] = true,    [FAMILY_SESSIONS_CLOSED] = true,
        [FAMILY_ACCEPT_RATE_PAUSES] = true,  [FAMILY_ACCEPT_FAILURES] = true,
        [FAMILY_RECEIVE_FAILURES] = true,    [FAMILY_STALE_MESSAGES] = true,
        [FAMILY_OUTBOUND_FAILED] = true};
    const bool is_in_order = counter == COUNTER_CLOSED_BY_HANDLER || counter == COUNTER_CLOSED_BY_PEER ||
                             counter == COUNTER_SESSIONS_CLOSED_BY_HANDLER ||
                             counter == COUNTER_SESSIONS_CLOSED_IDLE;
    return troubles[counter_row(counter)->family] && !is_in_order;
}

/* "connections refused: limit" */
static void text__counter(struct text *text, const struct counter_row *row)
{
    const char *metric = family_row(row->family)->metric;
    const size_t length = family_stem(row->family);
    for (size_t i = 0; i < length; i++) {
        text_add(text, metric[i] == '_' ? " " : metric + i, 1);
    }
    if (row->reason != NULL) {
        text_add_format(text, ": %s", row->reason);
    }
}

static void text__trouble(struct report_out *out, const char *name, const uint64_t sums[COUNTER_COUNT],
                          bool *has_head)
{
    for (enum counter i = 0; i < COUNTER_COUNT; i++) {
        if (sums[i] == 0 || !text__is_trouble(i)) {
            continue;
        }
        if (!*has_head) {
            text__line(out, "\nnot in order, since the start");
            *has_head = true;
        }
        text_add_string(&out->text, "  ");
        text__name(&out->text, name, REPORT_NAME - 2);
        text_add_format(&out->text, "  %12llu  ", (unsigned long long)sums[i]);
        text__counter(&out->text, counter_row(i));
        text__line(out, "");
    }
}

void report_text(const struct report *report, struct report_out *out)
{
    bool has_head = false;
    text__service(report, out);
    text__endpoints(report, out);
    text__addresses(report, out);
    for (size_t i = 0; i < report->endpoint_count; i++) {
        text__trouble(out, report->endpoints[i].name, report->endpoints[i].sums, &has_head);
    }
    text__trouble(out, "(no endpoint)", report->nobodys, &has_head);
}
