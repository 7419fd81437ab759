/* SPDX-License-Identifier: MIT
   A report as JSON (RFC 8259): one object; its members are in docs/status.md. Members may be added, none is taken away or
   given another meaning. */
#include "base/json.h"
#include "stats/report_out.h"

/* `before` is what stands before the name: a comma, or the brace of the object. */
static void json__name(struct report_out *out, const char *before, const char *name)
{
    struct json member = json_begin(&out->text, JSON_DENSE, before);
    json_name(&member, name);
}

static void json__number(struct report_out *out, const char *before, const char *name, uint64_t value)
{
    struct json member = json_begin(&out->text, JSON_DENSE, before);
    json_number(&member, name, value);
    report_out_more(out);
}

static void json__text(struct report_out *out, const char *before, const char *name, const char *value)
{
    struct json member = json_begin(&out->text, JSON_DENSE, before);
    json_string(&member, name, value);
    report_out_more(out);
}

static void json__time(struct report_out *out, const char *before, const char *name, int64_t seconds)
{
    json__name(out, before, name);
    text_add_string(&out->text, "\"");
    report_add_time(&out->text, seconds);
    text_add_string(&out->text, "\"");
}

/* ---- Counters ---- */

/* A number, or, of a family with reasons, an object with one for each. */
static void json__family(struct report_out *out, enum family family, const uint64_t sums[COUNTER_COUNT])
{
    char room[64];
    struct text name;
    text_init(&name, room, sizeof room);
    text_add(&name, family_row(family)->metric, family_stem(family));
    const char *before = "{";
    for (enum counter i = 0; i < COUNTER_COUNT; i++) {
        if (counter_row(i)->family != family) {
            continue;
        }
        if (counter_row(i)->reason == NULL) {
            json__number(out, ",", room, sums[i]);
            return;
        }
        if (*before == '{') {
            json__name(out, ",", room);
        }
        json__number(out, before, counter_row(i)->reason, sums[i]);
        before = ",";
    }
    text_add_string(&out->text, "}");
}

static void json__scope(struct report_out *out, enum family_scope scope, const uint64_t sums[COUNTER_COUNT])
{
    for (enum family i = 0; i < FAMILY_COUNT; i++) {
        if (family_row(i)->scope == scope) {
            json__family(out, i, sums);
        }
    }
}

static void json__tcp(struct report_out *out, const char *before, const uint64_t sums[COUNTER_COUNT])
{
    json__number(out, before, "connections_active", report_connections(sums));
    json__scope(out, SCOPE_TCP, sums);
}

static void json__udp(struct report_out *out, const char *before, const uint64_t sums[COUNTER_COUNT])
{
    json__number(out, before, "sessions_active", report_sessions(sums));
    json__scope(out, SCOPE_UDP, sums);
}

static void json__outbound(struct report_out *out, const char *before, const uint64_t sums[COUNTER_COUNT])
{
    json__number(out, before, "outbound_active", report_outbound(sums));
    json__scope(out, SCOPE_OUTBOUND, sums);
}

static void json__all(struct report_out *out, const uint64_t sums[COUNTER_COUNT])
{
    json__tcp(out, "{", sums);
    json__udp(out, ",", sums);
    json__outbound(out, ",", sums);
    json__scope(out, SCOPE_NOBODY, sums);
    text_add_string(&out->text, "}");
}

/* ---- Endpoints ---- */

static void json__listener(struct report_out *out, const struct report_listener *listener)
{
    json__text(out, "{", "address", listener->address);
    json__text(out, ",", "state", listener->is_bound ? "listening" : "waiting");
    json__number(out, ",", "armed", listener->armed);
    if (!listener->is_bound) {
        json__number(out, ",", "error", listener->win32_error);
        json__text(out, ",", "diagnosis", listener->diagnosis != NULL ? listener->diagnosis : "");
        json__number(out, ",", "retry_in_ms", listener->retry_in);
    }
    text_add_string(&out->text, "}");
}

static void json__listeners(struct report_out *out, const struct report_endpoint *endpoint)
{
    json__name(out, ",", "listeners");
    text_add_string(&out->text, "[");
    for (size_t i = 0; i < endpoint->listener_count; i++) {
        text_add_string(&out->text, i > 0 ? "," : "");
        json__listener(out, &endpoint->listeners[i]);
    }
    text_add_string(&out->text, "]");
}

static void json__handler_counters(struct report_out *out, const struct report_endpoint *endpoint)
{
    json__name(out, ",", "handler_counters");
    text_add_string(&out->text, "[");
    for (size_t i = 0; i < endpoint->counter_count; i++) {
        text_add_string(&out->text, i > 0 ? "," : "");
        json__text(out, "{", "handler", endpoint->counters[i].handler);
        json__text(out, ",", "name", endpoint->counters[i].name);
        json__number(out, ",", "value", endpoint->counters[i].value);
        text_add_string(&out->text, "}");
    }
    text_add_string(&out->text, "]");
}

static void json__endpoint(struct report_out *out, const struct report_endpoint *endpoint)
{
    json__text(out, "{", "name", endpoint->name);
    json__text(out, ",", "handler", endpoint->handler);
    struct json member = json_begin(&out->text, JSON_DENSE, ",");
    json_bool(&member, "paused", endpoint->is_paused);
    json__listeners(out, endpoint);
    if (report_has(endpoint, SCOPE_TCP)) {
        json__tcp(out, ",", endpoint->sums);
    }
    if (report_has(endpoint, SCOPE_UDP)) {
        json__udp(out, ",", endpoint->sums);
    }
    if (report_has(endpoint, SCOPE_OUTBOUND)) {
        json__outbound(out, ",", endpoint->sums);
    }
    json__handler_counters(out, endpoint);
    text_add_string(&out->text, "}");
}

/* ---- The service ---- */

static void json__delays(const struct report *report, struct report_out *out)
{
    json__name(out, ",", "worker_queue_delay");
    text_add_string(&out->text, "[");
    for (uint32_t i = 0; report->delays != NULL && i < report->workers; i++) {
        const struct queue_delay *delay = &report->delays[i];
        text_add_string(&out->text, i > 0 ? "," : "");
        json__number(out, "{", "worker", i);
        json__number(out, ",", "latest_us", delay->latest);
        json__number(out, ",", "longest_us", delay->longest);
        json__number(out, ",", "sum_us", delay->sum);
        json__number(out, ",", "probes", delay->count);
        text_add_string(&out->text, "}");
    }
    text_add_string(&out->text, "]");
}

static void json__config(const struct report *report, struct report_out *out)
{
    json__name(out, ",", "config");
    json__time(out, "{", "loaded", report->loaded);
    json__number(out, ",", "generation", report->generation);
    text_add_string(&out->text, "}");
}

static void json__logs(const struct report *report, struct report_out *out)
{
    json__name(out, ",", "log");
    json__number(out, "{", "lines_dropped", report->log_dropped);
    text_add_string(&out->text, "}");
    json__name(out, ",", "access_log");
    if (report->has_access_log) {
        json__number(out, "{", "lines_dropped", report->access_log_dropped);
        text_add_string(&out->text, "}");
    } else {
        text_add_string(&out->text, "null");
    }
}

static void json__totals(const struct report *report, struct report_out *out)
{
    uint64_t sums[COUNTER_COUNT];
    for (enum counter i = 0; i < COUNTER_COUNT; i++) {
        sums[i] = report_total(report, i);
    }
    json__name(out, ",", "totals");
    json__all(out, sums);
    json__name(out, ",", "unattributed");
    json__all(out, report->nobodys);
}

void report_json(const struct report *report, struct report_out *out)
{
    json__text(out, "{", "version", report->version);
    json__text(out, ",", "state", report_state_name(report->state));
    json__time(out, ",", "time", report->time);
    json__time(out, ",", "started", report->time - (int64_t)(report->uptime / 1000));
    json__number(out, ",", "uptime_seconds", report->uptime / 1000);
    json__number(out, ",", "workers", report->workers);
    json__delays(report, out);
    json__config(report, out);
    json__logs(report, out);
    json__totals(report, out);
    json__name(out, ",", "endpoints");
    text_add_string(&out->text, "[");
    for (size_t i = 0; i < report->endpoint_count; i++) {
        text_add_string(&out->text, i > 0 ? ",\n" : "\n");
        json__endpoint(out, &report->endpoints[i]);
    }
    text_add_string(&out->text, "]}\n");
}
