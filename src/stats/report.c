/* SPDX-License-Identifier: MIT
   What all forms of a report need, see report.h. */
#include "stats/report.h"

#include "base/civil_time.h"
#include "stats/report_out.h"

void report_out_init(struct report_out *out, report_sink sink, void *context)
{
    text_init(&out->text, out->room, sizeof out->room);
    out->sink = sink;
    out->context = context;
}

void report_out_end(struct report_out *out)
{
    if (out->text.length > 0) {
        out->sink(out->context, out->text.at, out->text.length);
        text_clear(&out->text);
    }
}

void report_out_more(struct report_out *out)
{
    if (out->text.length >= REPORT_PIECE) {
        report_out_end(out);
    }
}

void report_write(const struct report *report, enum report_format format, report_sink sink, void *context)
{
    static void (*const forms[])(const struct report *report, struct report_out *out) = {
        [REPORT_TEXT] = report_text, [REPORT_JSON] = report_json, [REPORT_PROMETHEUS] = report_prometheus};
    struct report_out out;
    report_out_init(&out, sink, context);
    forms[format](report, &out);
    report_out_end(&out);
}

/* ---- Numbers ---- */

uint64_t report_family_total(const uint64_t sums[COUNTER_COUNT], enum family family)
{
    uint64_t total = 0;
    for (enum counter i = 0; i < COUNTER_COUNT; i++) {
        total += counter_row(i)->family == family ? sums[i] : 0;
    }
    return total;
}

static uint64_t report__active(uint64_t begun, uint64_t ended)
{
    return begun > ended ? begun - ended : 0; /* read at once they never are less; to be safe */
}

uint64_t report_connections(const uint64_t sums[COUNTER_COUNT])
{
    return report__active(sums[COUNTER_ACCEPTED], report_family_total(sums, FAMILY_CONNECTIONS_CLOSED));
}

uint64_t report_sessions(const uint64_t sums[COUNTER_COUNT])
{
    return report__active(sums[COUNTER_SESSIONS_OPENED], report_family_total(sums, FAMILY_SESSIONS_CLOSED));
}

uint64_t report_outbound(const uint64_t sums[COUNTER_COUNT])
{
    return report__active(sums[COUNTER_OUTBOUND_OPENED], sums[COUNTER_OUTBOUND_CLOSED]);
}

uint64_t report_total(const struct report *report, enum counter counter)
{
    uint64_t total = report->nobodys[counter];
    for (size_t i = 0; i < report->endpoint_count; i++) {
        total += report->endpoints[i].sums[counter];
    }
    return total;
}

/* ---- What there is ---- */

/* What it has counted it has, whatever it listens on now. */
bool report_has(const struct report_endpoint *endpoint, enum family_scope scope)
{
    const bool is_of_listeners = scope == SCOPE_TCP || scope == SCOPE_UDP;
    for (size_t i = 0; is_of_listeners && i < endpoint->listener_count; i++) {
        if (endpoint->listeners[i].is_udp == (scope == SCOPE_UDP)) {
            return true;
        }
    }
    for (enum counter i = 0; i < COUNTER_COUNT; i++) {
        if (family_row(counter_row(i)->family)->scope == scope && endpoint->sums[i] > 0) {
            return true;
        }
    }
    return false;
}

const char *report_state_name(enum report_state state)
{
    static const char *const names[] = {
        [REPORT_RUNNING] = "running", [REPORT_PAUSED] = "paused", [REPORT_STOPPING] = "stopping"};
    return names[state];
}

void report_add_time(struct text *text, int64_t seconds)
{
    const struct tm at = civil_time_utc(seconds);
    text_add_format(text, "%04d-%02d-%02dT%02d:%02d:%02dZ", at.tm_year + 1900, at.tm_mon + 1, at.tm_mday,
                    at.tm_hour, at.tm_min, at.tm_sec);
}

/* A metric's name has no dash. */
void report_counter_name(struct report_counter *counter, const char *handler, const char *name)
{
    struct text text;
    text_copy(counter->handler, sizeof counter->handler, handler);
    text_copy(counter->name, sizeof counter->name, name);
    text_init(&text, counter->metric, sizeof counter->metric);
    text_add_format(&text, "%s_%s_total", handler, name);
    for (char *at = counter->metric; *at != '\0'; at++) {
        *at = (char)(*at == '-' ? '_' : *at);
    }
}
